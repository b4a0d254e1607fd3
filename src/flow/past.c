/* SPDX-License-Identifier: Apache-2.0
 * past.c - connections that are over and were reported: which packets still belong to them.
 */
#include <stdlib.h>
#include <string.h>

#include "flow_state.h"

/* A packet this far from where a side stood is of another connection. */
#define NEAR (UINT32_C(1) << 22)

static struct past_side side_after(const struct flow *flow, enum side side)
{
    const struct stream *stream = &flow->streams[side];
    const struct flow_side *info = &flow->info.sides[side];
    return (struct past_side){
        .isn = info->isn,
        .next = stream->anchor_seq + (uint32_t)(stream->highest - stream->anchor),
        .isn_known = info->syn || info->isn_known,
        .anchored = stream->anchored,
        .base_known = stream->base_known,
        .seen = info->seen,
        .spoke = info->bytes > 0,
        .checksums_good = stream->checksums_good,
    };
}

void past_begin(struct flow *flow)
{
    const struct flow_key *key = &flow->entry.key;
    struct past *past = malloc(sizeof *past);
    if (past == NULL) { /* late packets will be another connection, which is better than none */
        table_remove(flow->shard, &flow->entry);
        return;
    }
    *past = (struct past){
        .entry = flow->entry,
        .lone_syn = flow->lone_syn,
        .sides = { side_after(flow, SIDE_CLIENT), side_after(flow, SIDE_SERVER) },
        .client_is_low = flow->info.client_port == key->low_port &&
                         memcmp(&flow->info.client, &key->low, sizeof flow->info.client) == 0,
    };
    table_replace(flow, past);
}

static enum side side_of(const struct past *past, const struct packet *packet)
{
    const struct flow_key *key = &past->entry.key;
    bool low = packet->source_port == key->low_port &&
               memcmp(&packet->source, &key->low, sizeof packet->source) == 0;
    return low == past->client_is_low ? SIDE_CLIENT : SIDE_SERVER;
}

/* Its own SYN, come late or once more. */
static bool syn_fits(const struct past_side *side, uint32_t isn)
{
    if (side->isn_known)
        return side->isn == isn;
    return !side->anchored || (!side->base_known && side->next - (isn + 1) < HANDSHAKE_REACH);
}

/* Another answer to the same SYN, or to what was sent behind it. */
static bool answer_fits(const struct past *past, enum side side, const struct packet *packet)
{
    const struct past_side *asked = &past->sides[side_other(side)];
    if (syn_fits(&past->sides[side], packet->seq))
        return true;
    if (!asked->isn_known || !asked->base_known || (!asked->seen && past->sides[side].spoke))
        return false;
    return packet->ack - (asked->isn + 1) <= asked->next - (asked->isn + 1);
}

/* It goes on from about where that side stood. */
static bool is_near(struct past_side *side, const struct packet *packet)
{
    if (!side->anchored)
        return true;
    uint32_t ahead = packet->seq - side->next, end = ahead + packet->payload_wire;
    bool near = ahead + NEAR <= 2 * NEAR;
    if (near && end <= 2 * NEAR)
        side->next += end;
    return near;
}

enum past_word past_meet(struct past *past, const struct packet *packet)
{
    enum side side = side_of(past, packet);
    unsigned flags = packet->tcp_flags & (TCP_SYN | TCP_ACK | TCP_RST);
    bool late;
    bool damaged = packet->checksum == CHECKSUM_BAD && past->sides[side].checksums_good;
    if ((flags & TCP_RST) != 0)
        late = true; /* the end of something that was not seen, at most */
    else if (damaged)
        late = is_near(&past->sides[side], packet);
    else if (handshake_lone_syn_lives(&past->lone_syn, side, packet))
        return PAST_LONE_SYN;
    else if (flags == TCP_SYN)
        late = syn_fits(&past->sides[side], packet->seq);
    else if (flags == (TCP_SYN | TCP_ACK))
        late = answer_fits(past, side, packet);
    else
        late = is_near(&past->sides[side], packet);
    return late ? PAST_LATE : PAST_OVER;
}
