/* SPDX-License-Identifier: Apache-2.0
 * consumer.c - what the consumer of a flow may ask and say.
 */
#include "flow_state.h"

const char *flow_how_name(enum flow_how how)
{
    static const char *const names[] = {
        [FLOW_END_FIN] = "fin",
        [FLOW_END_RST] = "rst",
        [FLOW_END_TIMEOUT] = "timeout",
        [FLOW_END_EVICTED] = "evicted",
        [FLOW_END_CAPTURE] = "capture_end",
        [FLOW_END_REUSED] = "timeout",
    };
    return names[how];
}

struct mark flow_mark_at(const struct flow_chunk *chunk, uint64_t offset)
{
    if (chunk->mark != NULL)
        return *chunk->mark;
    const struct stream *stream = &chunk->flow->streams[chunk->side];
    uint64_t at = stream->base + offset;
    size_t i = stream->mark_count;
    while (i > 1 && stream->marks[i - 1].at > at)
        i--;
    return i > 0 ? stream->marks[i - 1].mark : chunk->flow->info.last;
}

void flow_info_get(const struct flow *flow, struct flow_info *info)
{
    *info = flow->info;
    info->midstream = !flow->syn_seen;
    info->now_ns = flow->shard->now_ns;
    info->conflicts = flow->conflicts;
    for (int side = 0; side < SIDE_COUNT; side++) {
        const struct stream *stream = &flow->streams[side];
        if (stream->base_known)
            info->sides[side].stream_bytes =
                stream->next - stream->base - info->sides[side].missed_bytes;
        if (stream->base_known && stream->acked && stream->acked_highest > stream->base)
            info->sides[side].acked_bytes =
                (stream->fin_known && stream->acked_highest > stream->fin ? stream->fin
                                                                          : stream->acked_highest) -
                stream->base;
        info->sides[side].end_known =
            stream->base_known && (stream->fin_known || info->sides[side].rst);
        if (info->sides[side].end_known)
            info->sides[side].end_bytes =
                (stream->fin_known ? stream->fin : stream->reset_at) - stream->base;
        /* Of a side whose SYN was not seen the peer's first acknowledgement says it. */
        if (!info->sides[side].isn_known && stream->acked &&
            info->sides[side_other((enum side)side)].syn) {
            info->sides[side].isn_known = true;
            info->sides[side].isn =
                stream->anchor_seq - (uint32_t)(stream->anchor - stream->acked_first) - 1;
        }
    }
}

/* Buffers are freed when the callback has returned: the consumer may still be looking at them. */
void flow_let_go(struct flow *flow)
{
    flow->let_go = true;
    flow->streams[SIDE_CLIENT].skip = flow->streams[SIDE_SERVER].skip = true;
}

void flow_forget(struct flow *flow)
{
    flow_let_go(flow);
    flow->state = NULL;
}

void flow_skip(struct flow *flow, enum side side) { flow->streams[side].skip = true; }

/* An instant that has passed is the next one: a timer that sets itself again must not stop time. */
void flow_set_timer(struct flow *flow, int64_t at_ns)
{
    bool past = at_ns != 0 && at_ns <= flow->shard->now_ns;
    flow->consumer_timer_ns = past ? flow->shard->now_ns + 1 : at_ns;
}
