/* SPDX-License-Identifier: Apache-2.0
 * alert.c - alerts in clear and encrypted, and heartbeats.
 *
 * RFC 8446 section 6, RFC 6520 section 4. Of an encrypted alert only its being there is certain.
 */
#include "tls_state.h"

enum { ALERT_FATAL = 2, ALERT_NO_CERTIFICATE = 41 };
enum {
    HEARTBEAT_REQUEST = 1,
    HEARTBEAT_RESPONSE = 2,
    HEARTBEAT_HEADER = 3,
    HEARTBEAT_PADDING = 16
};

static void keep(struct tls *tls, const struct tls_alert *alert)
{
    struct tls_facts *facts = &tls->facts;
    struct tls_alert *alerts = arena_grow(tls->arena, facts->alerts, facts->alert_count,
                                          &facts->alert_cap, LIMIT_TLS_ALERTS, sizeof *alerts);
    if (alerts == NULL) {
        facts->alerts_dropped++;
        return;
    }
    facts->alerts = alerts;
    alerts[facts->alert_count++] = *alert;
}

void tls_alert_bytes(const struct tls_cursor *at, struct reader bytes)
{
    struct tls_side *side = cursor_side(at);

    if (side->record.len > 2) { /* RFC 8446 section 5.1: exactly one alert to a record */
        tls_note(at->tls, (struct tls_note){ .kind = TLS_NOTE_MALFORMED,
                                             .side = at->side,
                                             .code = RECORD_ALERT,
                                             .len = side->record.len,
                                             .where = side->record.where });
        side->record.skip = true;
        return;
    }
    while (reader_more(&bytes)) {
        side->small[side->small_have++] = reader_u8(&bytes);
        if (side->small_have < 2)
            continue;
        side->small_have = 0;
        struct tls_alert alert = {
            .side = at->side,
            .level = side->small[0],
            .code = side->small[1],
            .stage = at->tls->facts.stage,
            .where = tls_mark_at(at, at->end - bytes.left - 1),
            .record_len = side->record.len,
        };
        keep(at->tls, &alert);
        if (alert.level == ALERT_FATAL)
            side->fatal = true;
        if (at->side == SIDE_CLIENT && alert.code == ALERT_NO_CERTIFICATE)
            at->tls->facts.client_certificate_empty = true; /* SSL 3.0's way to say so */
        tls_judge(at->tls);
    }
}

void tls_alert_encrypted(const struct tls_cursor *at, const struct tls_record *record)
{
    struct tls_alert alert = {
        .side = at->side,
        .encrypted = true,
        .stage = at->tls->facts.stage,
        .where = record->where,
        .record_len = record->len,
    };
    keep(at->tls, &alert);
}

void tls_heartbeat_bytes(const struct tls_cursor *at, struct reader bytes)
{
    struct tls_side *side = cursor_side(at);
    while (reader_more(&bytes) && side->small_have < HEARTBEAT_HEADER)
        side->small[side->small_have++] = reader_u8(&bytes);
}

/* A request that claims more than its record holds asks for memory that is not its own. What comes
 * back from that is longer than what was sent. */
void tls_heartbeat_end(const struct tls_cursor *at)
{
    struct tls_side *side = cursor_side(at);
    const struct tls_side *peer = &at->tls->sides[side_other(at->side)];
    struct reader small = reader_of(side->small, side->small_have);
    uint8_t type = reader_u8(&small);
    uint32_t claimed = reader_u16(&small), len = side->record.len;
    struct tls_note note = { .side = at->side, .len = claimed, .where = side->record.where };

    side->small_have = 0;
    if (!reader_ok(&small) || (type != HEARTBEAT_REQUEST && type != HEARTBEAT_RESPONSE)) {
        note.kind = TLS_NOTE_MALFORMED;
        note.code = RECORD_HEARTBEAT;
        note.len = len;
    } else if (type == HEARTBEAT_REQUEST) {
        note.kind = TLS_NOTE_HEARTBEAT_REQUEST;
        note.code = claimed > 0 && claimed + HEARTBEAT_HEADER + HEARTBEAT_PADDING > len;
        side->heartbeat_asked = true;
        side->heartbeat_record = len;
        side->heartbeat_payload = claimed;
    } else {
        note.kind = TLS_NOTE_HEARTBEAT_RESPONSE;
        note.code = peer->heartbeat_asked &&
                    (len > peer->heartbeat_record || claimed > peer->heartbeat_payload);
    }
    tls_note(at->tls, note);
}
