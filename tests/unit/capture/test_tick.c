/* SPDX-License-Identifier: Apache-2.0
 * The clocks of pcapng interfaces.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tick.h"

static int64_t ns(uint8_t resolution, int64_t offset_s, uint64_t ticks)
{
    struct tick_rate rate = tick_rate_of(resolution, offset_s);
    return tick_ns(&rate, ticks);
}

static void test_powers_of_ten(void **state)
{
    (void)state;
    assert_int_equal(ns(6, 0, 1700000000123456), 1700000000123456000);
    assert_int_equal(ns(9, 0, 1700000000123456789), 1700000000123456789);
    assert_int_equal(ns(3, 0, 1700000000123), 1700000000123000000);
    assert_int_equal(ns(0, 0, 1700000000), 1700000000000000000);
    assert_int_equal(ns(12, 0, 1234567890123), 1234567890);
    assert_int_equal(ns(19, 0, UINT64_MAX), 1844674407);
    assert_int_equal(ns(25, 0, UINT64_MAX), 1844);
    assert_int_equal(ns(28, 0, UINT64_MAX), 1);
    assert_int_equal(ns(29, 0, UINT64_MAX), 0);
    assert_int_equal(ns(127, 0, UINT64_MAX), 0);
}

static void test_powers_of_two(void **state)
{
    (void)state;
    assert_int_equal(ns(0x80, 0, 7), 7000000000);
    assert_int_equal(ns(0x80 | 10, 0, 1536), 1500000000);
    assert_int_equal(ns(0x80 | 32, 0, UINT64_C(0x6553f100c0000000)), 1700000000750000000);
    assert_int_equal(ns(0x80 | 63, 0, UINT64_C(3) << 62), 1500000000);
    assert_int_equal(ns(0x80 | 64, 0, UINT64_C(1) << 63), 500000000);
    assert_int_equal(ns(0x80 | 65, 0, UINT64_C(1) << 63), 250000000);
    assert_int_equal(ns(0x80 | 127, 0, UINT64_MAX), 0);
}

static void test_offset(void **state)
{
    (void)state;
    assert_int_equal(ns(6, 1700000000, 5), 1700000000000005000);
    assert_int_equal(ns(6, -10, 5), -9999995000);
    assert_int_equal(ns(12, -1, 1500000000000), 500000000);
    assert_int_equal(ns(0x80 | 1, -1, 3), 500000000);
    /* The sum fits although neither the ticks nor the offset would without the other. */
    assert_int_equal(ns(0, -INT64_C(9000000000000), UINT64_C(9000000000001)), 1000000000);
}

static void test_what_does_not_fit_is_the_nearest(void **state)
{
    (void)state;
    assert_int_equal(ns(6, 0, UINT64_MAX), INT64_MAX);
    assert_int_equal(ns(0, 0, UINT64_MAX), INT64_MAX);
    assert_int_equal(ns(9, 0, UINT64_MAX), INT64_MAX);
    assert_int_equal(ns(9, 0, UINT64_C(9223372035999999999)), 9223372035999999999);
    assert_int_equal(ns(6, INT64_MAX, 1), INT64_MAX);
    assert_int_equal(ns(0, INT64_MAX, UINT64_MAX), INT64_MAX);
    assert_int_equal(ns(6, INT64_MIN, 1), INT64_MIN);
    assert_int_equal(ns(0x80 | 20, INT64_MIN, UINT64_MAX), INT64_MIN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_powers_of_ten),
        cmocka_unit_test(test_powers_of_two),
        cmocka_unit_test(test_offset),
        cmocka_unit_test(test_what_does_not_fit_is_the_nearest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
