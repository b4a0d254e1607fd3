/* SPDX-License-Identifier: Apache-2.0
 * arena.c - bump allocation in a list of blocks of 1 to 16 KiB.
 */
#include "arena.h"

#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

struct arena_block {
    struct arena_block *older;
    size_t cap, used;
    alignas(max_align_t) unsigned char bytes[];
};

enum { FIRST_BLOCK = 1024, LARGEST_BLOCK = 16 * 1024, FIRST_ITEMS = 4 };

void arena_init(struct arena *arena, size_t max) { *arena = (struct arena){ .max = max }; }

void arena_free(struct arena *arena)
{
    struct arena_block *block = arena->blocks;
    while (block != NULL) {
        struct arena_block *older = block->older;
        free(block);
        block = older;
    }
    arena_init(arena, arena->max);
}

void arena_reset(struct arena *arena)
{
    struct arena_block *largest = arena->blocks;
    for (struct arena_block *block = arena->blocks; block != NULL; block = block->older)
        if (block->cap > largest->cap)
            largest = block;
    for (struct arena_block *block = arena->blocks; block != NULL;) {
        struct arena_block *older = block->older;
        if (block != largest)
            free(block);
        block = older;
    }
    arena_init(arena, arena->max);
    if (largest == NULL)
        return;
    largest->older = NULL;
    largest->used = 0;
    arena->blocks = largest;
}

static struct arena_block *block_new(size_t used, size_t at_least)
{
    /* There are many arenas that stay for long: a third is the most that lies idle in a large one.
     */
    size_t cap = FIRST_BLOCK;
    while (cap < used / 2 && cap < LARGEST_BLOCK)
        cap *= 2;
    if (cap < at_least)
        cap = at_least;

    struct arena_block *block = malloc(sizeof *block + cap);
    if (block != NULL) {
        block->cap = cap;
        block->used = 0;
    }
    return block;
}

void *arena_alloc(struct arena *arena, size_t len)
{
    if (len > arena->max - arena->used) { /* used never exceeds max */
        arena->exhausted = true;
        return NULL;
    }
    size_t rounded = (len + alignof(max_align_t) - 1) / alignof(max_align_t) * alignof(max_align_t);

    struct arena_block *block = arena->blocks;
    if (block == NULL || block->cap - block->used < rounded) {
        block = block_new(arena->used, rounded);
        if (block == NULL) {
            arena->exhausted = true;
            return NULL;
        }
        block->older = arena->blocks;
        arena->blocks = block;
    }
    void *at = block->bytes + block->used;
    block->used += rounded;
    arena->used += len;
    return at;
}

void *arena_grow(struct arena *arena, void *items, size_t count, size_t *cap, size_t max,
                 size_t item)
{
    if (count < *cap)
        return items;
    size_t more = *cap == 0 ? FIRST_ITEMS : 2 * *cap;
    if (more > max)
        more = max;
    char *larger = count < more ? arena_alloc(arena, more * item) : NULL;
    if (larger == NULL)
        return NULL;
    if (count > 0)
        memcpy(larger, items, count * item);
    memset(larger + count * item, 0, (more - count) * item); /* nobody else's leftovers */
    *cap = more;
    return larger;
}

struct text arena_text(struct arena *arena, struct text text)
{
    if (text.len == 0)
        return (struct text){ 0 };
    char *copy = arena_alloc(arena, text.len);
    if (copy == NULL)
        return (struct text){ 0 };
    memcpy(copy, text.at, text.len);
    return (struct text){ .at = copy, .len = text.len };
}
