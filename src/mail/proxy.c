/* SPDX-License-Identifier: Apache-2.0
 * proxy.c - the PROXY protocol in front of a dialogue: version 1 is a line of text, version 2
 * binary (HAProxy's proxy-protocol.txt, sections 2.1 and 2.2).
 */
#include "mail.h"

#include <string.h>

static const uint8_t signature[] = { 0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d,
                                     0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a };

enum { LINE_MAX_V1 = 107 };

static bool starts(struct reader bytes, const void *with, size_t len)
{
    size_t have = bytes.left < len ? bytes.left : len;
    struct reader begin = reader_take(&bytes, have);
    return begin.at != NULL && have > 0 && memcmp(begin.at, with, have) == 0;
}

static bool is_address(struct text text)
{
    for (size_t i = 0; i < text.len; i++)
        if (text.at[i] == '\0' || strchr("0123456789abcdefABCDEF.:", text.at[i]) == NULL)
            return false;
    return text.len > 0 && text.len <= 45;
}

static uint16_t port_of(struct text text)
{
    uint32_t value = 0;
    for (size_t i = 0; i < text.len && value <= UINT16_MAX; i++) {
        if (text.at[i] < '0' || text.at[i] > '9')
            return 0;
        value = value * 10 + (uint32_t)(text.at[i] - '0');
    }
    return value <= UINT16_MAX ? (uint16_t)value : 0;
}

/* "PROXY TCP4 source destination port port" CRLF, or "PROXY UNKNOWN …" */
static size_t text_header(struct reader client, struct text *address, uint16_t *port,
                          struct arena *arena)
{
    size_t len = client.left < LINE_MAX_V1 ? client.left : LINE_MAX_V1;
    const uint8_t *lf = memchr(client.at, '\n', len);
    if (lf == NULL)
        return client.left < LINE_MAX_V1 ? SIZE_MAX : 0;
    size_t taken = (size_t)(lf - client.at) + 1;
    struct reader line = reader_take(&client, taken - 1);
    struct text rest = text_of_reader(&line);
    if (rest.len > 0 && rest.at[rest.len - 1] == '\r')
        rest.len--;

    text_token(&rest, " ");
    struct text family = text_token(&rest, " "), source = text_token(&rest, " ");
    text_token(&rest, " ");
    struct text source_port = text_token(&rest, " ");
    bool known = text_same(family, TEXT("TCP4")) || text_same(family, TEXT("TCP6"));
    if (!known && !text_same(family, TEXT("UNKNOWN")))
        return 0;
    if (known && is_address(source)) {
        *address = arena_text(arena, source);
        *port = port_of(source_port);
    }
    return taken;
}

static struct text printed4(struct reader bytes, struct arena *arena)
{
    char out[16];
    size_t len = 0;
    for (int i = 0; i < 4; i++) {
        unsigned value = reader_u8(&bytes);
        if (i > 0)
            out[len++] = '.';
        if (value >= 100)
            out[len++] = (char)('0' + value / 100);
        if (value >= 10)
            out[len++] = (char)('0' + value / 10 % 10);
        out[len++] = (char)('0' + value % 10);
    }
    return arena_text(arena, (struct text){ .at = out, .len = len });
}

/* RFC 5952 section 4: the longest run of two or more zero groups, the first if equal, is "::". */
static struct text printed6(struct reader bytes, struct arena *arena)
{
    char out[40];
    uint16_t groups[8];
    size_t len = 0, best = 8, best_len = 1;
    for (size_t i = 0; i < 8; i++)
        groups[i] = reader_u16(&bytes);
    for (size_t i = 0; i < 8; i++) {
        size_t run = 0;
        while (i + run < 8 && groups[i + run] == 0)
            run++;
        if (run > best_len) {
            best = i;
            best_len = run;
        }
    }
    for (size_t i = 0; i < 8; i++) {
        if (i == best) {
            out[len++] = ':';
            if (i + best_len == 8)
                out[len++] = ':';
            i += best_len - 1;
            continue;
        }
        if (i > 0)
            out[len++] = ':';
        bool started = false;
        for (int shift = 12; shift >= 0; shift -= 4) {
            unsigned digit = (unsigned)groups[i] >> shift & 15u;
            started = started || digit != 0 || shift == 0;
            if (started)
                out[len++] = "0123456789abcdef"[digit];
        }
    }
    return arena_text(arena, (struct text){ .at = out, .len = len });
}

static size_t binary_header(struct reader client, struct text *address, uint16_t *port,
                            struct arena *arena)
{
    enum { TCP4 = 0x11, TCP6 = 0x21, PROXIED = 0x21 };
    struct reader bytes = client;
    reader_take(&bytes, sizeof signature);
    uint8_t command = reader_u8(&bytes), family = reader_u8(&bytes);
    if (reader_ok(&bytes) && command >> 4 != 2)
        return 0;
    struct reader body = reader_vec16(&bytes);
    if (!reader_ok(&bytes))
        return SIZE_MAX;

    size_t width = family == TCP4 ? 4 : family == TCP6 ? 16 : 0;
    struct reader source = reader_take(&body, width);
    reader_take(&body, width);
    uint16_t source_port = reader_u16(&body);
    if (command == PROXIED && width > 0 && reader_ok(&body)) {
        *address = width == 4 ? printed4(source, arena) : printed6(source, arena);
        *port = source_port;
    }
    return client.left - bytes.left;
}

size_t mail_proxy_header(struct reader client, struct text *address, uint16_t *port,
                         struct arena *arena)
{
    static const char word[] = "PROXY ";
    if (starts(client, signature, sizeof signature))
        return client.left < sizeof signature ? SIZE_MAX
                                              : binary_header(client, address, port, arena);
    if (starts(client, word, sizeof word - 1))
        return client.left < sizeof word - 1 ? SIZE_MAX : text_header(client, address, port, arena);
    return 0;
}
