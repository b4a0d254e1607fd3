/* SPDX-License-Identifier: Apache-2.0
 * test_texts.c - the files of texts: what is read, what is refused and where, and what is made of
 * them with the values of a session.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "limits.h"
#include "texts.h"

/* A section with all that it must have, then `more`. */
#define SECTION(id, more)                                                                          \
    "[" id "]\nname: A name\nwhen: always\nnot_when: never\nexplain: {server} did it\n"            \
    "fix: change it\n" more

static struct texts *texts_of(const char *text)
{
    struct texts *texts = texts_new(NULL);
    assert_non_null(texts);
    assert_true(texts_add(texts, "own.txt", text));
    return texts;
}

static void say(const char *rule_text, const char *variant, const struct texts_values *values,
                const char *want, const char *want_fix)
{
    struct texts *texts = texts_of(rule_text);
    const struct texts_rule *rule = texts_at(texts, 0);
    char *explain = texts_explain(rule, variant, values);
    char *fix = texts_fix(rule, variant, values);
    if (want != NULL)
        assert_string_equal(explain, want);
    if (want_fix != NULL)
        assert_string_equal(fix, want_fix);
    free(explain);
    free(fix);
    texts_free(texts);
}

/* What texts_add() says on standard error of a text that it refuses. */
static char *complaint(const char *text)
{
    static char said[512];
    FILE *kept = tmpfile();
    int before = dup(STDERR_FILENO);
    struct texts *texts = texts_new(NULL);

    assert_non_null(kept);
    fflush(stderr);
    assert_true(dup2(fileno(kept), STDERR_FILENO) >= 0);
    bool ok = texts_add(texts, "own.txt", text);
    fflush(stderr);
    dup2(before, STDERR_FILENO);
    close(before);
    assert_false(ok);
    assert_null(texts_at(texts, 0));
    rewind(kept);
    said[fread(said, 1, sizeof said - 1, kept)] = '\0';
    fclose(kept);
    texts_free(texts);
    return said;
}

static void refused(const char *text, const char *place, const char *words)
{
    const char *said = complaint(text);
    if (strstr(said, place) == NULL || strstr(said, words) == NULL)
        fail_msg("wanted %s and %s, got %s", place, words, said);
}

static void fields_are_read_with_their_continuations(void **state)
{
    (void)state;
    struct texts *texts = texts_of("# a comment\n\n" SECTION(
        "tls.b", "attack.hidden: T2\nreferences: RFC 1 section 2;;RFC 3 ;\nverdict: weak\r\n"
                 "severity: low\n  in most places,\n# not of it\n\thigh elsewhere\n\n")
                                       SECTION("tls.a", "attack: T1\n"));
    const struct texts_rule *rule = texts_find(texts, "tls.b");

    assert_non_null(rule);
    assert_string_equal(texts_id(rule), "tls.b");
    assert_string_equal(texts_field(rule, "name"), "A name");
    assert_string_equal(texts_field(rule, "severity"), "low in most places, high elsewhere");
    assert_string_equal(texts_field(rule, "verdict"), "weak");
    assert_string_equal(texts_field(rule, "attack"), "");
    assert_string_equal(texts_reference(rule, 0), "RFC 1 section 2");
    assert_string_equal(texts_reference(rule, 1), "RFC 3");
    assert_null(texts_reference(rule, 2));
    assert_string_equal(texts_variant(rule, "attack", "hidden"), "T2");
    assert_string_equal(texts_variant(rule, "attack", "other"), "");
    assert_string_equal(texts_variant(rule, "name", "hidden"), "A name");
    assert_string_equal(texts_variant(rule, "name", NULL), "A name");
    /* In order of id, not of the file. */
    assert_string_equal(texts_id(texts_at(texts, 0)), "tls.a");
    assert_string_equal(texts_id(texts_at(texts, 1)), "tls.b");
    assert_null(texts_at(texts, 2));
    assert_null(texts_find(texts, "tls"));
    const char *value;
    assert_string_equal(texts_field_at(rule, 1, &value), "when");
    assert_string_equal(value, "always");
    assert_null(texts_field_at(rule, 9, &value));
    texts_free(texts);
}

static void a_rule_of_a_plugin_replaces_ours(void **state)
{
    (void)state;
    struct texts *texts = texts_of(SECTION("a", "attack: T1\n") SECTION("b", ""));
    assert_true(texts_add(texts, "plugin", SECTION("a", "attack: T2\n")));
    assert_string_equal(texts_field(texts_find(texts, "a"), "attack"), "T2");
    assert_non_null(texts_at(texts, 1));
    assert_null(texts_at(texts, 2));
    texts_free(texts);
}

static void mistakes_name_file_and_line(void **state)
{
    (void)state;
    refused("name: x\n", "own.txt:1:", "[rule.id]");
    refused("[a b]\n", "own.txt:1:", "rule id");
    refused("\n[a\n", "own.txt:2:", "]");
    refused("[A]\n", "own.txt:1:", "rule id");
    refused("[]\n", "own.txt:1:", "rule id");
    refused("  lost\n", "own.txt:1:", "continues nothing");
    refused(SECTION("a", "\n  lost\n"), "own.txt:8:", "continues nothing");
    refused(SECTION("a", "colour: red\n"), "own.txt:7:", "no field colour");
    refused(SECTION("a", "words without a colon\n"), "own.txt:7:", "FIELD");
    refused(SECTION("a", "name.hidden: x\n"), "own.txt:7:", "no field name.hidden");
    refused(SECTION("a", "explain@postfix: x\n"), "own.txt:7:", "no field explain@postfix");
    refused(SECTION("a", "explain.: x\n"), "own.txt:7:", "no field explain.");
    refused(SECTION("a", "fix: again\n"), "own.txt:7:", "fix twice");
    refused(SECTION("a", "verdict: bad\n"), "own.txt:1:", "verdict");
    refused(SECTION("a", "verdict.x: bad\n"), "own.txt:1:", "verdict.x");
    refused("[a]\nname: x\nwhen: x\nnot_when: x\nexplain: x\n", "own.txt:1:", "no fix");
    refused("[a]\nname:\nwhen: x\nnot_when: x\nexplain: x\nfix: x\n", "own.txt:1:", "no name");
}

static void braces_must_be_whole(void **state)
{
    (void)state;
    static const char *const wrong[] = { "{",      "{}",        "{A}",    "{a",        "{a b}",
                                         "[[ x",   "x ]]",      "{a|}",   "{a|b}",     "{a||c}",
                                         "{a|b|}", "{a|b|c|d}", "{a|b|c", "[[ [[ x ]]" };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        char text[256];
        snprintf(text, sizeof text, SECTION("a", "explain.x: %s\n"), wrong[i]);
        refused(text, "own.txt:1:", "explain.x:");
        snprintf(text, sizeof text, SECTION("a", "fix@exim: %s\n"), wrong[i]);
        refused(text, "own.txt:1:", "fix@exim:");
    }
}

static const struct starttap_mail mail = { .protocol = STARTTAP_SMTP,
                                           .banner_host = "mx.example.net",
                                           .banner_software = "ESMTP Postfix (Debian)",
                                           .helo = "a.example.org" };
static const struct starttap_client_hello hello = { .server_name = "mail.example.net" };
static const struct starttap_tls tls = { .client_hello = &hello };
static const struct starttap_session session = {
    .start_ns = INT64_C(1790000000999999999),
    .client = { .ip = "192.0.2.1", .port = 40000 },
    .server = { .ip = "192.0.2.2", .port = 25 },
    .protocol_name = "smtp",
    .mail = &mail,
};

static void a_number_agrees_with_what_it_counts(void **state)
{
    (void)state;
    const struct starttap_value own[] = { { "one", "1" }, { "many", "21" }, { "none", "0" } };
    const struct texts_values values = { own, 3, &session };
    say("[a]\nname: x\nwhen: x\nnot_when: x\nexplain: {one|suite|suites}, {many|suite was|suites "
        "were}, {none|x|xs}[[ and {gone|y|ys}]], {gone|z|zs}\nfix: x\n",
        NULL, &values, "1 suite, 21 suites were, 0 xs, {gone|z|zs}", NULL);
    char *plain = texts_plain("with {suite_count|suite|suites}.", TEXTS_TERMINAL);
    assert_string_equal(plain, "with <suite count> suites.");
    free(plain);
}

static void values_are_filled_in(void **state)
{
    (void)state;
    const struct starttap_value own[] = { { "bits", "512" }, { "empty", "" }, { "helo", "mine" } };
    const struct texts_values values = { own, 3, &session };

    say(SECTION("a", "explain.all: {client}:{client_port} {server}:{server_port} {server_name} "
                     "{protocol} {software} {time} {bits}\n"),
        "all", &values,
        "192.0.2.1:40000 192.0.2.2:25 mx.example.net SMTP ESMTP Postfix (Debian) "
        "2026-09-21T14:13:20Z 512",
        NULL);
    say(SECTION("a", "explain.own: {helo}\n"), "own", &values, "mine", NULL);
    say(SECTION("a", "explain.brace: {{x} {{{bits}\n"), "brace", &values, "{x} {512", NULL);
    say(SECTION("a", "explain.lost: {bots} {bits}\n"), "lost", &values, "{bots} 512", NULL);
    say(SECTION("a", "explain.empty: <{empty}>\n"), "empty", &values, "<>", NULL);
    say(SECTION("a", ""), "no such variant", &values, "192.0.2.2 did it", "change it");
    say(SECTION("a", ""), NULL, &values, "192.0.2.2 did it", "change it");
}

static void optional_parts_go_when_a_value_is_missing(void **state)
{
    (void)state;
    const struct starttap_value own[] = { { "bits", "512" }, { "empty", "" } };
    const struct texts_values values = { own, 2, &session };

    say(SECTION("a",
                "explain.x: a[[ with {bits} bits]] b[[ and {bits} {empty}]][[ {none}]] c[[ d]]\n"),
        "x", &values, "a with 512 bits b c d", NULL);
    say(SECTION("a", "explain.x: [[{none} ]]a. [[{none}. ]] b. [[{none}]]\n"), "x", &values,
        "a. b.", NULL);
}

static void the_name_of_the_server_is_the_best_known(void **state)
{
    (void)state;
    struct starttap_session changed = session;
    const struct texts_values values = { NULL, 0, &changed };
    const char *text = SECTION("a", "explain.x: {server_name}|{software}|{helo}|{protocol}\n");

    changed.tls = &tls;
    say(SECTION("a", "explain.x: {server_at}\n"), "x", &values, "mail.example.net (192.0.2.2:25)",
        NULL);
    say(text, "x", &values, "mail.example.net|ESMTP Postfix (Debian)|a.example.org|SMTP", NULL);
    changed.mail = NULL;
    changed.tls = NULL;
    changed.protocol_name = "tls";
    say(text, "x", &values, "192.0.2.2|||TLS", NULL);
    say(SECTION("a", "explain.x: {server_at}\n"), "x", &values, "192.0.2.2:25", NULL);
    changed.server = (struct starttap_end){ .ip = "2001:db8::25", .port = 25, .family = 6 };
    say(SECTION("a", "explain.x: {server_at}\n"), "x", &values, "[2001:db8::25]:25", NULL);
    changed.server = session.server;
    changed.protocol_name = "";
    say(text, "x", &values, "192.0.2.2|||TCP", NULL);
}

static void fixes_know_products(void **state)
{
    (void)state;
    struct starttap_session changed = session;
    struct starttap_mail other = mail;
    struct texts_values values = { NULL, 0, &changed };
    const char *text = SECTION("a", "fix.own: another way\nfix@postfix: In {server}: postfix.\n"
                                    "fix@exim: exim.\nfix@cisco: cisco.\n");
    changed.mail = &other;

    say(text, NULL, &values, NULL, "change it In 192.0.2.2: postfix.");
    say(text, "own", &values, NULL, "another way In 192.0.2.2: postfix.");
    say(text, "cisco", &values, NULL, "change it In 192.0.2.2: postfix. cisco.");
    other.banner_software = "ESMTP Exim 4.96";
    say(text, NULL, &values, NULL, "change it exim.");
    other.banner_software = "Ready";
    say(text, NULL, &values, NULL, "change it");
    const struct starttap_value named = { "product", "Cisco" };
    values.values = &named;
    values.count = 1;
    say(text, NULL, &values, NULL, "change it cisco.");
    /* Without a session, as a plugin's author may try it. */
    values.session = NULL;
    say(text, NULL, &values, "{server} did it", "change it cisco.");
}

static void a_long_text_is_cut_between_characters(void **state)
{
    (void)state;
    char *name = malloc((size_t)2 * LIMIT_EXPLANATION_BYTES);
    assert_non_null(name);
    size_t len = 0;
    name[len++] = 'x';
    while (len + 2 < LIMIT_EXPLANATION_BYTES + 100) {
        name[len++] = '\xC3';
        name[len++] = '\xA4';
    }
    name[len] = '\0';
    const struct starttap_value own = { "name", name };
    const struct texts_values values = { &own, 1, &session };
    struct texts *texts = texts_of(SECTION("a", "explain.x: {name} end\n"));

    char *text = texts_explain(texts_at(texts, 0), "x", &values);
    assert_int_equal(strlen(text), LIMIT_EXPLANATION_BYTES - 1);
    assert_int_equal((unsigned char)text[LIMIT_EXPLANATION_BYTES - 2], 0xA4);
    free(text);
    free(name);
    texts_free(texts);
}

static void plain(const char *text, enum texts_style style, const char *want)
{
    char *got = texts_plain(text, style);
    assert_string_equal(got, want);
    free(got);
}

static void a_text_can_be_read_without_values(void **state)
{
    (void)state;
    plain("{server_name}[[ ({x})]] {{ * OK", TEXTS_TERMINAL, "<server name> (<x>) { * OK");
    plain("{server_name}[[ ({x})]] {{ * OK", TEXTS_MARKDOWN, "*server name* (*x*) { \\* OK");
    /* Not every field is a template. */
    plain("{ {} {A} {a b} {open", TEXTS_TERMINAL, "{ {} {A} {a b} {open");
    plain("", TEXTS_TERMINAL, "");
}

static void no_prefix_of_a_file_does_harm(void **state)
{
    (void)state;
    static const char whole[] =
        SECTION("a.b", "explain.x: [[{x}]] {{\n  more\nfix@exim: y\nreferences: a; b\nverdict: -\n")
            SECTION("c", "");
    int before = dup(STDERR_FILENO);
    FILE *kept = tmpfile();
    dup2(fileno(kept), STDERR_FILENO);
    size_t good = 0;
    for (size_t len = 0; len < sizeof whole; len++) {
        char *part = malloc(len + 1);
        memcpy(part, whole, len);
        part[len] = '\0';
        struct texts *texts = texts_new(NULL);
        good += texts_add(texts, "own.txt", part) ? 1 : 0;
        texts_free(texts);
        free(part);
    }
    dup2(before, STDERR_FILENO);
    close(before);
    fclose(kept);
    assert_true(good > 2 && good < sizeof whole / 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields_are_read_with_their_continuations),
        cmocka_unit_test(a_rule_of_a_plugin_replaces_ours),
        cmocka_unit_test(mistakes_name_file_and_line),
        cmocka_unit_test(braces_must_be_whole),
        cmocka_unit_test(a_number_agrees_with_what_it_counts),
        cmocka_unit_test(values_are_filled_in),
        cmocka_unit_test(optional_parts_go_when_a_value_is_missing),
        cmocka_unit_test(the_name_of_the_server_is_the_best_known),
        cmocka_unit_test(fixes_know_products),
        cmocka_unit_test(a_long_text_is_cut_between_characters),
        cmocka_unit_test(a_text_can_be_read_without_values),
        cmocka_unit_test(no_prefix_of_a_file_does_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
