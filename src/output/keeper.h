/* SPDX-License-Identifier: Apache-2.0
 * keeper.h - the processes of the outputs:
 *
 *   starttap ── keeper ─┬─ sender of output 1     forked while the program has one thread only
 *                       ├─ sender of output 2
 *                       └─ spare                  takes the keeper's place when that is killed
 *
 * The keeper starts a sender again when it ends unexpectedly, after a pause that grows. A spare
 * that took over has a spare of its own, so only who kills both at once leaves the outputs without:
 * that is said, and what lies in spools on disk is for the next run. All end when the program
 * closes its end of a pipe, also by dying. Senders keep nothing open but their spool's lock,
 * standard error, and standard output where they write to it.
 */
#ifndef KEEPER_H
#define KEEPER_H

#include "channel.h"

struct keeper;

/* The channels are borrowed and start to deliver. NULL with the reason logged. */
struct keeper *keeper_start(struct channel *const *channels, size_t count);
bool keeper_is_alive(
    struct keeper *keeper); /* false: none is left; said once, and channels orphaned */
/* Lets every sender deliver what it has, up to its drain time (without progress, where events may
 * not be lost; else in all), then ends them. */
void keeper_end(struct keeper *keeper); /* accepts NULL */

#endif
