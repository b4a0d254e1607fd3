/* SPDX-License-Identifier: Apache-2.0
 * excerpt.c - finding the session, collecting its frames, writing what may be shown of them.
 */
#include "excerpt.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "event.h"
#include "log.h"
#include "redact.h"

/* A hidden alert or an immediate end is as telling as the handshake. */
enum { BEHIND_MOST = 8 };
/* Overwrites what is hidden: no filler of a device that masks, no letter of an encoding. */
#define HIDDEN '-'

struct kept { /* a frame of the session */
    struct kept *next;
    int64_t time_ns;
    uint32_t captured, wire, payload_at, payload_len, offset; /* offset: in its side's stream */
    uint16_t link_type;
    enum side side;
    uint8_t data[];
};

struct excerpt {
    const char *id;
    bool found;
    struct address ends[SIDE_COUNT];
    uint16_t ports[SIDE_COUNT];
    uint32_t first_seq[SIDE_COUNT]; /* of the first byte of payload */
    int64_t first_ns, last_ns;
    int64_t until_ns; /* the handshake was over: a few packets more show how it went on */
    bool tls13;
    struct kept *first, **last;
    size_t bytes;
    uint64_t behind; /* packets with payload that came after it */
    uint64_t fragments, other_links, refused;
    struct stream {
        uint8_t *bytes, *keep;
        size_t len;
    } streams[SIDE_COUNT];
};

struct excerpt *excerpt_new(const char *id)
{
    struct excerpt *excerpt = calloc(1, sizeof *excerpt);
    if (excerpt == NULL)
        return NULL;
    excerpt->id = id;
    excerpt->last = &excerpt->first;
    return excerpt;
}

void excerpt_free(struct excerpt *excerpt)
{
    if (excerpt == NULL)
        return;
    for (struct kept *kept = excerpt->first; kept != NULL;) {
        struct kept *next = kept->next;
        free(kept);
        kept = next;
    }
    for (int side = 0; side < SIDE_COUNT; side++) {
        free(excerpt->streams[side].bytes);
        free(excerpt->streams[side].keep);
    }
    free(excerpt);
}

/* --- which session --- */

static bool is_wanted(const char *id, const struct session_record *record,
                      const struct finding *findings)
{
    char event[EVENT_ID_SIZE], key[EVENT_ID_SIZE];
    static const char *const states[] = { "", "open" };
    if (strcmp(id, record->id) == 0)
        return true;
    for (size_t i = 0; i < sizeof states / sizeof states[0]; i++) {
        event_id(record->id, DATASET_SESSION, "", states[i], 0, event);
        if (strcmp(id, event) == 0)
            return true;
    }
    for (; findings != NULL; findings = findings->next) {
        identity_line(findings->said.key, key);
        event_id(record->id, DATASET_FINDING, findings->said.rule, key, findings->update, event);
        if (strcmp(id, findings->uid) == 0 || strcmp(id, event) == 0)
            return true;
    }
    return false;
}

void excerpt_note(struct excerpt *excerpt, const struct session_record *record,
                  const struct finding *findings)
{
    const struct flow_info *flow = record->flow;
    bool again = excerpt->found && flow->first.time_ns == excerpt->first_ns &&
                 memcmp(&excerpt->ends[SIDE_CLIENT], &flow->client, sizeof flow->client) == 0 &&
                 excerpt->ports[SIDE_CLIENT] == flow->client_port;
    if (!again && !is_wanted(excerpt->id, record, findings))
        return;
    excerpt->found = true; /* by its last record, which knows most */
    excerpt->ends[SIDE_CLIENT] = flow->client;
    excerpt->ends[SIDE_SERVER] = flow->server;
    excerpt->ports[SIDE_CLIENT] = flow->client_port;
    excerpt->ports[SIDE_SERVER] = flow->server_port;
    excerpt->first_ns = flow->first.time_ns;
    excerpt->last_ns = flow->last.time_ns;
    for (int side = 0; side < SIDE_COUNT; side++)
        excerpt->first_seq[side] =
            flow->sides[side].isn_known ? flow->sides[side].isn + 1 : flow->first_seq[side];
    bool up = record->tls != NULL && record->tls->established == TRI_YES;
    excerpt->until_ns = up ? record->tls->established_at.time_ns : INT64_MAX;
    excerpt->tls13 = record->tls != NULL && record->tls->server_hello.seen &&
                     tls_version_is_13(record->tls->server_hello.version);
}

/* --- its frames --- */

static bool is_end(const struct excerpt *e, enum side side, const struct address *address,
                   uint16_t port)
{
    return e->ports[side] == port && memcmp(&e->ends[side], address, sizeof *address) == 0;
}

static bool is_ours(const struct excerpt *e, const struct packet *packet, enum side *side)
{
    if (packet->time_ns < e->first_ns || packet->time_ns > e->last_ns)
        return false;
    *side =
        is_end(e, SIDE_CLIENT, &packet->source, packet->source_port) ? SIDE_CLIENT : SIDE_SERVER;
    return is_end(e, *side, &packet->source, packet->source_port) &&
           is_end(e, side_other(*side), &packet->target, packet->target_port);
}

/* The bytes of a stream in their places; the first copy counts, as elsewhere. */
static bool place(struct stream *stream, uint32_t offset, const uint8_t *bytes, uint32_t len)
{
    if (stream->bytes == NULL) {
        stream->bytes = calloc(1, LIMIT_EXCERPT_STREAM);
        stream->keep = calloc(1, LIMIT_EXCERPT_STREAM);
    }
    if (stream->bytes == NULL || stream->keep == NULL || offset >= LIMIT_EXCERPT_STREAM ||
        len > LIMIT_EXCERPT_STREAM - offset)
        return false;
    memcpy(stream->bytes + offset, bytes, len);
    if (offset + len > stream->len)
        stream->len = offset + len;
    return true;
}

static void keep_frame(struct excerpt *e, const struct frame *frame, const struct packet *packet,
                       enum side side)
{
    bool has_payload = packet->payload_wire > 0;
    bool inside = !has_payload || (packet->payload_len > 0 && packet->payload > frame->data &&
                                   packet->payload < frame->data + frame->captured);
    uint32_t offset = packet->seq - e->first_seq[side];
    if (packet->time_ns > e->until_ns && has_payload)
        e->behind++;
    if (e->behind > BEHIND_MOST)
        return;
    if ((packet->via & VIA_FRAGMENTS) != 0 || !inside) {
        e->fragments++;
        return;
    }
    if (e->first != NULL && e->first->link_type != frame->link_type) {
        e->other_links++;
        return;
    }
    if (e->bytes + frame->captured > LIMIT_EXCERPT_BYTES ||
        (has_payload && !place(&e->streams[side], offset, packet->payload, packet->payload_len))) {
        e->refused++;
        return;
    }
    struct kept *kept = malloc(sizeof *kept + frame->captured);
    if (kept == NULL) {
        e->refused++;
        return;
    }
    *kept =
        (struct kept){ .time_ns = frame->time_ns,
                       .captured = frame->captured,
                       .wire = frame->wire,
                       .payload_at = has_payload ? (uint32_t)(packet->payload - frame->data) : 0,
                       .payload_len = has_payload ? packet->payload_len : 0,
                       .offset = offset,
                       .link_type = frame->link_type,
                       .side = side };
    memcpy(kept->data, frame->data, frame->captured);
    e->bytes += frame->captured;
    *e->last = kept;
    e->last = &kept->next;
}

static bool collect(struct excerpt *e, const char *const *paths, size_t count)
{
    const struct capture_options options = { .filter = NULL };
    struct block block = { 0 };
    struct capture *capture = capture_open(paths, count, &options);
    struct packet_decoder *decoder = packet_decoder_new(0);
    bool ok = capture != NULL && decoder != NULL && block_init(&block);
    while (ok && capture_fill(capture, &block)) {
        for (size_t i = 0; i < block.count; i++) {
            struct packet packet;
            enum side side = SIDE_CLIENT;
            if (packet_decode(decoder, &block.frames[i], block.sequence, &packet) == PACKET_TCP &&
                is_ours(e, &packet, &side))
                keep_frame(e, &block.frames[i], &packet, side);
        }
        packet_decoder_release(decoder, block.sequence);
    }
    block_free(&block);
    packet_decoder_free(decoder);
    capture_close(capture);
    return ok;
}

/* --- what may be shown --- */

/* How much the server had said when the client came to an offset of its own. */
static size_t said_before(const struct excerpt *e, size_t client_offset)
{
    size_t said = 0;
    for (const struct kept *kept = e->first; kept != NULL; kept = kept->next) {
        size_t end = (size_t)kept->offset + kept->payload_len;
        if (kept->payload_len == 0)
            continue;
        if (kept->side == SIDE_CLIENT && end > client_offset)
            return said;
        if (kept->side == SIDE_SERVER && end > said)
            said = end;
    }
    return client_offset < e->streams[SIDE_CLIENT].len ? said : SIZE_MAX;
}

static void decide(struct excerpt *e)
{
    struct stream *client = &e->streams[SIDE_CLIENT], *server = &e->streams[SIDE_SERVER];
    struct redact_marks marks = redact_marks_of(client->bytes, client->len);
    marks.tls13 = e->tls13;
    redact_stream(SIDE_CLIENT, client->bytes, client->len, marks, client->keep);
    marks.person = said_before(e, marks.person);
    marks.fetch = said_before(e, marks.fetch);
    redact_stream(SIDE_SERVER, server->bytes, server->len, marks, server->keep);
}

/* The checksum field of the TCP header that ends where the payload begins; NULL if it cannot be
 * told. */
static uint8_t *checksum_of(const struct excerpt *e, struct kept *kept, uint32_t *header_len)
{
    uint32_t seq = e->first_seq[kept->side] + kept->offset;
    for (uint32_t len = 20; len <= 60 && len <= kept->payload_at; len += 4) {
        struct reader header = reader_of(kept->data + kept->payload_at - len, len);
        bool is = reader_u16(&header) == e->ports[kept->side];
        is = reader_u16(&header) == e->ports[side_other(kept->side)] && is;
        is = reader_uint(&header, 4) == seq && is;
        (void)reader_take(&header, 4);
        if (!is || reader_u8(&header) >> 4 != len / 4)
            continue;
        *header_len = len;
        return kept->data + kept->payload_at - len + 16;
    }
    return NULL;
}

/* Overwrites what may not be shown; the checksum follows by RFC 1624. */
static bool overwrite(const struct excerpt *e, struct kept *kept)
{
    const uint8_t *keep = e->streams[kept->side].keep + kept->offset;
    uint8_t *payload = kept->data + kept->payload_at, *checksum;
    uint32_t header_len = 0, sum;
    if (kept->payload_len == 0)
        return true;
    checksum = checksum_of(e, kept, &header_len);
    if (checksum == NULL)
        return false;
    sum = (uint16_t) ~(unsigned)(checksum[0] << 8 | checksum[1]);
    for (uint32_t i = 0; i < kept->payload_len; i++) {
        unsigned shift = (header_len + i) % 2 == 0 ? 8 : 0;
        if (keep[i])
            continue;
        sum += (uint16_t) ~(unsigned)(payload[i] << shift);
        sum += (uint32_t)(HIDDEN << shift);
        sum = (sum & 0xffff) + (sum >> 16);
        payload[i] = HIDDEN;
    }
    sum = (sum & 0xffff) + (sum >> 16);
    checksum[0] = (uint8_t)(~sum >> 8);
    checksum[1] = (uint8_t)~sum;
    return true;
}

/* --- the file --- */

static bool put(FILE *out, const uint32_t *words, size_t count)
{
    return fwrite(words, sizeof *words, count, out) == count;
}

static bool write_frames(struct excerpt *e, FILE *out, uint64_t *written)
{
    /* magic (nanoseconds), version 2.4, zone, accuracy, snap length, link type */
    uint32_t head[6] = { 0xa1b23c4d, 0, 0, 0, 262144, e->first->link_type };
    const uint16_t version[2] = { 2, 4 };
    memcpy(&head[1], version, sizeof version);
    bool ok = put(out, head, 6);
    for (struct kept *kept = e->first; ok && kept != NULL; kept = kept->next) {
        if (!overwrite(e, kept)) {
            e->refused++;
            continue;
        }
        const uint32_t record[4] = { (uint32_t)(kept->time_ns / NS_PER_S),
                                     (uint32_t)(kept->time_ns % NS_PER_S), kept->captured,
                                     kept->wire };
        ok = put(out, record, 4) && fwrite(kept->data, 1, kept->captured, out) == kept->captured;
        *written += 1;
    }
    return ok;
}

static void say_left_out(const struct excerpt *e)
{
    if (e->fragments > 0)
        log_warn("%llu segments were left out: they came in IP fragments, or not whole",
                 (unsigned long long)e->fragments);
    if (e->other_links > 0)
        log_warn("%llu packets were left out: they were captured on another kind of link",
                 (unsigned long long)e->other_links);
    if (e->refused > 0)
        log_warn("%llu packets were left out: there were more than a handshake needs",
                 (unsigned long long)e->refused);
}

bool excerpt_write(struct excerpt *e, const char *const *paths, size_t count, const char *file)
{
    uint64_t written = 0;
    if (!e->found) {
        log_error("--of %s: no session or finding of these captures has this id", e->id);
        return false;
    }
    if (!collect(e, paths, count))
        return false;
    if (e->first == NULL) {
        log_error("--of %s: none of its packets can be written", e->id);
        return false;
    }
    decide(e);
    int descriptor = open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    FILE *out = descriptor < 0 ? NULL : fdopen(descriptor, "wb");
    bool ok = out != NULL && write_frames(e, out, &written);
    if (out != NULL)
        ok = fclose(out) == 0 && ok;
    else if (descriptor >= 0)
        close(descriptor);
    if (!ok) {
        log_error("%s: cannot be written: %s", file, strerror(errno));
        return false;
    }
    say_left_out(e);
    log_info("%s: %llu packets", file, (unsigned long long)written);
    return true;
}
