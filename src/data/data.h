/* SPDX-License-Identifier: Apache-2.0
 * data.h - registries as tables: TLS cipher suites, groups, signature schemes, alerts, and primes
 * that many servers share.
 *
 * One row per entry in a .def file, with its source on top. Lookups are binary searches; what they
 * return lives forever. NULL, or 0, where there is no entry.
 */
#ifndef DATA_H
#define DATA_H

#include <stddef.h>
#include <stdint.h>

enum data_cipher_class {
    DATA_CIPHER_NULL = 1 << 0,
    DATA_CIPHER_ANON = 1 << 1,
    DATA_CIPHER_EXPORT = 1 << 2,
    DATA_CIPHER_RC4 = 1 << 3,
    DATA_CIPHER_DES = 1 << 4,
    DATA_CIPHER_3DES = 1 << 5,
    DATA_CIPHER_RC2 = 1 << 6,
    DATA_CIPHER_IDEA = 1 << 7,
    DATA_CIPHER_SEED = 1 << 8,
    DATA_CIPHER_CBC = 1 << 9,
    DATA_CIPHER_STATIC_RSA = 1 << 10,
    DATA_CIPHER_STATIC_DH = 1 << 11,
    DATA_CIPHER_STATIC_ECDH = 1 << 12,
    DATA_CIPHER_AEAD = 1 << 13,
    DATA_CIPHER_NO_PFS = 1 << 14,
    DATA_CIPHER_MD5_MAC = 1 << 15,
    DATA_CIPHER_NATIONAL = 1 << 16, /* GOST */
    DATA_CIPHER_NO_PKI = 1 << 17,   /* keys come from elsewhere: PSK, Kerberos, passwords */
};

/* What the ServerKeyExchange message of a suite holds. */
enum data_key_exchange {
    DATA_KX_OTHER,  /* not known to us */
    DATA_KX_SIGNAL, /* no suite: a signalling value */
    DATA_KX_STATIC, /* nothing: there is none */
    DATA_KX_RSA_EXPORT,
    DATA_KX_DHE,
    DATA_KX_DHE_ANON,
    DATA_KX_DHE_PSK,
    DATA_KX_ECDHE,
    DATA_KX_ECDHE_ANON,
    DATA_KX_ECDHE_PSK,
    DATA_KX_PSK, /* a hint only; also RSA_PSK */
    DATA_KX_SRP,
    DATA_KX_TLS13, /* the suite does not say; there is no such message */
};

struct data_cipher {
    uint16_t id;
    uint16_t key_exchange; /* enum data_key_exchange */
    uint32_t classes;      /* enum data_cipher_class */
    size_t name_len;
    const char *name;
};
const struct data_cipher *data_cipher(uint16_t id);

struct data_ssl2_kind {
    uint32_t id; /* 3 bytes */
    uint32_t classes;
    const char *name;
};
const struct data_ssl2_kind *data_ssl2_kind(uint32_t id);

enum data_group_kind { DATA_GROUP_CURVE, DATA_GROUP_FFDHE, DATA_GROUP_PQ, DATA_GROUP_PQ_DRAFT };
struct data_group {
    uint16_t id;
    uint16_t bits; /* of the curve's order or of the prime; 0 if not known */
    enum data_group_kind kind;
    const char *name;
};
const struct data_group *data_group(uint16_t id);

const char *data_signature_name(uint16_t scheme);
const char *data_alert_name(uint8_t code);

enum data_prime_kind { DATA_PRIME_SAFE, DATA_PRIME_NOT_SAFE, DATA_PRIME_SUBGROUP };
struct data_prime {
    uint64_t digest; /* first 8 bytes of the SHA-256 of the prime without leading zeros */
    uint32_t bits;
    enum data_prime_kind kind;
    const char *name;
};
const struct data_prime *data_prime(const uint8_t sha256[32]);

/* The number of a finding's rule, for formats that want one; it never changes. */
uint32_t data_rule_number(const char *rule);

#endif
