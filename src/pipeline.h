/* SPDX-License-Identifier: Apache-2.0
 * pipeline.h - who runs what: one thread reads and decodes, workers follow flows, one ordered
 * thread hands events on.
 *
 *                 +--> worker 0 (shards 0, n, 2n …) --+
 *   reader: blocks +--> worker 1                       +--> ordered thread --> outputs
 *                 +--> …                              --+
 *
 * A block goes to every worker; each takes the packets of its shards. When all are done with a
 * block its events are complete, and blocks are finished in their order: that, and timers that go
 * by the capture's clock, makes the output the same for any number of workers. With one worker all
 * of it runs on the calling thread.
 */
#ifndef PIPELINE_H
#define PIPELINE_H

#include "order.h"
#include "worker.h"

struct pipeline_options {
    unsigned workers; /* 1 to LIMIT_SHARDS */
    struct worker_options worker;
    void (*progress)(void *to, const struct capture_counters
                                   *counters); /* after each block, from the reader; may be NULL */
    void *progress_to;
};

/* Reads the capture to its end. Fills stats but for `events`. False: out of memory or no thread to
 * be had, logged. */
__attribute__((warn_unused_result)) bool pipeline_run(const struct pipeline_options *options,
                                                      struct capture *capture, struct order *order,
                                                      struct event_stats *stats);

#endif
