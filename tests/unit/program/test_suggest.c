/* SPDX-License-Identifier: Apache-2.0
 * test_suggest.c - "did you mean", and the breaking of lines.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "suggest.h"
#include "wrap.h"

static const char *nearest(const char *word)
{
    static const char *const known[] = { "--format", "--follow", "flow.max_flows", "high" };
    struct suggest suggest;
    suggest_init(&suggest, word);
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        suggest_add(&suggest, known[i]);
    return suggest_best(&suggest);
}

static void test_near_words_are_found(void **state)
{
    (void)state;
    assert_string_equal(nearest("--formt"), "--format");
    assert_string_equal(nearest("--fromat"), "--format");
    assert_string_equal(nearest("--FORMAT"), "--format");
    assert_string_equal(nearest("--for"), "--format");
    assert_string_equal(nearest("--folow"), "--follow");
    assert_string_equal(nearest("hihg"), "high");
}

static void test_last_part_of_a_dotted_name(void **state)
{
    (void)state;
    assert_string_equal(nearest("max_flows"), "flow.max_flows");
    assert_string_equal(nearest("flow.maxflow"), "flow.max_flows");
    assert_string_equal(nearest("flows.max_flow"), "flow.max_flows");
}

static void test_far_words_are_not(void **state)
{
    char long_word[400];
    (void)state;
    assert_null(nearest("--zebra"));
    assert_null(nearest("password"));
    assert_null(nearest("hi"));
    assert_null(nearest(""));
    memset(long_word, 'a', sizeof long_word - 1);
    long_word[sizeof long_word - 1] = '\0';
    assert_null(nearest(long_word));
}

/* Valid until the next call. */
static const char *wrapped(const char *lead, const char *text)
{
    static char result[512];
    FILE *out = fmemopen(result, sizeof result, "w");
    assert_non_null(out);
    wrap_print(out, lead, text);
    fclose(out);
    return result;
}

static void test_lines_are_broken_at_the_margin(void **state)
{
    char text[200];
    (void)state;

    /* "# ", 38, a space and 38 fill the 79 columns. */
    snprintf(text, sizeof text, "%038d %038d b", 0, 0);
    const char *result = wrapped("# ", text);
    assert_int_equal(strchr(result, '\n') - result, WRAP_COLUMNS);
    assert_string_equal(strchr(result, '\n'), "\n# b\n");

    result = wrapped("> ", "");
    assert_string_equal(result, "> \n");

    snprintf(text, sizeof text, "%0100d d", 0); /* a word longer than the line stands alone */
    result = wrapped("", text);
    assert_int_equal(strchr(result, '\n') - result, 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_near_words_are_found),
        cmocka_unit_test(test_last_part_of_a_dotted_name),
        cmocka_unit_test(test_far_words_are_not),
        cmocka_unit_test(test_lines_are_broken_at_the_margin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
