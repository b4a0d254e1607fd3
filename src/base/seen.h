/* SPDX-License-Identifier: Apache-2.0
 * seen.h - a bounded set of hashes that answers "for the first time?". When it is full the oldest
 * is forgotten.
 */
#ifndef SEEN_H
#define SEEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct seen {
    uint64_t *ring;  /* in order of arrival, cap of them */
    uint32_t *slots; /* open addressing: index into ring + 1, 0 is free; twice as many as cap */
    size_t cap, count, oldest;
};

bool seen_init(struct seen *seen,
               size_t cap); /* cap is a power of two; memory comes with the first use */
void seen_free(struct seen *seen);

/* True if the hash was not in the set; it is from now on. Out of memory everything is new. */
bool seen_first(struct seen *seen, uint64_t hash);
bool seen_has(const struct seen *seen, uint64_t hash);

#endif
