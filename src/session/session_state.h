/* SPDX-License-Identifier: Apache-2.0
 * session_state.h - private to this stage: a session under way, and what the files of the stage
 * offer one another.
 */
#ifndef SESSION_STATE_H
#define SESSION_STATE_H

#include "session.h"
#include "tunnel.h"

/* Fills record->names for a chain that is held. */
void server_names_fill(struct session_record *record, const struct session_context *context);

enum report_kind { REPORT_EARLY, REPORT_OPEN, REPORT_END };

enum stage { RECOGNISING, FOLLOWING, FOREIGN, IGNORED };

struct beginning {
    uint8_t bytes[FOREIGN_BYTES];
    size_t len;
    bool final; /* no more bytes will come directly behind these */
};

struct session {
    struct session_context *context;
    struct flow *flow;
    enum stage stage;
    bool mail_port;
    uint16_t client_port, server_port;
    struct beginning *first;   /* one a side, while recognising or naming; else NULL */
    uint64_t base[SIDE_COUNT]; /* stream offset of the beginnings */
    bool client_first;
    struct arena arena;
    struct mail *mail;
    struct tls *tls;
    bool tls_began[SIDE_COUNT]; /* that side's bytes go to TLS */
    bool spoke[SIDE_COUNT];
    const char *application;
    bool binary[SIDE_COUNT]; /* nobody recognised it, and that side's first byte is no text */
    bool timer_set;
    bool beginning_lost[SIDE_COUNT]; /* a side's first bytes are missing: what comes of the server
                                        may be any reply */
    bool told_missing;
    bool tunnel_pending;         /* what was said so far may go to a proxy */
    struct text proxied_address; /* out of a PROXY header */
    uint16_t proxied_port;
    bool told; /* a record was made, by these: */
    uint32_t numbers[SIDE_COUNT];
    bool chain_asked[SIDE_COUNT], chain_granted[SIDE_COUNT]; /* the budget, once for each chain */
    const uint8_t *chain_key[SIDE_COUNT]; /* since it was asked; NULL: there was no room for it */
    uint64_t known;                       /* knowledge() when it was last told early */
    void *memory;                         /* of whoever is told */
    const char *proxy; /* the kind of proxy that the dialogue goes through; NULL if none */
};

/* recognise.c */
void recognise_keep(struct session *s,
                    const struct flow_chunk *chunk); /* the beginning of a side grows */
/* What stands before the dialogue proper: a PROXY header, or what was said to a proxy. Moves `base`
 * behind it. */
void recognise_preamble(struct session *s);
void recognise(struct session *s);         /* may change the stage */
void recognise_forget(struct session *s);  /* the beginnings */
void recognise_name(struct session *s);    /* asks nDPI, once */
void recognise_collect(struct session *s); /* names it as soon as the beginnings are full */
bool recognise_begin_tls(struct session *s);

/* session.c: the mail follower is told when only one side is in the capture, so that it does not
 * wait for the other. */
void session_tell_missing(struct session *s);

/* follow.c */
size_t follow(struct session *s, const struct flow_chunk *chunk); /* bytes consumed */

/* The chunk's bytes behind the first `used`. */
static inline struct reader chunk_rest(const struct flow_chunk *chunk, size_t used)
{
    struct reader rest = chunk->bytes;
    (void)reader_take(&rest, used);
    return rest;
}

#endif
