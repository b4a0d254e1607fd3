/* SPDX-License-Identifier: Apache-2.0
 * spool_read.c - the reader's side: three lanes merged by the number of their messages.
 */
#include <stdlib.h>

#include "spool_parts.h"

struct place { /* behind a message of the last batch */
    enum lane lane;
    uint32_t offset;
};

struct spool_reader {
    struct spool *spool;
    struct slot *slots[LANE_COUNT]; /* pinned; NULL: none */
    struct place places[LIMIT_SENDER_BATCH];
    size_t count;
};

struct spool_reader *spool_reader_new(struct spool *spool)
{
    struct spool_reader *reader = calloc(1, sizeof *reader);
    if (reader == NULL)
        return NULL;
    reader->spool = spool;
    for (uint32_t i = 0; i < spool->slot_count; i++) { /* a reader that died was there */
        struct slot *slot = slot_at(spool, i);
        uint32_t lane = atomic_load(&slot->lane);
        if (atomic_load(&slot->state) == SLOT_PINNED && lane < LANE_COUNT)
            reader->slots[lane] = slot;
    }
    return reader;
}

void spool_reader_free(struct spool_reader *reader) { free(reader); }

/* Between looking and pinning the writer may have given the slot up and taken it for something
 * else: then it is not what was looked for, and is put back. */
static bool pin(struct slot *slot, enum lane lane, uint64_t number)
{
    uint32_t ready = SLOT_READY;
    if (!atomic_compare_exchange_strong(&slot->state, &ready, SLOT_PINNED))
        return false;
    if (atomic_load(&slot->lane) == lane && atomic_load(&slot->number) == number)
        return true;
    atomic_store(&slot->state, SLOT_READY);
    return false;
}

static struct slot *find_oldest(const struct spool *spool, enum lane lane, uint64_t *number)
{
    struct slot *oldest = NULL;
    *number = UINT64_MAX;
    for (uint32_t i = 0; i < spool->slot_count; i++) {
        struct slot *slot = slot_at(spool, i);
        uint64_t its = atomic_load(&slot->number);
        if (atomic_load(&slot->state) != SLOT_READY || atomic_load(&slot->lane) != lane ||
            its >= *number)
            continue;
        *number = its;
        oldest = slot;
    }
    return oldest;
}

/* Looked for twice: while we looked the writer may have taken slots that we were past, and then
 * the one that was found. Those that are older than it are there when it is seen. */
static struct slot *pin_oldest(const struct spool *spool, enum lane lane)
{
    uint64_t number, again;
    for (;;) {
        struct slot *oldest = find_oldest(spool, lane, &number);
        if (oldest == NULL)
            return NULL;
        if (find_oldest(spool, lane, &again) == oldest && again == number &&
            pin(oldest, lane, number))
            return oldest;
    }
}

/* Is all of it dealt with, for good? `sealed` is looked at first: what is written before it is set
 * is all there is. */
static bool is_over(struct slot *slot)
{
    return atomic_load(&slot->sealed) != 0 &&
           atomic_load(&slot->done) >= atomic_load(&slot->written);
}

static bool let_go(struct spool_reader *reader, enum lane lane)
{
    struct slot *slot = reader->slots[lane];
    if (slot == NULL || !is_over(slot))
        return false;
    reader->slots[lane] = NULL;
    atomic_store(&slot->state, SLOT_FREE);
    return true;
}

struct heads { /* the next record of each lane */
    uint32_t offset[LANE_COUNT];
    struct record record[LANE_COUNT];
    struct starttap_message message[LANE_COUNT];
    bool there[LANE_COUNT];
};

/* False: the lane goes on in a slot that is not looked at yet, so nothing behind can be ordered. */
static bool look(struct spool_reader *reader, struct heads *heads, enum lane lane)
{
    struct slot *slot = reader->slots[lane];
    heads->there[lane] = false;
    if (slot == NULL)
        return true;
    bool sealed = atomic_load(&slot->sealed) != 0;
    uint32_t written = atomic_load(&slot->written), at = heads->offset[lane];
    if (at >= written)
        return !sealed;
    heads->there[lane] =
        record_read(slot, at, written, &heads->record[lane], &heads->message[lane]);
    if (heads->there[lane])
        return true;
    /* Damaged while we run: what is behind it cannot be found. */
    heads->offset[lane] = written;
    if (atomic_load(&slot->done) == at)
        atomic_store(&slot->done, written);
    return !sealed;
}

/* Goes to where the messages begin that are not done. */
static bool begin(struct spool_reader *reader, struct heads *heads)
{
    bool ordered = true;
    for (int lane = 0; lane < LANE_COUNT; lane++) {
        (void)let_go(reader, (enum lane)lane);
        if (reader->slots[lane] == NULL)
            reader->slots[lane] = pin_oldest(reader->spool, (enum lane)lane);
        if (reader->slots[lane] != NULL)
            heads->offset[lane] = atomic_load(&reader->slots[lane]->done);
        ordered = look(reader, heads, (enum lane)lane) && ordered;
    }
    return ordered;
}

size_t spool_reader_next(struct spool_reader *reader, struct starttap_message *messages,
                         size_t most, size_t most_bytes)
{
    /* Read first: all records below are committed, and slots they lie in are to be seen. */
    uint64_t end = atomic_load(&reader->spool->head->end);
    struct heads heads = { 0 };
    size_t bytes = 0;
    bool ordered = begin(reader, &heads);
    for (int i = 0; !ordered && i < LANE_COUNT; i++) /* a slot was sealed just now, or damaged */
        ordered = begin(reader, &heads);
    reader->count = 0;
    most = most > LIMIT_SENDER_BATCH ? LIMIT_SENDER_BATCH : most;
    while (ordered && reader->count < most) {
        int first = -1;
        for (int lane = 0; lane < LANE_COUNT; lane++)
            if (heads.there[lane] && heads.record[lane].sequence < end &&
                (first < 0 || heads.record[lane].sequence < heads.record[first].sequence))
                first = lane;
        if (first < 0 || (reader->count > 0 && bytes + heads.record[first].len > most_bytes))
            break;
        bytes += heads.record[first].len;
        heads.offset[first] += heads.record[first].size;
        messages[reader->count] = heads.message[first];
        reader->places[reader->count++] = (struct place){ (enum lane)first, heads.offset[first] };
        ordered = look(reader, &heads, (enum lane)first);
    }
    return reader->count;
}

bool spool_reader_done(struct spool_reader *reader, size_t count)
{
    bool freed = false;
    for (size_t i = 0; i < count && i < reader->count; i++) {
        const struct place *place = &reader->places[i];
        atomic_store(&reader->slots[place->lane]->done, place->offset);
    }
    for (int lane = 0; lane < LANE_COUNT; lane++)
        freed = let_go(reader, (enum lane)lane) || freed;
    reader->count = 0;
    return freed;
}
