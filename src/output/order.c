/* SPDX-License-Identifier: Apache-2.0
 * order.c - a sorted waiting room. Few events wait at a time (those of one block), so sorting beats
 * a heap.
 */
#include "order.h"

#include <stdlib.h>

#include "limits.h"
#include "log.h"
#include "recent.h"
#include "seen.h"

/* Certificates of servers that are known to have been written: 1.5 MiB when full. */
enum { ONCE_REMEMBERED = 65536 };

struct order {
    struct output *const *outputs;
    size_t output_count;
    unsigned datasets;
    struct event **waiting;
    size_t count, cap;
    uint64_t written, lost;
    struct seen once;
    struct recent *recent;       /* NULL: every finding is written */
    order_neighbours neighbours; /* may be NULL */
    void *to;
};

struct order *order_new(struct output *const *outputs, size_t count, unsigned datasets)
{
    struct order *order = calloc(1, sizeof *order);
    if (order == NULL)
        return NULL;
    order->outputs = outputs;
    order->output_count = count;
    order->datasets = datasets;
    (void)seen_init(&order->once, ONCE_REMEMBERED);
    return order;
}

void order_free(struct order *order)
{
    if (order == NULL)
        return;
    for (size_t i = 0; i < order->count; i++)
        event_free(order->waiting[i]);
    seen_free(&order->once);
    recent_free(order->recent);
    free(order->waiting);
    free(order);
}

static bool grow(struct order *order)
{
    size_t cap = order->cap == 0 ? 256 : order->cap * 2;
    struct event **waiting = realloc(order->waiting, cap * sizeof(struct event *));
    if (waiting == NULL)
        return false;
    order->waiting = waiting;
    order->cap = cap;
    return true;
}

void order_add(struct order *order, struct event *events)
{
    while (events != NULL) {
        struct event *next = events->next;
        events->next = NULL;
        bool wanted = events->facts != NULL || (order->datasets & 1u << events->key.dataset) != 0;
        if (wanted && (order->count < order->cap || grow(order))) {
            order->waiting[order->count++] = events;
        } else {
            if (wanted && order->lost++ == 0)
                log_error("out of memory: an event was lost");
            event_free(events);
        }
        events = next;
    }
}

static int compare(const void *a, const void *b)
{
    const struct event *const *left = a, *const *right = b;
    return event_key_compare(&(*left)->key, &(*right)->key);
}

static void write_numbered(void *to, const struct event *event)
{
    struct order *order = to;
    order->written++;
    for (size_t i = 0; i < order->output_count; i++)
        output_write(order->outputs[i], event, order->written);
}

static void write_one(struct order *order, struct event *event)
{
    bool wanted = event->once == 0 || seen_first(&order->once, event->once);
    if (wanted && order->recent != NULL) {
        recent_pass(order->recent, event);
        return;
    }
    if (wanted)
        write_numbered(order, event);
    event_free(event);
}

/* What relates sessions is judged here, where they come in order; its findings follow directly. */
static void judge_neighbours(struct order *order, struct event *event)
{
    struct event *made =
        order->neighbours != NULL ? order->neighbours(order->to, event->facts) : NULL;
    event_free(event);
    while (made != NULL) {
        struct event *next = made->next;
        made->next = NULL;
        write_one(order, made);
        made = next;
    }
}

static void write_before(struct order *order, int64_t clock_ns, bool all)
{
    if (order->count > 0)
        qsort(order->waiting, order->count, sizeof(struct event *), compare);
    size_t done = 0;
    while (done < order->count && (all || order->waiting[done]->key.time_ns < clock_ns)) {
        struct event *event = order->waiting[done++];
        if (event->facts != NULL)
            judge_neighbours(order, event);
        else
            write_one(order, event);
    }
    for (size_t i = done; i < order->count; i++)
        order->waiting[i - done] = order->waiting[i];
    order->count -= done;
    if (order->recent != NULL && all)
        recent_finish(order->recent);
    else if (order->recent != NULL)
        recent_advance(order->recent, clock_ns);
    for (size_t i = 0; i < order->output_count; i++)
        output_flush(order->outputs[i]);
}

bool order_set_interval(struct order *order, int64_t interval_ns)
{
    if (order->recent == NULL)
        order->recent = recent_new(interval_ns, LIMIT_RECENT_FINDINGS, write_numbered, order);
    else
        recent_set_interval(order->recent, interval_ns);
    return order->recent != NULL;
}

uint64_t order_suppressed(const struct order *order)
{
    return order->recent == NULL ? 0 : recent_suppressed(order->recent);
}

void order_set_neighbours(struct order *order, order_neighbours judge, void *to)
{
    order->neighbours = judge;
    order->to = to;
}

void order_release(struct order *order, int64_t clock_ns) { write_before(order, clock_ns, false); }
void order_finish(struct order *order) { write_before(order, 0, true); }
uint64_t order_written(const struct order *order) { return order->written; }
size_t order_waiting(const struct order *order) { return order->count; }

bool order_wanted(const struct order *order)
{
    for (size_t i = 0; i < order->output_count; i++)
        if (output_is_open(order->outputs[i]))
            return true;
    return order->output_count == 0; /* the run has another purpose */
}
