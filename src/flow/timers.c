/* SPDX-License-Identifier: Apache-2.0
 * timers.c - a binary heap of the few flows that wait for an instant of their own (a hole, a
 * consumer's timer). Idle timeouts need none: the lists of the table are ordered by activity. Equal
 * instants fire in the order of the flows' numbers.
 */
#include <stdlib.h>

#include "flow_state.h"

static bool before(const struct flow *a, const struct flow *b)
{
    return a->timer_ns != b->timer_ns ? a->timer_ns < b->timer_ns
                                      : a->entry.number < b->entry.number;
}

static void place(struct shard *shard, size_t index, struct flow *flow)
{
    shard->heap[index] = flow;
    flow->heap_index = index;
}

static void sift(struct shard *shard, size_t index)
{
    struct flow *flow = shard->heap[index];
    while (index > 1 && before(flow, shard->heap[index / 2])) {
        place(shard, index, shard->heap[index / 2]);
        index /= 2;
    }
    for (;;) {
        size_t child = index * 2;
        if (child > shard->heap_count)
            break;
        if (child < shard->heap_count && before(shard->heap[child + 1], shard->heap[child]))
            child++;
        if (!before(shard->heap[child], flow))
            break;
        place(shard, index, shard->heap[child]);
        index = child;
    }
    place(shard, index, flow);
}

static bool room(struct shard *shard)
{
    if (shard->heap_count + 1 < shard->heap_cap)
        return true;
    size_t cap = shard->heap_cap == 0 ? 64 : shard->heap_cap * 2;
    struct flow **heap = realloc(shard->heap, cap * sizeof(struct flow *));
    if (heap == NULL)
        return false; /* the timer is lost: a hole is then closed when the flow ends */
    shard->heap = heap;
    shard->heap_cap = cap;
    return true;
}

static void leave(struct shard *shard, struct flow *flow)
{
    size_t index = flow->heap_index;
    struct flow *last = shard->heap[shard->heap_count--];
    flow->heap_index = 0;
    if (last == flow)
        return;
    place(shard, index, last);
    sift(shard, index);
}

void timers_set(struct flow *flow, int64_t at_ns)
{
    struct shard *shard = flow->shard;
    if (flow->heap_index > 0 && flow->timer_ns == at_ns)
        return;
    if (at_ns == 0) {
        if (flow->heap_index > 0)
            leave(shard, flow);
        return;
    }
    flow->timer_ns = at_ns;
    if (flow->heap_index == 0) {
        if (!room(shard))
            return;
        place(shard, ++shard->heap_count, flow);
    }
    sift(shard, flow->heap_index);
}

struct flow *timers_first(const struct shard *shard)
{
    return shard->heap_count > 0 ? shard->heap[1] : NULL;
}
