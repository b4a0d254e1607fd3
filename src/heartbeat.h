/* SPDX-License-Identifier: Apache-2.0
 * heartbeat.h - what a run says of itself beside its events: the file of metrics.
 */
#ifndef HEARTBEAT_H
#define HEARTBEAT_H

#include "config.h"
#include "event.h"

struct heartbeat {
    const struct config *config; /* borrowed */
    int64_t start_s;
};

/* False: the metrics file cannot be written, logged. */
__attribute__((warn_unused_result)) bool heartbeat_begin(struct heartbeat *heartbeat,
                                                         const struct config *config);
/* The run is over, and these are its counters. */
__attribute__((warn_unused_result)) bool heartbeat_end(struct heartbeat *heartbeat,
                                                       const struct event_stats *stats);

#endif
