/* SPDX-License-Identifier: Apache-2.0
 * progress.h - how far reading has come, on standard error, only on a terminal and only when it
 * takes over a second.
 *
 * The one place that looks at the machine's clock: it changes what a person sees, never an event.
 */
#ifndef PROGRESS_H
#define PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

#include "capture.h"

struct progress {
    bool enabled;
    bool shown;
    int64_t started_ms, last_ms;
};

void progress_init(struct progress *progress, bool quiet);
void progress_step(void *progress,
                   const struct capture_counters *counters); /* fits pipeline_options.progress */
void progress_end(struct progress *progress);                /* takes the line away again */

#endif
