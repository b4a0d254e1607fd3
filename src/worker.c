/* SPDX-License-Identifier: Apache-2.0
 * worker.c - shards with their sessions' contexts.
 */
#include "worker.h"

#include <stdlib.h>

#include "json.h"
#include "limits.h"
#include "log.h"
#include "seen.h"

/* What belongs to one shard. */
struct lane {
    struct worker *worker;
    struct shard *shard; /* NULL where another worker has it */
    struct session_context context;
    struct seen certificates; /* spares events that the ordered thread would drop */
};
enum { CERTIFICATES_REMEMBERED = 256 };

struct worker {
    const struct worker_options *options;
    struct event_options event; /* the options' with this worker's memory */
    unsigned index, count;
    struct x509_cache *cache;
    struct foreign *foreign;
    struct intern *intern;
    struct lane lanes[LIMIT_SHARDS];
    struct event *events;
    uint64_t events_lost;
    uint64_t findings[STARTTAP_CRITICAL + 1];
};

static void add_event(struct worker *worker, struct event *event)
{
    if (event == NULL) {
        if (worker->events_lost++ == 0)
            log_error("out of memory: an event was lost");
        return;
    }
    event->next = worker->events;
    worker->events = event;
}

static void add_certificates(struct lane *lane, const struct session_record *record)
{
    struct worker *worker = lane->worker;
    if (record->chain == NULL || record->chain->over_budget ||
        (worker->options->datasets & 1u << DATASET_CERTIFICATE) == 0)
        return;
    for (size_t i = 0; i < record->chain->count; i++)
        if (seen_first(&lane->certificates, event_certificate_once(record, i)))
            add_event(worker, event_of_certificate(&worker->event, record, i));
}

static void add_findings(struct worker *worker, struct finding *findings)
{
    const struct worker_options *options = worker->options;
    bool wanted = (options->datasets & 1u << DATASET_FINDING) != 0;
    while (findings != NULL) {
        struct finding *next = findings->next;
        worker->findings[findings->said.severity]++;
        if (wanted && findings->said.severity >= options->least)
            add_event(worker, event_of_finding(&worker->event, findings));
        finding_free(findings);
        findings = next;
    }
}

/* A silent connection is a record only if something was found in it. */
static bool report(void *to, struct session_record *record)
{
    struct lane *lane = to;
    struct worker *worker = lane->worker;
    const struct worker_options *options = worker->options;
    struct facts *facts = facts_new(record, detect_policy(options->detect));
    struct finding *findings = detect_session(options->detect, record, facts);
    const struct found *found = detect_found(record);
    bool counts = !record->silent || (found != NULL && found->count > 0);
    bool last = !record->early && !record->open;

    if (facts == NULL)
        log_error("out of memory: a session was not judged");
    if (counts && !record->early && (options->datasets & 1u << DATASET_SESSION) != 0)
        add_event(worker, event_of_session(&worker->event, record));
    if (options->excerpt != NULL)
        excerpt_note(options->excerpt, record, findings);
    add_findings(worker, findings);
    if (last)
        add_certificates(lane, record);
    if (counts && facts != NULL && detect_has_neighbours(options->detect))
        add_event(worker, event_of_facts(facts));
    if (last)
        detect_forget(record);
    facts_release(facts);
    return counts;
}

static bool open_shards(struct worker *worker)
{
    for (unsigned i = worker->index; i < LIMIT_SHARDS; i += worker->count) {
        struct lane *lane = &worker->lanes[i];
        lane->worker = worker;
        (void)seen_init(&lane->certificates, CERTIFICATES_REMEMBERED);
        lane->context = (struct session_context){
            .options = &worker->options->session,
            .cache = worker->cache,
            .intern = worker->intern,
            .budget = x509_budget_new(worker->options->new_chains, LIMIT_CHAINS_GRANTED),
            .foreign = worker->foreign,
            .report = report,
            .to = lane,
        };
        lane->shard = shard_new(&worker->options->shard, session_sink(), &lane->context);
        if (lane->shard == NULL || lane->context.budget == NULL)
            return false;
    }
    return true;
}

struct worker *worker_new(const struct worker_options *options, unsigned index, unsigned count)
{
    struct worker *worker = calloc(1, sizeof *worker);
    if (worker == NULL)
        return NULL;
    worker->options = options;
    worker->event = options->event;
    worker->event.json = json_arena_new(); /* without one it is slower, no more */
    worker->index = index;
    worker->count = count;
    worker->cache = x509_cache_new(options->store, options->cache_chains);
    worker->foreign = foreign_new();
    worker->intern = intern_new(options->hash_key);
    if (worker->cache == NULL || worker->foreign == NULL || worker->intern == NULL ||
        !open_shards(worker)) {
        worker_free(worker);
        return NULL;
    }
    return worker;
}

void worker_free(struct worker *worker)
{
    if (worker == NULL)
        return;
    for (struct event *event = worker_take_events(worker); event != NULL;) {
        struct event *next = event->next;
        event_free(event);
        event = next;
    }
    for (unsigned i = 0; i < LIMIT_SHARDS; i++) {
        shard_free(worker->lanes[i].shard);
        x509_budget_free(worker->lanes[i].context.budget);
        seen_free(&worker->lanes[i].certificates);
    }
    foreign_free(worker->foreign);
    intern_free(worker->intern);
    x509_cache_free(worker->cache);
    json_arena_free(worker->event.json);
    free(worker);
}

void worker_packet(struct worker *worker, unsigned shard, const struct packet *packet)
{
    shard_packet(worker->lanes[shard].shard, packet);
}

void worker_advance(struct worker *worker, int64_t clock_ns)
{
    for (unsigned i = worker->index; i < LIMIT_SHARDS; i += worker->count)
        shard_advance(worker->lanes[i].shard, clock_ns);
}

void worker_finish(struct worker *worker, int64_t clock_ns)
{
    for (unsigned i = worker->index; i < LIMIT_SHARDS; i += worker->count)
        shard_finish(worker->lanes[i].shard, clock_ns);
}

void worker_switch(struct worker *worker, const struct worker_options *next)
{
    struct json_arena *json = worker->event.json;
    worker->options = next;
    worker->event = next->event;
    worker->event.json = json;
    x509_cache_switch(worker->cache, next->store);
    for (unsigned i = worker->index; i < LIMIT_SHARDS; i += worker->count)
        worker->lanes[i].context.options = &next->session;
}

struct event *worker_take_events(struct worker *worker)
{
    struct event *events = worker->events;
    worker->events = NULL;
    return events;
}

static void add_shard(struct shard_counters *sum, const struct shard_counters *c)
{
    sum->flows += c->flows;
    sum->flows_open += c->flows_open;
    sum->evicted += c->evicted;
    sum->timed_out += c->timed_out;
    sum->one_sided += c->one_sided;
    sum->midstream += c->midstream;
    sum->half += c->half;
    sum->both += c->both;
    sum->packets += c->packets;
    sum->duplicates += c->duplicates;
    sum->bad_checksums += c->bad_checksums;
    sum->gaps += c->gaps;
    sum->missed_bytes += c->missed_bytes;
    sum->conflicts += c->conflicts;
    sum->buffered_bytes_peak += c->buffered_bytes_peak;
    sum->buffer_refused += c->buffer_refused;
}

static void add_all(uint64_t *sum, const uint64_t *more, size_t count)
{
    for (size_t i = 0; i < count; i++)
        sum[i] += more[i];
}

static void add_sessions(struct session_counters *sum, const struct session_counters *c)
{
    sum->records += c->records;
    sum->open_records += c->open_records;
    add_all(sum->recognised, c->recognised, sizeof sum->recognised / sizeof sum->recognised[0]);
    sum->let_go += c->let_go;
    sum->foreign_asked += c->foreign_asked;
    sum->chains_over_budget += c->chains_over_budget;
    add_all(sum->protocols, c->protocols, sizeof sum->protocols / sizeof sum->protocols[0]);
    add_all(sum->modes, c->modes, MODE_COUNT);
    add_all(sum->verdicts, c->verdicts, VERDICT_COUNT);
    add_all(sum->tls_versions, c->tls_versions,
            sizeof sum->tls_versions / sizeof sum->tls_versions[0]);
    add_all(sum->reasons, c->reasons, REASON_COUNT);
}

void worker_count(const struct worker *worker, struct event_stats *stats)
{
    for (unsigned i = worker->index; i < LIMIT_SHARDS; i += worker->count) {
        struct shard_counters shard = shard_counters(worker->lanes[i].shard);
        add_shard(&stats->flows, &shard);
        add_sessions(&stats->sessions, &worker->lanes[i].context.counters);
    }
    add_all(stats->findings, worker->findings, sizeof stats->findings / sizeof stats->findings[0]);
}

void worker_add_counts(struct event_stats *sum, const struct event_stats *more)
{
    add_shard(&sum->flows, &more->flows);
    add_sessions(&sum->sessions, &more->sessions);
    add_all(sum->findings, more->findings, sizeof sum->findings / sizeof sum->findings[0]);
}
