/* SPDX-License-Identifier: Apache-2.0
 * pieces.h - parses the input whole and in pieces: both must give the same frames, each of them
 * inside the window it was parsed from.
 */
#ifndef PIECES_H
#define PIECES_H

#include <stdlib.h>
#include <string.h>

#include "format.h"

struct sum {
    uint64_t frames, skipped, damaged, secrets, hash;
    bool broken, between;
};

static inline void sum_mix(struct sum *sum, uint64_t value)
{
    sum->hash = (sum->hash ^ value) * UINT64_C(0x100000001b3);
}

static inline void sum_frame(struct sum *sum, const struct frame *frame, const uint8_t *window,
                             size_t window_len)
{
    size_t at = (size_t)(frame->data - window);
    if (frame->captured > LIMIT_FRAME_BYTES || frame->wire < frame->captured || at > window_len ||
        frame->captured > window_len - at)
        __builtin_trap();
    sum->frames++;
    sum_mix(sum, (uint64_t)frame->time_ns);
    sum_mix(sum, frame->number);
    sum_mix(sum, (uint64_t)frame->captured << 32 | frame->link_type);
    sum_mix(sum, (uint64_t)frame->wire << 32 | frame->interface);
    for (uint32_t i = 0; i < frame->captured; i++)
        sum_mix(sum, frame->data[i]);
}

static inline struct sum sum_of(bool (*init)(struct parser *, struct reader), const uint8_t *data,
                                size_t size, size_t piece)
{
    struct sum sum = { 0 };
    struct parser parser = { 0 };
    if (!init(&parser, reader_of(data, size)))
        return sum;

    size_t taken = 0;
    for (size_t end = 0;; end = size - end < piece ? size : end + piece) {
        size_t len = end - taken;
        uint8_t *exact = malloc(len + 1);
        memcpy(exact, data + taken, len);
        struct reader window = reader_of(exact, len);
        for (enum parsed parsed = PARSED_OTHER; parsed != PARSED_MORE && !sum.broken;) {
            struct frame frame;
            size_t before = window.left;
            parsed = parser_next(&parser, &window, &frame);
            bool took = window.left < before;
            if (took == (parsed == PARSED_MORE || parsed == PARSED_BROKEN))
                __builtin_trap(); /* it would never end, or it lost something */
            if (parsed == PARSED_FRAME)
                sum_frame(&sum, &frame, exact, len);
            sum.skipped += parsed == PARSED_SKIPPED;
            sum.damaged += parsed == PARSED_DAMAGED;
            sum.secrets += parsed == PARSED_SECRETS ? parser.secrets.left : 0;
            sum.broken = parsed == PARSED_BROKEN;
        }
        taken = end - window.left;
        free(exact);
        if (end == size || sum.broken)
            break;
    }
    sum.between = taken == size && parser_between(&parser);
    parser_free(&parser);
    return sum;
}

static inline int pieces_compare(bool (*init)(struct parser *, struct reader), const uint8_t *data,
                                 size_t size)
{
    struct sum whole = sum_of(init, data, size, size);
    struct sum pieces = sum_of(init, data, size, 1 + size / 7);
    if (memcmp(&whole, &pieces, offsetof(struct sum, broken)) != 0 ||
        whole.broken != pieces.broken || whole.between != pieces.between)
        __builtin_trap();
    return 0;
}

#endif
