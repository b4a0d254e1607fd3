/* SPDX-License-Identifier: Apache-2.0
 * test_rule_numbers.c - every rule has a number of its own, for ever.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "data.h"
#include "detect.h"

static const struct {
    uint32_t number;
    const char *rule;
} rows[] = {
#define RULE_NUMBER(number, rule) { number, rule },
#include "rule_numbers.def"
};
#define ROWS (sizeof rows / sizeof rows[0])

static void rows_are_in_order_and_numbers_are_used_once(void **state)
{
    (void)state;
    for (size_t i = 0; i < ROWS; i++) {
        if (i > 0 && strcmp(rows[i - 1].rule, rows[i].rule) >= 0)
            fail_msg("%s is not behind %s", rows[i].rule, rows[i - 1].rule);
        if (rows[i].number <= 1900000 || rows[i].number >= 1950000)
            fail_msg("%u of %s is out of range", rows[i].number, rows[i].rule);
        for (size_t k = 0; k < i; k++)
            if (rows[k].number == rows[i].number)
                fail_msg("%s and %s are both %u", rows[k].rule, rows[i].rule, rows[i].number);
    }
}

/* Some that were given first: a list that is numbered anew breaks what others have stored. */
static void numbers_do_not_change(void **state)
{
    (void)state;
    assert_int_equal(data_rule_number("auth.cleartext"), 1900003);
    assert_int_equal(data_rule_number("starttls.stripped"), 1900072);
    assert_int_equal(data_rule_number("tls13.server_rejected"), 1900126);
    assert_int_equal(data_rule_number("no.such"), 0);
    assert_int_equal(data_rule_number(""), 0);
}

static void every_rule_has_one(void **state)
{
    const struct detect_options options = { .policy = { .vantage = "unknown" } };
    struct detect *detect = detect_new(&options);
    size_t missing = 0;
    (void)state;
    assert_non_null(detect);
    for (size_t i = 0; detect_rule_id(detect, i) != NULL; i++)
        if (data_rule_number(detect_rule_id(detect, i)) == 0) {
            print_error("%s has no row in src/data/rule_numbers.def\n", detect_rule_id(detect, i));
            missing++;
        }
    for (size_t i = 0; texts_at(detect_texts(detect), i) != NULL; i++)
        missing += data_rule_number(texts_id(texts_at(detect_texts(detect), i))) == 0;
    detect_free(detect);
    assert_int_equal(missing, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_are_in_order_and_numbers_are_used_once),
        cmocka_unit_test(numbers_do_not_change),
        cmocka_unit_test(every_rule_has_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
