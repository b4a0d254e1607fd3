/* SPDX-License-Identifier: Apache-2.0
 * test_limits.c - dialogues that go to every maximum: detail is lost and counted, never memory.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "mail.h"

struct session {
    struct arena arena;
    struct mail *mail;
    uint64_t offset[SIDE_COUNT];
};

static void start(struct session *s, enum mail_protocol protocol, size_t memory)
{
    memset(s, 0, sizeof *s);
    arena_init(&s->arena, memory);
    s->mail = mail_new(&s->arena, protocol, 25);
}

static void say(struct session *s, enum side side, const char *text)
{
    struct mail_input input = { .side = side,
                                .bytes = reader_of(text, strlen(text)),
                                .offset = s->offset[side] };
    assert_int_equal(mail_feed(s->mail, &input), strlen(text));
    s->offset[side] += strlen(text);
}

static size_t count_notes(const struct mail_facts *facts, enum mail_note_kind kind)
{
    size_t count = 0;
    for (size_t i = 0; i < facts->note_count; i++)
        count += facts->notes[i].kind == kind;
    return count;
}

static void test_pipeline(void **state)
{
    struct session s;
    (void)state;
    start(&s, MAIL_SMTP, LIMIT_SESSION_BYTES);
    say(&s, SIDE_SERVER, "220 mx ESMTP\r\n");
    for (unsigned i = 0; i < LIMIT_PIPELINE; i++)
        say(&s, SIDE_CLIENT, "NOOP\r\n");
    assert_int_equal(count_notes(mail_facts(s.mail), MAIL_NOTE_DESYNC), 0);
    say(&s, SIDE_CLIENT, "NOOP\r\n");
    assert_int_equal(count_notes(mail_facts(s.mail), MAIL_NOTE_DESYNC), 1);
    arena_free(&s.arena);
}

static void test_logins(void **state)
{
    struct session s;
    (void)state;
    start(&s, MAIL_SMTP, LIMIT_SESSION_BYTES);
    say(&s, SIDE_SERVER, "220 mx ESMTP\r\n");
    for (unsigned i = 0; i < LIMIT_AUTH_ATTEMPTS + 5; i++) {
        say(&s, SIDE_CLIENT, "AUTH PLAIN x\r\n");
        say(&s, SIDE_SERVER, i + 1 < LIMIT_AUTH_ATTEMPTS + 5 ? "535 no\r\n" : "235 yes\r\n");
    }
    const struct mail_facts *facts = mail_facts(s.mail);
    assert_int_equal(facts->auth_count, LIMIT_AUTH_ATTEMPTS);
    assert_int_equal(facts->auth_dropped, 5);
    for (size_t i = 0; i < facts->auth_count; i++)
        assert_int_equal(facts->auth[i].succeeded, TRI_NO);
    arena_free(&s.arena);
}

static void test_notes_and_texts(void **state)
{
    struct session s;
    char line[64];
    (void)state;
    start(&s, MAIL_SMTP, LIMIT_SESSION_BYTES);
    say(&s, SIDE_SERVER, "220 mx ESMTP\r\n");
    for (unsigned i = 0; i < 3 * LIMIT_NOTES; i++) {
        snprintf(line, sizeof line, "%.*s\r\n", (int)(i % 40) + 4,
                 "XXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXX");
        say(&s, SIDE_CLIENT, line);
        snprintf(line, sizeof line, "%u no\r\n", 500 + i % 90);
        say(&s, SIDE_SERVER, line);
    }
    const struct mail_facts *facts = mail_facts(s.mail);
    assert_int_equal(facts->note_count, LIMIT_NOTES);
    assert_int_equal(facts->notes_dropped, 3 * LIMIT_NOTES - LIMIT_NOTES);
    assert_int_equal(facts->unknown_commands, 3 * LIMIT_NOTES);
    arena_free(&s.arena);
}

/* Ever new lists do not fill the session's memory. */
static void test_texts_are_bounded(void **state)
{
    struct session s;
    char line[256];
    (void)state;
    start(&s, MAIL_SMTP, LIMIT_SESSION_BYTES);
    say(&s, SIDE_SERVER, "220 mx ESMTP\r\n");
    size_t before = s.arena.used;
    for (unsigned i = 0; i < 2000; i++) {
        say(&s, SIDE_CLIENT, "EHLO c\r\n");
        snprintf(line, sizeof line, "250-mx\r\n250-STARTTLS\r\n250 Q%u %0100u\r\n", i, i);
        say(&s, SIDE_SERVER, line);
    }
    enum { LISTS = 1024 }; /* the last list and the one under way, without their texts */
    assert_true(s.arena.used - before <= LIMIT_MAIL_TEXT_BYTES + LISTS);
    assert_false(s.arena.exhausted);
    assert_int_equal(mail_facts(s.mail)->starttls_offered, TRI_YES);
    arena_free(&s.arena);
}

static void test_capabilities(void **state)
{
    struct session s;
    char line[64];
    (void)state;
    start(&s, MAIL_SMTP, LIMIT_SESSION_BYTES);
    say(&s, SIDE_SERVER, "220 mx ESMTP\r\n");
    say(&s, SIDE_CLIENT, "EHLO c\r\n");
    for (unsigned i = 0; i < LIMIT_REPLY_LINES + 50; i++) {
        snprintf(line, sizeof line, "250-Q%u\r\n", i);
        say(&s, SIDE_SERVER, line);
    }
    say(&s, SIDE_SERVER, "250 HELP\r\n");
    const struct mail_facts *facts = mail_facts(s.mail);
    assert_int_equal(facts->capabilities.count, LIMIT_CAPABILITIES);
    assert_int_equal(count_notes(facts, MAIL_NOTE_LINE_OVERFLOW), 1);
    /* What was beyond the maximum may have been STARTTLS. */
    assert_int_equal(facts->starttls_offered, TRI_UNKNOWN);
    assert_false(facts->capabilities.complete);
    arena_free(&s.arena);
}

/* An offer behind more keywords than are kept is seen all the same. */
static void test_late_offer(void **state)
{
    struct session s;
    char line[64];
    (void)state;
    start(&s, MAIL_SMTP, LIMIT_SESSION_BYTES);
    say(&s, SIDE_SERVER, "220 mx ESMTP\r\n");
    say(&s, SIDE_CLIENT, "EHLO c\r\n");
    for (unsigned i = 0; i < LIMIT_CAPABILITIES + 5; i++) {
        snprintf(line, sizeof line, "250-Q%u\r\n", i);
        say(&s, SIDE_SERVER, line);
    }
    say(&s, SIDE_SERVER, "250 STARTTLS\r\n");
    assert_int_equal(mail_facts(s.mail)->starttls_offered, TRI_YES);
    arena_free(&s.arena);
}

/* No memory: no machine; little memory: no texts, but everything else. */
static void test_little_memory(void **state)
{
    struct session s;
    (void)state;
    start(&s, MAIL_SMTP, 64);
    assert_null(s.mail);
    arena_free(&s.arena);

    start(&s, MAIL_SMTP, LIMIT_SESSION_BYTES);
    s.arena.max = s.arena.used;
    say(&s, SIDE_SERVER, "220 mx.example.org ESMTP\r\n");
    say(&s, SIDE_CLIENT, "EHLO c\r\n");
    say(&s, SIDE_SERVER, "250-mx\r\n250-XXXXXXXA\r\n250 STARTTLS\r\n");
    const struct mail_facts *facts = mail_facts(s.mail);
    assert_int_equal(facts->banner_host.len, 0);
    assert_int_equal(facts->starttls_offered, TRI_YES);
    assert_int_equal(count_notes(facts, MAIL_NOTE_CAPABILITY_MASKED), 1);
    arena_free(&s.arena);
}

static void test_notes_of_the_caller(void **state)
{
    struct session s;
    (void)state;
    start(&s, MAIL_SMTP, LIMIT_SESSION_BYTES);
    for (int kind = 0; kind <= MAIL_NOTE_PIPELINED_HELLO; kind++) {
        struct mail_note note = { .kind = (enum mail_note_kind)kind, .code = 7, .offset = 9 };
        assert_true(strlen(mail_note_name(note.kind)) > 0);
        mail_note(s.mail, &note);
    }
    const struct mail_facts *facts = mail_facts(s.mail);
    assert_int_equal(facts->note_count, MAIL_NOTE_PIPELINED_HELLO + 1);
    assert_int_equal(facts->notes[3].code, 7);
    assert_int_equal(facts->notes[3].offset, 9);

    mail_proxied(s.mail, TEXT("192.0.2.7"), 40000);
    assert_true(text_same(facts->proxied_address, TEXT("192.0.2.7")));
    assert_int_equal(facts->proxied_port, 40000);
    arena_free(&s.arena);
}

/* Bytes that are neither TLS nor text where TLS was agreed. */
static void test_not_tls_but_binary(void **state)
{
    struct session s;
    (void)state;
    start(&s, MAIL_SMTP, LIMIT_SESSION_BYTES);
    say(&s, SIDE_SERVER, "220 mx ESMTP\r\n");
    say(&s, SIDE_CLIENT, "STARTTLS\r\n");
    assert_int_equal(mail_phase(s.mail, SIDE_CLIENT), MAIL_WAIT);
    assert_int_equal(mail_phase(s.mail, SIDE_SERVER), MAIL_TEXT);
    say(&s, SIDE_SERVER, "220 go\r\n");
    assert_int_equal(mail_phase(s.mail, SIDE_CLIENT), MAIL_TLS);
    assert_int_equal(mail_phase(s.mail, SIDE_SERVER), MAIL_TLS);

    struct mail_input input = { .side = SIDE_CLIENT,
                                .bytes = reader_of("\0\1\2\3\4\5", 6),
                                .offset = s.offset[SIDE_CLIENT] };
    assert_int_equal(mail_feed(s.mail, &input), 0);
    mail_not_tls(s.mail, &input);
    assert_int_equal(mail_phase(s.mail, SIDE_CLIENT), MAIL_OPAQUE);
    assert_int_equal(mail_feed(s.mail, &input), 0);
    assert_int_equal(mail_facts(s.mail)->note_count, 0);
    arena_free(&s.arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pipeline),           cmocka_unit_test(test_logins),
        cmocka_unit_test(test_notes_and_texts),    cmocka_unit_test(test_texts_are_bounded),
        cmocka_unit_test(test_capabilities),       cmocka_unit_test(test_late_offer),
        cmocka_unit_test(test_little_memory),      cmocka_unit_test(test_notes_of_the_caller),
        cmocka_unit_test(test_not_tls_but_binary),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
