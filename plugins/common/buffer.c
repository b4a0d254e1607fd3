/* SPDX-License-Identifier: Apache-2.0
 * buffer.c - bytes that grow, doubling, up to their maximum.
 */
#include "buffer.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void buffer_init(struct buffer *buffer, size_t most) { *buffer = (struct buffer){ .most = most }; }

void buffer_free(struct buffer *buffer)
{
    free(buffer->bytes);
    buffer_init(buffer, buffer->most);
}

void buffer_clear(struct buffer *buffer)
{
    buffer->len = 0;
    buffer->failed = false;
}

static bool buffer_reserve(struct buffer *buffer, size_t more)
{
    size_t room = buffer->room ? buffer->room : 4096;
    char *bytes;

    if (buffer->failed || more > buffer->most - buffer->len) {
        buffer->failed = true;
        return false;
    }
    if (more <= buffer->room - buffer->len)
        return true;
    while (room < buffer->len + more)
        room *= 2;
    bytes = realloc(buffer->bytes, room);
    if (!bytes) {
        buffer->failed = true;
        return false;
    }
    buffer->bytes = bytes;
    buffer->room = room;
    return true;
}

void buffer_add(struct buffer *buffer, const void *bytes, size_t len)
{
    if (!len || !buffer_reserve(buffer, len))
        return;
    memcpy(buffer->bytes + buffer->len, bytes, len);
    buffer->len += len;
}

void buffer_text(struct buffer *buffer, const char *text)
{
    buffer_add(buffer, text, strlen(text));
}

void buffer_printf(struct buffer *buffer, const char *format, ...)
{
    char text[1024];
    va_list values;
    int len;

    va_start(values, format);
    len = vsnprintf(text, sizeof(text), format, values);
    va_end(values);
    if (len < 0 || (size_t)len >= sizeof(text))
        buffer->failed = true;
    else
        buffer_add(buffer, text, (size_t)len);
}

/* RFC 8259 section 7: the quote, the backslash and control characters must be escaped. */
void buffer_json(struct buffer *buffer, const char *text, size_t len)
{
    size_t from = 0;

    buffer_add(buffer, "\"", 1);
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)text[i];

        if (c >= 0x20 && c != '"' && c != '\\')
            continue;
        buffer_add(buffer, text + from, i - from);
        buffer_printf(buffer, c < 0x20 ? "\\u%04x" : "\\%c", c);
        from = i + 1;
    }
    buffer_add(buffer, text + from, len - from);
    buffer_add(buffer, "\"", 1);
}

void buffer_drop(struct buffer *buffer, size_t len)
{
    if (!len)
        return;
    memmove(buffer->bytes, buffer->bytes + len, buffer->len - len);
    buffer->len -= len;
}
