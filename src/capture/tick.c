/* SPDX-License-Identifier: Apache-2.0
 * tick.c - ticks to nanoseconds without overflow.
 */
#include "tick.h"

#include <stdbool.h>

#include "clock.h"

#define POWER_OF_TWO 0x80u
/* Two numbers below this add up without leaving int64_t. */
#define FAST_NS INT64_C(4000000000000000000)
/* 2^34 * 10^9 is the largest such product that fits in 64 bits; what is cut off is below 0.1 ns. */
#define FRACTION_BITS 34u
/* 10^19 is the highest power of ten in 64 bits. */
#define DIGITS_MAX 19u

static uint64_t power_of_ten(unsigned n)
{
    uint64_t power = 1;
    while (n-- > 0)
        power *= 10;
    return power;
}

struct tick_rate tick_rate_of(uint8_t resolution, int64_t offset_s)
{
    struct tick_rate rate = { .resolution = resolution, .offset_s = offset_s };
    bool offset_small = offset_s <= FAST_NS / NS_PER_S && offset_s >= -FAST_NS / NS_PER_S;
    if (resolution > 9 || !offset_small)
        return rate;

    rate.fast_factor = power_of_ten(9u - resolution);
    rate.fast_max = (uint64_t)FAST_NS / rate.fast_factor;
    rate.fast_offset_ns = offset_s * NS_PER_S;
    return rate;
}

struct instant {
    uint64_t seconds;
    uint64_t ns; /* below one second */
};

static struct instant split_decimal(uint64_t ticks, unsigned digits)
{
    struct instant at = { 0 };
    if (digits <= DIGITS_MAX) {
        at.seconds = ticks / power_of_ten(digits);
        ticks %= power_of_ten(digits);
    }
    if (digits <= 9)
        at.ns = ticks * power_of_ten(9 - digits);
    else if (digits - 9 <= DIGITS_MAX)
        at.ns = ticks / power_of_ten(digits - 9);
    return at;
}

static struct instant split_binary(uint64_t ticks, unsigned bits)
{
    struct instant at = { 0 };
    if (bits < 64) {
        at.seconds = ticks >> bits;
        ticks &= (UINT64_C(1) << bits) - 1;
    }
    if (bits > FRACTION_BITS) {
        unsigned cut = bits - FRACTION_BITS;
        ticks = cut < 64 ? ticks >> cut : 0;
        bits = FRACTION_BITS;
    }
    at.ns = (ticks * (uint64_t)NS_PER_S) >> bits;
    return at;
}

int64_t tick_ns(const struct tick_rate *rate, uint64_t ticks)
{
    if (rate->fast_factor != 0 && ticks <= rate->fast_max)
        return (int64_t)(ticks * rate->fast_factor) + rate->fast_offset_ns;

    unsigned n = rate->resolution & ~POWER_OF_TWO;
    struct instant at =
        (rate->resolution & POWER_OF_TWO) != 0 ? split_binary(ticks, n) : split_decimal(ticks, n);

    /* Only a tick of a whole second reaches past INT64_MAX, by 2^63 seconds. */
    int64_t seconds = at.seconds > INT64_MAX ? INT64_MAX : (int64_t)at.seconds;
    if (rate->offset_s > 0 && seconds > INT64_MAX - rate->offset_s)
        return INT64_MAX;
    seconds += rate->offset_s; /* seconds >= 0, so a negative offset cannot overflow */

    if (seconds >= INT64_MAX / NS_PER_S)
        return INT64_MAX;
    if (seconds <= INT64_MIN / NS_PER_S)
        return INT64_MIN;
    return seconds * NS_PER_S + (int64_t)at.ns;
}
