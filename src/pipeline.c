/* SPDX-License-Identifier: Apache-2.0
 * pipeline.c - blocks travel in jobs: free -> filled by the reader -> worked on by all workers ->
 * finished in order -> free.
 */
#include "pipeline.h"

#include <pthread.h>
#include <stdlib.h>

#include "limits.h"
#include "log.h"

struct job {
    struct block block;
    struct packet *packets; /* the TCP segments of the block */
    uint8_t *shards;        /* of each packet */
    size_t count, cap;
    bool last;            /* no block: the capture is over */
    unsigned working;     /* workers that are not done with it */
    struct event *events; /* of all workers, once working is 0 */
};

enum { JOBS_PER_WORKER = 2, JOBS_SPARE = 2 };

struct pipeline {
    const struct pipeline_options *options;
    struct capture *capture;
    struct order *order;
    struct packet_decoder *decoder;
    struct worker **workers;
    struct job *jobs; /* a ring: job number n is jobs[n % job_count] */
    unsigned job_count;
    int64_t clock_ns, start_ns, last_packet_ns;
    bool started;

    pthread_mutex_t lock; /* all below, and `working` and `events` of the jobs under way */
    pthread_cond_t changed;
    uint64_t filled;   /* jobs that the reader has handed over */
    uint64_t finished; /* jobs that the ordered thread is done with */
    bool closing;      /* no more will be filled */
    bool unwanted;     /* every output is gone */
};

/* --- one block --- */

static bool job_room(struct job *job, size_t frames)
{
    if (frames <= job->cap)
        return true;
    struct packet *packets = realloc(job->packets, frames * sizeof *packets);
    if (packets != NULL)
        job->packets = packets;
    uint8_t *shards = realloc(job->shards, frames);
    if (shards != NULL)
        job->shards = shards;
    if (packets == NULL || shards == NULL)
        return false;
    job->cap = frames;
    return true;
}

static bool job_decode(struct pipeline *p, struct job *job)
{
    job->count = 0;
    if (!job_room(job, job->block.count)) {
        log_error("out of memory");
        return false;
    }
    for (size_t i = 0; i < job->block.count; i++) {
        const struct frame *frame = &job->block.frames[i];
        struct packet *packet = &job->packets[job->count];
        if (!p->started || frame->time_ns < p->start_ns)
            p->start_ns = frame->time_ns;
        if (!p->started || frame->time_ns > p->last_packet_ns)
            p->last_packet_ns = frame->time_ns;
        p->started = true;
        if (packet_decode(p->decoder, frame, job->block.sequence, packet) != PACKET_TCP)
            continue;
        job->shards[job->count++] = (uint8_t)packet_shard(packet, p->options->worker.hash_key);
    }
    p->clock_ns = job->block.clock_ns;
    return true;
}

static void job_work(struct pipeline *p, struct job *job, unsigned index)
{
    struct worker *worker = p->workers[index];
    unsigned workers = p->options->workers;
    if (job->last) {
        worker_finish(worker, job->block.clock_ns);
        return;
    }
    for (size_t i = 0; i < job->count; i++)
        if (workers == 1 || job->shards[i] % workers == index)
            worker_packet(worker, job->shards[i], &job->packets[i]);
    worker_advance(worker, job->block.clock_ns);
}

static struct event *join(struct event *a, struct event *b)
{
    if (a == NULL)
        return b;
    struct event *end = a;
    while (end->next != NULL)
        end = end->next;
    end->next = b;
    return a;
}

/* --- all on one thread --- */

static bool run_alone(struct pipeline *p)
{
    struct job *job = &p->jobs[0];
    while (order_wanted(p->order) && capture_fill(p->capture, &job->block)) {
        if (!job_decode(p, job))
            return false;
        job_work(p, job, 0);
        order_add(p->order, worker_take_events(p->workers[0]));
        order_release(p->order, job->block.clock_ns);
        packet_decoder_release(p->decoder, job->block.sequence);
        if (p->options->progress != NULL) {
            struct capture_counters counters = capture_counters(p->capture);
            p->options->progress(p->options->progress_to, &counters);
        }
    }
    job->last = true;
    job->block.clock_ns = p->clock_ns;
    job_work(p, job, 0);
    order_add(p->order, worker_take_events(p->workers[0]));
    order_finish(p->order);
    return true;
}

/* --- reader, workers and the ordered thread --- */

struct seat {
    struct pipeline *pipeline;
    unsigned index;
};

static void *run_worker(void *argument)
{
    const struct seat *seat = argument;
    struct pipeline *p = seat->pipeline;
    for (uint64_t number = 0;; number++) {
        pthread_mutex_lock(&p->lock);
        while (p->filled == number && !p->closing)
            pthread_cond_wait(&p->changed, &p->lock);
        bool over = p->filled == number;
        pthread_mutex_unlock(&p->lock);
        if (over)
            return NULL;

        struct job *job = &p->jobs[number % p->job_count];
        job_work(p, job, seat->index);
        struct event *events = worker_take_events(p->workers[seat->index]);

        pthread_mutex_lock(&p->lock);
        job->events = join(events, job->events);
        job->working--;
        pthread_cond_broadcast(&p->changed);
        pthread_mutex_unlock(&p->lock);
    }
}

static void *run_ordered(void *argument)
{
    struct pipeline *p = argument;
    for (uint64_t number = 0;; number++) {
        struct job *job = &p->jobs[number % p->job_count];
        pthread_mutex_lock(&p->lock);
        while (p->filled == number ? !p->closing : job->working > 0)
            pthread_cond_wait(&p->changed, &p->lock);
        bool over = p->filled == number;
        pthread_mutex_unlock(&p->lock);
        if (over)
            return NULL;

        order_add(p->order, job->events);
        job->events = NULL;
        if (job->last)
            order_finish(p->order);
        else
            order_release(p->order, job->block.clock_ns);

        bool unwanted = !order_wanted(p->order);
        pthread_mutex_lock(&p->lock);
        p->unwanted = unwanted;
        p->finished++;
        pthread_cond_broadcast(&p->changed);
        pthread_mutex_unlock(&p->lock);
    }
}

/* The next job of the ring, once it is free. What fragments were joined into for blocks that are
 * finished is given back. */
static struct job *take_free(struct pipeline *p, bool *unwanted)
{
    pthread_mutex_lock(&p->lock);
    while (p->filled - p->finished == p->job_count)
        pthread_cond_wait(&p->changed, &p->lock);
    uint64_t finished = p->finished;
    *unwanted = p->unwanted;
    struct job *job = &p->jobs[p->filled % p->job_count];
    pthread_mutex_unlock(&p->lock);
    if (finished > 0)
        packet_decoder_release(p->decoder, finished - 1); /* blocks and jobs are numbered alike */
    return job;
}

static void hand_over(struct pipeline *p, struct job *job)
{
    pthread_mutex_lock(&p->lock);
    job->working = p->options->workers;
    p->filled++;
    p->closing = job->last;
    pthread_cond_broadcast(&p->changed);
    pthread_mutex_unlock(&p->lock);
}

static bool read_all(struct pipeline *p)
{
    bool ok = true, unwanted = false;
    struct job *job = take_free(p, &unwanted);
    while (!unwanted && capture_fill(p->capture, &job->block)) {
        ok = job_decode(p, job);
        if (!ok)
            break;
        hand_over(p, job);
        if (p->options->progress != NULL) {
            struct capture_counters counters = capture_counters(p->capture);
            p->options->progress(p->options->progress_to, &counters);
        }
        job = take_free(p, &unwanted);
    }
    job->last = true;
    job->count = 0;
    job->block.clock_ns = p->clock_ns;
    hand_over(p, job);
    return ok;
}

static bool run_together(struct pipeline *p)
{
    unsigned workers = p->options->workers, started = 0;
    struct seat seats[LIMIT_SHARDS];
    pthread_t threads[LIMIT_SHARDS], ordered;
    bool ok = pthread_create(&ordered, NULL, run_ordered, p) == 0;
    bool ordered_started = ok;
    for (; ok && started < workers; started += ok ? 1 : 0) {
        seats[started] = (struct seat){ .pipeline = p, .index = started };
        ok = pthread_create(&threads[started], NULL, run_worker, &seats[started]) == 0;
    }
    if (ok) {
        ok = read_all(p);
    } else {
        log_error("cannot start a thread");
        pthread_mutex_lock(&p->lock);
        p->closing = true;
        pthread_cond_broadcast(&p->changed);
        pthread_mutex_unlock(&p->lock);
    }
    for (unsigned i = 0; i < started; i++)
        pthread_join(threads[i], NULL);
    if (ordered_started)
        pthread_join(ordered, NULL);
    return ok;
}

/* --- opening and closing --- */

static bool open_parts(struct pipeline *p)
{
    unsigned workers = p->options->workers;
    p->job_count = workers == 1 ? 1 : JOBS_PER_WORKER * workers + JOBS_SPARE;
    p->decoder = packet_decoder_new(p->options->worker.hash_key);
    p->workers = calloc(workers, sizeof(struct worker *));
    p->jobs = calloc(p->job_count, sizeof *p->jobs);
    if (p->decoder == NULL || p->workers == NULL || p->jobs == NULL)
        return false;
    for (unsigned i = 0; i < workers; i++)
        if ((p->workers[i] = worker_new(&p->options->worker, i, workers)) == NULL)
            return false;
    for (unsigned i = 0; i < p->job_count; i++)
        if (!block_init(&p->jobs[i].block))
            return false;
    return true;
}

static void close_parts(struct pipeline *p)
{
    for (unsigned i = 0; p->jobs != NULL && i < p->job_count; i++) {
        block_free(&p->jobs[i].block);
        free(p->jobs[i].packets);
        free(p->jobs[i].shards);
    }
    for (unsigned i = 0; p->workers != NULL && i < p->options->workers; i++)
        worker_free(p->workers[i]);
    free(p->jobs);
    free(p->workers);
    packet_decoder_free(p->decoder);
    pthread_cond_destroy(&p->changed);
    pthread_mutex_destroy(&p->lock);
}

bool pipeline_run(const struct pipeline_options *options, struct capture *capture,
                  struct order *order, struct event_stats *stats)
{
    struct pipeline p = { .options = options, .capture = capture, .order = order };
    pthread_mutex_init(&p.lock, NULL);
    pthread_cond_init(&p.changed, NULL);
    bool ok = open_parts(&p);
    if (!ok)
        log_error("out of memory");
    else
        ok = options->workers == 1 ? run_alone(&p) : run_together(&p);

    if (p.decoder != NULL) {
        stats->packets = *packet_decoder_counters(p.decoder);
        for (unsigned i = 0; i < options->workers && p.workers[i] != NULL; i++)
            worker_count(p.workers[i], stats);
    }
    stats->capture = capture_counters(capture);
    stats->start_ns = p.started ? p.start_ns : p.clock_ns;
    stats->end_ns = p.clock_ns;
    stats->last_packet_ns = p.last_packet_ns;
    close_parts(&p);
    return ok;
}
