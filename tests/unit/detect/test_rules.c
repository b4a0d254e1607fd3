/* SPDX-License-Identifier: Apache-2.0
 * test_rules.c - every rule of every built-in detector has its words, and no words lie around for
 * rules that nobody has.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "detect.h"

#define MOST_VALUES 64

static struct detect *detect;

static int open_detect(void **state)
{
    const struct detect_options options = { .policy = { .vantage = "unknown" } };
    (void)state;
    detect = detect_new(&options);
    return detect == NULL ? 1 : 0;
}

static int close_detect(void **state)
{
    (void)state;
    detect_free(detect);
    return 0;
}

/* Different {values} of a text that are there in any case, outside of [[ ]]. */
static size_t values_of(const char *text)
{
    const char *names[MOST_VALUES];
    size_t lengths[MOST_VALUES], count = 0, depth = 0;

    for (const char *at = text; *at != '\0'; at++) {
        if (strncmp(at, "[[", 2) == 0)
            depth++;
        if (strncmp(at, "]]", 2) == 0)
            depth--;
        if (strncmp(at, "{{", 2) == 0)
            at++;
        else if (*at == '{' && depth == 0 && count < MOST_VALUES) {
            size_t len = strcspn(at, "}"), i = 0;
            while (i < count && (lengths[i] != len || memcmp(names[i], at, len) != 0))
                i++;
            names[i] = at;
            lengths[i] = len;
            count += i == count ? 1 : 0;
        }
    }
    return count;
}

static void values_are_counted(void **state)
{
    (void)state;
    assert_int_equal(values_of("no {{value}"), 0);
    assert_int_equal(values_of("{a} {a} [[{b}]] {bc} {b}"), 3);
}

static void every_rule_has_its_words(void **state)
{
    (void)state;
    static const char *const needed[] = { "name",    "severity", "when",       "not_when",
                                          "explain", "fix",      "references", "verdict" };
    const char *id;
    size_t count = 0;

    for (; (id = detect_rule_id(detect, count)) != NULL; count++) {
        const struct texts_rule *rule = texts_find(detect_texts(detect), id);
        if (rule == NULL) {
            print_error("%s has no section in src/data/findings\n", id);
            fail();
        }
        for (size_t i = 0; i < sizeof needed / sizeof needed[0]; i++)
            if (*texts_field(rule, needed[i]) == '\0')
                fail_msg("[%s] has no %s", id, needed[i]);
    }
    assert_true(count > 0);
}

static void every_explanation_shows_two_values(void **state)
{
    (void)state;
    const struct texts_rule *rule;

    for (size_t i = 0; (rule = texts_at(detect_texts(detect), i)) != NULL; i++) {
        const char *name, *value;
        for (size_t line = 0; (name = texts_field_at(rule, line, &value)) != NULL; line++)
            if (strncmp(name, "explain", strlen("explain")) == 0 && values_of(value) < 2)
                fail_msg("[%s] %s shows fewer than two values", texts_id(rule), name);
    }
}

static void no_words_are_left_over(void **state)
{
    (void)state;
    const struct texts_rule *rule;
    const char *id;

    for (size_t i = 0; (rule = texts_at(detect_texts(detect), i)) != NULL; i++) {
        size_t at = 0;
        while ((id = detect_rule_id(detect, at)) != NULL && strcmp(id, texts_id(rule)) != 0)
            at++;
        if (id == NULL)
            fail_msg("[%s]: no detector has this rule", texts_id(rule));
    }
}

static void no_rule_belongs_to_two(void **state)
{
    (void)state;
    const char *one, *other;
    for (size_t i = 0; (one = detect_rule_id(detect, i)) != NULL; i++)
        for (size_t j = 0; j < i && (other = detect_rule_id(detect, j)) != NULL; j++)
            assert_string_not_equal(one, other);
}

/* Whichever of the two goes first: the other one goes on with the same detectors. */
static void detectors_outlive_what_is_read_anew(void **state)
{
    (void)state;
    const uint16_t port = 2525;
    const struct detect_options options = { .policy = { .vantage = "client",
                                                        .mail_ports = &port,
                                                        .mail_port_count = 1 } },
                                absent = { .lists_dir = "/nowhere/at/all" };
    struct detect *next = detect_renew(detect, &options);
    assert_non_null(next);
    assert_ptr_not_equal(detect_policy(next), detect_policy(detect));
    assert_ptr_not_equal(detect_texts(next), detect_texts(detect));
    const char *id;
    for (size_t i = 0; (id = detect_rule_id(detect, i)) != NULL; i++)
        assert_ptr_equal(detect_rule_id(next, i), id);
    assert_null(detect_renew(next, &absent));
    detect_free(detect);
    detect = next;
    assert_non_null(texts_find(detect_texts(detect), detect_rule_id(detect, 0)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_are_counted),
        cmocka_unit_test(every_rule_has_its_words),
        cmocka_unit_test(every_explanation_shows_two_values),
        cmocka_unit_test(no_words_are_left_over),
        cmocka_unit_test(no_rule_belongs_to_two),
        cmocka_unit_test(detectors_outlive_what_is_read_anew),
    };
    return cmocka_run_group_tests(tests, open_detect, close_detect);
}
