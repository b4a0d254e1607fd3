/* SPDX-License-Identifier: Apache-2.0
 * hash.c - the one file that knows xxHash.
 */
#include "hash.h"

#include <xxhash.h>

uint64_t hash_bytes(const void *bytes, size_t len, uint64_t key)
{
    return XXH3_64bits_withSeed(bytes, len, key);
}
