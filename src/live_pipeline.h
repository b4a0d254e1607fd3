/* SPDX-License-Identifier: Apache-2.0
 * live_pipeline.h - who runs what while interfaces are watched.
 *
 *   socket -> reader 0 (decodes) -> ring -+    +-> worker 0 (shards 0, n, …) -+
 *   socket -> reader 1           -> ring -+----+-> worker 1                   +-> ordered thread
 *   …                                          …                                   -> outputs
 *
 * The kernel gives each connection to one socket, by its outermost addresses. Each worker merges
 * the rings by time and takes the packets of its shards (rings.h), so a connection whose directions
 * or fragments came through different sockets is put together. The calling thread is the ordered
 * one: some fifty times a second it takes what the workers made, writes what is LIVE_BEHIND older
 * than the slowest worker's clock, and calls tick.
 *
 * Nothing grows: an output that does not take events stops the ordered thread, then workers
 * (LIMIT_EVENTS_HANDED), then readers (LIMIT_RING_BLOCKS), and then the kernel drops, and counts.
 */
#ifndef LIVE_PIPELINE_H
#define LIVE_PIPELINE_H

#include "pipeline.h"

/* As pipeline_run(), of a capture by capture_open_live(); ends when that is stopped. */
__attribute__((warn_unused_result)) bool live_pipeline_run(const struct pipeline_options *options,
                                                           struct capture *capture,
                                                           struct order *order,
                                                           struct event_stats *stats);

#endif
