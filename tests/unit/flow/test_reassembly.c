/* SPDX-License-Identifier: Apache-2.0
 * test_reassembly.c - two streams put in order, whatever the tap did to them. The notation is that
 * of player.h.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "limits.h"
#include "player.h"

#define OPENING "Cs 0; Ss 0 1; C 1 1;"
#define GREETING "S 1 1 '220 hi~';"
#define CLOSING(c, s) "Cf " #c " " #s "; Sf " #s " " #c ";"

static void expect_with(const struct player *prototype, const char *script, const char *record)
{
    char *text = play_with(prototype, script, NULL);
    assert_string_equal(text, record);
    free(text);
}

static void expect(const char *script, const char *record)
{
    const struct player all = { .taste = TASTE_ALL };
    expect_with(&all, script, record);
}

static void test_a_dialogue(void **state)
{
    (void)state;
    expect(OPENING GREETING "C 1 9; C 1 9 'QUIT~'; S 9 7 '221 by~'; Cf 7 17; Sf 17 8; C 8 18",
           "S:220 hi~ C:QUIT~ S:221 by~ C. S. (fin C)");
}

static void test_out_of_order(void **state)
{
    (void)state;
    const char *in_order = "S:220 hi~ C:ABCDEF (capture_end)";
    expect(OPENING GREETING "C 3 9 'CD'; C 5 9 'EF'; C 1 9 'AB'", in_order);
    expect(OPENING GREETING "C 5 9 'EF'; C 3 9 'CD'; C 1 9 'AB'", in_order);
    expect(OPENING "C 5 9 'EF'; C 3 9 'CD'; C 1 9 'AB';" GREETING, in_order);
}

static void test_overlap(void **state)
{
    (void)state;
    expect(OPENING "C 1 1 'ABCD'; C 3 1 'CDEF'; C 2 1 'BCDEFGH'", "C:ABCDEFGH (capture_end)");
    expect(OPENING "C 3 1 'CD'; C 7 1 'GH'; C 2 1 'BCDEFGHI'; C 1 1 'AB'",
           "C:ABCDEFGHI (capture_end)");
}

static void test_retransmission_and_mirror_duplicates(void **state)
{
    (void)state;
    struct player result, all = { .taste = TASTE_ALL };
    char *text = play_with(&all,
                           "Cs 0; Cs 0; Ss 0 1; Ss 0 1; C 1 1; C 1 1; S 1 1 '220 hi~'; S 1 1 '220 "
                           "hi~'; C 1 9 'QUIT~'; C 1 9 'QUIT~'; S 1 1 '220 hi~'; Cf 7 9; Cf 7 9; "
                           "Sf 9 8; Sf 9 8; C 8 10; C 8 10",
                           &result);
    assert_string_equal(text, "S:220 hi~ C:QUIT~ C. S. (fin C)");
    assert_int_equal(result.counters.duplicates, 3);
    assert_int_equal(result.info.sides[SIDE_SERVER].duplicates, 2);
    assert_int_equal(result.info.sides[SIDE_SERVER].packets, 7);
    assert_int_equal(result.info.sides[SIDE_SERVER].stream_bytes, 8);
    assert_int_equal(result.info.conflict_count, 0);
    free(text);
}

static void test_sequence_wrap(void **state)
{
    (void)state;
    expect("Cs isn=0xfffffffd 0; Ss isn=0xffffffff 0 1; C 1 1; S 1 1 '220 hi~'; C 5 9 'EF'; C 1 9 "
           "'ABCD'; C 7 9 'GH'; Cf 9 9; Sf 9 10",
           "S:220 hi~ C:ABCDEFGH C. S. (fin C)");
}

static void test_keep_alive_with_a_garbage_byte(void **state)
{
    (void)state;
    struct player result, all = { .taste = TASTE_ALL };
    char *text = play_with(&all,
                           OPENING "C 0 1 'x'; S 1 1; C 1 1 'AB'; C 2 1 'x'; S 1 3; C 3 1 'CD'; "
                                   "Cf 5 1; C 5 1 'x'; S 1 6 'Z'",
                           &result);
    assert_string_equal(text, "C:ABCD C. S:Z (capture_end C)");
    assert_int_equal(result.info.conflict_count, 0);
    free(text);
}

static void test_window_probe(void **state)
{
    (void)state;
    expect(OPENING "C 1 1 'ABC'; S 1 4; C 4 1 'D'; S 1 4; C 4 1 'D'; S 1 5; C 4 1 'DEF'",
           "C:ABCDEF (capture_end)");
}

static void test_data_on_syn(void **state)
{
    (void)state;
    expect("Cs 0 'AB'; Ss 0 3; C 3 1 'CD'", "C:ABCD (capture_end)");
    expect("Cs 0 'AB'; Ss 0 1; C 1 1 'ABCD'", "C:ABCD (capture_end)");
    expect("Cs 0 'AB'; Ss 0 3 'XY'; C 3 3 'CD'", "C:AB S:XY C:CD (capture_end)");
}

static void test_reset_in_and_out_of_window(void **state)
{
    (void)state;
    expect(OPENING GREETING "Sr 9", "S:220 hi~ (rst S)");
    expect(OPENING GREETING "Sr 9000000; C 1 9 'QUIT~'", "S:220 hi~ C:QUIT~ (capture_end)");
    expect(OPENING GREETING "C 1 9; Sr 3; C 1 9 'QUIT~'", "S:220 hi~ C:QUIT~ (capture_end)");
    expect("Cs 0; Sr 0 1", "(rst S)");
    expect("Cs 0; Sr 0 77", "(capture_end)");
    expect("Cs 0; Sr 0", "(capture_end)");
}

static void test_reset_does_not_cut_off_what_was_reordered(void **state)
{
    (void)state;
    expect(OPENING "Sr 9; S 5 1 'hi~'; S 1 1 '220 '; C 1 9", "S:220 hi~ (rst S)");
}

static void test_a_forged_reset_does_not_split_a_session(void **state)
{
    (void)state;
    expect(OPENING GREETING "Sr 9; C 1 9 'A~' @100; S 9 4 'bc~' @5000; C 4 13 'C~' @20000; S 13 7 "
                            "'de~' @40000; Cf 7 17; Sf 17 8",
           "S:220 hi~ C:A~ S:bc~ C:C~ S:de~ C. S. (fin C)");
}

static void test_half_close(void **state)
{
    (void)state;
    expect(OPENING GREETING "Cf 1 9; S 9 2 'AB' @5000; S 11 2 'CD' @60000; Sf 13 2 @90000; C 2 14",
           "S:220 hi~ C. S:ABCD S. (fin C)");
    expect(OPENING "Cf 1 1; S 1 2 'X'", "C. S:X (capture_end C)");
    expect(OPENING "Cf 1 1 'AB'; C 8 1 'ZZ'; S 1 4 'X'", "C:AB C. S:X (capture_end C)");
    /* The FIN comes early, late, and twice with other data before it. */
    expect(OPENING "Cf 3 1 'CD'; C 1 1 'AB'; S 1 6 'X'", "C:ABCD C. S:X (capture_end C)");
}

static void test_finished_waits_for_its_cause(void **state)
{
    (void)state;
    expect(OPENING "C 1 1 'QUIT~'; Cf 7 9; S 1 7 '221 by~'; Sf 9 8",
           "C:QUIT~ S:221 by~ C. S. (fin C)");
    expect(OPENING "Sf 9 8; Cf 7 9; S 1 7 '221 by~'; C 1 1 'QUIT~'",
           "C:QUIT~ S:221 by~ C. S. (fin C)");
}

static void test_gap_by_acknowledgement_and_time(void **state)
{
    (void)state;
    /* With data behind it. */
    expect(OPENING "C 3 1 'CD'; S 1 5; C 5 1 'E' @1999; @2000; C 6 1 'F' @2000",
           "[C 0+2 lost] C:CDEF (capture_end)");
    expect(OPENING "C 3 1 'CD'; S 1 5; C 1 1 'AB' @1999", "C:ABCD (capture_end)");
    /* With nothing behind it, but acknowledged. */
    expect(OPENING "S 1 7; C 1 1 @1999; C 1 1 'LATE' @1999", "C:LATE [C 4+2 lost] (capture_end)");
    expect(OPENING "S 1 7; C 7 1 @2001; C 7 1 'Z' @2001", "[C 0+6 lost] C:Z (capture_end)");
    /* Acknowledged by data that waits for it. */
    expect(OPENING "S 1 7 'X' @1; C 7 2 'Y' @2; C 8 2 @2001", "[C 0+6 lost] S:X C:Y (capture_end)");
    /* A FIN that was missed is no gap. */
    expect(OPENING "C 1 1 'AB'; S 1 4; @2500", "C:AB (capture_end)");
    expect(OPENING "C 1 1 'AB'; S 1 4 'X'; S 2 4 'Y' @2000", "C:AB S:XY (capture_end)");
}

static void test_gap_when_the_window_is_exhausted(void **state)
{
    (void)state;
    struct player player = { .quiet = true };
    player_start(&player);
    player_play(&player, OPENING);
    char line[2100];
    unsigned seq = 1001;
    for (size_t i = 0; i < sizeof line; i++)
        line[i] = i < 2000 ? 'x' : '\0';
    unsigned sent = 0;
    while (player.opened == 0 && sent < 100) {
        char script[2200];
        snprintf(script, sizeof script, "C %u 1 '%s'", seq + sent * 2000, line);
        player_play(&player, script);
        sent++;
    }
    assert_int_equal(sent, LIMIT_REORDER_BYTES / 2000 + 1);
    player_finish(&player);
    assert_int_equal(player.info.sides[SIDE_CLIENT].missed_bytes, 1000);
    assert_int_equal(player.info.sides[SIDE_CLIENT].gaps, 1);
    assert_int_equal(player.info.sides[SIDE_CLIENT].stream_bytes, sent * 2000);
    player_free(&player);
}

static void test_one_direction_only(void **state)
{
    (void)state;
    struct player result, all = { .taste = TASTE_ALL };
    char *text = play_with(&all,
                           "Cs 0; C 1 1; C 1 9 'EHLO x~' @10; C 9 30 'QUIT~' @20; Cf 15 40 @2005; "
                           "C 16 41 @2011; C 16 41 @2012",
                           &result);
    assert_string_equal(text, "C:EHLO x~QUIT~ C. (fin C)");
    assert_int_equal(result.counters.one_sided, 1);
    assert_int_equal(result.counters.half, 1);
    assert_int_equal(result.counters.both, 0);
    assert_false(result.info.sides[SIDE_SERVER].seen);
    assert_true(result.info.sides[SIDE_SERVER].isn_known);
    assert_int_equal(result.info.sides[SIDE_SERVER].isn, 5000);
    free(text);

    /* It waits once, then flows: the timer at 2020 is of the consumer. */
    struct player timed = { .timer_after_ns = 1 };
    expect_with(&timed, "Cs 0; C 1 1; C 1 9 'A' @10; C 2 20 'B' @2100; C 3 30 'C' @2200; @2300",
                "C:A T2010 C:B T2100 C:C T2200 (capture_end)");
    expect("Ss 0 1; S 1 1 '220 hi~' @5; S 9 9 '250 ok~' @9; S 17 15 'X' @2010",
           "S:220 hi~250 ok~X (capture_end)");
}

static void test_midstream(void **state)
{
    (void)state;
    struct player result, all = { .taste = TASTE_ALL };
    char *text =
        play_with(&all, "S 100 50 '250 ok~'; C 50 108 'QUIT~'; S 108 56 '221 by~'", &result);
    assert_string_equal(text, "S:250 ok~ C:QUIT~ S:221 by~ (capture_end)");
    assert_true(result.info.midstream && result.info.guessed);
    assert_int_equal(result.info.server_port, 25);
    assert_int_equal(result.info.first_seq[SIDE_SERVER], 5100);
    assert_int_equal(result.counters.midstream, 1);
    free(text);

    /* It is held for 2 s: what follows goes in order with it. */
    expect("C 50 108 'QUIT~' @1; S 100 50 '250 ok~' @1900; S 108 56 '221 by~' @1950",
           "S:250 ok~ C:QUIT~ S:221 by~ (capture_end)");

    /* The acknowledgement says that a greeting was sent; one far away says nothing. */
    expect("C 50 100; S 108 50 '250 ok~'; C 50 116 'QUIT~'",
           "[S 0+8 lost] S:250 ok~ C:QUIT~ (capture_end)");
    expect("C 50 100; S 90100 50 '250 ok~'; C 50 90108 'QUIT~'", "S:250 ok~ C:QUIT~ (capture_end)");
}

static void test_midstream_orientation(void **state)
{
    (void)state;
    struct player result, all = { .taste = TASTE_ALL };
    /* Port 25 belongs to the client address here: content says otherwise, however it is cut. */
    char *text = play_with(&all, "S 1 1 '2' swap; S 2 1 '20 hi~' swap", &result);
    assert_string_equal(text, "S:220 hi~ (capture_end)");
    free(text);
    /* "swap" makes both ports high, and the server's the higher one. */
    assert_int_equal(result.info.server_port, 50000);
    assert_true(result.info.guessed);
    text = play_with(&all, "C 1 1 x1603010005010000; S 1 8 x16030100050200 swap", &result);
    free(text);
    text = play_with(&all, "C 1 1 'ABC' swap; S 1 4 'DEF' swap", &result);
    assert_string_equal(text, "S:ABC C:DEF (capture_end)"); /* by port, and wrong */
    free(text);
    /* A SYN that comes late says who is who. */
    text = play_with(&all, "S 1 4 'DEF' swap; C 1 1 'ABC' swap; Ss 0 1 swap; Cs 0 swap", &result);
    assert_string_equal(text, "C:ABC S:DEF (capture_end)");
    assert_false(result.info.guessed);
    free(text);
}

static void test_syn_after_data(void **state)
{
    (void)state;
    struct player result, all = { .taste = TASTE_ALL };
    char *text = play_with(&all,
                           "Sf 17 8; Cf 7 17; S 9 7 '221 by~'; C 1 9 'QUIT~'; S 1 1 '220 hi~'; C 1 "
                           "1; Ss 0 1; Cs 0",
                           &result);
    assert_string_equal(text, "S:220 hi~ C:QUIT~ S:221 by~ C. S. (fin C)");
    assert_false(result.info.midstream || result.info.guessed);
    assert_int_equal(result.opened, 1);
    free(text);
}

static void test_a_missing_syn_ack(void **state)
{
    (void)state;
    struct player result, all = { .taste = TASTE_ALL };
    char *text = play_with(&all, "Cs 0; C 1 1; S 1 1 '220 hi~'; C 1 9 'QUIT~' @2000", &result);
    assert_string_equal(text, "S:220 hi~ C:QUIT~ (capture_end)");
    assert_int_equal(result.info.sides[SIDE_SERVER].isn, 5000);
    free(text);
    expect("Cs 0; C 1 1; S 5 1 ' hi~'; C 1 10 'QUIT~' @2000",
           "[S 0+4 lost] S: hi~ C:QUIT~ (capture_end)");
}

static void test_a_retransmission_with_a_newer_acknowledgement(void **state)
{
    (void)state;
    /* The first copy of QUIT was lost to the tap; the second acknowledges its own answer. */
    expect(OPENING GREETING "C 1 9; S 9 7 '221 by~' @100; C 1 17 'QUIT~' @300; C 7 17 @2400",
           "S:220 hi~ C:QUIT~ S:221 by~ (capture_end)");
    /* First copies of later bytes tell that the lost one was not newer. */
    expect(OPENING "C 1 9 'AB'; C 3 1 'CD'; S 1 5 'wxyzwxyz'; @5000",
           "C:ABCD S:wxyzwxyz (capture_end)");
}

static void test_causality(void **state)
{
    (void)state;
    const struct player marked = { .show_acked = true };
    expect_with(&marked, OPENING "C 1 9 'A~'; S 1 1 '220 hi~'; S 9 4 'bc~'; C 4 13 'D~'",
                "S@0:220 hi~ C@8:A~ S@3:bc~ C@12:D~ (capture_end)");
    expect_with(&marked, OPENING "C 4 13 'D~'; S 9 4 'bc~'; S 1 1 '220 hi~'; C 1 9 'A~'",
                "S@0:220 hi~ C@8:A~ S@3:bc~ C@12:D~ (capture_end)");
}

static void test_re_offer(void **state)
{
    (void)state;
    const struct player lines = { .taste = TASTE_LINES };
    expect_with(&lines, OPENING "S 1 1 '22'; S 3 1 '0 hi~250'; S 12 1 ' ok~x'; Sf 18 1",
                "S:220 hi~250 ok~x S. (capture_end S)");
    const struct player nothing = { .taste = TASTE_NOTHING };
    expect_with(&nothing, OPENING "S 1 1 'AB'; S 3 1 'CD'; C 1 5 'E'; Sf 5 1; Cf 2 6",
                "S. C. (fin S)");
}

static void test_what_is_left_is_offered_when_the_other_side_goes_on(void **state)
{
    (void)state;
    struct player result, wait = { .taste = TASTE_SERVER_FIRST };
    char *text =
        play_with(&wait, OPENING "C 1 1 'A~'; S 1 1; C 4 1; S 1 4 'b~'; S 4 4; C 4 4", &result);
    assert_string_equal(text, "S:b~ C:A~ (capture_end)");
    assert_int_equal(result.offers, 3); /* and not with every packet */
    free(text);
    const struct player lines = { .taste = TASTE_LINES };
    expect_with(&lines, OPENING "S 1 1 'AB'; Sf 3 1", "S:AB S. (capture_end S)");
}

static void test_what_one_side_acknowledges(void **state)
{
    (void)state;
    const struct player marked = { .show_acked = true };
    /* A FIN is no byte. */
    expect_with(&marked, OPENING "C 1 1 'A'; Cf 2 1; S 1 3 'B'", "C@0:A C. S@1:B (capture_end C)");
    /* Of a side that is not in the capture nobody can be said to know anything. */
    expect_with(&marked, "Cs 0; C 1 1 'A'; C 2 0x40000001 'B' @3000", "C@0:A C@0:B (capture_end)");
}

static void test_a_long_stream_wraps_more_than_once(void **state)
{
    (void)state;
    struct player player = { .quiet = true };
    player_start(&player);
    player_play(&player, "Cs 0; C 1 1");
    for (unsigned i = 1; i <= 9; i++) {
        char script[64];
        snprintf(script, sizeof script, "C %u 1 'A' @%u", (i << 30) + 1, i * 3000);
        player_play(&player, script);
    }
    player_finish(&player);
    assert_int_equal(player.info.sides[SIDE_CLIENT].stream_bytes, 9);
    assert_int_equal(player.info.sides[SIDE_CLIENT].missed_bytes, (UINT64_C(9) << 30) - 8);
    player_free(&player);
}

static void test_less_patience_where_no_mail_is_expected(void **state)
{
    (void)state;
    for (int mail = 0; mail < 2; mail++) {
        struct player player = { .quiet = true };
        player_start(&player);
        for (unsigned i = 0; i < 17; i++) {
            char script[64];
            snprintf(script, sizeof script, "C %u 1 'A' %s", 1 + i, mail ? "" : "swap");
            player_play(&player, script);
        }
        assert_int_equal(player.opened, mail ? 0 : 1);
        player_finish(&player);
        assert_int_equal(
            player.info.sides[SIDE_CLIENT].bytes + player.info.sides[SIDE_SERVER].bytes, 17);
        player_free(&player);
    }
}

static void test_skip_and_decline(void **state)
{
    (void)state;
    const struct player skip = { .taste = TASTE_SKIP_SERVER };
    expect_with(&skip, OPENING GREETING "C 1 9 'A~'; S 9 4 'b~'; S 90 4 'b~'; C 4 13 'D~'; Cf 7 13",
                "S:220 hi~ C:A~D~ C. (capture_end C)");
    const struct player decline = { .taste = TASTE_DECLINE };
    expect_with(&decline, OPENING GREETING "C 5 9 'A~'; C 1 9 'A~'; S 9 4 'b~'; Sr 13", "(rst S)");
}

static void test_snap_length(void **state)
{
    (void)state;
    struct player result, all = { .taste = TASTE_ALL };
    char *text = play_with(&all, OPENING "C 1 1 'ABCDEF' cut=2; C 7 1 'GH'", &result);
    assert_string_equal(text, "C:AB [C 2+4 cut] C:GH (capture_end)");
    assert_int_equal(result.info.sides[SIDE_CLIENT].truncated, 1);
    free(text);
    /* A whole copy fills it, where it is still awaited. */
    expect(OPENING "C 3 1 'CDEFGHI' cut=1; C 5 1 'EF'; C 1 1 'AB'",
           "C:ABC [C 3+1 cut] C:EF [C 6+3 cut] (capture_end)");
}

static void test_pending_is_bounded(void **state)
{
    (void)state;
    struct player player = { .taste = TASTE_NOTHING };
    player_start(&player);
    player_play(&player, OPENING);
    for (unsigned i = 0; i <= LIMIT_PENDING_BYTES / 10; i++) {
        char script[64];
        snprintf(script, sizeof script, "C %u 1 '0123456789'", 1 + i * 10);
        player_play(&player, script);
    }
    assert_string_equal(player_finish(&player), "[C 0+20490 overflow] (capture_end)");
    player_free(&player);
}

static void test_forged_numbers_do_not_kill_a_stream(void **state)
{
    (void)state;
    /* Data far beyond any window, an acknowledgement of what nobody sent, a FIN in the past. */
    expect(OPENING GREETING "C 900000000 9 'EVIL' @1; C 1 700000000 'EHLO~' @2; S 9 7 'ok~' @3; "
                            "Sf 3 7; C 7 13 'QUIT~' @9000",
           "S:220 hi~ C:EHLO~ S:ok~ C:QUIT~ (capture_end)");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_dialogue),
        cmocka_unit_test(test_out_of_order),
        cmocka_unit_test(test_overlap),
        cmocka_unit_test(test_retransmission_and_mirror_duplicates),
        cmocka_unit_test(test_sequence_wrap),
        cmocka_unit_test(test_keep_alive_with_a_garbage_byte),
        cmocka_unit_test(test_window_probe),
        cmocka_unit_test(test_data_on_syn),
        cmocka_unit_test(test_reset_in_and_out_of_window),
        cmocka_unit_test(test_reset_does_not_cut_off_what_was_reordered),
        cmocka_unit_test(test_a_forged_reset_does_not_split_a_session),
        cmocka_unit_test(test_half_close),
        cmocka_unit_test(test_finished_waits_for_its_cause),
        cmocka_unit_test(test_gap_by_acknowledgement_and_time),
        cmocka_unit_test(test_gap_when_the_window_is_exhausted),
        cmocka_unit_test(test_one_direction_only),
        cmocka_unit_test(test_midstream),
        cmocka_unit_test(test_midstream_orientation),
        cmocka_unit_test(test_syn_after_data),
        cmocka_unit_test(test_a_missing_syn_ack),
        cmocka_unit_test(test_a_retransmission_with_a_newer_acknowledgement),
        cmocka_unit_test(test_causality),
        cmocka_unit_test(test_re_offer),
        cmocka_unit_test(test_what_is_left_is_offered_when_the_other_side_goes_on),
        cmocka_unit_test(test_what_one_side_acknowledges),
        cmocka_unit_test(test_a_long_stream_wraps_more_than_once),
        cmocka_unit_test(test_less_patience_where_no_mail_is_expected),
        cmocka_unit_test(test_skip_and_decline),
        cmocka_unit_test(test_snap_length),
        cmocka_unit_test(test_pending_is_bounded),
        cmocka_unit_test(test_forged_numbers_do_not_kill_a_stream),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
