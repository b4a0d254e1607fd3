/* SPDX-License-Identifier: Apache-2.0
 * order.h - the one place where events of all workers come together: sorted, numbered, handed to
 * the outputs.
 *
 * The order is total (event_key_compare) and, from files, the same for any number of workers and
 * any cut of the input into blocks: an event is written only when the capture's clock has passed
 * its time, so that no earlier one can follow.
 */
#ifndef ORDER_H
#define ORDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "output.h"

struct order;

struct order *order_new(struct output *const *outputs, size_t count,
                        unsigned datasets); /* datasets as in output_options */
void order_free(struct order *order);

/* Called with the facts of each judged session, in order; returns a list of finding events that it
 * gives away. */
typedef struct event *(*order_neighbours)(void *to, struct facts *facts);
void order_set_neighbours(struct order *order, order_neighbours judge, void *to);

/* Findings repeated within the interval are counted, see recent.h; 0: each is written. Changed in a
 * run, it holds for what is counted already. False: out of memory. */
__attribute__((warn_unused_result)) bool order_set_interval(struct order *order,
                                                            int64_t interval_ns);
uint64_t order_suppressed(const struct order *order); /* repetitions that were not written */

/* Takes a list of events (linked by next, in any order), which it then owns. */
void order_add(struct order *order, struct event *events);
/* The capture's clock is at this instant: what is older is written. */
void order_release(struct order *order, int64_t clock_ns);
/* Nothing more will come: all is written. */
void order_finish(struct order *order);

uint64_t order_written(const struct order *order);
size_t order_waiting(const struct order *order); /* events, for their turn */
bool order_wanted(const struct order *order);    /* false: every output is gone */

#endif
