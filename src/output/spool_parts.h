/* SPDX-License-Identifier: Apache-2.0
 * spool_parts.h - how a spool lies in memory and on disk; for spool*.c only.
 *
 *   head (one page) | slot 0 | slot 1 | …      slot: struct slot, then records one behind the other
 */
#ifndef SPOOL_PARTS_H
#define SPOOL_PARTS_H

#include <stdatomic.h>

#include "limits.h"
#include "spool.h"

enum lane { LANE_LEAST, LANE_SESSIONS, LANE_FINDINGS, LANE_COUNT };
enum { HEAD_BYTES = 4096, SLOT_HEAD_BYTES = 64 };

enum slot_state {
    SLOT_FREE,
    SLOT_READY,  /* has records; the writer may still append, or give it up */
    SLOT_PINNED, /* the reader is at it: not to be given up */
    SLOT_GOING   /* the writer gives it up */
};

struct slot {
    _Atomic uint32_t state;
    /* Changed by the writer while the slot is free, which a reader that looks may not know yet. */
    _Atomic uint32_t lane;
    _Atomic uint64_t number;        /* counts up: the order of the slots of a lane */
    uint64_t check;                 /* of lane and number */
    _Atomic uint32_t written, done; /* bytes of records: committed, and dealt with */
    _Atomic uint32_t sealed;        /* nothing more will be written to it */
};
_Static_assert(sizeof(struct slot) <= SLOT_HEAD_BYTES, "slot");

struct head {
    char magic[16];
    uint32_t slot_count, slot_bytes;
    _Atomic uint64_t end; /* records with a smaller sequence are all committed */
};

struct record {    /* copied in and out, never pointed at */
    uint32_t size; /* of all of it, a multiple of 8 */
    uint32_t len;  /* of the message's bytes */
    uint64_t check;
    uint64_t sequence;
    int64_t time_us;
    uint8_t dataset, severity, id_len, key_len;
    uint32_t zero;
}; /* then id, key and bytes, each with a NUL behind, and padding */

struct spool {
    char *map;
    size_t map_len;
    struct head *head;
    uint32_t slot_count, slot_bytes;
    int file, lock; /* -1: in memory */
    uint64_t damaged;
    /* the writer's */
    int active[LANE_COUNT]; /* -1: none */
    uint64_t next_sequence, next_number;
    _Atomic uint64_t given_up[SPOOL_DATASETS];
    struct slot *slot; /* of the record under way */
    uint32_t at;
    struct record record;
};

static inline struct slot *slot_at(const struct spool *spool, uint32_t index)
{
    void *at = spool->map + HEAD_BYTES + (size_t)index * spool->slot_bytes;
    return at;
}

static inline char *slot_records(struct slot *slot) { return (char *)slot + SLOT_HEAD_BYTES; }

static inline uint32_t slot_room(const struct spool *spool)
{
    return spool->slot_bytes - SLOT_HEAD_BYTES;
}

uint64_t slot_check(const struct slot *slot);
uint64_t record_check(const char *at, const struct record *record, uint64_t slot_number);
/* The record at `offset` of a slot in which `written` bytes are; false: none, or damaged. Anything
 * may stand there. `message` may be NULL. */
bool record_read(struct slot *slot, uint32_t offset, uint32_t written, struct record *record,
                 struct starttap_message *message);

#endif
