/* SPDX-License-Identifier: Apache-2.0
 * signals.c - handlers that count. Only static objects can be reached from there.
 */
#include "signals.h"

#include <signal.h>
#include <stddef.h>

static atomic_bool stopped;
static atomic_uint hangups, stats_wanted;
_Static_assert(ATOMIC_INT_LOCK_FREE == 2, "handlers count without a lock");

static void stop(int number)
{
    if (stopped) { /* the second one, of either kind */
        signal(number, SIG_DFL);
        raise(number);
    }
    stopped = true;
}

static void hang_up(int number)
{
    (void)number;
    atomic_fetch_add(&hangups, 1);
}

static void want_stats(int number)
{
    (void)number;
    atomic_fetch_add(&stats_wanted, 1);
}

/* Reading goes on after all but the first, which also ends a read that waits. */
static void handle(int number, void (*handler)(int), int flags)
{
    struct sigaction action = { .sa_handler = handler, .sa_flags = flags };
    sigemptyset(&action.sa_mask);
    sigaction(number, &action, NULL);
}

void signals_init(void)
{
    handle(SIGINT, stop, 0);
    handle(SIGTERM, stop, 0);
    handle(SIGHUP, hang_up, SA_RESTART);
    handle(SIGUSR1, want_stats, SA_RESTART);
}

const atomic_bool *signals_stop(void) { return &stopped; }
unsigned signals_hangups(void) { return atomic_load(&hangups); }
unsigned signals_stats(void) { return atomic_load(&stats_wanted); }
