/* SPDX-License-Identifier: Apache-2.0
 * batch.c - see batch.h.
 */
#include "batch.h"

#include <stdlib.h>

#include "pages.h"

bool batch_init(struct batch *batch)
{
    *batch = (struct batch){ .count = 0 };
    if (!block_init(&batch->block))
        return false;
    batch->packets = malloc(batch->block.frames_cap * sizeof *batch->packets);
    batch->shards = malloc(batch->block.frames_cap);
    return batch->packets != NULL && batch->shards != NULL;
}

void batch_free(struct batch *batch)
{
    block_free(&batch->block);
    free(batch->packets);
    free(batch->shards);
}

void batch_rest(struct batch *batch)
{
    block_rest(&batch->block);
    batch->count = 0;
    pages_forget(batch->packets, batch->block.frames_cap * sizeof *batch->packets);
}

void batch_decode(struct batch *batch, struct packet_decoder *decoder, uint64_t hash_key,
                  uint64_t number, struct batch_span *span)
{
    batch->count = 0;
    for (size_t i = 0; i < batch->block.count; i++) {
        const struct frame *frame = &batch->block.frames[i];
        struct packet *packet = &batch->packets[batch->count];
        if (frame->time_ns < span->first_ns)
            span->first_ns = frame->time_ns;
        if (frame->time_ns > span->last_ns)
            span->last_ns = frame->time_ns;
        if (packet_decode(decoder, frame, number, packet) != PACKET_TCP)
            continue;
        batch->shards[batch->count++] = (uint8_t)packet_shard(packet, hash_key);
    }
}
