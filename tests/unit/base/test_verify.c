/* SPDX-License-Identifier: Apache-2.0
 * test_verify.c - what comes out of verification for which chain, store and instant. The chains are
 * those of tests/unit/x509/data/make_chains.sh.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "crypto_x509.h"
#include "load.h"
#include "log.h"

static int64_t day(int64_t year, unsigned month, unsigned date)
{
    return clock_from_civil(year, month, date, 0, 0, 0);
}

static _Thread_local struct authority_shelf *shelf; /* filled by all tests */

/* Whether authorities come from the shelf makes no difference. */
static struct verification verify_sent(struct trust_store *store, const struct sent *chain,
                                       int64_t at_s, bool as_client)
{
    struct verification out[3];
    for (int i = 0; i < 3; i++) {
        struct parsed_chain *parsed =
            crypto_chain_parse(i == 0 ? NULL : shelf, chain->ders, chain->count);
        assert_non_null(parsed);
        crypto_chain_verify(store, parsed, at_s, as_client, &out[i]);
        parsed_chain_free(parsed);
        assert_int_equal(out[i].code, out[0].code);
        assert_int_equal(out[i].depth, out[0].depth);
        assert_int_equal(out[i].valid_from_s, out[0].valid_from_s);
        assert_int_equal(out[i].valid_until_s, out[0].valid_until_s);
    }
    return out[0];
}

static struct verification verify(struct trust_store *store, const char *names, int64_t at_s,
                                  bool as_client)
{
    struct sent chain = sent_load(names);
    struct verification out = verify_sent(store, &chain, at_s, as_client);
    sent_unload(&chain);
    return out;
}

static struct trust_store *store_of(const char *bundle, const char *extra)
{
    char paths[2][256];
    (void)snprintf(paths[0], sizeof paths[0], CHAINS "%s", bundle == NULL ? "" : bundle);
    (void)snprintf(paths[1], sizeof paths[1], CHAINS "%s", extra == NULL ? "" : extra);
    struct trust_store *store =
        trust_store_load(bundle == NULL ? NULL : paths[0], extra == NULL ? NULL : paths[1]);
    assert_non_null(store);
    return store;
}

static void test_codes(void **state)
{
    (void)state;
    static const struct {
        const char *bundle, *chain;
        int year;
        int code, depth;
        bool anchored;
    } cases[] = {
        { "root.pem", "leaf inter", 2021, 0, 0, true },
        { "root.pem", "leaf inter root", 2021, 0, 0, true },
        { "root.pem", "leaf root inter", 2021, 0, 0, true }, /* order and extras do not matter */
        { "root.pem", "leaf inter other_root", 2021, 0, 0, true },
        { "root.pem", "leaf", 2021, 21, 0, false },
        { "root.pem", "leaf other_root", 2021, 20, 0, false },
        { "other_root.pem", "leaf inter", 2021, 20, 1, false },
        { "other_root.pem", "leaf inter root", 2021, 19, 2, false },
        { "inter.pem", "leaf inter", 2021, 2, 1, false },
        { "root.pem", "self_signed", 2021, 18, 0, false },
        { "root.pem", "other_leaf other_root", 2021, 19, 1, false },
        { "other_root.pem", "other_leaf", 2021, 0, 0, true },
        { "root.pem", "leaf inter", 2018, 9, 0, true },
        { "root.pem", "leaf inter", 2025, 10, 0, true },
        { "other_root.pem", "leaf inter", 2025, 20, 1, false }, /* the date is not even looked at */
        { "root.pem", "leaf inter", 2040, 10, 1, true },        /* the intermediate, too */
        { "root.pem", "client inter", 2021, 26, 0, true },      /* wrong purpose, known path */
        { "root.pem", "client inter", 2025, 26, 0, true },
        { "other_root.pem", "client inter", 2021, 20, 1, false },
        { "root.pem", "ca_leaf inter", 2021, 0, 0, true },
        { "root.pem", "v1_leaf inter", 2021, 0, 0, true },
        { "root.pem", "rsa1024 inter", 2021, 0, 0, true },
        { "root.pem", "ed25519 inter", 2021, 0, 0, true },
        { "root.pem", "dates inter", 2021, 0, 0, true },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct trust_store *store = store_of(cases[i].bundle, NULL);
        struct verification v = verify(store, cases[i].chain, day(cases[i].year, 6, 1), false);
        if (v.code != cases[i].code || v.depth != cases[i].depth || v.anchored != cases[i].anchored)
            fail_msg("case %zu: code %d at %d, anchored %d (%s)", i, v.code, v.depth, v.anchored,
                     v.text);
        assert_false(v.anchor_extra);
        assert_true(v.valid_from_s <= day(cases[i].year, 6, 1));
        assert_true(v.valid_until_s >= day(cases[i].year, 6, 1));
        trust_store_free(store);
    }
}

static void test_what_an_unknown_path_claims(void **state)
{
    (void)state;
    static const struct {
        const char *chain;
        int code;
        unsigned top;
        bool public_operator, forged_issuer;
    } cases[] = {
        { "other_leaf", 21, 0, false, false },
        { "other_leaf other_root", 19, 1, false, false },
        { "self_signed", 18, 0, false, false },
        { "leaf", 21, 0, true, false }, /* the intermediate has the root's organization */
        { "kin_leaf", 21, 0, true, false },
        { "kin_leaf leaf", 20, 0, true, false },
        { "kin_leaf leaf kin", 19, 2, true, false },
        { "fake_leaf", 7, 0, true, true }, /* the root is found by name, and did not sign */
        { "fake_leaf_keyid", 21, 0, true, true },
        { "fake_leaf_keyid fake_root", 19, 1, true, true },
        { "operator_leaf operator", 19, 1, false, false }, /* no root has that organization */
        { "leaf inter", 0, 0, false, false },
    };
    struct trust_store *store = store_of("root.pem", NULL);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct verification v = verify(store, cases[i].chain, day(2021, 6, 1), false);
        if (v.code != cases[i].code || v.top != cases[i].top ||
            v.public_operator != cases[i].public_operator ||
            v.forged_issuer != cases[i].forged_issuer)
            fail_msg("%s: code %d, top %u, operator %d, forged %d", cases[i].chain, v.code, v.top,
                     v.public_operator, v.forged_issuer);
    }
    trust_store_free(store);
}

static void test_authorities_of_states(void **state)
{
    (void)state;
    struct trust_store *store = store_of("root.pem", NULL);
    assert_true(trust_store_add_national(store, CHAINS "other_root.pem"));
    assert_int_equal(trust_store_count(store), 2);
    struct verification v = verify(store, "other_leaf", day(2021, 6, 1), false);
    assert_int_equal(v.code, 0);
    assert_true(v.anchored && v.anchor_national && !v.anchor_extra);
    v = verify(store, "other_leaf", day(2025, 6, 1), false);
    assert_int_equal(v.code, 10);
    assert_true(v.anchored && v.anchor_national);
    /* Dates of states' roots are borders too: the verdict of 2021 does not reach beyond 2045. */
    assert_true(verify(store, "kin_leaf", day(2040, 6, 1), false).valid_until_s < day(2045, 6, 1));
    assert_false(verify(store, "leaf inter", day(2021, 6, 1), false).anchor_national);
    trust_store_free(store);

    store = store_of(NULL, "other_root.pem"); /* beside the operator's own; an intermediate */
    assert_true(trust_store_add_national(store, CHAINS "inter.pem"));
    v = verify(store, "leaf", day(2021, 6, 1), false);
    assert_true(v.code == 0 && v.anchor_national && !v.anchor_extra);
    log_set_level(LOG_ERROR);
    assert_false(trust_store_add_national(store, CHAINS "no such file"));
    trust_store_free(store);
}

static void test_texts_are_openssls(void **state)
{
    (void)state;
    struct trust_store *store = store_of("root.pem", NULL);
    struct verification ok = verify(store, "leaf inter", day(2021, 6, 1), false);
    struct verification alone = verify(store, "leaf", day(2021, 6, 1), false);
    assert_string_equal(ok.text, "ok");
    assert_string_equal(alone.text, "unable to verify the first certificate");
    trust_store_free(store);
}

static void test_purpose(void **state)
{
    (void)state;
    struct trust_store *store = store_of("root.pem", NULL);
    assert_int_equal(verify(store, "client inter", day(2021, 6, 1), true).code, 0);
    assert_int_equal(verify(store, "leaf inter", day(2021, 6, 1), true).code, 26);
    trust_store_free(store);
}

static void test_what_is_not_verified(void **state)
{
    (void)state;
    static const struct {
        const char *chain, *text;
        int depth;
    } cases[] = {
        { "", "no certificate", 0 },
        { "large_e inter", "key out of range", 0 },
        { "leaf inter explicit", "key out of range", 2 },
        { "leaf binary inter", "key out of range", 1 },
        { "leaf inter inter inter inter inter inter inter inter inter inter",
          "too many certificates", 0 },
    };
    struct trust_store *store = store_of("root.pem", NULL);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct verification v = verify(store, cases[i].chain, day(2021, 6, 1), false);
        assert_int_equal(v.code, -1);
        assert_string_equal(v.text, cases[i].text);
        assert_int_equal(v.depth, cases[i].depth);
        assert_false(v.anchored);
        assert_true(v.valid_from_s == INT64_MIN && v.valid_until_s == INT64_MAX);
    }
    struct sent cut = sent_load("leaf inter");
    cut.ders[1].left--;
    struct verification v = verify_sent(store, &cut, day(2021, 6, 1), false);
    assert_int_equal(v.code, -1);
    assert_string_equal(v.text, "certificate cannot be parsed");
    sent_unload(&cut);
    assert_int_equal(verify(store, "leaf inter inter inter inter inter inter inter inter inter",
                            day(2021, 6, 1), false)
                         .code,
                     0);
    trust_store_free(store);

    v = verify(NULL, "leaf", day(2021, 6, 1), false);
    assert_int_equal(v.code, -1);
    assert_string_equal(v.text, "no trust store");
}

static void test_the_operators_own(void **state)
{
    (void)state;
    struct trust_store *store = store_of("root.pem", "other_root.pem");
    assert_int_equal(trust_store_count(store), 2);
    struct verification own = verify(store, "other_leaf", day(2021, 6, 1), false);
    assert_int_equal(own.code, 0);
    assert_true(own.anchor_extra);
    struct verification expired = verify(store, "other_leaf", day(2025, 6, 1), false);
    assert_int_equal(expired.code, 10);
    assert_true(expired.anchored);
    assert_true(expired.anchor_extra);
    assert_false(verify(store, "leaf inter", day(2021, 6, 1), false).anchor_extra);
    trust_store_free(store);

    /* An intermediate among the operator's own ends a path; one in the public bundle does not. */
    store = store_of(NULL, "inter.pem");
    own = verify(store, "leaf", day(2021, 6, 1), false);
    assert_int_equal(own.code, 0);
    assert_true(own.anchor_extra);
    assert_int_equal(verify(store, "leaf", day(2025, 6, 1), false).code, 10);
    assert_int_equal(verify(store, "other_leaf", day(2021, 6, 1), false).code, 21);
    trust_store_free(store);
    store = store_of("inter.pem", "other_root.pem");
    assert_int_equal(verify(store, "leaf inter", day(2021, 6, 1), false).code, 2);
    trust_store_free(store);

    /* What is public as well is public. */
    store = store_of("both_roots.pem", "root.pem");
    assert_false(verify(store, "leaf inter", day(2021, 6, 1), false).anchor_extra);
    trust_store_free(store);
}

/* A file of root.pem and the block before or behind it. */
static void with_block(char *path, size_t size, const char *block, bool behind)
{
    char root[4096];
    FILE *from = fopen(CHAINS "root.pem", "r");
    assert_non_null(from);
    size_t len = fread(root, 1, sizeof root, from);
    assert_int_equal(fclose(from), 0);
    snprintf(path, size, "/tmp/starttap-test-verify-XXXXXX");
    int fd = mkstemp(path);
    FILE *to = fd < 0 ? NULL : fdopen(fd, "w");
    assert_non_null(to);
    assert_true(len > 0 && len < sizeof root);
    if (!behind)
        assert_true(fputs(block, to) >= 0);
    assert_int_equal(fwrite(root, 1, len, to), len);
    if (behind)
        assert_true(fputs(block, to) >= 0);
    assert_int_equal(fclose(to), 0);
}

static void test_stores_that_cannot_be_read(void **state)
{
    (void)state;
    log_set_level(LOG_ERROR);
    assert_null(trust_store_load(CHAINS "no such file", NULL));
    assert_null(trust_store_load(CHAINS "root.pem", CHAINS "no such file"));
    assert_null(trust_store_load(CHAINS "root.der", NULL)); /* not PEM */
    /* Found before any chain asks: text around is fine, one broken block is not. */
    const char *const blocks[][2] = {
        { "text\n", "yes" },
        { "-----BEGIN X509 CRL-----\nMAA=\n-----END X509 CRL-----\n", "yes" },
        { "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n", NULL },
        { "-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n", NULL },
        { "-----BEGIN CERTIFICATE-----\nMAA=\n", NULL },
    };
    for (size_t i = 0; i < sizeof blocks / sizeof blocks[0]; i++)
        for (int behind = 0; behind < 2; behind++) {
            char path[64];
            with_block(path, sizeof path, blocks[i][0], behind == 1);
            struct trust_store *store = trust_store_load(path, NULL);
            unlink(path);
            if ((store != NULL) != (blocks[i][1] != NULL))
                fail_msg("block %zu, %d", i, behind);
            assert_true(store == NULL || trust_store_count(store) == 1);
            trust_store_free(store);
        }
    struct trust_store *none = trust_store_load(NULL, NULL);
    assert_non_null(none);
    assert_int_equal(trust_store_count(none), 0);
    assert_int_equal(verify(none, "leaf", day(2021, 6, 1), false).code, 21);
    trust_store_free(none);
    trust_store_free(NULL);
}

static bool same(const struct verification *a, const struct verification *b)
{
    return a->code == b->code && a->depth == b->depth && strcmp(a->text, b->text) == 0 &&
           a->anchored == b->anchored && a->anchor_extra == b->anchor_extra;
}

/* Each verdict holds at both ends of its interval, and the intervals meet: walking from one to the
 * next covers all of time, and both seconds around each date in the certificates agree. */
static void test_intervals_hold(void **state)
{
    (void)state;
    static const char *const bundles[] = { "root.pem", "old_root.pem", "both_roots.pem" };
    static const char *const chains[] = {
        "leaf inter",  "leaf inter cross",          "leaf cross inter",
        "dates inter", "leaf inter cross old_root", "leaf"
    };
    for (size_t b = 0; b < sizeof bundles / sizeof *bundles; b++)
        for (size_t c = 0; c < sizeof chains / sizeof *chains; c++) {
            struct trust_store *store = store_of(bundles[b], NULL);
            int64_t at_s = day(1940, 1, 1);
            size_t steps = 0;
            int64_t expected_from_s = INT64_MIN;
            while (at_s < day(2120, 1, 1)) {
                struct verification v = verify(store, chains[c], at_s, false);
                assert_true(v.valid_from_s == expected_from_s);
                assert_true(v.valid_until_s >= at_s);
                int64_t probes[] = {
                    v.valid_from_s == INT64_MIN ? at_s : v.valid_from_s,
                    v.valid_until_s == INT64_MAX ? at_s + 1 : v.valid_until_s,
                };
                int64_t middle_s = probes[0] + (probes[1] - probes[0]) / 2;
                struct verification first = verify(store, chains[c], probes[0], false),
                                    middle = verify(store, chains[c], middle_s, false),
                                    last = verify(store, chains[c], probes[1], false);
                assert_true(same(&v, &first) && same(&v, &middle) && same(&v, &last));
                assert_true(first.valid_from_s == v.valid_from_s &&
                            last.valid_until_s == v.valid_until_s);
                if (v.valid_until_s == INT64_MAX)
                    break;
                at_s = v.valid_until_s + 1;
                expected_from_s = at_s;
                assert_true(++steps < 20);
            }
            assert_true(steps >= 3);
            trust_store_free(store);
        }
}

/* The last second of a certificate is the one before notAfter; the first is notBefore itself. */
static void test_the_second_at_the_border(void **state)
{
    (void)state;
    struct trust_store *store = store_of("root.pem", NULL);
    static const struct {
        int64_t year;
        int offset, code;
    } cases[] = { { 2019, -1, 9 }, { 2019, 0, 0 }, { 2024, -1, 0 }, { 2024, 0, 10 } };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_int_equal(
            verify(store, "leaf inter", day(cases[i].year, 1, 1) + cases[i].offset, false).code,
            cases[i].code);
    trust_store_free(store);
}

static void *thread_main(void *argument)
{
    struct trust_store *store = argument;
    bool right = true;
    shelf = authority_shelf_new();
    for (int i = 0; i < 50; i++) {
        struct verification good = verify(store, "leaf inter", day(2021, 6, 1), false),
                            bad = verify(store, "other_leaf other_root", day(2021, 6, 1), false);
        right = right && good.code == 0 && bad.code == 19;
    }
    authority_shelf_free(shelf);
    return right ? NULL : argument;
}

static void test_one_store_serves_threads(void **state)
{
    (void)state;
    struct trust_store *store = store_of("both_roots.pem", "inter.pem");
    pthread_t threads[4];
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, thread_main, store), 0);
    for (size_t i = 0; i < 4; i++) {
        void *failed;
        pthread_join(threads[i], &failed);
        assert_null(failed);
    }
    trust_store_free(store);
}

/* More authorities than are kept: each chain gets its own, and chains outlive the shelf. */
static void test_the_shelf_is_bounded(void **state)
{
    (void)state;
    enum { MANY = 3 * LIMIT_AUTHORITIES_KEPT, SERIAL_AT = 15, SAME = 5 };
    struct authority_shelf *own = authority_shelf_new();
    struct sent sent = sent_load("leaf inter");
    struct parsed_chain *chains[MANY];
    struct reader ders[MANY][2];
    static uint8_t copies[MANY][4096];
    assert_in_range(sent.ders[1].left, SERIAL_AT + 1, sizeof copies[0]);
    for (unsigned i = 0; i < MANY; i++) {
        memcpy(copies[i], sent.ders[1].at, sent.ders[1].left);
        copies[i][SERIAL_AT] = (uint8_t)(1 + i / SAME);
        ders[i][0] = sent.ders[0];
        ders[i][1] = reader_of(copies[i], sent.ders[1].left);
        chains[i] = crypto_chain_parse(own, ders[i], 2);
        assert_non_null(chains[i]);
    }
    authority_shelf_free(own);
    for (unsigned i = 0; i < MANY; i++) {
        struct arena arena;
        struct certificate facts[2];
        char serial[3];
        arena_init(&arena, 1 << 20);
        (void)crypto_chain_decode(chains[i], ders[i], &arena, facts);
        (void)snprintf(serial, sizeof serial, "%X", 1 + i / SAME);
        assert_memory_equal(facts[1].serial.at, serial, strlen(serial));
        arena_free(&arena);
        parsed_chain_free(chains[i]);
    }
    sent_unload(&sent);
}

static int open_shelf(void **state)
{
    (void)state;
    shelf = authority_shelf_new();
    return shelf != NULL ? 0 : -1;
}

static int close_shelf(void **state)
{
    (void)state;
    authority_shelf_free(shelf);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_shelf_is_bounded),
        cmocka_unit_test(test_codes),
        cmocka_unit_test(test_what_an_unknown_path_claims),
        cmocka_unit_test(test_authorities_of_states),
        cmocka_unit_test(test_texts_are_openssls),
        cmocka_unit_test(test_purpose),
        cmocka_unit_test(test_what_is_not_verified),
        cmocka_unit_test(test_the_operators_own),
        cmocka_unit_test(test_stores_that_cannot_be_read),
        cmocka_unit_test(test_intervals_hold),
        cmocka_unit_test(test_the_second_at_the_border),
        cmocka_unit_test(test_one_store_serves_threads),
    };
    return cmocka_run_group_tests(tests, open_shelf, close_shelf);
}
