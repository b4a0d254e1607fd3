/* SPDX-License-Identifier: Apache-2.0
 * arena.h - memory that belongs to one session and is freed with it, in one step, up to a maximum.
 *
 * An arena at its maximum, or a machine out of memory, yields NULL: the fact is then left out and
 * the session says so. Nothing is freed singly.
 */
#ifndef ARENA_H
#define ARENA_H

#include <stdbool.h>
#include <stddef.h>

#include "text.h"

struct arena_block;

struct arena {
    struct arena_block *blocks; /* the first one has room yet */
    size_t used;                /* bytes handed out, in all blocks */
    size_t max;                 /* bytes that may be handed out */
    size_t blocks_bytes;        /* bytes of all blocks */
    bool tight;                 /* see arena_init_tight() */
    bool exhausted;             /* an allocation was refused; sticky */
};

void arena_init(struct arena *arena, size_t max);
/* For what stays for long, and there are many of: little lies idle, for more calls of malloc(). */
void arena_init_tight(struct arena *arena, size_t max);
void arena_free(
    struct arena *arena); /* accepts a zeroed arena; leaves one that can be used again */

/* All that was handed out is taken back; the largest block stays for what comes. */
void arena_reset(struct arena *arena);

/* len bytes aligned for any type, not cleared; NULL at the maximum. */
void *arena_alloc(struct arena *arena, size_t len);

/* Counts bytes that are kept elsewhere as if they were handed out; false at the maximum. */
bool arena_charge(struct arena *arena, size_t len);

/* Room for one item behind `count` in an array of the arena that holds *cap of them: the array
 * itself, or a copy with more room, up to max items. It begins as NULL with a cap of 0. NULL when
 * there is no room, and then the old one is as it was; what it leaves behind is lost to the arena.
 */
void *arena_grow(struct arena *arena, void *items, size_t count, size_t *cap, size_t max,
                 size_t item);

/* A copy of the text in the arena; an empty text when there is no room. */
struct text arena_text(struct arena *arena, struct text text);

#endif
