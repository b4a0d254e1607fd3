/* SPDX-License-Identifier: Apache-2.0
 * tls.h - follow a TLS connection from its first byte: records, the handshake in clear, alerts, and
 * what the sizes and order of encrypted records tell.
 *
 * SSL 2.0 and 3.0, TLS 1.0 to 1.3 and its drafts. Records may span segments, messages may span
 * records. Nothing is decrypted here. Every length is bounded; a message over its maximum is
 * skipped and named, never mangled. RFC 8446, 5246, 4346, 2246, 6101 (SSL 3.0), 6066, 7301, 7627,
 * 7366, 5746, 8701 (GREASE), 5077, 6520.
 */
#ifndef TLS_H
#define TLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "arena.h"
#include "intern.h"
#include "limits.h"
#include "mark.h"
#include "reader.h"
#include "text.h"
#include "tri.h"

enum tls_started {
    TLS_START_NO,
    TLS_START_MORE,   /* could be: more bytes are needed */
    TLS_START_HELLO,  /* ClientHello or, from the server, ServerHello */
    TLS_START_SSL2,   /* SSLv2-format hello */
    TLS_START_ALERT,  /* an alert record */
    TLS_START_RECORD, /* another sound record: midstream */
};
/* Judges the first bytes of a side (findings catalogue 2.1). `final`: no more will come. */
enum tls_started tls_start(struct reader bytes, enum side side, bool final);

struct u16_list {
    const uint16_t *at; /* lives as long as the struct tls; wire order */
    size_t count;
};

struct tls_client_hello {
    bool seen, ssl2;      /* ssl2: SSLv2 format; ciphers are then those with a TLS number */
    uint16_t version;     /* legacy_version */
    uint16_t version_max; /* highest offered that is not GREASE, by supported_versions if sent */
    struct u16_list versions; /* supported_versions, or the one legacy_version */
    struct u16_list ciphers, extensions, groups, key_shares,
        signature_algorithms;   /* without GREASE */
    struct u16_list ssl2_kinds; /* low 16 bits of 3-byte kinds whose first byte is not 0 */
    const uint32_t
        *ssl2_ciphers; /* SSLv2 format: all kinds, 3 bytes each, wire order, in the arena */
    size_t ssl2_cipher_count;
    uint32_t grease;         /* GREASE values left out, in all lists */
    struct text server_name; /* as sent */
    bool server_name_sent;
    struct text *alpn; /* the first 8, in the arena */
    size_t alpn_count;
    uint8_t compression[8];
    size_t compression_count;
    size_t session_id_len;
    bool ech, psk, early_data, ticket, ems, etm, renegotiation_info, heartbeat, status_request, sct,
        fallback_scsv;
    bool malformed;            /* some of it did not fit; what fitted is here */
    uint32_t extensions_total; /* GREASE excluded, also beyond LIMIT_TLS_EXTENSIONS */
    char ja3[33], ja4[37];     /* lower-case hex with terminator; empty if not computed (ssl2) */
    struct mark where;
    uint32_t wire_len; /* of the handshake message */
};

enum tls_sentinel {
    TLS_SENTINEL_NONE,
    TLS_SENTINEL_TLS12 /* ...4401 */,
    TLS_SENTINEL_TLS11 /* ...4400 */
};

struct tls_server_hello {
    bool seen, ssl2;
    uint16_t legacy_version;
    uint16_t version; /* negotiated: supported_versions if sent, else legacy; 0x0002 for SSLv2 */
    uint16_t cipher;  /* 0 for SSLv2: see ssl2_kind */
    uint32_t
        ssl2_kind; /* SSLv2: the kind that the client's MASTER-KEY message chose; 0 if unseen */
    struct u16_list extensions; /* GREASE is not left out: a server has no business sending it */
    uint16_t key_share;         /* group of the key_share extension; 0 if none */
    bool psk;                   /* pre_shared_key selected */
    struct text alpn;
    uint8_t compression;
    size_t session_id_len;
    bool session_id_echoed; /* not empty and equal to the client's */
    bool ems, etm, renegotiation_info, heartbeat, ticket, status_request, sct, truncated_hmac,
        malformed;
    enum tls_sentinel sentinel;
    char ja3s[33];
    struct mark where;
};

struct tls_chain { /* of one Certificate message in clear */
    bool seen;
    struct reader *certificates; /* DER as sent: one copy of each for all connections */
    size_t count;
    bool malformed;
    bool too_large; /* over LIMIT_TLS_CERTIFICATE_MESSAGE_BYTES or LIMIT_CHAIN_CERTIFICATES:
                       refused, see wire_len */
    uint32_t wire_len;
    struct mark where;
};

struct tls_key_exchange { /* ServerKeyExchange, TLS 1.2 and before */
    bool seen, explicit_curve, anonymous, malformed;
    uint16_t group;               /* ECDHE named group; 0 if none */
    uint32_t dh_bits;             /* bit length of the prime without leading zeros; 0 if no DHE */
    uint8_t dh_prime_sha256[32];  /* of the prime's bytes without leading zeros */
    uint8_t dh_public_sha256[32]; /* of Ys likewise: the same twice means a key used again */
    uint16_t signature_algorithm; /* TLS 1.2; 0 if none */
};

enum tls_stage { /* how far the handshake had come, for alerts and ends */
                 TLS_STAGE_NONE,
                 TLS_STAGE_CLIENT_HELLO,
                 TLS_STAGE_SERVER_HELLO,
                 TLS_STAGE_CERTIFICATE,
                 TLS_STAGE_SERVER_DONE,
                 TLS_STAGE_CLIENT_KEY,
                 TLS_STAGE_ENCRYPTED /* a side has switched */,
                 TLS_STAGE_ESTABLISHED,
};
const char *tls_stage_name(enum tls_stage stage);

struct tls_alert {
    enum side side;
    bool encrypted; /* certain (type 21 after the sender's ChangeCipherSpec); code and level unknown
                     */
    uint8_t level, code;
    enum tls_stage stage;
    struct mark where;
    uint32_t record_len;
};

enum tls_visible { TLS_CERT_NOT_SEEN, TLS_CERT_YES, TLS_CERT_ENCRYPTED, TLS_CERT_RESUMED };

enum tls_note_kind {
    TLS_NOTE_MALFORMED, /* lengths of a record or message contradict one another; code: record or
                           message type */
    TLS_NOTE_MESSAGE_TOO_LARGE,   /* code: message type; len: its length */
    TLS_NOTE_CLEAR_AFTER_TLS,     /* bytes that are no record follow records; len: offset within the
                                     side's TLS bytes */
    TLS_NOTE_RENEGOTIATION,       /* handshake record after establishment, TLS 1.2 and before */
    TLS_NOTE_HEARTBEAT_REQUEST,   /* code: 1 if payload_length exceeds what the record holds; len:
                                     payload_length */
    TLS_NOTE_HEARTBEAT_RESPONSE,  /* len: payload_length; code: 1 if larger than the request's */
    TLS_NOTE_HEARTBEAT_ENCRYPTED, /* len: record length */
    TLS_NOTE_EARLY_DATA,          /* client application data before the server's Finished */
    TLS_NOTE_UNEXPECTED_MESSAGE,  /* code: message type */
    TLS_NOTE_SECOND_HELLO,        /* a further ClientHello without a HelloRetryRequest */
};

struct tls_note {
    enum tls_note_kind kind;
    enum side side;
    uint32_t code, len;
    struct mark where;
};

/* The encrypted part, by record header only: enough for what section 6.6 and 9.1 of the catalogue
 * judge. */
struct tls_encrypted {
    bool ccs; /* ChangeCipherSpec sent */
    struct mark ccs_at;
    uint32_t handshake_records; /* encrypted type 22, TLS 1.2 and before */
    uint32_t application_records;
    uint64_t application_bytes; /* lengths of records of type 23 */
    uint16_t first_lengths[16]; /* of this side's first encrypted records */
    uint8_t first_count;
    uint16_t last_length;
    uint8_t last_type;
    uint32_t alerts; /* type 21 after CCS */
    struct mark last_at;
};

struct tls_facts {
    bool began[SIDE_COUNT];    /* a sound first record, or an SSLv2 hello */
    bool no_hello[SIDE_COUNT]; /* the first record holds neither a hello nor an alert */
    struct mark began_at[SIDE_COUNT];
    uint32_t client_hellos, server_hellos; /* counts; HelloRetryRequests are in neither */
    struct tls_client_hello client_hello;  /* the last one in clear */
    struct tls_server_hello server_hello;  /* the last one that is no HelloRetryRequest */
    bool hello_retry;
    uint16_t hello_retry_group;
    uint16_t first_version_max; /* version_max of the first ClientHello */
    struct tls_key_exchange key_exchange;
    struct tls_chain server_chain, client_chain; /* the first of each in clear */
    bool client_certificate_requested, client_certificate_sent, client_certificate_empty;
    bool server_hello_done, client_key_exchange, certificate_verify, ocsp_staple, new_ticket;
    uint16_t certificate_verify_algorithm;
    enum tls_visible visible; /* of the server's certificates */
    enum tri
        established; /* findings catalogue 2.1; no: only when the end was seen; unknown otherwise */
    struct mark established_at;
    enum tri resumed;
    enum tls_stage stage;
    struct tls_alert *alerts; /* LIMIT_TLS_ALERTS at most */
    size_t alert_count, alert_cap;
    uint32_t alerts_dropped;
    struct tls_encrypted encrypted[SIDE_COUNT];
    bool lost[SIDE_COUNT];  /* records of this side can no longer be followed (gap, malformed) */
    bool ssl2;              /* an SSLv2 session (SERVER-HELLO seen) */
    struct tls_note *notes; /* LIMIT_TLS_NOTES at most */
    size_t note_count, note_cap;
    uint32_t notes_dropped;
    bool out_of_memory; /* the arena refused: facts are incomplete */
};

struct tls;

/* In the arena; NULL when it is exhausted. Not in the arena, but freed by tls_free(): the buffers
 * in which handshake messages are put together, and what connections have in common, which is in
 * `intern` (its bytes count as the arena's). */
struct tls *tls_new(struct arena *arena, struct intern *intern);
void tls_free(struct tls *tls); /* with all facts */

struct tls_input {
    enum side side;
    struct reader bytes;
    uint64_t offset;
    bool final;
    struct mark (*mark_at)(const void *marks, uint64_t offset);
    const void *marks;
};

/* Takes what can be used and returns how many bytes; an unfinished record header is left to be
 * offered again. Results do not depend on how the stream is cut. */
size_t tls_feed(struct tls *tls, const struct tls_input *input);
/* The side's TLS turned out to be followed by something else (clear text): its bytes are no longer
 * wanted. */
bool tls_lost(const struct tls *tls, enum side side);
void tls_gap(struct tls *tls, enum side side, uint64_t offset, uint64_t len);
/* FIN or RST of a side; the connection may be over for the handshake: settles `established` and
 * `visible`. */
void tls_finished(struct tls *tls, enum side side, struct mark where, bool reset);
/* The session is over: facts are final after this. `complete`: both sides were seen whole. */
void tls_end(struct tls *tls, bool complete);
const struct tls_facts *tls_facts(const struct tls *tls);

/* Registry names (src/data). NULL where there is none. Valid forever. */
const char *tls_cipher_name(uint16_t cipher); /* "TLS_AES_128_GCM_SHA256" */
const char *tls_group_name(uint16_t group);   /* "x25519", "secp256r1", "X25519MLKEM768" */
const char *tls_alert_name(uint8_t code);     /* "handshake_failure" */
/* "1.3", "1.2", … "3.0", "2.0", "1.3-draft28"; NULL if unknown. *protocol becomes "tls" or "ssl".
 */
const char *tls_version_text(uint16_t version, const char **protocol, char buffer[16]);

/* Bits of a suite's classes, from src/data/cipher_suites.def. */
enum tls_cipher_class {
    CIPHER_NULL = 1 << 0,
    CIPHER_ANON = 1 << 1,
    CIPHER_EXPORT = 1 << 2,
    CIPHER_RC4 = 1 << 3,
    CIPHER_DES = 1 << 4,
    CIPHER_3DES = 1 << 5,
    CIPHER_RC2 = 1 << 6,
    CIPHER_IDEA = 1 << 7,
    CIPHER_SEED = 1 << 8,
    CIPHER_CBC = 1 << 9,
    CIPHER_STATIC_RSA = 1 << 10,
    CIPHER_STATIC_DH = 1 << 11,
    CIPHER_STATIC_ECDH = 1 << 12,
    CIPHER_AEAD = 1 << 13,
    CIPHER_NO_PFS = 1 << 14,
    CIPHER_MD5_MAC = 1 << 15,
    CIPHER_NATIONAL = 1 << 16, /* GOST */
    CIPHER_NO_PKI = 1 << 17,   /* keys come from elsewhere: PSK, Kerberos, passwords */
};
unsigned tls_cipher_classes(uint16_t cipher);
/* Of the suite that the server chose, SSLv2 kinds included; NULL or 0 where there is no entry. */
const char *tls_hello_cipher_name(const struct tls_server_hello *hello);
unsigned tls_hello_cipher_classes(const struct tls_server_hello *hello);

const char *tls_signature_name(uint16_t scheme); /* "rsa_pss_rsae_sha256" */
/* A prime that many servers share, by the digest in struct tls_key_exchange: "RFC 3526 Oakley group
 * 14"; NULL if it is none of those known. */
const char *tls_dh_prime_name(const uint8_t sha256[32]);
bool tls_version_is_13(uint16_t version); /* TLS 1.3 or one of its drafts */
bool tls_is_grease(uint16_t value);       /* RFC 8701 section 2 */

#endif
