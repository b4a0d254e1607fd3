/* SPDX-License-Identifier: Apache-2.0
 * test_tls_records.c - records: alerts, heartbeats, clear text behind TLS, bad headers, gaps, and
 * captures that begin in the middle.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "scene.h"

static void test_clear_alert_13(void **state)
{
    (void)state;
    hellos13("771,4865,43-51");
    talk_record(&talk, C, 21, "\2\x30", 2);
    assert_int_equal(facts->alert_count, 1);
    assert_false(facts->alerts[0].encrypted);
    assert_int_equal(facts->alerts[0].code, 48);
    assert_int_equal(facts->alerts[0].stage, TLS_STAGE_ENCRYPTED);
    assert_int_equal(facts->established, TRI_NO);
    assert_int_equal(facts->note_count, 0);
}

static void test_alerts(void **state)
{
    (void)state;
    talk_client_hello(&talk, &client12);
    talk_record(&talk, S, 21, "\1\x70", 2); /* a warning does not end it */
    assert_int_equal(facts->established, TRI_UNKNOWN);
    talk_record(&talk, S, 21, "\2", 1); /* two records for one alert */
    talk_record(&talk, S, 21, "\x28", 1);
    assert_int_equal(facts->alert_count, 2);
    assert_int_equal(facts->alerts[0].code, 112);
    assert_int_equal(facts->alerts[0].level, 1);
    assert_int_equal(facts->alerts[1].code, 40);
    assert_int_equal(facts->alerts[1].side, S);
    assert_int_equal(facts->alerts[1].stage, TLS_STAGE_CLIENT_HELLO);
    assert_int_equal(facts->alerts[1].where.frame, talk.sent[S]);
    assert_int_equal(facts->established, TRI_NO);
    for (unsigned i = 0; i < LIMIT_TLS_ALERTS + 3; i++)
        talk_record(&talk, C, 21, "\1\0", 2);
    assert_int_equal(facts->alert_count, LIMIT_TLS_ALERTS);
    assert_int_equal(facts->alerts_dropped, 5);
}

/* Half an alert that is never completed does not become part of the next one. */
static void test_half_alert(void **state)
{
    (void)state;
    talk_client_hello(&talk, &client12);
    talk_record(&talk, S, 21, "\2", 1);
    talk_server_hello(&talk, &(struct server_plan){ .ja3s = "771,49199," });
    talk_record(&talk, S, 21, "\1\x70", 2);
    assert_int_equal(facts->alert_count, 1);
    assert_int_equal(facts->alerts[0].code, 112);
}

/* A clear alert of the server after the client has switched. */
static void test_clear_alert_after_client_ccs(void **state)
{
    (void)state;
    up_to_client_finished();
    talk_record(&talk, S, 21, "\2\x14", 2);
    assert_int_equal(facts->alert_count, 1);
    assert_false(facts->alerts[0].encrypted);
    assert_int_equal(facts->alerts[0].code, 20);
    assert_int_equal(facts->alerts[0].stage, TLS_STAGE_ENCRYPTED);
}

static void test_alert_of_wrong_length(void **state)
{
    (void)state;
    talk_client_hello(&talk, &client12);
    talk_sealed(&talk, S, 21, 26); /* no ChangeCipherSpec: it cannot be encrypted */
    assert_int_equal(facts->alert_count, 0);
    assert_int_equal(facts->note_count, 1);
    assert_int_equal(facts->notes[0].kind, TLS_NOTE_MALFORMED);
    assert_int_equal(facts->notes[0].code, 21);
}

static void test_heartbeats(void **state)
{
    (void)state;
    static uint8_t answer[64] = { 2, 0x40, 0x00 };
    static const uint8_t sound[3 + 5 + 16] = { 1, 0, 5 };

    talk_client_hello(&talk, &client12);
    talk_server_hello(&talk, &(struct server_plan){ .ja3s = "771,49199," });
    talk_record(&talk, C, 24, sound, sizeof sound);
    talk_record(&talk, C, 24, "\1\x40\0", 3);
    talk_record(&talk, S, 24, answer, sizeof answer);
    talk_record(&talk, S, 24, "\2\0\5", 3);
    talk_record(&talk, C, 24, "\1\0", 2);
    assert_int_equal(facts->note_count, 5);
    assert_int_equal(facts->notes[0].kind, TLS_NOTE_HEARTBEAT_REQUEST);
    assert_int_equal(facts->notes[0].code, 0);
    assert_int_equal(facts->notes[0].len, 5);
    assert_int_equal(facts->notes[1].kind, TLS_NOTE_HEARTBEAT_REQUEST);
    assert_int_equal(facts->notes[1].code, 1);
    assert_int_equal(facts->notes[1].len, 0x4000);
    assert_int_equal(facts->notes[2].kind, TLS_NOTE_HEARTBEAT_RESPONSE);
    assert_int_equal(facts->notes[2].code, 1);
    assert_int_equal(facts->notes[3].kind, TLS_NOTE_HEARTBEAT_RESPONSE);
    assert_int_equal(facts->notes[3].code, 0);
    assert_int_equal(facts->notes[4].kind, TLS_NOTE_MALFORMED);
}

/* One byte over: padding of 16 bytes is owed (RFC 6520 section 4). */
static void test_heartbeat_padding(void **state)
{
    (void)state;
    static const uint8_t request[3 + 5 + 15] = { 1, 0, 5 };
    talk_client_hello(&talk, &client12);
    talk_record(&talk, C, 24, request, sizeof request);
    assert_int_equal(facts->notes[0].code, 1);
}

static void test_heartbeat_encrypted(void **state)
{
    (void)state;
    up_to_client_finished();
    talk_sealed(&talk, C, 24, 86);
    assert_int_equal(facts->note_count, 1);
    assert_int_equal(facts->notes[0].kind, TLS_NOTE_HEARTBEAT_ENCRYPTED);
    assert_int_equal(facts->notes[0].len, 86);
}

static void test_clear_text_after_records(void **state)
{
    (void)state;
    talk_client_hello(&talk, &client12);
    talk_record(&talk, S, 21, "\2\x28", 2);
    uint64_t at = talk.sent[C];
    talk_bytes(&talk, C, "QUIT\r\n", 6);
    assert_true(tls_lost(talk.tls, C));
    assert_false(tls_lost(talk.tls, S));
    assert_int_equal(talk.held_len[C], 6); /* they are the caller's */
    assert_int_equal(facts->notes[0].kind, TLS_NOTE_CLEAR_AFTER_TLS);
    assert_int_equal(facts->notes[0].len, at);
    talk_bytes(&talk, C, "x", 1); /* whoever feeds on gets rid of them */
    assert_int_equal(talk.held_len[C], 0);
}

static void test_bad_record(void **state)
{
    (void)state;
    static const uint8_t bad[][5] = {
        { 22, 2, 0, 0, 1 }, { 0x99, 3, 3, 0, 1 }, { 23, 3, 3, 0x48, 1 }, { 23, 3, 5, 0, 1 }
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        talk_end(&talk);
        talk_begin(&talk);
        facts = talk_facts(&talk);
        talk_client_hello(&talk, &client12);
        talk_bytes(&talk, C, bad[i], 5);
        assert_true(facts->lost[C]);
        assert_int_equal(facts->note_count, 1);
        assert_int_equal(facts->notes[0].kind, TLS_NOTE_MALFORMED);
        assert_int_equal(facts->notes[0].code, bad[i][0]);
    }
}

static void test_gaps(void **state)
{
    (void)state;
    up_to_client_finished();
    server_finished();
    static uint8_t half[5 + 50] = { 23, 3, 3, 0, 100 };
    talk_bytes(&talk, S, half, sizeof half);
    tls_gap(talk.tls, S, talk.sent[S], 50); /* the rest of the payload: nothing is lost */
    talk.sent[S] += 50;
    assert_false(facts->lost[S]);
    talk_sealed(&talk, S, 23, 7);
    assert_int_equal(facts->encrypted[S].application_records, 2);
    tls_gap(talk.tls, S, talk.sent[S], 1); /* a header: no way on */
    assert_true(facts->lost[S]);
    assert_false(facts->lost[C]);
    assert_int_equal(facts->established, TRI_YES);
}

static void test_midstream(void **state)
{
    (void)state;
    talk_sealed(&talk, S, 23, 100);
    talk_sealed(&talk, C, 23, 100);
    talk_sealed(&talk, C, 21, 26);
    talk_finished(&talk, C, false);
    talk_finished(&talk, S, true);
    tls_end(talk.tls, false);
    assert_true(facts->began[C] && facts->began[S]);
    assert_true(facts->no_hello[C] && facts->no_hello[S]);
    assert_int_equal(facts->established, TRI_UNKNOWN);
    assert_int_equal(facts->alert_count, 1);
    assert_true(facts->alerts[0].encrypted);
    assert_int_equal(facts->visible, TLS_CERT_NOT_SEEN);
    assert_int_equal(facts->note_count, 0);
}

/* A capture that begins between the hellos and the switch still shows the certificates. */
static void test_midstream_certificate(void **state)
{
    (void)state;
    certificate(S, (const char *[]){ "first", NULL });
    talk_sealed(&talk, S, 22, 40); /* a Finished, to judge by its bytes */
    assert_int_equal(facts->server_chain.count, 1);
    assert_int_equal(facts->encrypted[S].handshake_records, 1);
    assert_int_equal(facts->visible, TLS_CERT_YES);
}

/* A client alone, TLS 1.2: what follows its ChangeCipherSpec is not read as messages. */
static void test_client_alone(void **state)
{
    (void)state;
    talk_client_hello(&talk, &client12);
    assert_false(facts->no_hello[C]);
    talk_record(&talk, C, 20, "\1", 1);
    talk_record(&talk, C, 22, "\0\0\0\0\0\0\0\0abcdefghijklmnopqrstuvwxyzabcdef", 40);
    assert_int_equal(facts->note_count, 0);
    assert_int_equal(facts->encrypted[C].handshake_records, 1);
    assert_int_equal(facts->client_hellos, 1);
}

static void test_ssl3_no_certificate(void **state)
{
    (void)state;
    talk_client_hello(&talk, &(struct hello_plan){ .ja3 = "768,47,,," });
    talk_server_hello(&talk, &(struct server_plan){ .ja3s = "768,47," });
    talk_message(&talk, S, 13, "\1\1\0\0", 4);
    talk_record(&talk, C, 21, "\1\x29", 2);
    assert_true(facts->client_certificate_empty);
    assert_int_equal(facts->server_hello.version, 0x0300);
}

#define T(name) cmocka_unit_test_setup_teardown(name, scene_begin, scene_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_clear_alert_13),
        T(test_alerts),
        T(test_half_alert),
        T(test_clear_alert_after_client_ccs),
        T(test_alert_of_wrong_length),
        T(test_heartbeats),
        T(test_heartbeat_padding),
        T(test_heartbeat_encrypted),
        T(test_clear_text_after_records),
        T(test_bad_record),
        T(test_gaps),
        T(test_midstream),
        T(test_midstream_certificate),
        T(test_client_alone),
        T(test_ssl3_no_certificate),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
