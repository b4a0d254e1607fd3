/* SPDX-License-Identifier: Apache-2.0
 * paragraphs.h - for readers the gravest finding of a session comes first: those of one session are
 * held until all of them are there. (Events have another order, which others rely on.)
 */
#ifndef PARAGRAPHS_H
#define PARAGRAPHS_H

#include "event.h"

struct paragraphs { /* zeroed to begin with */
    struct paragraph {
        char *text;
        size_t len;
        enum starttap_severity severity;
    } held[LIMIT_FINDINGS];
    size_t count;
    char session_id[EVENT_ID_SIZE];
};

/* Whether the event belongs to those that are held; if not, they must be flushed before it. */
bool paragraphs_continue(const struct paragraphs *paragraphs, const struct event *event);
/* Copies a finding's text in its place. False: no room or no memory, write it directly. */
bool paragraphs_hold(struct paragraphs *paragraphs, const struct event *event);
void paragraphs_flush(struct paragraphs *paragraphs,
                      void (*put)(void *to, const char *text, size_t len), void *to);

#endif
