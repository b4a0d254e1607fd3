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

#include "limits.h"
#include "rings.h"

static inline void batch_empty(struct batch *batch) { batch->count = batch->block.count = 0; }

static inline struct packet *batch_add(struct batch *batch, int64_t time_ns, unsigned shard)
{
    assert_true(batch->count < batch->block.frames_cap);
    struct packet *packet = &batch->packets[batch->count];
    *packet = (struct packet){ .time_ns = time_ns, .clock_ns = time_ns };
    batch->shards[batch->count] = (uint8_t)shard;
    batch->block.count = ++batch->count;
    batch->block.clock_ns = time_ns;
    return packet;
}

#endif
