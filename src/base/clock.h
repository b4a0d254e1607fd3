/* SPDX-License-Identifier: Apache-2.0
 * clock.h - instants as text. The program's time is the capture's: nothing here asks the machine's
 * clock.
 */
#ifndef CLOCK_H
#define CLOCK_H

#include <stdint.h>

#define NS_PER_US INT64_C(1000)
#define NS_PER_MS INT64_C(1000000)
#define NS_PER_S INT64_C(1000000000)

#define CLOCK_TEXT_SIZE 40

/* "2026-11-22T07:16:53.123456Z" (RFC 3339, microseconds, cut, not rounded). Years outside 0000 to
 * 9999 are written as the nearest instant inside. */
void clock_text(int64_t time_ns, char out[CLOCK_TEXT_SIZE]);

/* "2026-11-22T07:16:53Z", from seconds. */
void clock_text_s(int64_t time_s, char out[CLOCK_TEXT_SIZE]);

/* Seconds since 1970-01-01 UTC of a civil instant in the proleptic Gregorian calendar. */
int64_t clock_from_civil(int64_t year, unsigned month, unsigned day, unsigned hour, unsigned minute,
                         unsigned second);

#endif
