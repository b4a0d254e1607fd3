/* SPDX-License-Identifier: Apache-2.0
 * tls_state.h - what the files of this stage share: the state of one connection, and who does what.
 *
 * Private to src/tls. A record passes through: record.c (headers) -> handshake.c (messages) ->
 * client_hello.c, server_hello.c, key_exchange.c, certificate.c (facts) -> established.c
 * (judgement). alert.c has alerts and heartbeats, ssl2.c the records of SSL 2.0.
 */
#ifndef TLS_STATE_H
#define TLS_STATE_H

#include "tls.h"

enum tls_record_type { /* RFC 8446 section 5.1, RFC 6520 section 3 */
                       RECORD_CCS = 20,
                       RECORD_ALERT = 21,
                       RECORD_HANDSHAKE = 22,
                       RECORD_DATA = 23,
                       RECORD_HEARTBEAT = 24,
};

enum tls_message_type { /* RFC 8446 section 4, RFC 5246 section 7.4, RFC 6066, RFC 4680 */
                        MESSAGE_HELLO_REQUEST = 0,
                        MESSAGE_CLIENT_HELLO = 1,
                        MESSAGE_SERVER_HELLO = 2,
                        MESSAGE_NEW_TICKET = 4,
                        MESSAGE_HELLO_RETRY = 6, /* drafts of TLS 1.3 before 22 */
                        MESSAGE_CERTIFICATE = 11,
                        MESSAGE_SERVER_KEY_EXCHANGE = 12,
                        MESSAGE_CERTIFICATE_REQUEST = 13,
                        MESSAGE_SERVER_HELLO_DONE = 14,
                        MESSAGE_CERTIFICATE_VERIFY = 15,
                        MESSAGE_CLIENT_KEY_EXCHANGE = 16,
                        MESSAGE_FINISHED = 20,
                        MESSAGE_CERTIFICATE_URL = 21,
                        MESSAGE_CERTIFICATE_STATUS = 22,
                        MESSAGE_SUPPLEMENTAL_DATA = 23,
};

enum tls_mode {
    MODE_START,   /* nothing consumed yet */
    MODE_RECORDS, /* SSL 3.0 and later */
    MODE_ANSWER,  /* behind a hello in SSLv2 format: records of either kind may follow */
    MODE_SSL2,
    MODE_LOST,
    MODE_COUNT
};

struct tls_record {
    uint8_t type;
    uint32_t len, left; /* of the payload; left: not yet consumed */
    bool skip;          /* its payload is not looked at: encrypted, or no use */
    bool doubtful;      /* clear or encrypted: its first message decides */
    struct mark where;  /* of its header */
};

struct tls_message { /* a handshake message that is being put together */
    uint8_t header[4];
    uint8_t header_have;
    bool skip;          /* its body is not kept */
    uint32_t len, have; /* of the body */
    uint8_t *bytes;     /* grows up to len; freed behind the message */
    size_t cap;
};

struct tls_side {
    enum tls_mode mode;
    bool midstream; /* the first record seen is no hello and no alert */
    bool opaque;    /* and it was encrypted: everything is */
    struct tls_record record;
    struct tls_message message;
    uint64_t first, next; /* offsets in the stream: of the first byte, of the next one expected */
    uint8_t small[3];     /* start of a clear alert or heartbeat */
    uint8_t small_have;
    bool heartbeat_asked;
    uint32_t heartbeat_record, heartbeat_payload; /* of this side's last request */
    uint32_t ssl2_records;                        /* encrypted ones */
    uint32_t hellos;                              /* decoded */

    /* For the judgement. Offsets are those of this side's stream, so that the peer's marks
     * (`acked`) tell what it knew; order of arrival is only used where marks tell nothing. */
    bool hello_sent; /* client: any hello; server: a ServerHello */
    uint64_t hello_end;
    bool finished_sent;
    uint64_t finished_end;
    struct mark finished_at;
    bool
        rejected; /* client: an encrypted alert before data and before the server's Finished came */
    bool more;    /* records behind the client's Finished that are not like an alert (1.3) */
    bool more_alerts; /* and that are like one */
    bool fatal;       /* a fatal alert in clear */
    bool ended;       /* FIN or RST */
    bool renegotiated, early;
};

/* The lists of a hello while it is read; see lists.c. */
struct tls_lists {
    uint16_t values[LIMIT_TLS_CIPHERS + 5 * LIMIT_TLS_LIST + 1];
    size_t count;
};

struct tls {
    struct arena *arena;
    struct intern *intern;
    struct tls_lists *lists; /* of the hello that is being read; else NULL */
    const void *hello_lists; /* held: those of the ClientHello that is kept */
    struct tls_side sides[SIDE_COUNT];
    bool reset, complete;
    bool retry_pending; /* a HelloRetryRequest waits for its ClientHello */
    uint8_t client_session_id[32];
    uint8_t client_session_id_len;
    struct tls_facts facts;
};

/* Where the bytes in hand come from. */
struct tls_cursor {
    struct tls *tls;
    const struct tls_input *input;
    enum side side;
    uint64_t end; /* offset in the stream behind the bytes in hand */
};

static inline struct tls_side *cursor_side(const struct tls_cursor *at)
{
    return &at->tls->sides[at->side];
}

/* record.c */
struct mark tls_mark_at(const struct tls_cursor *at, uint64_t offset);
void tls_note(struct tls *tls, struct tls_note note); /* counts those that do not fit */
void tls_lose(struct tls *tls, enum side side);
/* An encrypted record whose header was seen: counts it. */
void tls_encrypted(const struct tls_cursor *at, const struct tls_record *record);
void tls_reach(struct tls *tls, enum tls_stage stage); /* stages only go forward */

/* handshake.c: bytes of clear handshake records, in order */
void tls_handshake_bytes(const struct tls_cursor *at, struct reader bytes);
void tls_message_drop(struct tls_message *message);

/* What a message says. `where`: the mark of its last byte. */
void tls_client_hello_take(const struct tls_cursor *at, struct reader body, struct mark where);
void tls_server_hello_take(const struct tls_cursor *at, struct reader body, struct mark where);
void tls_hello_retry_take(const struct tls_cursor *at, struct reader body, struct mark where);
void tls_certificate_take(const struct tls_cursor *at, struct reader body, struct mark where);
void tls_key_exchange_take(const struct tls_cursor *at, struct reader body, struct mark where);

/* certificate.c: a chain from windows on certificates; gives back what it holds */
void tls_chain_copy(struct tls *tls, struct tls_chain *chain, const struct reader *ders,
                    size_t count);
void tls_chain_forget(struct tls *tls, struct tls_chain *chain);
void tls_chain_refuse(const struct tls_cursor *at, uint32_t wire_len, struct mark where);

/* client_hello.c: counts a hello; false if it is one too many to be decoded */
bool tls_client_hello_count(const struct tls_cursor *at, struct mark where);

/* extensions.c */
struct tls_client_extensions {
    struct tls *tls;
    struct tls_client_hello *hello;
    struct reader points; /* of ec_point_formats */
    bool cut;             /* a list was longer than we keep: no fingerprint */
};
struct tls_server_extensions {
    struct tls *tls;
    struct tls_server_hello *hello;
    uint16_t retry_group; /* the group alone, as in a HelloRetryRequest */
    bool cut;
};
void tls_client_extensions_decode(struct tls_client_extensions *into, struct reader block);
void tls_server_extensions_decode(struct tls_server_extensions *into, struct reader block,
                                  bool retry);
/* The 16-bit values of a window, up to max, without GREASE where `grease` counts it. A half value
 * at the end fails `values`. */
struct u16_list tls_u16_list(struct tls *tls, struct reader *values, size_t max, uint32_t *grease,
                             bool *cut);

/* lists.c: room for a list; NULL: out of memory, and noted. Then its end, before the next one. */
uint16_t *tls_list_room(struct tls *tls, size_t count);
struct u16_list tls_list_end(struct tls *tls, uint16_t *at, size_t count);
/* The lists of a ClientHello that was read with `tls->lists` are kept as its facts. */
void tls_lists_keep(struct tls *tls, struct tls_client_hello *hello);

/* alert.c */
void tls_alert_bytes(const struct tls_cursor *at, struct reader bytes);
void tls_alert_encrypted(const struct tls_cursor *at, const struct tls_record *record);
void tls_heartbeat_bytes(const struct tls_cursor *at, struct reader bytes);
void tls_heartbeat_end(const struct tls_cursor *at);

/* ssl2.c: a whole CLIENT-HELLO (without its header), and records of an SSLv2 session */
void tls_ssl2_client_hello_take(const struct tls_cursor *at, struct reader body, struct mark where);
void tls_ssl2_server_hello_take(const struct tls_cursor *at, struct reader body, struct mark where);
bool tls_ssl2_step(struct tls_cursor *at, struct reader *rest);

/* fingerprint.c */
void tls_ja3(struct tls_client_hello *hello, struct reader points);
void tls_ja4(struct tls_client_hello *hello);
void tls_ja3s(struct tls_server_hello *hello);

/* established.c */
void tls_judge(struct tls *tls);
void tls_judge_encrypted(const struct tls_cursor *at, const struct tls_record *record);
void tls_judge_ccs(const struct tls_cursor *at);
/* What the sender of `where` knew of the peer's stream; `otherwise` if its mark does not tell. */
bool tls_knew(struct mark where, uint64_t offset, bool otherwise);
/* How sizes of TLS 1.3 records look (findings catalogue 2.1 and 6.6). */
uint32_t tls_finished_len(uint16_t cipher);
bool tls_alert_like(uint16_t cipher, uint32_t len);

#endif
