/* SPDX-License-Identifier: Apache-2.0
 * remarks.h - what a person should be told about the run as a whole, in sentences on standard
 * error.
 */
#ifndef REMARKS_H
#define REMARKS_H

#include "event.h"

struct remarks_watch {                /* what is watched, and how */
    const struct capture_line *lines; /* the interfaces, borrowed */
    size_t line_count;                /* 0: captures are read */
    uint64_t seconds;                 /* so far */
    bool vlan_key;                    /* VLAN ids tell connections apart (flow.key) */
    bool filtered;                    /* by the user (-f) */
    bool vlan_filter;                 /* that names a VLAN */
    bool ports;                       /* only capture.ports are looked at */
};

/* Of interfaces: what is watched, and when remarks_first() will follow; 0: never. */
void remarks_begin(const struct remarks_watch *watch, uint64_t first_s);

/* At the end, of captures and interfaces alike. */
void remarks_after_run(const struct event_stats *stats, const struct remarks_watch *watch);

enum { REMARKS_MOST = 12, REMARKS_SIZE = 400 };

/* What was seen, one sentence, and then each thing that is odd about it, with what to do. Returns
 * how many. */
size_t remarks_of(const struct event_stats *stats, const struct remarks_watch *watch,
                  char lines[REMARKS_MOST][REMARKS_SIZE]);
/* The same on standard error: the first minute of a run of interfaces. */
void remarks_first(const struct event_stats *stats, const struct remarks_watch *watch);

#endif
