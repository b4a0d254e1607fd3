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

/* The stream's trail with room for one more piece, or for one instead of the oldest. */
static struct trail *with_room(struct stream *stream)
{
    struct trail *trail = stream->trail;
    unsigned count = trail == NULL ? 0 : trail->count, room = TRAIL_FIRST;
    bool full = count == 0 || (count >= TRAIL_FIRST && (count & (count - 1)) == 0);
    if (!full || count == TRAIL_PIECES)
        return trail;
    if (count > 0)
        room = 2 * count;
    trail = realloc(trail, sizeof *trail + room * sizeof trail->pieces[0]);
    if (trail == NULL)
        return NULL;
    trail->count = count;
    trail->newest = count;
    stream->trail = trail;
    return trail;
}

void conflict_remember(struct flow *flow, enum side side, const struct copy *copy)
{
    struct stream *stream = &flow->streams[side];
    if (stream->skip || flow->flushing || copy->len > TRAIL_LEN_MAX)
        return;
    if (copy->at - stream->base > TRAIL_BYTES) {
        if (copy->at - stream->base > TRAIL_BYTES + LIMIT_REORDER_BYTES) {
            free(stream->trail); /* nobody sends these again */
            stream->trail = NULL;
        }
        return;
    }
    struct trail *trail = with_room(stream);
    if (trail == NULL)
        return;
    unsigned slot = trail->count < TRAIL_PIECES ? trail->count++ : trail->newest;
    trail->newest = (slot + 1) % TRAIL_PIECES;
    struct mark mark = offer_mark(flow, side, &copy->mark);
    trail->pieces[slot] = (struct trail_piece){
        .time_ns = mark.time_ns,
        .frame = mark.frame,
        .acked = mark.acked,
        .hash = hash_bytes(copy->bytes, copy->len, 0),
        .file = mark.file & (LIMIT_FILES - 1),
        .len = copy->len & TRAIL_LEN_MAX,
        .offset = (copy->at - stream->base) & (2 * TRAIL_BYTES - 1),
        .ttl = copy->ttl,
    };
}

static struct mark mark_of(const struct trail_piece *piece)
{
    return (struct mark){
        .time_ns = piece->time_ns, .frame = piece->frame, .file = piece->file, .acked = piece->acked
    };
}

void conflict_check_old(struct flow *flow, enum side side, const struct copy *copy)
{
    const struct stream *stream = &flow->streams[side];
    if (stream->trail == NULL || copy->bytes == NULL)
        return;
    uint64_t end = copy->at + copy->len;
    for (unsigned i = 0; i < stream->trail->count; i++) {
        const struct trail_piece *piece = &stream->trail->pieces[i];
        uint64_t at = stream->base + piece->offset;
        uint32_t len = piece->len;
        if (at < copy->at || at + len > end)
            continue;
        uint64_t hash = hash_bytes(copy->bytes + (at - copy->at), len, 0);
        if (hash == piece->hash)
            continue;
        struct flow_conflict conflict = { .offset = offset_of(stream, at),
                                          .len = len,
                                          .side = side,
                                          .first = mark_of(piece),
                                          .second = offer_mark(flow, side, &copy->mark),
                                          .first_hash = piece->hash,
                                          .second_hash = hash,
                                          .first_ttl = piece->ttl,
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
