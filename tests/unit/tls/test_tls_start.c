/* SPDX-License-Identifier: Apache-2.0
 * test_tls_start.c - recognising TLS by its first bytes (findings catalogue 2.1).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "wire.h"

#define C SIDE_CLIENT
#define S SIDE_SERVER

/* clang-format off */
static const struct {
    const char *bytes;
    size_t len;
    enum side side;
    enum tls_started more, final; /* while more may come; when no more will */
} cases[] = {
#define CASE(text, ...) { text, sizeof(text) - 1, __VA_ARGS__ }
    CASE("", C, TLS_START_MORE, TLS_START_NO),
    CASE("\x16", C, TLS_START_MORE, TLS_START_NO),
    CASE("\x16\x03\x01\x02", C, TLS_START_MORE, TLS_START_NO),
    CASE("\x16\x03\x01\x02\x00", C, TLS_START_MORE, TLS_START_NO),
    CASE("\x16\x03\x01\x02\x00\x01", C, TLS_START_MORE, TLS_START_NO),
    CASE("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", C, TLS_START_HELLO, TLS_START_HELLO),
    CASE("\x16\x03\x04\x02\x00\x01\x00\x01\xfc\x03\x03", C, TLS_START_HELLO, TLS_START_HELLO),
    CASE("\x16\x03\x05\x02\x00\x01\x00\x01\xfc\x03\x03", C, TLS_START_NO, TLS_START_NO),
    CASE("\x16\x02\x01", C, TLS_START_NO, TLS_START_NO),
    CASE("\x16\x03\x01\x40\x01\x01\x00\x01\xfc\x03\x03", C, TLS_START_NO, TLS_START_NO), /* 16385 */
    CASE("\x16\x03\x01\x00\x00\x01\x00\x01\xfc\x03\x03", C, TLS_START_NO, TLS_START_NO),
    CASE("\x16\x03\x01\x02\x00\x01\x00\x00\x28\x03\x03", C, TLS_START_RECORD, TLS_START_RECORD), /* 40 */
    CASE("\x16\x03\x01\x02\x00\x01\x00\x00\x29\x03\x03", C, TLS_START_HELLO, TLS_START_HELLO),   /* 41 */
    CASE("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x02\x03", C, TLS_START_RECORD, TLS_START_RECORD),
    CASE("\x16\x03\x01\x02\x00\x02\x00\x00\x46\x03\x03", C, TLS_START_RECORD, TLS_START_RECORD),
    CASE("\x16\x03\x03\x00\x4a\x02\x00\x00\x46\x03\x03", S, TLS_START_HELLO, TLS_START_HELLO),
    CASE("\x16\x03\x01\x00\x4a\x02\x00\x00\x46\x7f\x12", S, TLS_START_HELLO, TLS_START_HELLO),
    CASE("\x16\x03\x03\x00\x4a\x01\x00\x00\x46\x03\x03", S, TLS_START_RECORD, TLS_START_RECORD),
    /* one byte of the hello in each record */
    CASE("\x16\x03\x01\x00\x01\x01\x16\x03\x01\x00\x01\x00\x16\x03\x01\x00\x01\x01"
         "\x16\x03\x01\x00\x01\xfc\x16\x03\x01\x00\x01\x03", C, TLS_START_MORE, TLS_START_NO),
    CASE("\x16\x03\x01\x00\x01\x01\x16\x03\x01\x00\x01\x00\x16\x03\x01\x00\x01\x01"
         "\x16\x03\x01\x00\x01\xfc\x16\x03\x01\x00\x01\x03\x16\x03\x01\x00\x01\x03", C,
         TLS_START_HELLO, TLS_START_HELLO),
    CASE("\x15\x03\x01\x00\x02\x02\x46", C, TLS_START_ALERT, TLS_START_ALERT),
    CASE("\x15\x03\x03\x00\x02", S, TLS_START_ALERT, TLS_START_ALERT),
    CASE("\x15\x03\x03\x00\x1a", S, TLS_START_RECORD, TLS_START_RECORD),
    CASE("\x17\x03\x03\x01\x00", S, TLS_START_RECORD, TLS_START_RECORD),
    CASE("\x17\x03\x03\x48\x01", S, TLS_START_NO, TLS_START_NO), /* longer than any record */
    CASE("\x14\x03\x03\x00\x01\x01", C, TLS_START_RECORD, TLS_START_RECORD),
    CASE("\x14\x03\x03\x00\x02\x01", C, TLS_START_NO, TLS_START_NO),
    CASE("EHLO x\r\n", C, TLS_START_NO, TLS_START_NO),
    CASE("220 mx ESMTP\r\n", S, TLS_START_NO, TLS_START_NO),
    CASE("\r\n", C, TLS_START_NO, TLS_START_NO),
    CASE("\x19\x03\x03\x00\x02", C, TLS_START_NO, TLS_START_NO),
    /* SSLv2 format: type 1, version, kinds 3, session id 0, challenge 16: 28 bytes */
    CASE("\x80\x1c\x01\x03\x01\x00\x03\x00\x00\x00\x10", C, TLS_START_SSL2, TLS_START_SSL2),
    CASE("\x80\x1c\x01\x00\x02\x00\x03\x00\x00\x00\x10", C, TLS_START_SSL2, TLS_START_SSL2),
    CASE("\x80\x2c\x01\x03\x00\x00\x03\x00\x10\x00\x10", C, TLS_START_SSL2, TLS_START_SSL2),
    CASE("\x80\x1c\x01\x03\x01\x00\x03\x00\x00\x00", C, TLS_START_MORE, TLS_START_NO),
    CASE("\x80", C, TLS_START_MORE, TLS_START_NO),
    CASE("\x80\x1c\x02", C, TLS_START_NO, TLS_START_NO),
    CASE("\x80\x1d\x01\x03\x01\x00\x03\x00\x00\x00\x10", C, TLS_START_NO, TLS_START_NO), /* sum */
    CASE("\x80\x1d\x01\x03\x01\x00\x04\x00\x00\x00\x10", C, TLS_START_NO, TLS_START_NO), /* % 3 */
    CASE("\x80\x19\x01\x03\x01\x00\x00\x00\x00\x00\x10", C, TLS_START_NO, TLS_START_NO), /* none */
    CASE("\x80\x1c\x01\x03\x04\x00\x03\x00\x00\x00\x10", C, TLS_START_NO, TLS_START_NO), /* 0304 */
    CASE("\x80\x24\x01\x03\x01\x00\x03\x00\x08\x00\x10", C, TLS_START_NO, TLS_START_NO), /* sid 8 */
    CASE("\x80\x1b\x01\x03\x01\x00\x03\x00\x00\x00\x0f", C, TLS_START_NO, TLS_START_NO), /* 15 */
    CASE("\x80\x2d\x01\x03\x01\x00\x03\x00\x00\x00\x21", C, TLS_START_NO, TLS_START_NO), /* 33 */
    CASE("\x80\x21\x04\x00\x01\x00\x02\x00\x03\x00\x03\x00\x10", S, TLS_START_SSL2, TLS_START_SSL2),
    CASE("\x80\x21\x04\x00\x01\x00\x02\x00\x03\x00\x03\x00", S, TLS_START_MORE, TLS_START_NO),
    CASE("\x80\x22\x04\x00\x01\x00\x02\x00\x03\x00\x03\x00\x10", S, TLS_START_NO, TLS_START_NO),
    CASE("\x80\x21\x04\x00\x01\x03\x01\x00\x03\x00\x03\x00\x10", S, TLS_START_NO, TLS_START_NO),
    CASE("\xc3\xa4\xc3\xb6", S, TLS_START_NO, TLS_START_NO), /* text in UTF-8 */
};
/* clang-format on */

static void test_cases(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint8_t *copy = malloc(cases[i].len > 0 ? cases[i].len : 1);
        assert_non_null(copy);
        memcpy(copy, cases[i].bytes, cases[i].len);
        struct reader bytes = reader_of(copy, cases[i].len);
        enum tls_started more = tls_start(bytes, cases[i].side, false);
        enum tls_started final = tls_start(bytes, cases[i].side, true);
        if (more != cases[i].more || final != cases[i].final)
            fail_msg("case %zu: %d and %d", i, more, final);
        free(copy);
    }
}

/* More bytes never change a judgement that was made. */
static void test_prefixes_agree(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        enum tls_started before = TLS_START_MORE;
        for (size_t len = 0; len <= cases[i].len; len++) {
            uint8_t *copy = malloc(len > 0 ? len : 1);
            assert_non_null(copy);
            memcpy(copy, cases[i].bytes, len);
            enum tls_started now = tls_start(reader_of(copy, len), cases[i].side, false);
            if (before != TLS_START_MORE && now != before)
                fail_msg("case %zu: %d, then %d at %zu", i, before, now, len);
            before = now;
            free(copy);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cases),
        cmocka_unit_test(test_prefixes_agree),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
