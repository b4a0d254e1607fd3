/* SPDX-License-Identifier: Apache-2.0
 * seen.c - open addressing over a ring. Deletion shifts followers back, so no tombstones pile up.
 */
#include "seen.h"

#include <stdlib.h>

bool seen_init(struct seen *seen, size_t cap)
{
    *seen = (struct seen){ .cap = cap };
    return cap > 0 && (cap & (cap - 1)) == 0;
}

void seen_free(struct seen *seen)
{
    free(seen->ring);
    free(seen->slots);
    seen->ring = NULL;
    seen->slots = NULL;
    seen->count = seen->oldest = 0;
}

static size_t home_of(const struct seen *seen, uint64_t hash)
{
    return (size_t)hash & (2 * seen->cap - 1);
}

static size_t find(const struct seen *seen, uint64_t hash)
{
    size_t at = home_of(seen, hash);
    while (seen->slots[at] != 0 && seen->ring[seen->slots[at] - 1] != hash)
        at = (at + 1) & (2 * seen->cap - 1);
    return at;
}

static void forget(struct seen *seen, uint64_t hash)
{
    size_t mask = 2 * seen->cap - 1, hole = find(seen, hash);
    for (size_t at = (hole + 1) & mask; seen->slots[at] != 0; at = (at + 1) & mask) {
        size_t home = home_of(seen, seen->ring[seen->slots[at] - 1]);
        if (((at - home) & mask) < ((at - hole) & mask))
            continue; /* it would come to stand before its home */
        seen->slots[hole] = seen->slots[at];
        hole = at;
    }
    seen->slots[hole] = 0;
}

bool seen_has(const struct seen *seen, uint64_t hash)
{
    return seen->ring != NULL && seen->slots[find(seen, hash)] != 0;
}

bool seen_first(struct seen *seen, uint64_t hash)
{
    if (seen->ring == NULL) {
        seen->ring = calloc(seen->cap, sizeof *seen->ring);
        seen->slots = calloc(2 * seen->cap, sizeof *seen->slots);
        if (seen->ring == NULL || seen->slots == NULL) {
            seen_free(seen);
            return true;
        }
    }
    if (seen->slots[find(seen, hash)] != 0)
        return false;

    size_t at = seen->count;
    if (seen->count < seen->cap) {
        seen->count++;
    } else {
        at = seen->oldest;
        forget(seen, seen->ring[at]);
        seen->oldest = (at + 1) & (seen->cap - 1);
    }
    seen->ring[at] = hash;
    seen->slots[find(seen, hash)] = (uint32_t)at + 1;
    return true;
}
