/* SPDX-License-Identifier: Apache-2.0
 * source_gzip.c - gzip (RFC 1952) by zlib: members one after another, as pigz and log rotation
 * write them. What follows the last member and is no member is left alone, as gzip does.
 */
#include <stdlib.h>
#include <zlib.h>

#include "source.h"

#define STORED_BYTES (64u * 1024u)
#define WINDOW_BITS_GZIP (15 + 16) /* the largest window; 16 asks for the gzip header */

struct gzip {
    z_stream stream;
    bool inside;  /* of a member */
    bool one_end; /* a whole member was read */
    bool over;    /* behind the last member */
    uint8_t stored[STORED_BYTES];
};

static void *gzip_new(void)
{
    struct gzip *gzip = calloc(1, sizeof *gzip);
    if (gzip != NULL && inflateInit2(&gzip->stream, WINDOW_BITS_GZIP) != Z_OK) {
        free(gzip);
        return NULL;
    }
    return gzip;
}

static void gzip_free(void *state)
{
    struct gzip *gzip = state;
    inflateEnd(&gzip->stream);
    free(gzip);
}

/* One step of zlib. False: the data is damaged. */
static bool inflate_some(struct gzip *gzip)
{
    int result = inflate(&gzip->stream, Z_NO_FLUSH);
    if (result == Z_STREAM_END) {
        gzip->inside = false;
        gzip->one_end = true;
        return inflateReset(&gzip->stream) == Z_OK;
    }
    if (result == Z_OK || result == Z_BUF_ERROR) {
        gzip->inside = true;
        return true;
    }
    gzip->over = gzip->one_end && result == Z_DATA_ERROR && gzip->stream.total_out == 0;
    return gzip->over;
}

static ssize_t gzip_read(struct source *source, uint8_t *to, size_t cap)
{
    struct gzip *gzip = source->state;
    gzip->stream.next_out = to;
    gzip->stream.avail_out = (uInt)cap;
    while (gzip->stream.avail_out == cap && !gzip->over) {
        if (gzip->stream.avail_in == 0) {
            ssize_t n = source_stored(source, gzip->stored, sizeof gzip->stored);
            if (n <= 0) {
                source->unfinished = gzip->inside;
                return n;
            }
            gzip->stream.next_in = gzip->stored;
            gzip->stream.avail_in = (uInt)n;
        }
        if (!inflate_some(gzip) && gzip->stream.avail_out == cap) {
            source->error = "the gzip data is damaged";
            source->held = gzip->stream.avail_in;
            return -1;
        }
    }
    return (ssize_t)(cap - gzip->stream.avail_out);
}

const struct codec codec_gzip = {
    .name = "gzip",
    .new = gzip_new,
    .free = gzip_free,
    .read = gzip_read,
};
