/* SPDX-License-Identifier: Apache-2.0
 * text.c - comparing, cutting, cleaning and encoding texts.
 */
#include "text.h"

#include <string.h>

struct text text_of(const char *terminated)
{
    return (struct text){ .at = terminated, .len = terminated == NULL ? 0 : strlen(terminated) };
}

struct text text_of_reader(const struct reader *reader)
{
    return (struct text){ .at = (const char *)reader->at, .len = reader->left };
}

bool text_same(struct text a, struct text b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.at, b.at, a.len) == 0);
}

static char lower(char c) { return (char)(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c); }

bool text_starts_nocase(struct text text, struct text with)
{
    if (text.len < with.len)
        return false;
    for (size_t i = 0; i < with.len; i++)
        if (lower(text.at[i]) != lower(with.at[i]))
            return false;
    return true;
}

bool text_same_nocase(struct text a, struct text b)
{
    return a.len == b.len && text_starts_nocase(a, b);
}

struct text text_token(struct text *rest, const char *stops)
{
    struct text token = { .at = rest->at };
    if (stops[0] != '\0' && stops[1] == '\0' && rest->len > 0) {
        const char *stop = memchr(rest->at, stops[0], rest->len);
        token.len = stop != NULL ? (size_t)(stop - rest->at) : rest->len;
    }
    while (token.len < rest->len &&
           (rest->at[token.len] == '\0' || strchr(stops, rest->at[token.len]) == NULL))
        token.len++;
    size_t taken = token.len < rest->len ? token.len + 1 : token.len;
    if (taken > 0) {
        rest->at += taken;
        rest->len -= taken;
    }
    return token;
}

struct text text_trim(struct text text)
{
    while (text.len > 0 && (*text.at == ' ' || *text.at == '\t')) {
        text.at++;
        text.len--;
    }
    while (text.len > 0 && (text.at[text.len - 1] == ' ' || text.at[text.len - 1] == '\t'))
        text.len--;
    return text;
}

/* The length of the well-formed UTF-8 character (Unicode 15, table 3-7) at the start; 0 if there is
 * none. */
static size_t utf8_character(const unsigned char *at, size_t left)
{
    unsigned char c = at[0];
    if (c < 0x80)
        return 1;
    size_t len = c >= 0xc2 && c <= 0xdf   ? 2
                 : (c & 0xf0) == 0xe0     ? 3
                 : c >= 0xf0 && c <= 0xf4 ? 4
                                          : 0;
    if (len == 0 || len > left)
        return 0;
    unsigned char low = c == 0xe0 ? 0xa0 : c == 0xf0 ? 0x90 : 0x80;
    unsigned char high = c == 0xed ? 0x9f : c == 0xf4 ? 0x8f : 0xbf;
    if (at[1] < low || at[1] > high)
        return 0;
    for (size_t i = 2; i < len; i++)
        if ((at[i] & 0xc0) != 0x80)
            return 0;
    return len;
}

/* Characters that turn the direction of what follows (Unicode 15, table 9-2): a name could pretend
 * to be another. */
static bool turns_direction(const unsigned char *at, size_t len)
{
    if (len != 3 || at[0] != 0xe2)
        return false;
    return (at[1] == 0x80 &&
            (at[2] == 0x8e || at[2] == 0x8f || (at[2] >= 0xaa && at[2] <= 0xae))) ||
           (at[1] == 0x81 && at[2] >= 0xa6 && at[2] <= 0xa9);
}

size_t text_clean(struct text text, char *out, size_t cap)
{
    static const char replacement[] = "\xef\xbf\xbd"; /* U+FFFD */
    const unsigned char *at = (const unsigned char *)text.at;
    size_t used = 0;

    for (size_t i = 0; i < text.len;) {
        if (at[i] >= 0x20 && at[i] < 0x7f && used + 1 < cap) { /* nearly all */
            out[used++] = text.at[i++];
            continue;
        }
        size_t len = utf8_character(at + i, text.len - i);
        bool control = len == 1 && (at[i] < 0x20 || at[i] == 0x7f);
        bool c1 = len == 2 && at[i] == 0xc2 && at[i + 1] < 0xa0; /* U+0080 to U+009F */
        bool keep = len > 0 && !control && !c1 && !turns_direction(at + i, len);
        const void *from = keep ? (const void *)(at + i) : replacement;
        size_t size = keep ? len : sizeof replacement - 1;
        if (used + size + 1 > cap)
            break;
        memcpy(out + used, from, size);
        used += size;
        i += len > 0 ? len : 1;
    }
    if (cap > 0)
        out[used] = '\0';
    return used;
}

/* Printable ASCII, eight at a time. */
bool text_is_clean(struct text text)
{
    const uint64_t ones = UINT64_C(0x0101010101010101), tops = ones << 7;
    size_t i = 0;
    for (uint64_t word; i + sizeof word <= text.len; i += sizeof word) {
        memcpy(&word, text.at + i, sizeof word);
        uint64_t above = word + ones; /* 0x7f becomes 0x80; no carry as long as no byte is 0xff */
        if (((word | above | (word - ones * 0x20)) & tops) != 0)
            return false;
    }
    for (; i < text.len; i++)
        if (text.at[i] < 0x20 || text.at[i] > 0x7e)
            return false;
    return true;
}

size_t text_append(char *out, size_t cap, size_t used, const char *words)
{
    size_t len = strlen(words), room = cap - used - 1;
    if (len > room)
        len = room;
    memcpy(out + used, words, len);
    out[used + len] = '\0';
    return used + len;
}

size_t text_append_number(char *out, size_t cap, size_t used, uint64_t number)
{
    char digits[21];
    size_t first = sizeof digits - 1;
    digits[first] = '\0';
    do
        digits[--first] = (char)('0' + number % 10);
    while ((number /= 10) > 0);
    return text_append(out, cap, used, digits + first);
}

static void hex(const uint8_t *bytes, size_t len, char *out, const char *digits)
{
    for (size_t i = 0; i < len; i++) {
        *out++ = digits[bytes[i] >> 4];
        *out++ = digits[bytes[i] & 15];
    }
    *out = '\0';
}

void text_hex(const uint8_t *bytes, size_t len, char *out)
{
    hex(bytes, len, out, "0123456789abcdef");
}

void text_hex_upper(const uint8_t *bytes, size_t len, char *out)
{
    hex(bytes, len, out, "0123456789ABCDEF");
}

/* Groups of `bits` bits, most significant first; the last one is filled with zeros. Returns the
 * end. */
static char *groups(const uint8_t *bytes, size_t len, unsigned bits, const char *alphabet,
                    char *out)
{
    unsigned value = 0, have = 0;
    for (size_t i = 0; i < len; i++) {
        value = (value << 8 | bytes[i]) & 0xffff;
        for (have += 8; have >= bits; have -= bits)
            *out++ = alphabet[value >> (have - bits) & ((1u << bits) - 1)];
    }
    if (have > 0)
        *out++ = alphabet[value << (bits - have) & ((1u << bits) - 1)];
    *out = '\0';
    return out;
}

void text_base32(const uint8_t *bytes, size_t len, char *out)
{
    groups(bytes, len, 5, "abcdefghijklmnopqrstuvwxyz234567", out);
}

void text_base64(const uint8_t *bytes, size_t len, char *out)
{
    out = groups(bytes, len, 6, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/",
                 out);
    for (; len % 3 != 0; len++)
        *out++ = '=';
    *out = '\0';
}
