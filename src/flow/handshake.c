/* SPDX-License-Identifier: Apache-2.0
 * handshake.c - which connection a packet belongs to, and what SYN, SYN-ACK and the first
 * acknowledgements tell. RFC 9293 3.5, 3.10.7.
 */
#include <string.h>

#include "flow_state.h"

static enum side side_of(const struct flow *flow, const struct packet *packet)
{
    bool client = packet->source_port == flow->info.client_port &&
                  memcmp(&packet->source, &flow->info.client, sizeof packet->source) == 0;
    return client ? SIDE_CLIENT : SIDE_SERVER;
}

static struct flow *open_flow(struct shard *shard, const struct packet *packet, bool outer_split)
{
    struct flow_key key = table_key(shard, packet);
    struct flow *flow = table_add(shard, &key, packet->outer);
    if (flow == NULL)
        return NULL;
    struct flow_info *info = &flow->info;
    bool from_client = orientation_client_is_source(shard, packet, &info->guessed);
    info->client = from_client ? packet->source : packet->target;
    info->server = from_client ? packet->target : packet->source;
    info->client_port = from_client ? packet->source_port : packet->target_port;
    info->server_port = from_client ? packet->target_port : packet->source_port;
    info->ip_version = packet->ip_version;
    info->vlan = packet->vlan;
    info->outer = packet->outer;
    info->first =
        (struct mark){ .time_ns = packet->time_ns, .frame = packet->frame, .file = packet->file };
    flow->entry.outer_split = outer_split;
    return flow;
}

static bool is_plain_syn(const struct packet *packet)
{
    return (packet->tcp_flags & (TCP_SYN | TCP_ACK)) == TCP_SYN;
}

static bool is_answer(const struct packet *packet)
{
    return (packet->tcp_flags & (TCP_SYN | TCP_ACK)) == (TCP_SYN | TCP_ACK);
}

/* The SYN of this connection: seen before, or of data that came early. */
static bool syn_fits(const struct flow *flow, enum side side, uint32_t isn)
{
    const struct stream *stream = &flow->streams[side];
    const struct flow_side *info = &flow->info.sides[side];
    if (info->syn || info->isn_known)
        return info->isn == isn;
    if (!stream->anchored)
        return true;
    uint32_t ahead = stream->anchor_seq - (isn + 1);
    return !stream->base_known && ahead < HANDSHAKE_REACH;
}

/* A SYN-ACK of another connection than this one. A second answer to the same SYN is not. */
static bool is_strange_answer(const struct flow *flow, enum side side, const struct packet *packet)
{
    const struct flow_side *asked = &flow->info.sides[side_other(side)];
    const struct stream *stream = &flow->streams[side_other(side)];
    if (syn_fits(flow, side, packet->seq))
        return false;
    if (flow->entry.life == LIFE_CLOSED || !asked->isn_known || !stream->base_known ||
        (!asked->seen && flow->info.sides[side].bytes > 0))
        return true;
    return packet->ack - (asked->isn + 1) > stream->highest - stream->base;
}

/* A SYN, or the answer to one that the tap did not see, that does not belong to a connection that
 * lives: whether it begins a new one is known when the other side goes along. */
static void put_aside(struct flow *flow, enum side by, uint32_t isn, const struct packet *packet)
{
    flow->lone_syn.known = true;
    flow->lone_syn.by_client = by == SIDE_CLIENT;
    flow->lone_syn.isn = isn;
    flow->lone_syn.mark =
        (struct mark){ .time_ns = packet->time_ns, .frame = packet->frame, .file = packet->file };
}

bool handshake_lone_syn_lives(const struct lone_syn *lone, enum side side,
                              const struct packet *packet)
{
    enum side from = lone->by_client ? SIDE_CLIENT : SIDE_SERVER;
    if (!lone->known)
        return false;
    if (side != from)
        return !lone->by_answer && is_answer(packet) && packet->ack == lone->isn + 1;
    return (packet->tcp_flags & (TCP_SYN | TCP_RST | TCP_ACK)) == TCP_ACK &&
           packet->seq == lone->isn + 1;
}

/* A second connection with the same addresses in another tunnel: tenants with the same private
 * networks. */
static bool is_other_tenant(const struct flow *flow, enum side side, const struct packet *packet)
{
    return is_plain_syn(packet) && packet->outer != flow->info.outer &&
           flow->info.sides[side].syn && flow->info.sides[side].isn != packet->seq &&
           flow->entry.life < LIFE_CLOSED;
}

static struct flow *replace(struct shard *shard, struct entry *old, const struct packet *packet)
{
    bool split = old->outer_split;
    if (old->life == LIFE_REPORTED)
        table_remove(shard, old);
    else
        flow_end(flow_of(old), FLOW_END_REUSED, shard->now_ns);
    return open_flow(shard, packet, split);
}

/* A connection begins anew with the SYN that was put aside. */
static struct flow *replace_by_lone_syn(struct shard *shard, struct entry *old,
                                        struct lone_syn lone, const struct packet *packet)
{
    struct flow *flow = replace(shard, old, packet);
    if (flow == NULL)
        return NULL;
    bool from_sender = !is_answer(packet);
    struct flow_info *info = &flow->info;
    if (side_of(flow, packet) != (from_sender ? SIDE_CLIENT : SIDE_SERVER))
        orientation_swap(flow);
    info->guessed = false;
    info->first = lone.mark;
    flow->syn_seen = info->sides[SIDE_CLIENT].syn = info->sides[SIDE_CLIENT].isn_known = true;
    info->sides[SIDE_CLIENT].isn = lone.isn;
    stream_set_base(&flow->streams[SIDE_CLIENT],
                    stream_position(&flow->streams[SIDE_CLIENT], lone.isn + 1));
    return flow;
}

/* What a packet with a SYN means for the flow that has its addresses. */
static struct flow *meet_syn(struct shard *shard, struct flow *flow, enum side side,
                             const struct packet *packet)
{
    bool answer = is_answer(packet);
    if (is_other_tenant(flow, side, packet)) {
        flow->entry.outer_split = true;
        return open_flow(shard, packet, true);
    }
    if (answer ? !is_strange_answer(flow, side, packet) : syn_fits(flow, side, packet->seq)) {
        if (flow->info.guessed && !flow->opened && (side == SIDE_CLIENT) == answer)
            orientation_swap(flow); /* data came before its SYN, and the guess was wrong */
        return flow;
    }
    if (flow->entry.life == LIFE_OPEN && flow->info.sides[side_other(side)].seen) {
        put_aside(flow, answer ? side_other(side) : side, answer ? packet->ack - 1 : packet->seq,
                  packet);
        flow->lone_syn.by_answer = answer;
        return NULL;
    }
    return replace(shard, &flow->entry, packet);
}

static struct flow *meet_past(struct shard *shard, struct past *past, const struct packet *packet)
{
    switch (past_meet(past, packet)) {
    case PAST_LATE: table_touch(shard, &past->entry, LIFE_REPORTED); return NULL;
    case PAST_LONE_SYN: return replace_by_lone_syn(shard, &past->entry, past->lone_syn, packet);
    case PAST_OVER: break;
    }
    return replace(shard, &past->entry, packet);
}

static struct flow *meet(struct shard *shard, struct flow *flow, const struct packet *packet)
{
    enum side side = side_of(flow, packet);
    if (packet->checksum == CHECKSUM_BAD && flow->streams[side].checksums_good)
        return flow; /* damaged */
    if (handshake_lone_syn_lives(&flow->lone_syn, side, packet))
        return replace_by_lone_syn(shard, &flow->entry, flow->lone_syn, packet);
    if ((packet->tcp_flags & (TCP_SYN | TCP_RST)) == TCP_SYN)
        return meet_syn(shard, flow, side, packet);
    return flow;
}

struct flow *handshake_flow_of(struct shard *shard, const struct packet *packet, enum side *side)
{
    struct flow_key key = table_key(shard, packet);
    struct entry *entry = table_find(shard, &key, packet);
    struct flow *flow = NULL;
    if (entry == NULL)
        /* Or the end of something that we never saw. */
        flow = (packet->tcp_flags & TCP_RST) == 0 ? open_flow(shard, packet, false) : NULL;
    else if (entry->life == LIFE_REPORTED)
        flow = meet_past(shard, (struct past *)entry, packet);
    else
        flow = meet(shard, flow_of(entry), packet);
    *side = flow != NULL ? side_of(flow, packet) : SIDE_CLIENT;
    return flow;
}

/* --- what the handshake tells --- */

/* False: the packet belongs to another answer than the one that was taken. */
static bool note_syn(struct flow *flow, enum side side, const struct packet *packet)
{
    struct stream *stream = &flow->streams[side];
    struct flow_side *info = &flow->info.sides[side];
    if (info->syn && info->isn != packet->seq) {
        stream->other_isn =
            packet->seq; /* two servers answer; the client's acknowledgement decides */
        stream->other_isn_known = true;
        return false;
    }
    uint64_t base = stream_position(stream, packet->seq + 1);
    bool untouched = !stream->base_known || (!flow->opened && stream->next == stream->base);
    if (untouched && (!stream->base_known || stream->base != base))
        stream_set_base(stream, base);
    info->syn = info->isn_known = true;
    info->isn = packet->seq;
    flow->syn_seen = true;
    flow->info.guessed = false;
    return true;
}

static void note_ack(struct flow *flow, enum side side, const struct packet *packet)
{
    enum side other = side_other(side);
    struct stream *peer = &flow->streams[other];
    struct flow_side *info = &flow->info.sides[other];
    uint64_t at = stream_position(peer, packet->ack);

    if (peer->other_isn_known && packet->ack == peer->other_isn + 1 && peer->next == peer->base &&
        (packet->tcp_flags & TCP_SYN) == 0) {
        info->isn = peer->other_isn;
        peer->other_isn_known = peer->acked = false;
        stream_drop(flow, other);
        stream_set_base(peer, at);
        peer->highest = at;
    }
    if (!peer->acked || at < peer->acked_first)
        peer->acked_first = at;
    if (!peer->acked || at > peer->acked_highest)
        peer->acked_highest = at;
    peer->acked = true;
    if (!info->seen && at > peer->anchor)
        stream_move_anchor(peer, at);

    if ((packet->tcp_flags & TCP_SYN) != 0 && !info->syn && !peer->base_known) {
        info->isn = packet->ack - 1;
        info->isn_known = true;
        stream_set_base(peer, at);
    }
}

void handshake_first(struct flow *flow, enum side side, const struct packet *packet)
{
    struct flow_side *info = &flow->info.sides[side];
    if (info->seen)
        return;
    info->seen = true;
    info->ttl = packet->ttl;
    flow->info.first_seq[side] = packet->seq;
    if (!flow->info.sides[side_other(side)].seen)
        return;
    flow->shard->counters.both++;
    if (flow->one_sided)
        flow->shard->counters.half--;
}

bool handshake_note(struct flow *flow, enum side side, const struct packet *packet)
{
    handshake_first(flow, side, packet);
    if ((packet->tcp_flags & TCP_SYN) != 0 && !note_syn(flow, side, packet))
        return false;
    if ((packet->tcp_flags & TCP_ACK) != 0)
        note_ack(flow, side, packet);
    return true;
}
