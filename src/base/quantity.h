/* SPDX-License-Identifier: Apache-2.0
 * quantity.h - numbers as people write them: "64MiB", "10s", "500".
 *
 * Digits and perhaps a unit. No sign, no fraction, no leading zero (which YAML takes for octal).
 * Without a unit a number counts bytes, seconds or things.
 */
#ifndef QUANTITY_H
#define QUANTITY_H

#include <stdbool.h>
#include <stdint.h>

struct quantity_unit { /* largest first, which is how they are printed; a NULL name ends them */
    const char *name;
    uint64_t factor;
};
extern const struct quantity_unit quantity_sizes[]; /* GiB MiB KiB, also G M K */
extern const struct quantity_unit quantity_times[]; /* d h m s */
extern const struct quantity_unit quantity_counts[];

bool quantity_read(const char *text, const struct quantity_unit *units, uint64_t *number);

#endif
