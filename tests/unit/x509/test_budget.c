/* SPDX-License-Identifier: Apache-2.0
 * test_budget.c - what is granted follows from chains, senders and instants, and is bounded.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "budget.h"
#include "limits.h"
#include "x509.h"

enum { RATE = 64 }; /* so that a shard is granted one a second */
#define S INT64_C(1000000000)
#define START (INT64_C(1700000000) * S)

/* A chain of one made-up certificate. */
static bool ask(struct x509_budget *budget, uint32_t chain, uint64_t sender, int64_t now_ns)
{
    const uint8_t der[] = {
        0x30,          4, (uint8_t)(chain >> 24), (uint8_t)(chain >> 16), (uint8_t)(chain >> 8),
        (uint8_t)chain
    };
    struct reader ders[] = { reader_of(der, sizeof der) };
    uint8_t key[SHA256_SIZE];
    crypto_sha256_framed(ders, 1, key);
    return x509_budget_grant(budget, key, sender, now_ns);
}

/* How many of so many new chains at one instant are granted, each by another sender. */
static unsigned granted(struct x509_budget *budget, uint32_t first, unsigned count, int64_t now_ns)
{
    unsigned sum = 0;
    for (uint32_t i = 0; i < count; i++)
        sum += ask(budget, first + i, first + i, now_ns);
    return sum;
}

static void test_a_flood_is_bounded(void **state)
{
    struct x509_budget *budget = x509_budget_new(RATE, 128);
    const unsigned reserve = (unsigned)(LIMIT_CHAIN_RESERVE_NS / S) + 1;
    (void)state;
    assert_int_equal(granted(budget, 0, 100, START), reserve);
    assert_int_equal(granted(budget, 1000, 100, START), 0);
    /* From then on at the rate, however long the flood. */
    unsigned sum = 0;
    for (uint32_t i = 0; i < 6000; i++)
        sum += ask(budget, 2000 + i, i, START + i * S / 100);
    assert_in_range(sum, 59, 60);
    /* After a pause the reserve is whole again, and not more than whole. */
    assert_int_equal(granted(budget, 10000, 100, START + 4000 * S), reserve);
    x509_budget_free(budget);
}

static void test_what_was_granted_is_known_again(void **state)
{
    struct x509_budget *budget = x509_budget_new(RATE, 16);
    (void)state;
    assert_true(ask(budget, 1, 7, START));
    granted(budget, 100, 100, START);
    for (int i = 0; i < 1000; i++)
        assert_true(ask(budget, 1, 7, START));
    /* What was refused is not. */
    assert_false(ask(budget, 199, 7, START));
    /* Sixteen others later it is forgotten, and new once more. */
    assert_int_equal(granted(budget, 1000, 16, START + 1000 * S), 9);
    assert_int_equal(granted(budget, 2000, 16, START + 2000 * S), 9);
    assert_false(ask(budget, 1, 7, START + 2000 * S));
    assert_true(ask(budget, 1, 7, START + 3000 * S));
    x509_budget_free(budget);
}

static void test_one_sender_leaves_room_for_others(void **state)
{
    struct x509_budget *budget = x509_budget_new(RATE, 128);
    unsigned sum = 0;
    (void)state;
    for (uint32_t i = 0; i < 100; i++)
        sum += ask(budget, i, 7, START);
    assert_in_range(sum, 1, LIMIT_CHAIN_SENDER_RESERVE_NS / S / LIMIT_CHAIN_SENDER_PART + 1);
    assert_true(ask(budget, 500, 8, START));
    /* Its part comes back as time goes by. */
    assert_false(ask(budget, 600, 7, START));
    assert_true(ask(budget, 600, 7, START + LIMIT_CHAIN_SENDER_PART * S));
    x509_budget_free(budget);
}

/* Addresses that share a place share its rate, until it is whole again. */
static void test_senders_are_bounded(void **state)
{
    struct x509_budget *budget = x509_budget_new(RATE, 128);
    (void)state;
    while (ask(budget, 1, 7, START) && ask(budget, 2, 7, START) && ask(budget, 3, 7, START) &&
           ask(budget, 4, 7, START))
        continue;
    assert_false(ask(budget, 50, 7 + LIMIT_CHAIN_SENDERS, START));
    assert_true(ask(budget, 50, 8 + LIMIT_CHAIN_SENDERS, START));
    assert_true(ask(budget, 51, 7 + LIMIT_CHAIN_SENDERS, START + 1000 * S));
    x509_budget_free(budget);
}

static void test_no_bound(void **state)
{
    struct x509_budget *budget = x509_budget_new(0, 0);
    (void)state;
    for (uint32_t i = 0; i < 100000; i++)
        assert_true(ask(budget, i, 7, START));
    x509_budget_free(budget);
    x509_budget_free(NULL);
}

/* The default rate, and times before 1970. */
static void test_the_default(void **state)
{
    struct x509_budget *budget = x509_budget_new(500, 128);
    (void)state;
    assert_int_equal(granted(budget, 0, 1000, -START), LIMIT_CHAIN_RESERVE_NS * 500 / 64 / S + 1);
    assert_int_equal(granted(budget, 5000, 1000, INT64_MIN + S), 0);
    x509_budget_free(budget);
}

static void test_a_chain_over_budget_has_hashes_only(void **state)
{
    static const uint8_t der[] = { 0x30, 2, 5, 0 };
    struct reader ders[] = { reader_of(der, sizeof der), reader_of(der, 3) };
    struct x509_cache *cache = x509_cache_new(NULL, 16);
    (void)state;
    const struct x509_chain *known = x509_chain_hold(cache, NULL, ders, 2);
    const struct x509_chain *chain = x509_chain_hold_unparsed(cache, NULL, ders, 2);
    assert_ptr_not_equal(chain, known); /* although the cache has it */
    assert_true(chain->over_budget && chain->refused);
    assert_int_equal(chain->count, 2);
    assert_false(chain->certificates[0].parsed);
    assert_memory_equal(chain->certificates[0].sha256, known->certificates[0].sha256, SHA256_SIZE);
    assert_memory_equal(chain->key, known->key, SHA256_SIZE);
    struct verification verification = x509_chain_verify(cache, chain, ders, 0, false);
    assert_int_equal(verification.code, -1);
    assert_string_equal(verification.text, "budget");
    assert_false(x509_chain_matches(cache, chain, ders, TEXT("mx.example.org"), false));
    x509_chain_release(cache, chain);

    assert_false(
        x509_chain_hold(cache, NULL, ders, 2)->over_budget); /* nor did it enter the cache */
    x509_chain_release(cache, known);
    x509_chain_release(cache, known);
    x509_cache_free(cache);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_flood_is_bounded),
        cmocka_unit_test(test_what_was_granted_is_known_again),
        cmocka_unit_test(test_one_sender_leaves_room_for_others),
        cmocka_unit_test(test_senders_are_bounded),
        cmocka_unit_test(test_no_bound),
        cmocka_unit_test(test_the_default),
        cmocka_unit_test(test_a_chain_over_budget_has_hashes_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
