/* SPDX-License-Identifier: Apache-2.0
 * heartbeat.h - what a run says of itself: counters as events and as a file of metrics, from time
 * to time while interfaces are watched and at the end, and once what was seen in the first minute.
 */
#ifndef HEARTBEAT_H
#define HEARTBEAT_H

#include "limits.h"
#include "pipeline.h"
#include "remarks.h"
#include "setup.h"

struct heartbeat {
    const struct run *run;
    const struct config *config; /* in force, see reload.h */
    const struct event_options *event;
    int64_t start_ns;          /* by the machine's clock */
    int64_t begun_ns, last_ns; /* by the one that is never set: the beginning, the last counters */
    unsigned asked;            /* signals that were answered */
    bool first_told;
    uint32_t told; /* events with counters */
    struct event_output outputs[MOST_OUTPUTS];
};

/* `event` is borrowed. False: the metrics file cannot be written, logged. */
__attribute__((warn_unused_result)) bool heartbeat_begin(struct heartbeat *heartbeat,
                                                         const struct run *run,
                                                         const struct event_options *event);
/* On the ordered thread, some ten times a second: tells what is due. */
void heartbeat_tick(struct heartbeat *heartbeat, struct pipeline *pipeline);
int64_t heartbeat_now_ns(void); /* by the clock that is never set */
/* What is watched, for remarks.h; `lines` are filled and borrowed. */
struct remarks_watch heartbeat_watch(const struct heartbeat *heartbeat,
                                     struct capture_line lines[LIMIT_INTERFACES]);
/* The run is over, and these are its counters but for what the ordered thread knows, which is
 * added: tells them. */
__attribute__((warn_unused_result)) bool heartbeat_end(struct heartbeat *heartbeat,
                                                       struct event_stats *stats);

#endif
