/* SPDX-License-Identifier: Apache-2.0
 * server_hello.c - the ServerHello: what a server chose, and the HelloRetryRequest that looks like
 * one.
 *
 * RFC 8446 sections 4.1.3 and 4.1.4, RFC 5246 section 7.4.1.3. Drafts of TLS 1.3 before 22 leave
 * out session id and compression, and have a message type of their own for the retry.
 */
#include "tls_state.h"

#include <string.h>

/* SHA-256 of "HelloRetryRequest", RFC 8446 section 4.1.3. */
static const uint8_t retry_random[32] = {
    0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91,
    0xc2, 0xa2, 0x11, 0x16, 0x7a, 0xbb, 0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c,
};

/* The last byte of the random says which: RFC 8446 section 4.1.3. */
static const uint8_t sentinel[7] = { 'D', 'O', 'W', 'N', 'G', 'R', 'D' };

bool tls_version_is_13(uint16_t version)
{
    unsigned high = version >> 8; /* drafts: of the IETF 0x7f, of Chrome 0x7e, of Facebook 0xfb */
    return version == 0x0304 || high == 0x7f || high == 0x7e || high == 0xfb;
}

static bool draft_before_22(uint16_t version) { return version >= 0x7f00 && version < 0x7f16; }

static enum tls_sentinel sentinel_of(const uint8_t random[32])
{
    if (memcmp(random + 24, sentinel, sizeof sentinel) != 0 || random[31] > 1)
        return TLS_SENTINEL_NONE;
    return random[31] == 1 ? TLS_SENTINEL_TLS12 : TLS_SENTINEL_TLS11;
}

static void retry_seen(struct tls *tls, uint16_t group)
{
    tls->facts.hello_retry = true;
    tls->facts.hello_retry_group = group;
    tls->retry_pending = true;
}

static void extensions_take(struct tls_server_extensions *into, struct reader *body, bool retry)
{
    struct reader block = { 0 };
    if (reader_ok(body) && reader_more(body)) {
        size_t len = reader_u16(body);
        bool fits = reader_ok(body) && len <= body->left;
        block = reader_take(body, fits ? len : body->left);
        if (!fits)
            into->hello->malformed = true;
    }
    if (!reader_ok(body) || reader_more(body))
        into->hello->malformed = true;
    tls_server_extensions_decode(into, block, retry);
}

void tls_server_hello_take(const struct tls_cursor *at, struct reader body, struct mark where)
{
    struct tls *tls = at->tls;
    struct tls_server_hello hello = { .seen = true, .where = where };
    struct tls_server_extensions extensions = { .tls = tls, .hello = &hello };

    if (cursor_side(at)->hellos++ >= LIMIT_TLS_HELLOS) {
        tls_note(tls, (struct tls_note){ .kind = TLS_NOTE_UNEXPECTED_MESSAGE,
                                         .side = at->side,
                                         .code = MESSAGE_SERVER_HELLO,
                                         .where = where });
        return;
    }

    hello.legacy_version = hello.version = reader_u16(&body);
    uint8_t random[32] = { 0 };
    struct reader sent = reader_take(&body, sizeof random);
    if (sent.left == sizeof random)
        memcpy(random, sent.at, sent.left);
    struct reader session_id = { 0 };
    if (!draft_before_22(hello.legacy_version))
        session_id = reader_vec8(&body);
    hello.cipher = reader_u16(&body);
    if (!draft_before_22(hello.legacy_version))
        hello.compression = reader_u8(&body);

    bool retry = memcmp(random, retry_random, sizeof retry_random) == 0;
    extensions_take(&extensions, &body, retry);
    if (retry) {
        retry_seen(tls, extensions.retry_group);
        return;
    }

    hello.session_id_len = session_id.left;
    hello.session_id_echoed = session_id.left > 0 &&
                              session_id.left == tls->client_session_id_len &&
                              memcmp(session_id.at, tls->client_session_id, session_id.left) == 0;
    hello.sentinel = sentinel_of(random);
    if (!extensions.cut)
        tls_ja3s(&hello);

    tls->facts.server_hello = hello;
    tls->facts.server_hellos++;
    cursor_side(at)->hello_sent = true;
    cursor_side(at)->hello_end = at->end;
    tls_reach(tls, TLS_STAGE_SERVER_HELLO);
}

/* Drafts before 22: version, from draft 19 on a suite, extensions. */
void tls_hello_retry_take(const struct tls_cursor *at, struct reader body, struct mark where)
{
    struct tls_server_hello hello = { 0 };
    struct tls_server_extensions extensions = { .tls = at->tls, .hello = &hello };
    (void)where;

    if (cursor_side(at)->hellos++ >= LIMIT_TLS_HELLOS)
        return;
    if (reader_u16(&body) >= 0x7f13)
        reader_u16(&body);
    extensions_take(&extensions, &body, true);
    retry_seen(at->tls, extensions.retry_group);
}
