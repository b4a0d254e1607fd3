/* SPDX-License-Identifier: Apache-2.0
 * channel.c - the writer's end.
 */
#include "channel.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "keeper.h"
#include "limits.h"
#include "log.h"

enum { WAIT_MS = 50 };
#define TELL_NS (60 * NS_PER_S)

int64_t channel_now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * NS_PER_S + now.tv_nsec;
}

void channel_poke(int fd)
{
    static const uint64_t one = 1;
    (void)!write(fd, &one, sizeof one);
}

static struct channel *fail(struct channel *channel, const char *name, const char *why)
{
    log_error("%s: %s", name, why);
    channel_free(channel);
    return NULL;
}

static bool init_reader(pthread_mutex_t *reader)
{
    pthread_mutexattr_t kind;
    if (pthread_mutexattr_init(&kind) != 0)
        return false;
    bool ok = pthread_mutexattr_setpshared(&kind, PTHREAD_PROCESS_SHARED) == 0 &&
              pthread_mutexattr_setrobust(&kind, PTHREAD_MUTEX_ROBUST) == 0 &&
              pthread_mutex_init(reader, &kind) == 0;
    pthread_mutexattr_destroy(&kind);
    return ok;
}

struct channel *channel_new(const struct output_spec *spec, const char *sensor, bool lossy,
                            const atomic_bool *stop)
{
    char why[4400] = "out of memory";
    struct channel *channel = calloc(1, sizeof *channel);
    if (channel == NULL)
        return fail(NULL, spec->name, why);
    channel->spec = spec;
    channel->sensor = sensor;
    channel->lossy = lossy;
    channel->stop = stop;
    channel->wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    channel->room = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    void *shared = mmap(NULL, sizeof *channel->shared, PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared != MAP_FAILED)
        channel->shared = shared;
    if (channel->wake < 0 || channel->room < 0 || channel->shared == NULL ||
        !init_reader(&channel->shared->reader))
        return fail(channel, spec->name, why);
    uint64_t bytes = spec->spool_bytes;
    if (bytes == 0)
        bytes = spec->spool != NULL ? LIMIT_SPOOL_DISK_BYTES : LIMIT_SPOOL_MEMORY_BYTES;
    channel->spool = spool_open(spec->spool, bytes, why, sizeof why);
    if (channel->spool == NULL)
        return fail(channel, spec->name, why);
    if (spool_damaged(channel->spool) > 0)
        log_error("%s: %llu bytes of the spool %s are damaged, what they held is lost", spec->name,
                  (unsigned long long)spool_damaged(channel->spool), spec->spool);
    uint64_t counts[SPOOL_DATASETS] = { 0 }, events = 0;
    if (spool_waiting(channel->spool, counts) > 0) {
        for (int i = 0; i < SPOOL_DATASETS; i++)
            events += counts[i];
        channel->inherited = events;
        log_info("%s: %llu events of an earlier run lie in the spool and are sent first",
                 spec->name, (unsigned long long)events);
    }
    return channel;
}

void channel_free(struct channel *channel)
{
    if (channel == NULL)
        return;
    spool_close(channel->spool);
    if (channel->wake >= 0)
        close(channel->wake);
    if (channel->room >= 0)
        close(channel->room);
    if (channel->shared != NULL)
        munmap(channel->shared, sizeof *channel->shared);
    free(channel);
}

/* --- putting --- */

static void drop(struct channel *channel, uint8_t dataset)
{
    atomic_fetch_add(&channel->shared->dropped[dataset], 1);
}

static bool is_hopeless(const struct channel *channel)
{
    if (channel->keeper != NULL)
        (void)keeper_is_alive(channel->keeper);
    return atomic_load(&channel->orphaned) || atomic_load(&channel->shared->gone) ||
           (channel->stop != NULL && atomic_load(channel->stop));
}

static void sleep_for_room(struct channel *channel)
{
    struct pollfd poll_room = { .fd = channel->room, .events = POLLIN };
    uint64_t count;
    atomic_store(&channel->shared->writer_waits, true);
    channel_poke(channel->wake);
    if (poll(&poll_room, 1, WAIT_MS) > 0)
        (void)!read(channel->room, &count, sizeof count);
    atomic_store(&channel->shared->writer_waits, false);
}

static enum spool_put wait_for_room(struct channel *channel, const struct starttap_message *message,
                                    char **room)
{
    int64_t begun = channel_now_ns();
    enum spool_put put = SPOOL_FULL;
    bool told = false;
    atomic_fetch_add(&channel->shared->waits, 1);
    while (put == SPOOL_FULL && !is_hopeless(channel)) {
        sleep_for_room(channel);
        put = spool_room(channel->spool, message, false, room);
        if (!told && channel_now_ns() - begun > NS_PER_S) {
            log_warn("%s: the spool is full, reading waits for the receiver", channel->spec->name);
            told = true;
        }
    }
    atomic_fetch_add(&channel->shared->waited_ns, (uint64_t)(channel_now_ns() - begun));
    return put;
}

char *channel_room(struct channel *channel, const struct starttap_message *message)
{
    char *room = NULL;
    enum spool_put put = SPOOL_FULL;
    if (!atomic_load(&channel->shared->gone))
        put = spool_room(channel->spool, message, channel->lossy, &room);
    if (put == SPOOL_FULL && !channel->lossy && !is_hopeless(channel))
        put = wait_for_room(channel, message, &room);
    if (put == SPOOL_PUT)
        return room;
    if (put == SPOOL_TOO_LONG && !channel->told_long) {
        log_warn("%s: an event of %zu bytes is longer than the spool allows, and is dropped, as "
                 "others like it will be (spool_size, max_bytes)",
                 channel->spec->name, message->len);
        channel->told_long = true;
    }
    channel->lost = channel->lost || !channel->lossy || put == SPOOL_TOO_LONG;
    drop(channel, message->dataset);
    return NULL;
}

void channel_commit(struct channel *channel)
{
    spool_commit(channel->spool);
    atomic_fetch_add(&channel->shared->put, 1);
}

/* --- telling --- */

static uint64_t sum_of_drops(const struct channel *channel, char *text, size_t size)
{
    uint64_t sum = 0;
    size_t len = 0;
    *text = '\0';
    for (int i = 0; i < DATASET_COUNT; i++) {
        uint64_t count =
            atomic_load(&channel->shared->dropped[i]) + spool_given_up(channel->spool, i);
        sum += count;
        if (count > 0 && len < size)
            len += (size_t)snprintf(text + len, size - len, "%s%llu %s", len > 0 ? ", " : "",
                                    (unsigned long long)count,
                                    event_dataset_name((enum event_dataset)i));
    }
    return sum;
}

static void tell_drops(struct channel *channel, bool now)
{
    char text[160];
    uint64_t sum = sum_of_drops(channel, text, sizeof text);
    if (sum == channel->told_drops || atomic_load(&channel->shared->gone))
        return;
    int64_t clock_ns = channel_now_ns();
    if (!now && channel->told_drops > 0 && clock_ns - channel->told_at_ns < TELL_NS)
        return;
    log_warn("%s: the spool is full, events were dropped, so far: %s", channel->spec->name, text);
    channel->told_drops = sum;
    channel->told_at_ns = clock_ns;
}

void channel_flush(struct channel *channel)
{
    if (atomic_load(&channel->shared->asleep))
        channel_poke(channel->wake);
    if (channel->keeper != NULL)
        (void)keeper_is_alive(channel->keeper);
    tell_drops(channel, false);
}

void channel_counts(const struct channel *channel, struct event_output *out)
{
    struct channel_shared *shared = channel->shared;
    out->process = true;
    out->away = atomic_load(&shared->away);
    out->events = atomic_load(&shared->put);
    out->delivered = atomic_load(&shared->delivered);
    out->refused = atomic_load(&shared->refused);
    out->retried = atomic_load(&shared->retried);
    out->restarts = atomic_load(&shared->restarts);
    for (int i = 0; i < DATASET_COUNT; i++)
        out->dropped[i] = atomic_load(&shared->dropped[i]) + spool_given_up(channel->spool, i);
    uint64_t given = channel->inherited + out->events, taken = out->delivered + out->refused;
    for (int i = 0; i < SPOOL_DATASETS; i++)
        taken += spool_given_up(channel->spool, i);
    out->waiting = given > taken ? given - taken : 0;
    out->bytes_waiting = spool_bytes_waiting(channel->spool);
    out->waits = atomic_load(&shared->waits);
    out->waited_ns = atomic_load(&shared->waited_ns);
}

bool channel_is_open(const struct channel *channel) { return !atomic_load(&channel->shared->gone); }

bool channel_settle(struct channel *channel)
{
    uint64_t counts[SPOOL_DATASETS] = { 0 }, events = 0;
    bool gone = atomic_load(&channel->shared->gone);
    tell_drops(channel, true);
    (void)spool_waiting(channel->spool, counts);
    for (int i = 0; i < SPOOL_DATASETS; i++)
        events += counts[i];
    if (events == 0 || gone)
        return gone || !channel->lost;
    if (channel->spec->spool != NULL) {
        log_warn("%s: %llu events remain in the spool %s; the next run with it sends them",
                 channel->spec->name, (unsigned long long)events, channel->spec->spool);
        return !channel->lost;
    }
    log_error("%s: %llu events could not be delivered and are lost (spool=DIR keeps them)",
              channel->spec->name, (unsigned long long)events);
    for (int i = 0; i < SPOOL_DATASETS; i++)
        atomic_fetch_add(&channel->shared->dropped[i], counts[i]);
    return false;
}
