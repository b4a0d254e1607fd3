/* SPDX-License-Identifier: Apache-2.0
 * handshake.c - handshake messages: put together across records and segments, bounded, and handed
 * to those who read them.
 *
 *      +------+--------------------+----------- - -
 *      | type |       length       | body            RFC 8446 section 4
 *      +------+--------------------+----------- - -
 *
 * A message that lies whole in the bytes in hand is read in place. One whose body says nothing to
 * us is counted through. One over its maximum is counted through and named.
 */
#include "tls_state.h"

#include <stdlib.h>
#include <string.h>

enum { FROM_CLIENT = 1 << SIDE_CLIENT, FROM_SERVER = 1 << SIDE_SERVER };

/* RFC 5246 section 7.4.8. In TLS 1.1 and before the algorithm goes without saying. */
static void certificate_verify_take(const struct tls_cursor *at, struct reader body,
                                    struct mark where)
{
    struct tls_facts *facts = &at->tls->facts;
    (void)where;
    if (facts->server_hello.seen && facts->server_hello.version == 0x0303 && body.left >= 4)
        facts->certificate_verify_algorithm = reader_u16(&body);
}

#define FACT(member) offsetof(struct tls_facts, member)
#define NO_FACT SIZE_MAX

/* clang-format off */
static const struct row {
    uint32_t type, from, max;
    enum tls_stage stage;
    void (*take)(const struct tls_cursor *at, struct reader body, struct mark where);
    size_t fact; /* a bool of struct tls_facts that the message makes true */
} rows[] = {
    { MESSAGE_HELLO_REQUEST, FROM_SERVER, LIMIT_TLS_MESSAGE_BYTES,
      TLS_STAGE_NONE, NULL, NO_FACT },
    { MESSAGE_CLIENT_HELLO, FROM_CLIENT, LIMIT_TLS_MESSAGE_BYTES,
      TLS_STAGE_CLIENT_HELLO, tls_client_hello_take, NO_FACT },
    { MESSAGE_SERVER_HELLO, FROM_SERVER, LIMIT_TLS_MESSAGE_BYTES,
      TLS_STAGE_NONE, tls_server_hello_take, NO_FACT },
    { MESSAGE_NEW_TICKET, FROM_SERVER, LIMIT_TLS_CERTIFICATE_MESSAGE_BYTES,
      TLS_STAGE_NONE, NULL, FACT(new_ticket) },
    { MESSAGE_HELLO_RETRY, FROM_SERVER, LIMIT_TLS_MESSAGE_BYTES,
      TLS_STAGE_NONE, tls_hello_retry_take, NO_FACT },
    { MESSAGE_CERTIFICATE, FROM_CLIENT | FROM_SERVER, LIMIT_TLS_CERTIFICATE_MESSAGE_BYTES,
      TLS_STAGE_CERTIFICATE, tls_certificate_take, NO_FACT },
    { MESSAGE_SERVER_KEY_EXCHANGE, FROM_SERVER, LIMIT_TLS_MESSAGE_BYTES,
      TLS_STAGE_NONE, tls_key_exchange_take, NO_FACT },
    { MESSAGE_CERTIFICATE_REQUEST, FROM_SERVER, LIMIT_TLS_CERTIFICATE_MESSAGE_BYTES,
      TLS_STAGE_NONE, NULL, FACT(client_certificate_requested) },
    { MESSAGE_SERVER_HELLO_DONE, FROM_SERVER, LIMIT_TLS_MESSAGE_BYTES,
      TLS_STAGE_SERVER_DONE, NULL, FACT(server_hello_done) },
    { MESSAGE_CERTIFICATE_VERIFY, FROM_CLIENT, LIMIT_TLS_MESSAGE_BYTES,
      TLS_STAGE_NONE, certificate_verify_take, FACT(certificate_verify) },
    { MESSAGE_CLIENT_KEY_EXCHANGE, FROM_CLIENT, LIMIT_TLS_MESSAGE_BYTES,
      TLS_STAGE_CLIENT_KEY, NULL, FACT(client_key_exchange) },
    { MESSAGE_CERTIFICATE_URL, FROM_CLIENT, LIMIT_TLS_MESSAGE_BYTES,
      TLS_STAGE_NONE, NULL, NO_FACT },
    { MESSAGE_CERTIFICATE_STATUS, FROM_SERVER, LIMIT_TLS_CERTIFICATE_MESSAGE_BYTES,
      TLS_STAGE_NONE, NULL, FACT(ocsp_staple) },
    { MESSAGE_SUPPLEMENTAL_DATA, FROM_CLIENT | FROM_SERVER, LIMIT_TLS_MESSAGE_BYTES,
      TLS_STAGE_NONE, NULL, NO_FACT },
};
/* clang-format on */

static const struct row *row_of(uint8_t type)
{
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (rows[i].type == type)
            return &rows[i];
    return NULL;
}

void tls_message_drop(struct tls_message *message)
{
    free(message->bytes);
    *message = (struct tls_message){ 0 };
}

/* Whether what claims to be a message in a record that may be encrypted is one: encrypted bytes
 * would have to hit a type and a length. `left`: bytes of the record behind the header. */
static bool plausible(const struct tls_cursor *at, const struct row *row, uint32_t len, size_t left)
{
    if (row == NULL || (row->from & (1U << at->side)) == 0)
        return false;
    if (at->tls->facts.encrypted[at->side].ccs) /* only a hello may follow, in TLS 1.3 */
        return (row->type == MESSAGE_CLIENT_HELLO || row->type == MESSAGE_SERVER_HELLO) &&
               len == left;
    return len <= left;
}

/* The header of a message is complete. False: the rest of the record is no use. */
static bool message_begin(const struct tls_cursor *at, struct reader after, struct mark where)
{
    struct tls_side *side = cursor_side(at);
    struct tls_message *message = &side->message;
    struct reader header = reader_of(message->header, sizeof message->header);
    uint8_t type = reader_u8(&header);
    const struct row *row = row_of(type);

    message->len = reader_u24(&header);
    message->have = 0;
    if (side->record.doubtful) {
        side->record.doubtful = false;
        if (!plausible(at, row, message->len, after.left + side->record.left)) {
            side->opaque = side->opaque || side->midstream;
            side->record.skip = true;
            tls_encrypted(at, &side->record);
            return false;
        }
    }

    if (row == NULL || (row->from & (1U << at->side)) == 0) {
        tls_note(at->tls, (struct tls_note){ .kind = TLS_NOTE_UNEXPECTED_MESSAGE,
                                             .side = at->side,
                                             .code = type,
                                             .len = message->len,
                                             .where = where });
        message->skip = true;
        side->record.skip = row == NULL; /* the framing is not to be trusted either */
        return row != NULL;
    }

    message->skip = row->take == NULL;
    if (message->len > row->max) {
        message->skip = true;
        tls_note(at->tls, (struct tls_note){ .kind = TLS_NOTE_MESSAGE_TOO_LARGE,
                                             .side = at->side,
                                             .code = type,
                                             .len = message->len,
                                             .where = where });
        if (type == MESSAGE_CERTIFICATE)
            tls_chain_refuse(at, message->len, where);
    }
    return true;
}

/* Room for what is there, not for what is announced: lengths are cheap to claim. */
static bool message_grow(struct tls_message *message, size_t more)
{
    size_t need = message->have + more;
    if (need <= message->cap)
        return true;

    size_t cap = message->cap < 512 ? 1024 : message->cap * 2;
    if (cap < need)
        cap = need;
    if (cap > message->len)
        cap = message->len;
    uint8_t *bytes = realloc(message->bytes, cap);
    if (bytes == NULL)
        return false;
    message->bytes = bytes;
    message->cap = cap;
    return true;
}

static void message_append(struct tls *tls, struct tls_message *message, struct reader bytes)
{
    if (!message->skip && !message_grow(message, bytes.left)) {
        tls->facts.out_of_memory = true;
        message->skip = true;
    }
    if (!message->skip && bytes.left > 0)
        memcpy(message->bytes + message->have, bytes.at, bytes.left);
    message->have += (uint32_t)bytes.left;
}

static void message_end(const struct tls_cursor *at, const struct row *row, struct reader body,
                        struct mark where)
{
    struct tls_facts *facts = &at->tls->facts;

    if (row == NULL || (row->from & (1U << at->side)) == 0)
        return;
    if (row->fact != NO_FACT)
        *(bool *)((char *)facts + row->fact) = true;
    tls_reach(at->tls, row->stage);
    if (row->take != NULL && !cursor_side(at)->message.skip)
        row->take(at, body, where);
    tls_judge(at->tls);
}

void tls_handshake_bytes(const struct tls_cursor *at, struct reader bytes)
{
    struct tls_message *message = &cursor_side(at)->message;

    while (reader_more(&bytes)) {
        if (message->header_have < sizeof message->header) {
            message->header[message->header_have++] = reader_u8(&bytes);
            if (message->header_have < sizeof message->header)
                continue;
            if (!message_begin(at, bytes, tls_mark_at(at, at->end - bytes.left - 1))) {
                tls_message_drop(message);
                return;
            }
        }

        size_t want = message->len - message->have;
        struct reader part = reader_take(&bytes, want < bytes.left ? want : bytes.left);
        bool in_place = message->have == 0 && part.left == message->len;
        if (!in_place)
            message_append(at->tls, message, part);
        else
            message->have = message->len;
        if (message->have < message->len)
            return;

        struct reader body = in_place ? part : reader_of(message->bytes, message->len);
        struct tls_cursor behind = *at;
        behind.end -= bytes.left;
        message_end(&behind, row_of(message->header[0]), body, tls_mark_at(at, behind.end - 1));
        tls_message_drop(message);
    }
}
