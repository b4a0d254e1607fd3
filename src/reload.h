/* SPDX-License-Identifier: Apache-2.0
 * reload.h - SIGHUP in a run of interfaces: configuration, lists, policy and certification
 * authorities are read anew, and the run goes on without losing a packet.
 *
 * What is read makes a generation. It is made on a thread of its own, since loading authorities
 * takes a tenth of a second; workers take it over between two batches (pipeline_switch()), and the
 * former one is freed once the last event that was made with it has been written. So there are two
 * at most. If anything cannot be read, all of it is refused and the former one stays.
 *
 * Who borrows what of a generation:
 *   workers           the options; of them sessions the policy (names of servers). No session keeps
 *                     any of it from one call to the next.
 *   x509 caches       the store, by x509_cache_switch(): verdicts made with a former one are not
 * used struct finding    its words, until its event is made, within the same call of the worker
 *   neighbours        (ordered thread) detectors: changed by reload_tick(), on that thread
 *   heartbeat         (ordered thread) the configuration, likewise
 * What does not borrow of it: events and facts own their texts; struct found points into the tables
 * of detectors, which are loaded once for the whole run (detect_renew()), as is their state; shards
 * and mail ports point into the configuration of the start, which stays until the end.
 */
#ifndef RELOAD_H
#define RELOAD_H

#include "heartbeat.h"
#include "pipeline.h"
#include "setup.h"

struct reload; /* opaque */

/* `run`, `first` and `heartbeat` are in use from the start, and borrowed. NULL: out of memory. */
struct reload *reload_new(struct run *run, const struct worker_options *first,
                          struct heartbeat *heartbeat);
/* On the ordered thread, some ten times a second: sees to what SIGHUP asked for. */
void reload_tick(struct reload *reload, struct pipeline *pipeline);
/* After the pipeline. Detectors, store and configuration in force stay in use. */
void reload_settle(struct reload *reload);
void reload_free(
    struct reload *reload); /* accepts NULL; frees what is in force, if it is its own */

#endif
