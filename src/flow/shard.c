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
        for (struct entry *entry; (entry = shard->lists[life].oldest) != NULL;) {
            if (life != LIFE_REPORTED) {
                stream_drop(flow_of(entry), SIDE_CLIENT);
                stream_drop(flow_of(entry), SIDE_SERVER);
            }
            table_remove(shard, entry);
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

/* The one whose timer or timeout comes first; NULL if there is none up to `until`. Ties go by the
 * flows' numbers. */
static struct entry *next_due(const struct shard *shard, int64_t until, int64_t *at, bool *is_timer)
{
    struct flow *first = timers_first(shard);
    struct entry *due = first != NULL ? &first->entry : NULL;
    *at = first != NULL ? first->timer_ns : INT64_MAX;
    *is_timer = due != NULL;
    for (int life = 0; life < LIFE_COUNT; life++) {
        struct entry *oldest = shard->lists[life].oldest;
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
    for (struct entry *due; (due = next_due(shard, clock_ns, &at, &is_timer)) != NULL;) {
        if (at > shard->now_ns)
            shard->now_ns = at;
        if (is_timer)
            fire(flow_of(due));
        else if (due->life == LIFE_REPORTED)
            table_remove(shard, due);
        else
            flow_end(flow_of(due), FLOW_END_TIMEOUT, shard->now_ns);
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
    uint64_t first = (*left)->entry.number, second = (*right)->entry.number;
    return first < second ? -1 : first > second;
}

void shard_finish(struct shard *shard, int64_t clock_ns)
{
    shard_advance(shard, clock_ns);
    while (shard->lists[LIFE_REPORTED].oldest != NULL)
        table_remove(shard, shard->lists[LIFE_REPORTED].oldest);
    size_t count = 0;
    struct flow **flows = calloc(shard->flow_count + 1, sizeof(struct flow *));
    for (int life = 0; life < LIFE_REPORTED; life++)
        for (struct entry *entry = shard->lists[life].oldest; entry != NULL && flows != NULL;
             entry = entry->newer)
            flows[count++] = flow_of(entry);
    if (flows != NULL)
        qsort(flows, count, sizeof(struct flow *), by_number);
    for (size_t i = 0; i < count; i++)
        flow_end(flows[i], FLOW_END_CAPTURE, shard->now_ns);
    free(flows);
    for (int life = 0; life < LIFE_REPORTED; life++) /* out of memory: in another order */
        while (shard->lists[life].oldest != NULL)
            flow_end(flow_of(shard->lists[life].oldest), FLOW_END_CAPTURE, shard->now_ns);
}

struct shard_counters shard_counters(const struct shard *shard)
{
    struct shard_counters counters = shard->counters;
    counters.flows_open = shard->flow_count - shard->lists[LIFE_REPORTED].count;
    return counters;
}
