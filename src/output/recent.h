/* SPDX-License-Identifier: Apache-2.0
 * recent.h - a finding is written once for each thing and interval; its repetitions are counted.
 *
 * A thing is event.thing: rule, server, the client's network and the finding's key. Its first
 * finding is written. Those that follow within the interval are not, unless they are more severe.
 * When the interval is over, or the run, and there were some, the first one is written again as an
 * update: the same mailtls.finding.uid, another event.id, the next mailtls.finding.update, how many
 * there were in mailtls.finding.count, and the time of that moment.
 *
 * Used by the ordered thread only; events come in their order, so that what is written does not
 * depend on workers or blocks. Bounded: over LIMIT_RECENT_FINDINGS the oldest thing is told early.
 */
#ifndef RECENT_H
#define RECENT_H

#include "event.h"

struct recent;

/* An interval of 0 lets everything pass. `write` gets events in order of time; NULL when memory
 * runs out. */
struct recent *recent_new(int64_t interval_ns, size_t most,
                          void (*write)(void *to, const struct event *event), void *to);
void recent_free(struct recent *recent); /* accepts NULL */
/* Another interval, also for what is counted already. */
void recent_set_interval(struct recent *recent, int64_t interval_ns);

/* Takes an event of any dataset, which must not be older than the one before. Updates whose
 * interval was over before it are written first. */
void recent_pass(struct recent *recent, struct event *event);
/* No event before this instant will come any more. */
void recent_advance(struct recent *recent, int64_t clock_ns);
void recent_finish(struct recent *recent); /* nothing more will come */

uint64_t recent_suppressed(const struct recent *recent); /* repetitions that were not written */

#endif
