/* SPDX-License-Identifier: Apache-2.0
 * arena.c - bump allocation in a list of blocks that double up to 16 KiB.
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

enum { FIRST_BLOCK = 1024, LARGEST_BLOCK = 16 * 1024 };

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

static struct arena_block *block_new(const struct arena_block *before, size_t at_least)
{
    /* By their number, not by their size: behind one large object there may be little more. */
    size_t cap = FIRST_BLOCK;
    for (; before != NULL && cap < LARGEST_BLOCK; before = before->older)
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
        block = block_new(arena->blocks, rounded);
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
