/* SPDX-License-Identifier: Apache-2.0
 * batch.h - a block of frames with the TCP segments that were found in it.
 *
 * Used again and again. Its memory is asked for once, for a full block; the system gives pages of
 * it as far as blocks are filled.
 */
#ifndef BATCH_H
#define BATCH_H

#include "flow.h"

struct batch {
    struct block block;
    struct packet *packets; /* count of them; payloads lie in the block or with the decoder */
    uint8_t *shards;        /* of each packet */
    size_t count;           /* at most block.frames_cap */
};

struct batch_span { /* the times of all frames so far */
    int64_t first_ns, last_ns;
};
#define BATCH_NO_SPAN                                                                              \
    {                                                                                              \
        INT64_MAX, INT64_MIN                                                                       \
    }

bool batch_init(struct batch *batch); /* false: out of memory; free it nevertheless */
void batch_free(struct batch *batch);

/* It is not needed for now: its pages go back to the system. Empty afterwards. */
void batch_rest(struct batch *batch);

/* Decodes all frames of the block. `number` is what packet_decoder_release() goes by; the span
 * grows by their times. */
void batch_decode(struct batch *batch, struct packet_decoder *decoder, uint64_t hash_key,
                  uint64_t number, struct batch_span *span);

#endif
