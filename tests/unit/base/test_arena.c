/* SPDX-License-Identifier: Apache-2.0
 * test_arena.c - memory of one session: aligned, disjoint, bounded.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "arena.h"

static void test_allocations_are_aligned_and_disjoint(void **state)
{
    (void)state;
    enum { COUNT = 300 };
    struct arena arena;
    unsigned char *at[COUNT];
    arena_init(&arena, 1 << 20);
    for (size_t i = 0; i < COUNT; i++) {
        size_t len = 1 + i * 7 % 300;
        at[i] = arena_alloc(&arena, len);
        assert_non_null(at[i]);
        assert_int_equal((uintptr_t)at[i] % _Alignof(max_align_t), 0);
        memset(at[i], (int)(i & 0xff), len);
    }
    for (size_t i = 0; i < COUNT; i++)
        for (size_t j = 0; j < 1 + i * 7 % 300; j++)
            assert_int_equal(at[i][j], i & 0xff);
    arena_free(&arena);
}

static void test_the_maximum_holds_and_is_sticky(void **state)
{
    (void)state;
    struct arena arena;
    arena_init(&arena, 100);
    assert_non_null(arena_alloc(&arena, 60));
    assert_null(arena_alloc(&arena, 41));
    assert_true(arena.exhausted);
    assert_non_null(arena_alloc(&arena, 40)); /* what fits is still given */
    assert_null(arena_alloc(&arena, 1));
    assert_null(arena_alloc(&arena, SIZE_MAX));
    assert_int_equal(arena.used, 100);
    assert_true(arena.exhausted);

    arena_free(&arena);
    assert_false(arena.exhausted);
    assert_non_null(arena_alloc(&arena, 100)); /* and can be used again, up to the same maximum */
    assert_null(arena_alloc(&arena, 1));
    arena_free(&arena);
}

static void test_one_allocation_larger_than_a_block(void **state)
{
    (void)state;
    struct arena arena;
    arena_init(&arena, 1 << 20);
    char *small = arena_alloc(&arena, 10);
    char *large = arena_alloc(&arena, 500000);
    assert_non_null(small);
    assert_non_null(large);
    memset(large, 'x', 500000);
    assert_non_null(arena_alloc(&arena, 10));
    arena_free(&arena);
}

static void test_texts_are_copied(void **state)
{
    (void)state;
    struct arena arena;
    arena_init(&arena, 8);
    char source[] = "abcd";
    struct text copy = arena_text(&arena, text_of(source));
    source[0] = 'X';
    assert_true(text_same(copy, TEXT("abcd")));
    assert_int_equal(arena_text(&arena, (struct text){ 0 }).len, 0);
    assert_false(arena.exhausted);
    struct text refused = arena_text(&arena, TEXT("abcde"));
    assert_int_equal(refused.len, 0);
    assert_null(refused.at);
    assert_true(arena.exhausted);
    arena_free(&arena);
}

static void test_a_zeroed_arena_can_be_freed(void **state)
{
    (void)state;
    struct arena arena = { 0 };
    arena_free(&arena);
    assert_null(arena_alloc(&arena, 1));
}

static void test_a_growing_array(void **state)
{
    (void)state;
    enum { MOST = 11, BYTES = 4 + 8 + MOST };
    struct arena arena;
    arena_init(&arena, 1000); /* leaves something behind for whoever gets its block */
    memset(arena_alloc(&arena, 1000), 0xa5, 1000);
    arena_free(&arena);
    arena_init(&arena, BYTES * sizeof(int) + 3); /* each size once: nothing is given twice */
    int *items = NULL;
    size_t cap = 0;
    for (int count = 0; count < MOST; count++) {
        items = arena_grow(&arena, items, (size_t)count, &cap, MOST, sizeof *items);
        assert_non_null(items);
        assert_true(cap > (size_t)count && cap <= MOST);
        for (size_t i = (size_t)count; i < cap; i++)
            assert_int_equal(items[i], 0);
        items[count] = count + 1;
        for (int i = 0; i <= count; i++)
            assert_int_equal(items[i], i + 1);
    }
    assert_null(arena_grow(&arena, items, MOST, &cap, MOST, sizeof *items));
    assert_false(arena.exhausted);
    assert_null(arena_grow(&arena, items, MOST, &cap, MOST + 1, sizeof *items));
    assert_true(arena.exhausted);
    assert_int_equal(cap, MOST);
    assert_int_equal(items[MOST - 1], MOST);
    arena_free(&arena);
}

/* Of all that a tight arena takes, little is not in use, whatever the sizes and their order. */
static void test_little_of_a_tight_arena_lies_idle(void **state)
{
    (void)state;
    enum { COUNT = 400, IDLE = 256 };
    struct arena arena;
    char *at[COUNT];
    size_t lens[COUNT];
    arena_init_tight(&arena, 1 << 20);
    for (size_t i = 0; i < COUNT; i++) {
        char word[40];
        memset(word, (int)(i & 0x7f), sizeof word);
        lens[i] = i % 50 == 49 ? 1500 : 1 + i * 7 % sizeof word;
        at[i] = i % 50 == 49 ? arena_alloc(&arena, lens[i])
                             : (char *)arena_text(&arena, (struct text){ word, lens[i] }).at;
        assert_non_null(at[i]);
        memset(at[i], (int)(i & 0x7f), lens[i]);
        assert_true(arena.blocks_bytes <= arena.used + arena.used / 8 + IDLE);
        if (i % 50 == 49)
            assert_int_equal((uintptr_t)at[i] % _Alignof(max_align_t), 0);
    }
    for (size_t i = 0; i < COUNT; i++)
        for (size_t j = 0; j < lens[i]; j++)
            assert_int_equal(at[i][j], i & 0x7f);
    arena_free(&arena);
    assert_true(arena.tight);
    assert_int_equal(arena.blocks_bytes, 0);
}

static void test_what_is_kept_elsewhere_counts(void **state)
{
    (void)state;
    struct arena arena;
    arena_init(&arena, 100);
    assert_true(arena_charge(&arena, 60));
    assert_null(arena_alloc(&arena, 41));
    assert_true(arena.exhausted);
    assert_non_null(arena_alloc(&arena, 40));
    assert_false(arena_charge(&arena, 1));
    assert_true(arena_charge(&arena, 0));
    arena_free(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_growing_array),
        cmocka_unit_test(test_allocations_are_aligned_and_disjoint),
        cmocka_unit_test(test_the_maximum_holds_and_is_sticky),
        cmocka_unit_test(test_one_allocation_larger_than_a_block),
        cmocka_unit_test(test_texts_are_copied),
        cmocka_unit_test(test_a_zeroed_arena_can_be_freed),
        cmocka_unit_test(test_little_of_a_tight_arena_lies_idle),
        cmocka_unit_test(test_what_is_kept_elsewhere_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
