/* SPDX-License-Identifier: Apache-2.0
 * arena.c - bump allocation in a list of blocks, up to 16 KiB each if what is asked for is not
 * larger.
 */
#include "arena.h"

#include <assert.h>
#include <stdalign.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct arena_block {
    struct arena_block *older;
    uint32_t cap, used; /* short, because small blocks are many */
    alignas(max_align_t) unsigned char bytes[];
};

enum { FIRST_BLOCK = 1024, TIGHT_BLOCK = 128, LARGEST_BLOCK = 16 * 1024 };
enum { FIRST_ITEMS = 4, FIRST_LARGE_ITEMS = 2, LARGE_ITEM = 48 };

void arena_init(struct arena *arena, size_t max)
{
    assert(max <= UINT32_MAX / 2);
    *arena = (struct arena){ .max = max };
}

void arena_init_tight(struct arena *arena, size_t max)
{
    assert(max <= UINT32_MAX / 2);
    *arena = (struct arena){ .max = max, .tight = true };
}

/* Nothing handed out, and no blocks. */
static void begin(struct arena *arena)
{
    *arena = (struct arena){ .max = arena->max, .tight = arena->tight };
}

void arena_free(struct arena *arena)
{
    struct arena_block *block = arena->blocks;
    while (block != NULL) {
        struct arena_block *older = block->older;
        free(block);
        block = older;
    }
    begin(arena);
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
    begin(arena);
    if (largest == NULL)
        return;
    largest->older = NULL;
    largest->used = 0;
    arena->blocks = largest;
    arena->blocks_bytes = largest->cap;
}

/* A third is the most that lies idle in a large arena; in a tight one a sixteenth, and what several
 * steps of growth leave behind. */
static struct arena_block *block_new(const struct arena *arena, size_t at_least)
{
    size_t cap = arena->tight ? TIGHT_BLOCK : FIRST_BLOCK;
    size_t part = arena->tight ? arena->blocks_bytes / 16 : arena->blocks_bytes / 2;
    while (cap < part && cap < LARGEST_BLOCK)
        cap += arena->tight ? TIGHT_BLOCK : cap;
    if (cap < at_least)
        cap = at_least;

    struct arena_block *block = malloc(sizeof *block + cap);
    if (block != NULL) {
        block->cap = (uint32_t)cap;
        block->used = 0;
    }
    return block;
}

bool arena_charge(struct arena *arena, size_t len)
{
    if (len > arena->max - arena->used) {
        arena->exhausted = true;
        return false;
    }
    arena->used += len;
    return true;
}

/* One that will be full at once goes behind the newest, which may have room yet. */
static void block_add(struct arena *arena, struct arena_block *block, size_t for_now)
{
    bool full = block->cap == for_now && arena->blocks != NULL;
    struct arena_block **place = full ? &arena->blocks->older : &arena->blocks;
    block->older = *place;
    *place = block;
    arena->blocks_bytes += block->cap;
}

/* A new block for these bytes; NULL: out of memory. */
static struct arena_block *block_for(struct arena *arena, size_t len)
{
    struct arena_block *block = block_new(arena, len);
    if (block == NULL) {
        arena->exhausted = true;
        return NULL;
    }
    block_add(arena, block, len);
    return block;
}

/* Text needs no alignment: many short ones lie close together. */
static inline void *take(struct arena *arena, size_t len, size_t align)
{
    if (len > arena->max - arena->used) { /* used never exceeds max */
        arena->exhausted = true;
        return NULL;
    }
    struct arena_block *block = arena->blocks;
    size_t at = block == NULL ? 0 : (block->used + align - 1) & ~(align - 1);
    if (block == NULL || at + len > block->cap) { /* neither is anywhere near SIZE_MAX */
        block = block_for(arena, len);
        at = 0;
        if (block == NULL)
            return NULL;
    }
    block->used = (uint32_t)(at + len);
    arena->used += len;
    return block->bytes + at;
}

void *arena_alloc(struct arena *arena, size_t len)
{
    return take(arena, len, alignof(max_align_t));
}

void *arena_grow(struct arena *arena, void *items, size_t count, size_t *cap, size_t max,
                 size_t item)
{
    if (count < *cap)
        return items;
    size_t more = *cap == 0 ? (item < LARGE_ITEM ? FIRST_ITEMS : FIRST_LARGE_ITEMS) : 2 * *cap;
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
    char *copy = take(arena, text.len, 1);
    if (copy == NULL)
        return (struct text){ 0 };
    memcpy(copy, text.at, text.len);
    return (struct text){ .at = copy, .len = text.len };
}
