/* SPDX-License-Identifier: Apache-2.0
 * test_keyword.c - masks and near misses, and the registered words that are neither.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "keyword.h"

/* IANA "SMTP Service Extensions", and private ones that are common. */
static const char *const registered[] = {
    "SEND",          "SOML",           "SAML",
    "EXPN",          "HELP",           "TURN",
    "8BITMIME",      "SIZE",           "VERB",
    "ONEX",          "CHUNKING",       "BINARYMIME",
    "DELIVERBY",     "PIPELINING",     "DSN",
    "ETRN",          "STARTTLS",       "ENHANCEDSTATUSCODES",
    "AUTH",          "BURL",           "ATRN",
    "NO-SOLICITING", "MTRK",           "SUBMITTER",
    "FUTURERELEASE", "SMTPUTF8",       "VRFY",
    "MT-PRIORITY",   "RRVS",           "REQUIRETLS",
    "LIMITS",        "XCLIENT",        "XFORWARD",
    "X-EXPS",        "XEXCH50",        "XVERP",
    "X-LINK2STATE",  "X-ANONYMOUSTLS", "XRDST",
    "XSHADOW",       "XOORG",          "XADR",
    "STAT",          "STLS",           "SASL",
    "UIDL",          "USER",           "LIST",
    "UTF8",          "CAPA",           "QUOTA",
    "STATUS",        "STARTTIME",      "XX",
};

static void test_registered_words_are_neither(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof registered / sizeof registered[0]; i++) {
        struct text word = text_of(registered[i]);
        assert_false(keyword_masked(word));
        assert_false(keyword_near(word, TEXT("STARTTLS")));
        assert_false(keyword_near(word, TEXT("STLS")));
        assert_false(keyword_masked_command(word));
    }
}

static void test_masks(void **state)
{
    (void)state;
    assert_true(keyword_masked(TEXT("XXX")));
    assert_true(keyword_masked(TEXT("xxxxA")));
    assert_true(keyword_masked(TEXT("########")));
    assert_false(keyword_masked(TEXT("XXA")));
    assert_false(keyword_masked(TEXT("XXXAA")));
    assert_false(keyword_masked(TEXT("XXX1")));
    assert_false(keyword_masked(TEXT("AAAA")));
    assert_false(keyword_masked(TEXT("XXx*")));
    assert_false(keyword_masked(TEXT("")));
    assert_true(keyword_masked_command(TEXT("xxxx")));
    assert_false(keyword_masked_command(TEXT("XXX")));
    assert_false(keyword_masked_command(TEXT("XXXXA")));
    struct text within = keyword_masked_within(TEXT("command \"XXXXXX\" unknown"));
    assert_true(text_same(within, TEXT("XXXXXX")));
    assert_int_equal(keyword_masked_within(TEXT("nothing XXX")).len, 0);
}

static void test_near_misses(void **state)
{
    (void)state;
    const struct text wanted = TEXT("STARTTLS");
    assert_true(keyword_near(TEXT("STARTTLX"), wanted));
    assert_true(keyword_near(TEXT("xtarttlx"), wanted));
    assert_false(keyword_near(TEXT("XTXRTTLX"), wanted));
    assert_false(keyword_near(TEXT("starttls"), wanted));
    assert_false(keyword_near(TEXT("STARTTLSX"), wanted));
    assert_true(keyword_near(TEXT("STARTTL "), wanted));
    assert_false(keyword_near(TEXT("STARTTL"), wanted));
    assert_false(keyword_near(TEXT("STARTTL x"), wanted));
    assert_true(keyword_near(TEXT("START TLS"), wanted));
    assert_true(keyword_near((struct text){ "START\0TLS", 9 }, wanted));
    assert_false(keyword_near(TEXT("START TLSX"), wanted));
    assert_true(keyword_near(TEXT("STARTTLX on"), wanted));
    assert_true(keyword_near(TEXT("STLX"), TEXT("STLS")));
    assert_false(keyword_near(TEXT("SXLX"), TEXT("STLS")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_registered_words_are_neither),
        cmocka_unit_test(test_masks),
        cmocka_unit_test(test_near_misses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
