/* SPDX-License-Identifier: Apache-2.0
 * offer.c - one side of the line to the consumer: bytes in order, what it has not consumed offered
 * again, gaps, the end.
 */
#include <stdlib.h>

#include "flow_state.h"

/* Consumers let go of sides inside callbacks, and may still look at the bytes until these return.
 */
void offer_drop_unwanted(struct flow *flow)
{
    for (int side = 0; side < SIDE_COUNT; side++)
        if (flow->streams[side].skip)
            stream_drop(flow, (enum side)side);
}

static bool is_read(const struct flow *flow, enum side side)
{
    return flow->state != NULL && !flow->let_go && !flow->streams[side].skip;
}

static void tell_finished(struct flow *flow, enum side side)
{
    struct stream *stream = &flow->streams[side];
    struct mark where = offer_mark(flow, side, &stream->fin_mark);
    stream->fin_owed = false;
    flow->shard->sink->finished(flow->state, side, where);
    stream->progress++;
}

static bool open_consumer(struct flow *flow)
{
    if (!flow->opened) {
        struct flow_info info;
        flow->opened = true;
        flow_info_get(flow, &info);
        flow->state = flow->shard->sink->open(flow->shard->context, flow, &info);
        if (flow->state == NULL)
            flow_let_go(flow);
        for (int side = 0; side < SIDE_COUNT; side++)
            if (flow->streams[side].fin_owed && is_read(flow, (enum side)side))
                tell_finished(flow, (enum side)side);
        offer_drop_unwanted(flow);
    }
    return flow->state != NULL && !flow->let_go;
}

struct mark offer_mark(const struct flow *flow, enum side side, const struct mark *mark)
{
    const struct stream *peer = &flow->streams[side_other(side)];
    uint64_t from = peer->base_known ? peer->base : peer->acked ? peer->acked_first : mark->acked;
    uint64_t acked = mark->acked;
    /* A FIN counts one; and what is released early may claim more than there is. */
    if (peer->base_known && flow->info.sides[side_other(side)].seen && acked > peer->next)
        acked = peer->next;
    struct mark offered = *mark;
    offered.acked = acked > from ? acked - from : 0;
    if (!flow->info.sides[side_other(side)].seen)
        offered.acked = 0; /* of bytes that were never offered nobody can be said to know them */
    return offered;
}

static size_t offer(struct flow *flow, enum side side, const uint8_t *bytes, size_t len,
                    const struct mark *mark)
{
    struct stream *stream = &flow->streams[side];
    struct flow_chunk chunk = {
        .side = side,
        .bytes = reader_of(bytes, len),
        .offset = stream->next - len - stream->base,
        .final = stream->fin_known && stream->next >= stream->fin,
        .flow = flow,
        .mark = mark,
    };
    stream->peer_progress = flow->streams[side_other(side)].progress;
    size_t consumed = flow->shard->sink->data(flow->state, &chunk);
    if (consumed > len)
        consumed = len;
    if (consumed > 0)
        stream->progress++;
    return consumed;
}

static void tell_gap(struct flow *flow, enum side side, uint64_t from, uint64_t until,
                     enum flow_gap why, const struct mark *where)
{
    struct stream *stream = &flow->streams[side];
    stream->progress++;
    flow->info.sides[side].gaps++;
    flow->info.sides[side].missed_bytes += until - from;
    flow->shard->counters.gaps++;
    flow->shard->counters.missed_bytes += until - from;
    if (!stream->skip && open_consumer(flow) && !stream->skip)
        flow->shard->sink->gap(flow->state, side, from - stream->base, until - from, why, *where);
    offer_drop_unwanted(flow);
}

void offer_gap(struct flow *flow, enum side side, uint64_t until, enum flow_gap why,
               const struct mark *where)
{
    struct stream *stream = &flow->streams[side];
    uint64_t from = stream->next;
    struct mark offered = offer_mark(flow, side, where);
    if (until <= from)
        return;
    if (stream->refused && why == FLOW_GAP_LOST)
        why = FLOW_GAP_OVERFLOW;
    stream->refused = false;
    stream_consume(flow, side, stream->pending_len);
    stream_advance(stream, until);
    tell_gap(flow, side, from, until, why, &offered);
}

/* Nobody takes the bytes from here to `next` and there are too many to keep: they are lost to us.
 */
static void overflow(struct flow *flow, enum side side, uint64_t from, const struct mark *where)
{
    struct stream *stream = &flow->streams[side];
    stream_consume(flow, side, stream->pending_len);
    tell_gap(flow, side, from, stream->next, FLOW_GAP_OVERFLOW, where);
}

static void offer_pending(struct flow *flow, enum side side)
{
    struct stream *stream = &flow->streams[side];
    size_t consumed = offer(flow, side, stream->pending, stream->pending_len, NULL);
    stream_consume(flow, side, consumed);
    offer_drop_unwanted(flow);
    if (stream->pending_len <= LIMIT_PENDING_BYTES)
        return;
    struct mark where =
        stream->mark_count > 0 ? stream->marks[stream->mark_count - 1].mark : flow->info.last;
    overflow(flow, side, stream->next - stream->pending_len, &where);
}

void offer_bytes(struct flow *flow, enum side side, const struct copy *copy)
{
    struct stream *stream = &flow->streams[side];
    size_t len = copy->len, consumed = 0;
    stream_advance(stream, copy->at + len);
    stream->progress++;
    conflict_remember(flow, side, copy);
    if (stream->skip || !open_consumer(flow) || stream->skip)
        return;

    struct mark offered = offer_mark(flow, side, &copy->mark);
    bool was_pending = stream->pending_len > 0;
    uint64_t front = stream->next - len - stream->pending_len;
    if (!was_pending) { /* without a copy */
        consumed = offer(flow, side, copy->bytes, len, &offered);
        offer_drop_unwanted(flow);
        if (consumed == len || stream->skip)
            return;
        front += consumed;
    }
    if (!stream_append(flow, side, copy->bytes + consumed, len - consumed, copy->at + consumed,
                       &offered))
        overflow(flow, side, front, &offered);
    else if (was_pending || stream->pending_len > LIMIT_PENDING_BYTES)
        offer_pending(flow, side);
}

bool offer_again(struct flow *flow)
{
    for (int i = 0; i < SIDE_COUNT; i++) {
        enum side side = (enum side)i;
        struct stream *stream = &flow->streams[side];
        uint64_t before = stream->progress;
        if (stream->pending_len == 0 ||
            stream->peer_progress == flow->streams[side_other(side)].progress)
            continue;
        offer_pending(flow, side);
        if (stream->progress != before)
            return true;
    }
    return false;
}

void offer_finish(struct flow *flow, enum side side)
{
    struct stream *stream = &flow->streams[side];
    stream->fin_passed = true;
    stream->fin_owed = !flow->opened;
    if (is_read(flow, side) && stream->pending_len > 0)
        offer_pending(flow, side); /* now as the final ones */
    if (is_read(flow, side))
        tell_finished(flow, side);
    offer_drop_unwanted(flow);
}
