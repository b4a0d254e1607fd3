/* SPDX-License-Identifier: Apache-2.0
 * clock.c - civil dates by the era arithmetic of the proleptic Gregorian calendar: 400 years are
 * 146097 days.
 */
#include "clock.h"

enum { DAYS_PER_ERA = 146097, DAYS_TO_1970 = 719468 };
#define SECONDS_PER_DAY INT64_C(86400)
#define FIRST_SECOND (-INT64_C(62167219200)) /* 0000-01-01T00:00:00Z */
#define LAST_SECOND INT64_C(253402300799)    /* 9999-12-31T23:59:59Z */

struct civil {
    int year;
    unsigned month, day;
};

/* Years are counted from March, so that the leap day comes last. */
static struct civil civil_of_days(int64_t days)
{
    int64_t z = days + DAYS_TO_1970;
    int64_t era = (z >= 0 ? z : z - (DAYS_PER_ERA - 1)) / DAYS_PER_ERA;
    unsigned day_of_era = (unsigned)(z - era * DAYS_PER_ERA);
    unsigned year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    unsigned day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    unsigned shifted = (5 * day_of_year + 2) / 153;
    unsigned month = shifted < 10 ? shifted + 3 : shifted - 9;

    return (struct civil){
        .year = (int)(year_of_era + era * 400) + (month <= 2 ? 1 : 0),
        .month = month,
        .day = day_of_year - (153 * shifted + 2) / 5 + 1,
    };
}

int64_t clock_from_civil(int64_t year, unsigned month, unsigned day, unsigned hour, unsigned minute,
                         unsigned second)
{
    int64_t y = year - (month <= 2 ? 1 : 0);
    int64_t era = (y >= 0 ? y : y - 399) / 400;
    int64_t year_of_era = y - era * 400;
    int64_t day_of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    int64_t days = era * DAYS_PER_ERA + day_of_era - DAYS_TO_1970;
    return days * SECONDS_PER_DAY + (int64_t)hour * 3600 + (int64_t)minute * 60 + second;
}

/* Every event has several of these, so printf would cost more than the rest of them. */
static char *put_digits(char *at, unsigned number, int width, char behind)
{
    for (int i = width - 1; i >= 0; i--, number /= 10)
        at[i] = (char)('0' + number % 10);
    at[width] = behind;
    return at + width + 1;
}

static void write_text(int64_t time_s, int64_t micros, char out[CLOCK_TEXT_SIZE])
{
    int64_t days = time_s / SECONDS_PER_DAY, rest = time_s % SECONDS_PER_DAY;
    if (rest < 0) {
        rest += SECONDS_PER_DAY;
        days--;
    }
    struct civil date = civil_of_days(days);
    unsigned second = (unsigned)rest; /* of the day */
    out = put_digits(out, (unsigned)date.year, 4, '-');
    out = put_digits(out, date.month, 2, '-');
    out = put_digits(out, date.day, 2, 'T');
    out = put_digits(out, second / 3600, 2, ':');
    out = put_digits(out, second / 60 % 60, 2, ':');
    out = put_digits(out, second % 60, 2, micros < 0 ? 'Z' : '.');
    if (micros >= 0)
        out = put_digits(out, (unsigned)micros, 6, 'Z');
    *out = '\0';
}

void clock_text_s(int64_t time_s, char out[CLOCK_TEXT_SIZE])
{
    if (time_s < FIRST_SECOND)
        time_s = FIRST_SECOND;
    if (time_s > LAST_SECOND)
        time_s = LAST_SECOND;
    write_text(time_s, -1, out);
}

void clock_text(int64_t time_ns, char out[CLOCK_TEXT_SIZE])
{
    int64_t seconds = time_ns / NS_PER_S, rest = time_ns % NS_PER_S;
    if (rest < 0) {
        rest += NS_PER_S;
        seconds--;
    }
    write_text(seconds, rest / NS_PER_US, out); /* int64 nanoseconds span 1677 to 2262 */
}
