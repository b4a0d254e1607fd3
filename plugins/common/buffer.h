/* SPDX-License-Identifier: Apache-2.0
 * buffer.h - bytes that grow up to a maximum given at birth.
 *
 * The first that does not fit, or no memory, fails the buffer for good; who fills it tests once.
 */
#ifndef BUFFER_H
#define BUFFER_H

#include <stdbool.h>
#include <stddef.h>

struct buffer {
    char *bytes;
    size_t len, room, most;
    bool failed;
};

void buffer_init(struct buffer *buffer, size_t most);
void buffer_free(struct buffer *buffer);
/* Empty and not failed again; the memory is kept. */
void buffer_clear(struct buffer *buffer);
void buffer_add(struct buffer *buffer, const void *bytes, size_t len);
void buffer_text(struct buffer *buffer, const char *text);
void buffer_printf(struct buffer *buffer, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* The text as a JSON string with its quotes; bytes of it that are valid UTF-8 stay as they are. */
void buffer_json(struct buffer *buffer, const char *text, size_t len);
/* Takes the first `len` bytes away. */
void buffer_drop(struct buffer *buffer, size_t len);

#endif
