/* SPDX-License-Identifier: Apache-2.0
 * The pcap parser, on bytes in memory.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "made.h"
#include "parsed.h"

static void test_magic_says_order_and_unit(void **state)
{
    (void)state;
    static const struct {
        uint32_t magic;
        enum order order;
        int64_t unit_ns;
    } rows[] = {
        { 0xa1b2c3d4, ORDER_LITTLE, 1000 },
        { 0xa1b2c3d4, ORDER_BIG, 1000 },
        { 0xa1b23c4d, ORDER_LITTLE, 1 },
        { 0xa1b23c4d, ORDER_BIG, 1 },
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct made made = { .order = rows[i].order };
        made_pcap(&made, rows[i].magic, 113);
        made_record(&made, 1700000000, 123456, 20);
        made_record(&made, 4294967295, 7, 0);
        struct parsed_file file = parse(made.bytes, made.len, made.len);
        assert_int_equal(file.count, 2);
        assert_true(file.between);
        assert_int_equal(file.frames[0].time_ns, 1700000000000000000 + 123456 * rows[i].unit_ns);
        assert_int_equal(file.frames[0].number, 1);
        assert_int_equal(file.frames[0].captured, 20);
        assert_int_equal(file.frames[0].wire, 30);
        assert_int_equal(file.frames[0].link_type, 113);
        assert_int_equal(file.frames[1].time_ns, 4294967295000000000 + 7 * rows[i].unit_ns);
        assert_int_equal(file.frames[1].number, 2);
        made_free(&made);
    }
}

static void test_modified_header_is_longer(void **state)
{
    (void)state;
    struct made made = { .order = ORDER_BIG };
    made_pcap(&made, 0xa1b2cd34, 1);
    for (uint32_t i = 1; i < 3; i++) {
        made_u32(&made, i);
        made_u32(&made, 0);
        made_u32(&made, 3);
        made_u32(&made, 3);
        made_fill(&made, 0xee, 8);
        made_fill(&made, 0x40, 3);
    }
    struct parsed_file file = parse(made.bytes, made.len, made.len);
    assert_int_equal(file.count, 2);
    assert_int_equal(file.first[1], 0x40);
    assert_int_equal(file.frames[1].time_ns, 2000000000);
    made_free(&made);
}

static void test_upper_half_of_link_type_is_not_its_part(void **state)
{
    (void)state;
    struct made made = { 0 };
    made_pcap(&made, 0xa1b2c3d4, 0x24000001);
    made_record(&made, 1, 0, 1);
    struct parsed_file file = parse(made.bytes, made.len, made.len);
    assert_int_equal(file.frames[0].link_type, 1);
    made_free(&made);
}

static void test_old_versions_swap_the_lengths(void **state)
{
    (void)state;
    static const struct {
        uint16_t minor;
        uint32_t first, second, captured, wire;
    } rows[] = {
        { 2, 9, 4, 4, 9 }, { 3, 9, 4, 4, 9 }, { 3, 4, 9, 4, 9 },
        { 4, 4, 9, 4, 9 }, { 4, 9, 4, 9, 9 }, /* captured more than was on the wire: the wire had it
                                                 all */
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct made made = { 0 };
        made_pcap(&made, 0xa1b2c3d4, 1);
        made.bytes[6] = (uint8_t)rows[i].minor;
        made_u32(&made, 1);
        made_u32(&made, 0);
        made_u32(&made, rows[i].first);
        made_u32(&made, rows[i].second);
        made_fill(&made, 1, rows[i].captured);
        struct parsed_file file = parse(made.bytes, made.len, made.len);
        assert_int_equal(file.count, 1);
        assert_int_equal(file.frames[0].captured, rows[i].captured);
        assert_int_equal(file.frames[0].wire, rows[i].wire);
        assert_true(file.between);
        made_free(&made);
    }
}

static void test_every_truncation_gives_the_whole_frames(void **state)
{
    (void)state;
    struct made made = { 0 };
    made_pcap(&made, 0xa1b2c3d4, 1);
    for (uint32_t i = 0; i < 4; i++)
        made_record(&made, i, 0, 5 * i);
    static const size_t ends[] = { 24, 40, 61, 87, 118 };
    assert_int_equal(made.len, ends[4]);
    for (size_t len = 0; len <= made.len; len++) {
        struct parsed_file file = parse(made.bytes, len, len + 1);
        size_t whole = 0;
        bool border = false;
        for (size_t i = 0; i < 5; i++) {
            whole += i > 0 && len >= ends[i];
            border = border || len == ends[i];
        }
        assert_int_equal(file.known, len >= FORMAT_MAGIC_BYTES);
        assert_int_equal(file.count, whole);
        assert_int_equal(file.between, border);
        assert_false(file.broken);
    }
    made_free(&made);
}

static void test_pieces_do_not_matter(void **state)
{
    (void)state;
    struct made made = { .order = ORDER_BIG };
    made_pcap(&made, 0xa1b23c4d, 1);
    for (uint32_t i = 0; i < 10; i++)
        made_record(&made, i, i, 7 * i);
    struct parsed_file whole = parse(made.bytes, made.len, made.len);
    assert_int_equal(whole.count, 10);
    for (size_t piece = 1; piece < 100; piece++) {
        struct parsed_file file = parse(made.bytes, made.len, piece);
        assert_memory_equal(&file, &whole, sizeof file);
    }
    made_free(&made);
}

static void test_too_long_records(void **state)
{
    (void)state;
    /* Within the snap length it is passed, with its number; beyond it the file is broken. */
    for (int plausible = 0; plausible < 2; plausible++) {
        struct made made = { 0 };
        made_pcap(&made, 0xa1b2c3d4, 1);
        if (plausible)
            made.bytes[18] = 0x08; /* snap length 0x080000 */
        made_record(&made, 1, 0, 8);
        made_record(&made, 2, 0, LIMIT_FRAME_BYTES + 1);
        made_record(&made, 3, 0, LIMIT_FRAME_BYTES);
        struct parsed_file file = parse(made.bytes, made.len, 100000);
        assert_int_equal(file.broken, !plausible);
        assert_int_equal(file.skipped, plausible);
        assert_int_equal(file.count, plausible ? 2 : 1);
        if (plausible) {
            assert_int_equal(file.frames[1].number, 3);
            assert_int_equal(file.frames[1].captured, LIMIT_FRAME_BYTES);
            assert_true(file.between);
        }
        made_free(&made);
    }
}

static void test_other_versions_are_refused(void **state)
{
    (void)state;
    struct made made = { 0 };
    made_pcap(&made, 0xa1b2c3d4, 1);
    made.bytes[4] = 3;
    made_record(&made, 1, 0, 8);
    struct parsed_file file = parse(made.bytes, made.len, made.len);
    assert_true(file.broken);
    assert_int_equal(file.count, 0);
    made_free(&made);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_magic_says_order_and_unit),
        cmocka_unit_test(test_modified_header_is_longer),
        cmocka_unit_test(test_upper_half_of_link_type_is_not_its_part),
        cmocka_unit_test(test_old_versions_swap_the_lengths),
        cmocka_unit_test(test_every_truncation_gives_the_whole_frames),
        cmocka_unit_test(test_pieces_do_not_matter),
        cmocka_unit_test(test_too_long_records),
        cmocka_unit_test(test_other_versions_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
