/* SPDX-License-Identifier: Apache-2.0
 * recent.c - a ring of things in the order of their first findings, which is also the order in
 * which their intervals end, with chains by hash through it.
 */
#include "recent.h"

#include <arpa/inet.h>
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "limits.h"
#include "log.h"
#include "restate.h"

enum { NONE = -1 };

struct entry {
    struct event *first; /* NULL: given up before its time */
    uint64_t count;
    int64_t start_ns;
    int32_t next; /* in the same chain */
};

struct recent {
    int64_t interval_ns, now_ns;
    void (*write)(void *to, const struct event *event);
    void *to;
    struct entry *entries; /* a ring of `most`: entries [begin, end) modulo it */
    int32_t *heads;
    size_t most, chains;
    uint64_t begin, end;
    uint64_t suppressed;
};

struct recent *recent_new(int64_t interval_ns, size_t most,
                          void (*write)(void *to, const struct event *event), void *to)
{
    struct recent *recent = calloc(1, sizeof *recent);
    if (recent == NULL)
        return NULL;
    assert(most > 0 && most <= INT32_MAX);
    *recent = (struct recent){ .interval_ns = interval_ns,
                               .now_ns = INT64_MIN,
                               .write = write,
                               .to = to,
                               .most = most,
                               .chains = most };
    recent->entries = calloc(most, sizeof *recent->entries);
    recent->heads = malloc(recent->chains * sizeof *recent->heads);
    if (recent->entries == NULL || recent->heads == NULL) {
        recent_free(recent);
        return NULL;
    }
    for (size_t i = 0; i < recent->chains; i++)
        recent->heads[i] = NONE;
    return recent;
}

void recent_free(struct recent *recent)
{
    if (recent == NULL)
        return;
    for (uint64_t i = recent->begin; i < recent->end; i++)
        event_free(recent->entries[i % recent->most].first);
    free(recent->entries);
    free(recent->heads);
    free(recent);
}

void recent_set_interval(struct recent *recent, int64_t interval_ns)
{
    recent->interval_ns = interval_ns;
}

/* --- the table --- */

static int32_t *head_of(struct recent *recent, uint64_t thing)
{
    return &recent->heads[thing % recent->chains];
}

static struct entry *find(struct recent *recent, uint64_t thing)
{
    for (int32_t at = *head_of(recent, thing); at != NONE; at = recent->entries[at].next)
        if (recent->entries[at].first->thing == thing)
            return &recent->entries[at];
    return NULL;
}

static void unlink_entry(struct recent *recent, const struct entry *entry)
{
    int32_t index = (int32_t)(entry - recent->entries);
    int32_t *at = head_of(recent, entry->first->thing);
    while (*at != index)
        at = &recent->entries[*at].next;
    *at = entry->next;
}

/* --- updates --- */

/* IPv4 stands in the first four bytes, and no host has an IPv6 address that ends in twelve zero
 * ones. */
static const char *address_text(const struct address *address, char out[INET6_ADDRSTRLEN])
{
    static const uint8_t zero[12];
    bool four = memcmp(address->bytes + 4, zero, sizeof zero) == 0;
    const char *text = inet_ntop(four ? AF_INET : AF_INET6, address->bytes, out, INET6_ADDRSTRLEN);
    return text == NULL ? "?" : text;
}

static bool line_text(struct event *update, uint64_t count)
{
    char line[256], when[CLOCK_TEXT_SIZE], client[INET6_ADDRSTRLEN], server[INET6_ADDRSTRLEN];
    clock_text(update->key.time_ns, when);
    int len =
        snprintf(line, sizeof line,
                 "%.10s %.8s  %s %s: %llu times so far from the network of %s to %s port %u\n",
                 when, when + 11, event_severity_name(update->severity), update->key.rule,
                 (unsigned long long)count, address_text(&update->key.client, client),
                 address_text(&update->key.server, server), update->key.server_port);
    update->body[FORMAT_TEXT] = strdup(line);
    update->len[FORMAT_TEXT] = (size_t)len;
    return update->body[FORMAT_TEXT] != NULL;
}

static struct event *update_of(const struct entry *entry, int64_t time_ns)
{
    const struct event *first = entry->first;
    struct event *update = calloc(1, sizeof *update);
    if (update == NULL)
        return NULL;
    update->key = first->key;
    update->key.time_ns = time_ns;
    update->sequence_at = first->sequence_at;
    update->thing = first->thing;
    update->severity = first->severity;
    update->update = first->update + 1;
    memcpy(update->session_id, first->session_id, sizeof update->session_id);
    memcpy(update->community_id, first->community_id, sizeof update->community_id);
    memcpy(update->finding_key, first->finding_key, sizeof update->finding_key);
    event_id(first->session_id, DATASET_FINDING, first->key.rule, first->finding_key,
             update->update, update->key.id);
    bool good = event_restate(update, first, entry->count) &&
                (first->body[FORMAT_TEXT] == NULL || line_text(update, entry->count));
    if (good)
        return update;
    event_free(update);
    return NULL;
}

/* Its interval is over, or has to be: tells the count if there is one, and forgets it. */
static void close_entry(struct recent *recent, struct entry *entry, int64_t time_ns)
{
    if (entry->first == NULL)
        return;
    unlink_entry(recent, entry);
    if (entry->count > 1) {
        struct event *update = update_of(entry, time_ns);
        if (update != NULL)
            recent->write(recent->to, update);
        else
            log_error("a count of repeated findings was lost");
        event_free(update);
    }
    event_free(entry->first);
    entry->first = NULL;
}

static void close_oldest(struct recent *recent, int64_t time_ns)
{
    close_entry(recent, &recent->entries[recent->begin % recent->most], time_ns);
    recent->begin++;
}

static void close_due(struct recent *recent, int64_t before_ns)
{
    while (recent->begin < recent->end) {
        int64_t start_ns = recent->entries[recent->begin % recent->most].start_ns;
        if (start_ns > INT64_MAX - recent->interval_ns ||
            start_ns + recent->interval_ns >= before_ns)
            return;
        close_oldest(recent, start_ns + recent->interval_ns);
    }
}

/* --- events --- */

static void open_entry(struct recent *recent, struct event *event)
{
    struct entry *entry = &recent->entries[recent->end++ % recent->most];
    int32_t *head = head_of(recent, event->thing);
    *entry =
        (struct entry){ .first = event, .count = 1, .start_ns = event->key.time_ns, .next = *head };
    *head = (int32_t)(entry - recent->entries);
}

/* More became known of the very finding that was written: it is told, and stands for the thing. */
static bool is_same_finding(const struct event *a, const struct event *b)
{
    return strcmp(a->session_id, b->session_id) == 0 && strcmp(a->finding_key, b->finding_key) == 0;
}

/* For readers a session does not stand there without a word: the heading of what was said above. */
static void write_again(struct recent *recent, struct event *event)
{
    static const char again[] = ", as above\n";
    char *text = event->body[FORMAT_TEXT];
    char *end = text != NULL && event->body[FORMAT_ECS] == NULL ? strchr(text, '\n') : NULL;
    size_t heading = end != NULL ? (size_t)(end - text) : 0;
    if (end == NULL || event->len[FORMAT_TEXT] < heading + sizeof again)
        return;
    memcpy(end, again, sizeof again);
    event->len[FORMAT_TEXT] = heading + sizeof again - 1;
    recent->write(recent->to, event);
}

static void pass_finding(struct recent *recent, struct event *event)
{
    struct entry *entry = find(recent, event->thing);
    if (entry != NULL && event->update > 0 && is_same_finding(entry->first, event)) {
        recent->write(recent->to, event);
        event_free(entry->first);
        entry->first = event;
        return;
    }
    if (entry != NULL && event->severity <= entry->first->severity) {
        if (event->update == 0) { /* of what was counted already otherwise */
            entry->count++;
            recent->suppressed++;
            write_again(recent, event);
        }
        event_free(event);
        return;
    }
    if (entry != NULL)
        close_entry(recent, entry, event->key.time_ns);
    if (recent->end - recent->begin == recent->most)
        close_oldest(recent, event->key.time_ns);
    recent->write(recent->to, event);
    open_entry(recent, event);
}

void recent_pass(struct recent *recent, struct event *event)
{
    if (event->key.time_ns > recent->now_ns)
        recent->now_ns = event->key.time_ns;
    close_due(recent, event->key.time_ns);
    if (event->key.dataset == DATASET_FINDING && event->thing != 0 && recent->interval_ns > 0) {
        pass_finding(recent, event);
        return;
    }
    recent->write(recent->to, event);
    event_free(event);
}

void recent_advance(struct recent *recent, int64_t clock_ns) { close_due(recent, clock_ns); }

void recent_finish(struct recent *recent)
{
    while (recent->begin < recent->end)
        close_oldest(recent, recent->now_ns);
}

uint64_t recent_suppressed(const struct recent *recent) { return recent->suppressed; }
