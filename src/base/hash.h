/* SPDX-License-Identifier: Apache-2.0
 * hash.h - keyed hashing for tables whose keys come from strangers (xxHash's XXH3, seeded).
 *
 * From files the key is constant, so that results do not change between runs; live it is random, so
 * that nobody can choose colliding flows.
 */
#ifndef HASH_H
#define HASH_H

#include <stddef.h>
#include <stdint.h>

uint64_t hash_bytes(const void *bytes, size_t len, uint64_t key);

#endif
