/* SPDX-License-Identifier: Apache-2.0
 * ssl2.c - SSL 2.0: hellos in its format, which later versions took too, and its sessions.
 *
 *      1lllllll llllllll                     header without padding, 15 bits of length
 *      0elllllll llllllll pppppppp           with padding, 14 bits; e: escape
 *
 * The SSL Protocol, version 0.2 (Netscape 1995); RFC 6101 and 5246 appendix E for the hello; RFC
 * 6176 forbids both. After the client's MASTER-KEY everything is encrypted.
 */
#include "tls_state.h"

#include <stdlib.h>
#include <string.h>

enum {
    SSL2_ERROR = 0,
    SSL2_CLIENT_HELLO = 1,
    SSL2_CLIENT_MASTER_KEY = 2,
    SSL2_SERVER_HELLO = 4,
};
enum { SSL2_VERSION = 0x0002, SSL2_CERTIFICATE_X509 = 1, LIMIT_SSL2_HELLO = 32767 };

/* Cipher kinds are 3 bytes. Those that begin with 0 are TLS suites. */
static void kinds_take(struct tls *tls, struct tls_client_hello *hello, struct reader kinds)
{
    size_t count = kinds.left / 3 < LIMIT_TLS_CIPHERS ? kinds.left / 3 : LIMIT_TLS_CIPHERS;
    if (count == 0)
        return;
    uint32_t *all = arena_alloc(tls->arena, count * sizeof *all);
    uint16_t *suites = arena_alloc(tls->arena, count * sizeof *suites);
    uint16_t *low = arena_alloc(tls->arena, count * sizeof *low);
    if (all == NULL || suites == NULL || low == NULL) {
        tls->facts.out_of_memory = true;
        return;
    }

    size_t suite_count = 0, low_count = 0;
    for (size_t i = 0; i < count; i++) {
        all[i] = reader_u24(&kinds);
        if (all[i] > UINT16_MAX)
            low[low_count++] = (uint16_t)all[i];
        else
            suites[suite_count++] = (uint16_t)all[i];
    }
    hello->ssl2_ciphers = all;
    hello->ssl2_cipher_count = count;
    hello->ciphers = (struct u16_list){ .at = suites, .count = suite_count };
    hello->ssl2_kinds = (struct u16_list){ .at = low, .count = low_count };
}

void tls_ssl2_client_hello_take(const struct tls_cursor *at, struct reader body, struct mark where)
{
    struct tls *tls = at->tls;
    struct tls_client_hello *hello = &tls->facts.client_hello;
    bool first = tls->facts.client_hellos == 0;

    if (!tls_client_hello_count(at, where))
        return;
    *hello = (struct tls_client_hello){
        .seen = true, .ssl2 = true, .where = where, .wire_len = (uint32_t)body.left
    };
    tls->client_session_id_len = 0;
    reader_u8(&body); /* the type */
    hello->version = hello->version_max = reader_u16(&body);
    size_t kinds_len = reader_u16(&body);
    size_t session_id_len = reader_u16(&body);
    size_t challenge_len = reader_u16(&body);
    struct reader kinds = reader_take(&body, kinds_len);
    hello->session_id_len = reader_take(&body, session_id_len).left;
    reader_take(&body, challenge_len);
    hello->malformed = !reader_ok(&body) || reader_more(&body) || kinds_len % 3 != 0;

    kinds_take(tls, hello, kinds);
    for (size_t i = 0; i < hello->ciphers.count; i++) {
        hello->renegotiation_info |= hello->ciphers.at[i] == 0x00ff;
        hello->fallback_scsv |= hello->ciphers.at[i] == 0x5600;
    }
    uint16_t *version = arena_alloc(tls->arena, sizeof *version);
    if (version != NULL) {
        *version = hello->version;
        hello->versions = (struct u16_list){ .at = version, .count = 1 };
    }
    if (first)
        tls->facts.first_version_max = hello->version_max;
    tls_reach(tls, TLS_STAGE_CLIENT_HELLO);
}

void tls_ssl2_server_hello_take(const struct tls_cursor *at, struct reader body, struct mark where)
{
    struct tls *tls = at->tls;
    struct tls_server_hello hello = { .seen = true, .ssl2 = true, .where = where };

    reader_u8(&body); /* the type */
    bool hit = reader_u8(&body) != 0;
    uint8_t certificate_type = reader_u8(&body);
    hello.legacy_version = hello.version = reader_u16(&body);
    size_t certificate_len = reader_u16(&body);
    size_t kinds_len = reader_u16(&body);
    size_t connection_id_len = reader_u16(&body);
    struct reader certificate = reader_take(&body, certificate_len);
    reader_take(&body, kinds_len);
    reader_take(&body, connection_id_len);
    hello.malformed = !reader_ok(&body) || reader_more(&body);

    tls->facts.ssl2 = true;
    tls->facts.server_hello = hello;
    tls->facts.server_hellos++;
    tls->facts.resumed = hit ? TRI_YES : TRI_NO;
    cursor_side(at)->hello_sent = true;
    cursor_side(at)->hello_end = at->end;
    tls_reach(tls, TLS_STAGE_SERVER_HELLO);
    if (certificate.left == 0 || certificate_type != SSL2_CERTIFICATE_X509 ||
        tls->facts.server_chain.seen)
        return;
    tls->facts.server_chain =
        (struct tls_chain){ .seen = true, .wire_len = (uint32_t)certificate_len, .where = where };
    tls_chain_copy(tls, &tls->facts.server_chain, &certificate, 1);
    tls_reach(tls, TLS_STAGE_CERTIFICATE);
}

static void master_key_take(const struct tls_cursor *at, struct reader body)
{
    struct tls *tls = at->tls;
    reader_u8(&body); /* the type */
    uint32_t kind = reader_u24(&body);
    if (reader_ok(&body))
        tls->facts.server_hello.ssl2_kind = kind;
    tls->facts.client_key_exchange = true;
    tls_reach(tls, TLS_STAGE_CLIENT_KEY);
}

/* The client encrypts behind its key, which a resumed session does not have; the server behind its
 * hello, but for an error of 3 bytes, which is shorter than anything encrypted. */
static bool encrypted(const struct tls *tls, enum side side, size_t len)
{
    const struct tls_facts *facts = &tls->facts;
    if (side == SIDE_SERVER)
        return tls->sides[side].hello_sent && len > 3;
    return facts->client_key_exchange || facts->resumed == TRI_YES;
}

static void message_take(const struct tls_cursor *at, struct reader body, struct mark where)
{
    struct tls_side *side = cursor_side(at);
    struct reader peek = body;
    uint8_t type = reader_u8(&peek);

    if (at->side == SIDE_CLIENT && type == SSL2_CLIENT_HELLO && !at->tls->facts.ssl2) {
        tls_ssl2_client_hello_take(at, body, where);
        side->mode = MODE_ANSWER;
    } else if (at->side == SIDE_CLIENT && type == SSL2_CLIENT_MASTER_KEY) {
        master_key_take(at, body);
    } else if (at->side == SIDE_SERVER && type == SSL2_SERVER_HELLO && !at->tls->facts.ssl2) {
        tls_ssl2_server_hello_take(at, body, where);
    } else if (at->side == SIDE_CLIENT || type != SSL2_ERROR) {
        tls_note(at->tls, (struct tls_note){ .kind = TLS_NOTE_UNEXPECTED_MESSAGE,
                                             .side = at->side,
                                             .code = type,
                                             .len = (uint32_t)body.left,
                                             .where = where });
    }
    tls_judge(at->tls);
}

/* The finished messages come first and have no type that could be seen: one of the client, two of
 * the server (SERVER-VERIFY, SERVER-FINISHED). What follows them is data. */
static void encrypted_begin(const struct tls_cursor *at, struct tls_side *side)
{
    uint32_t handshake = at->side == SIDE_CLIENT ? 1 : 2;
    side->record.type = ++side->ssl2_records <= handshake ? RECORD_HANDSHAKE : RECORD_DATA;
    side->record.skip = true;
    tls_encrypted(at, &side->record);
    tls_judge(at->tls);
}

static bool header_take(struct tls_cursor *at, struct reader *rest)
{
    struct tls_side *side = cursor_side(at);
    struct reader peek = *rest;
    uint8_t first = reader_u8(&peek);
    size_t header = (first & 0x80) != 0 ? 2 : 3;

    if (rest->left < header)
        return false;
    size_t len = (size_t)(first & (header == 2 ? 0x7f : 0x3f)) << 8 | reader_u8(&peek);
    reader_take(rest, header);
    at->end += header;
    side->record = (struct tls_record){ .len = (uint32_t)len,
                                        .left = (uint32_t)len,
                                        .where = tls_mark_at(at, at->end - 1) };
    if (encrypted(at->tls, at->side, len))
        encrypted_begin(at, side);
    else
        side->message.len = (uint32_t)len;
    return true;
}

bool tls_ssl2_step(struct tls_cursor *at, struct reader *rest)
{
    struct tls_side *side = cursor_side(at);
    struct tls_record *record = &side->record;
    struct tls_message *message = &side->message;

    if (record->left == 0)
        return header_take(at, rest);

    size_t len = record->left < rest->left ? record->left : rest->left;
    if (len == 0)
        return false;
    struct reader bytes = reader_take(rest, len);
    at->end += len;
    record->left -= (uint32_t)len;
    if (record->skip)
        return true;

    bool whole = message->have == 0 && record->left == 0;
    if (!whole && !message->skip) {
        if (message->bytes == NULL)
            message->bytes = malloc(LIMIT_SSL2_HELLO);
        if (message->bytes == NULL) {
            at->tls->facts.out_of_memory = true;
            message->skip = true;
        } else {
            memcpy(message->bytes + message->have, bytes.at, bytes.left);
        }
    }
    message->have += (uint32_t)bytes.left;
    if (record->left > 0)
        return true;
    if (!message->skip)
        message_take(at, whole ? bytes : reader_of(message->bytes, message->have),
                     tls_mark_at(at, at->end - 1));
    tls_message_drop(message);
    return true;
}
