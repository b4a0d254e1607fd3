/* SPDX-License-Identifier: Apache-2.0
 * test_certificate.c - one certificate as facts. The certificates and what is in them:
 * tests/unit/x509/data/make_chains.sh.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "crypto_x509.h"
#include "load.h"

struct loaded {
    struct arena arena;
    struct reader der;
    struct certificate certificate;
};

static struct loaded load(const char *name)
{
    struct loaded loaded = { .der = certificate_load(name) };
    arena_init(&loaded.arena, 1 << 20);
    assert_true(crypto_certificate_decode(loaded.der, &loaded.arena, &loaded.certificate));
    assert_true(loaded.certificate.parsed);
    return loaded;
}

static bool matches(struct reader der, struct text name, bool cn_too)
{
    struct parsed_chain *chain = crypto_chain_parse(NULL, &der, 1);
    assert_non_null(chain);
    bool answer = crypto_chain_matches(chain, name, cn_too);
    parsed_chain_free(chain);
    return answer;
}

static void unload(struct loaded *loaded)
{
    arena_free(&loaded->arena);
    certificate_unload(loaded->der);
}

static void assert_text(struct text text, const char *expected)
{
    char terminated[4096];
    assert_true(text.len < sizeof terminated);
    if (text.len > 0)
        memcpy(terminated, text.at, text.len);
    terminated[text.len] = '\0';
    assert_string_equal(terminated, expected);
}

static void test_a_server_certificate(void **state)
{
    (void)state;
    struct loaded leaf = load("leaf");
    const struct certificate *c = &leaf.certificate;
    assert_text(c->subject, "CN=mail.example.org,O=Example,ST=Bayern,C=DE");
    assert_text(c->issuer, "CN=Intermediate,OU=Mail,O=Starttap Tests,C=DE");
    assert_text(c->subject_cn, "mail.example.org");
    assert_text(c->subject_o, "Example");
    assert_text(c->issuer_cn, "Intermediate");
    assert_text(c->issuer_o, "Starttap Tests");
    assert_text(c->issuer_ou, "Mail");
    assert_true(c->not_before_s == clock_from_civil(2019, 1, 1, 0, 0, 0));
    assert_true(c->not_after_s == clock_from_civil(2024, 1, 1, 0, 0, 0));
    assert_text(c->not_before, "2019-01-01T00:00:00Z");
    assert_text(c->not_after, "2024-01-01T00:00:00Z");
    assert_int_equal(c->version, 3);
    assert_text(c->key_type, "ec");
    assert_text(c->key_curve, "P-256");
    assert_int_equal(c->key_bits, 256);
    assert_int_equal(c->rsa_exponent, 0);
    assert_text(c->signature, "ecdsa-with-SHA256");
    assert_text(c->signature_hash, "sha256");
    assert_int_equal(c->name_count, 4); /* the mail address is left out */
    assert_text(c->names[0], "mail.example.org");
    assert_text(c->names[1], "*.example.net");
    assert_text(c->names[2], "192.0.2.25");
    assert_text(c->names[3], "2001:db8::25");
    assert_int_equal(c->flags, CERTIFICATE_MUST_STAPLE | CERTIFICATE_HAS_AIA_ISSUERS);

    uint8_t digest[SHA256_SIZE];
    crypto_sha256(leaf.der.at, leaf.der.left, digest);
    assert_memory_equal(c->sha256, digest, SHA256_SIZE);
    assert_int_equal(c->len, leaf.der.left);
    unload(&leaf);
}

/* The same key under another issuer: equal SPKI hash, another certificate. */
static void test_spki_is_the_keys(void **state)
{
    (void)state;
    struct loaded root = load("root"), cross = load("cross"), leaf = load("leaf");
    assert_memory_equal(root.certificate.spki_sha256, cross.certificate.spki_sha256, SHA256_SIZE);
    assert_memory_not_equal(root.certificate.sha256, cross.certificate.sha256, SHA256_SIZE);
    assert_memory_not_equal(root.certificate.spki_sha256, leaf.certificate.spki_sha256,
                            SHA256_SIZE);
    /* In an uncompressed P-256 SubjectPublicKeyInfo, 91 bytes, as it stands in the certificate. */
    bool found = false;
    for (size_t i = 0; i + 91 <= leaf.der.left && !found; i++) {
        uint8_t digest[SHA256_SIZE];
        crypto_sha256(leaf.der.at + i, 91, digest);
        found = memcmp(digest, leaf.certificate.spki_sha256, SHA256_SIZE) == 0;
    }
    assert_true(found);
    unload(&root);
    unload(&cross);
    unload(&leaf);
}

static void test_flags(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        unsigned flags;
        uint32_t bits;
        const char *key_type, *key_curve, *hash;
        uint64_t exponent;
        uint8_t version;
    } cases[] = {
        { "root", CERTIFICATE_SELF_ISSUED | CERTIFICATE_SELF_SIGNED | CERTIFICATE_CA, 256, "ec",
          "P-256", "sha256", 0, 3 },
        { "cross", CERTIFICATE_CA, 256, "ec", "P-256", "sha256", 0, 3 },
        { "client", CERTIFICATE_NO_SERVER_AUTH, 256, "ec", "P-256", "sha256", 0, 3 },
        { "ca_leaf", CERTIFICATE_CA, 256, "ec", "P-256", "sha256", 0, 3 },
        { "v1_leaf", CERTIFICATE_V1, 256, "ec", "P-256", "sha256", 0, 1 },
        { "self_signed", CERTIFICATE_SELF_ISSUED | CERTIFICATE_SELF_SIGNED, 256, "ec", "P-256",
          "sha256", 0, 3 },
        { "rsa1024", 0, 1024, "rsa", "", "sha1", 65537, 3 },
        { "large_e", CERTIFICATE_KEY_OUT_OF_RANGE, 1024, "rsa", "", "sha256", 0, 3 },
        { "explicit", CERTIFICATE_KEY_OUT_OF_RANGE, 256, "ec", "P-256", "sha256", 0, 3 },
        { "binary", CERTIFICATE_KEY_OUT_OF_RANGE, 232, "ec", "K-233", "sha256", 0, 3 },
        { "ed25519", 0, 256, "ed25519", "", "sha256", 0, 3 },
        { "many_names", CERTIFICATE_NAMES_CUT, 256, "ec", "P-256", "sha256", 0, 3 },
        { "operator_marked", CERTIFICATE_HAS_CRL_POINTS | CERTIFICATE_HAS_POLICIES, 256, "ec",
          "P-256", "sha256", 0, 3 },
        { "exponent3", CERTIFICATE_WEAK_EXPONENT, 1024, "rsa", "", "sha256", 3, 3 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct loaded loaded = load(cases[i].name);
        const struct certificate *c = &loaded.certificate;
        assert_int_equal(c->flags, cases[i].flags);
        assert_text(c->key_type, cases[i].key_type);
        assert_text(c->key_curve, cases[i].key_curve);
        assert_int_equal(c->key_bits, cases[i].bits);
        assert_int_equal(c->rsa_exponent, cases[i].exponent);
        assert_text(c->signature_hash, cases[i].hash);
        assert_int_equal(c->version, cases[i].version);
        unload(&loaded);
    }
    struct loaded many = load("many_names");
    assert_int_equal(many.certificate.name_count, LIMIT_CERTIFICATE_NAMES);
    assert_text(many.certificate.names[LIMIT_CERTIFICATE_NAMES - 1], "n63.example.org");
    unload(&many);
}

/* UTCTime before 1970, GeneralizedTime after 2049; UTF-8, escapes and a set of two in the name. */
static void test_far_dates_and_odd_names(void **state)
{
    (void)state;
    struct loaded dates = load("dates");
    const struct certificate *c = &dates.certificate;
    assert_true(c->not_before_s == -473385600);
    assert_text(c->not_before, "1955-01-01T00:00:00Z");
    assert_text(c->not_after, "2099-12-31T23:59:59Z");
    assert_text(c->subject,
                "emailAddress=a@example.org+CN=ümlaut \\\"quoted\\\",OU=Second,OU=First,"
                "O=Müller\\, Söhne \\+ Co,C=DE");
    assert_text(c->subject_cn, "ümlaut \"quoted\"");
    assert_text(c->subject_o, "Müller, Söhne + Co");
    unload(&dates);
}

/* Replaces `from` by `to` (same length) wherever it stands; the signature no longer fits, but a
 * parser does not mind. */
static size_t patch(struct reader der, const void *from, const void *to, size_t len)
{
    size_t patched = 0;
    for (size_t i = 0; i + len <= der.left; i++)
        if (memcmp(der.at + i, from, len) == 0) {
            memcpy((void *)(der.at + i), to, len);
            patched++;
        }
    return patched;
}

static struct loaded load_patched(const char *name, const void *from, const void *to, size_t len)
{
    struct loaded loaded = { .der = certificate_load(name) };
    arena_init(&loaded.arena, 1 << 20);
    assert_true(patch(loaded.der, from, to, len) > 0);
    crypto_certificate_decode(loaded.der, &loaded.arena, &loaded.certificate);
    return loaded;
}

static void test_embedded_nul_and_control_characters(void **state)
{
    (void)state;
    struct loaded nul = load_patched("leaf", "mail.example.org", "mail\0example.org", 16);
    assert_true(nul.certificate.parsed);
    assert_true(nul.certificate.flags & CERTIFICATE_NAME_EMBEDDED_NUL);
    assert_text(nul.certificate.subject, "CN=mail\\00example.org,O=Example,ST=Bayern,C=DE");
    assert_text(nul.certificate.subject_cn, "mail\xef\xbf\xbd"
                                            "example.org");
    assert_text(nul.certificate.names[0], "mail\xef\xbf\xbd"
                                          "example.org");
    unload(&nul);

    /* The alternative name alone, by its tag and length. */
    nul = load_patched("leaf", "\x82\x0d*.example.net", "\x82\x0d*.example\0net", 15);
    assert_true(nul.certificate.flags & CERTIFICATE_NAME_EMBEDDED_NUL);
    assert_text(nul.certificate.subject_cn, "mail.example.org");
    unload(&nul);

    struct loaded escape = load_patched("leaf", "Bayern",
                                        "Ba\x1b[\n"
                                        "n",
                                        6);
    assert_text(escape.certificate.subject, "CN=mail.example.org,O=Example,ST=Ba\\1B[\\0An,C=DE");
    assert_false(escape.certificate.flags & CERTIFICATE_NAME_EMBEDDED_NUL);
    unload(&escape);

    /* Bytes that are not UTF-8 in a UTF8String: OpenSSL does not take that for a certificate. */
    struct loaded invalid = load_patched("leaf", "Bayern",
                                         "B\xc0\x80\xff"
                                         "rn",
                                         6);
    assert_false(invalid.certificate.parsed);
    unload(&invalid);

    /* TeletexString, in practice Latin-1; BMPString, whose zero bytes are no NULs. */
    struct loaded latin = load_patched("leaf",
                                       "\x0c\x06"
                                       "Bayern",
                                       "\x14\x06"
                                       "B\xe4yern",
                                       8);
    assert_text(latin.certificate.subject, "CN=mail.example.org,O=Example,ST=Bäyern,C=DE");
    unload(&latin);
    struct loaded wide = load_patched("leaf",
                                      "\x0c\x06"
                                      "Bayern",
                                      "\x1e\x06\0B\0a\0y", 8);
    assert_text(wide.certificate.subject, "CN=mail.example.org,O=Example,ST=Bay,C=DE");
    assert_false(wide.certificate.flags & CERTIFICATE_NAME_EMBEDDED_NUL);
    unload(&wide);
}

static void test_serial_numbers(void **state)
{
    (void)state;
    /* The first octets as they stand in the certificate; the rest are zeros, the last is 0x0a. */
    static const struct {
        const char *text;
        uint8_t first, second;
        bool odd;
    } cases[] = {
        { "12300000000000000000000000000000000000A", 0x01, 0x23, false },
        { "7F0000000000000000000000000000000000000A", 0x7f, 0x00, false },
        { "8000000000000000000000000000000000000A", 0x00, 0x80, false },
        { "-FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF6", 0xff, 0x00, true },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct loaded loaded = load("leaf");
        /* SEQUENCE and SEQUENCE with lengths of two bytes, [0] 02 01 02, INTEGER. */
        uint8_t *serial = (uint8_t *)loaded.der.at + 13;
        assert_memory_equal(serial, "\x02\x14", 2);
        memset(serial + 2, 0, 20);
        serial[2] = cases[i].first;
        serial[3] = cases[i].second;
        serial[21] = 0x0a;
        arena_free(&loaded.arena);
        assert_true(crypto_certificate_decode(loaded.der, &loaded.arena, &loaded.certificate));
        assert_text(loaded.certificate.serial, cases[i].text);
        assert_int_equal((loaded.certificate.flags & CERTIFICATE_SERIAL_ODD) != 0, cases[i].odd);
        unload(&loaded);
    }
    struct loaded zero = load("serial_0"), negative = load("serial_-4660");
    assert_text(zero.certificate.serial, "0");
    assert_true(zero.certificate.flags & CERTIFICATE_SERIAL_ODD);
    assert_text(negative.certificate.serial, "-1234");
    assert_true(negative.certificate.flags & CERTIFICATE_SERIAL_ODD);
    unload(&zero);
    unload(&negative);
}

static void test_unreadable_dates(void **state)
{
    (void)state;
    struct loaded loaded = load_patched("leaf", "240101000000Z", "24zz01000000Z", 13);
    assert_true(loaded.certificate.parsed);
    assert_true(loaded.certificate.not_after_s == INT64_MAX);
    assert_int_equal(loaded.certificate.not_after.len, 0);
    assert_text(loaded.certificate.not_before, "2019-01-01T00:00:00Z");
    unload(&loaded);
}

/* No truncation and no extension by a byte is a certificate, and hashes are there all the same. */
static void test_only_a_whole_certificate_is_one(void **state)
{
    (void)state;
    struct reader der = certificate_load("leaf");
    for (size_t len = 0; len < der.left; len++) {
        uint8_t *cut = malloc(len > 0 ? len : 1), digest[SHA256_SIZE];
        assert_non_null(cut);
        memcpy(cut, der.at, len);
        struct arena arena;
        struct certificate certificate;
        arena_init(&arena, 1 << 20);
        assert_false(crypto_certificate_decode(reader_of(cut, len), &arena, &certificate));
        assert_false(certificate.parsed);
        assert_int_equal(certificate.len, len);
        crypto_sha256(cut, len, digest);
        assert_memory_equal(certificate.sha256, digest, SHA256_SIZE);
        assert_false(matches(reader_of(cut, len), TEXT("x"), true));
        arena_free(&arena);
        free(cut);
    }
    uint8_t *longer = malloc(der.left + 1);
    assert_non_null(longer);
    memcpy(longer, der.at, der.left);
    longer[der.left] = 0;
    struct arena arena;
    struct certificate certificate;
    arena_init(&arena, 1 << 20);
    assert_false(crypto_certificate_decode(reader_of(longer, der.left + 1), &arena, &certificate));
    longer[3]++; /* now the outer length is right, and a byte is left over inside */
    assert_false(crypto_certificate_decode(reader_of(longer, der.left + 1), &arena, &certificate));
    free(longer);

    /* The same content in an outer SEQUENCE of indefinite length is BER, not DER. */
    size_t content = der.left - 4;
    uint8_t *indefinite = malloc(2 + content + 2);
    assert_non_null(indefinite);
    memcpy(indefinite, "\x30\x80", 2);
    memcpy(indefinite + 2, der.at + 4, content);
    memcpy(indefinite + 2 + content, "\0", 2);
    assert_false(
        crypto_certificate_decode(reader_of(indefinite, 2 + content + 2), &arena, &certificate));
    arena_free(&arena);
    free(indefinite);
    certificate_unload(der);
}

static void test_size_limit_comes_first(void **state)
{
    (void)state;
    size_t len = LIMIT_CERTIFICATE_BYTES + 1;
    uint8_t *large = calloc(1, len);
    assert_non_null(large);
    struct arena arena;
    struct certificate certificate;
    arena_init(&arena, 1 << 20);
    assert_false(crypto_certificate_decode(reader_of(large, len), &arena, &certificate));
    assert_int_equal(certificate.len, len);
    assert_int_equal(arena.used, 0);
    free(large);
}

/* A full arena costs texts, not more. */
static void test_a_small_arena_is_survived(void **state)
{
    (void)state;
    struct reader der = certificate_load("many_names");
    for (size_t max = 0; max < 400; max += 7) {
        struct arena arena;
        struct certificate certificate;
        arena_init(&arena, max);
        assert_true(crypto_certificate_decode(der, &arena, &certificate));
        assert_true(arena.exhausted);
        assert_int_equal(certificate.key_bits, 256);
        arena_free(&arena);
    }
    certificate_unload(der);
}

static void test_names_match(void **state)
{
    (void)state;
    static const struct {
        const char *certificate;
        struct text name;
        bool cn_too, matches;
    } cases[] = {
        { "leaf", TEXT("mail.example.org"), false, true },
        { "leaf", TEXT("MAIL.example.ORG"), false, true },
        { "leaf", TEXT("mail.example.org."), false, true },
        { "leaf", TEXT("imap.example.org"), false, false },
        { "leaf", TEXT("smtp.example.net"), false, true },
        { "leaf", TEXT("a.smtp.example.net"), false, false }, /* one label, RFC 9525 section 6.3 */
        { "leaf", TEXT("example.net"), false, false },
        { "leaf", TEXT(".example.net"), false, false },
        { "leaf", TEXT("."), false, false },
        { "leaf", TEXT(""), false, false },
        { "leaf", TEXT("mail.example.org\0.evil.org"), false, false },
        { "leaf", TEXT("192.0.2.25"), false, true },
        { "leaf", TEXT("192.0.2.26"), false, false },
        { "leaf", TEXT("2001:DB8:0::25"), false, true },
        { "leaf", TEXT("2001:db8::26"), false, false },
        { "self_signed", TEXT("cn.example.org"), false, false },
        { "self_signed", TEXT("cn.example.org"), true, true },
        { "self_signed", TEXT("other.example.org"), true, false },
        { "ed25519", TEXT("ed.example.org"), true, true },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct reader der = certificate_load(cases[i].certificate);
        if (matches(der, cases[i].name, cases[i].cn_too) != cases[i].matches)
            fail_msg("case %zu", i);
        certificate_unload(der);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_server_certificate),
        cmocka_unit_test(test_spki_is_the_keys),
        cmocka_unit_test(test_flags),
        cmocka_unit_test(test_far_dates_and_odd_names),
        cmocka_unit_test(test_embedded_nul_and_control_characters),
        cmocka_unit_test(test_serial_numbers),
        cmocka_unit_test(test_unreadable_dates),
        cmocka_unit_test(test_only_a_whole_certificate_is_one),
        cmocka_unit_test(test_size_limit_comes_first),
        cmocka_unit_test(test_a_small_arena_is_survived),
        cmocka_unit_test(test_names_match),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
