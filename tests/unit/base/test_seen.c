/* SPDX-License-Identifier: Apache-2.0
 * test_seen.c - the set agrees with a plain list of the newest hashes, whatever collides.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "seen.h"

static void test_first_and_again(void **state)
{
    (void)state;
    struct seen seen;
    assert_true(seen_init(&seen, 8));
    assert_false(seen_init(&seen, 7));
    assert_true(seen_init(&seen, 8));
    assert_true(seen_first(&seen, 5));
    assert_false(seen_first(&seen, 5));
    assert_true(seen_first(&seen, 21)); /* the same home slot */
    assert_false(seen_first(&seen, 21));
    assert_true(seen_first(&seen, 0));
    assert_false(seen_first(&seen, 0));
    seen_free(&seen);
}

static void test_against_a_list(void **state)
{
    (void)state;
    enum { CAP = 16 };
    struct seen seen;
    uint64_t list[CAP], random = 12345;
    size_t count = 0;
    assert_true(seen_init(&seen, CAP));
    for (int round = 0; round < 200000; round++) {
        random = random * UINT64_C(6364136223846793005) + 1442695040888963407u;
        uint64_t hash = random >> 33 & 63; /* few values, many collisions */
        bool known = false;
        for (size_t i = 0; i < count; i++)
            known = known || list[i] == hash;
        assert_int_equal(seen_first(&seen, hash), !known);
        if (known)
            continue;
        if (count == CAP) {
            for (size_t i = 1; i < CAP; i++)
                list[i - 1] = list[i];
            count--;
        }
        list[count++] = hash;
    }
    seen_free(&seen);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_first_and_again),
        cmocka_unit_test(test_against_a_list),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
