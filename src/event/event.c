/* SPDX-License-Identifier: Apache-2.0
 * event.c - order and lifetime of events.
 */
#include "event.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ecs.h"
#include "formats.h"
#include "hash.h"
#include "text_format.h"

const char *event_dataset_name(enum event_dataset dataset)
{
    static const char *const names[DATASET_COUNT] = {
        [DATASET_SESSION] = "session",
        [DATASET_FINDING] = "finding",
        [DATASET_CERTIFICATE] = "certificate",
        [DATASET_STATS] = "stats",
    };
    return names[dataset];
}

static const char *const format_names[FORMAT_COUNT] = {
    [FORMAT_ECS] = "ecs", [FORMAT_TEXT] = "text", [FORMAT_EVE] = "eve",
    [FORMAT_CEF] = "cef", [FORMAT_LEEF] = "leef", [FORMAT_OCSF] = "ocsf",
};

const char *event_format_name(enum event_format format) { return format_names[format]; }

bool event_format_read(const char *word, enum event_format *format)
{
    for (int i = 0; i < FORMAT_COUNT; i++)
        if (strcmp(word, format_names[i]) == 0) {
            *format = (enum event_format)i;
            return true;
        }
    return false;
}

void event_id(const char *session_id, enum event_dataset dataset, const char *rule, const char *key,
              uint32_t update, char out[EVENT_ID_SIZE])
{
    const char *const parts[] = { session_id, event_dataset_name(dataset), rule, key };
    char line[512];
    size_t len = text_append(line, sizeof line, 0, "starttap-event-1|");
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        len = text_append(line, sizeof line, len, parts[i]);
        len = text_append(line, sizeof line, len, "|");
    }
    text_append_number(line, sizeof line, len, update);
    identity_line(line, out);
}

static int compare(uint64_t a, uint64_t b) { return a < b ? -1 : a > b; }

int event_key_compare(const void *left, const void *right)
{
    const struct event_key *a = left, *b = right;
    int order = a->time_ns < b->time_ns ? -1 : a->time_ns > b->time_ns;
    if (order == 0)
        order = memcmp(&a->client, &b->client, sizeof a->client);
    if (order == 0)
        order = compare(a->client_port, b->client_port);
    if (order == 0)
        order = memcmp(&a->server, &b->server, sizeof a->server);
    if (order == 0)
        order = compare(a->server_port, b->server_port);
    if (order == 0)
        order = compare((uint64_t)a->dataset, (uint64_t)b->dataset);
    if (order == 0)
        order = strcmp(a->rule, b->rule);
    if (order == 0)
        order = compare(a->ordinal, b->ordinal);
    return order != 0 ? order : strcmp(a->id, b->id);
}

/* The ECS body begins with @timestamp and then the event object, so the place is found at once. */
static void take_json(struct event *event, struct json *root)
{
    static const char mark[] = "\"event\":{";
    event->body[FORMAT_ECS] = json_print(root, &event->len[FORMAT_ECS]);
    json_free(root);
    const char *found =
        event->body[FORMAT_ECS] == NULL ? NULL : strstr(event->body[FORMAT_ECS], mark);
    if (found != NULL)
        event->sequence_at = (size_t)(found - event->body[FORMAT_ECS]) + sizeof mark - 1;
}

struct event *event_of_session(const struct event_options *options,
                               const struct session_record *record)
{
    struct event *event = calloc(1, sizeof *event);
    if (event == NULL)
        return NULL;

    event->key = (struct event_key){
        .time_ns = record->now_ns,
        .client = record->flow->client,
        .server = record->flow->server,
        .client_port = record->flow->client_port,
        .server_port = record->flow->server_port,
        .dataset = DATASET_SESSION,
    };
    memcpy(event->community_id, record->community, sizeof event->community_id);
    event_id(record->id, DATASET_SESSION, "", record->open ? "open" : "", 0, event->key.id);

    if (options->formats[FORMAT_ECS])
        take_json(event, ecs_session(options, record, event->key.id));
    if (options->formats[FORMAT_TEXT] && !record->open)
        event->body[FORMAT_TEXT] = text_of_session(record, &event->len[FORMAT_TEXT]);
    if (options->formats[FORMAT_EVE])
        event->body[FORMAT_EVE] = eve_session(options, record, event, &event->len[FORMAT_EVE]);
    return event;
}

const char *event_severity_name(enum starttap_severity severity)
{
    static const char *const names[] = { "info", "low", "medium", "high", "critical" };
    return names[severity];
}

unsigned event_severity_number(enum starttap_severity severity)
{
    return 10 + 20 * (unsigned)severity;
}

static struct event_key key_of_facts(const struct starttap_session *s)
{
    struct event_key key = { .time_ns = s->now_ns,
                             .client_port = s->client.port,
                             .server_port = s->server.port };
    memcpy(key.client.bytes, s->client.address, sizeof key.client.bytes);
    memcpy(key.server.bytes, s->server.address, sizeof key.server.bytes);
    return key;
}

static void community_of_facts(const struct starttap_session *s, char out[IDENTITY_COMMUNITY_SIZE])
{
    struct flow_info flow = { .ip_version = s->client.family,
                              .client_port = s->client.port,
                              .server_port = s->server.port };
    memcpy(flow.client.bytes, s->client.address, sizeof flow.client.bytes);
    memcpy(flow.server.bytes, s->server.address, sizeof flow.server.bytes);
    identity_community(&flow, out);
}

/* Rule, server, the client's network (/24 or /64) and what tells findings of the rule apart. */
static uint64_t thing_of(const struct finding *finding, const struct starttap_session *s)
{
    uint8_t bytes[16 + 2 + 16] = { 0 };
    memcpy(bytes, s->server.address, 16);
    memcpy(bytes + 16, &s->server.port, 2);
    memcpy(bytes + 18, s->client.address, s->client.family == 4 ? 3 : 8);
    uint64_t seed = hash_bytes(finding->said.rule, strlen(finding->said.rule), 0);
    seed = hash_bytes(finding->said.key, strlen(finding->said.key), seed);
    uint64_t thing = hash_bytes(bytes, sizeof bytes, seed);
    return thing != 0 ? thing : 1;
}

struct event *event_of_finding(const struct event_options *options, const struct finding *finding)
{
    static const struct {
        enum event_format format;
        char *(*make)(const struct event_options *options, const struct finding *finding,
                      const struct event *event, size_t *len);
    } of_finding[] = {
        { FORMAT_EVE, eve_finding },
        { FORMAT_CEF, cef_finding },
        { FORMAT_LEEF, leef_finding },
        { FORMAT_OCSF, ocsf_finding },
    };
    struct event *event = calloc(1, sizeof *event);
    if (event == NULL)
        return NULL;
    const struct starttap_session *s = facts_session(finding->facts);
    event->key = key_of_facts(s);
    event->key.dataset = DATASET_FINDING;
    event->key.ordinal = finding->ordinal;
    snprintf(event->key.rule, sizeof event->key.rule, "%s", finding->said.rule);
    identity_line(finding->said.key, event->finding_key); /* of any length */
    snprintf(event->session_id, sizeof event->session_id, "%s", s->id);
    event_id(s->id, DATASET_FINDING, finding->said.rule, event->finding_key, finding->update,
             event->key.id);
    event->thing = thing_of(finding, s);
    community_of_facts(s, event->community_id);
    event->severity = finding->said.severity;
    event->update = finding->update;
    if (options->formats[FORMAT_ECS])
        take_json(event, ecs_finding(options, finding, event->key.id));
    if (options->formats[FORMAT_TEXT])
        event->body[FORMAT_TEXT] =
            text_of_finding(finding, options->live, &event->len[FORMAT_TEXT]);
    for (size_t i = 0; i < sizeof of_finding / sizeof of_finding[0]; i++) {
        enum event_format format = of_finding[i].format;
        if (options->formats[format])
            event->body[format] = of_finding[i].make(options, finding, event, &event->len[format]);
    }
    return event;
}

struct event *event_of_facts(struct facts *facts)
{
    struct event *event = calloc(1, sizeof *event);
    if (event == NULL)
        return NULL;
    event->key = key_of_facts(facts_session(facts));
    event->key.dataset = DATASET_FINDING; /* whatever it leads to is one */
    snprintf(event->key.id, sizeof event->key.id, "%s", facts_session(facts)->id);
    event->facts = facts_hold(facts);
    return event;
}

uint64_t event_certificate_once(const struct session_record *record, size_t position)
{
    uint8_t bytes[SHA256_SIZE + 16 + 2];
    memcpy(bytes, record->chain->certificates[position].sha256, SHA256_SIZE);
    memcpy(bytes + SHA256_SIZE, record->flow->server.bytes, 16);
    memcpy(bytes + SHA256_SIZE + 16, &record->flow->server_port, 2);
    uint64_t once = hash_bytes(bytes, sizeof bytes, 0);
    return once != 0 ? once : 1;
}

struct event *event_of_certificate(const struct event_options *options,
                                   const struct session_record *record, size_t position)
{
    struct event *event = calloc(1, sizeof *event);
    if (event == NULL)
        return NULL;
    char hash[2 * SHA256_SIZE + 1];
    text_hex(record->chain->certificates[position].sha256, SHA256_SIZE, hash);
    event->key = (struct event_key){
        .time_ns = record->now_ns,
        .client = record->flow->client,
        .server = record->flow->server,
        .client_port = record->flow->client_port,
        .server_port = record->flow->server_port,
        .dataset = DATASET_CERTIFICATE,
        .ordinal = (uint32_t)position,
    };
    memcpy(event->community_id, record->community, sizeof event->community_id);
    event_id(record->id, DATASET_CERTIFICATE, "", hash, 0, event->key.id);
    event->once = event_certificate_once(record, position);
    if (options->formats[FORMAT_ECS])
        take_json(event, ecs_certificate(options, record, position, event->key.id));
    return event;
}

struct event *event_of_stats(const struct event_options *options, const struct event_stats *stats)
{
    struct event *event = calloc(1, sizeof *event);
    if (event == NULL)
        return NULL;
    event->key.time_ns = stats->end_ns;
    event->key.dataset = DATASET_STATS;
    char span[64]; /* runs over other captures are other events */
    snprintf(span, sizeof span, "%lld|%lld", (long long)stats->start_ns, (long long)stats->end_ns);
    event_id("", DATASET_STATS, "", span, stats->told, event->key.id);
    if (options->formats[FORMAT_ECS])
        take_json(event, ecs_stats(options, stats, event->key.id));
    if (options->formats[FORMAT_TEXT])
        event->body[FORMAT_TEXT] = text_of_stats(stats, &event->len[FORMAT_TEXT]);
    if (options->formats[FORMAT_EVE])
        event->body[FORMAT_EVE] = eve_stats(options, stats, event, &event->len[FORMAT_EVE]);
    return event;
}

void event_free(struct event *event)
{
    if (event == NULL)
        return;
    for (int format = 0; format < FORMAT_COUNT; format++)
        free(event->body[format]);
    facts_release(event->facts);
    free(event);
}
