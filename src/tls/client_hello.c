/* SPDX-License-Identifier: Apache-2.0
 * client_hello.c - the ClientHello: what a client offers.
 *
 * RFC 8446 section 4.1.2, RFC 5246 section 7.4.1.2. Of several in clear the last one is kept. What
 * does not fit is noted; what came before it stays.
 */
#include "tls_state.h"

#include <string.h>

enum { RANDOM_BYTES = 32 };
enum { SCSV_RENEGOTIATION = 0x00ff, SCSV_FALLBACK = 0x5600 }; /* RFC 5746, RFC 7507 */

bool tls_client_hello_count(const struct tls_cursor *at, struct mark where)
{
    struct tls *tls = at->tls;
    struct tls_side *side = cursor_side(at);

    /* With the server's side unseen the HelloRetryRequest may be what is missing. */
    bool answers_seen = tls->facts.began[SIDE_SERVER] && !tls->facts.lost[SIDE_SERVER];
    if (tls->facts.client_hellos++ > 0 && !tls->retry_pending && answers_seen)
        tls_note(tls, (struct tls_note){
                          .kind = TLS_NOTE_SECOND_HELLO, .side = at->side, .where = where });
    tls->retry_pending = false;
    side->hello_sent = true;
    return side->hellos++ < LIMIT_TLS_HELLOS;
}

/* A later version ranks higher; drafts of 1.3 lie between 1.2 and 1.3, whatever their numbers. */
static unsigned version_rank(uint16_t version)
{
    if (version == 0x0304)
        return 0x20000;
    if (tls_version_is_13(version))
        return 0x10000U + (version & 0xff);
    return version >> 8 == 3 || version == 0x0002 ? version : 0;
}

static uint16_t version_highest(struct u16_list versions, uint16_t otherwise)
{
    uint16_t best = versions.count > 0 ? versions.at[0] : otherwise;
    for (size_t i = 1; i < versions.count; i++)
        if (version_rank(versions.at[i]) > version_rank(best))
            best = versions.at[i];
    return best;
}

/* A vector that claims more than is there: what is there, and false. */
static bool vector_or_rest(struct reader *from, struct reader *out)
{
    size_t len = reader_u16(from);
    bool fits = reader_ok(from) && len <= from->left;
    *out = reader_take(from, fits ? len : from->left);
    return fits;
}

static void decode(struct tls *tls, struct reader body, struct tls_client_hello *hello)
{
    struct tls_client_extensions extensions = { .tls = tls, .hello = hello };

    hello->version = reader_u16(&body);
    reader_take(&body, RANDOM_BYTES);
    struct reader session_id = reader_vec8(&body);
    struct reader ciphers, compression, block = { 0 };
    bool fits = vector_or_rest(&body, &ciphers);
    compression = reader_vec8(&body);
    if (reader_ok(&body) && reader_more(&body))
        fits = vector_or_rest(&body, &block) && fits;

    hello->session_id_len = session_id.left;
    if (session_id.left <= sizeof tls->client_session_id && session_id.left > 0)
        memcpy(tls->client_session_id, session_id.at, session_id.left);
    tls->client_session_id_len =
        (uint8_t)(session_id.left <= sizeof tls->client_session_id ? session_id.left : 0);

    hello->ciphers =
        tls_u16_list(tls, &ciphers, LIMIT_TLS_CIPHERS, &hello->grease, &extensions.cut);
    while (reader_more(&compression)) {
        uint8_t method = reader_u8(&compression);
        if (hello->compression_count < sizeof hello->compression)
            hello->compression[hello->compression_count++] = method;
    }
    hello->malformed = !fits || !reader_ok(&body) || reader_more(&body) || !reader_ok(&ciphers);
    tls_client_extensions_decode(&extensions, block);

    for (size_t i = 0; i < hello->ciphers.count; i++) {
        hello->renegotiation_info |= hello->ciphers.at[i] == SCSV_RENEGOTIATION;
        hello->fallback_scsv |= hello->ciphers.at[i] == SCSV_FALLBACK;
    }
    if (!extensions.cut) {
        tls_ja3(hello, extensions.points);
        tls_ja4(hello);
    }
}

void tls_client_hello_take(const struct tls_cursor *at, struct reader body, struct mark where)
{
    struct tls *tls = at->tls;
    struct tls_client_hello *hello = &tls->facts.client_hello;
    bool first = tls->facts.client_hellos == 0;

    if (!tls_client_hello_count(at, where))
        return;
    *hello =
        (struct tls_client_hello){ .seen = true, .where = where, .wire_len = (uint32_t)body.left };
    struct tls_lists lists;
    lists.count = 0;
    tls->lists = &lists;
    decode(tls, body, hello);

    if (hello->versions.count == 0) {
        uint16_t *version = tls_list_room(tls, 1);
        if (version != NULL) {
            *version = hello->version;
            hello->versions = tls_list_end(tls, version, 1);
        }
    }
    tls_lists_keep(tls, hello);
    hello->version_max = version_highest(hello->versions, hello->version);
    if (first)
        tls->facts.first_version_max = hello->version_max;
}
