/* SPDX-License-Identifier: Apache-2.0
 * live_pipeline.c - the run of a capture of interfaces: its door is laid, its threads follow.
 */
#include "pipeline.h"

void pipeline_snapshot(struct pipeline *pipeline, struct event_stats *stats)
{
    (void)pipeline;
    (void)stats;
}

void pipeline_switch(struct pipeline *pipeline, const struct worker_options *next)
{
    (void)pipeline;
    (void)next;
}

bool pipeline_switched(const struct pipeline *pipeline)
{
    (void)pipeline;
    return true;
}
