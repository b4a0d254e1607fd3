/* SPDX-License-Identifier: Apache-2.0
 * gzip.c - a body compressed by zlib.
 */
#include <string.h>

#include <zlib.h>

#include "http.h"

#define GZIP_WINDOW (15 + 16) /* zlib: 16 more means a gzip header */

bool http_gzip(const struct buffer *body, struct buffer *out)
{
    z_stream stream = { .next_in = (unsigned char *)body->bytes, .avail_in = (uInt)body->len };
    unsigned char bytes[65536];
    int result;

    buffer_clear(out);
    /* The fastest level: the wire is seldom the limit, and JSON shrinks to a tenth anyway. */
    if (deflateInit2(&stream, 1, Z_DEFLATED, GZIP_WINDOW, 8, Z_DEFAULT_STRATEGY) != Z_OK)
        return false;
    do {
        stream.next_out = bytes;
        stream.avail_out = sizeof(bytes);
        result = deflate(&stream, Z_FINISH);
        buffer_add(out, bytes, sizeof(bytes) - stream.avail_out);
    } while (result == Z_OK);
    deflateEnd(&stream);
    return result == Z_STREAM_END && !out->failed;
}
