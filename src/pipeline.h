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
 * of it runs on the calling thread. Interfaces have several readers: see live_pipeline.h.
 */
#ifndef PIPELINE_H
#define PIPELINE_H

#include "order.h"
#include "worker.h"

struct pipeline;

struct pipeline_options {
    unsigned workers; /* 1 to LIMIT_SHARDS */
    unsigned readers; /* of interfaces: see live_pipeline.h; 0: the capture is of files */
    struct worker_options worker;
    struct packet_narrow narrow; /* what is left out before it comes to a worker */
    /* Interfaces only: called on the ordered thread some ten times a second with the time up to
     * which events were handed on; may be NULL. What is below may be called from there, and from
     * nowhere else. */
    void (*tick)(void *to, struct pipeline *pipeline, int64_t clock_ns);
    void *tick_to;
    void (*progress)(void *to, const struct capture_counters
                                   *counters); /* after each block, from the reader; may be NULL */
    void *progress_to;
};

/* Reads the capture to its end. Fills stats but for `events`. False: out of memory or no thread to
 * be had, logged. */
__attribute__((warn_unused_result)) bool pipeline_run(const struct pipeline_options *options,
                                                      struct capture *capture, struct order *order,
                                                      struct event_stats *stats);

/* What all threads of a live run have counted, as of their last batch; fills stats but for
 * `events`. */
void pipeline_snapshot(struct pipeline *pipeline, struct event_stats *stats);

/* From its next batch on each worker goes by these options (worker_switch()); the hash key cannot
 * change. They are borrowed until the run ends or the next switch is through; so are the former
 * ones until pipeline_switched() says true: all workers have switched, and every event that they
 * made before has left the order. */
void pipeline_switch(struct pipeline *pipeline, const struct worker_options *next);
bool pipeline_switched(const struct pipeline *pipeline);

#endif
