/* SPDX-License-Identifier: Apache-2.0
 * worker.h - a set of shards and what they need: packets in, events out. Used by one thread at a
 * time.
 *
 * Shard i belongs to worker i % count, whole, so what a shard does never depends on how many
 * workers there are.
 */
#ifndef WORKER_H
#define WORKER_H

#include "event.h"
#include "excerpt.h"

struct worker_options {
    uint64_t hash_key;
    struct shard_options shard; /* of each shard */
    struct session_options session;
    struct event_options event;
    struct trust_store *store; /* may be NULL */
    size_t cache_chains;
    uint64_t new_chains; /* a second, of all shards together; 0: no bound */
    unsigned datasets;   /* bits 1 << enum event_dataset: which events are wanted */
    const struct detect *detect;
    enum starttap_severity least; /* of findings that are written */
    struct excerpt *excerpt;      /* told of every record; NULL: nobody asked. One worker only */
};

struct worker;

struct worker *worker_new(const struct worker_options *options, unsigned index,
                          unsigned count); /* options are borrowed */
void worker_free(struct worker *worker);

void worker_packet(struct worker *worker, unsigned shard,
                   const struct packet *packet);              /* a shard of this worker's */
void worker_advance(struct worker *worker, int64_t clock_ns); /* all of its shards */
void worker_finish(struct worker *worker, int64_t clock_ns);
/* Goes by other options from here on, borrowed as the first ones: the former may go once all events
 * made before are written. What was made by the former ones stays: hash_key, shard (but for what it
 * borrows), cache_chains and new_chains have no effect. Sessions under way go on. */
void worker_switch(struct worker *worker, const struct worker_options *next);
struct event *
worker_take_events(struct worker *worker); /* since the last call; the caller owns the list */

/* Adds this worker's counters to those of the run. */
void worker_count(const struct worker *worker, struct event_stats *stats);
/* Adds counters that another call of worker_count() filled. */
void worker_add_counts(struct event_stats *sum, const struct event_stats *more);

#endif
