/* SPDX-License-Identifier: Apache-2.0
 * stream.c - frames on a connection.
 *
 *   frames:  | kept after delivery | waiting: handed to us, not yet reported |
 *   bytes:   0                     reported          written                len
 *
 * A new connection begins at 0. Frames that wait are those of the messages at the front of the
 * host's next batch, known by their ids; when they are not, all that waits is forgotten (it will be
 * given again).
 */
#include "stream.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STREAM_FRAMES 16384       /* waiting and kept together; a batch is smaller */
#define STREAM_BYTES (256u << 20) /* of them; a batch and what is kept are far below */
#define STREAM_CONNECTIONS 2 /* made in one call: a receiver may just have been started again */
#define STREAM_KEPT_MS 30000 /* after this long in quiet, what was delivered was read too */
#define STREAM_CONNECT_MS 10000

struct frame {
    size_t end; /* in bytes */
    uint64_t id;
    bool refused;
};

struct stream {
    struct link_target target;
    struct link link;
    struct buffer bytes;
    struct frame frames[STREAM_FRAMES];
    size_t frame_count, kept; /* of the frames, those that were reported */
    size_t reported, written;
    size_t resend;
    uint64_t last; /* link_now() when the last batch was reported */
    char refusal[256];
};

/* FNV-1a: ids are hashes already, they need no keyed one. */
static uint64_t id_hash(const char *id)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);

    for (; *id; id++)
        hash = (hash ^ (unsigned char)*id) * UINT64_C(0x100000001b3);
    return hash;
}

struct stream *stream_new(const struct link_target *target, size_t resend)
{
    struct stream *stream = calloc(1, sizeof(*stream));

    if (!stream)
        return NULL;
    stream->target = *target;
    stream->resend = resend;
    link_init(&stream->link);
    buffer_init(&stream->bytes, STREAM_BYTES);
    return stream;
}

void stream_free(struct stream *stream)
{
    if (!stream)
        return;
    link_close(&stream->link);
    buffer_free(&stream->bytes);
    free(stream);
}

/* The first `count` frames leave the memory. */
static void drop_frames(struct stream *stream, size_t count)
{
    size_t bytes = count ? stream->frames[count - 1].end : 0;

    buffer_drop(&stream->bytes, bytes);
    stream->frame_count -= count;
    memmove(stream->frames, stream->frames + count,
            stream->frame_count * sizeof(stream->frames[0]));
    for (size_t i = 0; i < stream->frame_count; i++)
        stream->frames[i].end -= bytes;
    stream->kept -= count;
    stream->reported -= bytes;
    stream->written -= bytes < stream->written ? bytes : stream->written;
}

/* Of those reported, the oldest beyond `resend` bytes or half of the table; in one go when twice as
 * many are there, so that a frame is moved once or twice only. */
static void drop_kept(struct stream *stream, size_t resend)
{
    size_t count = 0;

    if (stream->reported <= 2 * resend && stream->kept < STREAM_FRAMES / 2)
        return;
    while (count < stream->kept &&
           (stream->reported - stream->frames[count].end >= resend ||
            stream->kept - count > STREAM_FRAMES / 4) &&
           stream->frames[count].end <= stream->written)
        count++;
    drop_frames(stream, count);
}

static void forget_waiting(struct stream *stream)
{
    /* A frame may be halfway out: only a new connection can begin with another one. */
    if (stream->written > stream->reported)
        link_close(&stream->link);
    stream->frame_count = stream->kept;
    stream->bytes.len = stream->reported;
    stream->bytes.failed = false;
    if (stream->written > stream->reported)
        stream->written = stream->reported;
}

/* Makes frames of the messages that are not waiting yet. */
static void take(struct stream *stream, stream_frame *frame, void *self,
                 const struct starttap_message *messages, size_t count)
{
    size_t waiting = stream->frame_count - stream->kept;

    for (size_t i = 0; i < waiting && i < count; i++)
        if (stream->frames[stream->kept + i].id != id_hash(messages[i].id)) {
            forget_waiting(stream);
            waiting = 0;
        }
    for (size_t i = waiting; i < count && stream->frame_count < STREAM_FRAMES; i++) {
        size_t before = stream->bytes.len;
        bool taken =
            frame(self, &messages[i], &stream->bytes, stream->refusal, sizeof(stream->refusal));

        if (stream->bytes.failed) { /* no memory: the rest is for the next call */
            stream->bytes.len = before;
            stream->bytes.failed = false;
            return;
        }
        if (!taken)
            stream->bytes.len = before;
        stream->frames[stream->frame_count++] = (struct frame){ .end = stream->bytes.len,
                                                                .id = id_hash(messages[i].id),
                                                                .refused = !taken };
    }
}

/* Those at the front that have arrived are dealt with. */
static void report(struct stream *stream, size_t arrived, size_t count, struct starttap_sent *sent)
{
    while (sent->delivered < count && stream->kept < stream->frame_count &&
           stream->frames[stream->kept].end <= arrived) {
        const struct frame *frame = &stream->frames[stream->kept++];

        stream->reported = frame->end;
        sent->delivered++;
        sent->refused += frame->refused;
    }
    if (sent->refused)
        snprintf(sent->why, sizeof(sent->why), "%s", stream->refusal);
}

static enum link_result write_all(struct stream *stream, uint64_t deadline, char *why, size_t size)
{
    enum link_result result = LINK_DONE;
    size_t written;

    if (stream->written < stream->bytes.len) {
        result = link_write(&stream->link, stream->bytes.bytes + stream->written,
                            stream->bytes.len - stream->written, &written, deadline, why, size);
        stream->written += written;
    }
    return result == LINK_DONE ? link_drain(&stream->link, deadline, why, size) : result;
}

void stream_send(struct stream *stream, stream_frame *frame, void *self,
                 const struct starttap_message *messages, size_t count, unsigned wait_ms,
                 struct starttap_sent *sent)
{
    uint64_t now = link_now(), deadline = now + wait_ms;
    enum link_result result = LINK_LOST;
    char why[sizeof(sent->why)] = "";
    size_t waiting_at;

    drop_kept(stream, now - stream->last > STREAM_KEPT_MS ? 0 : stream->resend);
    take(stream, frame, self, messages, count);
    waiting_at = stream->written;
    if (link_is_open(&stream->link) && !link_peer_is_there(&stream->link, why, sizeof(why)))
        link_close(&stream->link);
    for (int i = 0; i < STREAM_CONNECTIONS && result == LINK_LOST; i++) {
        if (!link_is_open(&stream->link)) {
            uint64_t latest = link_now() + STREAM_CONNECT_MS;

            stream->written = 0;
            waiting_at = 0;
            if (!link_open(&stream->link, &stream->target, latest < deadline ? latest : deadline,
                           why, sizeof(why)))
                break;
        }
        result = write_all(stream, deadline, why, sizeof(why));
        if (result == LINK_LOST)
            link_close(&stream->link);
    }
    if (result == LINK_LOST) {
        report(stream, stream->reported, count, sent); /* those refused at the front */
        sent->failed = true;
        snprintf(sent->why, sizeof(sent->why), "%s", why);
        return;
    }
    {
        size_t unconfirmed = link_unconfirmed(&stream->link);

        report(stream,
               stream->written - (unconfirmed < stream->written ? unconfirmed : stream->written),
               count, sent);
    }
    stream->last = link_now();
    if (sent->delivered < count && stream->written == waiting_at) {
        sent->failed = true; /* not a byte was taken: the host need not ask at once */
        snprintf(sent->why, sizeof(sent->why), "the receiver does not read");
    }
}
