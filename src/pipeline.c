/* SPDX-License-Identifier: Apache-2.0
 * pipeline.c - the run of files. Blocks travel in jobs: free -> filled by the reader -> worked on
 * by all workers -> finished in order -> free.
 */
#include "pipeline.h"

#include <pthread.h>
#include <stdlib.h>

#include "batch.h"
#include "limits.h"
#include "live_pipeline.h"
#include "log.h"

struct job {
    struct batch batch;
    bool last;            /* no block: the capture is over */
    unsigned working;     /* workers that are not done with it */
    struct event *events; /* of all workers, once working is 0 */
};

enum { JOBS_PER_WORKER = 2, JOBS_SPARE = 2 };

struct file_run {
    const struct pipeline_options *options;
    struct capture *capture;
    struct order *order;
    struct packet_decoder *decoder;
    struct worker **workers;
    struct job *jobs; /* a ring: job number n is jobs[n % job_count] */
    unsigned job_count;
    int64_t clock_ns;
    struct batch_span span;

    pthread_mutex_t lock; /* all below, and `working` and `events` of the jobs under way */
    pthread_cond_t changed;
    uint64_t filled;   /* jobs that the reader has handed over */
    uint64_t finished; /* jobs that the ordered thread is done with */
    bool closing;      /* no more will be filled */
    bool unwanted;     /* every output is gone */
};

/* --- one block --- */

static void job_decode(struct file_run *p, struct job *job)
{
    batch_decode(&job->batch, p->decoder, p->options->worker.hash_key, job->batch.block.sequence,
                 &p->span);
    p->clock_ns = job->batch.block.clock_ns;
}

static void job_work(struct file_run *p, struct job *job, unsigned index)
{
    struct worker *worker = p->workers[index];
    unsigned workers = p->options->workers;
    if (job->last) {
        worker_finish(worker, job->batch.block.clock_ns);
        return;
    }
    for (size_t i = 0; i < job->batch.count; i++)
        if (workers == 1 || job->batch.shards[i] % workers == index)
            worker_packet(worker, job->batch.shards[i], &job->batch.packets[i]);
    worker_advance(worker, job->batch.block.clock_ns);
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

static void run_alone(struct file_run *p)
{
    struct job *job = &p->jobs[0];
    while (order_wanted(p->order) && capture_fill(p->capture, &job->batch.block)) {
        job_decode(p, job);
        job_work(p, job, 0);
        order_add(p->order, worker_take_events(p->workers[0]));
        order_release(p->order, job->batch.block.clock_ns);
        packet_decoder_release(p->decoder, job->batch.block.sequence);
        if (p->options->progress != NULL) {
            struct capture_counters counters = capture_counters(p->capture);
            p->options->progress(p->options->progress_to, &counters);
        }
    }
    job->last = true;
    job->batch.block.clock_ns = p->clock_ns;
    job_work(p, job, 0);
    order_add(p->order, worker_take_events(p->workers[0]));
    order_finish(p->order);
}

/* --- reader, workers and the ordered thread --- */

struct seat {
    struct file_run *run;
    unsigned index;
};

static void *run_worker(void *argument)
{
    const struct seat *seat = argument;
    struct file_run *p = seat->run;
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
    struct file_run *p = argument;
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
            order_release(p->order, job->batch.block.clock_ns);

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
static struct job *take_free(struct file_run *p, bool *unwanted)
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

static void hand_over(struct file_run *p, struct job *job)
{
    pthread_mutex_lock(&p->lock);
    job->working = p->options->workers;
    p->filled++;
    p->closing = job->last;
    pthread_cond_broadcast(&p->changed);
    pthread_mutex_unlock(&p->lock);
}

static void read_all(struct file_run *p)
{
    bool unwanted = false;
    struct job *job = take_free(p, &unwanted);
    while (!unwanted && capture_fill(p->capture, &job->batch.block)) {
        job_decode(p, job);
        hand_over(p, job);
        if (p->options->progress != NULL) {
            struct capture_counters counters = capture_counters(p->capture);
            p->options->progress(p->options->progress_to, &counters);
        }
        job = take_free(p, &unwanted);
    }
    job->last = true;
    job->batch.count = 0;
    job->batch.block.clock_ns = p->clock_ns;
    hand_over(p, job);
}

static bool run_together(struct file_run *p)
{
    unsigned workers = p->options->workers, started = 0;
    struct seat seats[LIMIT_SHARDS];
    pthread_t threads[LIMIT_SHARDS], ordered;
    bool ok = pthread_create(&ordered, NULL, run_ordered, p) == 0;
    bool ordered_started = ok;
    for (; ok && started < workers; started += ok ? 1 : 0) {
        seats[started] = (struct seat){ .run = p, .index = started };
        ok = pthread_create(&threads[started], NULL, run_worker, &seats[started]) == 0;
    }
    if (ok) {
        read_all(p);
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

static bool open_parts(struct file_run *p)
{
    unsigned workers = p->options->workers;
    p->job_count = workers == 1 ? 1 : JOBS_PER_WORKER * workers + JOBS_SPARE;
    p->decoder = packet_decoder_new(p->options->worker.hash_key);
    p->workers = calloc(workers, sizeof(struct worker *));
    p->jobs = calloc(p->job_count, sizeof *p->jobs);
    if (p->decoder == NULL || p->workers == NULL || p->jobs == NULL ||
        !packet_decoder_narrow(p->decoder, &p->options->narrow))
        return false;
    for (unsigned i = 0; i < workers; i++)
        if ((p->workers[i] = worker_new(&p->options->worker, i, workers)) == NULL)
            return false;
    for (unsigned i = 0; i < p->job_count; i++)
        if (!batch_init(&p->jobs[i].batch))
            return false;
    return true;
}

static void close_parts(struct file_run *p)
{
    for (unsigned i = 0; p->jobs != NULL && i < p->job_count; i++)
        batch_free(&p->jobs[i].batch);
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
    if (options->readers > 0)
        return live_pipeline_run(options, capture, order, stats);
    struct file_run p = {
        .options = options, .capture = capture, .order = order, .span = BATCH_NO_SPAN
    };
    pthread_mutex_init(&p.lock, NULL);
    pthread_cond_init(&p.changed, NULL);
    bool ok = open_parts(&p);
    if (!ok)
        log_error("out of memory");
    else if (options->workers == 1)
        run_alone(&p);
    else
        ok = run_together(&p);

    if (p.decoder != NULL) {
        stats->packets = *packet_decoder_counters(p.decoder);
        for (unsigned i = 0; i < options->workers && p.workers[i] != NULL; i++)
            worker_count(p.workers[i], stats);
    }
    stats->capture = capture_counters(capture);
    bool none = p.span.first_ns > p.span.last_ns;
    stats->start_ns = none ? p.clock_ns : p.span.first_ns;
    stats->end_ns = p.clock_ns;
    stats->last_packet_ns = none ? 0 : p.span.last_ns;
    close_parts(&p);
    return ok;
}
