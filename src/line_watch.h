/* SPDX-License-Identifier: Apache-2.0
 * line_watch.h - tells when an interface falls silent in the course of a run, which may be months:
 * it was switched off, lost its link, or the mirror that fed it is gone.
 */
#ifndef LINE_WATCH_H
#define LINE_WATCH_H

#include "capture.h"
#include "limits.h"

struct line_watch { /* zeroed at the beginning */
    int64_t next_ns;
    struct line_seen {
        enum capture_line_state state;
        bool silent;         /* and that was told */
        uint64_t received;   /* as of the last look */
        int64_t since_ns;    /* nothing since then */
        int64_t patience_ns; /* before silence is told */
    } seen[LIMIT_INTERFACES];
};

/* Some times a second, with the clock that is never set: looks now and then, and tells what is new
 * on standard error. */
void line_watch_tick(struct line_watch *watch, const struct capture *capture, int64_t now_ns);

enum { LINE_WATCH_SIZE = 200 };
/* One look at one line: what is to be said of it, a warning unless `good`. False: nothing. */
bool line_watch_look(struct line_seen *seen, const struct capture_line *line, int64_t now_ns,
                     bool *good, char text[LINE_WATCH_SIZE]);

#endif
