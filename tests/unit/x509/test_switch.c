/* SPDX-License-Identifier: Apache-2.0
 * test_switch.c - another store in a cache that is in use.
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

static enum session_anchor anchor_by(struct x509_cache *cache, const struct sent *sent)
{
    const struct x509_chain *chain = x509_chain_hold(cache, NULL, sent->ders, sent->count);
    struct verification v =
        x509_chain_verify(cache, chain, sent->ders, clock_from_civil(2021, 3, 1, 0, 0, 0), false);
    enum session_anchor anchor = x509_chain_anchor(chain, &v);
    x509_chain_release(cache, chain);
    return anchor;
}

/* What was remembered of the former store says nothing any more, also when that one is gone. */
static void test_another_store(void **state)
{
    (void)state;
    struct sent sent = sent_load("leaf inter");
    struct trust_store *public = trust_store_load(CHAINS "root.pem", NULL),
                       *own = trust_store_load(CHAINS "other_root.pem", CHAINS "root.pem");
    struct x509_cache *cache = x509_cache_new(public, 10);
    assert_int_equal(anchor_by(cache, &sent), ANCHOR_PUBLIC);
    x509_cache_switch(cache, own);
    trust_store_free(public);
    assert_int_equal(anchor_by(cache, &sent), ANCHOR_CONFIGURED);
    x509_cache_switch(cache, NULL);
    trust_store_free(own);
    assert_int_equal(anchor_by(cache, &sent), ANCHOR_NOT_VERIFIED);
    assert_int_equal(x509_cache_counters(cache).chain_hits, 2);
    x509_cache_free(cache);
    sent_unload(&sent);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_another_store) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
