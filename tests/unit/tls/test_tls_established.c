/* SPDX-License-Identifier: Apache-2.0
 * test_tls_established.c - what counts as established, resumed, early, and renegotiated: whole
 * conversations by hand (findings catalogue 2.1, 6.5, 6.6).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "scene.h"

static void test_full_12(void **state)
{
    (void)state;
    up_to_client_finished();
    assert_int_equal(facts->established, TRI_UNKNOWN); /* a ServerHello alone is nothing */
    assert_int_equal(facts->stage, TLS_STAGE_ENCRYPTED);
    assert_int_equal(facts->resumed, TRI_NO);
    talk_record(&talk, S, 20, "\1", 1);
    assert_int_equal(facts->established, TRI_UNKNOWN);
    talk_sealed(&talk, S, 22, 40);
    assert_int_equal(facts->established, TRI_YES);
    assert_int_equal(facts->stage, TLS_STAGE_ESTABLISHED);
    assert_int_equal(facts->visible, TLS_CERT_YES);
    assert_int_equal(facts->server_chain.count, 2);
    assert_memory_equal(facts->server_chain.certificates[1].at, "second", 6);
    assert_int_equal(facts->key_exchange.group, 29);
    assert_int_equal(facts->key_exchange.signature_algorithm, 0x0804);
    assert_int_equal(facts->note_count, 0);
}

/* The client's Finished is sent and its end too: the handshake did not complete. */
static void test_end_before_server_finished(void **state)
{
    (void)state;
    up_to_client_finished();
    talk_finished(&talk, C, false);
    assert_int_equal(facts->established, TRI_UNKNOWN); /* the server may still answer */
    tls_end(talk.tls, true);
    assert_int_equal(facts->established, TRI_NO);
}

static void test_reset_after_server_hello_done(void **state)
{
    (void)state;
    talk_client_hello(&talk, &client12);
    talk_server_hello(&talk, &(struct server_plan){ .ja3s = "771,49199," });
    talk_finished(&talk, C, true);
    assert_int_equal(facts->established, TRI_NO);
}

static void test_no_end_no_verdict(void **state)
{
    (void)state;
    talk_client_hello(&talk, &client12);
    tls_end(talk.tls, true);
    assert_int_equal(facts->established, TRI_UNKNOWN);
}

/* NSS: finishes its side, then an encrypted alert before the server's Finished came. */
static void test_client_rejects_encrypted(void **state)
{
    (void)state;
    for (int crossing = 0; crossing < 2; crossing++) {
        talk_end(&talk);
        talk_begin(&talk);
        facts = talk_facts(&talk);
        up_to_client_finished();
        if (crossing == 1) { /* the server's answer is on the way: the client does not know it */
            talk.crossing = true;
            server_finished();
            assert_int_equal(facts->established, TRI_YES);
            talk_sealed(&talk, C, 21, 26);
        } else {
            talk_sealed(&talk, C, 21, 26);
            server_finished();
        }
        talk_sealed(&talk, S, 23, 100); /* a greeting */
        assert_int_equal(facts->established, TRI_UNKNOWN);
        talk_finished(&talk, C, false);
        assert_int_equal(facts->established, TRI_NO);
        assert_int_equal(facts->alert_count, 1);
        assert_true(facts->alerts[0].encrypted);
        assert_int_equal(facts->alerts[0].stage, TLS_STAGE_ENCRYPTED);
        assert_int_equal(facts->stage, TLS_STAGE_ENCRYPTED);
    }
}

/* The same alert with the server's Finished known is a normal end. */
static void test_client_closes(void **state)
{
    (void)state;
    up_to_client_finished();
    server_finished();
    talk_sealed(&talk, C, 21, 26);
    talk_finished(&talk, C, false);
    assert_int_equal(facts->established, TRI_YES);
    assert_int_equal(facts->alerts[0].stage, TLS_STAGE_ESTABLISHED);
}

static void test_resumption_12(void **state)
{
    (void)state;
    for (int ticket = 0; ticket < 2; ticket++) {
        talk_end(&talk);
        talk_begin(&talk);
        facts = talk_facts(&talk);
        talk_client_hello(&talk,
                          &(struct hello_plan){ .ja3 = "771,49199,35,,", .session_id = "s" });
        talk_server_hello(&talk,
                          &(struct server_plan){ .ja3s = ticket ? "771,49199,35" : "771,49199,",
                                                 .session_id = ticket ? NULL : "s" });
        assert_int_equal(facts->server_hello.session_id_echoed, !ticket);
        assert_int_equal(facts->resumed, TRI_UNKNOWN);
        if (ticket == 1)
            talk_message(&talk, S, 4, "\0\0\0\0\0\0", 6);
        server_finished();
        assert_int_equal(facts->resumed, TRI_YES);
        assert_int_equal(facts->visible, TLS_CERT_RESUMED);
        assert_int_equal(facts->established, TRI_UNKNOWN);
        talk_record(&talk, C, 20, "\1", 1);
        talk_sealed(&talk, C, 22, 40);
        assert_int_equal(facts->established, TRI_YES);
        assert_int_equal(facts->new_ticket, ticket);
        assert_int_equal(facts->note_count, 0);
    }
}

/* TLS 1.3 by sizes: findings catalogue 2.1 and 6.6. */
static void test_sizes_13(void **state)
{
    (void)state;
    static const struct {
        const char *suite;
        size_t client, further;
        enum side who;
        enum tri wanted; /* after the further record and the client's end */
    } cases[] = {
        { "771,4865,43-51", 53, 100, S, TRI_YES },    /* SHA-256 */
        { "771,4866,43-51", 69, 100, S, TRI_YES },    /* SHA-384 */
        { "771,4869,43-51", 45, 100, C, TRI_YES },    /* CCM_8 */
        { "771,4865,43-51", 69, 100, C, TRI_YES },    /* Java: 16 more */
        { "771,4866,43-51", 85, 100, C, TRI_YES },    /* Java */
        { "771,4865,43-51", 900, 53, C, TRI_YES },    /* a client certificate first */
        { "771,4865,43-51", 19, 0, C, TRI_NO },       /* an alert */
        { "771,4865,43-51", 35, 0, C, TRI_NO },       /* an alert of Java */
        { "771,4869,43-51", 11, 0, C, TRI_NO },       /* an alert with CCM_8 */
        { "771,4866,43-51", 53, 100, S, TRI_NO },     /* too short for SHA-384 */
        { "771,4865,43-51", 53, 0, C, TRI_UNKNOWN },  /* Finished, and nothing behind it */
        { "771,4865,43-51", 53, 19, C, TRI_YES },     /* close_notify */
        { "771,4865,43-51", 53, 19, S, TRI_UNKNOWN }, /* the server answers with an alert */
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        talk_end(&talk);
        talk_begin(&talk);
        facts = talk_facts(&talk);
        hellos13(cases[i].suite);
        assert_int_equal(facts->visible, TLS_CERT_ENCRYPTED);
        assert_int_equal(facts->resumed, TRI_NO);
        talk_record(&talk, C, 20, "\1", 1);
        talk_sealed(&talk, C, 23, cases[i].client);
        assert_int_equal(facts->established, TRI_UNKNOWN);
        if (cases[i].further > 0)
            talk_sealed(&talk, cases[i].who, 23, cases[i].further);
        talk_finished(&talk, C, false);
        print_message("case %zu\n", i);
        assert_int_equal(facts->established, cases[i].wanted);
        assert_int_equal(facts->note_count, 0);
    }
}

/* A server that answers Finished with one alert and its end refuses the client. */
static void test_server_refuses_13(void **state)
{
    (void)state;
    static const size_t alerts[] = { 19, 35 }; /* Java's is longer */
    for (size_t i = 0; i < 2; i++) {
        talk_end(&talk);
        talk_begin(&talk);
        facts = talk_facts(&talk);
        hellos13("771,4865,43-51");
        talk_sealed(&talk, C, 23, 53);
        talk_sealed(&talk, S, 23, alerts[i]);
        talk_finished(&talk, S, false);
        assert_int_equal(facts->established, TRI_NO);
    }
}

/* A client in a hurry has sent its EHLO behind Finished; the refusal stays one, an answer does not.
 */
static void test_server_refuses_data_13(void **state)
{
    (void)state;
    hellos13("771,4865,43-51");
    talk_sealed(&talk, C, 23, 53);
    talk_sealed(&talk, C, 23, 40);
    assert_int_equal(facts->established, TRI_YES);
    talk_sealed(&talk, S, 23, 19);
    assert_int_equal(facts->established, TRI_UNKNOWN);
    talk_finished(&talk, S, false);
    assert_int_equal(facts->established, TRI_NO);
    talk_sealed(&talk, S, 23, 200);
    assert_int_equal(facts->established, TRI_YES);
}

/* Records of the server's flight that cross the client's Finished do not confirm it. */
static void test_crossing_flight_13(void **state)
{
    (void)state;
    hellos13("771,4865,43-51");
    uint64_t knows = talk.sent[C];
    talk_sealed(&talk, C, 23, 53);
    talk.crossing = true;
    talk.acked[S] = knows;
    talk_sealed(&talk, S, 23, 100);
    assert_int_equal(facts->established, TRI_UNKNOWN);
    talk.acked[S] = talk.sent[C];
    talk_sealed(&talk, S, 23, 100);
    assert_int_equal(facts->established, TRI_YES);
}

static void test_renegotiation(void **state)
{
    (void)state;
    up_to_client_finished();
    server_finished();
    talk_sealed(&talk, S, 23, 100);
    assert_int_equal(facts->note_count, 0);
    talk_sealed(&talk, S, 22, 32);
    talk_sealed(&talk, C, 22, 112);
    talk_sealed(&talk, C, 22, 50);
    assert_int_equal(facts->note_count, 2);
    assert_int_equal(facts->notes[0].kind, TLS_NOTE_RENEGOTIATION);
    assert_int_equal(facts->notes[0].side, S);
    assert_int_equal(facts->notes[0].len, 32);
    assert_int_equal(facts->notes[1].side, C);
    assert_int_equal(facts->encrypted[C].handshake_records, 3);
}

/* next_protocol is an encrypted message of the first handshake, where it was agreed. */
static void test_next_protocol_is_no_renegotiation(void **state)
{
    (void)state;
    talk_client_hello(&talk, &client12);
    talk_server_hello(&talk, &(struct server_plan){ .ja3s = "771,49199,13172" });
    certificate(S, (const char *[]){ "first", NULL });
    talk_message(&talk, S, 14, NULL, 0);
    talk_record(&talk, C, 20, "\1", 1);
    talk_sealed(&talk, C, 22, 56);
    talk_sealed(&talk, C, 22, 40);
    assert_int_equal(facts->note_count, 0);
    talk_sealed(&talk, C, 22, 40);
    assert_int_equal(facts->note_count, 1);
}

static void test_early_data(void **state)
{
    (void)state;
    talk_client_hello(&talk,
                      &(struct hello_plan){ .ja3 = "771,4865,42-43-51-41,,", .versions = "0304" });
    talk_record(&talk, C, 20, "\1", 1);
    talk_sealed(&talk, C, 23, 300);
    talk_sealed(&talk, C, 23, 400);
    uint64_t knows = 0;
    talk_server_hello(&talk, &(struct server_plan){
                                 .ja3s = "771,4865,43-51-41", .version = 0x0304, .group = 29 });
    talk_sealed(&talk, S, 23, 23);
    talk_sealed(&talk, S, 23, 53);
    talk.crossing = true; /* more of it, sent before the answer came */
    talk.acked[C] = knows + 1;
    talk_sealed(&talk, C, 23, 500);
    talk.crossing = false;
    talk_sealed(&talk, C, 23, 21); /* EndOfEarlyData */
    talk_sealed(&talk, S, 23, 100);
    assert_int_equal(facts->established, TRI_UNKNOWN);
    talk_sealed(&talk, C, 23, 53);
    talk_sealed(&talk, S, 23, 100);
    assert_int_equal(facts->established, TRI_YES);
    assert_int_equal(facts->resumed, TRI_YES);
    assert_int_equal(facts->visible, TLS_CERT_RESUMED);
    assert_int_equal(facts->note_count, 1);
    assert_int_equal(facts->notes[0].kind, TLS_NOTE_EARLY_DATA);
    assert_int_equal(facts->notes[0].len, 300);
}

/* Across a gap nothing negative is said. */
static void test_gap_in_handshake(void **state)
{
    (void)state;
    talk_client_hello(&talk, &client12);
    tls_gap(talk.tls, S, 0, 2000);
    talk.sent[S] = 2000;
    talk_finished(&talk, S, false);
    talk_finished(&talk, C, true);
    tls_end(talk.tls, false);
    assert_int_equal(facts->established, TRI_UNKNOWN);
    assert_int_equal(facts->visible, TLS_CERT_NOT_SEEN);
}

/* A server of which only the encrypted part is there: what it said before is not known. */
static void test_half_midstream(void **state)
{
    (void)state;
    talk_client_hello(&talk, &client12);
    talk_sealed(&talk, S, 23, 100);
    talk_finished(&talk, C, true);
    assert_int_equal(facts->established, TRI_UNKNOWN);
}

/* Marks that tell nothing: the order of arrival decides. */
static void test_blind(void **state)
{
    (void)state;
    talk.blind = true;
    hellos13("771,4865,43-51");
    talk_sealed(&talk, C, 23, 53);
    talk_sealed(&talk, S, 23, 250);
    assert_int_equal(facts->established, TRI_YES);
}

#define T(name) cmocka_unit_test_setup_teardown(name, scene_begin, scene_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_full_12),
        T(test_end_before_server_finished),
        T(test_reset_after_server_hello_done),
        T(test_no_end_no_verdict),
        T(test_client_rejects_encrypted),
        T(test_client_closes),
        T(test_resumption_12),
        T(test_sizes_13),
        T(test_server_refuses_13),
        T(test_server_refuses_data_13),
        T(test_crossing_flight_13),
        T(test_renegotiation),
        T(test_next_protocol_is_no_renegotiation),
        T(test_early_data),
        T(test_gap_in_handshake),
        T(test_half_midstream),
        T(test_blind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
