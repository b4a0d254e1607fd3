/* SPDX-License-Identifier: Apache-2.0
 * intern.c - a hash table of counted copies.
 */
#include "intern.h"

#include <assert.h>
#include <stdalign.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "hash.h"

struct copy {
    struct copy *next; /* in its bucket */
    uint64_t hash;
    uint32_t holders;
    bool listed; /* in the table; false: its bucket was full, and it has one holder for ever */
    size_t len;
    alignas(max_align_t) unsigned char bytes[];
};

struct intern {
    uint64_t key;
    struct copy **buckets;
    size_t bucket_count, count; /* a power of two; copies, listed or not */
};

/* Chance alone stays far below: whoever knows the key must not make every search a long walk. */
enum { FIRST_BUCKETS = 64, BUCKET_COPIES = 32 };

struct intern *intern_new(uint64_t key)
{
    struct intern *intern = calloc(1, sizeof *intern);
    if (intern == NULL)
        return NULL;
    intern->key = key;
    intern->bucket_count = FIRST_BUCKETS;
    intern->buckets = calloc(FIRST_BUCKETS, sizeof *intern->buckets);
    if (intern->buckets == NULL) {
        free(intern);
        return NULL;
    }
    return intern;
}

void intern_free(struct intern *intern)
{
    if (intern == NULL)
        return;
    for (size_t i = 0; i < intern->bucket_count; i++) {
        for (struct copy *copy = intern->buckets[i]; copy != NULL;) { /* of who was given up */
            struct copy *next = copy->next;
            free(copy);
            copy = next;
        }
    }
    free(intern->buckets);
    free(intern);
}

static struct copy **bucket_of(const struct intern *intern, uint64_t hash)
{
    return &intern->buckets[hash & (intern->bucket_count - 1)];
}

static void grow(struct intern *intern)
{
    struct copy **old = intern->buckets;
    size_t old_count = intern->bucket_count;
    struct copy **buckets = calloc(old_count * 2, sizeof *buckets);
    if (buckets == NULL)
        return; /* slower, not wrong */
    intern->buckets = buckets;
    intern->bucket_count = old_count * 2;
    for (size_t i = 0; i < old_count; i++) {
        for (struct copy *copy = old[i]; copy != NULL;) {
            struct copy *next = copy->next, **bucket = bucket_of(intern, copy->hash);
            copy->next = *bucket;
            *bucket = copy;
            copy = next;
        }
    }
    free(old);
}

const void *intern_hold(struct intern *intern, const void *bytes, size_t len)
{
    uint64_t hash = hash_bytes(bytes, len, intern->key);
    struct copy *copy = *bucket_of(intern, hash);
    unsigned met = 0;
    for (; copy != NULL; copy = copy->next, met++) {
        if (copy->hash != hash || copy->len != len || memcmp(copy->bytes, bytes, len) != 0 ||
            copy->holders == UINT32_MAX)
            continue;
        copy->holders++;
        return copy->bytes;
    }

    copy = malloc(sizeof *copy + len);
    if (copy == NULL)
        return NULL;
    *copy = (struct copy){ .hash = hash, .holders = 1, .listed = met < BUCKET_COPIES, .len = len };
    memcpy(copy->bytes, bytes, len);
    intern->count++;
    if (!copy->listed)
        return copy->bytes;
    if (intern->count > intern->bucket_count)
        grow(intern);
    struct copy **bucket = bucket_of(intern, hash);
    copy->next = *bucket;
    *bucket = copy;
    return copy->bytes;
}

void intern_release(struct intern *intern, const void *held)
{
    if (held == NULL)
        return;
    struct copy *copy = (struct copy *)((const unsigned char *)held - offsetof(struct copy, bytes));
    assert(copy->holders > 0);
    if (--copy->holders > 0)
        return;
    if (copy->listed) {
        struct copy **link = bucket_of(intern, copy->hash);
        while (*link != copy)
            link = &(*link)->next;
        *link = copy->next;
    }
    intern->count--;
    free(copy);
}

size_t intern_count(const struct intern *intern) { return intern->count; }
