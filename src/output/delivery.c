/* SPDX-License-Identifier: Apache-2.0
 * delivery.c - batches, pauses that grow, and one line when a receiver goes and one when it is
 * back.
 */
#include "delivery.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "clock.h"
#include "file.h"
#include "limits.h"
#include "log.h"
#include "process.h"
#include "text.h"

enum { SLICE_MS = 50, IDLE_MS = 1000, PAUSE_FIRST_MS = 100, PAUSE_MOST_MS = 30000 };
enum { PAUSE_CLOSING_MS = 250, AT_ONCE_NS = 5000000 };
/* A message at which the sender crashed so often, alone, is given up. */
enum { CRASHES_ALONE = 2, CRASHES_ENOUGH = 5 };
#define TELL_NS (60 * NS_PER_S)

struct delivery {
    struct channel *channel;
    struct channel_shared *shared;
    struct spool_reader *reader;
    struct starttap_message *messages;
    void *self;
    size_t most, most_bytes;
    unsigned pause_ms;
    int64_t away_since_ns, told_refused_ns;
    uint64_t told_refused, reopened;
};

static const char *clean(const char *why, char out[256])
{
    text_clean(text_of(why), out, 256);
    return *out != '\0' ? out : "no reason was given";
}

/* --- pauses --- */

static void sleep_ms(int ms) { (void)poll(NULL, 0, ms); }

/* Twice as long each time. At the end of a run there is no time for long ones. */
static void pause_before_retry(struct delivery *d)
{
    unsigned left = d->pause_ms;
    d->pause_ms = d->pause_ms * 2 > PAUSE_MOST_MS ? PAUSE_MOST_MS : d->pause_ms * 2;
    while (left > 0) {
        if (atomic_load(&d->shared->closing) && left > PAUSE_CLOSING_MS)
            left = PAUSE_CLOSING_MS;
        unsigned slice = left < SLICE_MS ? left : SLICE_MS;
        sleep_ms((int)slice);
        left -= slice;
    }
}

static void wait_for_more(struct delivery *d)
{
    struct pollfd wake = { .fd = d->channel->wake, .events = POLLIN };
    uint64_t count;
    atomic_store(&d->shared->asleep, true);
    bool quiet = spool_bytes_waiting(d->channel->spool) == 0 && !atomic_load(&d->shared->closing);
    if (quiet && poll(&wake, 1, IDLE_MS) > 0)
        (void)!read(d->channel->wake, &count, sizeof count);
    atomic_store(&d->shared->asleep, false);
    if (!quiet)
        sleep_ms(1);
}

/* --- the receiver --- */

static void note_away(struct delivery *d, const char *why)
{
    char text[256];
    atomic_fetch_add(&d->shared->retried, 1);
    if (atomic_exchange(&d->shared->away, true))
        return;
    d->away_since_ns = channel_now_ns();
    log_warn("cannot be delivered: %s; events wait and it is tried again", clean(why, text));
}

static void note_progress(struct delivery *d)
{
    d->pause_ms = PAUSE_FIRST_MS;
    atomic_store(&d->shared->crashes, 0);
    if (atomic_exchange(&d->shared->away, false))
        log_warn("delivers again, after %lld s",
                 (long long)((channel_now_ns() - d->away_since_ns) / NS_PER_S));
}

static void note_refused(struct delivery *d, const char *why, uint64_t count)
{
    char text[256];
    int64_t now = channel_now_ns();
    uint64_t all = atomic_fetch_add(&d->shared->refused, count) + count;
    if (d->told_refused > 0 && now - d->told_refused_ns < TELL_NS)
        return;
    log_warn("the receiver refused %llu events so far: %s", (unsigned long long)all,
             clean(why, text));
    d->told_refused = all;
    d->told_refused_ns = now;
}

/* --- one batch --- */

static void settle(struct delivery *d, size_t count)
{
    if (spool_reader_done(d->reader, count) && atomic_load(&d->shared->writer_waits))
        channel_poke(d->channel->room);
}

static void send_batch(struct delivery *d, size_t count)
{
    const struct output_spec *spec = d->channel->spec;
    struct starttap_sent sent = { 0 };
    int64_t begun = channel_now_ns();
    spec->door->send(d->self, d->messages, count, (unsigned)spec->wait_s * 1000, &sent);
    sent.why[sizeof sent.why - 1] = '\0';
    if (sent.delivered > count || sent.refused > sent.delivered) { /* it lies: nothing is sure */
        sent.delivered = sent.refused = 0;
        sent.failed = true;
        (void)snprintf(sent.why, sizeof sent.why, "the output miscounted");
    }
    settle(d, sent.delivered);
    atomic_fetch_add(&d->shared->delivered, sent.delivered - sent.refused);
    if (sent.refused > 0)
        note_refused(d, sent.why, sent.refused);
    if (sent.delivered > 0)
        note_progress(d);
    if (sent.failed) {
        bool local = output_spec_is_local(spec);
        if (local && file_is_gone(d->self)) {
            atomic_store(&d->shared->gone, true);
            return;
        }
        note_away(d, sent.why);
        pause_before_retry(d);
    } else if (sent.delivered == 0 && channel_now_ns() - begun < AT_ONCE_NS) {
        sleep_ms(SLICE_MS); /* "it goes on", without having waited */
    }
}

static void reopen(struct delivery *d)
{
    uint64_t asked = atomic_load(&d->shared->reopens);
    if (asked != d->reopened && output_spec_is_local(d->channel->spec))
        file_reopen(d->self);
    d->reopened = asked;
}

/* --- a life --- */

static void open_output(struct delivery *d)
{
    const struct output_spec *spec = d->channel->spec;
    struct starttap_output_options options = output_spec_options(spec, d->channel->sensor);
    while (d->self == NULL) {
        char why[256] = "";
        d->self = spec->door->open(&options, why, sizeof why);
        if (d->self != NULL)
            return;
        note_away(d, why);
        pause_before_retry(d);
    }
}

static void give_up_poison(struct delivery *d)
{
    if (atomic_load(&d->shared->crashes) < CRASHES_ENOUGH ||
        spool_reader_next(d->reader, d->messages, 1, 1) == 0)
        return;
    log_error("the output crashed %u times at event %s, which is given up",
              atomic_load(&d->shared->crashes), d->messages[0].id);
    atomic_fetch_add(&d->shared->refused, 1);
    atomic_store(&d->shared->crashes, 0);
    settle(d, 1);
}

static void deliver_all(struct delivery *d)
{
    while (!atomic_load(&d->shared->gone)) {
        bool closing = atomic_load(&d->shared->closing); /* before looking: nothing comes after */
        size_t most = atomic_load(&d->shared->crashes) >= CRASHES_ALONE ? 1 : d->most;
        size_t count = spool_reader_next(d->reader, d->messages, most, d->most_bytes);
        reopen(d);
        if (count > 0)
            send_batch(d, count);
        else if (closing && spool_bytes_waiting(d->channel->spool) == 0)
            return;
        else
            wait_for_more(d);
    }
}

bool delivery_run(struct channel *channel)
{
    const struct starttap_output *door = channel->spec->door;
    struct delivery d = { .channel = channel,
                          .shared = channel->shared,
                          .reader = spool_reader_new(channel->spool),
                          .messages = calloc(LIMIT_SENDER_BATCH, sizeof *d.messages),
                          .most = door->most_messages,
                          .most_bytes = door->most_bytes,
                          .pause_ms = PAUSE_FIRST_MS,
                          .away_since_ns = channel_now_ns() };
    d.most = d.most == 0 || d.most > LIMIT_SENDER_BATCH ? LIMIT_OUTPUT_BATCH : d.most;
    d.most_bytes = d.most_bytes == 0 ? LIMIT_OUTPUT_BATCH_BYTES : d.most_bytes;
    d.reopened = atomic_load(&channel->shared->reopens);
    if (d.reader == NULL || d.messages == NULL) {
        log_error("out of memory");
        return false;
    }
    give_up_poison(&d);
    open_output(&d);
    if (channel->user != NULL && !process_become(channel->user))
        return false;
    deliver_all(&d);
    door->close(d.self);
    spool_reader_free(d.reader);
    free(d.messages);
    atomic_store(&channel->shared->over, true);
    return true;
}
