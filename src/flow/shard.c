/* SPDX-License-Identifier: Apache-2.0
 * shard.c - packets in, timers by the capture's clock, the end of the capture.
 */
#include <stdlib.h>

#include "flow_state.h"

struct shard *shard_new(const struct shard_options *options, const struct flow_sink *sink,
                        void *context)
{
    struct shard *shard = calloc(1, sizeof *shard);
    if (shard == NULL)
        return NULL;
    shard->options = *options;
    if (shard->options.max_flows == 0)
        shard->options.max_flows = 1;
    shard->sink = sink;
    shard->context = context;
    shard->now_ns = INT64_MIN;
    return shard;
}

void shard_free(struct shard *shard)
{
    if (shard == NULL)
        return;
    for (int life = 0; life < LIFE_COUNT; life++) {
        for (struct flow *flow; (flow = shard->lists[life].oldest) != NULL;) {
            stream_drop(flow, SIDE_CLIENT);
            stream_drop(flow, SIDE_SERVER);
            table_remove(shard, flow);
        }
    }
    free(shard->buckets);
    free(shard->heap);
    free(shard);
}

static int64_t timeout_of(const struct shard *shard, enum flow_life life)
{
    const int64_t timeouts[LIFE_COUNT] = {
        [LIFE_OPENING] = shard->options.opening_timeout_ns,
        [LIFE_OPEN] = shard->options.idle_timeout_ns,
        [LIFE_CLOSED] = shard->options.closed_timeout_ns,
        [LIFE_REPORTED] = LIMIT_REPORTED_NS,
    };
    return timeouts[life];
}

/* The flow whose timer or timeout comes first; NULL if there is none up to `until`. Ties go by the
 * flows' numbers. */
static struct flow *next_due(const struct shard *shard, int64_t until, int64_t *at, bool *is_timer)
{
    struct flow *due = timers_first(shard);
    *at = due != NULL ? due->timer_ns : INT64_MAX;
    *is_timer = due != NULL;
    for (int life = 0; life < LIFE_COUNT; life++) {
        struct flow *oldest = shard->lists[life].oldest;
        if (oldest == NULL)
            continue;
        int64_t timeout = timeout_of(shard, (enum flow_life)life);
        if (oldest->active_ns > INT64_MAX - timeout)
            continue;
        int64_t deadline = oldest->active_ns + timeout;
        if (due == NULL || deadline < *at ||
            (deadline == *at && !*is_timer && oldest->number < due->number)) {
            due = oldest;
            *at = deadline;
            *is_timer = false;
        }
    }
    return due != NULL && *at <= until ? due : NULL;
}

static void fire(struct flow *flow)
{
    struct shard *shard = flow->shard;
    if (flow->consumer_timer_ns != 0 && flow->consumer_timer_ns <= shard->now_ns) {
        flow->consumer_timer_ns = 0;
        if (flow->state != NULL)
            shard->sink->timer(flow->state, (struct mark){ .time_ns = shard->now_ns,
                                                           .file = flow->info.last.file });
        offer_drop_unwanted(flow);
    }
    deliver_waiting(flow);
    expire_overdue(flow);
    expire_set_timer(flow);
}

void shard_advance(struct shard *shard, int64_t clock_ns)
{
    int64_t at;
    bool is_timer;
    for (struct flow *flow; (flow = next_due(shard, clock_ns, &at, &is_timer)) != NULL;) {
        if (at > shard->now_ns)
            shard->now_ns = at;
        if (is_timer)
            fire(flow);
        else
            flow_end(flow, FLOW_END_TIMEOUT, shard->now_ns);
    }
    if (clock_ns > shard->now_ns)
        shard->now_ns = clock_ns;
}

void shard_packet(struct shard *shard, const struct packet *packet)
{
    enum side side;
    shard_advance(shard, packet->clock_ns);
    shard->counters.packets++;
    struct flow *flow = handshake_flow_of(shard, packet, &side);
    if (flow != NULL)
        flow_packet(flow, side, packet);
}

static int by_number(const void *a, const void *b)
{
    const struct flow *const *left = a, *const *right = b;
    return (*left)->number < (*right)->number ? -1 : (*left)->number > (*right)->number;
}

void shard_finish(struct shard *shard, int64_t clock_ns)
{
    shard_advance(shard, clock_ns);
    size_t count = 0;
    struct flow **flows = calloc(shard->flow_count + 1, sizeof(struct flow *));
    for (int life = 0; life < LIFE_COUNT; life++)
        for (struct flow *flow = shard->lists[life].oldest; flow != NULL && flows != NULL;
             flow = flow->newer)
            flows[count++] = flow;
    if (flows != NULL)
        qsort(flows, count, sizeof(struct flow *), by_number);
    for (size_t i = 0; i < count; i++)
        flow_end(flows[i], FLOW_END_CAPTURE, shard->now_ns);
    free(flows);
    for (int life = 0; life < LIFE_COUNT; life++) /* out of memory: in another order */
        while (shard->lists[life].oldest != NULL)
            flow_end(shard->lists[life].oldest, FLOW_END_CAPTURE, shard->now_ns);
}

struct shard_counters shard_counters(const struct shard *shard)
{
    struct shard_counters counters = shard->counters;
    counters.flows_open = shard->flow_count - shard->lists[LIFE_REPORTED].count;
    return counters;
}
