/* SPDX-License-Identifier: Apache-2.0
 * live.h - interfaces as a source of frames, with one or more readers each. Linux.
 *
 * A reader's clock goes on when its line is silent: it then follows the machine's clock, so that
 * timers fire and what is found is told. An interface that goes away is waited for. When the run is
 * stopped, what is in the rings by then is still delivered.
 */
#ifndef LIVE_H
#define LIVE_H

#include "run.h"

struct live;

/* NULL with a message logged when an interface cannot be watched. Names are borrowed. */
struct live *live_new(const char *const *names, size_t count,
                      const struct capture_options *options);
void live_free(struct live *live); /* accepts NULL */

/* Frames that came, or none after a twentieth of a second. False: the run was stopped. One thread a
 * reader. */
bool live_fill(struct live *live, unsigned index, struct block *block);
/* Whether the readers ended because the machine's clock was set back. If so they may begin anew,
 * with that clock; no reader may be at work. */
bool live_begin_anew(struct live *live);
unsigned live_parts(const struct live *live); /* readers of all interfaces */
const char *live_name(const struct live *live, uint32_t file);
size_t live_lines(struct live *live, struct capture_line *lines, size_t cap); /* the same */
struct capture_counters live_counters(struct live *live);                     /* from any thread */

#endif
