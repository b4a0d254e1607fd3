/* SPDX-License-Identifier: Apache-2.0
 * batch.c - see batch.h.
 */
#include "batch.h"

#include <stdlib.h>

#include "log.h"

bool batch_init(struct batch *batch)
{
    *batch = (struct batch){ .count = 0 };
    return block_init(&batch->block);
}

void batch_free(struct batch *batch)
{
    block_free(&batch->block);
    free(batch->packets);
    free(batch->shards);
}

static bool room_for(struct batch *batch, size_t frames)
{
    if (frames <= batch->cap)
        return true;
    struct packet *packets = realloc(batch->packets, frames * sizeof *packets);
    if (packets != NULL)
        batch->packets = packets;
    uint8_t *shards = realloc(batch->shards, frames);
    if (shards != NULL)
        batch->shards = shards;
    if (packets == NULL || shards == NULL)
        return false;
    batch->cap = frames;
    return true;
}

bool batch_decode(struct batch *batch, struct packet_decoder *decoder, uint64_t hash_key,
                  uint64_t number, struct batch_span *span)
{
    batch->count = 0;
    if (!room_for(batch, batch->block.count)) {
        log_error("out of memory");
        return false;
    }
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
    return true;
}
