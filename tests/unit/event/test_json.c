/* SPDX-License-Identifier: Apache-2.0
 * test_json.c - what is printed is valid JSON whatever was on the wire.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "json.h"
#include "limits.h"

static void expect(struct json *root, const char *text)
{
    size_t len = 0;
    char *printed = json_print(root, &len);
    assert_non_null(printed);
    assert_string_equal(printed, text);
    assert_int_equal(len, strlen(text));
    free(printed);
    json_free(root);
}

static void test_tree(void **state)
{
    (void)state;
    struct json *root = json_new(NULL);
    json_word(root, "a", "x/y");
    struct json *inner = json_add_object(root, "b");
    json_number(inner, "n", -5);
    json_count(inner, "u", UINT64_MAX);
    json_flag(inner, "f", false);
    struct json *list = json_add_array(root, "c");
    json_push_word(list, "one");
    json_word(json_push_object(list), "k", "v");
    expect(root, "{\"a\":\"x/y\",\"b\":{\"n\":-5,\"u\":18446744073709551615,\"f\":false},"
                 "\"c\":[\"one\",{\"k\":\"v\"}]}");
}

static void test_unknown_is_left_out(void **state)
{
    (void)state;
    struct json *root = json_new(NULL);
    json_word(root, "a", NULL);
    json_word(root, "b", "");
    json_text(root, "c", (struct text){ 0 });
    struct json *empty = json_add_object(root, "d");
    assert_true(json_is_empty(empty));
    json_drop(root, "d");
    assert_null(json_member(root, "d"));
    expect(root, "{}");
}

static void test_hostile_text(void **state)
{
    (void)state;
    struct json *root = json_new(NULL);
    json_text(root, "t", TEXT("a\xe9\"\\\r\n\0b\xc3\xa9"));
    expect(root, "{\"t\":\"a\xef\xbf\xbd\\\"\\\\\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"
                 "b\xc3\xa9\"}");
}

static void test_long_text_is_cut(void **state)
{
    (void)state;
    char long_text[3 * LIMIT_TEXT_BYTES];
    memset(long_text, 'x', sizeof long_text);
    struct json *root = json_new(NULL);
    json_text(root, "t", (struct text){ long_text, sizeof long_text });
    size_t len = 0;
    char *printed = json_print(root, &len);
    assert_int_equal(len, strlen("{\"t\":\"\"}") + LIMIT_TEXT_BYTES);
    free(printed);
    json_free(root);
}

static void test_names_are_cleaned_and_not_cut(void **state)
{
    (void)state;
    struct json *root = json_new(NULL);
    json_name(root, "none", NULL);
    json_name(root, "empty", "");
    json_name(root, "t", "a\xff\x1b/\xc3\xa9");
    expect(root, "{\"t\":\"a\xef\xbf\xbd\xef\xbf\xbd/\xc3\xa9\"}");

    char long_name[3 * LIMIT_TEXT_BYTES + 1];
    memset(long_name, '\xff', sizeof long_name); /* each takes three octets when cleaned */
    long_name[sizeof long_name - 1] = '\0';
    root = json_new(NULL);
    json_name(root, "t", long_name);
    size_t len = 0;
    char *printed = json_print(root, &len);
    assert_int_equal(len, strlen("{\"t\":\"\"}") + 3 * (sizeof long_name - 1));
    free(printed);
    json_free(root);
}

static void test_null_nodes_are_ignored(void **state)
{
    (void)state;
    assert_null(json_add_object(NULL, "x"));
    json_word(NULL, "x", "y");
    json_push_word(NULL, "y");
    assert_true(json_is_empty(NULL));
    size_t len;
    assert_null(json_print(NULL, &len));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tree),
        cmocka_unit_test(test_unknown_is_left_out),
        cmocka_unit_test(test_hostile_text),
        cmocka_unit_test(test_long_text_is_cut),
        cmocka_unit_test(test_names_are_cleaned_and_not_cut),
        cmocka_unit_test(test_null_nodes_are_ignored),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
