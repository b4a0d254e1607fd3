/* SPDX-License-Identifier: Apache-2.0
 * heartbeat.c - counters to where they are looked for, when they are due.
 */
#include "heartbeat.h"

#include <time.h>

#include "clock.h"
#include "filter.h"
#include "log.h"
#include "metrics.h"
#include "signals.h"

static int64_t now_ns(clockid_t clock)
{
    struct timespec now;
    return clock_gettime(clock, &now) == 0 ? now.tv_sec * NS_PER_S + now.tv_nsec : 0;
}

int64_t heartbeat_now_ns(void) { return now_ns(CLOCK_MONOTONIC); }

static bool write_metrics(const struct heartbeat *h, const struct event_stats *stats)
{
    struct metrics_output outputs[LIMIT_OUTPUTS];
    struct metrics metrics = { .start_s = h->start_ns / NS_PER_S,
                               .stats = stats,
                               .outputs = outputs,
                               .output_count = stats->output_count };
    for (size_t i = 0; i < stats->output_count; i++) {
        const struct event_output *o = &stats->outputs[i];
        uint64_t dropped = 0;
        for (int d = 0; d < DATASET_COUNT; d++)
            dropped += o->dropped[d];
        outputs[i] = (struct metrics_output){ .name = o->label,
                                              .events = o->delivered,
                                              .dropped = dropped,
                                              .refused = o->refused,
                                              .waits = o->waits,
                                              .queue = o->waiting,
                                              .queue_bytes = o->bytes_waiting };
    }
    return *h->config->metrics_file == '\0' || metrics_write(h->config->metrics_file, &metrics);
}

/* What only the ordered thread knows; and a run of interfaces begins before its first packet. */
static void complete(struct heartbeat *h, struct event_stats *stats)
{
    for (int i = 0; i <= STARTTAP_CRITICAL; i++)
        stats->findings[i] += h->run->neighbours.findings[i];
    stats->events = order_written(h->run->order);
    stats->told = h->told;
    setup_count_outputs(h->run, h->outputs, stats);
    if (!stats->queues.live)
        return;
    /* The clock may have been set since. */
    int64_t start_ns = now_ns(CLOCK_REALTIME) - (now_ns(CLOCK_MONOTONIC) - h->begun_ns);
    if (start_ns - h->start_ns > NS_PER_S || h->start_ns - start_ns > NS_PER_S)
        h->start_ns = start_ns;
    if (stats->end_ns < h->start_ns)
        stats->end_ns = h->start_ns;
    stats->start_ns = h->start_ns;
}

bool heartbeat_begin(struct heartbeat *h, const struct run *run, const struct event_options *event)
{
    struct event_stats none = { 0 };
    *h = (struct heartbeat){
        .run = run,
        .config = &run->config,
        .event = event,
        .start_ns = now_ns(CLOCK_REALTIME),
        .begun_ns = now_ns(CLOCK_MONOTONIC),
    };
    h->last_ns = h->begun_ns;
    struct capture_line lines[LIMIT_INTERFACES];
    struct remarks_watch watch = heartbeat_watch(h, lines);
    if (watch.line_count > 0)
        remarks_begin(&watch, run->config.stats_first_s);
    return write_metrics(h, &none);
}

/* The interval may have been changed since. */
static bool counters_are_due(struct heartbeat *h, int64_t at_ns)
{
    int64_t interval_ns = (int64_t)h->config->stats_interval_s * NS_PER_S;
    unsigned asked = signals_stats();
    bool due = interval_ns > 0 && at_ns - h->last_ns >= interval_ns, wanted = asked != h->asked;
    h->asked = asked;
    if (due) /* in step, but for what was slept through */
        h->last_ns = at_ns - h->last_ns < 2 * interval_ns ? h->last_ns + interval_ns : at_ns;
    return due || wanted;
}

static bool first_is_due(const struct heartbeat *h, int64_t at_ns)
{
    int64_t first_ns = (int64_t)h->config->stats_first_s * NS_PER_S;
    return !h->first_told && first_ns > 0 && at_ns - h->begun_ns >= first_ns;
}

struct remarks_watch heartbeat_watch(const struct heartbeat *h,
                                     struct capture_line lines[LIMIT_INTERFACES])
{
    const struct config *config = &h->run->config;
    return (struct remarks_watch){
        .lines = lines,
        .line_count = capture_lines(h->run->capture, lines, LIMIT_INTERFACES),
        .seconds = (uint64_t)((now_ns(CLOCK_MONOTONIC) - h->begun_ns) / NS_PER_S),
        .vlan_key = (config->flow_key & CONFIG_FLOW_KEY_VLAN) != 0,
        .filtered = *config->capture_filter != '\0',
        .vlan_filter = filter_speaks_of_tags(config->capture_filter),
        .ports = config->capture_discovery == CONFIG_DISCOVERY_PORTS,
    };
}

static void tell_first(struct heartbeat *h, const struct event_stats *stats)
{
    struct capture_line lines[LIMIT_INTERFACES];
    struct remarks_watch watch = heartbeat_watch(h, lines);
    remarks_first(stats, &watch);
    h->first_told = true;
}

void heartbeat_tick(struct heartbeat *h, struct pipeline *pipeline)
{
    int64_t at_ns = now_ns(CLOCK_MONOTONIC);
    bool due = counters_are_due(h, at_ns), first = first_is_due(h, at_ns);
    if (!due && !first)
        return;
    struct event_stats stats = { 0 };
    pipeline_snapshot(pipeline, &stats);
    complete(h, &stats);
    if (first)
        tell_first(h, &stats);
    if (!due)
        return;
    (void)write_metrics(h, &stats); /* the next one may succeed */
    struct event *event = event_of_stats(h->event, &stats);
    if (event == NULL)
        log_error("out of memory: counters were lost");
    h->told++;
    order_add(h->run->order, event);
}

bool heartbeat_end(struct heartbeat *h, struct event_stats *stats)
{
    complete(h, stats);
    order_add(h->run->order, event_of_stats(h->event, stats));
    order_finish(h->run->order);
    return write_metrics(h, stats);
}
