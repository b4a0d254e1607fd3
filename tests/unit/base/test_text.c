/* SPDX-License-Identifier: Apache-2.0
 * test_text.c - comparing, cutting, cleaning and encoding texts.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "text.h"

#define REPLACED "\xef\xbf\xbd"

static void test_comparing(void **state)
{
    (void)state;
    struct text none = text_of(NULL);
    assert_int_equal(none.len, 0);
    assert_true(text_same(none, TEXT("")));
    assert_true(text_same(TEXT("abc"), text_of("abc")));
    assert_false(text_same(TEXT("abc"), TEXT("abd")));
    assert_false(text_same(TEXT("abc"), TEXT("ab")));
    assert_true(text_same(TEXT("a\0b"), TEXT("a\0b")));
    assert_false(text_same(TEXT("a\0b"), TEXT("a\0c")));
    assert_false(text_same(TEXT("abc"), TEXT("ABC")));
    assert_true(text_same_nocase(TEXT("StartTLS"), TEXT("STARTtls")));
    assert_false(text_same_nocase(TEXT("a"), TEXT("ab")));
    assert_false(text_same_nocase(TEXT("\xc3\xa4"), TEXT("\xc3\x84"))); /* ASCII letters only */
    assert_false(text_same_nocase(TEXT("["), TEXT("{")));               /* 0x5b, 0x7b: no letters */
    assert_false(text_same_nocase(TEXT("@"), TEXT("`")));
    assert_true(text_starts_nocase(TEXT("auth PLAIN"), TEXT("AUTH ")));
    assert_true(text_starts_nocase(TEXT("x"), none));
    assert_false(text_starts_nocase(TEXT("AUT"), TEXT("AUTH")));
}

static void test_tokens(void **state)
{
    (void)state;
    struct text rest = TEXT("EHLO  mail\tend");
    assert_true(text_same(text_token(&rest, " \t"), TEXT("EHLO")));
    assert_true(text_same(text_token(&rest, " \t"), TEXT(""))); /* one stop byte is passed */
    assert_true(text_same(text_token(&rest, " \t"), TEXT("mail")));
    assert_true(text_same(text_token(&rest, " \t"), TEXT("end")));
    assert_int_equal(rest.len, 0);
    assert_int_equal(text_token(&rest, " \t").len, 0);

    rest = TEXT("a\0b c"); /* a NUL does not stop, although it ends the list of stops */
    assert_true(text_same(text_token(&rest, " "), TEXT("a\0b")));
    assert_true(text_same(rest, TEXT("c")));

    struct text none = { 0 };
    assert_int_equal(text_token(&none, " ").len, 0);
}

static void test_trimming(void **state)
{
    (void)state;
    assert_true(text_same(text_trim(TEXT(" \t a b\t ")), TEXT("a b")));
    assert_int_equal(text_trim(TEXT(" \t ")).len, 0);
    assert_int_equal(text_trim((struct text){ 0 }).len, 0);
    assert_true(text_same(text_trim(TEXT("\na\r")), TEXT("\na\r")));
}

static void test_cleaning(void **state)
{
    (void)state;
    static const struct {
        struct text dirty;
        const char *clean;
    } cases[] = {
        { { 0 }, "" },
        { TEXT("plain ~ text"), "plain ~ text" },
        { TEXT("a\nb\0c\x7f"), "a" REPLACED "b" REPLACED "c" REPLACED },
        { TEXT("\x1b[31m"), REPLACED "[31m" },
        { TEXT("M\xc3\xbcller \xe2\x82\xac \xf0\x9f\x93\xa7"),
          "M\xc3\xbcller \xe2\x82\xac \xf0\x9f\x93\xa7" },
        { TEXT("\xc2\x9b"), REPLACED },          /* C1: CSI of a terminal */
        { TEXT("\xc2\xa0"), "\xc2\xa0" },        /* the first beyond C1 */
        { TEXT("\xfc"), REPLACED },              /* Latin-1 */
        { TEXT("\xc0\x80"), REPLACED REPLACED }, /* overlong NUL */
        { TEXT("\xc1\xbf"), REPLACED REPLACED }, /* overlong */
        { TEXT("\xe0\x9f\xbf"), REPLACED REPLACED REPLACED },
        { TEXT("\xe0\xa0\x80"), "\xe0\xa0\x80" },             /* U+0800 */
        { TEXT("\xed\x9f\xbf"), "\xed\x9f\xbf" },             /* U+D7FF */
        { TEXT("\xed\xa0\x80"), REPLACED REPLACED REPLACED }, /* a surrogate */
        { TEXT("\xf0\x8f\xbf\xbf"), REPLACED REPLACED REPLACED REPLACED },
        { TEXT("\xf4\x8f\xbf\xbf"), "\xf4\x8f\xbf\xbf" }, /* U+10FFFF */
        { TEXT("\xf4\x90\x80\x80"), REPLACED REPLACED REPLACED REPLACED },
        { TEXT("\xf5\x80\x80\x80"), REPLACED REPLACED REPLACED REPLACED },
        { TEXT("\xe2\x82"), REPLACED REPLACED }, /* cut off */
        { TEXT("\xe2\x28\xa1"), REPLACED "(" REPLACED },
        { TEXT("\xf0\x9f\x93x"), REPLACED REPLACED REPLACED "x" },
        { TEXT("\x80"), REPLACED },
        { TEXT("a\xe2\x80\xae"
               "b"),
          "a" REPLACED "b" },                     /* U+202E turns what follows */
        { TEXT("\xe2\x81\xa6"), REPLACED },       /* U+2066 */
        { TEXT("\xe2\x80\x93"), "\xe2\x80\x93" }, /* a dash */
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char out[64];
        size_t len = text_clean(cases[i].dirty, out, sizeof out);
        assert_string_equal(out, cases[i].clean);
        assert_int_equal(len, strlen(cases[i].clean));
    }
}

/* Every capacity, in memory of that size: cut at a character's border, always terminated. */
static void test_cleaning_cuts_at_characters(void **state)
{
    (void)state;
    struct text text = TEXT("a\xe2\x82\xac\xff\xc3\xbc");
    static const size_t lens[] = { 0, 0, 1, 1, 1, 4, 4, 4, 7, 7, 9, 9 }; /* by capacity */
    for (size_t cap = 0; cap < sizeof lens / sizeof *lens; cap++) {
        char *out = malloc(cap > 0 ? cap : 1);
        assert_non_null(out);
        *out = '#';
        assert_int_equal(text_clean(text, out, cap), lens[cap]);
        if (cap == 0)
            assert_int_equal(*out, '#');
        else
            assert_int_equal(strlen(out), lens[cap]);
        free(out);
    }
}

static void test_hex(void **state)
{
    (void)state;
    static const uint8_t bytes[] = { 0x00, 0x9a, 0xff };
    char out[7];
    text_hex(bytes, sizeof bytes, out);
    assert_string_equal(out, "009aff");
    text_hex_upper(bytes, sizeof bytes, out);
    assert_string_equal(out, "009AFF");
    text_hex(NULL, 0, out);
    assert_string_equal(out, "");
}

/* The vectors of RFC 4648 section 10. */
static void test_bases(void **state)
{
    (void)state;
    static const struct {
        const char *plain, *base32, *base64;
    } vectors[] = {
        { "", "", "" },
        { "f", "my", "Zg==" },
        { "fo", "mzxq", "Zm8=" },
        { "foo", "mzxw6", "Zm9v" },
        { "foob", "mzxw6yq", "Zm9vYg==" },
        { "fooba", "mzxw6ytb", "Zm9vYmE=" },
        { "foobar", "mzxw6ytboi", "Zm9vYmFy" },
        { "\xfb\xff\xfe", "7p774", "+//+" },
    };
    for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++) {
        size_t len = strlen(vectors[i].plain);
        uint8_t bytes[8];
        memcpy(bytes, vectors[i].plain, len);
        char *out32 = malloc((len + 4) / 5 * 8 + 1), *out64 = malloc((len + 2) / 3 * 4 + 1);
        assert_non_null(out32);
        assert_non_null(out64);
        text_base32(bytes, len, out32);
        text_base64(bytes, len, out64);
        assert_string_equal(out32, vectors[i].base32);
        assert_string_equal(out64, vectors[i].base64);
        free(out32);
        free(out64);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_comparing),
        cmocka_unit_test(test_tokens),
        cmocka_unit_test(test_trimming),
        cmocka_unit_test(test_cleaning),
        cmocka_unit_test(test_cleaning_cuts_at_characters),
        cmocka_unit_test(test_hex),
        cmocka_unit_test(test_bases),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
