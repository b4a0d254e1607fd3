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

struct fragment_table {
    struct packet_counters *counters;
    uint64_t hash_key;
    uint32_t free, oldest, newest;
    uint32_t used; /* slots that were ever taken; the memory of the others is not touched */
    struct buffer *first, *last; /* handed out, in order of blocks */
    uint32_t buckets[BUCKETS];
    struct slot slots[LIMIT_FRAGMENT_DATAGRAMS + 1]; /* the first one is NONE */
};

struct fragment_table *fragment_table_new(uint64_t hash_key, struct packet_counters *counters)
{
    struct fragment_table *table = calloc(1, sizeof *table);
    if (table == NULL)
        return NULL;

    table->counters = counters;
    table->hash_key = hash_key;
    return table;
}

static uint32_t *bucket_of(struct fragment_table *table, const struct key *key)
{
    return &table->buckets[hash_bytes(key, sizeof *key, table->hash_key) % BUCKETS];
}

/* Takes a slot out of its bucket and of the order of age, and frees it with its buffer. */
static void slot_drop(struct fragment_table *table, uint32_t index)
{
    struct slot *slot = &table->slots[index];

    uint32_t *link = bucket_of(table, &slot->key);
    while (*link != index)
        link = &table->slots[*link].bucket_next;
    *link = slot->bucket_next;

    *(slot->older == NONE ? &table->oldest : &table->slots[slot->older].newer) = slot->newer;
    *(slot->newer == NONE ? &table->newest : &table->slots[slot->newer].older) = slot->older;

    free(slot->buffer);
    slot->buffer = NULL;
    slot->bucket_next = table->free;
    table->free = index;
}

void fragment_table_free(struct fragment_table *table)
{
    if (table == NULL)
        return;
    fragment_release(table, UINT64_MAX);
    while (table->oldest != NONE)
        slot_drop(table, table->oldest);
    free(table);
}

static uint32_t slot_find(struct fragment_table *table, const struct key *key)
{
    uint32_t index = *bucket_of(table, key);
    while (index != NONE && memcmp(&table->slots[index].key, key, sizeof *key) != 0)
        index = table->slots[index].bucket_next;
    return index;
}

static uint32_t slot_new(struct fragment_table *table, const struct key *key, int64_t clock_ns)
{
    if (table->free == NONE && table->used == LIMIT_FRAGMENT_DATAGRAMS) {
        slot_drop(table, table->oldest);
        table->counters->fragments_evicted++;
    }

    uint32_t index = table->free, *bucket = bucket_of(table, key);
    if (index == NONE)
        index = ++table->used;
    else
        table->free = table->slots[index].bucket_next;
    struct slot *slot = &table->slots[index];
    *slot = (struct slot){
        .key = *key,
        .begun_ns = clock_ns,
        .bucket_next = *bucket,
        .older = table->newest,
        .newer = NONE,
    };
    *bucket = index;
    *(table->newest == NONE ? &table->oldest : &table->slots[table->newest].newer) = index;
    table->newest = index;
    return index;
}

static void expire(struct fragment_table *table, int64_t clock_ns)
{
    while (table->oldest != NONE &&
           (uint64_t)clock_ns - (uint64_t)table->slots[table->oldest].begun_ns >
               LIMIT_FRAGMENT_NS) { /* the clock never falls, so this cannot wrap */
        slot_drop(table, table->oldest);
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
    struct slot *slot = &table->slots[index];
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
    slot_drop(table, index);
    return whole;
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

    expire(table, clock_ns);
    uint32_t index = slot_find(table, &key);
    if (!place_is_sound(index == NONE ? &unbegun : &table->slots[index], fragment))
        return FRAGMENT_BAD;
    if (index == NONE)
        index = slot_new(table, &key, clock_ns);

    struct slot *slot = &table->slots[index];
    uint32_t end = fragment->offset + (uint32_t)fragment->bytes.left;
    if (++slot->fragments > LIMIT_FRAGMENTS_PER_DATAGRAM || !slot_reserve(slot, end)) {
        slot_drop(table, index);
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
