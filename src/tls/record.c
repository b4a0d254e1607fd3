/* SPDX-License-Identifier: Apache-2.0
 * record.c - the record layer of both sides: headers, what is clear and what is encrypted, and the
 * way of the bytes to those who read them.
 *
 *      0      1      2      3      4      5
 *      +------+-------------+-------------+----------- - -
 *      | type | 3     minor |   length    | payload            RFC 8446 section 5.1
 *      +------+-------------+-------------+----------- - -
 *
 * Payload is used as it arrives, so that nothing depends on how the stream is cut; only a header
 * that is not complete stays with the caller. Encrypted payload is counted and passed over.
 */
#include "tls_state.h"

#include <stdlib.h>
#include <string.h>

struct tls *tls_new(struct arena *arena, struct intern *intern)
{
    struct tls *tls = arena_alloc(arena, sizeof *tls);
    if (tls == NULL)
        return NULL;
    memset(tls, 0, sizeof *tls);
    tls->arena = arena;
    tls->intern = intern;
    return tls;
}

static void drop_messages(struct tls *tls)
{
    tls_message_drop(&tls->sides[SIDE_CLIENT].message);
    tls_message_drop(&tls->sides[SIDE_SERVER].message);
}

void tls_free(struct tls *tls)
{
    if (tls == NULL)
        return;
    drop_messages(tls);
    tls_chain_forget(tls, &tls->facts.server_chain);
    tls_chain_forget(tls, &tls->facts.client_chain);
    intern_release(tls->intern, tls->hello_lists);
    tls->hello_lists = NULL;
}

const struct tls_facts *tls_facts(const struct tls *tls) { return &tls->facts; }

bool tls_lost(const struct tls *tls, enum side side) { return tls->facts.lost[side]; }

struct mark tls_mark_at(const struct tls_cursor *at, uint64_t offset)
{
    if (at->input->mark_at == NULL)
        return (struct mark){ 0 };
    return at->input->mark_at(at->input->marks, offset);
}

void tls_note(struct tls *tls, struct tls_note note)
{
    struct tls_facts *facts = &tls->facts;
    struct tls_note *notes = arena_grow(tls->arena, facts->notes, facts->note_count,
                                        &facts->note_cap, LIMIT_TLS_NOTES, sizeof *notes);
    if (notes == NULL) {
        facts->notes_dropped++;
        return;
    }
    facts->notes = notes;
    notes[facts->note_count++] = note;
}

void tls_reach(struct tls *tls, enum tls_stage stage)
{
    if (stage > tls->facts.stage)
        tls->facts.stage = stage;
}

void tls_lose(struct tls *tls, enum side side)
{
    tls->sides[side].mode = MODE_LOST;
    tls->facts.lost[side] = true;
    tls_message_drop(&tls->sides[side].message);
}

void tls_encrypted(const struct tls_cursor *at, const struct tls_record *record)
{
    struct tls_encrypted *seen = &at->tls->facts.encrypted[at->side];

    if (record->type == RECORD_HANDSHAKE)
        seen->handshake_records++;
    if (record->type == RECORD_ALERT)
        seen->alerts++;
    if (record->type == RECORD_DATA) {
        seen->application_records++;
        seen->application_bytes += record->len;
    }
    if (seen->first_count < sizeof seen->first_lengths / sizeof seen->first_lengths[0])
        seen->first_lengths[seen->first_count++] = (uint16_t)record->len;
    seen->last_length = (uint16_t)record->len;
    seen->last_type = record->type;
    seen->last_at = record->where;

    tls_reach(at->tls, TLS_STAGE_ENCRYPTED);
    tls_judge_encrypted(at, record);
}

/* Bytes that are no record: clear text again, or a stream that cannot be followed. They are left to
 * the caller. */
static void not_a_record(const struct tls_cursor *at, struct reader bytes)
{
    const struct tls_side *side = cursor_side(at);
    uint8_t first = reader_u8(&bytes);
    bool text = (first >= ' ' && first <= '~') || first == '\r' || first == '\n' || first == '\t';
    struct tls_note note = {
        .kind = text ? TLS_NOTE_CLEAR_AFTER_TLS : TLS_NOTE_MALFORMED,
        .side = at->side,
        .code = text ? 0 : first,
        .len = text ? (uint32_t)(at->end - side->first) : 0,
        .where = tls_mark_at(at, at->end),
    };
    tls_note(at->tls, note);
    tls_lose(at->tls, at->side);
}

enum verdict { HEADER_MORE, HEADER_GOOD, HEADER_BAD };

/* As much of a header as is there: a bad one is bad at the same byte however the stream is cut. */
static enum verdict header_judge(struct reader bytes)
{
    if (!reader_more(&bytes))
        return HEADER_MORE;
    uint8_t type = reader_u8(&bytes);
    if (type < RECORD_CCS || type > RECORD_HEARTBEAT)
        return HEADER_BAD;
    if (!reader_more(&bytes))
        return HEADER_MORE;
    if (reader_u8(&bytes) != 3)
        return HEADER_BAD;
    if (!reader_more(&bytes))
        return HEADER_MORE;
    if (reader_u8(&bytes) > 4)
        return HEADER_BAD;
    if (bytes.left < 2)
        return HEADER_MORE;
    return reader_u16(&bytes) > LIMIT_TLS_RECORD_BYTES ? HEADER_BAD : HEADER_GOOD;
}

/* Whether the side's ChangeCipherSpec has switched it to encryption. In TLS 1.3 it means nothing
 * (RFC 8446 section 5), and as long as no ServerHello was seen we cannot know. */
static bool switched(const struct tls *tls, enum side side)
{
    const struct tls_facts *facts = &tls->facts;
    return tls->sides[side].opaque || (facts->encrypted[side].ccs && facts->server_hello.seen &&
                                       !tls_version_is_13(facts->server_hello.version));
}

/* A side of which we saw a ChangeCipherSpec, or not even a beginning, but no version. */
static bool uncertain(const struct tls *tls, enum side side)
{
    const struct tls_facts *facts = &tls->facts;
    if (facts->server_hello.seen || facts->hello_retry)
        return false;
    return facts->encrypted[side].ccs || (tls->sides[side].midstream && facts->client_hellos == 0);
}

/* An alert of 2 bytes is clear whatever was before: encryption only makes it longer. */
static bool alert_encrypted(const struct tls *tls, enum side side, uint32_t len)
{
    return len > 2 && (switched(tls, side) || uncertain(tls, side));
}

static void record_classify(const struct tls_cursor *at, struct tls_record *record)
{
    const struct tls *tls = at->tls;
    bool encrypted = switched(tls, at->side);

    record->doubtful = false;
    if (record->type == RECORD_DATA)
        encrypted = true;
    if (record->type == RECORD_ALERT)
        encrypted = alert_encrypted(tls, at->side, record->len);
    if (!encrypted && uncertain(tls, at->side)) {
        if (record->type == RECORD_HANDSHAKE)
            record->doubtful = true;
        if (record->type == RECORD_HEARTBEAT)
            encrypted = true;
    }
    record->skip = encrypted;
}

static void record_begin(struct tls_cursor *at, struct reader header)
{
    struct tls_side *side = cursor_side(at);
    struct tls_record *record = &side->record;
    uint8_t before = record->type;

    record->type = reader_u8(&header);
    reader_u16(&header);
    record->len = reader_u16(&header);
    record->left = record->len;
    record->where = tls_mark_at(at, at->end - 1);

    if (record->type != before)
        side->small_have = 0;
    if (side->message.header_have > 0 &&
        (record->type == RECORD_CCS || record->type == RECORD_DATA)) {
        /* RFC 8446 section 5.1: messages are not interleaved with other records. */
        tls_note(at->tls, (struct tls_note){ .kind = TLS_NOTE_MALFORMED,
                                             .side = at->side,
                                             .code = side->message.header[0],
                                             .where = record->where });
        tls_message_drop(&side->message);
    }

    record_classify(at, record);
    if (!record->skip)
        return;
    tls_encrypted(at, record); /* first, because an alert can take back what seemed established */
    if (record->type == RECORD_ALERT)
        tls_alert_encrypted(at, record);
}

static void ccs_bytes(const struct tls_cursor *at, struct reader bytes)
{
    struct tls_side *side = cursor_side(at);
    struct tls_encrypted *seen = &at->tls->facts.encrypted[at->side];
    struct mark where = tls_mark_at(at, at->end - bytes.left);

    side->record.skip = true; /* there is only one byte to it */
    if (side->record.len != 1)
        tls_note(at->tls, (struct tls_note){ .kind = TLS_NOTE_MALFORMED,
                                             .side = at->side,
                                             .code = RECORD_CCS,
                                             .where = where });
    if (seen->ccs)
        return;
    seen->ccs = true;
    seen->ccs_at = where;
    tls_judge_ccs(at);
}

static const struct {
    void (*bytes)(const struct tls_cursor *at, struct reader bytes);
    void (*end)(const struct tls_cursor *at);
} readers[] = {
    [RECORD_CCS] = { ccs_bytes, NULL },
    [RECORD_ALERT] = { tls_alert_bytes, NULL },
    [RECORD_HANDSHAKE] = { tls_handshake_bytes, NULL },
    [RECORD_DATA] = { NULL, NULL },
    [RECORD_HEARTBEAT] = { tls_heartbeat_bytes, tls_heartbeat_end },
};

/* Each step takes something from `rest`, or says that it needs more. */
static bool records_step(struct tls_cursor *at, struct reader *rest)
{
    struct tls_record *record = &cursor_side(at)->record;

    if (record->left == 0) {
        enum verdict verdict = header_judge(*rest);
        if (verdict == HEADER_BAD)
            not_a_record(at, *rest);
        if (verdict != HEADER_GOOD)
            return false;
        struct reader header = reader_take(rest, 5);
        at->end += 5;
        record_begin(at, header);
        return true;
    }

    size_t len = record->left < rest->left ? record->left : rest->left;
    if (len == 0)
        return false;
    struct reader bytes = reader_take(rest, len);
    at->end += len;
    record->left -= (uint32_t)len;
    if (!record->skip && readers[record->type].bytes != NULL)
        readers[record->type].bytes(at, bytes);
    if (record->left == 0 && !record->skip && readers[record->type].end != NULL)
        readers[record->type].end(at);
    return true;
}

static bool start_step(struct tls_cursor *at, struct reader *rest)
{
    struct tls_side *side = cursor_side(at);
    enum tls_started started = tls_start(*rest, at->side, at->input->final);

    if (started == TLS_START_MORE)
        return false;
    side->first = side->next = at->end;
    if (started == TLS_START_NO) {
        if (reader_more(rest))
            not_a_record(at, *rest);
        return false;
    }
    at->tls->facts.began[at->side] = true;
    at->tls->facts.began_at[at->side] = tls_mark_at(at, at->end);
    side->mode = started == TLS_START_SSL2 ? MODE_SSL2 : MODE_RECORDS;
    side->midstream = started == TLS_START_RECORD;
    at->tls->facts.no_hello[at->side] = side->midstream;

    struct reader peek = *rest;
    uint8_t type = reader_u8(&peek);
    side->opaque = side->midstream && (type == RECORD_DATA || type == RECORD_HEARTBEAT);
    return true;
}

/* Behind a client's hello in SSLv2 format the server's answer tells what is spoken; if that is not
 * there, the bytes do: no message of an SSLv2 client is as long as a TLS header would make it. */
static bool answer_step(struct tls_cursor *at, struct reader *rest)
{
    struct reader peek = *rest;
    uint8_t type = reader_u8(&peek), major = reader_u8(&peek);
    bool records = type >= RECORD_CCS && type <= RECORD_HEARTBEAT && major == 3;

    if (rest->left < 2)
        return false;
    if (at->tls->facts.server_hello.seen)
        records = !at->tls->facts.ssl2;
    cursor_side(at)->mode = records ? MODE_RECORDS : MODE_SSL2;
    return true;
}

size_t tls_feed(struct tls *tls, const struct tls_input *input)
{
    static bool (*const steps[MODE_COUNT])(struct tls_cursor *, struct reader *) = {
        [MODE_START] = start_step,
        [MODE_RECORDS] = records_step,
        [MODE_ANSWER] = answer_step,
        [MODE_SSL2] = tls_ssl2_step,
    };
    struct tls_side *side = &tls->sides[input->side];
    struct tls_cursor at = {
        .tls = tls, .input = input, .side = input->side, .end = input->offset
    };
    struct reader rest = input->bytes;

    if (side->mode == MODE_LOST)
        return input->bytes.left;
    if (side->mode == MODE_START)
        side->next = input->offset;
    while (side->mode != MODE_LOST) {
        bool go_on = steps[side->mode](&at, &rest);
        if (side->mode != MODE_LOST)
            side->next = at.end;
        if (!go_on)
            break;
    }
    return input->bytes.left - rest.left;
}

void tls_gap(struct tls *tls, enum side side, uint64_t offset, uint64_t len)
{
    struct tls_side *state = &tls->sides[side];
    struct tls_record *record = &state->record;

    if (state->mode == MODE_LOST)
        return;
    /* Inside of payload that is passed over anyway nothing is lost but the bytes. */
    if (state->mode == MODE_RECORDS && record->skip && offset == state->next &&
        len <= record->left) {
        record->left -= (uint32_t)len;
        state->next += len;
        return;
    }
    tls_lose(tls, side);
    tls_judge(tls);
}

void tls_finished(struct tls *tls, enum side side, struct mark where, bool reset)
{
    (void)where;
    tls->sides[side].ended = true;
    if (reset)
        tls->reset = true;
    tls_judge(tls);
}

void tls_end(struct tls *tls, bool complete)
{
    tls->complete = complete;
    tls_judge(tls);
    drop_messages(tls);
}
