/* SPDX-License-Identifier: Apache-2.0
 * flight.h - what became of the messages that a library was given and that the host still counts as
 * its own: those at the front of the host's next batch, in its order, known by their ids.
 *
 * A message has a number that stays; its index is its place in the host's batch.
 */
#ifndef FLIGHT_H
#define FLIGHT_H

#include "sender.h"

enum flight_state {
    FLIGHT_GROUNDED, /* not given to the library, or given back */
    FLIGHT_FLYING,
    FLIGHT_LANDED,
    FLIGHT_REFUSED,
    FLIGHT_LOST /* given back by a report: to be started again */
};

struct flight_entry {
    uint64_t id; /* a hash of the event's */
    enum flight_state state;
};

struct flight {
    struct flight_entry *entries;
    size_t count, room;
    uint64_t first; /* number of entry 0 */
};

void flight_init(struct flight *flight);
void flight_free(struct flight *flight);
/* No number given out before is known afterwards. */
void flight_clear(struct flight *flight);
/* Are those kept the messages at the front? */
bool flight_match(const struct flight *flight, const struct starttap_message *messages,
                  size_t count);
/* Entries for all messages; what was lost is on the ground again. False: no memory. */
bool flight_take(struct flight *flight, const struct starttap_message *messages, size_t count);
uint64_t flight_number(const struct flight *flight, size_t index);
void flight_start(struct flight *flight, size_t index);
void flight_report(struct flight *flight, uint64_t number, enum flight_state state);
void flight_lose_all(struct flight *flight); /* those that fly */

/* Of the first `count`. */
bool flight_is_grounded(const struct flight *flight, size_t index);
bool flight_is_flying(const struct flight *flight, size_t count);
size_t flight_open(const struct flight *flight, size_t count); /* neither landed nor refused */
bool flight_has_lost(const struct flight *flight);
/* Those at the front that landed or were refused leave. */
void flight_land(struct flight *flight, size_t count, size_t *landed, size_t *refused);

#endif
