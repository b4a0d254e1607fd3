/* SPDX-License-Identifier: Apache-2.0
 * dialogue.h - plays two byte streams into a mail machine as the flow stage would: in causal order,
 * cut as asked, offering again what was not consumed.
 */
#ifndef DIALOGUE_H
#define DIALOGUE_H

#include "mail.h"

#define DIALOGUE_BYTES ((size_t)64 * 1024)
#define DIALOGUE_EVENTS 512

/* How the streams are cut and in which order what crossed on the wire is offered. */
enum dialogue_cut {
    CUT_LINES,        /* as written */
    CUT_BYTES,        /* one at a time */
    CUT_CLIENT_FIRST, /* as much as causality allows */
    CUT_SERVER_FIRST,
    CUT_ODD, /* in pieces of 1, 2, 3 … bytes */
    CUT_COUNT
};

/* Something that happens to a side's stream behind its first `at` bytes. */
struct dialogue_event {
    enum { EVENT_GAP, EVENT_FINISH } what;
    enum side side;
    uint64_t at, len;
    uint64_t acked; /* how many bytes of the other side come before it */
};

struct dialogue_stream {
    uint8_t bytes[DIALOGUE_BYTES];
    uint64_t acked[DIALOGUE_BYTES]; /* of the other side's, when the byte was sent */
    size_t line[DIALOGUE_BYTES];    /* number of the piece it was written as */
    size_t len;
};

struct dialogue {
    enum mail_protocol protocol;
    uint16_t port;
    bool midstream, only_known, no_marks;
    enum side only;
    struct dialogue_stream side[SIDE_COUNT];
    struct dialogue_event events[DIALOGUE_EVENTS];
    size_t event_count;
};

/* Plays it into a new machine. tls_at: where each side's TLS began, UINT64_MAX if it did not. */
struct mail *dialogue_play(const struct dialogue *dialogue, enum dialogue_cut cut,
                           struct arena *arena, uint64_t tls_at[SIDE_COUNT]);

#endif
