/* SPDX-License-Identifier: Apache-2.0
 * live_pipeline.c - see live_pipeline.h.
 */
#include "live_pipeline.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "clock.h"
#include "limits.h"
#include "log.h"
#include "rings.h"

/* The design: a watermark behind the slowest worker, for what a timer makes of the past. */
#define BEHIND_NS (200 * NS_PER_MS)
#define TURN_NS (20 * NS_PER_MS)  /* of the ordered thread */
#define TICK_NS (100 * NS_PER_MS) /* by the machine's clock: between two calls of tick */

struct reader_seat {
    struct pipeline *pipeline;
    unsigned index;
    pthread_t thread;
    struct packet_decoder *decoder;
    struct batch_span span;
    /* Under the lock, as of the last batch: */
    struct packet_counters counted;
    struct batch_span counted_span;
};

struct worker_seat {
    struct pipeline *pipeline;
    unsigned index;
    pthread_t thread;
    struct worker *worker;
    /* Under the lock: */
    struct event *events; /* that the ordered thread has not taken */
    size_t event_count;
    int64_t clock_ns;
    bool done;
    uint64_t switched; /* the switch that it has made, and its clock then */
    int64_t switched_ns;
    struct event_stats counted; /* as of its last batch */
};

struct pipeline {
    const struct pipeline_options *options;
    struct capture *capture;
    struct order *order;
    struct rings *rings;
    struct reader_seat *readers;
    struct worker_seat *workers;
    unsigned readers_running, workers_running; /* threads that were started */
    int64_t released_ns;                       /* the ordered thread's: written up to here */
    struct event_stats earlier;                /* what was counted before a clock was set back */

    pthread_mutex_t lock; /* all below, and as the seats say */
    pthread_cond_t made;  /* enough for the ordered thread not to sleep on */
    pthread_cond_t taken; /* by it: workers that waited go on */
    const struct worker_options *next;
    uint64_t switches;
    bool unwanted; /* every output is gone, or something failed: readers end */
    bool failed;
};

/* --- readers --- */

static void fail(struct pipeline *p)
{
    pthread_mutex_lock(&p->lock);
    p->failed = p->unwanted = true;
    pthread_mutex_unlock(&p->lock);
}

/* What was counted is copied, and whether to go on is told. */
static bool reader_goes_on(struct reader_seat *seat)
{
    struct pipeline *p = seat->pipeline;
    pthread_mutex_lock(&p->lock);
    seat->counted = *packet_decoder_counters(seat->decoder);
    seat->counted_span = seat->span;
    bool unwanted = p->unwanted;
    pthread_mutex_unlock(&p->lock);
    return !unwanted;
}

static void *run_reader(void *argument)
{
    struct reader_seat *seat = argument;
    struct pipeline *p = seat->pipeline;
    uint64_t number, passed;
    while (reader_goes_on(seat)) {
        struct batch *batch = rings_take(p->rings, seat->index, &number, &passed);
        if (passed > 0)
            packet_decoder_release(seat->decoder, passed - 1);
        if (!capture_fill_part(p->capture, seat->index, &batch->block))
            break;
        batch_decode(batch, seat->decoder, p->options->worker.hash_key, number, &seat->span);
        rings_put(p->rings, seat->index);
    }
    (void)reader_goes_on(seat);
    rings_leave(p->rings, seat->index);
    return NULL;
}

/* --- workers --- */

static void switch_if_asked(struct worker_seat *seat)
{
    struct pipeline *p = seat->pipeline;
    pthread_mutex_lock(&p->lock);
    const struct worker_options *next = seat->switched != p->switches ? p->next : NULL;
    uint64_t switches = p->switches;
    pthread_mutex_unlock(&p->lock);
    if (next == NULL)
        return;
    worker_switch(seat->worker, next);
    pthread_mutex_lock(&p->lock);
    seat->switched = switches;
    seat->switched_ns = seat->clock_ns;
    pthread_mutex_unlock(&p->lock);
}

static void add_events(struct worker_seat *seat, struct event *events)
{
    while (events != NULL) {
        struct event *next = events->next;
        events->next = seat->events;
        seat->events = events;
        seat->event_count++;
        events = next;
    }
}

static void hand_in(struct worker_seat *seat, int64_t clock_ns, bool last)
{
    struct pipeline *p = seat->pipeline;
    struct event *events = worker_take_events(seat->worker);
    struct event_stats counted = { 0 };
    worker_count(seat->worker, &counted);

    pthread_mutex_lock(&p->lock);
    add_events(seat, events);
    seat->clock_ns = clock_ns;
    seat->counted = counted;
    seat->done = last;
    if (last || seat->event_count >= LIMIT_EVENTS_HANDED)
        pthread_cond_signal(&p->made);
    while (!last && seat->event_count >= LIMIT_EVENTS_HANDED)
        pthread_cond_wait(&p->taken, &p->lock);
    pthread_mutex_unlock(&p->lock);
}

static void *run_worker(void *argument)
{
    struct worker_seat *seat = argument;
    struct pipeline *p = seat->pipeline;
    while (rings_wait(p->rings, seat->index)) {
        switch_if_asked(seat);
        const struct packet *packet;
        unsigned shard;
        while ((packet = rings_next(p->rings, seat->index, &shard)) != NULL)
            worker_packet(seat->worker, shard, packet);
        bool last;
        int64_t clock_ns = rings_done(p->rings, seat->index, &last);
        if (last)
            worker_finish(seat->worker, clock_ns);
        else
            worker_advance(seat->worker, clock_ns);
        hand_in(seat, clock_ns, last);
    }
    return NULL;
}

/* --- the ordered thread --- */

static int64_t monotonic_ns(void)
{
    struct timespec now;
    return clock_gettime(CLOCK_MONOTONIC, &now) == 0 ? now.tv_sec * NS_PER_S + now.tv_nsec : 0;
}

struct taken {
    struct event *events;
    int64_t clock_ns; /* of the slowest worker */
    bool over;        /* all are done */
};

/* With the lock held. */
static struct taken take_events(struct pipeline *p)
{
    struct taken taken = { .clock_ns = INT64_MAX, .over = true };
    for (unsigned i = 0; i < p->workers_running; i++) {
        struct worker_seat *seat = &p->workers[i];
        while (seat->events != NULL) {
            struct event *event = seat->events;
            seat->events = event->next;
            event->next = taken.events;
            taken.events = event;
        }
        seat->event_count = 0;
        taken.over = taken.over && seat->done;
        if (!seat->done && seat->clock_ns < taken.clock_ns)
            taken.clock_ns = seat->clock_ns;
    }
    return taken;
}

static bool must_hurry(const struct pipeline *p)
{
    bool over = true;
    for (unsigned i = 0; i < p->workers_running; i++) {
        if (p->workers[i].event_count >= LIMIT_EVENTS_HANDED)
            return true;
        over = over && p->workers[i].done;
    }
    return over;
}

static struct taken wait_for_events(struct pipeline *p, int64_t until_ns)
{
    const struct timespec until = { .tv_sec = until_ns / NS_PER_S, .tv_nsec = until_ns % NS_PER_S };
    pthread_mutex_lock(&p->lock);
    int waited = 0;
    while (waited == 0 && !must_hurry(p))
        waited = pthread_cond_timedwait(&p->made, &p->lock, &until);
    struct taken taken = take_events(p);
    pthread_cond_broadcast(&p->taken);
    pthread_mutex_unlock(&p->lock);
    return taken;
}

static void tick(struct pipeline *p)
{
    const struct pipeline_options *options = p->options;
    if (options->progress != NULL) {
        struct capture_counters counters = capture_counters(p->capture);
        options->progress(options->progress_to, &counters);
    }
    if (options->tick != NULL)
        options->tick(options->tick_to, p, p->released_ns);
}

static void run_ordered(struct pipeline *p)
{
    int64_t now_ns = monotonic_ns(), tick_ns = now_ns + TICK_NS;
    for (;;) {
        struct taken taken = wait_for_events(p, now_ns + TURN_NS);
        order_add(p->order, taken.events);
        if (taken.over)
            break;
        if (taken.clock_ns > INT64_MIN + BEHIND_NS && taken.clock_ns - BEHIND_NS > p->released_ns) {
            order_release(p->order, taken.clock_ns - BEHIND_NS);
            p->released_ns = taken.clock_ns - BEHIND_NS;
        }
        if (!order_wanted(p->order)) {
            pthread_mutex_lock(&p->lock);
            p->unwanted = true;
            pthread_mutex_unlock(&p->lock);
        }
        now_ns = monotonic_ns();
        if (now_ns >= tick_ns) {
            tick(p);
            tick_ns = now_ns + TICK_NS;
        }
    }
    order_finish(p->order);
}

/* --- what tick may call --- */

void pipeline_snapshot(struct pipeline *p, struct event_stats *stats)
{
    struct batch_span span = BATCH_NO_SPAN;
    int64_t end_ns = INT64_MIN;
    *stats = p->earlier;
    pthread_mutex_lock(&p->lock);
    for (unsigned i = 0; i < p->options->readers; i++) {
        const struct reader_seat *seat = &p->readers[i];
        packet_counters_add(&stats->packets, &seat->counted);
        if (seat->counted_span.first_ns < span.first_ns)
            span.first_ns = seat->counted_span.first_ns;
        if (seat->counted_span.last_ns > span.last_ns)
            span.last_ns = seat->counted_span.last_ns;
    }
    for (unsigned i = 0; i < p->options->workers; i++) {
        const struct worker_seat *seat = &p->workers[i];
        worker_add_counts(stats, &seat->counted);
        stats->queues.events_waiting += seat->event_count;
        if (seat->clock_ns > end_ns)
            end_ns = seat->clock_ns;
    }
    pthread_mutex_unlock(&p->lock);
    stats->capture = capture_counters(p->capture);
    stats->queues.live = true;
    stats->queues.events_waiting += order_waiting(p->order);
    rings_count(p->rings, &stats->queues);
    stats->end_ns = end_ns != INT64_MIN ? end_ns : 0;
    stats->start_ns = span.first_ns < stats->end_ns ? span.first_ns : stats->end_ns;
    stats->last_packet_ns = span.last_ns != INT64_MIN ? span.last_ns : 0;
}

void pipeline_switch(struct pipeline *p, const struct worker_options *next)
{
    pthread_mutex_lock(&p->lock);
    p->next = next;
    p->switches++;
    pthread_mutex_unlock(&p->lock);
}

bool pipeline_switched(const struct pipeline *pipeline)
{
    struct pipeline *p = (struct pipeline *)pipeline; /* for its lock */
    bool switched = true;
    pthread_mutex_lock(&p->lock);
    for (unsigned i = 0; i < p->workers_running; i++)
        switched = switched && p->workers[i].switched == p->switches &&
                   p->workers[i].switched_ns < p->released_ns;
    pthread_mutex_unlock(&p->lock);
    return switched;
}

/* --- opening and closing --- */

static bool open_readers(struct pipeline *p)
{
    unsigned count = p->options->readers;
    p->readers = calloc(count, sizeof *p->readers);
    for (unsigned i = 0; p->readers != NULL && i < count; i++) {
        struct reader_seat *seat = &p->readers[i];
        *seat = (struct reader_seat){
            .pipeline = p, .index = i, .span = BATCH_NO_SPAN, .counted_span = BATCH_NO_SPAN
        };
        seat->decoder = i == 0 ? packet_decoder_new(p->options->worker.hash_key)
                               : packet_decoder_new_sharing(p->readers[0].decoder);
        if (seat->decoder == NULL ||
            (i == 0 && !packet_decoder_narrow(seat->decoder, &p->options->narrow)))
            return false;
    }
    return p->readers != NULL;
}

static bool open_workers(struct pipeline *p)
{
    unsigned count = p->options->workers;
    p->workers = calloc(count, sizeof *p->workers);
    for (unsigned i = 0; p->workers != NULL && i < count; i++) {
        struct worker_seat *seat = &p->workers[i];
        *seat = (struct worker_seat){ .pipeline = p,
                                      .index = i,
                                      .clock_ns = INT64_MIN,
                                      .switched = p->switches,
                                      .switched_ns = INT64_MIN };
        seat->worker = worker_new(p->next != NULL ? p->next : &p->options->worker, i, count);
        if (seat->worker == NULL)
            return false;
    }
    return p->workers != NULL;
}

static void close_parts(struct pipeline *p)
{
    for (unsigned i = 0; p->workers != NULL && i < p->options->workers; i++)
        worker_free(p->workers[i].worker);
    rings_free(p->rings);
    for (unsigned i = 0; p->readers != NULL && i < p->options->readers; i++)
        packet_decoder_free(p->readers[i].decoder);
    free(p->workers);
    free(p->readers);
    p->rings = NULL;
    p->workers = NULL;
    p->readers = NULL;
    p->workers_running = p->readers_running = 0;
}

static bool init_locks(struct pipeline *p)
{
    pthread_condattr_t monotonic;
    if (pthread_condattr_init(&monotonic) != 0)
        return false;
    bool ok = pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC) == 0 &&
              pthread_cond_init(&p->made, &monotonic) == 0;
    pthread_condattr_destroy(&monotonic);
    return ok && pthread_cond_init(&p->taken, NULL) == 0 && pthread_mutex_init(&p->lock, NULL) == 0;
}

/* Workers first: with none of them missing a reader that cannot be started only has to leave. */
static void start_threads(struct pipeline *p)
{
    bool ok = true;
    while (ok && p->workers_running < p->options->workers) {
        struct worker_seat *seat = &p->workers[p->workers_running];
        ok = pthread_create(&seat->thread, NULL, run_worker, seat) == 0;
        p->workers_running += ok ? 1 : 0;
    }
    while (ok && p->readers_running < p->options->readers) {
        struct reader_seat *seat = &p->readers[p->readers_running];
        ok = pthread_create(&seat->thread, NULL, run_reader, seat) == 0;
        p->readers_running += ok ? 1 : 0;
    }
    if (ok)
        return;
    log_error("cannot start a thread");
    fail(p);
    for (unsigned i = p->readers_running; i < p->options->readers; i++)
        rings_leave(p->rings, i);
}

static void join_threads(struct pipeline *p)
{
    for (unsigned i = 0; i < p->readers_running; i++)
        pthread_join(p->readers[i].thread, NULL);
    for (unsigned i = 0; i < p->workers_running; i++)
        pthread_join(p->workers[i].thread, NULL);
}

/* Until the run ends, or the machine's clock is set back. */
static bool run_round(struct pipeline *p, struct event_stats *stats)
{
    p->rings = rings_new(p->options->readers, p->options->workers, LIMIT_RING_BLOCKS);
    bool ok = p->rings != NULL && open_readers(p) && open_workers(p);
    if (!ok) {
        log_error("out of memory");
    } else {
        start_threads(p);
        run_ordered(p);
        join_threads(p);
        ok = !p->failed;
        pipeline_snapshot(p, stats);
    }
    close_parts(p);
    return ok;
}

bool live_pipeline_run(const struct pipeline_options *options, struct capture *capture,
                       struct order *order, struct event_stats *stats)
{
    struct pipeline p = {
        .options = options, .capture = capture, .order = order, .released_ns = INT64_MIN
    };
    if (!init_locks(&p)) {
        log_error("cannot make a lock");
        return false;
    }
    bool ok = run_round(&p, stats);
    while (ok && !p.unwanted && capture_begin_anew(capture)) {
        p.earlier = *stats;
        p.released_ns = INT64_MIN;
        ok = run_round(&p, stats);
    }
    pthread_cond_destroy(&p.taken);
    pthread_cond_destroy(&p.made);
    pthread_mutex_destroy(&p.lock);
    return ok;
}
