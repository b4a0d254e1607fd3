/* SPDX-License-Identifier: Apache-2.0
 * test_intern.c - equal bytes are one copy for as long as somebody holds them, and no longer.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "intern.h"

static void test_equal_bytes_are_one_copy(void **state)
{
    (void)state;
    struct intern *intern = intern_new(7);
    char word[] = "certificate";
    const char *first = intern_hold(intern, word, sizeof word);
    const char *second = intern_hold(intern, "certificate", sizeof word);
    const char *shorter = intern_hold(intern, word, sizeof word - 1);
    word[0] = 'C';
    const char *other = intern_hold(intern, word, sizeof word);

    assert_ptr_equal(first, second);
    assert_ptr_not_equal(first, shorter);
    assert_ptr_not_equal(first, other);
    assert_int_equal((uintptr_t)first % _Alignof(max_align_t), 0);
    assert_string_equal(first, "certificate"); /* a copy */
    assert_int_equal(intern_count(intern), 3);

    intern_release(intern, first);
    assert_string_equal(second, "certificate"); /* held once more */
    intern_release(intern, second);
    assert_int_equal(intern_count(intern), 2);
    intern_release(intern, shorter);
    intern_release(intern, other);
    intern_release(intern, NULL);
    assert_int_equal(intern_count(intern), 0);
    intern_free(intern);
}

static void test_no_bytes(void **state)
{
    (void)state;
    struct intern *intern = intern_new(0);
    const void *none = intern_hold(intern, "", 0);
    assert_non_null(none);
    assert_ptr_equal(intern_hold(intern, "x", 0), none);
    intern_release(intern, none);
    intern_release(intern, none);
    assert_int_equal(intern_count(intern), 0);
    intern_free(intern);
    intern_free(NULL);
}

/* More than the table begins with, released in another order than they came. */
static void test_many(void **state)
{
    (void)state;
    enum { MANY = 5000, STEP = 1663 };
    static const void *held[MANY];
    struct intern *intern = intern_new(1);
    for (uint32_t i = 0; i < MANY; i++) {
        held[i] = intern_hold(intern, &i, sizeof i);
        assert_non_null(held[i]);
    }
    assert_int_equal(intern_count(intern), MANY);
    for (uint32_t i = 0; i < MANY; i++) {
        assert_memory_equal(held[i], &i, sizeof i);
        assert_ptr_equal(intern_hold(intern, &i, sizeof i), held[i]);
    }
    for (uint32_t i = 0; i < 2 * MANY; i++)
        intern_release(intern, held[i * STEP % MANY]);
    assert_int_equal(intern_count(intern), 0);
    intern_free(intern);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_equal_bytes_are_one_copy),
        cmocka_unit_test(test_no_bytes),
        cmocka_unit_test(test_many),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
