/* SPDX-License-Identifier: Apache-2.0
 * heartbeat.c - writes the counters of a run to where they are looked for.
 */
#include "heartbeat.h"

#include <time.h>

#include "metrics.h"

static bool write_metrics(const struct heartbeat *h, const struct event_stats *stats)
{
    struct metrics metrics = { .start_s = h->start_s, .stats = stats };
    return *h->config->metrics_file == '\0' || metrics_write(h->config->metrics_file, &metrics);
}

bool heartbeat_begin(struct heartbeat *h, const struct config *config)
{
    struct event_stats none = { 0 };
    *h = (struct heartbeat){ .config = config, .start_s = time(NULL) };
    return write_metrics(h, &none);
}

bool heartbeat_end(struct heartbeat *h, const struct event_stats *stats)
{
    return write_metrics(h, stats);
}
