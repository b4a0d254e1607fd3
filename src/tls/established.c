/* SPDX-License-Identifier: Apache-2.0
 * established.c - what the order and size of encrypted records prove: established, resumed, whether
 * certificates could be seen.
 *
 * RFC 8446 section 4.4.4 (Finished), RFC 5246 section 7.3 (flights), RFC 5077 and 5246 section 7.3
 * (resumption). The judgement is a function of what was collected, so the order in which bytes that
 * crossed on the wire arrive here does not change it. Never from a ServerHello alone.
 */
#include "data.h"
#include "tls_state.h"

#include <string.h>

enum { EXTENSION_NPN = 13172, EXTENSION_CHANNEL_ID_OLD = 30031, EXTENSION_CHANNEL_ID = 30032 };
enum { JAVA_PADDING = 16 /* zero bytes JSSE adds to every record of TLS 1.3 */ };

static uint32_t tag_len(const struct data_cipher *cipher)
{
    return cipher != NULL && strstr(cipher->name, "CCM_8") != NULL ? 8 : 16;
}

uint32_t tls_finished_len(uint16_t cipher)
{
    const struct data_cipher *row = data_cipher(cipher);
    uint32_t hash = row != NULL && strstr(row->name, "SHA384") != NULL ? 48 : 32;
    return 4 + hash + 1 + tag_len(row); /* header, verify_data, content type, tag */
}

bool tls_alert_like(uint16_t cipher, uint32_t len)
{
    uint32_t alert = 2 + 1 + tag_len(data_cipher(cipher));
    return len == alert || len == alert + JAVA_PADDING;
}

bool tls_knew(struct mark where, uint64_t offset, bool otherwise)
{
    return where.acked == 0 ? otherwise : where.acked >= offset;
}

static bool is_13(const struct tls *tls)
{
    return tls->facts.server_hello.seen && tls_version_is_13(tls->facts.server_hello.version);
}

static void finished_set(struct tls_side *side, uint64_t end, struct mark where)
{
    side->finished_sent = true;
    side->finished_end = end;
    side->finished_at = where;
}

/* RFC 8446 section 2.3: data before the server's answer can have come. */
static void early_data(const struct tls_cursor *at, const struct tls_record *record)
{
    struct tls_side *side = cursor_side(at);
    if (!side->early)
        tls_note(at->tls, (struct tls_note){ .kind = TLS_NOTE_EARLY_DATA,
                                             .side = at->side,
                                             .len = record->len,
                                             .where = record->where });
    side->early = true;
}

static void client_13(const struct tls_cursor *at, const struct tls_record *record, uint64_t end)
{
    struct tls_side *client = cursor_side(at);
    const struct tls_side *server = &at->tls->sides[SIDE_SERVER];
    uint16_t cipher = at->tls->facts.server_hello.cipher;

    if (at->tls->facts.client_hello.early_data &&
        !(server->hello_sent && tls_knew(record->where, server->hello_end, true))) {
        early_data(at, record);
        return;
    }
    if (!server->hello_sent)
        return; /* one side only: sizes mean nothing without the suite */
    if (client->finished_sent && tls_alert_like(cipher, record->len))
        client->more_alerts = true;
    else if (client->finished_sent)
        client->more = true;
    else if (record->len >= tls_finished_len(cipher))
        finished_set(client, end, record->where);
}

static void server_13(const struct tls_cursor *at, const struct tls_record *record)
{
    struct tls_side *server = cursor_side(at);
    const struct tls_side *client = &at->tls->sides[SIDE_CLIENT];

    if (!client->finished_sent || !tls_knew(record->where, client->finished_end, true))
        return; /* of its own flight */
    if (tls_alert_like(at->tls->facts.server_hello.cipher, record->len))
        server->more_alerts = true;
    else
        server->more = true;
}

static void client_alert_12(const struct tls_cursor *at, const struct tls_record *record)
{
    const struct tls_side *server = &at->tls->sides[SIDE_SERVER];
    bool answered = server->finished_sent && tls_knew(record->where, server->finished_end, true);
    if (at->tls->facts.encrypted[SIDE_CLIENT].application_records == 0 && !answered)
        cursor_side(at)->rejected = true;
}

/* Encrypted messages of the client's first handshake: Finished, and the two that browsers once sent
 * before it where the server agreed (drafts next-protocol-negotiation, channel ID). */
static uint32_t client_messages(const struct tls *tls)
{
    const struct u16_list *agreed = &tls->facts.server_hello.extensions;
    uint32_t count = 1;
    for (size_t i = 0; i < agreed->count; i++)
        count += agreed->at[i] == EXTENSION_NPN || agreed->at[i] == EXTENSION_CHANNEL_ID ||
                 agreed->at[i] == EXTENSION_CHANNEL_ID_OLD;
    return count;
}

static void handshake_12(const struct tls_cursor *at, const struct tls_record *record, uint64_t end)
{
    struct tls_side *side = cursor_side(at);
    uint32_t first = at->side == SIDE_CLIENT ? client_messages(at->tls) : 1;

    if (!side->finished_sent && !side->opaque)
        finished_set(side, end, record->where);
    if (!side->opaque && (!at->tls->facts.server_hello.seen ||
                          at->tls->facts.encrypted[at->side].handshake_records <= first))
        return;
    if (!side->renegotiated)
        tls_note(at->tls, (struct tls_note){ .kind = TLS_NOTE_RENEGOTIATION,
                                             .side = at->side,
                                             .len = record->len,
                                             .where = record->where });
    side->renegotiated = true;
}

void tls_judge_encrypted(const struct tls_cursor *at, const struct tls_record *record)
{
    uint64_t end = at->end + record->left;

    if (cursor_side(at)->mode == MODE_SSL2)
        return;
    if (record->type == RECORD_HEARTBEAT)
        tls_note(at->tls, (struct tls_note){ .kind = TLS_NOTE_HEARTBEAT_ENCRYPTED,
                                             .side = at->side,
                                             .len = record->len,
                                             .where = record->where });
    if (record->type == RECORD_DATA && (is_13(at->tls) || !at->tls->facts.server_hello.seen)) {
        if (at->side == SIDE_CLIENT)
            client_13(at, record, end);
        else if (is_13(at->tls))
            server_13(at, record);
    }
    if (!is_13(at->tls) && record->type == RECORD_HANDSHAKE)
        handshake_12(at, record, end);
    if (!is_13(at->tls) && record->type == RECORD_ALERT && at->side == SIDE_CLIENT)
        client_alert_12(at, record);
    tls_judge(at->tls);
}

/* In TLS 1.2 and before a server that switches without having shown anything resumes a session
 * (RFC 5246 section 7.3, figure 2; RFC 5077 section 3.1). An echoed session id proves nothing. */
void tls_judge_ccs(const struct tls_cursor *at)
{
    struct tls_facts *facts = &at->tls->facts;
    bool full = facts->server_chain.seen || facts->key_exchange.seen || facts->server_hello_done;

    if (at->side == SIDE_SERVER && facts->server_hello.seen && !is_13(at->tls))
        facts->resumed = full ? TRI_NO : TRI_YES;
    if (!is_13(at->tls) && facts->server_hello.seen)
        tls_reach(at->tls, TLS_STAGE_ENCRYPTED);
    tls_judge(at->tls);
}

static void judge_visible(struct tls *tls)
{
    struct tls_facts *facts = &tls->facts;

    if (is_13(tls))
        facts->resumed = facts->server_hello.psk ? TRI_YES : TRI_NO;
    if (!facts->ssl2 && facts->resumed == TRI_UNKNOWN && facts->server_hello.seen &&
        (facts->server_chain.seen || facts->key_exchange.seen || facts->server_hello_done))
        facts->resumed = TRI_NO;

    if (facts->server_chain.seen &&
        (facts->server_chain.count > 0 || facts->server_chain.too_large))
        facts->visible = TLS_CERT_YES;
    else if (facts->resumed == TRI_YES)
        facts->visible = TLS_CERT_RESUMED;
    else if (is_13(tls))
        facts->visible = TLS_CERT_ENCRYPTED;
    else
        facts->visible = TLS_CERT_NOT_SEEN;
}

/* What the client sent under encryption is missing in part, and none of it was data: it may have
 * been a refusal. NSS finishes its side before it sends one, and the server's Finished still comes.
 */
static bool may_have_refused(const struct tls *tls)
{
    return tls->facts.lost[SIDE_CLIENT] &&
           tls->facts.encrypted[SIDE_CLIENT].application_records == 0;
}

static bool both_finished_12(const struct tls *tls)
{
    return tls->facts.server_hello.seen && !is_13(tls) && !tls->facts.ssl2 &&
           tls->sides[SIDE_CLIENT].finished_sent && tls->sides[SIDE_SERVER].finished_sent &&
           !tls->sides[SIDE_CLIENT].rejected && !may_have_refused(tls);
}

/* A server sends data only when the handshake is over: so half a capture can prove it. */
static bool server_data_12(const struct tls *tls)
{
    return tls->facts.server_hello.seen && !is_13(tls) && !tls->facts.ssl2 &&
           tls->sides[SIDE_SERVER].finished_sent && !tls->sides[SIDE_CLIENT].rejected &&
           tls->facts.encrypted[SIDE_SERVER].application_records > 0;
}

/* A server that answers the client's Finished with an alert and nothing else refuses it; the client
 * may have sent data in the meantime. If the client has sent an alert too, it is a close. */
static bool refused_13(const struct tls *tls)
{
    const struct tls_side *client = &tls->sides[SIDE_CLIENT], *server = &tls->sides[SIDE_SERVER];
    return is_13(tls) && client->finished_sent && server->more_alerts && !server->more &&
           !client->more_alerts;
}

static bool finished_13(const struct tls *tls)
{
    const struct tls_side *client = &tls->sides[SIDE_CLIENT], *server = &tls->sides[SIDE_SERVER];
    return is_13(tls) && client->finished_sent && !refused_13(tls) &&
           (client->more || client->more_alerts || server->more);
}

static bool finished_ssl2(const struct tls *tls)
{
    return tls->facts.ssl2 && tls->sides[SIDE_CLIENT].ssl2_records >= 1 &&
           tls->sides[SIDE_SERVER].ssl2_records >= 2;
}

static bool (*const proofs[])(const struct tls *tls) = {
    both_finished_12,
    server_data_12,
    finished_13,
    finished_ssl2,
};

/* What a side must still send before the connection can count as established. */
static bool owes(const struct tls *tls, enum side side)
{
    const struct tls_side *state = &tls->sides[side];
    if (!tls->facts.server_hello.seen)
        return true;
    if (tls->facts.ssl2)
        return state->ssl2_records < (side == SIDE_CLIENT ? 1 : 2);
    if (!is_13(tls))
        return !state->finished_sent || state->rejected;
    if (side == SIDE_CLIENT)
        return !state->finished_sent;
    return tls->facts.encrypted[side].application_records == 0 || refused_13(tls);
}

/* Only where both sides could be followed from a hello to an end. */
static bool failed(const struct tls *tls)
{
    const struct tls_side *client = &tls->sides[SIDE_CLIENT], *server = &tls->sides[SIDE_SERVER];
    bool whole = tls->complete || (tls->facts.began[SIDE_CLIENT] && tls->facts.began[SIDE_SERVER]);
    bool followed = !tls->facts.lost[SIDE_CLIENT] && !tls->facts.lost[SIDE_SERVER] &&
                    !client->midstream && !server->midstream && client->hello_sent;
    if (!whole || !followed)
        return false;

    bool over = tls->reset || (tls->complete && (client->ended || server->ended));
    bool client_gone = over || client->ended || client->fatal;
    bool server_gone = over || server->ended || server->fatal;
    return (client_gone && owes(tls, SIDE_CLIENT)) || (server_gone && owes(tls, SIDE_SERVER));
}

static struct mark finished_last(const struct tls *tls)
{
    const struct tls_side *client = &tls->sides[SIDE_CLIENT], *server = &tls->sides[SIDE_SERVER];
    if (tls->facts.ssl2)
        return tls->facts.encrypted[SIDE_SERVER].last_at;
    if (!client->finished_sent)
        return server->finished_at;
    if (is_13(tls) || !server->finished_sent)
        return client->finished_at;
    return client->finished_at.time_ns > server->finished_at.time_ns ? client->finished_at
                                                                     : server->finished_at;
}

void tls_judge(struct tls *tls)
{
    struct tls_facts *facts = &tls->facts;
    enum tri before = facts->established;
    bool proven = false;

    judge_visible(tls);
    for (size_t i = 0; i < sizeof proofs / sizeof proofs[0] && !proven; i++)
        proven = proofs[i](tls);
    facts->established = proven ? TRI_YES : failed(tls) ? TRI_NO : TRI_UNKNOWN;
    if (proven && before != TRI_YES) {
        facts->established_at = finished_last(tls);
        tls_reach(tls, TLS_STAGE_ESTABLISHED);
    }
    if (!proven && facts->stage == TLS_STAGE_ESTABLISHED)
        facts->stage = TLS_STAGE_ENCRYPTED; /* the client's alert had crossed the last message */
}
