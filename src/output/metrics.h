/* SPDX-License-Identifier: Apache-2.0
 * metrics.h - the counters of a run as a file in Prometheus' text format, for node_exporter's
 * textfile collector.
 *
 * Names begin with starttap_, are in base units, and end in _total where they only grow; no label
 * holds an address or a name from the wire. dashboards/METRICS.md lists them. Format: Prometheus
 * text exposition, version 0.0.4.
 */
#ifndef METRICS_H
#define METRICS_H

#include "event.h"

/* What an output has counted. */
struct metrics_output {
    const char *name; /* its kind and place in the command line, without secrets: "file-1" */
    uint64_t events, dropped, queue, queue_bytes, refused;
    uint64_t waits; /* for room, of the thread that hands events on */
};

struct metrics {
    int64_t start_s; /* when the program began, by the machine's clock */
    const struct event_stats *stats;
    const struct metrics_output *outputs;
    size_t output_count;
};

/* malloc'd and terminated; NULL when memory runs out. */
char *metrics_text(const struct metrics *metrics, size_t *len);

/* Writes a file beside `path` (".new" behind its name, mode 0644) and renames it, so that a reader
 * sees a whole one. False: it could not, and that was logged. */
__attribute__((warn_unused_result)) bool metrics_write(const char *path,
                                                       const struct metrics *metrics);

#endif
