/* SPDX-License-Identifier: Apache-2.0
 * deliver.c - what may be offered when: in order on each side, and after what its sender had
 * acknowledged of the other.
 *
 *   segments (wait, sorted) --ready?--> pending (on offer) --> consumer
 *
 * The first segment of a side is ready when nothing is missing before it and the peer's bytes that
 * it acknowledges were offered or given up. expire.c says how long it waits.
 */
#include "flow_state.h"

bool deliver_head(struct flow *flow, enum side side, struct head *head)
{
    struct stream *stream = &flow->streams[side];
    struct segment *first = stream->segments;
    if (stream->skip)
        return false;
    if (first != NULL)
        *head = (struct head){ .at = first->at,
                               .acked = first->mark.acked,
                               .arrived_ns = first->arrived_ns,
                               .released = &first->released,
                               .mark = &first->mark };
    else if (stream->fin_known && !stream->fin_passed)
        *head = (struct head){ .at = stream->fin,
                               .acked = stream->fin_mark.acked,
                               .arrived_ns = stream->fin_ns,
                               .released = &stream->fin_released,
                               .mark = &stream->fin_mark,
                               .is_fin = true };
    else
        return false;
    return true;
}

static bool is_caused(const struct flow *flow, enum side side, const struct head *head)
{
    const struct stream *peer = &flow->streams[side_other(side)];
    if (head->acked == 0 || *head->released || peer->skip)
        return true;
    if (flow->one_sided && !flow->info.sides[side_other(side)].seen)
        return true;
    if (!peer->base_known)
        return false;
    if (peer->fin_known && head->acked > peer->fin)
        return peer->fin_passed;
    return peer->next >= head->acked;
}

bool deliver_is_doubtful(const struct stream *stream)
{
    const struct segment *first = stream->segments;
    return first != NULL && first->doubtful &&
           !(stream->acked && stream->acked_highest >= first->end);
}

static bool is_ready(struct flow *flow, enum side side, struct head *head)
{
    struct stream *stream = &flow->streams[side];
    if (!stream->base_known)
        return false;
    while (stream->segments != NULL && stream->segments->end <= stream->next)
        segment_free(flow, segment_take(flow, side));
    if (deliver_is_doubtful(stream))
        return false;
    return deliver_head(flow, side, head) && head->at <= stream->next &&
           is_caused(flow, side, head);
}

static void push_first(struct flow *flow, enum side side)
{
    struct segment *segment = segment_take(flow, side);
    uint64_t next = flow->streams[side].next;
    struct copy copy = { .at = next,
                         .bytes = segment->bytes + (next - segment->at),
                         .len = (size_t)(segment->end - next),
                         .mark = segment->mark,
                         .ttl = segment->ttl,
                         .valid = segment->valid };
    if (segment->missing)
        offer_gap(flow, side, segment->end, FLOW_GAP_TRUNCATED, &segment->mark);
    else
        offer_bytes(flow, side, &copy);
    segment_free(flow, segment);
}

/* How much both ends knew when the first segment was sent: orders what crossed on the way by
 * content, not by arrival. */
static uint64_t age_of_head(struct flow *flow, enum side side)
{
    struct head head;
    const struct stream *own = &flow->streams[side], *peer = &flow->streams[side_other(side)];
    if (!deliver_head(flow, side, &head))
        return UINT64_MAX;
    return head.at - (own->base_known ? own->base : POSITION_START) + head.acked -
           (peer->base_known ? peer->base : POSITION_START) + POSITION_START;
}

enum side deliver_older_side(struct flow *flow)
{
    return age_of_head(flow, SIDE_CLIENT) <= age_of_head(flow, SIDE_SERVER) ? SIDE_CLIENT
                                                                            : SIDE_SERVER;
}

/* Acknowledged, but never seen: it will be given up too. */
static void note_wanted(struct flow *flow, enum side side)
{
    struct stream *stream = &flow->streams[side];
    if (stream->next + 1 < stream->wanted) /* one more may be a FIN that was missed */
        return;
    bool wanted = stream->base_known && stream->acked && !stream->skip &&
                  flow->info.sides[side].seen && stream->acked_highest > stream->next + 1 &&
                  !stream_is_far(stream, stream->acked_highest);
    stream->wanted = wanted ? stream->acked_highest : 0;
    stream->wanted_ns = flow->shard->now_ns;
}

void deliver_waiting(struct flow *flow)
{
    for (;;) {
        struct head client = { 0 }, server = { 0 };
        bool c = is_ready(flow, SIDE_CLIENT, &client), s = is_ready(flow, SIDE_SERVER, &server);
        bool c_bytes = c && !client.is_fin, s_bytes = s && !server.is_fin;
        if (c_bytes || s_bytes)
            push_first(flow, c_bytes && s_bytes ? deliver_older_side(flow)
                             : c_bytes          ? SIDE_CLIENT
                                                : SIDE_SERVER);
        else if (offer_again(flow))
            continue;
        else if (c || s)
            offer_finish(flow, c && s ? deliver_older_side(flow) : c ? SIDE_CLIENT : SIDE_SERVER);
        else
            break;
    }
    note_wanted(flow, SIDE_CLIENT);
    note_wanted(flow, SIDE_SERVER);
}

void deliver_copy(struct flow *flow, enum side side, struct copy copy)
{
    struct stream *stream = &flow->streams[side];
    const struct segment *first = stream->segments;
    if (first != NULL && first->at >= copy.at + copy.len && first->mark.acked < copy.mark.acked)
        copy.mark.acked = first->mark.acked; /* a retransmission, see segment_insert() */
    struct head head = { .acked = copy.mark.acked, .released = &(bool){ false } };
    bool next = stream->base_known && copy.at == stream->next &&
                (first == NULL || first->at >= copy.at + copy.len);
    if (copy.len == 0 || stream->skip)
        return;
    if (next && copy.bytes != NULL && !copy.doubtful && is_caused(flow, side, &head))
        offer_bytes(flow, side, &copy);
    else
        segment_insert(flow, side, copy);
}
