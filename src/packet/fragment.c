/* SPDX-License-Identifier: Apache-2.0
 * fragment.c - see fragment.h.
 *
 * Fixed slots, found through hash buckets, in one list by the time of their first fragment: its
 * head is at once the next to expire and the first to be evicted.
 *
 * A datagram grows in the buffer that it is handed out in. Handed-out buffers need no maximum of
 * their own: they hold bytes that came from the table, which is bounded, and from blocks that are
 * not released yet.
 */
#include "fragment.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "hash.h"
#include "limits.h"

#define UNIT 8u /* offsets count these */
#define UNITS ((LIMIT_FRAGMENT_BYTES + UNIT - 1) / UNIT)
#define BUCKETS LIMIT_FRAGMENT_DATAGRAMS
#define BUFFER_MIN 4096u
#define NONE 0u /* of indices: so a zeroed table is an empty one */

/* Compared and hashed as bytes, so it has no padding. */
struct key {
    struct address source, target;
    uint64_t path;
    uint32_t id, file, interface;
    uint32_t kind; /* version and protocol */
};
static_assert(sizeof(struct key) == 56, "a key has no padding");

struct buffer {
    struct buffer *next; /* handed out later */
    uint64_t block_sequence;
    uint8_t bytes[];
};

struct slot {
    struct key key;
    struct buffer *buffer;
    uint32_t cap;        /* of the buffer */
    uint32_t len;        /* of the datagram; 0 until the last fragment is seen */
    uint32_t end;        /* of the fragments so far */
    uint32_t units_have; /* bits set below */
    uint32_t fragments;
    uint8_t protocol; /* of the first fragment */
    int64_t begun_ns;
    uint32_t bucket_next; /* also links the free slots */
    uint32_t older, newer;
    uint64_t have[(UNITS + 63) / 64]; /* a bit a unit */
};

static const struct slot unbegun; /* nothing is known of a datagram before its first fragment */

/* The datagrams under way, of all tables that share them. The lock is taken once a fragment, which
 * is rare among packets. */
struct pool {
    pthread_mutex_t lock; /* all below */
    unsigned tables;
    uint64_t hash_key;
    int64_t clock_ns; /* of the table that is ahead */
    uint32_t free, oldest, newest;
    uint32_t used; /* slots that were ever taken; the memory of the others is not touched */
    uint32_t buckets[BUCKETS];
    struct slot slots[LIMIT_FRAGMENT_DATAGRAMS + 1]; /* the first one is NONE */
};

struct fragment_table {
    struct pool *pool;
    struct packet_counters *counters;
    struct buffer *first, *last; /* handed out, in order of blocks */
};

static struct pool *pool_new(uint64_t hash_key)
{
    struct pool *pool = calloc(1, sizeof *pool);
    if (pool == NULL)
        return NULL;
    if (pthread_mutex_init(&pool->lock, NULL) != 0) {
        free(pool);
        return NULL;
    }
    pool->hash_key = hash_key;
    pool->clock_ns = INT64_MIN;
    return pool;
}

static uint32_t *bucket_of(struct pool *pool, const struct key *key)
{
    return &pool->buckets[hash_bytes(key, sizeof *key, pool->hash_key) % BUCKETS];
}

/* Takes a slot out of its bucket and of the order of age, and frees it with its buffer. */
static void slot_drop(struct pool *pool, uint32_t index)
{
    struct slot *slot = &pool->slots[index];

    uint32_t *link = bucket_of(pool, &slot->key);
    while (*link != index)
        link = &pool->slots[*link].bucket_next;
    *link = slot->bucket_next;

    *(slot->older == NONE ? &pool->oldest : &pool->slots[slot->older].newer) = slot->newer;
    *(slot->newer == NONE ? &pool->newest : &pool->slots[slot->newer].older) = slot->older;

    free(slot->buffer);
    slot->buffer = NULL;
    slot->bucket_next = pool->free;
    pool->free = index;
}

static void pool_leave(struct pool *pool)
{
    pthread_mutex_lock(&pool->lock);
    unsigned left = --pool->tables;
    pthread_mutex_unlock(&pool->lock);
    if (left > 0)
        return;
    while (pool->oldest != NONE)
        slot_drop(pool, pool->oldest);
    pthread_mutex_destroy(&pool->lock);
    free(pool);
}

static struct fragment_table *table_of(struct pool *pool, struct packet_counters *counters)
{
    struct fragment_table *table = calloc(1, sizeof *table);
    if (table == NULL)
        return NULL;
    table->pool = pool;
    table->counters = counters;
    pthread_mutex_lock(&pool->lock);
    pool->tables++;
    pthread_mutex_unlock(&pool->lock);
    return table;
}

struct fragment_table *fragment_table_new(uint64_t hash_key, struct packet_counters *counters)
{
    struct pool *pool = pool_new(hash_key);
    struct fragment_table *table = pool != NULL ? table_of(pool, counters) : NULL;
    if (table == NULL)
        free(pool);
    return table;
}

struct fragment_table *fragment_table_sharing(struct fragment_table *other,
                                              struct packet_counters *counters)
{
    return table_of(other->pool, counters);
}

void fragment_table_free(struct fragment_table *table)
{
    if (table == NULL)
        return;
    fragment_release(table, UINT64_MAX);
    pool_leave(table->pool);
    free(table);
}

static uint32_t slot_find(struct pool *pool, const struct key *key)
{
    uint32_t index = *bucket_of(pool, key);
    while (index != NONE && memcmp(&pool->slots[index].key, key, sizeof *key) != 0)
        index = pool->slots[index].bucket_next;
    return index;
}

static uint32_t slot_new(struct fragment_table *table, const struct key *key)
{
    struct pool *pool = table->pool;
    if (pool->free == NONE && pool->used == LIMIT_FRAGMENT_DATAGRAMS) {
        slot_drop(pool, pool->oldest);
        table->counters->fragments_evicted++;
    }

    uint32_t index = pool->free, *bucket = bucket_of(pool, key);
    if (index == NONE)
        index = ++pool->used;
    else
        pool->free = pool->slots[index].bucket_next;
    struct slot *slot = &pool->slots[index];
    *slot = (struct slot){
        .key = *key,
        .begun_ns = pool->clock_ns,
        .bucket_next = *bucket,
        .older = pool->newest,
        .newer = NONE,
    };
    *bucket = index;
    *(pool->newest == NONE ? &pool->oldest : &pool->slots[pool->newest].newer) = index;
    pool->newest = index;
    return index;
}

static void expire(struct fragment_table *table, int64_t clock_ns)
{
    struct pool *pool = table->pool;
    if (clock_ns > pool->clock_ns)
        pool->clock_ns = clock_ns;
    while (pool->oldest != NONE &&
           (uint64_t)pool->clock_ns - (uint64_t)pool->slots[pool->oldest].begun_ns >
               LIMIT_FRAGMENT_NS) { /* this clock never falls, so it cannot wrap */
        slot_drop(pool, pool->oldest);
        table->counters->fragments_expired++;
    }
}

/* Room for `need` bytes of the datagram. */
static bool slot_reserve(struct slot *slot, uint32_t need)
{
    if (need <= slot->cap)
        return true;

    uint32_t cap = slot->cap < BUFFER_MIN ? BUFFER_MIN : slot->cap;
    while (cap < need)
        cap *= 2;
    struct buffer *buffer = realloc(slot->buffer, sizeof *buffer + cap);
    if (buffer == NULL)
        return false;
    slot->buffer = buffer;
    slot->cap = cap;
    return true;
}

/* Copies the units that are not there yet. Only a last unit may be short, and then it ends the
 * datagram. */
static void slot_paint(struct slot *slot, uint32_t offset, struct reader bytes)
{
    assert(slot->buffer != NULL);
    for (uint32_t unit = offset / UNIT; reader_more(&bytes); unit++) {
        uint64_t bit = UINT64_C(1) << (unit % 64);
        struct reader piece = reader_take(&bytes, bytes.left < UNIT ? bytes.left : UNIT);
        if (piece.at == NULL || (slot->have[unit / 64] & bit) != 0)
            continue;
        slot->have[unit / 64] |= bit;
        slot->units_have++;
        memcpy(&slot->buffer->bytes[(size_t)unit * UNIT], piece.at, piece.left);
    }
}

/* Whether the fragment's place fits itself and what other fragments said of the datagram. */
static bool place_is_sound(const struct slot *slot, const struct fragment *fragment)
{
    uint64_t end = fragment->offset + (uint64_t)fragment->bytes.left;
    if (fragment->bytes.left == 0 || end > LIMIT_FRAGMENT_BYTES)
        return false;
    if (fragment->more && fragment->bytes.left % UNIT != 0)
        return false;
    if (slot->len != 0)
        return fragment->more ? end <= slot->len : end == slot->len;
    return fragment->more || end >= slot->end;
}

/* Moves the buffer from the slot to those handed out. */
static struct datagram slot_take(struct fragment_table *table, uint32_t index,
                                 uint64_t block_sequence)
{
    struct slot *slot = &table->pool->slots[index];
    struct buffer *buffer = realloc(slot->buffer, sizeof *buffer + slot->len);
    if (buffer == NULL)
        buffer = slot->buffer; /* could not shrink: the larger one does */
    slot->buffer = NULL;

    buffer->next = NULL;
    buffer->block_sequence = block_sequence;
    if (table->last == NULL)
        table->first = buffer;
    else
        table->last->next = buffer;
    table->last = buffer;

    struct datagram whole = {
        .bytes = reader_of(buffer->bytes, slot->len),
        .protocol = slot->protocol,
    };
    slot_drop(table->pool, index);
    return whole;
}

/* With the pool's lock held. */
static enum fragment_result add(struct fragment_table *table, const struct key *key,
                                const struct fragment *fragment, uint64_t block_sequence,
                                struct datagram *whole)
{
    struct pool *pool = table->pool;
    uint32_t index = slot_find(pool, key);
    if (!place_is_sound(index == NONE ? &unbegun : &pool->slots[index], fragment))
        return FRAGMENT_BAD;
    if (index == NONE)
        index = slot_new(table, key);

    struct slot *slot = &pool->slots[index];
    uint32_t end = fragment->offset + (uint32_t)fragment->bytes.left;
    if (++slot->fragments > LIMIT_FRAGMENTS_PER_DATAGRAM || !slot_reserve(slot, end)) {
        slot_drop(pool, index);
        table->counters->fragments_evicted++;
        return FRAGMENT_KEPT;
    }

    if (fragment->offset == 0)
        slot->protocol = fragment->protocol;
    if (!fragment->more)
        slot->len = end;
    if (end > slot->end)
        slot->end = end;
    slot_paint(slot, fragment->offset, fragment->bytes);
    if (slot->len == 0 || slot->units_have < (slot->len + UNIT - 1) / UNIT)
        return FRAGMENT_KEPT;

    *whole = slot_take(table, index, block_sequence);
    table->counters->fragments_joined++;
    return FRAGMENT_WHOLE;
}

enum fragment_result fragment_add(struct fragment_table *table, const struct fragment *fragment,
                                  int64_t clock_ns, uint64_t block_sequence, struct datagram *whole)
{
    const struct key key = {
        .source = fragment->source,
        .target = fragment->target,
        .path = fragment->path,
        .id = fragment->id,
        .file = fragment->file,
        .interface = fragment->interface,
        .kind =
            (uint32_t)fragment->version << 8 | (fragment->version == 4 ? fragment->protocol : 0),
    };

    pthread_mutex_lock(&table->pool->lock);
    expire(table, clock_ns);
    enum fragment_result result = add(table, &key, fragment, block_sequence, whole);
    pthread_mutex_unlock(&table->pool->lock);
    return result;
}

void fragment_release(struct fragment_table *table, uint64_t block_sequence)
{
    while (table->first != NULL && table->first->block_sequence <= block_sequence) {
        struct buffer *buffer = table->first;
        table->first = buffer->next;
        free(buffer);
    }
    if (table->first == NULL)
        table->last = NULL;
}
