/* SPDX-License-Identifier: Apache-2.0
 * packet_in.c - one packet of a flow: counted, judged, its bytes put where they belong; and the end
 * of a flow. RFC 9293 3.10.7.
 */
#include <stdlib.h>
#include <string.h>

#include "flow_state.h"

static void count(struct flow *flow, enum side side, const struct packet *packet,
                  const struct mark *mark)
{
    struct flow_side *info = &flow->info.sides[side];
    info->packets++;
    info->bytes += packet->payload_wire;
    if (packet->payload_wire > packet->payload_len)
        info->truncated++;
    flow->info.via |= packet->via;
    flow->info.last = *mark;
}

/* Of checksums that offloading left wrong one in 65536 is right by chance. */
enum { CHANCE_RATIO = 8 };

/* Once a direction showed valid checksums a bad segment is noted, and its bytes wait: for a good
 * copy, or for the receiver's acknowledgement, which proves that the segment was sound when it was
 * sent (network cards join segments before the tap and leave the checksum). Before a good one was
 * seen, offloading at the sender is the likely reason, and they are used. */
static bool is_damaged(struct flow *flow, enum side side, const struct packet *packet)
{
    struct stream *stream = &flow->streams[side];
    if (packet->checksum == CHECKSUM_GOOD &&
        ++stream->good_checksums > flow->info.sides[side].bad_checksums / CHANCE_RATIO)
        stream->checksums_good = true;
    if (packet->checksum != CHECKSUM_BAD)
        return false;
    flow->info.sides[side].bad_checksums++;
    flow->shard->counters.bad_checksums++;
    return stream->checksums_good;
}

static void count_duplicate(struct flow *flow, enum side side)
{
    flow->info.sides[side].duplicates++;
    flow->shard->counters.duplicates++;
}

/* Nobody reads this side: only its length is followed. */
static void pass_bytes(struct stream *stream, uint64_t at, uint64_t end)
{
    if (!stream->base_known)
        stream_set_base(stream, at);
    if (end > stream->next)
        stream_advance(stream, end);
}

static void take_bytes(struct flow *flow, enum side side, uint64_t at, const struct packet *packet,
                       const struct mark *mark, bool doubtful)
{
    struct stream *stream = &flow->streams[side];
    uint64_t end = at + packet->payload_wire;
    struct copy copy = { .at = at,
                         .bytes = packet->payload,
                         .len = packet->payload_len,
                         .mark = *mark,
                         .ttl = packet->ttl,
                         .valid = packet->checksum == CHECKSUM_GOOD,
                         .doubtful = doubtful };
    bool probe = stream->base_known && packet->payload_wire == 1 &&
                 at + 1 == stream->next; /* keep-alive, RFC 9293 3.8.4 */

    if (stream->fin_known && end > stream->fin) {
        if (at >= stream->fin)
            return; /* there is nothing behind a FIN; a keep-alive may pretend */
        end = stream->fin;
        copy.len = copy.len < end - at ? copy.len : (size_t)(end - at);
    }
    if (stream_is_far(stream, at) && flow->info.sides[side_other(side)].seen &&
        stream->acked_highest < at)
        return; /* out of any window, and the receiver does not say that it is not */
    if (end > stream->highest && !doubtful)
        stream->highest = end;
    if (stream->skip) {
        pass_bytes(stream, at, end);
        return;
    }

    uint64_t known = !stream->base_known || at >= stream->next ? 0
                     : end <= stream->next                     ? end - at
                                                               : stream->next - at;
    if (known > 0) {
        struct copy old = copy;
        old.len = old.len < known ? old.len : (size_t)known;
        if (!probe && !doubtful)
            conflict_check_old(flow, side, &old);
        if (known == end - at) {
            count_duplicate(flow, side);
            return;
        }
        copy.at += known;
        if (copy.bytes != NULL) /* C17 does not even allow NULL + 0 */
            copy.bytes += old.len;
        copy.len -= old.len;
    }
    struct copy cut = copy;
    deliver_copy(flow, side, copy);
    cut.at = copy.at + copy.len;
    cut.bytes = NULL;
    cut.len = (size_t)(end - cut.at);
    deliver_copy(flow, side, cut);
}

/* --- how it ends --- */

/* Of two FINs the one that the other acknowledges was first, whatever came first to the tap; of two
 * that crossed on the way the one whose sender had sent and seen less. */
static void settle_who_ended(struct flow *flow, enum side latest)
{
    const struct stream *c = &flow->streams[SIDE_CLIENT], *s = &flow->streams[SIDE_SERVER];
    if (flow->info.how == FLOW_END_RST && flow->entry.life == LIFE_CLOSED)
        return;
    if (c->fin_known && s->fin_known && s->fin_mark.acked > c->fin)
        flow->info.ended_by = SIDE_CLIENT;
    else if (c->fin_known && s->fin_known && c->fin_mark.acked > s->fin)
        flow->info.ended_by = SIDE_SERVER;
    else if (c->fin_known && s->fin_known)
        flow->info.ended_by =
            c->fin + c->fin_mark.acked <= s->fin + s->fin_mark.acked ? SIDE_CLIENT : SIDE_SERVER;
    else if (!flow->info.ended_by_known)
        flow->info.ended_by = latest;
    flow->info.ended_by_known = true;
}

static void note_fin(struct flow *flow, enum side side, uint64_t end, const struct mark *mark)
{
    struct stream *stream = &flow->streams[side];
    if (end < stream->highest || stream_is_far(stream, end) || stream->fin_passed)
        return; /* there are bytes behind it */
    flow->info.sides[side].fin = true;
    if (stream->fin_known && end == stream->fin) {
        if (mark->acked < stream->fin_mark.acked)
            stream->fin_mark.acked = mark->acked; /* the first copy, come late */
    } else if (!stream->fin_known || end < stream->fin) {
        stream->fin_known = true;
        stream->fin = end;
        stream->fin_ns = flow->shard->now_ns;
        stream->fin_mark = *mark;
    }
    settle_who_ended(flow, side);
}

/* In the window, or the answer to a SYN (RFC 5961 section 3 is what receivers do; a tap is more
 * tolerant at the upper end). */
static bool reset_counts(struct flow *flow, enum side side, const struct packet *packet)
{
    struct stream *stream = &flow->streams[side];
    const struct flow_side *peer = &flow->info.sides[side_other(side)];
    const uint64_t reach = UINT64_C(1) << 20;
    if (!stream->anchored)
        return !peer->syn || ((packet->tcp_flags & TCP_ACK) != 0 && packet->ack == peer->isn + 1);
    uint64_t at = stream_position(stream, packet->seq);
    if (!stream->base_known)
        return at + reach >= stream->anchor && at <= stream->anchor + reach;
    uint64_t low = stream->acked && stream->acked_highest < stream->next ? stream->acked_highest
                                                                         : stream->next;
    return at + 1 >= low && at <= stream->highest + reach;
}

static void note_reset(struct flow *flow, enum side side, const struct packet *packet,
                       const struct mark *mark)
{
    struct stream *stream = &flow->streams[side];
    struct flow_side *info = &flow->info.sides[side];
    handshake_first(flow, side, packet);
    stream->reset_at = stream_position(stream, packet->seq);
    if (stream->reset_at < stream->highest)
        stream->reset_at = stream->highest;
    stream->reset_ns = flow->shard->now_ns;
    info->rst = true;
    if (flow->entry.life == LIFE_CLOSED)
        return;
    flow->info.how = FLOW_END_RST;
    flow->info.ended_by = side;
    flow->info.ended_by_known = true;
    flow->info.end = *mark;
    flow->info.end_ttl = packet->ttl;
    table_touch(flow->shard, &flow->entry, LIFE_CLOSED);
}

/* A side that goes on behind its own reset did not send it (within LIMIT_REORDER_NS it may be
 * reordering), and one that goes on after the other's FIN has not finished. */
static bool goes_on(const struct flow *flow, enum side side)
{
    const struct stream *stream = &flow->streams[side];
    const struct flow_side *info = &flow->info.sides[side];
    if (flow->info.how == FLOW_END_RST)
        return flow->info.ended_by == side && stream->highest > stream->reset_at &&
               flow->shard->now_ns - stream->reset_ns > LIMIT_REORDER_NS;
    return !info->fin;
}

/* Between or after two FINs, or behind the only FIN that can be seen, a reset ended nothing. */
static bool reset_was_idle(const struct flow *flow)
{
    const struct stream *stream = &flow->streams[flow->info.ended_by];
    bool both = flow->info.sides[SIDE_CLIENT].fin && flow->info.sides[SIDE_SERVER].fin;
    return both || (stream->fin_known && stream->reset_at > stream->fin);
}

static void settle_life(struct flow *flow, enum side side, const struct mark *mark)
{
    const struct flow_side *c = &flow->info.sides[SIDE_CLIENT], *s = &flow->info.sides[SIDE_SERVER];
    bool finished = (c->fin || !c->seen) && (s->fin || !s->seen);
    bool by_reset = flow->entry.life == LIFE_CLOSED && flow->info.how == FLOW_END_RST;
    if (finished && (flow->entry.life != LIFE_CLOSED || (by_reset && reset_was_idle(flow)))) {
        flow->info.how = FLOW_END_FIN;
        flow->info.end = *mark;
        if (by_reset)
            settle_who_ended(flow, side);
        else
            table_touch(flow->shard, &flow->entry, LIFE_CLOSED);
        return;
    }
    if (flow->entry.life == LIFE_CLOSED && !goes_on(flow, side))
        return; /* stragglers do not keep it */
    bool answered = (c->seen && s->seen) || c->bytes > 0 || s->bytes > 0;
    table_touch(flow->shard, &flow->entry,
                answered || flow->entry.life != LIFE_OPENING ? LIFE_OPEN : LIFE_OPENING);
}

/* Both sides have finished and acknowledged that; no byte can follow. */
static bool is_complete(const struct flow *flow)
{
    if (flow->entry.life != LIFE_CLOSED || flow->info.how != FLOW_END_FIN)
        return false;
    for (int side = 0; side < SIDE_COUNT; side++) {
        const struct stream *stream = &flow->streams[side];
        bool passed = stream->fin_passed || (stream->skip && stream->fin_known);
        if (!flow->info.sides[side].seen || !passed || !stream->acked ||
            stream->acked_highest <= stream->fin)
            return false;
    }
    return true;
}

void flow_packet(struct flow *flow, enum side side, const struct packet *packet)
{
    struct stream *stream = &flow->streams[side], *peer = &flow->streams[side_other(side)];
    struct mark mark = { .time_ns = packet->time_ns, .frame = packet->frame, .file = packet->file };
    count(flow, side, packet, &mark);
    bool doubtful = is_damaged(flow, side, packet);
    if (doubtful && (packet->payload_wire == 0 || (packet->tcp_flags & (TCP_SYN | TCP_RST)) != 0))
        return; /* what it says of the connection is not used */

    if ((packet->tcp_flags & TCP_RST) != 0) {
        /* What data it may carry is its sender's reason, not part of the stream. */
        if (reset_counts(flow, side, packet))
            note_reset(flow, side, packet, &mark);
    } else if (doubtful || handshake_note(flow, side, packet)) {
        uint64_t at =
            stream_position(stream, packet->seq + ((packet->tcp_flags & TCP_SYN) != 0 ? 1 : 0));
        if ((packet->tcp_flags & TCP_ACK) != 0) {
            mark.acked = stream_position(peer, packet->ack);
            if (flow->info.sides[side_other(side)].seen && stream_is_far(peer, mark.acked))
                mark.acked = peer->highest; /* it cannot have been sent */
        }
        if ((packet->tcp_flags & TCP_FIN) != 0 && !doubtful)
            note_fin(flow, side, at + packet->payload_wire, &mark);
        if (packet->payload_wire > 0)
            take_bytes(flow, side, at, packet, &mark, doubtful);
        mark.acked = 0;
        settle_life(flow, side, &mark);
    }
    deliver_waiting(flow);
    expire_overdue(flow);
    expire_set_timer(flow);
    if (is_complete(flow))
        flow_end(flow, FLOW_END_TIMEOUT, flow->shard->now_ns);
}

void flow_end(struct flow *flow, enum flow_how how, int64_t now_ns)
{
    struct shard *shard = flow->shard;
    struct flow_info info;

    flow->flushing = true;
    deliver_waiting(flow);
    expire_overdue(flow);
    if (flow->entry.life != LIFE_CLOSED) { /* else it is known how it ended */
        flow->info.how = how;
        flow->info.end = (struct mark){ .time_ns = now_ns, .file = flow->info.last.file };
        if (how == FLOW_END_CAPTURE || how == FLOW_END_REUSED)
            flow->info.end = flow->info.last;
        if (how == FLOW_END_TIMEOUT)
            shard->counters.timed_out++;
    }
    if (!flow->info.sides[SIDE_CLIENT].seen || !flow->info.sides[SIDE_SERVER].seen)
        shard->counters.one_sided++;
    if (!flow->syn_seen)
        shard->counters.midstream++;
    flow_info_get(flow, &info);
    info.now_ns = now_ns;
    stream_drop(flow, SIDE_CLIENT);
    stream_drop(flow, SIDE_SERVER);
    shard->sink->end(shard->context, flow->state, &info);
    flow->state = NULL;
    if (how == FLOW_END_TIMEOUT && flow->entry.life != LIFE_OPENING)
        past_begin(flow);
    else /* an attempt is no connection */
        table_remove(shard, &flow->entry);
}
