/* SPDX-License-Identifier: Apache-2.0
 * spool.c - records, and the writer's side.
 */
#include "spool.h"

#include <string.h>

#include "hash.h"
#include "spool_parts.h"

/* --- records --- */

uint64_t slot_check(const struct slot *slot)
{
    const uint64_t words[] = { atomic_load(&slot->lane), atomic_load(&slot->number) };
    return hash_bytes(words, sizeof words, 0);
}

uint64_t record_check(const char *at, const struct record *record, uint64_t slot_number)
{
    enum { FROM = offsetof(struct record, sequence) };
    uint64_t key = slot_number ^ (uint64_t)record->size << 32 ^ record->len;
    return hash_bytes(at + FROM, record->size - FROM, key);
}

bool record_read(struct slot *slot, uint32_t offset, uint32_t written, struct record *record,
                 struct starttap_message *message)
{
    if (written < offset || written - offset < sizeof *record)
        return false;
    const char *at = slot_records(slot) + offset;
    memcpy(record, at, sizeof *record);
    uint64_t id = record->id_len, key = record->key_len;
    if (record->size > written - offset || record->size % 8 != 0 ||
        sizeof *record + id + key + 3 + record->len > record->size ||
        record->dataset >= SPOOL_DATASETS ||
        record_check(at, record, atomic_load(&slot->number)) != record->check)
        return false;
    if (message == NULL)
        return true;
    at += sizeof *record;
    *message = (struct starttap_message){ .id = at,
                                          .key = at + id + 1,
                                          .bytes = at + id + 1 + key + 1,
                                          .len = record->len,
                                          .time_us = record->time_us,
                                          .dataset = record->dataset,
                                          .severity = record->severity };
    return at[id] == '\0' && at[id + 1 + key] == '\0';
}

/* --- slots --- */

static enum lane lane_of(uint8_t dataset)
{
    if (dataset == STARTTAP_DATASET_FINDING)
        return LANE_FINDINGS;
    return dataset == STARTTAP_DATASET_SESSION ? LANE_SESSIONS : LANE_LEAST;
}

static int find_free(const struct spool *spool)
{
    for (uint32_t i = 0; i < spool->slot_count; i++)
        if (atomic_load(&slot_at(spool, i)->state) == SLOT_FREE)
            return (int)i;
    return -1;
}

static void count_records(struct slot *slot, uint64_t counts[SPOOL_DATASETS])
{
    struct record record;
    uint32_t written = atomic_load(&slot->written), at = atomic_load(&slot->done);
    for (; record_read(slot, at, written, &record, NULL); at += record.size)
        counts[record.dataset]++;
}

/* The oldest slot of the lane that the reader is not at. */
static int give_up(struct spool *spool, enum lane lane)
{
    for (;;) {
        int oldest = -1;
        uint64_t least = UINT64_MAX;
        for (uint32_t i = 0; i < spool->slot_count; i++) {
            const struct slot *slot = slot_at(spool, i);
            if (atomic_load(&slot->state) != SLOT_READY || atomic_load(&slot->lane) != lane ||
                atomic_load(&slot->number) >= least)
                continue;
            least = atomic_load(&slot->number);
            oldest = (int)i;
        }
        if (oldest < 0)
            return -1;
        struct slot *slot = slot_at(spool, (uint32_t)oldest);
        uint32_t ready = SLOT_READY;
        if (!atomic_compare_exchange_strong(&slot->state, &ready, SLOT_GOING))
            continue; /* the reader has just come to it */
        uint64_t counts[SPOOL_DATASETS] = { 0 };
        count_records(slot, counts);
        for (int i = 0; i < SPOOL_DATASETS; i++)
            atomic_fetch_add(&spool->given_up[i], counts[i]);
        if (spool->active[lane] == oldest)
            spool->active[lane] = -1;
        atomic_store(&slot->state, SLOT_FREE);
        return oldest;
    }
}

static bool take_slot(struct spool *spool, enum lane lane, bool may_drop)
{
    int index = find_free(spool);
    for (int victim = 0; index < 0 && may_drop && victim < (int)lane; victim++)
        index = give_up(spool, (enum lane)victim);
    if (index < 0)
        return false;
    struct slot *slot = slot_at(spool, (uint32_t)index);
    atomic_store(&slot->lane, lane);
    atomic_store(&slot->number, spool->next_number++);
    slot->check = slot_check(slot);
    atomic_store(&slot->written, 0);
    atomic_store(&slot->done, 0);
    atomic_store(&slot->sealed, 0);
    atomic_store(&slot->state, SLOT_READY);
    spool->active[lane] = index;
    return true;
}

/* --- putting --- */

enum spool_put spool_room(struct spool *spool, const struct starttap_message *message,
                          bool may_drop, char **room)
{
    size_t id = strlen(message->id), key = strlen(message->key);
    id = id > UINT8_MAX ? UINT8_MAX : id;
    key = key > UINT8_MAX ? UINT8_MAX : key;
    size_t size = (sizeof(struct record) + id + key + 3 + message->len + 7) & ~(size_t)7;
    if (message->len > slot_room(spool) || size > slot_room(spool))
        return SPOOL_TOO_LONG;
    enum lane lane = lane_of(message->dataset);
    int active = spool->active[lane];
    if (active >= 0) {
        struct slot *slot = slot_at(spool, (uint32_t)active);
        if (slot_room(spool) - atomic_load(&slot->written) < size) {
            atomic_store(&slot->sealed, 1);
            active = spool->active[lane] = -1;
        }
    }
    if (active < 0 && !take_slot(spool, lane, may_drop))
        return SPOOL_FULL;
    spool->slot = slot_at(spool, (uint32_t)spool->active[lane]);
    spool->at = atomic_load(&spool->slot->written);
    spool->record = (struct record){ .size = (uint32_t)size,
                                     .len = (uint32_t)message->len,
                                     .sequence = spool->next_sequence,
                                     .time_us = message->time_us,
                                     .dataset = message->dataset,
                                     .severity = message->severity,
                                     .id_len = (uint8_t)id,
                                     .key_len = (uint8_t)key };
    char *at = slot_records(spool->slot) + spool->at;
    memset(at + size - 8, 0, 8);
    at += sizeof(struct record);
    memcpy(at, message->id, id);
    at[id] = '\0';
    memcpy(at + id + 1, message->key, key);
    at[id + 1 + key] = '\0';
    *room = at + id + 1 + key + 1;
    (*room)[message->len] = '\0';
    return SPOOL_PUT;
}

void spool_commit(struct spool *spool)
{
    char *at = slot_records(spool->slot) + spool->at;
    memcpy(at, &spool->record, sizeof spool->record);
    spool->record.check = record_check(at, &spool->record, atomic_load(&spool->slot->number));
    memcpy(at, &spool->record, sizeof spool->record);
    atomic_store(&spool->slot->written, spool->at + spool->record.size);
    atomic_store(&spool->head->end, ++spool->next_sequence);
}

uint64_t spool_given_up(const struct spool *spool, int dataset)
{
    return atomic_load(&spool->given_up[dataset]);
}

/* --- looking --- */

uint64_t spool_bytes_waiting(const struct spool *spool)
{
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < spool->slot_count; i++) {
        struct slot *slot = slot_at(spool, i);
        uint32_t written = atomic_load(&slot->written), done = atomic_load(&slot->done);
        if (atomic_load(&slot->state) != SLOT_FREE && written > done)
            bytes += written - done;
    }
    return bytes;
}

uint64_t spool_waiting(const struct spool *spool, uint64_t counts[SPOOL_DATASETS])
{
    for (uint32_t i = 0; counts != NULL && i < spool->slot_count; i++)
        if (atomic_load(&slot_at(spool, i)->state) != SLOT_FREE)
            count_records(slot_at(spool, i), counts);
    return spool_bytes_waiting(spool);
}

uint64_t spool_damaged(const struct spool *spool) { return spool->damaged; }
int spool_lock_fd(const struct spool *spool) { return spool->lock; }
