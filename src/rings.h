/* SPDX-License-Identifier: Apache-2.0
 * rings.h - batches of several readers, merged by time for each of several workers.
 *
 *   reader 0: [ batch | batch | batch | …  ] --+     worker 0: its packets of all rings, by clock
 *   reader 1: [ batch |       |       |    ] --+-->  worker 1: …
 *   …               bounded, LIMIT_RING_BLOCKS       …
 *
 * All workers read the same batches, nothing is copied; a batch is free when every worker is past
 * it. The packets of each ring come in order of their clock, and a ring's clock is a promise that
 * nothing earlier follows in it. So a worker may take all packets up to the lowest clock of all
 * rings, the earliest first, and its own clock never falls. The two directions of a flow that came
 * through different sockets are put together here.
 *
 * Nobody waits for ever. A worker waits only for a ring's clock, a reader only for room in its own
 * ring. The ring with the lowest clock can always be emptied, so its reader gets room and goes on;
 * a reader that hears nothing goes on with the time (a batch of no frames takes no room). What is
 * left is a clock that cannot rise because the machine's was set back: after RING_STUCK batches
 * without a rise a ring takes over the highest clock of all.
 */
#ifndef RINGS_H
#define RINGS_H

#include "batch.h"
#include "event.h"

#define RING_STUCK 16u

struct rings;

struct rings *rings_new(unsigned readers, unsigned workers,
                        unsigned room); /* batches in each ring; NULL: out of memory */
void rings_free(struct rings *rings);

/* --- a reader's side; each has one thread --- */

/* Waits for room, then: the batch to fill. *number is its number in the ring, *passed how many
 * batches before it nobody uses any more (packet_decoder_release()). */
struct batch *rings_take(struct rings *rings, unsigned reader, uint64_t *number, uint64_t *passed);
/* Hands the batch over, with its packets and its block's clock. */
void rings_put(struct rings *rings, unsigned reader);
/* Nothing more comes. A batch that was taken and not put is dropped. */
void rings_leave(struct rings *rings, unsigned reader);

/* --- a worker's side; each has one thread --- */

/* Waits until there may be something to do. False: all readers have left, and all was taken. */
bool rings_wait(struct rings *rings, unsigned worker);
/* The next packet of a shard of this worker (shard % workers), NULL when it is rings_done()'s turn.
 * Valid until then. */
const struct packet *rings_next(struct rings *rings, unsigned worker, unsigned *shard);
/* All that rings_next() gave was worked on. Returns the clock up to which that is: nothing earlier
 * follows. *last: nothing follows at all, and the clock is the highest that there was. */
int64_t rings_done(struct rings *rings, unsigned worker, bool *last);

void rings_count(struct rings *rings, struct event_queues *queues); /* adds; from any thread */

#endif
