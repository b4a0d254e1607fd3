/* SPDX-License-Identifier: Apache-2.0
 * expire.c - what has waited for LIMIT_REORDER_NS, or has too much behind it, or whose flow ends:
 * what it waits for is given up.
 */
#include "flow_state.h"

enum { ACK_REACH = 64 * 1024 }; /* what a first segment can be late by; more is a stray number */
enum { IMPATIENT_BYTES = 8 * 1024, IMPATIENT_SEGMENTS = 16 };

/* A stream without its SYN begins where the peer's first acknowledgement says: what comes before
 * the first byte there is was sent, and is missing. Without any it begins with that byte. */
static void begin(struct flow *flow, enum side side, uint64_t at)
{
    struct stream *stream = &flow->streams[side];
    uint64_t base = at;
    bool near = flow->info.sides[side_other(side)].syn || at - stream->acked_first <= ACK_REACH;
    if (stream->acked && stream->acked_first < at && near)
        base = stream->acked_first;
    stream_set_base(stream, base);
}

/* The bytes that this head's sender had acknowledged do not come. */
static void release(struct flow *flow, enum side side, const struct head *head)
{
    enum side other = side_other(side);
    struct stream *stream = &flow->streams[side], *peer = &flow->streams[other];
    struct head peer_head;
    bool has_peer = deliver_head(flow, other, &peer_head);
    uint64_t lacking = has_peer && peer_head.at < head->acked ? peer_head.at : head->acked;
    struct mark where = *head->mark;

    if (!flow->info.sides[other].seen && !flow->one_sided) {
        flow->one_sided = true;
        flow->shard->counters.half++;
    }
    if (!peer->base_known) {
        begin(flow, other, lacking);
    } else if (!flow->info.sides[other].seen) {
        return;
    } else if (peer->next < lacking && (has_peer || lacking > peer->next + 1) &&
               !stream_is_far(peer, lacking)) {
        where.acked = 0;
        offer_gap(flow, other, lacking, FLOW_GAP_LOST, &where);
    } else if (has_peer && peer_head.at <= peer->next && peer_head.acked > stream->next &&
               !*peer_head.released && peer_head.arrived_ns > head->arrived_ns) {
        /* Each acknowledges the other: one is a retransmission, whose first copy was lost to the
         * tap. That came after what it provoked. */
        *peer_head.released = true;
    } else {
        *head->released = true;
    }
}

static void give_up(struct flow *flow, enum side side)
{
    struct stream *stream = &flow->streams[side];
    struct head head;
    if (!deliver_head(flow, side, &head)) {
        struct mark where = flow->info.last;
        where.acked = 0;
        offer_gap(flow, side, stream->wanted, FLOW_GAP_LOST, &where);
    } else if (deliver_is_doubtful(stream)) {
        /* Its receiver did not take it. Who cannot see the receiver takes what there is. */
        if (flow->info.sides[side_other(side)].seen)
            segment_free(flow, segment_take(flow, side));
        else
            stream->segments->doubtful = false;
    } else if (!stream->base_known) {
        begin(flow, side, head.at);
    } else if (head.at > stream->next) {
        struct mark where = *head.mark;
        offer_gap(flow, side, head.at, FLOW_GAP_LOST, &where);
    } else {
        release(flow, side, &head);
    }
}

static int64_t later(int64_t ns, int64_t by) { return ns > INT64_MAX - by ? INT64_MAX : ns + by; }

static int64_t deadline_of(struct flow *flow, enum side side)
{
    const struct stream *stream = &flow->streams[side];
    struct head head;
    if (deliver_head(flow, side, &head))
        return later(head.arrived_ns, LIMIT_REORDER_NS);
    return stream->wanted > stream->next + 1 && !stream->skip
               ? later(stream->wanted_ns, LIMIT_REORDER_NS)
               : INT64_MAX;
}

static bool is_overdue(struct flow *flow, enum side side)
{
    const struct stream *stream = &flow->streams[side];
    int64_t deadline = deadline_of(flow, side);
    if (deadline == INT64_MAX)
        return false;
    if (flow->flushing || flow->shard->now_ns >= deadline)
        return true;
    bool patient = flow->syn_seen || orientation_is_port(flow->shard, &flow->info);
    return stream->segment_bytes > (patient ? LIMIT_REORDER_BYTES : IMPATIENT_BYTES) ||
           stream->segment_count > (patient ? LIMIT_REORDER_SEGMENTS : IMPATIENT_SEGMENTS);
}

void expire_overdue(struct flow *flow)
{
    for (;;) {
        bool client = is_overdue(flow, SIDE_CLIENT), server = is_overdue(flow, SIDE_SERVER);
        if (!client && !server)
            return;
        if (!flow->opened && !flow->syn_seen) {
            orientation_settle(flow); /* may exchange the sides */
            client = is_overdue(flow, SIDE_CLIENT);
            server = is_overdue(flow, SIDE_SERVER);
        }
        give_up(flow, client && server ? deliver_older_side(flow)
                      : client         ? SIDE_CLIENT
                                       : SIDE_SERVER);
        deliver_waiting(flow);
    }
}

void expire_set_timer(struct flow *flow)
{
    int64_t at = flow->consumer_timer_ns == 0 ? INT64_MAX : flow->consumer_timer_ns;
    for (int i = 0; i < SIDE_COUNT; i++) {
        int64_t deadline = deadline_of(flow, (enum side)i);
        if (deadline < at)
            at = deadline;
    }
    timers_set(flow, at == INT64_MAX ? 0 : at);
}
