/* SPDX-License-Identifier: Apache-2.0
 * collected.h - all frames of a run as one text, so that a test can show the order it wants.
 * To be included behind cmocka.h.
 */
#ifndef COLLECTED_H
#define COLLECTED_H

#include <stdio.h>
#include <string.h>

#include "capture.h"
#include "made.h"

#define COLLECTED_BYTES ((size_t)1 << 16)

struct collected {
    char text[COLLECTED_BYTES]; /* "name:number@seconds " for each frame */
    size_t len;
    uint64_t frames, blocks;
    bool wrong; /* a frame's bytes, the clock, or the block's number are not what they must be */
};

static inline void collect_block(const struct capture *capture, const struct block *block,
                                 struct collected *out)
{
    int64_t clock_ns = INT64_MIN;
    out->wrong = out->wrong || block->count == 0 || block->sequence != out->blocks;
    for (size_t i = 0; i < block->count; i++) {
        const struct frame *frame = &block->frames[i];
        for (uint32_t b = 0; b < frame->captured; b++)
            out->wrong = out->wrong || frame->data[b] != (uint8_t)(frame->time_ns / 1000000000);
        out->wrong = out->wrong || frame->data < block->bytes ||
                     frame->data + frame->captured > block->bytes + block->used;
        if (frame->time_ns > clock_ns)
            clock_ns = frame->time_ns;
        if (out->len < COLLECTED_BYTES - 100)
            out->len += (size_t)snprintf(
                out->text + out->len, 100, "%s:%llu@%lld ", capture_file_name(capture, frame->file),
                (unsigned long long)frame->number, (long long)(frame->time_ns / 1000000000));
    }
    out->wrong = out->wrong || clock_ns > block->clock_ns;
    out->frames += block->count;
    out->blocks++;
}

/* Reads all with two blocks in turn, and looks at each only when the next one is filled: what its
 * frames point to must still be there. */
static inline void collect(struct capture *capture, struct collected *out)
{
    struct block blocks[2];
    *out = (struct collected){ .wrong = !block_init(&blocks[0]) || !block_init(&blocks[1]) };
    size_t filled = 0;
    while (capture_fill(capture, &blocks[filled % 2])) {
        if (filled > 0)
            collect_block(capture, &blocks[(filled - 1) % 2], out);
        filled++;
    }
    if (filled > 0) /* the last call that failed was given the other block */
        collect_block(capture, &blocks[(filled - 1) % 2], out);
    block_free(&blocks[0]);
    block_free(&blocks[1]);
}

/* Reads the paths to the end; true if the run failed. What was said is in *said. */
static inline bool run(const char *const *paths, size_t count,
                       const struct capture_options *options, struct collected *out,
                       struct capture_counters *counters, const char **said)
{
    said_begin();
    struct capture *capture = capture_open(paths, count, options);
    if (capture != NULL)
        collect(capture, out);
    *said = said_end();
    assert_non_null(capture);
    bool failed = capture_failed(capture);
    *counters = capture_counters(capture);
    capture_close(capture);
    assert_false(out->wrong);
    return failed;
}

#endif
