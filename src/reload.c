/* SPDX-License-Identifier: Apache-2.0
 * reload.c - idle -> reading (a thread) -> switching (workers) -> idle.
 */
#include "reload.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "clock.h"
#include "log.h"
#include "signals.h"

struct generation {
    struct config config;
    struct detect *detect;
    struct trust_store *store;
    struct worker_options worker;
};

struct reload {
    struct run *run; /* its detect and store are those of the start, NULL once they were replaced */
    const struct worker_options *first;
    struct heartbeat *heartbeat;
    struct generation *now, *next; /* now: NULL for that of the start */
    enum { IDLE, READING, SWITCHING } state;
    unsigned hangups; /* that were seen to */
    pthread_t thread; /* while reading */
    atomic_bool read; /* by it: next is there, or NULL because it was refused */
};

static void generation_free(struct generation *g)
{
    if (g == NULL)
        return;
    detect_free(g->detect);
    trust_store_free(g->store);
    config_free(&g->config);
    free(g);
}

static const struct detect *detect_now(const struct reload *r)
{
    return r->now != NULL ? r->now->detect : r->run->detect;
}

static void tell_what_has_to_wait(const struct config *start, const struct config *next)
{
    const char *name;
    for (size_t id = 0; (name = config_next_fixed(start, next, &id)) != NULL;)
        log_warn("%s was changed: that takes effect at the next start", name);
}

/* NULL: the reasons were logged. */
static struct generation *generation_read(const struct reload *r)
{
    const struct options *options = &r->run->options;
    struct generation *g = calloc(1, sizeof *g);
    if (g == NULL) {
        log_error("out of memory");
        return NULL;
    }
    if (!config_load(&g->config, options->config_file, options->settings, options->setting_count,
                     stderr) ||
        !setup_filter(&g->config) ||
        (g->detect = setup_renew_detect(detect_now(r), &g->config)) == NULL ||
        !setup_store(&g->config, r->first->store != NULL, &g->store) ||
        (g->store != NULL && !trust_store_prepare(g->store))) {
        generation_free(g);
        return NULL;
    }
    g->worker = *r->first;
    setup_renew_worker(&g->worker, &g->config, g->detect, g->store);
    tell_what_has_to_wait(&r->run->config, &g->config);
    return g;
}

static void *run_reading(void *argument)
{
    struct reload *r = argument;
    r->next = generation_read(r);
    atomic_store(&r->read, true);
    return NULL;
}

static void begin_reading(struct reload *r)
{
    r->hangups = signals_hangups();
    r->next = NULL;
    atomic_store(&r->read, false);
    if (pthread_create(&r->thread, NULL, run_reading, r) == 0)
        r->state = READING;
    else
        log_error("SIGHUP: no thread to read the configuration with, so the one in force stays");
}

static void begin_switching(struct reload *r, struct pipeline *pipeline)
{
    pthread_join(r->thread, NULL);
    r->state = IDLE;
    if (r->next == NULL) {
        log_error("SIGHUP: nothing was changed, the configuration in force stays");
        return;
    }
    if (!order_set_interval(r->run->order, (int64_t)r->next->config.findings_interval_s * NS_PER_S))
        log_error("out of memory");
    r->heartbeat->config = &r->next->config;
    r->run->neighbours.detect = r->next->detect;
    pipeline_switch(pipeline, &r->next->worker);
    r->state = SWITCHING;
}

/* All that the former one made has been written. */
static void forget_former(struct reload *r)
{
    if (r->now != NULL) {
        generation_free(r->now);
    } else {
        detect_free(r->run->detect);
        trust_store_free(r->run->store);
        r->run->detect = NULL;
        r->run->store = NULL;
    }
    r->now = r->next;
    r->next = NULL;
    r->state = IDLE;
    log_notice("SIGHUP: configuration, lists and authorities were read again and are in force");
}

void reload_tick(struct reload *r, struct pipeline *pipeline)
{
    if (r->state == IDLE && r->hangups != signals_hangups())
        begin_reading(r);
    else if (r->state == READING && atomic_load(&r->read))
        begin_switching(r, pipeline);
    else if (r->state == SWITCHING && pipeline_switched(pipeline))
        forget_former(r);
}

struct reload *reload_new(struct run *run, const struct worker_options *first,
                          struct heartbeat *heartbeat)
{
    struct reload *r = calloc(1, sizeof *r);
    if (r == NULL) {
        log_error("out of memory");
        return NULL;
    }
    *r = (struct reload){ .run = run, .first = first, .heartbeat = heartbeat };
    atomic_init(&r->read, false);
    return r;
}

void reload_settle(struct reload *r)
{
    if (r->state == READING) { /* too late: it was never in force */
        pthread_join(r->thread, NULL);
        generation_free(r->next);
        r->next = NULL;
        r->state = IDLE;
    } else if (r->state == SWITCHING) {
        forget_former(r);
    }
}

void reload_free(struct reload *r)
{
    if (r == NULL)
        return;
    generation_free(r->now);
    free(r);
}
