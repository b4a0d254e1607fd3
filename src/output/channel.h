/* SPDX-License-Identifier: Apache-2.0
 * channel.h - an output that runs in a process of its own: the spool and the counters that both
 * sides share, and the ordered thread's end of it. The other end is delivery.h; keeper.h starts it.
 *
 * With `lossy` (packets that do not wait) putting never blocks: when the spool is full, the least
 * important goes first, counted and told once a minute. Without it (captures) putting waits for the
 * receiver, and says so.
 */
#ifndef CHANNEL_H
#define CHANNEL_H

#include <pthread.h>
#include <stdatomic.h>
#include <sys/types.h>

#include "spec.h"
#include "spool.h"

struct keeper;
struct process_user;

struct channel_shared { /* between the processes; zeroed at first but for the lock */
    _Atomic uint64_t put, delivered, refused, retried, restarts;
    _Atomic uint64_t dropped[DATASET_COUNT];
    _Atomic uint64_t waited_ns, waits; /* of the ordered thread for room; always 0 when lossy */
    _Atomic uint64_t reopens;          /* asked for */
    atomic_bool away;                  /* the receiver does not take what is sent */
    atomic_bool asleep, writer_waits;  /* to be woken by wake, by room */
    atomic_bool closing;               /* no more will be put */
    atomic_bool over;                  /* the sender has nothing more to do */
    atomic_bool gone;                  /* it never will: the reader of a pipe went away */
    _Atomic uint32_t crashes;          /* since the last message was delivered */
    pthread_mutex_t reader;            /* held by the sender's process as long as it lives */
};

struct channel {
    const struct output_spec *spec;
    const char *sensor;
    struct spool *spool;
    struct channel_shared *shared;
    int wake, room;                  /* eventfd: to the sender; to the writer */
    const struct process_user *user; /* whom its sender becomes; NULL: no other */
    bool lossy;
    const atomic_bool *stop;
    struct keeper *keeper; /* borrowed; NULL: not started */
    atomic_bool orphaned;  /* nobody delivers any more */
    uint64_t inherited;    /* events of an earlier run that lay in the spool */
    uint64_t told_drops;   /* the writer's: of what was told, and when */
    int64_t told_at_ns;
    bool told_long; /* that one was too long */
    bool lost;      /* events were lost where nothing may be */
};

/* NULL with the reason logged. The spec is borrowed. */
struct channel *channel_new(const struct output_spec *spec, const char *sensor, bool lossy,
                            const atomic_bool *stop);
void channel_free(struct channel *channel); /* accepts NULL */

/* Room for message->len bytes, to be written before channel_commit(). NULL: it was dropped. */
char *channel_room(struct channel *channel, const struct starttap_message *message);
void channel_commit(struct channel *channel);
void channel_flush(struct channel *channel); /* wakes the sender, tells of drops */
void channel_counts(const struct channel *channel, struct event_output *out); /* any thread */
bool channel_is_open(const struct channel *channel);
void channel_poke(int fd); /* wakes who waits for it; never blocks */

/* At the end: says what remains. False: something was lost. */
bool channel_settle(struct channel *channel);

int64_t channel_now_ns(void); /* since some moment; for pauses, never for events */

#endif
