/* SPDX-License-Identifier: Apache-2.0
 * test_tls_names.c - registries: names, classes, versions, and that every table can be searched.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "data.h"
#include "tls.h"

static void test_names(void **state)
{
    (void)state;
    assert_string_equal(tls_cipher_name(0x1301), "TLS_AES_128_GCM_SHA256");
    assert_string_equal(tls_cipher_name(0x0000), "TLS_NULL_WITH_NULL_NULL");
    assert_string_equal(tls_cipher_name(0xc02f), "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256");
    assert_string_equal(tls_cipher_name(0xffe1), "SSL_RSA_FIPS_WITH_DES_CBC_SHA_2");
    assert_null(tls_cipher_name(0x0a0a));
    assert_string_equal(tls_group_name(29), "x25519");
    assert_string_equal(tls_group_name(23), "secp256r1");
    assert_string_equal(tls_group_name(0x11ec), "X25519MLKEM768");
    assert_string_equal(tls_group_name(256), "ffdhe2048");
    assert_null(tls_group_name(0));
    assert_string_equal(tls_alert_name(40), "handshake_failure");
    assert_string_equal(tls_alert_name(0), "close_notify");
    assert_string_equal(tls_alert_name(109), "missing_extension");
    assert_null(tls_alert_name(255));
    assert_string_equal(tls_signature_name(0x0804), "rsa_pss_rsae_sha256");
    assert_null(tls_signature_name(0x0000));
    assert_string_equal(tls_stage_name(TLS_STAGE_NONE), "none");
    assert_string_equal(tls_stage_name(TLS_STAGE_ESTABLISHED), "established");
}

static void test_versions(void **state)
{
    (void)state;
    static const struct {
        uint16_t version;
        const char *protocol, *text;
    } cases[] = {
        { 0x0002, "ssl", "2.0" },         { 0x0300, "ssl", "3.0" },
        { 0x0301, "tls", "1.0" },         { 0x0302, "tls", "1.1" },
        { 0x0303, "tls", "1.2" },         { 0x0304, "tls", "1.3" },
        { 0x7f1c, "tls", "1.3-draft28" }, { 0xfb17, "tls", "1.3-draft23" },
        { 0xfb1a, "tls", "1.3-draft26" }, { 0x7fff, "tls", "1.3-draft255" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char buffer[16];
        const char *protocol = NULL;
        assert_string_equal(tls_version_text(cases[i].version, &protocol, buffer), cases[i].text);
        assert_string_equal(protocol, cases[i].protocol);
    }
    char buffer[16];
    assert_null(tls_version_text(0x0305, NULL, buffer));
    assert_null(tls_version_text(0x7e02, NULL, buffer)); /* an experiment's number, not a draft's */
    assert_null(tls_version_text(0x0a0a, NULL, buffer));
    assert_null(tls_version_text(0x0000, NULL, buffer));
}

static void test_classes(void **state)
{
    (void)state;
    static const struct {
        uint16_t cipher;
        unsigned classes;
    } cases[] = {
        { 0x0001, CIPHER_NULL | CIPHER_MD5_MAC | CIPHER_STATIC_RSA | CIPHER_NO_PFS },
        { 0x0003, CIPHER_EXPORT | CIPHER_RC4 | CIPHER_MD5_MAC | CIPHER_STATIC_RSA | CIPHER_NO_PFS },
        { 0x000a, CIPHER_3DES | CIPHER_CBC | CIPHER_STATIC_RSA | CIPHER_NO_PFS },
        { 0xc02f, CIPHER_AEAD },
        { 0xc013, CIPHER_CBC },
        { 0x1301, CIPHER_AEAD },
        { 0x00ff, 0 },
        { 0x0a0a, 0 },
        { 0x0081, CIPHER_NATIONAL | CIPHER_NO_PFS },
        { 0xc004, CIPHER_CBC | CIPHER_STATIC_ECDH | CIPHER_NO_PFS },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_int_equal(tls_cipher_classes(cases[i].cipher), cases[i].classes);
}

/* The search finds every row only if the table is sorted. Counts by class: catalogue 6.3, with the
 * rows and corrections that the .def file adds. */
static void test_all_rows_are_found(void **state)
{
    (void)state;
    size_t suites = 0, rows = 0, groups = 0, export = 0, anonymous = 0;
#define SUITE(number, text, exchange, bits)                                                        \
    rows++;                                                                                        \
    assert_non_null(data_cipher(number));                                                          \
    assert_string_equal(data_cipher(number)->name, text);
#include "cipher_suites.def"
#undef SUITE
    for (uint32_t id = 0; id <= UINT16_MAX; id++) {
        const struct data_cipher *row = data_cipher((uint16_t)id);
        suites += row != NULL;
        groups += data_group((uint16_t)id) != NULL;
        if (row == NULL)
            continue;
        assert_int_equal(row->id, id);
        export += (row->classes & DATA_CIPHER_EXPORT) != 0;
        anonymous += (row->classes & DATA_CIPHER_ANON) != 0;
        assert_int_equal((row->classes & DATA_CIPHER_EXPORT) != 0,
                         strstr(row->name, "EXPORT") != NULL);
        assert_int_equal((row->classes & DATA_CIPHER_3DES) != 0, strstr(row->name, "3DES") != NULL);
        if (row->key_exchange == DATA_KX_DHE || row->key_exchange == DATA_KX_ECDHE ||
            row->key_exchange == DATA_KX_TLS13)
            assert_int_equal(row->classes & DATA_CIPHER_NO_PFS, 0);
    }
    assert_int_equal(suites, rows);
    assert_int_equal(export, 21); /* and 2 of SSL 2.0 */
    assert_int_equal(anonymous, 27);
#define GROUP(number, text, strength, sort)                                                        \
    groups--;                                                                                      \
    assert_string_equal(data_group(number)->name, text);
#include "groups.def"
#undef GROUP
    assert_int_equal(groups, 0);
#define SIGNATURE(number, text) assert_string_equal(data_signature_name(number), text);
#include "signature_schemes.def"
#undef SIGNATURE
#define SSL2_KIND(number, text, bits) assert_string_equal(data_ssl2_kind(number)->name, text);
#include "ssl2_kinds.def"
#undef SSL2_KIND
}

static void digest_of(uint64_t prefix, uint8_t out[32])
{
    memset(out, 0xee, 32);
    for (size_t i = 0; i < 8; i++)
        out[i] = (uint8_t)(prefix >> (56 - 8 * i));
}

static void test_primes(void **state)
{
    (void)state;
    uint8_t digest[32];
#define DH_PRIME(prefix, size, sort, text)                                                         \
    digest_of(UINT64_C(prefix), digest);                                                           \
    assert_non_null(data_prime(digest));                                                           \
    assert_int_equal(data_prime(digest)->bits, size);
#include "dh_primes.def"
#undef DH_PRIME
    digest_of(UINT64_C(0xd66436f79bbd6b2e), digest);
    assert_string_equal(tls_dh_prime_name(digest), "RFC 3526 Oakley group 14");
    digest_of(1, digest);
    assert_null(tls_dh_prime_name(digest));
}

static void test_grease(void **state)
{
    (void)state;
    size_t count = 0;
    for (uint32_t value = 0; value <= UINT16_MAX; value++)
        count += tls_is_grease((uint16_t)value);
    assert_int_equal(count, 16);
    assert_true(tls_is_grease(0x0a0a) && tls_is_grease(0xfafa));
    assert_false(tls_is_grease(0x0a1a));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),   cmocka_unit_test(test_versions),
        cmocka_unit_test(test_classes), cmocka_unit_test(test_all_rows_are_found),
        cmocka_unit_test(test_primes),  cmocka_unit_test(test_grease),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
