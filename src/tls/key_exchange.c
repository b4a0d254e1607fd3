/* SPDX-License-Identifier: Apache-2.0
 * key_exchange.c - the ServerKeyExchange message: which group, how large a prime, signed how.
 *
 * RFC 5246 section 7.4.3, RFC 8422 section 5.4, RFC 4279 section 2 (PSK hint), RFC 5489. What the
 * message holds follows from the suite. Signatures are not verified.
 */
#include "crypto.h"
#include "data.h"
#include "tls_state.h"

enum { CURVE_NAMED = 3 }; /* RFC 8422 section 5.4; 1 and 2 spell a curve out */

static struct reader without_zeros(struct reader integer)
{
    while (reader_more(&integer) && *integer.at == 0)
        reader_u8(&integer);
    return integer;
}

static uint32_t bits_of(struct reader integer)
{
    if (!reader_more(&integer))
        return 0;
    uint32_t bits = (uint32_t)integer.left * 8;
    for (uint8_t top = reader_u8(&integer); (top & 0x80) == 0; top = (uint8_t)(top << 1))
        bits--;
    return bits;
}

static void take_dhe(struct reader *body, struct tls_key_exchange *out)
{
    struct reader prime = without_zeros(reader_vec16(body));
    reader_vec16(body); /* generator */
    struct reader value = without_zeros(reader_vec16(body));
    if (!reader_ok(body))
        return;
    out->dh_bits = bits_of(prime);
    crypto_sha256(prime.at, prime.left, out->dh_prime_sha256);
    crypto_sha256(value.at, value.left, out->dh_public_sha256);
}

static void take_ecdhe(struct reader *body, struct tls_key_exchange *out)
{
    if (reader_u8(body) != CURVE_NAMED) {
        out->explicit_curve = reader_ok(body);
        reader_take(body, body->left);
        return;
    }
    uint16_t group = reader_u16(body);
    reader_vec8(body);
    if (reader_ok(body))
        out->group = group;
}

static void take_rsa(struct reader *body, struct tls_key_exchange *out)
{
    (void)out;
    reader_vec16(body); /* modulus */
    reader_vec16(body); /* exponent */
}

static void take_srp(struct reader *body, struct tls_key_exchange *out)
{
    (void)out; /* RFC 5054 section 2.5.3: N, g, s, B */
    reader_vec16(body);
    reader_vec16(body);
    reader_vec8(body);
    reader_vec16(body);
}

enum { HINT = 1, ANONYMOUS = 2, SIGNED = 4, MAYBE_SIGNED = 8 };

/* clang-format off */
static const struct {
    unsigned is;
    void (*take)(struct reader *body, struct tls_key_exchange *out);
} rows[] = {
    [DATA_KX_RSA_EXPORT] = { SIGNED,           take_rsa },
    [DATA_KX_DHE]        = { SIGNED,           take_dhe },
    [DATA_KX_DHE_ANON]   = { ANONYMOUS,        take_dhe },
    [DATA_KX_DHE_PSK]    = { HINT,             take_dhe },
    [DATA_KX_ECDHE]      = { SIGNED,           take_ecdhe },
    [DATA_KX_ECDHE_ANON] = { ANONYMOUS,        take_ecdhe },
    [DATA_KX_ECDHE_PSK]  = { HINT,             take_ecdhe },
    [DATA_KX_PSK]        = { HINT,             NULL },
    [DATA_KX_SRP]        = { MAYBE_SIGNED,     take_srp },
    [DATA_KX_TLS13]      = { 0,                NULL },
};
/* clang-format on */

void tls_key_exchange_take(const struct tls_cursor *at, struct reader body, struct mark where)
{
    const struct tls_server_hello *hello = &at->tls->facts.server_hello;
    struct tls_key_exchange *out = &at->tls->facts.key_exchange;
    const struct data_cipher *cipher = data_cipher(hello->cipher);
    unsigned exchange = cipher == NULL ? DATA_KX_OTHER : cipher->key_exchange;
    (void)where;

    *out = (struct tls_key_exchange){ .seen = true };
    if (!hello->seen || exchange >= sizeof rows / sizeof rows[0] || rows[exchange].is == 0)
        return; /* what it holds cannot be known */

    unsigned is = rows[exchange].is;
    out->anonymous = (is & ANONYMOUS) != 0;
    if ((is & HINT) != 0)
        reader_vec16(&body);
    if (rows[exchange].take != NULL)
        rows[exchange].take(&body, out);
    if (out->explicit_curve)
        return; /* the signature lies behind parameters that are not read */

    if ((is & SIGNED) != 0 || ((is & MAYBE_SIGNED) != 0 && reader_more(&body))) {
        uint16_t algorithm = hello->version == 0x0303 ? reader_u16(&body) : 0;
        reader_vec16(&body);
        if (reader_ok(&body))
            out->signature_algorithm = algorithm;
    }
    out->malformed = !reader_ok(&body) || reader_more(&body);
}
