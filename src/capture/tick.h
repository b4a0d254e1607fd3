/* SPDX-License-Identifier: Apache-2.0
 * tick.h - the clock of a pcapng interface: ticks of any length since 1970, moved by an offset.
 *
 * pcapng (draft-ietf-opsawg-pcapng) section 4.2, options if_tsresol and if_tsoffset.
 */
#ifndef TICK_H
#define TICK_H

#include <stdint.h>

#define TICK_MICROSECONDS 6u /* the resolution of an interface that does not give one */

struct tick_rate {
    uint8_t resolution; /* as in the file: 10^-n seconds, with the top bit set 2^-n */
    int64_t offset_s;
    /* Ticks up to fast_max are turned by one multiplication; derived from the two above. */
    uint64_t fast_max;
    uint64_t fast_factor;
    int64_t fast_offset_ns;
};

struct tick_rate tick_rate_of(uint8_t resolution, int64_t offset_s);

/* Nanoseconds since 1970, cut to whole ones; the nearest int64_t where that is too small. */
int64_t tick_ns(const struct tick_rate *rate, uint64_t ticks);

#endif
