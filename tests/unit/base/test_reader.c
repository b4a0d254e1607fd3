/* SPDX-License-Identifier: Apache-2.0
 * test_reader.c - the cursor over wire bytes: what it reads, and that it never leaves its window.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "reader.h"

static void test_integers_are_big_endian(void **state)
{
    (void)state;
    static const uint8_t bytes[] = { 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0xff, 0xfe, 0xfd, 0xfc };
    struct reader r = reader_of(bytes, sizeof bytes);
    assert_int_equal(reader_u8(&r), 0x01);
    assert_int_equal(reader_u16(&r), 0x0203);
    assert_int_equal(reader_u24(&r), 0x040506);
    assert_true(reader_uint(&r, 4) == 0xfffefdfc);
    assert_true(reader_ok(&r));
    assert_false(reader_more(&r));
}

static void test_a_short_read_fails_for_good(void **state)
{
    (void)state;
    static const uint8_t bytes[] = { 0xaa, 0xbb, 0xcc };
    struct reader r = reader_of(bytes, sizeof bytes);
    assert_int_equal(reader_u16(&r), 0xaabb);
    assert_int_equal(reader_u16(&r), 0);
    assert_false(reader_ok(&r));
    assert_int_equal(reader_u8(&r), 0); /* although one byte was left */
    assert_false(reader_more(&r));
    assert_false(reader_ok(&r));
}

static void test_failure_does_not_pass_upwards(void **state)
{
    (void)state;
    static const uint8_t bytes[] = { 1, 0xaa, 0x42 };
    struct reader r = reader_of(bytes, sizeof bytes);
    struct reader inner = reader_vec8(&r);
    assert_int_equal(reader_u16(&inner), 0);
    assert_false(reader_ok(&inner));
    assert_true(reader_ok(&r));
    assert_int_equal(reader_u8(&r), 0x42);
}

static void test_vectors_are_windows(void **state)
{
    (void)state;
    static const uint8_t bytes[] = { 2, 'a', 'b', 0, 1, 'c', 0, 0, 3, 'd', 'e', 'f', 9 };
    struct reader r = reader_of(bytes, sizeof bytes);
    struct reader a = reader_vec8(&r), b = reader_vec16(&r), c = reader_vec24(&r);
    assert_int_equal(a.left, 2);
    assert_memory_equal(a.at, "ab", 2);
    assert_int_equal(b.left, 1);
    assert_memory_equal(b.at, "c", 1);
    assert_int_equal(c.left, 3);
    assert_memory_equal(c.at, "def", 3);
    assert_int_equal(r.left, 1);

    struct reader too_long = reader_vec8(&r); /* promises nine bytes, has none */
    assert_false(reader_ok(&too_long));
    assert_int_equal(too_long.left, 0);
    assert_false(reader_ok(&r));
}

static void test_empty_and_zeroed_readers(void **state)
{
    (void)state;
    struct reader r = { 0 };
    struct reader nothing = reader_take(&r, 0);
    assert_true(reader_ok(&r));
    assert_true(reader_ok(&nothing));
    assert_int_equal(reader_u8(&r), 0);
    assert_false(reader_ok(&r));
    nothing = reader_take(&r, 0);
    assert_false(reader_ok(&nothing));
}

/* Each truncation, in memory of that size, so that a sanitizer sees one byte too many. */
static void test_no_truncation_reads_beyond_the_end(void **state)
{
    (void)state;
    static const uint8_t bytes[] = { 3, 'x', 'y', 'z', 0, 2, 'p', 'q', 0, 0, 1, 'r' };
    for (size_t len = 0; len <= sizeof bytes; len++) {
        uint8_t *copy = malloc(len > 0 ? len : 1);
        assert_non_null(copy);
        memcpy(copy, bytes, len);
        struct reader r = reader_of(copy, len);
        struct reader parts[3] = { reader_vec8(&r), reader_vec16(&r), reader_vec24(&r) };
        unsigned sum = 0;
        for (size_t i = 0; i < 3; i++)
            while (reader_more(&parts[i]))
                sum += reader_u8(&parts[i]);
        assert_int_equal(reader_ok(&r), len == sizeof bytes);
        if (reader_ok(&r))
            assert_int_equal(sum, 'x' + 'y' + 'z' + 'p' + 'q' + 'r');
        free(copy);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_integers_are_big_endian),
        cmocka_unit_test(test_a_short_read_fails_for_good),
        cmocka_unit_test(test_failure_does_not_pass_upwards),
        cmocka_unit_test(test_vectors_are_windows),
        cmocka_unit_test(test_empty_and_zeroed_readers),
        cmocka_unit_test(test_no_truncation_reads_beyond_the_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
