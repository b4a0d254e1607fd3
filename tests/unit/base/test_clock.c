/* SPDX-License-Identifier: Apache-2.0
 * test_clock.c - instants against dates known from elsewhere (date -u -d @N).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <time.h>

#include "clock.h"

static const struct {
    int64_t at_s;
    const char *text;
    int64_t year;
    unsigned month, day, hour, minute, second;
} instants[] = {
    { 0, "1970-01-01T00:00:00Z", 1970, 1, 1, 0, 0, 0 },
    { -1, "1969-12-31T23:59:59Z", 1969, 12, 31, 23, 59, 59 },
    { 951782399, "2000-02-28T23:59:59Z", 2000, 2, 28, 23, 59, 59 },
    { 951782400, "2000-02-29T00:00:00Z", 2000, 2, 29, 0, 0, 0 },
    { 951868800, "2000-03-01T00:00:00Z", 2000, 3, 1, 0, 0, 0 },
    { 1795331813, "2026-11-22T07:16:53Z", 2026, 11, 22, 7, 16, 53 },
    { 1709164800, "2024-02-29T00:00:00Z", 2024, 2, 29, 0, 0, 0 },
    { 2147483648, "2038-01-19T03:14:08Z", 2038, 1, 19, 3, 14, 8 },
    { 4107542399, "2100-02-28T23:59:59Z", 2100, 2, 28, 23, 59, 59 },
    { 4107542400, "2100-03-01T00:00:00Z", 2100, 3, 1, 0, 0, 0 }, /* 2100 has no leap day */
    { -2203891200, "1900-03-01T00:00:00Z", 1900, 3, 1, 0, 0, 0 },
    { -2203891201, "1900-02-28T23:59:59Z", 1900, 2, 28, 23, 59, 59 },
    { -473385600, "1955-01-01T00:00:00Z", 1955, 1, 1, 0, 0, 0 },
    { -62135596800, "0001-01-01T00:00:00Z", 1, 1, 1, 0, 0, 0 },
    { -62167219200, "0000-01-01T00:00:00Z", 0, 1, 1, 0, 0, 0 },
    { 253402300799, "9999-12-31T23:59:59Z", 9999, 12, 31, 23, 59, 59 },
};

static void test_known_instants(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof instants / sizeof *instants; i++) {
        char text[CLOCK_TEXT_SIZE];
        clock_text_s(instants[i].at_s, text);
        assert_string_equal(text, instants[i].text);
        assert_true(clock_from_civil(instants[i].year, instants[i].month, instants[i].day,
                                     instants[i].hour, instants[i].minute,
                                     instants[i].second) == instants[i].at_s);
    }
}

/* The C library's own calendar as a second opinion, over every day of 1600 years. */
static void test_agrees_with_the_c_library(void **state)
{
    (void)state;
    for (int64_t day = -400000; day < 200000; day += 17) {
        time_t at = (time_t)(day * 86400 + 3723);
        struct tm tm;
        char text[CLOCK_TEXT_SIZE], expected[CLOCK_TEXT_SIZE];
        assert_non_null(gmtime_r(&at, &tm));
        if (tm.tm_year + 1900 < 1000) /* strftime pads years in its own way */
            continue;
        (void)strftime(expected, sizeof expected, "%Y-%m-%dT%H:%M:%SZ", &tm);
        clock_text_s(at, text);
        assert_string_equal(text, expected);
        assert_true(clock_from_civil(tm.tm_year + 1900, (unsigned)tm.tm_mon + 1,
                                     (unsigned)tm.tm_mday, 1, 2, 3) == at);
    }
}

static void test_nanoseconds_are_cut_to_microseconds(void **state)
{
    (void)state;
    static const struct {
        int64_t at_ns;
        const char *text;
    } cases[] = {
        { 0, "1970-01-01T00:00:00.000000Z" },
        { 999, "1970-01-01T00:00:00.000000Z" },
        { 1000, "1970-01-01T00:00:00.000001Z" },
        { INT64_C(1795331813123456789), "2026-11-22T07:16:53.123456Z" },
        { INT64_C(1795331813999999999), "2026-11-22T07:16:53.999999Z" },
        { -1, "1969-12-31T23:59:59.999999Z" },
        { -1000000000, "1969-12-31T23:59:59.000000Z" },
        { INT64_MIN, "1677-09-21T00:12:43.145224Z" },
        { INT64_MAX, "2262-04-11T23:47:16.854775Z" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[CLOCK_TEXT_SIZE];
        clock_text(cases[i].at_ns, text);
        assert_string_equal(text, cases[i].text);
    }
}

static void test_years_outside_are_clamped(void **state)
{
    (void)state;
    char text[CLOCK_TEXT_SIZE];
    clock_text_s(INT64_MIN, text);
    assert_string_equal(text, "0000-01-01T00:00:00Z");
    clock_text_s(INT64_MAX, text);
    assert_string_equal(text, "9999-12-31T23:59:59Z");
    clock_text_s(253402300800, text);
    assert_string_equal(text, "9999-12-31T23:59:59Z");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known_instants),
        cmocka_unit_test(test_agrees_with_the_c_library),
        cmocka_unit_test(test_nanoseconds_are_cut_to_microseconds),
        cmocka_unit_test(test_years_outside_are_clamped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
