/* SPDX-License-Identifier: Apache-2.0
 * direct.c - a buffer and the messages in it.
 */
#include "direct.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "file.h"
#include "limits.h"
#include "log.h"

enum { BUFFER_BYTES = 256 << 10, PAUSE_MS = 200 };

struct direct {
    const struct output_spec *spec;
    const atomic_bool *stop;
    void *self;
    bool open, waiting;
    char *buffer;
    size_t used, cap, count;
    struct starttap_message messages[LIMIT_OUTPUT_BATCH];
    size_t at[LIMIT_OUTPUT_BATCH]; /* in the buffer */
    uint64_t delivered, lost[DATASET_COUNT];
};

struct direct *direct_new(const struct output_spec *spec, const char *sensor,
                          const atomic_bool *stop)
{
    struct starttap_output_options options = output_spec_options(spec, sensor);
    struct direct *direct = calloc(1, sizeof *direct);
    char why[256] = "out of memory";
    if (direct != NULL && (direct->buffer = malloc(BUFFER_BYTES)) != NULL)
        direct->self = spec->door->open(&options, why, sizeof why);
    if (direct == NULL || direct->self == NULL) {
        log_error("%s: %s",
                  output_spec_is_local(spec) && *spec->target != '\0' ? spec->target : spec->name,
                  why);
        direct_free(direct);
        return NULL;
    }
    direct->spec = spec;
    direct->stop = stop;
    direct->cap = BUFFER_BYTES;
    direct->open = true;
    return direct;
}

void direct_free(struct direct *direct)
{
    if (direct == NULL)
        return;
    if (direct->self != NULL)
        direct->spec->door->close(direct->self);
    free(direct->buffer);
    free(direct);
}

static const char *title(const struct direct *direct)
{
    if (strcmp(direct->spec->door->kind, "-") == 0)
        return "standard output";
    return output_spec_is_local(direct->spec) ? direct->spec->target : direct->spec->name;
}

static void pause_a_little(void)
{
    struct timespec pause = { .tv_nsec = PAUSE_MS * 1000000L };
    nanosleep(&pause, NULL);
}

/* A full disk: somebody may make room. */
static bool wait_for_room(struct direct *direct, unsigned *tries)
{
    bool stopped = direct->stop != NULL && atomic_load(direct->stop);
    if (!file_can_wait(direct->self) || stopped ||
        (uint64_t)*tries * PAUSE_MS >= direct->spec->drain_s * 1000)
        return false;
    ++*tries;
    pause_a_little();
    return true;
}

static void lose(struct direct *direct, size_t from)
{
    for (size_t i = from; i < direct->count; i++)
        direct->lost[direct->messages[i].dataset]++;
}

void direct_send(struct direct *direct)
{
    size_t done = 0;
    unsigned tries = 0;
    for (size_t i = 0; i < direct->count; i++) { /* id, key and bytes lie one behind the other */
        struct starttap_message *message = &direct->messages[i];
        message->id = direct->buffer + direct->at[i];
        message->key = message->id + strlen(message->id) + 1;
        message->bytes = message->key + strlen(message->key) + 1;
    }
    while (direct->open && done < direct->count) {
        struct starttap_sent sent = { 0 };
        direct->spec->door->send(direct->self, direct->messages + done, direct->count - done,
                                 (unsigned)direct->spec->wait_s * 1000, &sent);
        done += sent.delivered;
        direct->delivered += sent.delivered - sent.refused;
        tries = sent.delivered > 0 ? 0 : tries;
        if (!sent.failed)
            continue;
        bool local = output_spec_is_local(direct->spec);
        if (tries == 0 && !(local && file_is_gone(direct->self)))
            log_error("%s: %s", title(direct), sent.why);
        if (local && wait_for_room(direct, &tries))
            continue;
        direct->open = false;
    }
    if (!direct->open)
        lose(direct, done);
    direct->count = direct->used = 0;
}

static bool grow(struct direct *direct, size_t len)
{
    char *buffer = realloc(direct->buffer, len);
    if (buffer == NULL)
        return false;
    direct->buffer = buffer;
    direct->cap = len;
    return true;
}

char *direct_room(struct direct *direct, const struct starttap_message *message)
{
    size_t id = strlen(message->id) + 1, key = strlen(message->key) + 1;
    size_t need = message->len + 1 + id + key;
    if (direct->count == LIMIT_OUTPUT_BATCH || need > direct->cap - direct->used)
        direct_send(direct);
    if (!direct->open || (need > direct->cap && !grow(direct, need))) {
        direct->lost[message->dataset]++;
        return NULL;
    }
    size_t at = direct->used;
    memcpy(direct->buffer + at, message->id, id);
    memcpy(direct->buffer + at + id, message->key, key);
    direct->messages[direct->count] = *message;
    direct->at[direct->count++] = at;
    direct->used += need;
    direct->buffer[direct->used - 1] = '\0';
    return direct->buffer + at + id + key;
}

void *direct_self(const struct direct *direct) { return direct->self; }
bool direct_is_open(const struct direct *direct) { return direct->open; }
uint64_t direct_delivered(const struct direct *direct) { return direct->delivered; }
const uint64_t *direct_lost(const struct direct *direct) { return direct->lost; }
