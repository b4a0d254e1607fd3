/* SPDX-License-Identifier: Apache-2.0
 * data.c - the tables behind data.h, made from the .def files, and the search in them.
 */
#include "data.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

/* clang-format off */
#define C(word) DATA_CIPHER_##word

#define SUITE(number, text, exchange, bits) \
    { .id = (number), .key_exchange = DATA_KX_##exchange, .classes = (bits), .name_len = sizeof(text) - 1, .name = (text) },
static const struct data_cipher ciphers[] = {
#include "cipher_suites.def"
};
#undef SUITE

/* Asked for every suite of every hello, so by index: 128 KiB, of which few cache lines are touched. */
#define SUITE(number, text, exchange, bits) ROW_##number,
enum {
    ROW_NONE,
#include "cipher_suites.def"
};
#undef SUITE
#define SUITE(number, text, exchange, bits) [number] = ROW_##number,
static const uint16_t cipher_rows[65536] = {
#include "cipher_suites.def"
};
#undef SUITE

#define SSL2_KIND(number, text, bits) { .id = (number), .classes = (bits), .name = (text) },
static const struct data_ssl2_kind ssl2_kinds[] = {
#include "ssl2_kinds.def"
};
#undef SSL2_KIND

#define GROUP(number, text, strength, sort) \
    { .id = (number), .bits = (strength), .kind = DATA_GROUP_##sort, .name = (text) },
static const struct data_group groups[] = {
#include "groups.def"
};
#undef GROUP

struct name {
    uint16_t id;
    const char *name;
};

#define SIGNATURE(number, text) { (number), (text) },
static const struct name signatures[] = {
#include "signature_schemes.def"
};
#undef SIGNATURE

#define ALERT(number, text) [number] = (text),
static const char *const alerts[256] = {
#include "alerts.def"
};
#undef ALERT

#define DH_PRIME(prefix, size, sort, text) \
    { .digest = UINT64_C(prefix), .bits = (size), .kind = DATA_PRIME_##sort, .name = (text) },
static const struct data_prime primes[] = {
#include "dh_primes.def"
};
#undef DH_PRIME
/* clang-format on */

#define COUNT(table) (sizeof(table) / sizeof(table)[0])

/* Every row begins with its key, which is of one of three widths. */
static int compare_u16(const void *key, const void *row)
{
    uint16_t a = *(const uint16_t *)key, b = *(const uint16_t *)row;
    return (a > b) - (a < b);
}

static int compare_u32(const void *key, const void *row)
{
    uint32_t a = *(const uint32_t *)key, b = *(const uint32_t *)row;
    return (a > b) - (a < b);
}

static int compare_u64(const void *key, const void *row)
{
    uint64_t a = *(const uint64_t *)key, b = *(const uint64_t *)row;
    return (a > b) - (a < b);
}

const struct data_cipher *data_cipher(uint16_t id)
{
    return cipher_rows[id] == 0 ? NULL : &ciphers[cipher_rows[id] - 1];
}

const struct data_ssl2_kind *data_ssl2_kind(uint32_t id)
{
    return bsearch(&id, ssl2_kinds, COUNT(ssl2_kinds), sizeof ssl2_kinds[0], compare_u32);
}

const struct data_group *data_group(uint16_t id)
{
    return bsearch(&id, groups, COUNT(groups), sizeof groups[0], compare_u16);
}

const char *data_signature_name(uint16_t scheme)
{
    const struct name *row =
        bsearch(&scheme, signatures, COUNT(signatures), sizeof signatures[0], compare_u16);
    return row == NULL ? NULL : row->name;
}

const char *data_alert_name(uint8_t code) { return alerts[code]; }

const struct data_prime *data_prime(const uint8_t sha256[32])
{
    uint64_t digest = 0;
    for (size_t i = 0; i < sizeof digest; i++)
        digest = digest << 8 | sha256[i];
    return bsearch(&digest, primes, COUNT(primes), sizeof primes[0], compare_u64);
}

static const struct rule {
    uint32_t number;
    const char *id;
} rules[] = {
#define RULE_NUMBER(number, id) { number, id },
#include "rule_numbers.def"
};

static int compare_rule(const void *key, const void *row)
{
    return strcmp(key, ((const struct rule *)row)->id);
}

uint32_t data_rule_number(const char *id)
{
    const struct rule *row = bsearch(id, rules, COUNT(rules), sizeof rules[0], compare_rule);
    return row == NULL ? 0 : row->number;
}
