/* SPDX-License-Identifier: Apache-2.0
 * test_judge.c - the tables of role, mode, verdict and outcome, row by row.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "judge.h"

struct case_of {
    struct flow_info flow;
    struct mail_facts mail;
    struct mail_note notes[2];
    struct mail_auth auth[1];
    struct tls_facts tls;
    struct session_record record;
};

static struct case_of *fresh(uint16_t port, bool with_mail, bool with_tls)
{
    static struct case_of c;
    memset(&c, 0, sizeof c);
    c.flow.server_port = port;
    c.flow.sides[SIDE_CLIENT].seen = c.flow.sides[SIDE_SERVER].seen = true;
    c.flow.how = FLOW_END_FIN;
    c.mail.protocol = MAIL_SMTP;
    c.mail.notes = c.notes;
    c.mail.auth = c.auth;
    c.tls.began[SIDE_CLIENT] = c.tls.began[SIDE_SERVER] = with_tls;
    c.tls.client_hellos = c.tls.server_hellos = with_tls;
    c.tls.server_hello.seen = with_tls;
    c.tls.server_hello.version = 0x0303;
    c.tls.server_hello.cipher = 0xc02f; /* ECDHE_RSA AES_128_GCM */
    c.tls.established = TRI_YES;
    c.record.flow = &c.flow;
    c.record.mail = with_mail ? &c.mail : NULL;
    c.record.tls = with_tls ? &c.tls : NULL;
    return &c;
}

static void expect(struct case_of *c, enum session_mode mode, enum session_verdict verdict,
                   enum session_outcome outcome)
{
    judge_session(&c->record, false, true);
    assert_string_equal(session_mode_name(c->record.mode), session_mode_name(mode));
    assert_string_equal(session_verdict_name(c->record.verdict), session_verdict_name(verdict));
    assert_string_equal(session_outcome_name(c->record.outcome), session_outcome_name(outcome));
}

static void test_tls_sessions(void **state)
{
    (void)state;
    struct case_of *c = fresh(25, true, true);
    c->mail.starttls_requested = c->mail.starttls_accepted = TRI_YES;
    expect(c, MODE_STARTTLS, VERDICT_PROTECTED, OUTCOME_SUCCESS);
    c->tls.established = TRI_NO;
    expect(c, MODE_STARTTLS, VERDICT_FAILED, OUTCOME_FAILURE);
    c->tls.established = TRI_UNKNOWN;
    expect(c, MODE_STARTTLS, VERDICT_UNKNOWN, OUTCOME_UNKNOWN);

    c = fresh(993, false, true);
    expect(c, MODE_IMPLICIT, VERDICT_PROTECTED, OUTCOME_SUCCESS);
    assert_string_equal(c->record.protocol, "tls");
    c->tls.server_hello.alpn = TEXT("imap");
    judge_session(&c->record, false, true);
    assert_string_equal(c->record.protocol, "imap");
}

static void test_clear_sessions(void **state)
{
    (void)state;
    struct case_of *c = fresh(25, true, false);
    expect(c, MODE_PLAINTEXT, VERDICT_UNKNOWN, OUTCOME_UNKNOWN); /* EHLO, QUIT */
    c->mail.clear_commands = true;
    expect(c, MODE_PLAINTEXT, VERDICT_EXPOSED, OUTCOME_SUCCESS);
    c->mail.starttls_requested = TRI_YES;
    expect(c, MODE_PLAINTEXT, VERDICT_EXPOSED, OUTCOME_UNKNOWN); /* the answer is not known */
    c->mail.starttls_accepted = TRI_NO;
    expect(c, MODE_PLAINTEXT, VERDICT_EXPOSED, OUTCOME_FAILURE);
    c->mail.clear_commands = false;
    expect(c, MODE_PLAINTEXT, VERDICT_FAILED, OUTCOME_FAILURE);
}

static void test_clear_text_after_the_go_ahead(void **state)
{
    (void)state;
    struct case_of *c = fresh(25, true, false);
    c->mail.starttls_requested = c->mail.starttls_accepted = TRI_YES;
    c->mail.clear_commands = true;
    c->mail.starttls_accepted_at.time_ns = 5;
    c->mail.clear_command_at.time_ns = 6;
    c->mail.notes[0] = (struct mail_note){ .kind = MAIL_NOTE_PLAINTEXT_AFTER_ACCEPT };
    c->mail.note_count = 1;
    expect(c, MODE_MIXED, VERDICT_EXPOSED, OUTCOME_FAILURE);
    c->mail.clear_command_at.time_ns = 4; /* before it */
    expect(c, MODE_PLAINTEXT, VERDICT_EXPOSED, OUTCOME_UNKNOWN);
    c->mail.clear_command_at.time_ns = 6;
    c->flow.sides[SIDE_CLIENT].gaps = 1; /* TLS may have been in it */
    expect(c, MODE_PLAINTEXT, VERDICT_UNKNOWN, OUTCOME_UNKNOWN);

    c = fresh(25, true, true); /* TLS began and failed */
    c->mail.starttls_requested = c->mail.starttls_accepted = TRI_YES;
    c->mail.clear_commands = true;
    c->mail.notes[0] = (struct mail_note){ .kind = MAIL_NOTE_PLAINTEXT_AFTER_ACCEPT };
    c->mail.note_count = 1;
    c->tls.established = TRI_NO;
    expect(c, MODE_MIXED, VERDICT_EXPOSED, OUTCOME_FAILURE);
    c->tls.established = TRI_YES;
    expect(c, MODE_STARTTLS, VERDICT_PROTECTED, OUTCOME_SUCCESS);
}

static void test_tls_of_which_one_side_is_missing(void **state)
{
    (void)state;
    struct case_of *c = fresh(143, false, true);
    c->record.mail_port = true;
    expect(c, MODE_IMPLICIT, VERDICT_PROTECTED, OUTCOME_SUCCESS);
    c->flow.sides[SIDE_SERVER].seen = c->tls.began[SIDE_SERVER] = false;
    expect(c, MODE_IMPLICIT, VERDICT_PROTECTED, OUTCOME_SUCCESS);
    c->tls.established = TRI_UNKNOWN; /* it may have been greeted in clear */
    expect(c, MODE_OPAQUE, VERDICT_UNKNOWN, OUTCOME_UNKNOWN);
    c->record.mail_port = false;
    expect(c, MODE_IMPLICIT, VERDICT_UNKNOWN, OUTCOME_UNKNOWN);
    c->record.beginning_lost[SIDE_CLIENT] = true;
    expect(c, MODE_OPAQUE, VERDICT_UNKNOWN, OUTCOME_UNKNOWN);

    c = fresh(143, false, true); /* not answered: it may still be, in clear */
    c->record.mail_port = true;
    c->tls.began[SIDE_SERVER] = false;
    c->tls.established = TRI_UNKNOWN;
    expect(c, MODE_IMPLICIT, VERDICT_UNKNOWN, OUTCOME_UNKNOWN);
    c->flow.how = FLOW_END_CAPTURE;
    expect(c, MODE_OPAQUE, VERDICT_UNKNOWN, OUTCOME_UNKNOWN);
}

static void test_the_capture_ends_first(void **state)
{
    (void)state;
    struct case_of *c = fresh(25, true, false);
    c->flow.how = FLOW_END_CAPTURE;
    c->mail.clear_commands = true; /* it may be turned away yet */
    expect(c, MODE_PLAINTEXT, VERDICT_UNKNOWN, OUTCOME_UNKNOWN);
    c->mail.recipients = 1;
    expect(c, MODE_PLAINTEXT, VERDICT_EXPOSED, OUTCOME_SUCCESS);

    c = fresh(25, true, false);
    c->flow.how = FLOW_END_CAPTURE;
    expect(c, MODE_PLAINTEXT, VERDICT_UNKNOWN, OUTCOME_UNKNOWN); /* so far */
    c->mail.starttls_requested = TRI_YES;
    expect(c, MODE_OPAQUE, VERDICT_UNKNOWN, OUTCOME_UNKNOWN);
    c->mail.starttls_accepted = TRI_NO;
    expect(c, MODE_PLAINTEXT, VERDICT_FAILED, OUTCOME_FAILURE);
}

static void test_a_proxy_was_asked_for_a_port(void **state)
{
    (void)state;
    struct case_of *c = fresh(1080, true, false);
    c->record.proxy_port = 587;
    judge_session(&c->record, false, true);
    assert_int_equal(c->record.role, ROLE_SUBMISSION);

    c = fresh(1080, false, true);
    c->flow.midstream = true;
    judge_session(&c->record, false, true);
    assert_int_equal(c->record.mode, MODE_OPAQUE);
    c->record.proxy_port = 993;
    judge_session(&c->record, false, true);
    assert_int_equal(c->record.mode, MODE_IMPLICIT);
    assert_int_equal(c->record.role, ROLE_ACCESS);
}

static void test_turned_away(void **state)
{
    (void)state;
    struct case_of *c = fresh(587, true, false);
    c->mail.clear_commands = true;
    c->mail.notes[0] = (struct mail_note){ .kind = MAIL_NOTE_STARTTLS_REQUIRED, .code = 530 };
    c->mail.note_count = 1;
    expect(c, MODE_PLAINTEXT, VERDICT_FAILED, OUTCOME_FAILURE);
    c->mail.auth_count = 1;
    c->mail.auth[0].secret_sent = true; /* too late */
    expect(c, MODE_PLAINTEXT, VERDICT_EXPOSED, OUTCOME_SUCCESS);
}

static void test_roles(void **state)
{
    (void)state;
    static const struct {
        uint16_t port;
        enum mail_protocol protocol;
        enum session_role role;
    } cases[] = {
        { 25, MAIL_SMTP, ROLE_MX },      { 587, MAIL_SMTP, ROLE_SUBMISSION },
        { 1025, MAIL_SMTP, ROLE_OTHER }, { 1143, MAIL_IMAP, ROLE_ACCESS },
        { 2003, MAIL_LMTP, ROLE_LMTP },  { 2000, MAIL_SIEVE, ROLE_SIEVE },
        { 25, MAIL_LMTP, ROLE_LMTP },    { 110, MAIL_POP3, ROLE_ACCESS },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct case_of *c = fresh(cases[i].port, true, false);
        c->mail.protocol = cases[i].protocol;
        judge_session(&c->record, false, true);
        assert_int_equal(c->record.role, cases[i].role);
    }
}

static void test_reasons(void **state)
{
    (void)state;
    struct case_of *c = fresh(25, true, true);
    judge_session(&c->record, false, true);
    assert_int_equal(c->record.reasons, 0);
    c->flow.sides[SIDE_SERVER] = (struct flow_side){ 0 };
    c->flow.sides[SIDE_CLIENT].gaps = 1;
    c->flow.midstream = true;
    c->flow.how = FLOW_END_CAPTURE;
    c->tls.visible = TLS_CERT_ENCRYPTED;
    judge_session(&c->record, false, true);
    assert_int_equal(c->record.reasons, REASON_SERVER_MISSING | REASON_GAP | REASON_MIDSTREAM |
                                            REASON_CAPTURE_ENDED | REASON_FILE_BORDER |
                                            REASON_CERTIFICATES_ENCRYPTED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tls_sessions),
        cmocka_unit_test(test_clear_sessions),
        cmocka_unit_test(test_clear_text_after_the_go_ahead),
        cmocka_unit_test(test_tls_of_which_one_side_is_missing),
        cmocka_unit_test(test_the_capture_ends_first),
        cmocka_unit_test(test_a_proxy_was_asked_for_a_port),
        cmocka_unit_test(test_turned_away),
        cmocka_unit_test(test_roles),
        cmocka_unit_test(test_reasons),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
