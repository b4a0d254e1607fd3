/* SPDX-License-Identifier: Apache-2.0
 * stream.c - one direction: positions, and the bytes on offer. RFC 9293 section 3.4 (sequence
 * numbers).
 */
#include <stdlib.h>
#include <string.h>

#include "flow_state.h"

enum { MARKS_MAX = 1024 };

/* Scaled windows reach 1 GiB, mail servers use some hundred KiB. */
#define WINDOW_REACH (UINT64_C(1) << 20)

uint64_t stream_position(struct stream *stream, uint32_t seq)
{
    if (!stream->anchored) {
        stream->anchored = true;
        stream->anchor_seq = seq;
        stream->anchor = POSITION_START;
    }
    uint32_t distance = seq - stream->anchor_seq;
    return distance < UINT32_C(1) << 31 ? stream->anchor + distance
                                        : stream->anchor - (0 - distance);
}

void stream_move_anchor(struct stream *stream, uint64_t to)
{
    stream->anchor_seq += (uint32_t)(to - stream->anchor);
    stream->anchor = to;
}

void stream_set_base(struct stream *stream, uint64_t base)
{
    stream->base = base;
    stream->base_known = true;
    stream_advance(stream, base);
}

void stream_advance(struct stream *stream, uint64_t next)
{
    stream->next = next;
    if (stream->highest < next)
        stream->highest = next;
    stream_move_anchor(stream, next);
}

bool stream_is_far(const struct stream *stream, uint64_t at)
{
    return stream->base_known && at > stream->highest + WINDOW_REACH;
}

static size_t mark_bytes(size_t count) { return count * sizeof(struct placed_mark); }

static bool reserve(struct shard *shard, size_t more)
{
    if (shard->buffered + more > shard->options.max_buffered_bytes) {
        shard->counters.buffer_refused++;
        return false;
    }
    shard->buffered += more;
    if (shard->buffered > shard->counters.buffered_bytes_peak)
        shard->counters.buffered_bytes_peak = shard->buffered;
    return true;
}

static void add_mark(struct flow *flow, struct stream *stream, uint64_t at, const struct mark *mark)
{
    if (stream->mark_count > 0) {
        const struct mark *newest = &stream->marks[stream->mark_count - 1].mark;
        bool same = newest->frame == mark->frame && newest->file == mark->file &&
                    newest->acked == mark->acked;
        if (same || stream->mark_count == MARKS_MAX)
            return; /* at the maximum the older, more cautious mark holds for what follows */
    }
    if (stream->mark_count == stream->mark_cap) {
        size_t cap = stream->mark_cap == 0 ? 4 : stream->mark_cap * 2;
        if (!reserve(flow->shard, mark_bytes(cap - stream->mark_cap)))
            return;
        struct placed_mark *marks = realloc(stream->marks, mark_bytes(cap));
        if (marks == NULL) {
            flow->shard->buffered -= mark_bytes(cap - stream->mark_cap);
            return;
        }
        stream->marks = marks;
        stream->mark_cap = cap;
    }
    stream->marks[stream->mark_count++] = (struct placed_mark){ .at = at, .mark = *mark };
}

bool stream_append(struct flow *flow, enum side side, const uint8_t *bytes, size_t len, uint64_t at,
                   const struct mark *mark)
{
    struct stream *stream = &flow->streams[side];
    size_t need = stream->pending_len + len;
    if (need > stream->pending_cap) {
        size_t cap = need < 512 ? 512 : need + need / 2;
        if (!reserve(flow->shard, cap - stream->pending_cap))
            return false;
        uint8_t *pending = realloc(stream->pending, cap);
        if (pending == NULL) {
            flow->shard->buffered -= cap - stream->pending_cap;
            return false;
        }
        stream->pending = pending;
        stream->pending_cap = cap;
    }
    memcpy(stream->pending + stream->pending_len, bytes, len);
    stream->pending_len += len;
    add_mark(flow, stream, at, mark);
    return true;
}

static void free_pending(struct flow *flow, struct stream *stream)
{
    flow->shard->buffered -= stream->pending_cap + mark_bytes(stream->mark_cap);
    free(stream->pending);
    free(stream->marks);
    stream->pending = NULL;
    stream->marks = NULL;
    stream->pending_len = stream->pending_cap = stream->mark_count = stream->mark_cap = 0;
}

void stream_consume(struct flow *flow, enum side side, size_t len)
{
    struct stream *stream = &flow->streams[side];
    uint64_t front = stream->next - stream->pending_len + len;
    if (len == 0)
        return;
    stream->pending_len -= len;
    if (stream->pending_len == 0) { /* an idle connection holds nothing */
        free_pending(flow, stream);
        return;
    }
    memmove(stream->pending, stream->pending + len, stream->pending_len);

    size_t gone = 0; /* a mark ends where the next one begins */
    while (gone + 1 < stream->mark_count && stream->marks[gone + 1].at <= front)
        gone++;
    stream->mark_count -= gone;
    if (gone > 0)
        memmove(stream->marks, stream->marks + gone, mark_bytes(stream->mark_count));
}

void stream_drop(struct flow *flow, enum side side)
{
    struct stream *stream = &flow->streams[side];
    for (struct segment *segment; (segment = segment_take(flow, side)) != NULL;)
        segment_free(flow, segment);
    free_pending(flow, stream);
    free(stream->trail);
    stream->trail = NULL;
}
