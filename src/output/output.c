/* SPDX-License-Identifier: Apache-2.0
 * output.c - which events an output gets, and as which lines.
 */
#include "output.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "channel.h"
#include "clock.h"
#include "direct.h"
#include "file.h"
#include "log.h"
#include "paragraphs.h"
#include "text_format.h"

struct output {
    const struct output_spec *spec;
    struct direct *direct; /* in this process; NULL: through the channel */
    struct channel *channel;
    bool headed; /* the heading of the table was written */
    bool follow; /* somebody watches: flush what is ready at once */
    atomic_bool reopen;
    struct starttap_message message; /* of the event at hand */
    struct paragraphs paragraphs;
};

/* Captures can wait for a disk; packets, and a folder that is followed for months, cannot. */
static bool needs_process(const struct output_spec *spec, const struct output_options *options)
{
    return !output_spec_is_local(spec) || options->lossy;
}

/* A file that cannot be made is said at the start, not by its process later. */
static bool can_be_opened(const struct output_spec *spec, const char *sensor)
{
    struct starttap_output_options options = output_spec_options(spec, sensor);
    char why[256] = "";
    void *self = output_spec_is_local(spec) ? spec->door->open(&options, why, sizeof why) : NULL;
    if (*why != '\0')
        log_error("%s: %s", spec->name, why);
    spec->door->close(self);
    return *why == '\0';
}

struct output *output_open(const struct output_spec *spec, const struct output_options *options)
{
    struct output *output = calloc(1, sizeof *output);
    if (output == NULL)
        return NULL;
    output->spec = spec;
    if (!needs_process(spec, options))
        output->direct = direct_new(spec, options->sensor, options->stop);
    else if (can_be_opened(spec, options->sensor))
        output->channel = channel_new(spec, options->sensor, options->lossy, options->stop);
    if (output->channel != NULL && !output_spec_is_local(spec))
        output->channel->user = options->user;
    if (output->direct == NULL && output->channel == NULL) {
        free(output);
        return NULL;
    }
    output->follow = options->at_once ||
                     (output->direct != NULL && file_is_watched(direct_self(output->direct)));
    return output;
}

struct channel *output_channel(struct output *output) { return output->channel; }

/* --- lines --- */

static char *room(struct output *output, size_t len)
{
    output->message.len = len;
    return output->direct != NULL ? direct_room(output->direct, &output->message)
                                  : channel_room(output->channel, &output->message);
}

/* The bytes are where room() said. */
static void commit(struct output *output)
{
    if (output->channel != NULL)
        channel_commit(output->channel);
}

static void put(struct output *output, const char *bytes, size_t len)
{
    char *to = len > 0 ? room(output, len) : NULL;
    if (to == NULL)
        return;
    memcpy(to, bytes, len);
    commit(output);
}

/* The line with its number, which is known only here. */
static void join_ecs(const struct event *event, const char *number, size_t number_len, char *to)
{
    const char *body = event->body[FORMAT_ECS];
    memcpy(to, body, event->sequence_at);
    memcpy(to + event->sequence_at, number, number_len);
    memcpy(to + event->sequence_at + number_len, body + event->sequence_at,
           event->len[FORMAT_ECS] - event->sequence_at);
}

/* Shrunk where the receiver wants that. */
static void write_ecs(struct output *output, const struct event *event, uint64_t sequence)
{
    char number[40];
    size_t number_len =
        (size_t)snprintf(number, sizeof number, "\"sequence\":%llu,", (unsigned long long)sequence);
    size_t len = event->len[FORMAT_ECS] + number_len, most = output->spec->max_bytes;
    bool shrinks = most > 0 && len > most;
    char *to = shrinks ? malloc(len + 1) : room(output, len);
    if (to == NULL) {
        if (shrinks)
            log_error("%s: out of memory, an event was lost", output->spec->name);
        return;
    }
    join_ecs(event, number, number_len, to);
    if (!shrinks) {
        commit(output);
        return;
    }
    to[len] = '\0';
    char *capped = event_capped(to, len, most, &len);
    if (capped != NULL)
        put(output, capped, len);
    free(capped);
    free(to);
}

/* One message for each line; the second one of an event has an id of its own. */
static void write_lines(struct output *output, const struct event *event)
{
    enum event_format format = output->spec->format;
    const char *line = event->body[format], *end = line + event->len[format];
    char id[EVENT_ID_SIZE + 12];
    for (unsigned number = 1; line < end; number++) {
        const char *stop = memchr(line, '\n', (size_t)(end - line));
        stop = stop != NULL ? stop : end;
        (void)snprintf(id, sizeof id, number > 1 ? "%s-%u" : "%s", event->key.id, number);
        output->message.id = id;
        put(output, line, (size_t)(stop - line));
        line = stop + 1;
    }
}

static void put_text(void *to, const char *text, size_t len) { put(to, text, len); }

static void write_text(struct output *output, const struct event *event)
{
    if (!output->headed)
        put(output, text_heading(), strlen(text_heading()));
    output->headed = true;
    if (!paragraphs_continue(&output->paragraphs, event))
        paragraphs_flush(&output->paragraphs, put_text, output);
    if (event->key.dataset != DATASET_FINDING || !paragraphs_hold(&output->paragraphs, event))
        put(output, event->body[FORMAT_TEXT], event->len[FORMAT_TEXT]);
}

void output_write(struct output *output, const struct event *event, uint64_t sequence)
{
    const struct output_spec *spec = output->spec;
    bool finding = event->key.dataset == DATASET_FINDING;
    if ((spec->datasets & 1u << event->key.dataset) == 0 || event->body[spec->format] == NULL ||
        (finding && event->severity < spec->least))
        return;
    output->message = (struct starttap_message){
        .id = event->key.id,
        .key = event->community_id,
        .time_us = event->key.time_ns / NS_PER_US,
        .dataset = (uint8_t)event->key.dataset,
        .severity = (uint8_t)(finding ? event_severity_number(event->severity) : 0),
    };
    if (spec->format == FORMAT_ECS)
        write_ecs(output, event, sequence);
    else if (spec->format == FORMAT_TEXT)
        write_text(output, event);
    else
        write_lines(output, event);
}

static void flush_paragraphs(struct output *output)
{
    output->message = (struct starttap_message){ .id = "", .key = "", .dataset = DATASET_FINDING };
    paragraphs_flush(&output->paragraphs, put_text, output);
}

void output_flush(struct output *output)
{
    flush_paragraphs(output);
    if (output->channel != NULL) {
        channel_flush(output->channel);
        return;
    }
    if (atomic_exchange(&output->reopen, false))
        file_reopen(direct_self(output->direct));
    if (output->follow)
        direct_send(output->direct);
}

bool output_is_open(const struct output *output)
{
    return output->direct != NULL ? direct_is_open(output->direct)
                                  : channel_is_open(output->channel);
}

void output_reopen(struct output *output)
{
    if (output->channel != NULL)
        atomic_fetch_add(&output->channel->shared->reopens, 1);
    else
        atomic_store(&output->reopen, true);
}

static uint64_t sum(const uint64_t counts[DATASET_COUNT])
{
    uint64_t all = 0;
    for (int i = 0; i < DATASET_COUNT; i++)
        all += counts[i];
    return all;
}

void output_counts(const struct output *output, size_t place, struct event_output *out)
{
    const char *kind = output->spec->door->kind;
    *out = (struct event_output){ .name = output->spec->name, .kind = kind };
    (void)snprintf(out->label, sizeof out->label, "%.20s-%zu",
                   strcmp(kind, "-") == 0 ? "stdout" : kind, place);
    if (output->channel != NULL) {
        channel_counts(output->channel, out);
        return;
    }
    memcpy(out->dropped, direct_lost(output->direct), sizeof out->dropped);
    out->delivered = direct_delivered(output->direct);
    out->events = out->delivered + sum(out->dropped);
}

void output_end(struct output *output)
{
    flush_paragraphs(output);
    if (output->direct != NULL)
        direct_send(output->direct);
    else
        channel_flush(output->channel);
}

bool output_close(struct output *output)
{
    bool ok = true;
    if (output == NULL)
        return true;
    output_end(output);
    if (output->channel != NULL)
        ok = channel_settle(output->channel);
    else
        ok = sum(direct_lost(output->direct)) == 0 || file_is_gone(direct_self(output->direct));
    direct_free(output->direct);
    channel_free(output->channel);
    free(output);
    return ok;
}
