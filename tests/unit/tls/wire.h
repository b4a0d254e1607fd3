/* SPDX-License-Identifier: Apache-2.0
 * wire.h - for the tests of this stage: bytes of TLS put together by hand, and a conversation that
 * is fed to the follower as a flow would do it.
 */
#ifndef WIRE_H
#define WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tls.h"

/* Bytes under construction. wire_open() leaves room for a length that wire_close() fills in. */
struct wire {
    uint8_t at[600000];
    size_t len;
};
void wire_uint(struct wire *wire, uint32_t value, size_t width);
void wire_bytes(struct wire *wire, const void *bytes, size_t len);
void wire_zeros(struct wire *wire, size_t len);
size_t wire_open(struct wire *wire, size_t width);
void wire_close(struct wire *wire, size_t opened, size_t width);

/* A ClientHello's body from the five parts of a JA3 text. Extensions get sound bodies. */
struct hello_plan {
    const char *ja3;
    const char *signatures; /* "0403,0804" or NULL */
    const char *versions;   /* "0304,0303" or NULL: none are put in an extension 43 */
    const void *alpn;       /* the first protocol; NULL: "h2" */
    size_t alpn_len;
    const char *session_id;
    bool grease; /* GREASE at the head of every list */
};
void wire_client_hello(struct wire *wire, const struct hello_plan *plan);

/* A ServerHello's body from the three parts of a JA3S text. */
struct server_plan {
    const char *ja3s;
    uint16_t version; /* in supported_versions, if the text has 43 */
    uint16_t group;   /* in key_share; alone in a HelloRetryRequest */
    bool retry;
    const char *tail; /* last 8 bytes of the random */
    const char *session_id;
};
void wire_server_hello(struct wire *wire, const struct server_plan *plan);

/* One connection and what was fed so far. */
struct talk {
    struct arena arena;
    struct intern *intern;
    struct tls *tls;
    uint64_t sent[SIDE_COUNT];
    uint64_t acked[SIDE_COUNT]; /* what the side has seen of its peer; follows what was fed */
    bool crossing;              /* bytes cross on the wire: `acked` stays as it is */
    bool blind;                 /* marks tell nothing */
    size_t cut;                 /* feed in pieces of that size; 0: whole */
    uint8_t *held[SIDE_COUNT];  /* what was not consumed */
    size_t held_len[SIDE_COUNT];
};
void talk_begin(struct talk *talk);
void talk_end(struct talk *talk);
const struct tls_facts *talk_facts(const struct talk *talk);
void talk_bytes(struct talk *talk, enum side side, const void *bytes, size_t len);
void talk_record(struct talk *talk, enum side side, unsigned type, const void *bytes, size_t len);
/* A record of encrypted bytes: their values mean nothing. */
void talk_sealed(struct talk *talk, enum side side, unsigned type, size_t len);
/* A handshake message in a record of its own, or in several when it is long. */
void talk_message(struct talk *talk, enum side side, unsigned type, const void *body, size_t len);
void talk_client_hello(struct talk *talk, const struct hello_plan *plan);
void talk_server_hello(struct talk *talk, const struct server_plan *plan);
void talk_finished(struct talk *talk, enum side side, bool reset);

/* Plays a recorded conversation (tests/tools/make-tls-transcripts.py). `split`: clear handshake
 * records are cut into records of that many bytes; 0: as they are. */
void talk_play(struct talk *talk, const char *name, size_t split);
size_t transcript_load(const char *name, uint8_t *out, size_t cap);

/* All facts as text, for comparison. */
const char *facts_text(const struct tls_facts *facts);

#endif
