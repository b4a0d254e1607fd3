/* SPDX-License-Identifier: Apache-2.0
 * reader.h - the one way this project looks at bytes from the wire.
 *
 * A reader is a window on memory it does not own; it is valid for as long as
 * that memory is. A zeroed reader is an empty one. Every read is bounds-checked.
 * The first read that does not fit fails the reader for good: from then on it
 * yields zeros and empty windows, so a decoder reads a whole structure and asks
 * reader_ok() once.
 *
 * Failure passes from a vector to what is read from it, never back up: one
 * malformed extension does not cost its neighbours. The caller decides.
 *
 * Integers are big-endian. Vectors are those of RFC 8446 section 3.4: a length
 * in bytes, then that many bytes.
 */
#ifndef READER_H
#define READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct reader {
    const uint8_t *at; /* next unread byte; may be NULL when left is 0 */
    size_t left;       /* bytes from there to the end of the window */
    bool failed;       /* sticky */
};

static inline struct reader reader_of(const void *data, size_t len)
{
    return (struct reader){ .at = data, .left = len };
}

static inline bool reader_ok(const struct reader *r) { return !r->failed; }
static inline bool reader_more(const struct reader *r) { return r->left > 0; }

/* The next n bytes as a window of their own; an empty, failed one if fewer are left. */
static inline struct reader reader_take(struct reader *r, size_t n)
{
    if (r->failed || n > r->left)
        return *r = (struct reader){ .failed = true };

    struct reader window = { .at = r->at, .left = n };
    if (n > 0) /* C17 does not even allow NULL + 0 */
        r->at += n;
    r->left -= n;
    return window;
}

static inline uint32_t reader_uint(struct reader *r, size_t width)
{
    uint32_t value = 0;
    for (struct reader b = reader_take(r, width); b.left > 0; b.left--)
        value = value << 8 | *b.at++;
    return value;
}

static inline uint8_t reader_u8(struct reader *r) { return (uint8_t)reader_uint(r, 1); }
static inline uint16_t reader_u16(struct reader *r) { return (uint16_t)reader_uint(r, 2); }
static inline uint32_t reader_u24(struct reader *r) { return reader_uint(r, 3); }

static inline struct reader reader_vec8(struct reader *r) { return reader_take(r, reader_u8(r)); }
static inline struct reader reader_vec16(struct reader *r) { return reader_take(r, reader_u16(r)); }
static inline struct reader reader_vec24(struct reader *r) { return reader_take(r, reader_u24(r)); }

#endif
