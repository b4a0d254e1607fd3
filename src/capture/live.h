/* SPDX-License-Identifier: Apache-2.0
 * live.h - interfaces as a source of frames. Linux.
 *
 * The capture's clock goes on when the line is silent: it then follows the machine's clock, so that
 * timers fire and what is found is told. An interface that goes away is waited for.
 */
#ifndef LIVE_H
#define LIVE_H

#include "run.h"

struct live;

/* NULL with a message logged when an interface cannot be watched. Names are borrowed. */
struct live *live_new(const char *const *names, size_t count,
                      const struct capture_options *options);
void live_free(struct live *live); /* accepts NULL */

/* Frames that came, or none after a tenth of a second. False: the run was stopped. */
bool live_fill(struct capture *capture, struct block *block);
const char *live_name(const struct live *live, uint32_t file);
void live_count(const struct live *live, struct capture_counters *counters); /* adds drops */

#endif
