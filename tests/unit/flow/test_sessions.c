/* SPDX-License-Identifier: Apache-2.0
 * test_sessions.c - which packets are one connection, when it is over, and what the bounds do. The
 * notation is that of player.h.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "limits.h"
#include "player.h"

#define OPENING "Cs 0; Ss 0 1; C 1 1;"
#define GREETING "S 1 1 '220 hi~';"
#define SECOND_MS INT64_C(1000000)

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

static void test_a_new_syn_is_a_new_session(void **state)
{
    (void)state;
    /* After the end, at once and without waiting for an answer. */
    expect(OPENING "C 1 1 'A'; Cf 2 1; Sf 1 3; Cs isn=9000 0; Ss isn=77 0 1; C 1 1 'B'",
           "C:A C. S. (fin C) C:B (capture_end)");
    /* While the old one seems to live: when the SYN is answered, */
    expect(OPENING "C 1 1 'A'; Cs isn=9000 0; Ss isn=77 0 1; C 1 1 'B'",
           "C:A (timeout) C:B (capture_end)");
    /* or its sender goes on from it, */
    expect(OPENING "C 1 1 'A'; Cs isn=9000 0; C 1 1 'B' @1; @2001",
           "C:A (timeout) C:B (capture_end)");
    /* not when it is answered with nothing of the kind. */
    expect(OPENING "C 1 1 'A'; Cs isn=9000 0; S 1 -7998; C isn=1000 2 1 'B'", "C:AB (capture_end)");
    /* nor by a damaged packet. */
    expect(
        "Cs 0 good; Ss 0 1 good; C 1 1 'A' good; Cs isn=9000 0 good; C 1 1 'X' bad; C isn=1000 2 "
        "1 'B' good",
        "C:AB (capture_end)");
    /* The second SYN of one that was never answered. */
    expect("Cs 0; Cs isn=9000 0; Ss 0 1; C 1 1 'B'", "(timeout) C:B (capture_end)");
    /* The same SYN again is the same session. */
    expect("Cs 0; Cs 0; Ss 0 1; Cs 0; C 1 1 'B'; Cs 0", "C:B (capture_end)");
}

static void test_a_session_of_which_only_the_answer_is_new(void **state)
{
    (void)state;
    expect("Ss 0 1; S 1 1 'A'; Ss isn=9000 0 301; S 1 301 'B'; @4000",
           "S:A (timeout) S:B (capture_end)");
    expect(OPENING "S 1 1 'A'; Ss isn=9000 0 700; S isn=5000 2 1 'B'", "S:AB (capture_end)");
    expect(OPENING "S 1 1 'A'; Ss isn=9000 0 700; Ss 0 700; S isn=5000 2 1 'B'",
           "S:AB (capture_end)");
    expect(OPENING "S 1 1 'A'; Ss isn=9000 0 700; C 700 1; S 1 700 'B' @1; @4000",
           "S:A (timeout) S:B (capture_end)");
}

static void test_two_servers_answer(void **state)
{
    (void)state;
    expect("Cs 0; Ss 0 1; Ss isn=9000 0 1; C 1 1; S 1 1 'B'", "S:B (capture_end)");
    expect("Cs 0; Ss 0 1; Ss isn=9000 0 1; C isn=1000 1 -3999; S isn=5000 1 1 'A'",
           "S:A (capture_end)");
}

static void test_tenants_with_the_same_addresses(void **state)
{
    (void)state;
    struct player result, all = { .taste = TASTE_ALL };
    const char *script = "Cs 0 outer=1; Cs isn=9000 0 outer=2; Ss 0 1 outer=2; Ss isn=700 0 -7999 "
                         "outer=1; C 1 -4299 'B' outer=2; C isn=1000 1 1 'A' outer=1; S 1 2 'a' "
                         "outer=1; S isn=5000 1 -7998 'b' outer=2";
    char *text = play_with(&all, script, &result);
    assert_int_equal(result.opened, 2);
    assert_int_equal(result.ended, 2);
    assert_string_equal(text, "C:B C:A S:ab (capture_end) (capture_end)");
    free(text);
    /* A third tunnel is neither of the two. */
    text =
        play_with(&all, "Cs 0 outer=1; Cs isn=9000 0 outer=2; C 5 1 'Z' outer=3; @5000", &result);
    assert_string_equal(text, "C:Z (capture_end) (capture_end) (capture_end)");
    free(text);
    /* A copy of the same connection from within a tunnel is the same connection. */
    expect("Cs 0; Cs 0 outer=3; Ss 0 1; Ss 0 1 outer=3; C 1 1 'A' outer=3; C 1 1 'A'; S 1 2 'b'",
           "C:A S:b (capture_end)");
}

/* The same addresses in ever new tunnels are the one way to fill a bucket without the hash key. */
static void test_a_bucket_is_bounded(void **state)
{
    (void)state;
    struct player result, all = { .taste = TASTE_ALL };
    char script[64 * 48];
    size_t len = 0;
    for (unsigned i = 1; i <= LIMIT_BUCKET_FLOWS + 9; i++)
        len += (size_t)snprintf(script + len, sizeof script - len, "%sCs isn=%u 0 outer=%u @%u",
                                i == 1 ? "" : "; ", i * 100000, i, i);
    free(play_with(&all, script, &result));
    assert_int_equal(result.counters.flows, LIMIT_BUCKET_FLOWS + 9);
    assert_int_equal(result.counters.evicted, 9);
    assert_int_equal(result.ended, LIMIT_BUCKET_FLOWS + 9);
}

static void test_the_key_can_have_more(void **state)
{
    (void)state;
    struct player all = { .options = { .key_outer = true } };
    expect_with(&all, "Cs 0; Ss 0 1; C 1 1 'A'; C 1 1 'A' outer=3; @3000",
                "C:A C:A (capture_end) (capture_end)");
}

static void test_both_directions_have_one_shard(void **state)
{
    (void)state;
    unsigned used[LIMIT_SHARDS] = { 0 };
    for (unsigned i = 0; i < 6400; i++) {
        struct packet a = { .ip_version = 4, .source_port = 25 };
        a.source.bytes[0] = 10;
        a.target.bytes[0] = 10;
        a.target.bytes[3] = (uint8_t)i;
        a.target_port = (uint16_t)(1024 + i);
        struct packet b = a;
        b.source = a.target;
        b.target = a.source;
        b.source_port = a.target_port;
        b.target_port = a.source_port;
        assert_int_equal(packet_shard(&a, 42), packet_shard(&b, 42));
        used[packet_shard(&a, 42)]++;
    }
    for (unsigned i = 0; i < LIMIT_SHARDS; i++)
        assert_in_range(used[i], 50, 170);
}

static void test_stragglers_after_the_end(void **state)
{
    (void)state;
    expect(OPENING GREETING "Sr 9; C 1 9; C 1 9 'A' @9999", "S:220 hi~ C:A (rst S)");
    expect(OPENING GREETING "Cf 1 9; Sf 9 2; C 2 10; C 2 10 @9999; S 9 2 @9999",
           "S:220 hi~ C. S. (fin C)");
    /* They may come after the report, too, */
    expect(OPENING GREETING "Sr 9; Sr 9 @10001; C 1 9 'A' @10002; S 9 2 'B' @300000",
           "S:220 hi~ (rst S)");
    /* but what is nowhere near is something else. A reset of nothing is nothing. */
    expect(OPENING GREETING "Sr 9; @20000; C 90000000 9 'A' @20000; @30000",
           "S:220 hi~ (rst S) C:A (capture_end)");
    expect(OPENING GREETING "Sr 9; C 1 9 'A' @400000; @500000",
           "S:220 hi~ (rst S) C:A (capture_end)");
    expect("Sr 9; Sr 9 1", "");
}

#define PAST OPENING "C 1 1 'A'; Cf 2 1; Sf 1 3; C 3 2;" /* over, and reported */
#define OVER "C:A C. S. (fin C)"

static void test_what_still_belongs_to_a_past_connection(void **state)
{
    (void)state;
    expect(PAST "C 1 1 'A' @9; Ss 0 1; Cs 0; Sr 2; Sr 90000000", OVER);
    /* What goes on goes on from there. */
    expect(PAST "C 3000000 2 'B'; C 6000000 2 'C'", OVER);
    expect(PAST "C 6000000 2 'C'", OVER " C:C (capture_end)");
    /* Another answer to its SYN, and one to another. */
    expect(PAST "Ss isn=9000 0 1; S 1 1 'B'", OVER);
    expect(PAST "Ss isn=9000 0 301; S 1 301 'B'; @4000", OVER " S:B (capture_end)");
    /* A SYN that was waiting for its answer when the old connection ended. */
    expect(OPENING "C 1 1 'A'; Cs isn=9000 0; Cf isn=1000 2 1; Sf 1 3; C 3 2; C isn=9000 1 1 'B'; "
                   "@3000",
           OVER " C:B (capture_end)");
    expect(OPENING "C 1 1 'A' good; Cs isn=9000 0; Cf isn=1000 2 1; Sf 1 3; C 3 2; C isn=9000 1 1 "
                   "'B' bad; @3000",
           OVER);
}

static void test_a_complete_connection_ends_at_once(void **state)
{
    (void)state;
    struct player result, all = { .taste = TASTE_ALL };
    char *text = play_with(
        &all, OPENING GREETING "Cf 1 9 @5; Sf 9 2 @6; C 2 10 @7; C 2 10 @8; Sf 9 2 @9", &result);
    assert_string_equal(text, "S:220 hi~ C. S. (fin C)");
    assert_int_equal(result.info.now_ns % (100000 * SECOND_MS), 7 * SECOND_MS);
    assert_int_equal(result.info.sides[SIDE_CLIENT].packets, 4);
    free(text);
    struct player player = { .quiet = true };
    player_start(&player);
    player_play(&player, OPENING "Cf 1 1; Sf 1 2; C 2 2");
    assert_int_equal(shard_counters(player.shard).flows_open, 0);
    player_finish(&player);
    player_free(&player);
    /* Not while bytes are missing, */
    expect(OPENING "Cf 3 1; Sf 1 4; C 4 2; C 1 1 'AB'", "C:AB C. S. (fin C)");
    /* and the next connection with the same ports begins without delay. */
    expect(OPENING "Cf 1 1; Sf 1 2; C 2 2; Cs isn=77 0; Ss 0 1; C 1 1 'A'",
           "(fin C) C:A (capture_end)");
}

static void test_how_it_ends_does_not_depend_on_order(void **state)
{
    (void)state;
    expect(OPENING "Sr 1; Sf 1 2; Cf 1 1", "(fin C)");
    expect(OPENING "Sf 1 2; Cf 1 1; Sr 2", "(fin C)");
    expect(OPENING "Cf 1 1; Sf 1 2; Cr 2", "(fin C)");
    /* One side only: a reset behind its FIN ends nothing, one in the place of the FIN does. */
    expect("Ss 0 1; S 1 1 'A'; Sf 2 1; Sr 3; @3000", "S:A S. (fin S)");
    expect("Ss 0 1; S 1 1 'A'; Sr 3; Sf 2 1; @3000", "S:A S. (fin S)");
    expect("Ss 0 1; S 1 1 'A'; Sr 2; @3000", "S:A (rst S)");
    /* They crossed: the order on the tap says nothing. */
    expect(OPENING GREETING "Sf 9 1; Cf 1 1", "S:220 hi~ S. C. (fin C)");
    expect(OPENING GREETING "Cf 1 1; Sf 9 1", "S:220 hi~ C. S. (fin C)");
}

static void test_timeouts_go_by_the_capture(void **state)
{
    (void)state;
    struct player result, all = { .options = { .idle_timeout_ns = 5000 * SECOND_MS } };
    char *text = play_with(&all, OPENING "C 1 1 'A' @100; @5099; C 2 1 'B' @5099; @99999", &result);
    assert_string_equal(text, "C:AB (timeout)");
    assert_int_equal(result.info.now_ns % (100000 * SECOND_MS), (5099 + 5000) * SECOND_MS);
    assert_int_equal(result.info.end.time_ns, result.info.now_ns);
    assert_int_equal(result.info.end.frame, 0);
    assert_int_equal(result.counters.timed_out, 1);
    free(text);
    expect_with(&all, OPENING "C 1 1 'A' @100; @5100; C 2 1 'B' @5100; @8000", "C:A (timeout)");
    /* At the same instant in the order of their first packets. */
    struct player same = { .options = { .idle_timeout_ns = 30000 * SECOND_MS } };
    expect_with(&same, OPENING "C 1 1 'A'; Cf 2 1 @5; Cs conn=1 0 @5; @99999",
                "C:A C. (timeout C) (timeout)");
    expect("Cs 0; @29999; Cs 0 @29999; @60000; Cs 0 @60000", "(timeout) (capture_end)");
    text = play_with(&all, OPENING "Sr 1 @7; @99999", &result);
    assert_string_equal(text, "(rst S)");
    assert_int_equal(result.info.end.frame, 4);
    assert_int_equal(result.info.now_ns % (100000 * SECOND_MS), 10007 * SECOND_MS);
    free(text);
}

static void test_more_ticks_change_nothing(void **state)
{
    (void)state;
    static const char *const scripts[] = {
        OPENING "C 1 9 'A' @10; S 9 2 'z' @20; S 1 1 '220 hi~' @1900; C 5 10 'E' @2500; @4501",
        "S 100 50 '250 ok~'; C 50 108 'QUIT~' @3000; S 108 56 '221 by~' @3001; C 99 116 'x' @4000; "
        "C 120 116 'y' @5100; @9000",
        "Cs 0; C 1 1; C 1 9 'A' @10; C 2 20 'B' @2100; C 3 30 'C' @2200; Cs conn=3 0 @2300; @40000",
        OPENING "C 5 1 'A' @1; C 7 1 'B' @2; C 9 1 'C' @1500; S 1 11 @1700; @3600",
        OPENING "S 1 30 'x' @5; Cf 30 2 @90; C 40 2 'y' @100; @60000",
    };
    for (size_t i = 0; i < sizeof scripts / sizeof scripts[0]; i++) {
        for (int64_t timer = 0; timer <= 700; timer += 350) {
            struct player seldom = { .timer_after_ns = timer * SECOND_MS, .show_acked = true };
            struct player often = seldom, a, b;
            often.every_tick = true;
            char *one = play_with(&seldom, scripts[i], &a),
                 *two = play_with(&often, scripts[i], &b);
            assert_string_equal(one, two);
            assert_int_equal(a.info.now_ns, b.info.now_ns);
            assert_memory_equal(&a.info.end, &b.info.end, sizeof a.info.end);
            free(one);
            free(two);
        }
    }
}

static void test_timers_of_the_consumer(void **state)
{
    (void)state;
    struct player all = { .timer_after_ns = 500 * SECOND_MS };
    expect_with(&all, OPENING "C 1 1 'A' @100; C 2 1 'B' @300; C 3 1 'C' @800; @1300",
                "C:AB T800 C:C T1300 (capture_end)");
    /* An instant that has passed is the next one, not this one. */
    struct player past = { .timer_after_ns = -1 };
    expect_with(&past, OPENING "C 1 1 'A' @100; C 2 1 'B' @100; @101", "C:AB T100 (capture_end)");
}

static void test_eviction_reports(void **state)
{
    (void)state;
    struct player result, small = { .options = { .max_flows = 2 } };
    char *text = play_with(&small,
                           "Cs 0; Ss 0 1; C 5 1 'KEPT'; Cs conn=1 0; Cs conn=2 0; Cs conn=3 0; C 1 "
                           "1 'A' conn=1",
                           &result);
    /* Attempts without an answer go before connections; then who was silent longest. */
    assert_string_equal(text, "(evicted) (evicted) (evicted) [C 0+4 lost] C:KEPT (capture_end) C:A "
                              "(capture_end)");
    assert_int_equal(result.counters.evicted, 3);
    assert_int_equal(result.counters.flows, 5);
    free(text);
    struct player one = { .options = { .max_flows = 1 } };
    expect_with(&one, OPENING "C 5 1 'KEPT'; Cs conn=1 0",
                "[C 0+4 lost] C:KEPT (evicted) (capture_end)");
}

static void test_a_million_syns(void **state)
{
    (void)state;
    struct player flood = { .quiet = true, .options = { .max_flows = 1000 } };
    struct packet syn = { .ip_version = 4, .tcp_flags = TCP_SYN, .target_port = 25 };
    player_start(&flood);
    for (uint32_t i = 0; i < 1000000; i++) {
        memcpy(syn.source.bytes, &i, sizeof i);
        syn.source_port = (uint16_t)i;
        player_packet(&flood, &syn);
        assert_true(i < 1000 || flood.ended == i + 1 - 1000);
    }
    player_finish(&flood);
    assert_int_equal(flood.counters.evicted, 999000);
    assert_int_equal(flood.ended, 1000000);
    assert_int_equal(flood.opened, 0);
    player_free(&flood);
}

static void test_payload_has_a_maximum(void **state)
{
    (void)state;
    struct player hungry = { .quiet = true,
                             .taste = TASTE_NOTHING,
                             .options = { .max_buffered_bytes = 100000 } };
    player_start(&hungry);
    for (unsigned conn = 0; conn < 40; conn++) {
        char script[200];
        snprintf(script, sizeof script, "Cs 0 conn=%u; Ss 0 1 conn=%u; C 1 1 conn=%u", conn, conn,
                 conn);
        player_play(&hungry, script);
        for (unsigned i = 0; i < 500; i++) { /* tiny, with holes on one side, unread on the other */
            snprintf(script, sizeof script, "C %u 1 'x' conn=%u; S %u 1 'yyyyyyyy' conn=%u",
                     3 + 2 * i, conn, 1 + 8 * i, conn);
            player_play(&hungry, script);
        }
    }
    player_finish(&hungry);
    assert_true(hungry.counters.buffered_bytes_peak <= 100000);
    assert_true(hungry.counters.buffered_bytes_peak > 90000);
    assert_true(hungry.counters.buffer_refused > 0);
    assert_int_equal(hungry.ended, 40);
    player_free(&hungry);

    struct player tiny = { .options = { .max_buffered_bytes = 100 } };
    expect_with(
        &tiny, OPENING "C 5 1 '0123456789012345678901234567890123456789'; C 45 1 'Z'; C 1 1 'ABCD'",
        "C:ABCD [C 4+40 overflow] C:Z (capture_end)");
    struct player small = { .taste = TASTE_LINES, .options = { .max_buffered_bytes = 700 } };
    expect_with(&small, OPENING "C 1 1 'A'; S 1 1 'B'; C 2 1 'C~'; S 2 1 'D~'",
                "[S 0+1 overflow] C:AC~ S:D~ (capture_end)");
}

static void test_deep_reordering(void **state)
{
    (void)state;
    struct player deep = { .taste = TASTE_ALL };
    player_start(&deep);
    player_play(&deep, OPENING);
    for (unsigned i = 1000; i > 0; i--) {
        char script[64];
        snprintf(script, sizeof script, "C %u 1 '%c'", i, "abcd"[i % 4]);
        player_play(&deep, script);
    }
    player_finish(&deep);
    assert_int_equal(deep.info.sides[SIDE_CLIENT].stream_bytes, 1000);
    player_free(&deep);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_new_syn_is_a_new_session),
        cmocka_unit_test(test_a_session_of_which_only_the_answer_is_new),
        cmocka_unit_test(test_two_servers_answer),
        cmocka_unit_test(test_tenants_with_the_same_addresses),
        cmocka_unit_test(test_a_bucket_is_bounded),
        cmocka_unit_test(test_the_key_can_have_more),
        cmocka_unit_test(test_both_directions_have_one_shard),
        cmocka_unit_test(test_stragglers_after_the_end),
        cmocka_unit_test(test_what_still_belongs_to_a_past_connection),
        cmocka_unit_test(test_a_complete_connection_ends_at_once),
        cmocka_unit_test(test_how_it_ends_does_not_depend_on_order),
        cmocka_unit_test(test_timeouts_go_by_the_capture),
        cmocka_unit_test(test_more_ticks_change_nothing),
        cmocka_unit_test(test_timers_of_the_consumer),
        cmocka_unit_test(test_eviction_reports),
        cmocka_unit_test(test_a_million_syns),
        cmocka_unit_test(test_payload_has_a_maximum),
        cmocka_unit_test(test_deep_reordering),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
