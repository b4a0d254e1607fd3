/* SPDX-License-Identifier: Apache-2.0
 * json_escape.c - text as the inside of a JSON string, eight bytes at a time where nothing needs an
 * escape.
 */
#include "json_escape.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* Bytes that stand in a JSON text as they are; clean texts have no others but '"' and '\\' and
 * those of UTF-8. */
static bool is_plain(unsigned char c) { return c >= 0x20 && c != '"' && c != '\\'; }

/* RFC 8259 section 7, with the short forms that json-c uses. */
static char *put_escape(char *at, unsigned char c)
{
    static const char shorts[] = "\"\"\\\\\bb\ff\nn\rr\tt";
    static const char digits[] = "0123456789abcdef";
    *at++ = '\\';
    for (const char *pair = shorts; *pair != '\0'; pair += 2)
        if ((unsigned char)*pair == c) {
            *at++ = pair[1];
            return at;
        }
    memcpy(at, "u00", 3);
    at[3] = digits[c >> 4];
    at[4] = digits[c & 15];
    return at + 5;
}

/* A byte of the word that is below 0x20, a quote or a backslash sets its highest bit (and those
 * above it may be set wrongly, which only costs a slower look). */
static uint64_t special_bytes(uint64_t word)
{
    const uint64_t ones = UINT64_C(0x0101010101010101), tops = ones << 7;
    uint64_t quote = word ^ ones * '"', slash = word ^ ones * '\\';
    return ((word - ones * 0x20) | ((quote - ones) & ~quote) | ((slash - ones) & ~slash)) & tops;
}

/* The last few bytes are copied with some before them once more, so that they too go by eights. */
char *json_escape(char *at, const char *text, size_t len)
{
    enum { WORD = sizeof(uint64_t) };
    size_t run = 0; /* bytes before `text` that went as they are */
    uint64_t word;
    while (len > 0) {
        for (; len >= WORD; len -= WORD, run += WORD) {
            memcpy(&word, text, WORD);
            if ((special_bytes(word) & ~word) != 0)
                break;
            memcpy(at, &word, WORD);
            at += WORD;
            text += WORD;
        }
        if (len > 0 && len < WORD && run >= WORD - len) {
            memcpy(&word, text - (WORD - len), WORD);
            if ((special_bytes(word) & ~word) == 0) {
                memcpy(at - (WORD - len), &word, WORD);
                return at + len;
            }
        }
        for (size_t i = 0; i < WORD && len > 0; i++, len--, text++) {
            bool plain = is_plain((unsigned char)*text);
            run = plain ? run + 1 : 0;
            if (plain)
                *at++ = *text;
            else
                at = put_escape(at, (unsigned char)*text);
        }
    }
    return at;
}
