/* SPDX-License-Identifier: Apache-2.0
 * http.c - the output "http": batches as POST requests, and what becomes of each event.
 *
 * What a request's answer means:
 *   2xx            taken; of a bulk request each item has a status of its own
 *   400, 413, 207  something in it is wrong or it is too long: halves are tried, down to one. (207
 *                  means that a part was not taken; which one, only a bulk request's answer says.)
 *   all the rest   the receiver is busy, away or set up wrongly: all is sent again, later
 *
 * A message that is wrong by itself is refused only when the receiver takes others: one that takes
 * nothing is set up wrongly, and nothing is thrown away for that. Redirects are not followed, a
 * proxy of the environment is not used: both would send events to where nobody sent them.
 */
#include "http.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "link.h"
#include "request.h"

#define HTTP_MESSAGES 2048
#define HTTP_BATCH_BYTES (4u << 20)
#define HTTP_BODY_BYTES (256u << 20)
#define HTTP_ANSWER_BYTES (8u << 20) /* a bulk answer has some 60 bytes an item */
#define HTTP_WRONG_MOST 8 /* wrong ones in a row without one taken, and it is not the messages */

#define HTTP_SECRET_SHOWN 4 /* letters that may be shown by chance */
#define HTTP_HALVES 16      /* a batch can be halved eleven times */

struct part {
    size_t from, count;
};

enum outcome { OPEN, TAKEN, WRONG, LATER };

struct http_output {
    struct http_settings settings;
    struct request *request;
    struct buffer body, packed, answer;
    enum outcome outcomes[HTTP_MESSAGES];
    unsigned statuses[HTTP_MESSAGES];
    bool took; /* the last call in which something was wrong or taken: was anything taken? */
};

/* --- making ready --- */

static void http_close(void *self)
{
    struct http_output *output = self;

    if (!output)
        return;
    request_free(output->request);
    http_settings_free(&output->settings);
    buffer_free(&output->body);
    buffer_free(&output->packed);
    buffer_free(&output->answer);
    free(output);
}

static void *http_open(const struct starttap_output_options *options, char *why, size_t why_size)
{
    struct http_output *output = calloc(1, sizeof(*output));

    if (!output) {
        snprintf(why, why_size, "no memory");
        return NULL;
    }
    buffer_init(&output->body, HTTP_BODY_BYTES);
    buffer_init(&output->packed, HTTP_BODY_BYTES);
    buffer_init(&output->answer, HTTP_ANSWER_BYTES);
    if (!http_settings_read(&output->settings, options, why, why_size) ||
        !(output->request = request_new(&output->settings, why, why_size))) {
        http_close(output);
        return NULL;
    }
    if ((output->settings.user[0] || output->settings.token[0]) &&
        strncmp(options->target, "http://", 7) == 0 && options->log)
        options->log(1, "http: the password or token crosses the network in clear; use https://");
    return output;
}

static bool http_check(const struct starttap_output_options *options, char *why, size_t why_size)
{
    struct http_settings settings;
    bool good = http_settings_read(&settings, options, why, why_size);

    http_settings_free(&settings);
    return good;
}

/* --- one request --- */

/* A receiver may repeat what it was sent, whole or cut off: so not even the beginning of a secret.
 */
static bool has_beginning(const char *line, const char *secret)
{
    char beginning[HTTP_SECRET_SHOWN + 1];

    snprintf(beginning, sizeof(beginning), "%.*s", HTTP_SECRET_SHOWN, secret);
    return beginning[0] && strstr(line, beginning);
}

static bool may_be_shown(const struct http_settings *settings, const char *line)
{
    static const char *const words[] = { "authorization", "basic ", "bearer ", "splunk ",
                                         "apikey " };

    if (!settings->token[0] && !settings->password[0])
        return true;
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (strcasestr(line, words[i]))
            return false;
    return !has_beginning(line, settings->token) && !has_beginning(line, settings->password);
}

/* The first line of the answer, if it may be shown. */
static void say_status(const struct http_output *output, long status, char *why, size_t why_size)
{
    char line[121] = "";
    size_t len = 0;

    while (len < sizeof(line) - 1 && len < output->answer.len &&
           output->answer.bytes[len] != '\r' && output->answer.bytes[len] != '\n') {
        char c = output->answer.bytes[len];

        line[len++] = '.';
        if (c >= ' ' && c < 127)
            line[len - 1] = c;
    }
    line[len] = '\0';
    if (!may_be_shown(&output->settings, line))
        line[0] = '\0';
    snprintf(why, why_size, "HTTP status %ld%s%s", status, line[0] ? ": " : "", line);
}

/* The HTTP status; 0 with `why` when there was none. */
static long post(struct http_output *output, const struct starttap_message *messages, size_t count,
                 uint64_t deadline, char *why, size_t why_size)
{
    const struct buffer *body = &output->body;
    long status;

    buffer_clear(&output->body);
    buffer_clear(&output->answer);
    for (size_t i = 0; i < count; i++)
        http_body_add(&output->settings, &messages[i], &output->body);
    if (output->body.failed || (output->settings.gzip && !http_gzip(body, &output->packed))) {
        snprintf(why, why_size, "no memory");
        return 0;
    }
    if (output->settings.gzip)
        body = &output->packed;
    status = request_post(output->request, body, &output->answer, deadline, why, why_size);
    if (status && (status < 200 || status >= 300 || status == 207)) /* of success nothing is told */
        say_status(output, status, why, why_size);
    return status;
}

/* --- a batch --- */

static enum outcome outcome_of(unsigned status)
{
    if ((status >= 200 && status < 300) || status == 409) /* there already: it was sent before */
        return TAKEN;
    return status == 400 || status == 413 ? WRONG : LATER;
}

static bool take_items(struct http_output *output, enum outcome *outcomes, size_t count, char *why,
                       size_t why_size)
{
    char reason[128];

    if (!http_bulk_decode(&output->answer, output->statuses, count, reason, sizeof(reason))) {
        snprintf(why, why_size, "the answer is not that of a bulk request");
        return false;
    }
    why[0] = '\0';
    for (size_t i = 0; i < count; i++) {
        outcomes[i] = outcome_of(output->statuses[i]);
        if (outcomes[i] != TAKEN && !why[0])
            snprintf(why, why_size, "an event is answered by status %u%s%.100s",
                     output->statuses[i], reason[0] ? ": " : "", reason);
    }
    return true;
}

static bool any(const enum outcome *outcomes, size_t count, enum outcome wanted, size_t least)
{
    size_t found = 0;

    for (size_t i = 0; i < count; i++)
        found += outcomes[i] == wanted;
    return found >= least;
}

/* False: no use to go on. */
static bool deliver_part(struct http_output *output, const struct starttap_message *messages,
                         struct part part, uint64_t deadline, bool *halve, char *why,
                         size_t why_size)
{
    enum outcome *outcomes = output->outcomes + part.from;
    long status = post(output, messages + part.from, part.count, deadline, why, why_size);

    bool bulk = output->settings.style == HTTP_BULK, part_taken = status == 207 && !bulk;

    if (status >= 200 && status < 300 && !part_taken) {
        if (bulk)
            return take_items(output, outcomes, part.count, why, why_size);
        for (size_t i = 0; i < part.count; i++)
            outcomes[i] = TAKEN;
        return true;
    }
    if (status != 400 && status != 413 && !part_taken)
        return false;
    *halve = part.count > 1;
    if (*halve)
        return true;
    outcomes[0] = WRONG;
    return any(output->outcomes, part.from, TAKEN, 1) ||
           !any(output->outcomes, part.from + 1, WRONG, HTTP_WRONG_MOST);
}

/* Fills in the outcomes of a batch, in order; what is wrong in a part is looked for in its halves.
 */
static void deliver(struct http_output *output, const struct starttap_message *messages,
                    size_t count, uint64_t deadline, char *why, size_t why_size)
{
    struct part parts[HTTP_HALVES] = { { .from = 0, .count = count } };
    size_t left = 1;

    while (left > 0) {
        struct part part = parts[--left];
        size_t half = part.count / 2;
        bool halve = false;

        if (!deliver_part(output, messages, part, deadline, &halve, why, why_size))
            return;
        if (!halve)
            continue;
        parts[left++] = (struct part){ part.from + half, part.count - half };
        parts[left++] = (struct part){ part.from, half };
    }
}

static void http_send(void *self, const struct starttap_message *messages, size_t count,
                      unsigned wait_ms, struct starttap_sent *sent)
{
    struct http_output *output = self;
    size_t batch = count < HTTP_MESSAGES ? count : HTTP_MESSAGES;
    char why[sizeof(sent->why)] = "";
    bool refuse;

    memset(output->outcomes, 0, sizeof(output->outcomes));
    deliver(output, messages, batch, link_now() + wait_ms, why, sizeof(why));
    refuse = any(output->outcomes, batch, TAKEN, 1) ||
             (output->took && !any(output->outcomes, batch, WRONG, HTTP_WRONG_MOST));
    if (any(output->outcomes, batch, TAKEN, 1) || any(output->outcomes, batch, WRONG, 1))
        output->took = any(output->outcomes, batch, TAKEN, 1);
    for (size_t i = 0; i < batch; i++) {
        bool wrong = output->outcomes[i] == WRONG;

        if (output->outcomes[i] != TAKEN && !(wrong && refuse))
            break;
        sent->delivered++;
        sent->refused += wrong;
    }
    sent->failed = sent->delivered < batch;
    if (sent->failed || sent->refused)
        snprintf(sent->why, sizeof(sent->why), "%s", why);
}

static const struct starttap_output door = {
    .abi = STARTTAP_OUTPUT_ABI,
    .size = sizeof(struct starttap_output),
    .kind = "http",
    .help = "HTTP: bulk for Elasticsearch and OpenSearch, Splunk HEC, lines of JSON",
    .most_messages = HTTP_MESSAGES,
    .most_bytes = HTTP_BATCH_BYTES,
    .check = http_check,
    .open = http_open,
    .send = http_send,
    .close = http_close,
};

STARTTAP_OUTPUT_EXPORT(http) { return &door; }
