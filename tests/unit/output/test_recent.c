/* SPDX-License-Identifier: Apache-2.0
 * test_recent.c - a finding is written once for each thing and interval, counted, and told again.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "recent.h"

enum { HOUR_S = 3600, BASE_S = 1767225600 /* 2026-01-01 */ };

struct written {
    char lines[4096]; /* what a reader sees of each event, a line each */
    size_t len;
    char last_body[512];
    int64_t last_ns;
};

/* The text between `from` and the next quote or brace. */
static void piece(const char *body, const char *from, char out[64])
{
    const char *at = strstr(body, from);
    out[0] = '\0';
    if (at == NULL)
        return;
    at += strlen(from);
    size_t len = strcspn(at, "\"}");
    snprintf(out, 64, "%.*s", (int)len, at);
}

static void write_event(void *to, const struct event *event)
{
    struct written *w = to;
    assert_true(event->key.time_ns >= w->last_ns);
    w->last_ns = event->key.time_ns;
    int64_t at_s = event->key.time_ns / NS_PER_S - BASE_S;
    int len;
    if (event->body[FORMAT_ECS] != NULL) {
        char time[64], uid[64], counts[64], expected[CLOCK_TEXT_SIZE], severity[64];
        const char *body = event->body[FORMAT_ECS];
        assert_int_equal(strlen(body), event->len[FORMAT_ECS]);
        snprintf(w->last_body, sizeof w->last_body, "%s", body);
        piece(body, "\"@timestamp\":\"", time);
        clock_text(event->key.time_ns, expected);
        assert_string_equal(time, expected);
        piece(body, "\"uid\":\"", uid);
        unsigned update, count;
        const char *at = strstr(body, "\"finding\":{");
        assert_non_null(at = strstr(at, "\"update\":"));
        assert_int_equal(sscanf(at, "\"update\":%u,\"count\":%u,", &update, &count), 2);
        assert_int_equal(update, event->update);
        snprintf(counts, sizeof counts, "%u/%u", update, count);
        piece(body, "\"severity\":\"", severity);
        assert_string_equal(severity, event_severity_name(event->severity));
        assert_non_null(strstr(body, event->key.id));
        len = snprintf(w->lines + w->len, sizeof w->lines - w->len, "%lld %s %s %s\n",
                       (long long)at_s, uid, counts, severity);
    } else {
        len = snprintf(w->lines + w->len, sizeof w->lines - w->len, "%lld text %s", (long long)at_s,
                       event->body[FORMAT_TEXT]);
    }
    w->len += (size_t)len;
}

static struct event *finding(uint64_t thing, int at_s, const char *session,
                             enum starttap_severity severity)
{
    struct event *event = calloc(1, sizeof *event);
    assert_non_null(event);
    event->key.time_ns = (BASE_S + (int64_t)at_s) * NS_PER_S;
    event->key.dataset = DATASET_FINDING;
    event->key.server = (struct address){ { 192, 0, 2, 25 } };
    event->key.client = (struct address){ { 198, 51, 100, 7 } };
    event->key.server_port = 25;
    snprintf(event->key.rule, sizeof event->key.rule, "auth.cleartext");
    snprintf(event->session_id, sizeof event->session_id, "%s", session);
    snprintf(event->finding_key, sizeof event->finding_key, "k");
    event->thing = thing;
    event->severity = severity;
    event_id(session, DATASET_FINDING, event->key.rule, "k", 0, event->key.id);
    char when[CLOCK_TEXT_SIZE], body[512];
    clock_text(event->key.time_ns, when);
    int len = snprintf(body, sizeof body,
                       "{\"@timestamp\":\"%s\",\"event\":{\"id\":\"%s\",\"kind\":\"alert\"},"
                       "\"message\":\"x \\\"update\\\":0\",\"mailtls\":{\"finding\":{"
                       "\"uid\":\"%s\",\"update\":0,\"count\":1,\"severity\":\"%s\"}}}",
                       when, event->key.id, session, event_severity_name(severity));
    event->body[FORMAT_ECS] = strdup(body);
    event->len[FORMAT_ECS] = (size_t)len;
    event->sequence_at =
        (size_t)(strstr(event->body[FORMAT_ECS], "\"event\":{") - event->body[FORMAT_ECS]) + 9;
    return event;
}

/* What the core makes when more became known of the same finding. */
static struct event *more_of(struct event *event, uint32_t update)
{
    event->update = update;
    event_id(event->session_id, DATASET_FINDING, event->key.rule, "k", update, event->key.id);
    memcpy(strstr(event->body[FORMAT_ECS], "\"id\":\"") + 6, event->key.id, EVENT_ID_SIZE - 1);
    *(strstr(event->body[FORMAT_ECS], "\"update\":") + 9) = (char)('0' + update);
    return event;
}

static struct recent *fresh(struct written *written, int interval_s, size_t most)
{
    *written = (struct written){ .last_ns = INT64_MIN };
    struct recent *recent = recent_new(interval_s * NS_PER_S, most, write_event, written);
    assert_non_null(recent);
    return recent;
}

static void test_repetitions_are_counted_and_told_when_the_interval_is_over(void **state)
{
    (void)state;
    struct written w;
    struct recent *recent = fresh(&w, HOUR_S, 8);
    recent_pass(recent, finding(1, 0, "a", STARTTAP_MEDIUM));
    recent_pass(recent, finding(1, 10, "b", STARTTAP_MEDIUM));
    recent_pass(recent, finding(2, 20, "c", STARTTAP_HIGH));
    recent_pass(recent, finding(1, 3600, "d", STARTTAP_LOW)); /* still in the first one's hour */
    recent_advance(recent, (BASE_S + 3600) * NS_PER_S);
    assert_string_equal(w.lines, "0 a 0/1 medium\n"
                                 "20 c 0/1 high\n");
    recent_advance(recent, (BASE_S + 3600) * NS_PER_S + 1);
    recent_pass(recent, finding(1, 3601, "e", STARTTAP_MEDIUM));
    recent_pass(recent, finding(2, 9000, "f", STARTTAP_HIGH)); /* the one before stood alone */
    assert_int_equal(recent_suppressed(recent), 2);
    recent_finish(recent);
    recent_free(recent);
    assert_string_equal(w.lines, "0 a 0/1 medium\n"
                                 "20 c 0/1 high\n"
                                 "3600 a 1/3 medium\n"
                                 "3601 e 0/1 medium\n"
                                 "9000 f 0/1 high\n");
}

static void test_an_update_has_an_id_of_its_own_and_nothing_else_changes(void **state)
{
    (void)state;
    struct written w;
    struct recent *recent = fresh(&w, HOUR_S, 8);
    struct event *first = finding(1, 0, "a", STARTTAP_MEDIUM);
    char before[512], id[EVENT_ID_SIZE], when[CLOCK_TEXT_SIZE];
    snprintf(before, sizeof before, "%s", first->body[FORMAT_ECS]);
    event_id("a", DATASET_FINDING, "auth.cleartext", "k", 1, id);
    recent_pass(recent, first);
    for (int i = 1; i < 1000; i++)
        recent_pass(recent, finding(1, i, "b", STARTTAP_MEDIUM));
    recent_finish(recent);
    recent_free(recent);

    clock_text((BASE_S + INT64_C(999)) * NS_PER_S, when);
    char expected[600], *at = before;
    memcpy(strstr(at, "\"@timestamp\":\"") + 14, when, strlen(when));
    memcpy(strstr(at, "\"id\":\"") + 6, id, EVENT_ID_SIZE - 1);
    char *counts = strstr(at, "\"update\":0,\"count\":1");
    snprintf(expected, sizeof expected, "%.*s\"update\":1,\"count\":1000%s", (int)(counts - at), at,
             counts + strlen("\"update\":0,\"count\":1"));
    assert_string_equal(w.last_body, expected);
}

static void test_a_rise_in_severity_is_written(void **state)
{
    (void)state;
    struct written w;
    struct recent *recent = fresh(&w, HOUR_S, 8);
    recent_pass(recent, finding(1, 0, "a", STARTTAP_LOW));
    recent_pass(recent, finding(1, 1, "b", STARTTAP_LOW));
    recent_pass(recent, finding(1, 2, "c", STARTTAP_HIGH)); /* what was counted is told before */
    recent_pass(recent, finding(1, 3, "d", STARTTAP_LOW));
    recent_pass(recent, finding(1, 3602, "e", STARTTAP_HIGH));
    recent_pass(recent, finding(1, 3603, "f", STARTTAP_HIGH));
    recent_finish(recent);
    recent_free(recent);
    assert_string_equal(w.lines, "0 a 0/1 low\n"
                                 "2 a 1/2 low\n"
                                 "2 c 0/1 high\n"
                                 "3602 c 1/3 high\n"
                                 "3603 f 0/1 high\n");
}

static void test_more_of_the_same_finding_is_written_and_not_counted(void **state)
{
    (void)state;
    struct written w;
    struct recent *recent = fresh(&w, HOUR_S, 8);
    recent_pass(recent, finding(1, 0, "a", STARTTAP_LOW));
    recent_pass(recent, finding(1, 1, "b", STARTTAP_LOW));
    recent_pass(recent, more_of(finding(1, 2, "b", STARTTAP_LOW), 1));  /* of a repetition */
    recent_pass(recent, more_of(finding(1, 3, "a", STARTTAP_HIGH), 1)); /* of what was written */
    recent_pass(recent, finding(1, 4, "c", STARTTAP_HIGH));
    recent_finish(recent);
    recent_free(recent);
    assert_string_equal(w.lines, "0 a 0/1 low\n"
                                 "3 a 1/1 high\n"
                                 "4 a 2/3 high\n");
}

static void test_a_full_table_tells_the_oldest_early(void **state)
{
    (void)state;
    struct written w;
    struct recent *recent = fresh(&w, HOUR_S, 2);
    recent_pass(recent, finding(1, 0, "a", STARTTAP_LOW));
    recent_pass(recent, finding(1, 1, "b", STARTTAP_LOW));
    recent_pass(recent, finding(3, 2, "c", STARTTAP_LOW));
    recent_pass(recent, finding(5, 3, "d", STARTTAP_LOW)); /* 1, 3 and 5 share a chain */
    recent_pass(recent, finding(3, 4, "e", STARTTAP_LOW));
    recent_pass(recent, finding(1, 5, "f", STARTTAP_LOW));
    recent_finish(recent);
    recent_free(recent);
    assert_string_equal(w.lines, "0 a 0/1 low\n"
                                 "2 c 0/1 low\n"
                                 "3 a 1/2 low\n"
                                 "3 d 0/1 low\n"
                                 "5 c 1/2 low\n"
                                 "5 f 0/1 low\n");
}

/* Things that share a chain do not lose one another. */
static void test_a_thing_leaves_its_chain_alone(void **state)
{
    (void)state;
    struct written w;
    struct recent *recent = fresh(&w, HOUR_S, 8);
    recent_pass(recent, finding(1, 0, "a", STARTTAP_LOW));
    recent_pass(recent, finding(9, 1, "b", STARTTAP_LOW));
    recent_pass(recent, finding(17, 2, "c", STARTTAP_LOW));
    recent_pass(recent, finding(9, 3, "d", STARTTAP_HIGH)); /* out of the middle */
    recent_pass(recent, finding(1, 4, "e", STARTTAP_LOW));
    recent_pass(recent, finding(17, 5, "f", STARTTAP_LOW));
    recent_free(recent);
    assert_string_equal(w.lines, "0 a 0/1 low\n"
                                 "1 b 0/1 low\n"
                                 "2 c 0/1 low\n"
                                 "3 d 0/1 high\n");
}

static void test_what_passes_untouched(void **state)
{
    (void)state;
    struct written w;
    struct recent *recent = fresh(&w, 0, 8); /* off */
    recent_pass(recent, finding(1, 0, "a", STARTTAP_LOW));
    recent_pass(recent, finding(1, 1, "b", STARTTAP_LOW));
    recent_finish(recent);
    recent_free(recent);
    assert_string_equal(w.lines, "0 a 0/1 low\n"
                                 "1 b 0/1 low\n");

    recent = fresh(&w, HOUR_S, 8);
    recent_pass(recent, finding(0, 0, "a", STARTTAP_LOW)); /* never suppressed */
    recent_pass(recent, finding(0, 1, "b", STARTTAP_LOW));
    struct event *session = finding(1, 2, "c", STARTTAP_LOW), *other;
    session->key.dataset = DATASET_SESSION;
    other = finding(1, 3, "d", STARTTAP_LOW);
    other->key.dataset = DATASET_SESSION;
    recent_pass(recent, session);
    recent_pass(recent, other);
    recent_finish(recent);
    recent_free(recent);
    assert_string_equal(w.lines, "0 a 0/1 low\n"
                                 "1 b 0/1 low\n"
                                 "2 c 0/1 low\n"
                                 "3 d 0/1 low\n");
}

static void test_a_line_for_people(void **state)
{
    (void)state;
    struct written w;
    struct recent *recent = fresh(&w, HOUR_S, 8);
    for (int i = 0; i < 3; i++) {
        struct event *event = finding(1, i, "a", STARTTAP_LOW);
        free(event->body[FORMAT_ECS]);
        event->body[FORMAT_ECS] = NULL;
        event->body[FORMAT_TEXT] = strdup("paragraph\n");
        event->len[FORMAT_TEXT] = 10;
        recent_pass(recent, event);
    }
    recent_finish(recent);
    recent_free(recent);
    assert_string_equal(w.lines,
                        "0 text paragraph\n"
                        "2 text 2026-01-01 00:00:02  low auth.cleartext: 3 times so far from the "
                        "network of 198.51.100.7 to 192.0.2.25 port 25\n");
}

/* Whatever is cut into blocks: the same lines. */
static void test_blocks_do_not_matter(void **state)
{
    (void)state;
    char all[sizeof((struct written *)0)->lines] = "";
    for (int block_s = 1; block_s <= 100000; block_s = block_s * 3 + 1) {
        struct written w;
        struct recent *recent = fresh(&w, 60, 4);
        int clock_s = 0;
        for (int i = 0; i < 60; i++) {
            int at_s = i * 11;
            while (clock_s + block_s <= at_s) {
                clock_s += block_s;
                recent_advance(recent, (BASE_S + (int64_t)clock_s) * NS_PER_S);
            }
            recent_pass(recent, finding((uint64_t)(i * i % 5 + 1), at_s, "s",
                                        i % 13 == 0 ? STARTTAP_HIGH : STARTTAP_LOW));
        }
        recent_finish(recent);
        recent_free(recent);
        if (*all == '\0')
            snprintf(all, sizeof all, "%s", w.lines);
        assert_string_equal(w.lines, all);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_repetitions_are_counted_and_told_when_the_interval_is_over),
        cmocka_unit_test(test_an_update_has_an_id_of_its_own_and_nothing_else_changes),
        cmocka_unit_test(test_a_rise_in_severity_is_written),
        cmocka_unit_test(test_more_of_the_same_finding_is_written_and_not_counted),
        cmocka_unit_test(test_a_full_table_tells_the_oldest_early),
        cmocka_unit_test(test_a_thing_leaves_its_chain_alone),
        cmocka_unit_test(test_what_passes_untouched),
        cmocka_unit_test(test_a_line_for_people),
        cmocka_unit_test(test_blocks_do_not_matter),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
