/* SPDX-License-Identifier: Apache-2.0
 * test_copies.c - the same bytes twice, with other content or a bad checksum. The notation is that
 * of player.h.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>

#include "player.h"

#define OPENING "Cs 0; Ss 0 1; C 1 1;"

static struct player played(const char *script, const char *record)
{
    struct player result, all = { .taste = TASTE_ALL };
    char *text = play_with(&all, script, &result);
    assert_string_equal(text, record);
    free(text);
    return result;
}

static void test_copies_that_wait_are_compared(void **state)
{
    (void)state;
    struct player result =
        played(OPENING "S 3 1 '0 STARTTLS~' ttl=60; S 3 1 '0 STARTTLX~' ttl=9; S 1 1 '25'; C 1 14",
               "S:250 STARTTLS~ (capture_end)");
    assert_int_equal(result.counters.conflicts, 1);
    assert_int_equal(result.info.conflict_count, 1);
    const struct flow_conflict *conflict = &result.conflicts[0];
    assert_int_equal(conflict->side, SIDE_SERVER);
    assert_int_equal(conflict->offset, 2 + 9);
    assert_int_equal(conflict->len, 12);
    assert_int_equal(conflict->first.frame, 4);
    assert_int_equal(conflict->second.frame, 5);
    assert_int_equal(conflict->first_ttl, 60);
    assert_int_equal(conflict->second_ttl, 9);
    assert_true(conflict->first_hash != conflict->second_hash);
}

static void test_copies_of_delivered_bytes_are_compared(void **state)
{
    (void)state;
    struct player result = played(OPENING "S 1 1 '250 A~'; S 8 1 '250 B~'; S 8 1 '250 X~'",
                                  "S:250 A~250 B~ (capture_end)");
    assert_int_equal(result.info.conflict_count, 1);
    assert_int_equal(result.conflicts[0].offset, 7);
    assert_int_equal(result.conflicts[0].first.frame, 5);
    assert_int_equal(result.conflicts[0].second.frame, 6);
    /* Joined by the retransmission, and with something new behind it. */
    result = played(OPENING "S 1 1 '250 A~'; S 8 1 '250 B~'; S 1 1 '250 A~250 X~C'",
                    "S:250 A~250 B~C (capture_end)");
    assert_int_equal(result.info.conflict_count, 1);
    assert_int_equal(result.conflicts[0].offset, 7);
    result = played(OPENING "S 1 1 '250 A~'; S 8 1 '250 B~'; S 1 1 '250 A~250 B~C'",
                    "S:250 A~250 B~C (capture_end)");
    assert_int_equal(result.info.conflict_count, 0);
}

static void test_a_keep_alive_is_no_copy(void **state)
{
    (void)state;
    struct player result = played(OPENING "C 1 1 'A'; C 2 1 'B'; C 2 1 'x'", "C:AB (capture_end)");
    assert_int_equal(result.info.conflict_count, 0);
}

static void test_only_the_first_conflicts_are_kept(void **state)
{
    (void)state;
    struct player result = played(OPENING "S 3 1 'AAAAAA'; S 3 1 'B'; S 4 1 'C'; S 5 1 'D'; S 6 1 "
                                          "'E'; S 7 1 'F'; S 1 1 'xy'",
                                  "S:xyAAAAAA (capture_end)");
    assert_int_equal(result.info.conflict_count, 5);
    assert_int_equal(result.conflicts[3].offset, 5);
}

static void test_a_bad_checksum_counts_by_direction(void **state)
{
    (void)state;
    /* All bad: offloading on the host that captures. */
    struct player result =
        played("Cs 0 bad; Ss 0 1 good; C 1 1 'A' bad; S 1 2 'B' good; C 2 2 'C' bad",
               "C:A S:B C:C (capture_end)");
    assert_int_equal(result.counters.bad_checksums, 3);
    assert_int_equal(result.info.sides[SIDE_CLIENT].bad_checksums, 3);
    /* One bad among good ones: the receiver did not take it either. */
    result =
        played("Cs 0 good; Ss 0 1 good; C 1 1 'X' bad; C 1 1 'A' good; Cr 2 bad; S 1 2 'B' good",
               "C:A S:B (capture_end)");
    assert_int_equal(result.info.sides[SIDE_CLIENT].bad_checksums, 2);
    assert_int_equal(result.info.conflict_count, 0);
    assert_false(result.info.sides[SIDE_CLIENT].rst);
    /* A damaged SYN does not end a session. */
    played("Cs 0 good; Ss 0 1 good; Cf 1 1 good; Sf 1 2 good; Cs isn=700 0 bad; C isn=1000 2 2",
           "(fin C)");
}

/* Offloading again: one of its wrong checksums is right by chance, and the rest is still used. */
static void test_a_good_checksum_by_chance(void **state)
{
    (void)state;
    struct player result =
        played("Cs 0 bad; Ss 0 1 good; C 1 1 'A' bad; C 2 1 'B' bad; C 3 1 'C' bad; C 4 1 'D' bad; "
               "C 5 1 'E' bad; C 6 1 'F' bad; C 7 1 'G' bad; C 8 1 'H' good; C 9 1 'I' bad @2500",
               "C:ABCDEFGHI (capture_end)");
    assert_int_equal(result.counters.gaps, 0);
}

static void test_a_bad_segment_waits_for_a_good_copy(void **state)
{
    (void)state;
    /* Inserted: its receiver never acknowledges it. */
    struct player result = played("Cs 0 good; Ss 0 1 good; C 1 1 'EVIL' bad; C 1 1 'A' good @2500; "
                                  "S 1 2 'B' @2600; Cf 2 2 good @2700; @9000",
                                  "C:A S:B C. (capture_end C)");
    assert_int_equal(result.info.sides[SIDE_CLIENT].missed_bytes, 0);
    played("Cs 0 good; Ss 0 1 good; C 1 1 'EVIL' bad; C 1 1 @2500", "(capture_end)");
    /* Its receiver acknowledges it, so it was good there. */
    played("Cs 0 good; Ss 0 1 good; C 1 1 'GOOD' bad; S 1 5", "C:GOOD (capture_end)");
    /* Nobody can say. */
    played("Cs 0 good; C 1 1 good; C 1 1 'GOOD' bad; C 5 1 @2500", "C:GOOD (capture_end)");
}

static void test_of_two_copies_the_valid_one_wins(void **state)
{
    (void)state;
    struct player result = played("Cs 0; Ss 0 1; C 3 1 'XXXX' bad; C 4 1 'AB' good; C 1 1 'ab'",
                                  "C:abXABX (capture_end)");
    assert_int_equal(result.info.conflict_count, 1);
    result = played("Cs 0; Ss 0 1; C 3 1 'XXXX' good; C 4 1 'AB' good; C 1 1 'ab'",
                    "C:abXXXX (capture_end)");
    assert_int_equal(result.info.conflict_count, 1);
    result = played("Cs 0; Ss 0 1; C 3 1 'XXXX'; C 4 1 'AB'; C 1 1 'ab'", "C:abXXXX (capture_end)");
    assert_int_equal(result.info.conflict_count, 1);
}

static void test_facts_of_a_flow(void **state)
{
    (void)state;
    struct player result = played("Cs 0 ttl=64 outer=5 @3; Ss 0 1 ttl=57; C 1 1 'A'; S 1 2 'B' @9",
                                  "C:A S:B (capture_end)");
    const struct flow_info *info = &result.info;
    assert_int_equal(info->client_port, 40000);
    assert_int_equal(info->server_port, 25);
    assert_int_equal(info->client.bytes[3], 1);
    assert_int_equal(info->outer, 5);
    assert_int_equal(info->sides[SIDE_CLIENT].isn, 1000);
    assert_int_equal(info->sides[SIDE_SERVER].isn, 5000);
    assert_int_equal(info->sides[SIDE_CLIENT].ttl, 64);
    assert_int_equal(info->sides[SIDE_SERVER].ttl, 57);
    assert_int_equal(info->first.frame, 1);
    assert_int_equal(info->last.frame, 4);
    assert_int_equal(info->last.time_ns - info->first.time_ns, 6000000);
    assert_int_equal(info->sides[SIDE_SERVER].bytes, 1);
    assert_false(info->midstream || info->guessed || info->ended_by_known);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_copies_that_wait_are_compared),
        cmocka_unit_test(test_copies_of_delivered_bytes_are_compared),
        cmocka_unit_test(test_a_keep_alive_is_no_copy),
        cmocka_unit_test(test_only_the_first_conflicts_are_kept),
        cmocka_unit_test(test_a_bad_checksum_counts_by_direction),
        cmocka_unit_test(test_a_good_checksum_by_chance),
        cmocka_unit_test(test_a_bad_segment_waits_for_a_good_copy),
        cmocka_unit_test(test_of_two_copies_the_valid_one_wins),
        cmocka_unit_test(test_facts_of_a_flow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
