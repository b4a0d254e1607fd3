/* SPDX-License-Identifier: Apache-2.0
 * test_x509.c - chains as facts, and that the cache changes cost but never content.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "clock.h"
#include "data/load.h"
#include "x509.h"

static struct trust_store *both_roots(void)
{
    struct trust_store *store = trust_store_load(CHAINS "both_roots.pem", NULL);
    assert_non_null(store);
    return store;
}

static void test_a_chain_is_its_certificates(void **state)
{
    (void)state;
    static const struct {
        const char *names;
        bool order_ok;
    } cases[] = {
        { "leaf inter", true },
        { "leaf inter root", true },
        { "leaf inter cross old_root", true },
        { "leaf root inter", false },
        { "inter leaf", false },
        { "leaf", true },
        { "leaf inter inter", false },
        { "", true },
        { "leaf other_root", false },
    };
    struct x509_cache *cache = x509_cache_new(NULL, 100);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct sent sent = sent_load(cases[i].names);
        const struct x509_chain *chain = x509_chain_hold(cache, NULL, sent.ders, sent.count);
        assert_non_null(chain);
        assert_int_equal(chain->count, sent.count);
        assert_int_equal(chain->order_ok, cases[i].order_ok);
        assert_false(chain->refused);
        uint8_t key[SHA256_SIZE];
        crypto_sha256_framed(sent.ders, sent.count, key);
        assert_memory_equal(chain->key, key, SHA256_SIZE);
        for (size_t c = 0; c < sent.count; c++) {
            uint8_t digest[SHA256_SIZE];
            crypto_sha256(sent.ders[c].at, sent.ders[c].left, digest);
            assert_true(chain->certificates[c].parsed);
            assert_memory_equal(chain->certificates[c].sha256, digest, SHA256_SIZE);
        }
        x509_chain_release(cache, chain);
        sent_unload(&sent);
    }
    x509_cache_free(cache);
}

/* What belongs to the path by names, whatever the order; and what is there twice. */
static void test_what_is_no_part_of_the_path(void **state)
{
    (void)state;
    static const struct {
        const char *names;
        const char *unused, *repeated; /* a mark for each certificate */
    } cases[] = {
        { "leaf inter root", "---", "---" },
        { "leaf root inter", "---", "---" },
        { "leaf inter cross root", "----", "----" }, /* two ways up */
        { "leaf inter other_root", "--u", "---" },
        { "leaf other_leaf inter other_root", "-u-u", "----" },
        { "leaf leaf inter inter", "----", "-r-r" },
        { "fake_leaf root root", "-uu", "--r" },
        { "leaf explicit inter", "-u-", "---" },
        { "leaf", "-", "-" },
        { "inter leaf", "-u", "--" },
        { "self_signed other_root", "-u", "--" },
        { "fake_leaf root", "-u", "--" }, /* the name fits, the key did not sign */
        { "fake_leaf fake_root root", "--u", "---" },
        { "fake_leaf_keyid root", "-u", "--" }, /* told apart by the key's identifier */
    };
    struct x509_cache *cache = x509_cache_new(NULL, 100);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct sent sent = sent_load(cases[i].names);
        const struct x509_chain *chain = x509_chain_hold(cache, NULL, sent.ders, sent.count);
        for (size_t c = 0; c < sent.count; c++) {
            unsigned flags = chain->certificates[c].flags;
            if (((flags & CERTIFICATE_UNUSED) != 0) != (cases[i].unused[c] == 'u') ||
                ((flags & CERTIFICATE_REPEATED) != 0) != (cases[i].repeated[c] == 'r'))
                fail_msg("%s: certificate %zu has flags %x", cases[i].names, c, flags);
        }
        x509_chain_release(cache, chain);
        sent_unload(&sent);
    }
    x509_cache_free(cache);
}

static void test_anchors(void **state)
{
    (void)state;
    static const struct {
        const char *names;
        int year;
        enum session_anchor anchor;
    } cases[] = {
        { "leaf inter", 2021, ANCHOR_PUBLIC },
        { "leaf inter", 2025, ANCHOR_PUBLIC },   /* expired, and genuine */
        { "client inter", 2021, ANCHOR_PUBLIC }, /* of no use as a server's, and genuine */
        { "leaf", 2021, ANCHOR_PUBLIC_INCOMPLETE },
        { "kin_leaf", 2021, ANCHOR_PUBLIC_INCOMPLETE },
        { "operator_leaf", 2021, ANCHOR_PUBLIC_INCOMPLETE },
        { "kin_leaf kin", 2021, ANCHOR_NAME_COLLISION },
        { "operator_leaf operator", 2021, ANCHOR_NAME_COLLISION },
        { "operator_marked operator", 2021, ANCHOR_PRIVATE }, /* may be a root newer than ours */
        { "fake_leaf", 2021, ANCHOR_NAME_COLLISION },
        { "fake_leaf_keyid fake_root", 2021, ANCHOR_NAME_COLLISION },
        { "self_signed", 2021, ANCHOR_SELF_SIGNED_LEAF },
        { "other_leaf other_root", 2021, ANCHOR_CONFIGURED },
        { "other_leaf", 2021, ANCHOR_CONFIGURED },
        { "old_root", 2019, ANCHOR_NATIONAL },
        { "old_root", 2025, ANCHOR_NATIONAL },
        { "dates", 2021, ANCHOR_PUBLIC_INCOMPLETE },
        { "large_e inter", 2021, ANCHOR_NOT_VERIFIED },
    };
    struct trust_store *store = trust_store_load(CHAINS "root.pem", CHAINS "other_root.pem");
    assert_non_null(store);
    assert_true(trust_store_add_national(store, CHAINS "old_root.pem"));
    struct x509_cache *cache = x509_cache_new(store, 100);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct sent sent = sent_load(cases[i].names);
        const struct x509_chain *chain = x509_chain_hold(cache, NULL, sent.ders, sent.count);
        struct verification v = x509_chain_verify(
            cache, chain, sent.ders, clock_from_civil(cases[i].year, 3, 1, 0, 0, 0), false);
        enum session_anchor anchor = x509_chain_anchor(chain, &v);
        if (anchor != cases[i].anchor)
            fail_msg("%s in %d: anchor %d, code %d", cases[i].names, cases[i].year, anchor, v.code);
        x509_chain_release(cache, chain);
        sent_unload(&sent);
    }
    x509_cache_free(cache);
    trust_store_free(store);
    assert_int_equal(x509_chain_anchor(NULL, &(struct verification){ .code = 0 }),
                     ANCHOR_NOT_VISIBLE);
}

static void test_one_that_cannot_be_parsed(void **state)
{
    (void)state;
    struct sent sent = sent_load("leaf inter root");
    sent.ders[1].left -= 3;
    struct x509_cache *cache = x509_cache_new(NULL, 10);
    const struct x509_chain *chain = x509_chain_hold(cache, NULL, sent.ders, sent.count);
    assert_true(chain->certificates[0].parsed);
    assert_false(chain->certificates[1].parsed);
    assert_true(chain->certificates[2].parsed);
    assert_false(chain->order_ok);
    x509_chain_release(cache, chain);
    x509_cache_free(cache);
    sent_unload(&sent);
}

static void test_the_same_chain_is_parsed_once(void **state)
{
    (void)state;
    struct sent sent = sent_load("leaf inter");
    struct x509_cache *cache = x509_cache_new(NULL, 10);
    const struct x509_chain *first = x509_chain_hold(cache, NULL, sent.ders, 2);
    const struct x509_chain *again = x509_chain_hold(cache, NULL, sent.ders, 2);
    const struct x509_chain *other = x509_chain_hold(cache, NULL, sent.ders, 1);
    assert_ptr_equal(first, again);
    assert_ptr_not_equal(first, other);
    struct x509_counters counters = x509_cache_counters(cache);
    assert_int_equal(counters.chains, 3);
    assert_int_equal(counters.chain_hits, 1);
    x509_chain_release(cache, first);
    x509_chain_release(cache, again);
    x509_chain_release(cache, other);
    assert_ptr_equal(x509_chain_hold(cache, NULL, sent.ders, 2), first); /* still remembered */
    x509_chain_release(cache, first);
    x509_chain_release(cache, NULL);
    x509_cache_free(cache);
    x509_cache_free(NULL);
    sent_unload(&sent);
}

/* The least recently used goes; one that is held lives on, and can be asked. */
static void test_eviction(void **state)
{
    (void)state;
    struct sent a = sent_load("leaf inter"), b = sent_load("client inter"),
                c = sent_load("rsa1024 inter");
    struct trust_store *store = both_roots();
    struct x509_cache *cache = x509_cache_new(store, 2);
    const struct x509_chain *held = x509_chain_hold(cache, NULL, a.ders, 2);
    x509_chain_release(cache, x509_chain_hold(cache, NULL, b.ders, 2));
    x509_chain_release(cache, x509_chain_hold(cache, NULL, a.ders, 2)); /* used again: b is older */
    x509_chain_release(cache, x509_chain_hold(cache, NULL, c.ders, 2)); /* pushes b out */
    assert_int_equal(x509_cache_counters(cache).evicted, 1);
    x509_chain_release(cache, x509_chain_hold(cache, NULL, a.ders, 2));
    assert_int_equal(x509_cache_counters(cache).chain_hits, 2);
    x509_chain_release(cache, x509_chain_hold(cache, NULL, b.ders, 2)); /* pushes c out */
    assert_int_equal(x509_cache_counters(cache).chain_hits, 2);
    x509_chain_release(cache, x509_chain_hold(cache, NULL, c.ders, 2)); /* a, held */
    assert_int_equal(x509_cache_counters(cache).evicted, 3);

    assert_true(text_same(held->certificates[0].subject_cn, TEXT("mail.example.org")));
    assert_int_equal(
        x509_chain_verify(cache, held, a.ders, clock_from_civil(2021, 1, 1, 0, 0, 0), false).code,
        0);
    const struct x509_chain *anew = x509_chain_hold(cache, NULL, a.ders, 2);
    assert_ptr_not_equal(anew, held);
    x509_chain_release(cache, anew);
    x509_chain_release(cache, held);
    x509_cache_free(cache);
    trust_store_free(store);
    sent_unload(&a);
    sent_unload(&b);
    sent_unload(&c);
}

static void test_memory_is_bounded(void **state)
{
    (void)state;
    struct sent sent = sent_load("leaf many_names");
    struct x509_cache *cache = x509_cache_new(NULL, 1000);
    x509_chain_release(cache, x509_chain_hold(cache, NULL, sent.ders, 2));
    uint64_t one = x509_cache_counters(cache).bytes;
    assert_true(one > 2 * sizeof(struct certificate));
    x509_chain_release(cache, x509_chain_hold(cache, NULL, sent.ders, 2));
    assert_int_equal(x509_cache_counters(cache).bytes, one);
    x509_cache_free(cache);

    cache = x509_cache_new(NULL, 0); /* remembers nothing, but works */
    const struct x509_chain *chain = x509_chain_hold(cache, NULL, sent.ders, 2);
    assert_int_equal(chain->certificates[1].name_count, LIMIT_CERTIFICATE_NAMES);
    assert_int_equal(x509_cache_counters(cache).bytes, 0);
    x509_chain_release(cache, chain);
    x509_cache_free(cache);
    sent_unload(&sent);
}

static void test_chains_over_a_maximum(void **state)
{
    (void)state;
    struct trust_store *store = both_roots();
    struct x509_cache *cache = x509_cache_new(store, 10);
    struct reader leaf = certificate_load("leaf"), many[MOST_LOADED];
    for (size_t i = 0; i < MOST_LOADED; i++)
        many[i] = leaf;

    const struct x509_chain *chain =
        x509_chain_hold(cache, NULL, many, LIMIT_CHAIN_CERTIFICATES + 1);
    assert_true(chain->refused);
    assert_false(chain->order_ok);
    assert_int_equal(chain->count, LIMIT_CHAIN_CERTIFICATES);
    assert_false(chain->certificates[0].parsed);
    uint8_t digest[SHA256_SIZE];
    crypto_sha256(leaf.at, leaf.left, digest);
    assert_memory_equal(chain->certificates[0].sha256, digest, SHA256_SIZE);
    assert_int_equal(x509_chain_verify(cache, chain, many, 0, false).code, -1);
    assert_false(x509_chain_matches(cache, chain, many, TEXT("mail.example.org"), false));
    x509_chain_release(cache, chain);

    uint8_t *large = calloc(1, LIMIT_CERTIFICATE_BYTES + 1);
    assert_non_null(large);
    struct reader two[] = { leaf, reader_of(large, LIMIT_CERTIFICATE_BYTES + 1) };
    chain = x509_chain_hold(cache, NULL, two, 2);
    assert_true(chain->refused);
    assert_int_equal(chain->certificates[1].len, LIMIT_CERTIFICATE_BYTES + 1);
    x509_chain_release(cache, chain);
    assert_int_equal(x509_cache_counters(cache).refused, 2);

    chain = x509_chain_hold(cache, NULL, many, LIMIT_CHAIN_CERTIFICATES);
    assert_false(chain->refused);
    assert_int_equal(x509_chain_verify(cache, chain, many, 0, false).code, -1);
    x509_chain_release(cache, chain);
    free(large);
    x509_cache_free(cache);
    trust_store_free(store);
    certificate_unload(leaf);
}

static void test_names(void **state)
{
    (void)state;
    struct sent sent = sent_load("leaf inter");
    struct x509_cache *cache = x509_cache_new(NULL, 10);
    const struct x509_chain *chain = x509_chain_hold(cache, NULL, sent.ders, 2);
    for (int round = 0; round < 3; round++) {
        static const struct {
            const char *name;
            bool matches;
        } cases[] = { { "mail.example.org", true },  { "mail.example.com", false },
                      { "a.example.net", true },     { "192.0.2.25", true },
                      { "192.0.2.2", false },        { "b.example.net", true },
                      { "192.0.2.25.", true },       { "192.0.2.26.", false },
                      { "2001:db8:0::25", true },    { "2001:db8::26", false },
                      { "::ffff:192.0.2.25", false } };
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
            assert_int_equal(
                x509_chain_matches(cache, chain, sent.ders, text_of(cases[i].name), false),
                cases[i].matches);
    }
    assert_false(x509_chain_matches(cache, chain, sent.ders, (struct text){ 0 }, false));
    x509_chain_release(cache, chain);
    sent_unload(&sent);

    sent = sent_load("self_signed"); /* answers with and without common names are kept apart */
    chain = x509_chain_hold(cache, NULL, sent.ders, 1);
    for (int round = 0; round < 2; round++) {
        assert_true(x509_chain_matches(cache, chain, sent.ders, TEXT("cn.example.org"), true));
        assert_false(x509_chain_matches(cache, chain, sent.ders, TEXT("cn.example.org"), false));
    }
    x509_chain_release(cache, chain);
    sent_unload(&sent);
    x509_cache_free(cache);
}

/* More chains in turn than are kept taken apart: each is still asked about itself. */
static void test_chains_in_turn(void **state)
{
    (void)state;
    static const struct {
        const char *chain;
        struct text name;
    } all[] = {
        { "leaf inter root", TEXT("192.0.2.25") },
        { "ed25519", TEXT("ed.example.org") },
        { "self_signed", TEXT("cn.example.org") },
        { "leaf inter", TEXT("192.0.2.25") },
        { "leaf", TEXT("192.0.2.25") },
        { "inter root", TEXT("nothing.example") },
    };
    enum { CHAINS_IN_TURN = sizeof all / sizeof *all };
    struct x509_cache *cache = x509_cache_new(NULL, 100);
    struct sent sent[CHAINS_IN_TURN];
    const struct x509_chain *chains[CHAINS_IN_TURN];
    for (size_t i = 0; i < CHAINS_IN_TURN; i++) {
        sent[i] = sent_load(all[i].chain);
        chains[i] = x509_chain_hold(cache, NULL, sent[i].ders, sent[i].count);
        assert_non_null(chains[i]);
    }
    for (size_t i = 0; i < CHAINS_IN_TURN; i++) {
        for (size_t other = 0; other < CHAINS_IN_TURN; other++) {
            bool same = text_same(all[i].name, all[other].name);
            assert_int_equal(
                x509_chain_matches(cache, chains[i], sent[i].ders, all[other].name, true),
                same && i + 1 < CHAINS_IN_TURN);
        }
        x509_chain_release(cache, chains[i]);
        sent_unload(&sent[i]);
    }
    x509_cache_free(cache);
}

static void assert_same_verdict(struct verification a, struct verification b)
{
    assert_int_equal(a.code, b.code);
    assert_int_equal(a.depth, b.depth);
    assert_string_equal(a.text, b.text);
    assert_int_equal(a.anchored, b.anchored);
    assert_int_equal(a.anchor_extra, b.anchor_extra);
    assert_true(a.valid_from_s == b.valid_from_s);
    assert_true(a.valid_until_s == b.valid_until_s);
}

/* An old root's cross-signature expires while the chain is in use: what is said at an instant does
 * not depend on what was asked before. */
static void test_order_of_time_changes_nothing(void **state)
{
    (void)state;
    static const char *const bundles[] = { CHAINS "both_roots.pem", CHAINS "old_root.pem",
                                           CHAINS "root.pem" };
    static const int codes[][4] = { { 9, 0, 0, 10 }, { 9, 0, 10, 10 }, { 9, 0, 0, 10 } };
    const int64_t times[4] = {
        clock_from_civil(2018, 6, 1, 0, 0, 0), /* before the leaf */
        clock_from_civil(2020, 5, 1, 0, 0, 0), /* all is valid */
        clock_from_civil(2020, 7, 1, 0, 0, 0), /* cross and old root have expired */
        clock_from_civil(2024, 7, 1, 0, 0, 0), /* the leaf, too */
    };
    static const int orders[][4] = { { 0, 1, 2, 3 }, { 3, 2, 1, 0 }, { 2, 0, 3, 1 } };
    struct sent sent = sent_load("leaf inter cross");
    for (size_t b = 0; b < 3; b++) {
        struct trust_store *store = trust_store_load(bundles[b], NULL);
        assert_non_null(store);
        struct verification fresh[4];
        for (size_t i = 0; i < 4; i++) {
            struct parsed_chain *parsed = crypto_chain_parse(NULL, sent.ders, sent.count);
            assert_non_null(parsed);
            crypto_chain_verify(store, parsed, times[i], false, &fresh[i]);
            parsed_chain_free(parsed);
        }
        for (size_t o = 0; o < 3; o++) {
            struct x509_cache *cache = x509_cache_new(store, 10);
            const struct x509_chain *chain = x509_chain_hold(cache, NULL, sent.ders, sent.count);
            for (int round = 0; round < 2; round++)
                for (size_t i = 0; i < 4; i++) {
                    int at = orders[o][i];
                    struct verification v =
                        x509_chain_verify(cache, chain, sent.ders, times[at], false);
                    assert_int_equal(v.code, codes[b][at]);
                    assert_same_verdict(v, fresh[at]);
                }
            assert_true(x509_cache_counters(cache).verification_hits >= 4);
            /* The other purpose is another verdict. */
            assert_int_equal(x509_chain_verify(cache, chain, sent.ders, times[1], true).code, 26);
            x509_chain_release(cache, chain);
            x509_cache_free(cache);
        }
        trust_store_free(store);
    }
    sent_unload(&sent);
}

static uint32_t next_random(uint32_t *seed) { return *seed = *seed * 1664525u + 1013904223u; }

/* Asks many chains at many times in the order of the seed; answers are filed by question. */
enum { CHAINS_ASKED = 8, TIMES_ASKED = 6 };

static void ask_all(struct trust_store *store, size_t max_chains, uint32_t seed,
                    const struct sent *chains, struct verification out[CHAINS_ASKED][TIMES_ASKED],
                    uint64_t *hits)
{
    struct x509_cache *cache = x509_cache_new(store, max_chains);
    unsigned order[CHAINS_ASKED * TIMES_ASKED];
    size_t count = sizeof order / sizeof *order;
    for (unsigned i = 0; i < count; i++)
        order[i] = i;
    for (size_t i = count - 1; i > 0; i--) {
        size_t j = next_random(&seed) >> 8;
        j %= i + 1;
        unsigned swap = order[i];
        order[i] = order[j];
        order[j] = swap;
    }
    for (size_t i = 0; i < count; i++) {
        unsigned c = order[i] / TIMES_ASKED, t = order[i] % TIMES_ASKED;
        const struct x509_chain *chain =
            x509_chain_hold(cache, NULL, chains[c].ders, chains[c].count);
        assert_non_null(chain);
        for (size_t n = 0; n < chains[c].count; n++)
            assert_true(chain->certificates[n].parsed);
        int64_t at_s = clock_from_civil(2016 + 2 * (int64_t)t, 6, 1, 0, 0, 0);
        out[c][t] = x509_chain_verify(cache, chain, chains[c].ders, at_s, false);
        x509_chain_release(cache, chain);
    }
    *hits = x509_cache_counters(cache).chain_hits + x509_cache_counters(cache).verification_hits;
    x509_cache_free(cache);
}

static void test_size_and_order_change_nothing(void **state)
{
    (void)state;
    static const char *const names[CHAINS_ASKED] = {
        "leaf inter",   "leaf inter cross", "leaf",       "self_signed",
        "client inter", "dates inter",      "other_leaf", "leaf inter root",
    };
    struct sent chains[CHAINS_ASKED];
    for (size_t i = 0; i < CHAINS_ASKED; i++)
        chains[i] = sent_load(names[i]);
    struct trust_store *store = both_roots();

    static struct verification expected[CHAINS_ASKED][TIMES_ASKED], got[CHAINS_ASKED][TIMES_ASKED];
    uint64_t hits_small = 0, hits_large = 0;
    ask_all(store, 1000, 1, chains, expected, &hits_large);
    for (uint32_t seed = 1; seed < 6; seed++)
        for (size_t max = 0; max < 4; max++) {
            ask_all(store, max, seed, chains, got, &hits_small);
            for (size_t c = 0; c < CHAINS_ASKED; c++)
                for (size_t t = 0; t < TIMES_ASKED; t++)
                    assert_same_verdict(got[c][t], expected[c][t]);
            assert_true(hits_small < hits_large);
        }
    trust_store_free(store);
    for (size_t i = 0; i < CHAINS_ASKED; i++)
        sent_unload(&chains[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_chain_is_its_certificates),
        cmocka_unit_test(test_what_is_no_part_of_the_path),
        cmocka_unit_test(test_anchors),
        cmocka_unit_test(test_one_that_cannot_be_parsed),
        cmocka_unit_test(test_the_same_chain_is_parsed_once),
        cmocka_unit_test(test_eviction),
        cmocka_unit_test(test_memory_is_bounded),
        cmocka_unit_test(test_chains_over_a_maximum),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_chains_in_turn),
        cmocka_unit_test(test_order_of_time_changes_nothing),
        cmocka_unit_test(test_size_and_order_change_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
