/* SPDX-License-Identifier: Apache-2.0
 * kernel_filter.c - the filter that the kernel applies, as an expression.
 *
 * It lets too much through rather than too little: only what can hold no TCP, however it is opened,
 * is left out. The tables say what src/packet opens; a test there holds them against its decoder.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "filter.h"

/* EtherTypes behind which IP may come, other than IP's own. */
static const unsigned ether_types[] = {
    0x8100, 0x88a8, 0x9100, 0x9200, /* tags behind the one that the kernel took off */
    0x8847, 0x8848, 0x8864, 0x88e7, 0x880b, 0x6558, 0x22eb,
};
/* What IP may carry, TCP and UDP apart; the second table is of headers that only IPv6 has. */
static const unsigned protocols[] = { 4, 41, 47, 51, 137 };
static const unsigned ipv6_headers[] = { 0, 43, 44, 60, 135 };

static const struct tunnel_port {
    unsigned number;
    bool both; /* answers come from it too */
} tunnel_ports[] = {
    { 4789, false }, { 8472, false }, { 4790, false }, { 6081, false },
    { 2152, true },  { 3544, true },  { 4754, false }, { 1701, true },
};

#define COUNT(table) (sizeof(table) / sizeof(table)[0])
/* Longer than what the tables, a filter and LIMIT_CONFIG_PORTS ports give. */
#define TEXT_MAX ((size_t)64 * 1024)
#define FRAGMENT "ip[6:2] & 0x3fff != 0"

struct text_out {
    char *at;
    size_t len;
};

__attribute__((format(printf, 2, 3))) static void put(struct text_out *out, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int n = vsnprintf(out->at + out->len, TEXT_MAX - out->len, format, arguments);
    va_end(arguments);
    if (n > 0)
        out->len += (size_t)n < TEXT_MAX - out->len ? (size_t)n : TEXT_MAX - out->len - 1;
}

static void put_ip(struct text_out *out, const struct kernel_filter *want)
{
    put(out, FRAGMENT);
    for (size_t i = 0; i < COUNT(protocols); i++)
        put(out, " or ip[9] = %u or ip6[6] = %u", protocols[i], protocols[i]);
    for (size_t i = 0; i < COUNT(ipv6_headers); i++)
        put(out, " or ip6[6] = %u", ipv6_headers[i]);
    for (size_t i = 0; i < COUNT(tunnel_ports); i++)
        put(out, " or udp %sport %u", tunnel_ports[i].both ? "" : "dst ", tunnel_ports[i].number);
    if (want->port_count == 0)
        put(out, " or ip[9] = 6 or ip6[6] = 6");
    for (size_t i = 0; i < want->port_count; i++)
        put(out, " or tcp port %u", (unsigned)want->ports[i]);
}

/* What the user's filter cannot judge here: tags that are still there, and fragments. */
static void put_user(struct text_out *out, const char *filter, bool typed)
{
    /* Words take their sense from those before them, but none from a comparison. */
    put(out, "((len >= 0 and (%s)) or " FRAGMENT, filter);
    for (size_t i = 0; i < COUNT(ipv6_headers); i++)
        put(out, " or ip6[6] = %u", ipv6_headers[i]);
    put(out, " or ip6[6] = 51");
    for (size_t i = 0; typed && i < 4; i++)
        put(out, " or ether proto %u", ether_types[i]);
    put(out, ") and ");
}

char *kernel_filter_text(uint16_t link_type, const struct kernel_filter *want)
{
    /* IEEE 802.2 with one of the two kinds of IP in it. */
    static const struct {
        uint16_t link_type;
        const char *llc;
    } links[] = {
        { 1, "ether[12:2] <= 1500 and (ether[14:2] = 0xaaaa or ether[14:2] = 0x0606)" },
        { 113, "link[14:2] = 4" },
        { 101, NULL },
    };
    size_t i = 0;
    while (i < COUNT(links) && links[i].link_type != link_type)
        i++;
    if (i == COUNT(links))
        return NULL;
    struct text_out out = { .at = malloc(TEXT_MAX) };
    if (out.at == NULL)
        return NULL;

    bool typed = links[i].llc != NULL;
    if (want->filter != NULL && !filter_speaks_of_tags(want->filter))
        put_user(&out, want->filter, typed);
    put(&out, "(");
    put_ip(&out, want);
    for (size_t t = 0; typed && t < COUNT(ether_types); t++)
        put(&out, " or ether proto %u", ether_types[t]);
    if (typed)
        put(&out, " or (%s)", links[i].llc);
    put(&out, ")");
    if (out.len == TEXT_MAX - 1) { /* cut off */
        free(out.at);
        return NULL;
    }
    return out.at;
}
