/* SPDX-License-Identifier: Apache-2.0
 * signals.h - what signals ask for, as numbers to look at; nothing is done in a handler.
 */
#ifndef SIGNALS_H
#define SIGNALS_H

#include <stdatomic.h>
#include <stdbool.h>

/* SIGTERM and SIGINT: what was read so far is reported; a second one ends the program at once.
 * SIGHUP: files are opened again and what was read at the start is read anew. SIGUSR1: counters are
 * wanted now. */
void signals_init(void);

const atomic_bool *signals_stop(void); /* true: the user has had enough */
/* How often each came; many at once may count as one. Any thread. */
unsigned signals_hangups(void);
unsigned signals_stats(void);

#endif
