/* SPDX-License-Identifier: Apache-2.0
 * conflict.c - the same bytes with different content: the one proof of editing in the path that a
 * tap can have.
 *
 * Bytes that wait are compared one by one. Of bytes that were delivered only hashes are left, of
 * the first TRAIL_BYTES of a stream, so a retransmission is compared when it holds a whole
 * piece as it was delivered. Copies with a bad checksum do not come here, keep-alive probes
 * neither; of a copy cut by the snap length only the common part is compared.
 */
#include <stdlib.h>
#include <string.h>

#include "flow_state.h"
#include "hash.h"

static void note(struct flow *flow, const struct flow_conflict *conflict)
{
    flow->shard->counters.conflicts++;
    uint32_t kept =
        flow->info.conflict_count < FLOW_CONFLICTS ? flow->info.conflict_count : FLOW_CONFLICTS;
    flow->info.conflict_count++;
    if (kept == FLOW_CONFLICTS)
        return;
    if (flow->conflicts == NULL)
        flow->conflicts = calloc(FLOW_CONFLICTS, sizeof *flow->conflicts);
    if (flow->conflicts != NULL)
        flow->conflicts[kept] = *conflict;
}

static uint64_t offset_of(const struct stream *stream, uint64_t at)
{
    return stream->base_known && at >= stream->base ? at - stream->base : 0;
}

/* Printable ASCII and line ends only: the dialogue in clear, not TLS. */
static bool is_text(const struct copy *copy)
{
    for (size_t i = 0; i < copy->len; i++)
        if ((copy->bytes[i] < ' ' || copy->bytes[i] > '~') && copy->bytes[i] != '\r' &&
            copy->bytes[i] != '\n' && copy->bytes[i] != '\t')
            return false;
    return true;
}

void conflict_remember(struct flow *flow, enum side side, const struct copy *copy)
{
    struct stream *stream = &flow->streams[side];
    if (stream->skip || flow->flushing)
        return;
    if (copy->at - stream->base > TRAIL_BYTES) {
        if (copy->at - stream->base > TRAIL_BYTES + LIMIT_REORDER_BYTES) {
            free(stream->trail); /* nobody sends these again */
            stream->trail = NULL;
        }
        return;
    }
    if (stream->trail == NULL && (stream->trail = calloc(1, sizeof *stream->trail)) == NULL)
        return;
    struct trail *trail = stream->trail;
    unsigned size = sizeof trail->pieces / sizeof trail->pieces[0];
    unsigned slot = trail->count < size ? trail->count++ : trail->newest;
    trail->newest = (slot + 1) % size;
    trail->pieces[slot].at = copy->at;
    trail->pieces[slot].len = (uint32_t)copy->len;
    trail->pieces[slot].hash = hash_bytes(copy->bytes, copy->len, 0);
    trail->pieces[slot].ttl = copy->ttl;
    trail->pieces[slot].mark = offer_mark(flow, side, &copy->mark);
}

void conflict_check_old(struct flow *flow, enum side side, const struct copy *copy)
{
    const struct stream *stream = &flow->streams[side];
    if (stream->trail == NULL || copy->bytes == NULL)
        return;
    uint64_t end = copy->at + copy->len;
    for (unsigned i = 0; i < stream->trail->count; i++) {
        uint64_t at = stream->trail->pieces[i].at;
        uint32_t len = stream->trail->pieces[i].len;
        if (at < copy->at || at + len > end)
            continue;
        uint64_t hash = hash_bytes(copy->bytes + (at - copy->at), len, 0);
        if (hash == stream->trail->pieces[i].hash)
            continue;
        struct flow_conflict conflict = { .offset = offset_of(stream, at),
                                          .len = len,
                                          .side = side,
                                          .first = stream->trail->pieces[i].mark,
                                          .second = offer_mark(flow, side, &copy->mark),
                                          .first_hash = stream->trail->pieces[i].hash,
                                          .second_hash = hash,
                                          .first_ttl = stream->trail->pieces[i].ttl,
                                          .second_ttl = copy->ttl,
                                          .text = is_text(copy) };
        note(flow, &conflict);
    }
}

bool conflict_check_segment(struct flow *flow, enum side side, const struct segment *segment,
                            const struct copy *copy)
{
    const uint8_t *have = segment->bytes + (copy->at - segment->at);
    size_t same = 0;
    while (same < copy->len && have[same] == copy->bytes[same])
        same++;
    if (same == copy->len)
        return false;
    struct flow_conflict conflict = { .offset = offset_of(&flow->streams[side], copy->at + same),
                                      .len = (uint32_t)copy->len,
                                      .side = side,
                                      .first = offer_mark(flow, side, &segment->mark),
                                      .second = offer_mark(flow, side, &copy->mark),
                                      .first_hash = hash_bytes(have, copy->len, 0),
                                      .second_hash = hash_bytes(copy->bytes, copy->len, 0),
                                      .first_ttl = segment->ttl,
                                      .second_ttl = copy->ttl,
                                      .text = is_text(copy) };
    note(flow, &conflict);
    return true;
}
