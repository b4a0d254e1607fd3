/* SPDX-License-Identifier: Apache-2.0
 * network.c - prefixes of addresses and suffixes of names.
 */
#include "network.h"

#include <arpa/inet.h>
#include <string.h>

static const uint8_t mapped[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };

static bool address_read(struct text text, struct network *network)
{
    char terminated[INET6_ADDRSTRLEN];
    if (text.len == 0 || text.len >= sizeof terminated)
        return false;
    memcpy(terminated, text.at, text.len);
    terminated[text.len] = '\0';
    *network = (struct network){ .family = 4 };
    if (inet_pton(AF_INET, terminated, network->address) == 1)
        return true;
    network->family = 6;
    return inet_pton(AF_INET6, terminated, network->address) == 1;
}

static bool bits_read(struct text text, unsigned most, uint8_t *bits)
{
    unsigned value = 0;
    if (text.len == 0 || text.len > 3)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        if (text.at[i] < '0' || text.at[i] > '9')
            return false;
        value = value * 10 + (unsigned)(text.at[i] - '0');
    }
    *bits = (uint8_t)value;
    return value <= most;
}

static bool bit_of(const uint8_t address[16], unsigned bit)
{
    return (address[bit / 8] >> (7 - bit % 8) & 1) != 0;
}

bool network_read(struct text text, struct network *network)
{
    struct text rest = text, address = text_token(&rest, "/");
    bool prefix = address.len < text.len;
    if (!address_read(address, network))
        return false;
    unsigned most = network->family == 4 ? 32 : 128;
    network->bits = (uint8_t)most;
    if (prefix && !bits_read(rest, most, &network->bits))
        return false;
    for (unsigned bit = network->bits; bit < most; bit++)
        if (bit_of(network->address, bit))
            return false;
    return true;
}

static bool prefix_same(const uint8_t *a, const uint8_t *b, unsigned bits)
{
    if (memcmp(a, b, bits / 8) != 0)
        return false;
    unsigned left = bits % 8;
    return left == 0 || (a[bits / 8] ^ b[bits / 8]) >> (8 - left) == 0;
}

/* The IPv4 address inside an IPv6 one. */
static void unmap(uint8_t *family, const uint8_t **address)
{
    if (*family != 6 || memcmp(*address, mapped, sizeof mapped) != 0)
        return;
    *family = 4;
    *address += sizeof mapped;
}

bool network_holds(const struct network *network, uint8_t family, const uint8_t address[16])
{
    const uint8_t *at = address;
    if (network->family == 4)
        unmap(&family, &at);
    return network->family == family && prefix_same(network->address, at, network->bits);
}

bool network_is_loopback(uint8_t family, const uint8_t address[16])
{
    static const uint8_t one[16] = { [15] = 1 };
    const uint8_t *at = address;
    unmap(&family, &at);
    return family == 4 ? at[0] == 127 : memcmp(at, one, sizeof one) == 0;
}

bool host_is_pattern(struct text text)
{
    if (text_starts_nocase(text, TEXT("*.")))
        text = (struct text){ .at = text.at + 2, .len = text.len - 2 };
    bool letter = false, begins = true;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.at[i];
        bool alpha = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        bool inner = alpha || (c >= '0' && c <= '9') || c == '-' || c == '_';
        if (!inner && (c != '.' || begins))
            return false;
        letter = letter || alpha;
        begins = c == '.';
    }
    return text.len > 0 && text.len <= 253 && letter;
}

static struct text without_dot(struct text name)
{
    if (name.len > 0 && name.at[name.len - 1] == '.')
        name.len--;
    return name;
}

bool host_matches(const char *pattern, const char *name)
{
    struct text wanted = without_dot(text_of(pattern)), found = without_dot(text_of(name));
    if (!text_starts_nocase(wanted, TEXT("*.")))
        return found.len > 0 && text_same_nocase(wanted, found);
    size_t suffix = wanted.len - 1; /* with its dot */
    if (found.len <= suffix)
        return false;
    struct text end = { .at = found.at + found.len - suffix, .len = suffix };
    return text_same_nocase(end, (struct text){ .at = wanted.at + 1, .len = suffix });
}
