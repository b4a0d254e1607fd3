/* SPDX-License-Identifier: Apache-2.0
 * body.c - events as the body of a request, in the form that the receiver's interface wants.
 *
 *   jsonl  LINE\n
 *   bulk   {"create":{"_index":"...","_id":"..."}}\nLINE\n
 *   hec    {"time":1.5,"host":"...","source":"starttap","sourcetype":"...","event":LINE}
 */
#include <stdio.h>
#include <string.h>

#include "http.h"

static const char *const datasets[] = { [STARTTAP_DATASET_SESSION] = "session",
                                        [STARTTAP_DATASET_FINDING] = "finding",
                                        [STARTTAP_DATASET_CERTIFICATE] = "certificate",
                                        [STARTTAP_DATASET_STATS] = "stats" };
static const char place[] = "{dataset}";

static void add_index(const struct http_settings *settings, const struct starttap_message *message,
                      struct buffer *body)
{
    bool known = message->dataset < sizeof(datasets) / sizeof(datasets[0]);
    const char *dataset = known ? datasets[message->dataset] : "unknown";
    const char *at = strstr(settings->index, place);
    char index[512]; /* the settings' 256 and the longest dataset fit */

    if (at)
        snprintf(index, sizeof(index), "%.*s%s%s", (int)(at - settings->index), settings->index,
                 dataset, at + sizeof(place) - 1);
    else
        snprintf(index, sizeof(index), "%s", settings->index);
    buffer_json(body, index, strlen(index));
}

/* Create, not index: an event that is there already is answered by 409 and stays as it is, and it
 * is all that data streams allow. */
static void add_bulk(const struct http_settings *settings, const struct starttap_message *message,
                     struct buffer *body)
{
    buffer_text(body, "{\"create\":{");
    if (settings->index[0]) {
        buffer_text(body, "\"_index\":");
        add_index(settings, message, body);
    }
    if (message->id[0]) {
        /* Two sensors that see one connection derive the same event.id: each keeps its own. */
        char id[sizeof(settings->host) + 64];
        int len = snprintf(id, sizeof(id), "%s-%.60s", settings->host, message->id);
        buffer_text(body, settings->index[0] ? ",\"_id\":" : "\"_id\":");
        buffer_json(body, id, (size_t)len);
    }
    buffer_text(body, "}}\n");
    buffer_add(body, message->bytes, message->len);
    buffer_text(body, "\n");
}

static void add_hec(const struct http_settings *settings, const struct starttap_message *message,
                    struct buffer *body)
{
    /* Packets are of 1970 at the earliest. */
    int64_t time_us = message->time_us < 0 ? 0 : message->time_us;

    buffer_printf(body, "{\"time\":%lld.%06lld,\"host\":", (long long)(time_us / 1000000),
                  (long long)(time_us % 1000000));
    buffer_json(body, settings->host, strlen(settings->host));
    buffer_text(body, ",\"source\":\"starttap\",\"sourcetype\":");
    buffer_json(body, settings->sourcetype, strlen(settings->sourcetype));
    if (settings->index[0]) {
        buffer_text(body, ",\"index\":");
        add_index(settings, message, body);
    }
    buffer_text(body, ",\"event\":");
    if (settings->json)
        buffer_add(body, message->bytes, message->len);
    else
        buffer_json(body, message->bytes, message->len);
    buffer_text(body, "}\n");
}

void http_body_add(const struct http_settings *settings, const struct starttap_message *message,
                   struct buffer *body)
{
    switch (settings->style) {
    case HTTP_BULK: add_bulk(settings, message, body); break;
    case HTTP_HEC: add_hec(settings, message, body); break;
    case HTTP_JSONL:
        buffer_add(body, message->bytes, message->len);
        buffer_text(body, "\n");
        break;
    }
}

const char *http_content_type(const struct http_settings *settings)
{
    return settings->style == HTTP_HEC ? "Content-Type: application/json"
                                       : "Content-Type: application/x-ndjson";
}
