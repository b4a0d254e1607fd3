/* SPDX-License-Identifier: Apache-2.0
 * ordered.h - numbers of capture files, which come in the byte order of the machine that wrote
 * them.
 *
 * The same rules as reader.h: what does not fit fails the reader for good and reads as zero.
 */
#ifndef ORDERED_H
#define ORDERED_H

#include "reader.h"

enum order { ORDER_LITTLE, ORDER_BIG };

/* The whole number is put together from one window, so that the compiler makes it a single load:
 * four of these are read for each frame. */
static inline uint32_t ordered_u32(struct reader *r, enum order order)
{
    struct reader b = reader_take(r, 4);
    if (!reader_ok(&b))
        return 0;
    if (order == ORDER_BIG)
        return (uint32_t)b.at[0] << 24 | (uint32_t)b.at[1] << 16 | (uint32_t)b.at[2] << 8 | b.at[3];
    return (uint32_t)b.at[3] << 24 | (uint32_t)b.at[2] << 16 | (uint32_t)b.at[1] << 8 | b.at[0];
}

static inline uint16_t ordered_u16(struct reader *r, enum order order)
{
    struct reader b = reader_take(r, 2);
    if (!reader_ok(&b))
        return 0;
    if (order == ORDER_BIG)
        return (uint16_t)(b.at[0] << 8 | b.at[1]);
    return (uint16_t)(b.at[1] << 8 | b.at[0]);
}

#endif
