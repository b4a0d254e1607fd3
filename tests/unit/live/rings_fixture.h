/* SPDX-License-Identifier: Apache-2.0
 * rings_fixture.h - readers without sockets: batches of packets that have a time and a shard.
 */
#ifndef RINGS_FIXTURE_H
#define RINGS_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "limits.h"
#include "rings.h"

/* Makes room as batch_decode() would. */
static inline void batch_reserve(struct batch *batch, size_t count)
{
    if (count <= batch->cap)
        return;
    batch->packets = realloc(batch->packets, count * sizeof *batch->packets);
    batch->shards = realloc(batch->shards, count);
    assert_non_null(batch->packets);
    assert_non_null(batch->shards);
    batch->cap = count;
}

static inline void batch_empty(struct batch *batch) { batch->count = batch->block.count = 0; }

static inline struct packet *batch_add(struct batch *batch, int64_t time_ns, unsigned shard)
{
    batch_reserve(batch, batch->count + 1);
    struct packet *packet = &batch->packets[batch->count];
    *packet = (struct packet){ .time_ns = time_ns, .clock_ns = time_ns };
    batch->shards[batch->count] = (uint8_t)shard;
    batch->block.count = ++batch->count;
    batch->block.clock_ns = time_ns;
    return packet;
}

#endif
