/* SPDX-License-Identifier: Apache-2.0
 * source_zstd.c - Zstandard (RFC 8878) by libzstd: frames one after another, skippable ones too.
 * Windows above libzstd's default of 128 MiB are refused: a stranger's file would choose our
 * memory.
 */
#include <stdlib.h>
#include <zstd.h>

#include "source.h"

#define STORED_BYTES (64u * 1024u)

struct zstd {
    ZSTD_DStream *stream;
    ZSTD_inBuffer in;
    bool inside; /* of a frame */
    bool full;   /* the last call filled its output: more may come without new input */
    uint8_t stored[STORED_BYTES];
};

static void *zstd_new(void)
{
    struct zstd *zstd = calloc(1, sizeof *zstd);
    if (zstd == NULL)
        return NULL;
    zstd->in.src = zstd->stored;
    zstd->stream = ZSTD_createDStream();
    if (zstd->stream == NULL) {
        free(zstd);
        return NULL;
    }
    return zstd;
}

static void zstd_free(void *state)
{
    struct zstd *zstd = state;
    ZSTD_freeDStream(zstd->stream);
    free(zstd);
}

static ssize_t zstd_read(struct source *source, uint8_t *to, size_t cap)
{
    struct zstd *zstd = source->state;
    ZSTD_outBuffer out = { .dst = to, .size = cap };
    while (out.pos == 0) {
        if (zstd->in.pos == zstd->in.size && !zstd->full) {
            ssize_t n = source_stored(source, zstd->stored, sizeof zstd->stored);
            if (n <= 0) {
                source->unfinished = zstd->inside;
                return n;
            }
            zstd->in.size = (size_t)n;
            zstd->in.pos = 0;
        }
        size_t result = ZSTD_decompressStream(zstd->stream, &out, &zstd->in);
        if (ZSTD_isError(result) != 0) {
            source->error = ZSTD_getErrorName(result);
            source->held = zstd->in.size - zstd->in.pos;
            return -1;
        }
        zstd->inside = result != 0;
        zstd->full = out.pos == out.size;
    }
    return (ssize_t)out.pos;
}

const struct codec codec_zstd = {
    .name = "zstd",
    .new = zstd_new,
    .free = zstd_free,
    .read = zstd_read,
};
