/* SPDX-License-Identifier: Apache-2.0
 * direct.h - messages collected for one send(), within this process: how captures are read into a
 * file or standard output. Used by one thread; may block.
 */
#ifndef DIRECT_H
#define DIRECT_H

#include <stdatomic.h>
#include <stdbool.h>

#include "spec.h"

struct direct;

/* Opens the output. NULL with the reason logged. The spec is borrowed; `stop` (may be NULL) ends
 * waiting for a full disk. */
struct direct *direct_new(const struct output_spec *spec, const char *sensor,
                          const atomic_bool *stop);
void direct_free(struct direct *direct); /* closes the output; accepts NULL */

/* Room for a message of message->len bytes, whose other members are copied; its bytes are written
 * there by the caller. NULL: the output is closed, or no memory. */
char *direct_room(struct direct *direct, const struct starttap_message *message);
/* Writes what was collected. */
void direct_send(struct direct *direct);

void *direct_self(const struct direct *direct);   /* what the output's open() gave */
bool direct_is_open(const struct direct *direct); /* false: the receiver went away, or failed */
uint64_t direct_delivered(const struct direct *direct);
/* Not delivered, by dataset. That it happened was logged. */
const uint64_t *direct_lost(const struct direct *direct);

#endif
