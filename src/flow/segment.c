/* SPDX-License-Identifier: Apache-2.0
 * segment.c - the bytes of one direction that wait: a sorted list without overlap.
 */
#include <stdlib.h>
#include <string.h>

#include "flow_state.h"

static size_t cost(uint64_t len, bool missing)
{
    return sizeof(struct segment) + (missing ? 0 : (size_t)len);
}

/* The first `len` bytes of the copy. */
static struct segment *segment_new(struct flow *flow, struct stream *stream,
                                   const struct copy *copy, size_t len)
{
    struct shard *shard = flow->shard;
    bool missing = copy->bytes == NULL;
    size_t size = cost(len, missing);
    struct segment *segment = NULL;
    if (shard->buffered + size <= shard->options.max_buffered_bytes)
        segment = malloc(size);
    if (segment == NULL) {
        shard->counters.buffer_refused++;
        stream->refused = true;
        return NULL;
    }
    *segment = (struct segment){
        .at = copy->at,
        .end = copy->at + len,
        .mark = copy->mark,
        .arrived_ns = shard->now_ns,
        .ttl = copy->ttl,
        .valid = copy->valid,
        .doubtful = copy->doubtful,
        .missing = missing,
    };
    if (!missing)
        memcpy(segment->bytes, copy->bytes, len);
    shard->buffered += size;
    if (shard->buffered > shard->counters.buffered_bytes_peak)
        shard->counters.buffered_bytes_peak = shard->buffered;
    stream->segment_count++;
    stream->segment_bytes += len;
    return segment;
}

static void unlink_segment(struct stream *stream, struct segment **link)
{
    struct segment *segment = *link;
    *link = segment->next;
    stream->segment_count--;
    stream->segment_bytes -= (size_t)(segment->end - segment->at);
}

struct segment *segment_take(struct flow *flow, enum side side)
{
    struct stream *stream = &flow->streams[side];
    struct segment *segment = stream->segments;
    if (segment != NULL)
        unlink_segment(stream, &stream->segments);
    return segment;
}

void segment_free(struct flow *flow, struct segment *segment)
{
    flow->shard->buffered -= cost(segment->end - segment->at, segment->missing);
    free(segment);
}

static void copy_skip(struct copy *copy, size_t len)
{
    if (copy->bytes != NULL)
        copy->bytes += len;
    copy->at += len;
    copy->len -= len;
}

/* Bytes for a part of what the snap length had cut from the first copy: the rest of it stays. */
static struct segment **fill_missing(struct flow *flow, enum side side, struct segment **link,
                                     const struct copy *copy)
{
    struct stream *stream = &flow->streams[side];
    struct segment *old = *link;
    struct copy before = { .at = old->at, .mark = old->mark, .ttl = old->ttl };
    struct copy after = before;
    uint64_t end = copy->at + copy->len;
    unlink_segment(stream, link);
    if (end < old->end) {
        after.at = end;
        after.len = (size_t)(old->end - end);
        struct segment *rest = segment_new(flow, stream, &after, after.len);
        if (rest != NULL) {
            rest->arrived_ns = old->arrived_ns;
            rest->next = *link;
            *link = rest;
        }
    }
    if (copy->at > old->at) {
        before.len = (size_t)(copy->at - old->at);
        struct segment *rest = segment_new(flow, stream, &before, before.len);
        if (rest != NULL) {
            rest->arrived_ns = old->arrived_ns;
            rest->next = *link;
            *link = rest;
            link = &rest->next;
        }
    }
    segment_free(flow, old);
    return link;
}

/* The bytes from `at` on as a segment of their own. False: no room. */
static bool split(struct flow *flow, enum side side, struct segment *segment, uint64_t at)
{
    struct stream *stream = &flow->streams[side];
    size_t kept = (size_t)(at - segment->at);
    struct copy tail = { .at = at,
                         .bytes = segment->missing ? NULL : segment->bytes + kept,
                         .len = (size_t)(segment->end - at),
                         .mark = segment->mark,
                         .ttl = segment->ttl,
                         .valid = segment->valid,
                         .doubtful = segment->doubtful };
    struct segment *rest = segment_new(flow, stream, &tail, tail.len);
    if (rest == NULL)
        return false;
    rest->arrived_ns = segment->arrived_ns;
    rest->next = segment->next;
    segment->next = rest;
    if (!segment->missing)
        flow->shard->buffered -= tail.len;
    stream->segment_bytes -= tail.len;
    segment->end = at;
    return true;
}

/* A second copy of bytes that wait already. */
static void meet(struct flow *flow, enum side side, struct segment *here, const struct copy *copy)
{
    uint64_t end = copy->at + copy->len;
    bool both = copy->bytes != NULL && !here->missing;
    bool whole = copy->at == here->at && copy->len == here->end - here->at;
    if (both && here->doubtful && !copy->doubtful) { /* damaged bytes prove nothing: no conflict */
        memcpy(here->bytes + (copy->at - here->at), copy->bytes, copy->len);
        here->doubtful = !whole;
        here->valid = whole && copy->valid;
    } else if (both && !copy->doubtful && conflict_check_segment(flow, side, here, copy) &&
               copy->valid && !here->valid) {
        memcpy(here->bytes + (copy->at - here->at), copy->bytes, copy->len);
        here->valid = whole;
    }
    if (copy->mark.acked < here->mark.acked && (end == here->end || split(flow, side, here, end)))
        here->mark.acked = copy->mark.acked;
}

/* What is first sent later acknowledges no less; only a retransmission carries an acknowledgement
 * that is newer than its bytes. So along the list it never falls. */
void segment_insert(struct flow *flow, enum side side, struct copy copy)
{
    struct stream *stream = &flow->streams[side];
    struct segment **link = &stream->segments;
    bool fresh = false;

    while (copy.len > 0) {
        for (; *link != NULL && (*link)->end <= copy.at; link = &(*link)->next)
            if ((*link)->mark.acked > copy.mark.acked)
                (*link)->mark.acked = copy.mark.acked;
        struct segment *here = *link;
        uint64_t end = copy.at + copy.len;
        if (here == NULL || here->at > copy.at) {
            size_t len = (size_t)((here != NULL && here->at < end ? here->at : end) - copy.at);
            struct segment *segment = segment_new(flow, stream, &copy, len);
            if (segment == NULL)
                return;
            if (here != NULL && here->mark.acked < segment->mark.acked)
                segment->mark.acked = here->mark.acked;
            segment->next = here;
            *link = segment;
            link = &segment->next;
            copy_skip(&copy, len);
            fresh = true;
            continue;
        }
        struct copy common = copy;
        common.len = (size_t)((here->end < end ? here->end : end) - copy.at);
        if (here->missing && copy.bytes != NULL) {
            link = fill_missing(flow, side, link, &common);
            continue; /* now there is a hole to put them into */
        }
        meet(flow, side, here, &common);
        copy_skip(&copy, common.len);
    }
    if (!fresh) {
        flow->info.sides[side].duplicates++;
        flow->shard->counters.duplicates++;
    }
}
