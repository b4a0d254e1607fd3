/* SPDX-License-Identifier: Apache-2.0
 * text.h - a run of characters with its length, not terminated and not necessarily ASCII.
 *
 * Texts from the wire are hostile: they pass through text_clean() before they are logged or
 * written.
 */
#ifndef TEXT_H
#define TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "reader.h"

struct text {
    const char *at; /* NULL when there is none; borrowed unless the holder says otherwise */
    size_t len;
};

#define TEXT(literal) ((struct text){ .at = (literal), .len = sizeof(literal) - 1 })

struct text text_of(const char *terminated); /* NULL gives an empty text */
struct text text_of_reader(const struct reader *reader);

bool text_same(struct text a, struct text b);
bool text_same_nocase(struct text a, struct text b); /* ASCII letters only */
bool text_starts_nocase(struct text text, struct text with);

/* Takes the run up to the first byte of `stops`, and moves past it and past that one stop byte. */
struct text text_token(struct text *rest, const char *stops);
struct text text_trim(struct text text); /* without spaces and tabs at both ends */

/* Writes `text` as printable UTF-8 to out (cap bytes, always terminated) and returns the bytes
 * written without the terminator. Valid UTF-8 stays; every other byte, each control character,
 * and each that turns the direction of writing, becomes U+FFFD. What does not fit is cut at a
 * character's border. */
size_t text_clean(struct text text, char *out, size_t cap);

/* Whether text_clean() would leave it as it is; may say no to some that it would. */
bool text_is_clean(struct text text);

/* For lines of known parts, where printf costs more than all else: appends to the text of `used`
 * bytes in out and returns the bytes then used. What does not fit is cut; always terminated. */
size_t text_append(char *out, size_t cap, size_t used, const char *words);
size_t text_append_number(char *out, size_t cap, size_t used, uint64_t number);

/* Lower-case hex of len bytes; out needs 2 * len + 1. */
void text_hex(const uint8_t *bytes, size_t len, char *out);
void text_hex_upper(const uint8_t *bytes, size_t len, char *out);

/* Base32 (RFC 4648 section 6, lower case, no padding); out needs 8 * ceil(len / 5) + 1. */
void text_base32(const uint8_t *bytes, size_t len, char *out);
/* Base64 (RFC 4648 section 4); out needs 4 * ceil(len / 3) + 1. */
void text_base64(const uint8_t *bytes, size_t len, char *out);

#endif
