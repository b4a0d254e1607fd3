/* SPDX-License-Identifier: Apache-2.0
 * start.c - are these the first bytes of TLS, and of what in TLS?
 *
 * RFC 8446 section 5.1, RFC 5246 appendix E.2 (hellos in SSLv2 format), RFC 6520. A hello may be
 * split over records of one byte each; six of its bytes are joined to recognise it.
 */
#include "tls_state.h"

enum { HELLO_BYTES = 6, HELLO_MIN = 41, RECORD_HELLO_MAX = 16384 };
enum { SSL2_CLIENT_HELLO = 1, SSL2_SERVER_HELLO = 4, SSL2_VERSION = 0x0002 };

/* What is known when the bytes do not suffice. */
static enum tls_started short_of(bool final, enum tls_started otherwise)
{
    return final ? otherwise : TLS_START_MORE;
}

/* CLIENT-HELLO: type, version, and three lengths that add up to the record's. */
static enum tls_started ssl2_client(struct reader bytes, size_t len, bool final)
{
    if (!reader_more(&bytes))
        return short_of(final, TLS_START_NO);
    if (reader_u8(&bytes) != SSL2_CLIENT_HELLO)
        return TLS_START_NO;
    if (bytes.left < 8)
        return short_of(final, TLS_START_NO);
    uint16_t version = reader_u16(&bytes);
    size_t kinds = reader_u16(&bytes), session = reader_u16(&bytes), challenge = reader_u16(&bytes);
    bool known = version == SSL2_VERSION || (version >= 0x0300 && version <= 0x0303);
    bool sound = known && kinds > 0 && kinds % 3 == 0 && (session == 0 || session == 16) &&
                 challenge >= 16 && challenge <= 32 && 9 + kinds + session + challenge == len;
    return sound ? TLS_START_SSL2 : TLS_START_NO;
}

/* SERVER-HELLO: type, session id hit, certificate type, version, three lengths. */
static enum tls_started ssl2_server(struct reader bytes, size_t len, bool final)
{
    if (!reader_more(&bytes))
        return short_of(final, TLS_START_NO);
    if (reader_u8(&bytes) != SSL2_SERVER_HELLO)
        return TLS_START_NO;
    if (bytes.left < 10)
        return short_of(final, TLS_START_NO);
    uint8_t hit = reader_u8(&bytes);
    reader_u8(&bytes);
    uint16_t version = reader_u16(&bytes);
    size_t certificate = reader_u16(&bytes), kinds = reader_u16(&bytes), id = reader_u16(&bytes);
    bool sound = hit <= 1 && version == SSL2_VERSION && kinds % 3 == 0 &&
                 11 + certificate + kinds + id == len;
    return sound ? TLS_START_SSL2 : TLS_START_NO;
}

static enum tls_started ssl2_start(struct reader bytes, enum side side, bool final)
{
    if (bytes.left < 2)
        return short_of(final, TLS_START_NO);
    size_t len = reader_u16(&bytes) & 0x7fff;
    return side == SIDE_CLIENT ? ssl2_client(bytes, len, final) : ssl2_server(bytes, len, final);
}

/* The start of the first handshake message, joined from as many records as it takes. Returns how
 * many bytes; *sound is false when something else lies between. */
static size_t handshake_head(struct reader bytes, uint8_t head[HELLO_BYTES], bool *sound)
{
    size_t have = 0;
    *sound = true;
    while (have < HELLO_BYTES && bytes.left >= 5) {
        uint8_t type = reader_u8(&bytes), major = reader_u8(&bytes), minor = reader_u8(&bytes);
        size_t len = reader_u16(&bytes);
        if (type != RECORD_HANDSHAKE || major != 3 || minor > 4) {
            *sound = false;
            break;
        }
        struct reader payload = reader_take(&bytes, len < bytes.left ? len : bytes.left);
        while (reader_more(&payload) && have < HELLO_BYTES)
            head[have++] = reader_u8(&payload);
    }
    return have;
}

static enum tls_started handshake_start(struct reader bytes, enum side side, bool final)
{
    uint8_t bytes_of_head[HELLO_BYTES] = { 0 };
    bool sound;
    size_t have = handshake_head(bytes, bytes_of_head, &sound);
    struct reader head = reader_of(bytes_of_head, have);
    uint8_t wanted = side == SIDE_CLIENT ? MESSAGE_CLIENT_HELLO : MESSAGE_SERVER_HELLO;

    if (have == 0)
        return short_of(final, TLS_START_NO);
    uint8_t type = reader_u8(&head);
    if (type != wanted)
        return side == SIDE_SERVER && type == MESSAGE_HELLO_RETRY ? TLS_START_HELLO
                                                                  : TLS_START_RECORD;
    if (have < HELLO_BYTES)
        return sound ? short_of(final, TLS_START_NO) : TLS_START_RECORD;
    /* Servers of drafts of TLS 1.3 wrote the draft's number here. */
    bool fits = reader_u24(&head) >= (side == SIDE_CLIENT ? HELLO_MIN : 0) &&
                (reader_u8(&head) == 3 || side == SIDE_SERVER);
    return fits ? TLS_START_HELLO : TLS_START_RECORD;
}

static enum tls_started record_start(struct reader bytes, enum side side, bool final)
{
    struct reader whole = bytes;
    uint8_t type = reader_u8(&bytes);

    if (reader_more(&bytes) && reader_u8(&bytes) != 3)
        return TLS_START_NO;
    if (reader_more(&bytes) && reader_u8(&bytes) > 4)
        return TLS_START_NO;
    if (bytes.left < 2)
        return short_of(final, TLS_START_NO);
    uint16_t len = reader_u16(&bytes);
    if (len == 0 || len > (type == RECORD_HANDSHAKE ? RECORD_HELLO_MAX : LIMIT_TLS_RECORD_BYTES))
        return TLS_START_NO;
    if (type == RECORD_HANDSHAKE)
        return handshake_start(whole, side, final);
    if (type == RECORD_ALERT && len <= 2)
        return TLS_START_ALERT;
    if (type == RECORD_CCS && len != 1)
        return TLS_START_NO;
    return TLS_START_RECORD;
}

enum tls_started tls_start(struct reader bytes, enum side side, bool final)
{
    struct reader peek = bytes;
    if (!reader_more(&peek))
        return short_of(final, TLS_START_NO);
    uint8_t first = reader_u8(&peek);
    if ((first & 0x80) != 0)
        return ssl2_start(bytes, side, final);
    if (first >= RECORD_CCS && first <= RECORD_HEARTBEAT)
        return record_start(bytes, side, final);
    return TLS_START_NO;
}
