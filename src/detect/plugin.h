/* SPDX-License-Identifier: Apache-2.0
 * plugin.h - all that a detector sees of starttap, and all it may rely on. Installed as
 * <starttap/plugin.h>; needs nothing but the C library. Long because one header is the promise.
 *
 * A detector judges one mail session at a time: the core hands it immutable facts, it reports
 * findings. The words for people come from a data file by rule id; a detector supplies values.
 *
 *   session scope     runs on the workers, at once for many sessions, and keeps nothing between
 *                     calls; only session facts and what prepare() made decide
 *   neighbour scope   runs on the one ordered thread: sessions come in order of the time at which
 *                     they were judged, the core owns `state`, zeroed once
 *
 * judge() is called once the fate of a session is known (TLS up, or clear text chosen) or the
 * session is over (`ended`). A session that stays open may be judged again, with more facts; the
 * last call has `ended` set. So report what later bytes cannot take back; a finding reported again
 * (same rule and key) may only gain severity and confidence.
 *
 * Lifetime: all that a hook is given is valid during the call only, unless it says otherwise.
 * Texts are terminated, printable UTF-8 and never NULL; "" means there is none. Nothing in the
 * facts is a secret: passwords, tokens, addresses of mail and message content do not reach here.
 *
 * Compatibility: the core refuses a detector of another `abi`. Within one ABI, enumerations grow at
 * their end, and so do the structs that are reached by a pointer of their own (session, mail, tls,
 * hellos, chain, policy, core); `size` says what the core has. Elements of arrays are frozen, and
 * so are finding, value and evidence. A detector says its own size.
 */
#ifndef STARTTAP_PLUGIN_H
#define STARTTAP_PLUGIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define STARTTAP_PLUGIN_ABI 1

enum starttap_tri { STARTTAP_UNKNOWN, STARTTAP_NO, STARTTAP_YES };
enum starttap_side { STARTTAP_CLIENT, STARTTAP_SERVER };
enum starttap_severity {
    STARTTAP_INFO,
    STARTTAP_LOW,
    STARTTAP_MEDIUM,
    STARTTAP_HIGH,
    STARTTAP_CRITICAL
};

/* Where a byte was seen. */
struct starttap_mark {
    int64_t time_ns; /* since 1970-01-01 UTC, by the capture's clock */
    uint64_t frame;  /* in its file, from 1; 0 if unknown */
    uint32_t file;
};

/* --- the connection --- */

struct starttap_end { /* an endpoint */
    const char *ip;   /* printed */
    uint16_t port;
    uint8_t family; /* 4 or 6 */
    uint8_t address[16];
};

struct starttap_stream { /* what one side sent */
    bool seen;           /* any packet of it */
    bool whole; /* every byte from its first one on was seen so far: a negative statement is fair */
    bool fin, rst;
    uint8_t ttl;             /* of its first packet; 0 if unknown */
    uint32_t gaps;           /* runs of missing bytes */
    uint32_t truncated;      /* packets cut by the snap length */
    uint64_t bytes, packets; /* bytes of payload on the wire, duplicates included */
    uint64_t stream_bytes;   /* in order, each once */
    uint64_t acked_bytes;    /* of them, as far as the peer acknowledged them */
};

struct starttap_conflict { /* two copies of the same bytes that differ */
    enum starttap_side side;
    uint64_t offset;                    /* of the first byte that differs */
    uint32_t len;                       /* of the range that both copies cover */
    uint64_t first_hash, second_hash;   /* of that range */
    struct starttap_mark first, second; /* where the copies came from */
    uint8_t first_ttl, second_ttl;      /* 0 if unknown */
    bool text;                          /* the later copy reads like lines of text */
};

enum starttap_how {
    STARTTAP_OPEN, /* not ended yet */
    STARTTAP_FIN,
    STARTTAP_RST,
    STARTTAP_TIMEOUT,
    STARTTAP_EVICTED,
    STARTTAP_CAPTURE_END
};
enum starttap_role {
    STARTTAP_ROLE_OTHER,
    STARTTAP_ROLE_MX,
    STARTTAP_ROLE_SUBMISSION,
    STARTTAP_ROLE_ACCESS,
    STARTTAP_ROLE_SIEVE,
    STARTTAP_ROLE_LMTP
};
enum starttap_mode {
    STARTTAP_PLAINTEXT,
    STARTTAP_STARTTLS,
    STARTTAP_IMPLICIT,
    STARTTAP_MIXED,
    STARTTAP_OPAQUE,
    STARTTAP_FOREIGN
};

/* --- the dialogue in clear --- */

enum starttap_protocol {
    STARTTAP_NO_MAIL,
    STARTTAP_SMTP,
    STARTTAP_LMTP,
    STARTTAP_POP3,
    STARTTAP_IMAP,
    STARTTAP_SIEVE
};

/* What was noticed on the way, in the order noticed. */
enum starttap_note_kind {
    STARTTAP_NOTE_LINE_OVERFLOW, /* a line or reply over its maximum */
    STARTTAP_NOTE_DESYNC,        /* replies and commands could not be matched any more */
    STARTTAP_NOTE_BARE_LF,
    STARTTAP_NOTE_GREETING_MASKED,        /* len: stars */
    STARTTAP_NOTE_CAPABILITY_MASKED,      /* word: the token; len: its length */
    STARTTAP_NOTE_CAPABILITY_ALTERED,     /* word: a near miss of STARTTLS or STLS in a list */
    STARTTAP_NOTE_COMMAND_MASKED,         /* word: the token; code: of the reply, 0 if none came */
    STARTTAP_NOTE_COMMAND_ALTERED,        /* word: a near miss as a command; code as above */
    STARTTAP_NOTE_OFFER_MALFORMED,        /* STARTTLS on line 1, with parameters or trailing junk */
    STARTTAP_NOTE_STARTTLS_REQUIRED,      /* code: 530 534 538 or 0; word: PRIVACYREQUIRED,
                                             ENCRYPT-NEEDED */
    STARTTAP_NOTE_STARTTLS_REFUSED,       /* code or word of the reply; len: 1 if the command had
                                             parameters */
    STARTTAP_NOTE_COMMAND_BEFORE_TLS,     /* plain bytes behind the STARTTLS line; word: first verb;
                                             len: bytes; code: starttap_early bits */
    STARTTAP_NOTE_RESPONSE_BEFORE_TLS,    /* plain bytes behind the go-ahead; len: bytes; word:
                                             code or response name */
    STARTTAP_NOTE_PLAINTEXT_AFTER_ACCEPT, /* client; word: verb */
    STARTTAP_NOTE_PLAINTEXT_REPLY_TO_HELLO, /* server; code: of the reply */
    STARTTAP_NOTE_PREAUTH,
    STARTTAP_NOTE_DATA_BEFORE_TLS,     /* word: EXISTS, FETCH, LIST … */
    STARTTAP_NOTE_ALERT_BEFORE_TLS,    /* len: of the text; code: 1 if it holds a URL */
    STARTTAP_NOTE_REFERRAL_BEFORE_TLS, /* word: host of the URL */
    STARTTAP_NOTE_UI_TEXT_BEFORE_TLS,  /* len: of the text; word: host of the URL, if any */
    STARTTAP_NOTE_EHLO_REJECTED,       /* code */
    STARTTAP_NOTE_HELO_ONLY,
    STARTTAP_NOTE_AUTH_OFFERED_CLEAR, /* word: mechanisms that give the password away; code: 1 if
                                         LOGINDISABLED */
    STARTTAP_NOTE_LOGIN_DESPITE_DISABLED,
    STARTTAP_NOTE_CONTENT,    /* a message body began to cross in clear */
    STARTTAP_NOTE_SCRIPT,     /* a Sieve script crossed in clear */
    STARTTAP_NOTE_REQUIRETLS, /* MAIL FROM … REQUIRETLS (RFC 8689) */
    STARTTAP_NOTE_HTTP, /* the client spoke HTTP; word: method; code: 1 if a mail command followed
                         */
    STARTTAP_NOTE_PIPELINED_HELLO, /* a ClientHello directly behind the STARTTLS line */
    STARTTAP_NOTE_KINDS
};
/* How early the plain bytes behind STARTTLS were sent. */
enum starttap_early {
    STARTTAP_EARLY_BEFORE_REPLY = 1, /* their sender had not acknowledged the go-ahead */
    STARTTAP_EARLY_AFTER_REPLY = 2,
    STARTTAP_EARLY_ONLY_NEWLINES = 4,
    STARTTAP_EARLY_LOGIN_OR_MAIL = 8,
    STARTTAP_EARLY_TLS_FOLLOWED = 16
};

struct starttap_note {
    enum starttap_note_kind kind;
    enum starttap_side side;
    uint32_t code, len;
    uint64_t offset; /* in the side's stream, of the first byte concerned */
    struct starttap_mark where;
    const char *word;
};

struct starttap_login {
    const char *mechanism; /* upper case: "PLAIN", "CRAM-MD5", "USER" (POP3 USER and PASS), "APOP",
                              "LOGIN-COMMAND" (IMAP LOGIN) */
    bool secret_sent;      /* bytes that give away or prove the secret crossed in clear */
    enum starttap_tri succeeded;
    uint32_t code; /* of the final reply; 0 where there are none */
    uint64_t offset;
    struct starttap_mark where;
};

struct starttap_mail {
    enum starttap_protocol protocol;
    uint32_t greeting_code;    /* 220, 554 …; 0 where there are none */
    const char *greeting_word; /* OK, PREAUTH, BYE, +OK, -ERR */
    const char *banner_host, *banner_software;
    const char *helo, *helo_verb; /* EHLO, HELO or LHLO before TLS */
    bool greeting_seen, greeting_complete, capabilities_asked, login_disabled;
    bool clear_commands; /* MAIL, AUTH, USER, LOGIN, SELECT …: the client chose to go on in clear */
    bool quit, gap, bare_lf;
    bool capabilities_complete;      /* the last list before TLS, seen whole */
    const char *const *capabilities; /* "STARTTLS", "AUTH PLAIN LOGIN" … as sent */
    size_t capability_count;
    struct starttap_mark capabilities_at;
    uint64_t capabilities_offset;
    uint32_t unknown_commands; /* client lines that are none of the protocol's */
    enum starttap_tri offered, requested,
        accepted;      /* STARTTLS, STLS; offered no: only by a whole list */
    const char *reply; /* to it: "220", "454", "OK", "NO", "+OK" … */
    struct starttap_mark requested_at, accepted_at, clear_command_at;
    uint64_t reply_end; /* offset behind the reply, in the server's stream */
    const char *clear_command;
    const struct starttap_login *logins;
    size_t login_count;
    uint64_t messages, recipients, recipients_refused;
    uint64_t content_bytes; /* of message bodies that crossed in clear, both ways */
    uint64_t client_lines, server_lines;
    const char *last_reply; /* code or word of the last reply in clear */
    const struct starttap_note *notes;
    size_t note_count;
    uint64_t requested_end;        /* offset behind the request for TLS, in the client's stream */
    bool ever_offered;             /* by any list; `offered` is about the last one */
    uint64_t clear_command_offset; /* in the client's stream */
    struct starttap_mark greeting_at; /* of its last byte; valid with greeting_seen */
    /* Bit i: when logins[i] was sent, TLS had been on offer and not been asked for. By what the
     * client had acknowledged, not by times, which packets in disorder get wrong. */
    uint32_t logins_passed_over;
    bool binary; /* what the client sent after the agreement on TLS is neither TLS nor text */
};

/* --- TLS --- */

struct starttap_u16s { /* in wire order, GREASE left out */
    const uint16_t *at;
    size_t count;
};

struct starttap_client_hello {
    bool ssl2;            /* in the format of SSL 2.0 */
    uint16_t version;     /* legacy_version */
    uint16_t version_max; /* highest offered */
    struct starttap_u16s versions, ciphers, extensions, groups, key_shares, signature_algorithms;
    const uint32_t *ssl2_kinds; /* ssl2: three bytes each */
    size_t ssl2_kind_count;
    unsigned cipher_classes; /* starttap_cipher_class bits of all that are offered */
    bool server_name_sent;
    const char *server_name;
    const char *const *alpn;
    size_t alpn_count;
    bool compression; /* a method beside null */
    bool ech, psk, early_data, ticket, ems, etm, renegotiation_info, heartbeat, status_request,
        fallback_scsv, malformed;
    uint32_t grease, wire_len;
    const char *ja3, *ja4;
    struct starttap_mark where;
};

enum starttap_sentinel { STARTTAP_SENTINEL_NONE, STARTTAP_SENTINEL_TLS12, STARTTAP_SENTINEL_TLS11 };

struct starttap_server_hello {
    bool ssl2;
    uint16_t version; /* negotiated; 0x0002 for SSL 2.0 */
    uint16_t legacy_version;
    uint16_t cipher;
    const char *cipher_name; /* IANA's; "" where there is none */
    unsigned cipher_classes; /* starttap_cipher_class bits */
    struct starttap_u16s extensions;
    uint16_t key_share; /* group; 0 if none */
    bool psk, compression, session_id_echoed, ems, etm, renegotiation_info, heartbeat, ticket,
        status_request, sct, truncated_hmac, malformed;
    size_t session_id_len;
    const char *alpn;
    enum starttap_sentinel sentinel;
    const char *ja3s;
    struct starttap_mark where;
};

enum starttap_cipher_class {
    STARTTAP_CIPHER_NULL = 1 << 0,
    STARTTAP_CIPHER_ANON = 1 << 1,
    STARTTAP_CIPHER_EXPORT = 1 << 2,
    STARTTAP_CIPHER_RC4 = 1 << 3,
    STARTTAP_CIPHER_DES = 1 << 4,
    STARTTAP_CIPHER_3DES = 1 << 5,
    STARTTAP_CIPHER_RC2 = 1 << 6,
    STARTTAP_CIPHER_IDEA = 1 << 7,
    STARTTAP_CIPHER_SEED = 1 << 8,
    STARTTAP_CIPHER_CBC = 1 << 9,
    STARTTAP_CIPHER_STATIC_RSA = 1 << 10,
    STARTTAP_CIPHER_STATIC_DH = 1 << 11,
    STARTTAP_CIPHER_STATIC_ECDH = 1 << 12,
    STARTTAP_CIPHER_AEAD = 1 << 13,
    STARTTAP_CIPHER_NO_PFS = 1 << 14,
    STARTTAP_CIPHER_MD5_MAC = 1 << 15,
    STARTTAP_CIPHER_NATIONAL = 1 << 16,
    STARTTAP_CIPHER_NO_PKI = 1 << 17
};

enum starttap_tls_stage { /* how far the handshake had come */
                          STARTTAP_STAGE_NONE,
                          STARTTAP_STAGE_CLIENT_HELLO,
                          STARTTAP_STAGE_SERVER_HELLO,
                          STARTTAP_STAGE_CERTIFICATE,
                          STARTTAP_STAGE_SERVER_DONE,
                          STARTTAP_STAGE_CLIENT_KEY,
                          STARTTAP_STAGE_ENCRYPTED,
                          STARTTAP_STAGE_ESTABLISHED
};

struct starttap_alert {
    enum starttap_side side;
    bool encrypted; /* then level and code are unknown */
    uint8_t level, code;
    enum starttap_tls_stage stage;
    uint32_t record_len;
    struct starttap_mark where;
};

enum starttap_tls_note_kind {
    STARTTAP_TLS_MALFORMED,          /* code: record or message type */
    STARTTAP_TLS_MESSAGE_TOO_LARGE,  /* code: message type; len */
    STARTTAP_TLS_CLEAR_AFTER_TLS,    /* bytes that are no record follow records */
    STARTTAP_TLS_RENEGOTIATION,      /* handshake record after establishment, TLS 1.2 and before */
    STARTTAP_TLS_HEARTBEAT_REQUEST,  /* code: 1 if payload_length exceeds the record; len: it */
    STARTTAP_TLS_HEARTBEAT_RESPONSE, /* code: 1 if larger than the request's; len: payload_length */
    STARTTAP_TLS_HEARTBEAT_ENCRYPTED, /* len: record length */
    STARTTAP_TLS_EARLY_DATA,
    STARTTAP_TLS_UNEXPECTED_MESSAGE, /* code: message type */
    STARTTAP_TLS_SECOND_HELLO,       /* a further ClientHello without a HelloRetryRequest */
    STARTTAP_TLS_NOTE_KINDS
};

struct starttap_tls_note {
    enum starttap_tls_note_kind kind;
    enum starttap_side side;
    uint32_t code, len;
    struct starttap_mark where;
};

struct starttap_encrypted { /* one side's encrypted records, by their headers */
    bool ccs;
    uint32_t handshake_records; /* type 22 after ChangeCipherSpec, TLS 1.2 and before */
    uint32_t application_records, alerts;
    uint64_t application_bytes;
    uint16_t first_lengths[16]; /* of the first ones */
    uint8_t first_count;
    uint8_t last_type;
    uint16_t last_length;
    struct starttap_mark ccs_at, last_at;
};

enum starttap_visible {
    STARTTAP_CERTIFICATES_NOT_SEEN,
    STARTTAP_CERTIFICATES_YES,
    STARTTAP_CERTIFICATES_ENCRYPTED,
    STARTTAP_CERTIFICATES_RESUMED
};

struct starttap_tls {
    bool began[2];    /* a sound first record of that side */
    bool no_hello[2]; /* and it holds neither a hello nor an alert */
    struct starttap_mark began_at[2];
    const struct starttap_client_hello *client_hello; /* the last one in clear; NULL: none seen */
    const struct starttap_server_hello *server_hello; /* NULL: none seen */
    uint32_t client_hellos;                           /* in clear */
    bool hello_retry;
    uint16_t hello_retry_group, first_version_max;
    uint16_t group; /* of the key exchange, TLS 1.2 and before (named curve) or 1.3; 0: none */
    const char *group_name; /* "" where there is none */
    bool explicit_curve, anonymous_exchange;
    uint32_t dh_bits;            /* of the prime; 0 if no DHE was seen */
    const char *dh_prime;        /* "RFC 3526 group 14" when it is one that many share */
    const char *dh_prime_sha256; /* hex; "" if none */
    const char
        *dh_public_sha256; /* hex of the server's share: the same twice is a key used again */
    uint16_t signature_algorithm;          /* of ServerKeyExchange, TLS 1.2; 0 if none */
    uint16_t certificate_verify_algorithm; /* of the client's, TLS 1.2; 0 if none */
    bool client_certificate_requested, client_certificate_sent, client_certificate_empty;
    bool server_hello_done, client_key_exchange, ocsp_staple, new_ticket;
    enum starttap_visible visible; /* of the server's certificates */
    bool chain_too_large;          /* refused unread */
    uint32_t chain_wire_len;
    enum starttap_tri established, resumed;
    struct starttap_mark established_at;
    enum starttap_tls_stage stage;
    const struct starttap_alert *alerts;
    size_t alert_count;
    const struct starttap_encrypted *encrypted[2];
    bool lost[2]; /* records of that side can no longer be followed */
    bool ssl2;
    const struct starttap_tls_note *notes;
    size_t note_count;
};

/* --- certificates --- */

enum starttap_anchor { /* where the path of the chain ends */
                       STARTTAP_ANCHOR_NOT_VISIBLE,
                       STARTTAP_ANCHOR_NOT_VERIFIED, /* no bundle, a budget, or a maximum: see
                                                        `verify_text` */
                       STARTTAP_ANCHOR_PUBLIC,
                       STARTTAP_ANCHOR_PUBLIC_INCOMPLETE, /* issued by a known public authority;
                                                             intermediate missing */
                       STARTTAP_ANCHOR_NATIONAL,
                       STARTTAP_ANCHOR_CONFIGURED,
                       STARTTAP_ANCHOR_PRIVATE,
                       STARTTAP_ANCHOR_SELF_SIGNED_LEAF,
                       STARTTAP_ANCHOR_NAME_COLLISION /* a public authority's name; the signature is
                                                         not its own */
};

enum starttap_certificate_flag {
    STARTTAP_CERT_SELF_ISSUED = 1 << 0,
    STARTTAP_CERT_SELF_SIGNED = 1 << 1,
    STARTTAP_CERT_CA = 1 << 2,
    STARTTAP_CERT_V1 = 1 << 3,
    STARTTAP_CERT_INVALID_EXTENSIONS = 1 << 4,
    STARTTAP_CERT_KEY_OUT_OF_RANGE = 1 << 5,
    STARTTAP_CERT_NAME_EMBEDDED_NUL = 1 << 6,
    STARTTAP_CERT_NO_SERVER_AUTH = 1 << 7,
    STARTTAP_CERT_MUST_STAPLE = 1 << 8,
    STARTTAP_CERT_HAS_SCT = 1 << 9,
    STARTTAP_CERT_HAS_AIA_ISSUERS = 1 << 10,
    STARTTAP_CERT_SERIAL_ODD = 1 << 11,
    STARTTAP_CERT_NAMES_CUT = 1 << 12,
    STARTTAP_CERT_HAS_CRL_POINTS = 1 << 13,
    STARTTAP_CERT_HAS_POLICIES = 1 << 14,
    STARTTAP_CERT_UNUSED = 1 << 15,   /* sent, and not part of the path from the leaf */
    STARTTAP_CERT_REPEATED = 1 << 16, /* the same certificate was sent before in this chain */
    STARTTAP_CERT_WEAK_EXPONENT = 1 << 17
};

struct starttap_certificate {
    bool parsed;                      /* false: only sha256 is valid */
    const char *sha256, *spki_sha256; /* lower-case hex */
    const char *subject, *issuer;     /* RFC 4514 */
    const char *subject_cn, *subject_o, *issuer_cn, *issuer_o, *issuer_ou;
    const char *serial;
    int64_t not_before_s, not_after_s;
    const char *not_before, *not_after; /* RFC 3339 */
    uint8_t version;
    const char *key_type, *key_curve; /* "rsa" "ec" "dsa" "ed25519" "ed448" "other" */
    uint32_t key_bits;
    const char *signature, *signature_hash;
    const char *const *names; /* subjectAltName: DNS names and IP addresses */
    size_t name_count;
    unsigned flags; /* starttap_certificate_flag bits */
};

enum starttap_name_source {
    STARTTAP_NAME_SNI,        /* the client asked for it */
    STARTTAP_NAME_CONFIGURED, /* policy.names */
    STARTTAP_NAME_DNS,        /* learnt from an answer seen earlier */
    STARTTAP_NAME_BANNER,     /* the server's own claim */
    STARTTAP_NAME_ADDRESS     /* the IP address itself */
};
enum starttap_name_match { STARTTAP_NAME_DIFFERS, STARTTAP_NAME_MATCHES, STARTTAP_NAME_ONLY_IN_CN };

struct starttap_name { /* a name that the certificate should carry, and whether it does (RFC 9525)
                        */
    enum starttap_name_source source;
    const char *name;
    enum starttap_name_match match;
};

struct starttap_chain {
    const struct starttap_certificate *certificates; /* as sent */
    size_t count;
    bool order_ok; /* each is issued by the next */
    bool refused;  /* over a maximum */
    enum starttap_anchor anchor;
    int verify_code; /* OpenSSL's X509_V_*; 0 ok, -1 not verified */
    int verify_depth;
    const char *verify_text;
    const struct starttap_name *names; /* in order of weight: SNI first */
    size_t name_count;
    struct starttap_mark where;
};

/* --- what the operator said --- */

struct starttap_policy {
    bool trusted;           /* both ends are in trusted networks, or loopback below */
    bool loopback;          /* both ends are this machine's */
    bool tls_required;      /* the operator says so of this server */
    const char *sanctioned; /* label of the inspection entry that covers this session's chain; "" */
    const char *sanctioned_problem; /* why an entry that fits by SPKI does not cover it: "expired",
                                       "client", "port"; "" */
    const char *vantage;            /* "unknown" "client" "server" "both" */
    const char *const *internal_domains; /* reserved; may be empty */
    size_t internal_domain_count;
    bool port_list; /* the operator listed the ports on which mail is expected: policy.mail_ports */
    bool port_allowed;
};

struct starttap_session {
    uint32_t size;  /* of this struct, in the core */
    const char *id; /* mailtls.session.id */
    bool ended;
    int64_t now_ns, start_ns, end_ns; /* end: of the last packet */
    struct starttap_end client, server;
    const struct starttap_stream *streams[2]; /* by starttap_side */
    bool midstream;                           /* the capture began after the connection */
    bool guessed;                             /* who is the client is a guess */
    enum starttap_how how;
    bool ended_by_known;
    enum starttap_side ended_by; /* who sent the first FIN or the RST */
    struct starttap_mark end_at;
    uint8_t end_ttl; /* of the RST; 0 if unknown */
    const struct starttap_conflict *conflicts;
    size_t conflict_count;
    const char *protocol_name; /* network.protocol: "smtp" … "tls", "" */
    const char *application;   /* what nDPI calls it; "" */
    const char *proxy;         /* "socks5" …: through a proxy; "" */
    uint16_t service_port;     /* the server's port, through a proxy the one it was asked for */
    bool mail_port;            /* one where mail is expected */
    bool nothing_said;         /* not a byte of payload, either way */
    bool tls_first;            /* the client's first bytes were a TLS hello */
    bool binary[2]; /* nothing was recognised, and that side began with neither TLS nor text */
    enum starttap_role role;
    enum starttap_mode mode;
    const struct starttap_mail *mail;   /* NULL: no mail protocol was seen */
    const struct starttap_tls *tls;     /* NULL: no TLS was seen */
    const struct starttap_chain *chain; /* the server's; NULL: none visible */
    const struct starttap_chain *client_chain;
    const struct starttap_policy *policy;
};

/* --- findings --- */

enum starttap_attribution {
    STARTTAP_ATTRIBUTION_UNKNOWN, /* the bytes do not prove who */
    STARTTAP_ATTRIBUTION_ATTACKER,
    STARTTAP_ATTRIBUTION_APPLIANCE,
    STARTTAP_ATTRIBUTION_MISCONFIGURATION,
    STARTTAP_ATTRIBUTION_POLICY,
    STARTTAP_ATTRIBUTION_NO_DANE
};

struct starttap_value { /* fills {name} in the text */
    const char *name, *value;
};

struct starttap_evidence {
    const char *kind; /* "reply" "command" "record" "certificate" "end" "copy" */
    enum starttap_side side;
    struct starttap_mark where;
    uint64_t offset;  /* in the side's stream; 0 where there is none */
    const char *text; /* verbs, codes, capability names; never an argument; NULL or "" */
};

struct starttap_finding {
    const char *rule;    /* [a-z0-9._]+, e.g. "tls.dh.weak"; never changes, users filter on it */
    const char *key;     /* tells findings of one rule in one session apart; NULL or "" mostly */
    const char *variant; /* picks a text of the rule's; NULL or "" for the general one */
    enum starttap_severity severity;
    uint8_t confidence; /* 0 to 100, about the bytes, not about who did it */
    enum starttap_attribution attribution;
    const struct starttap_value *values;
    size_t value_count;
    const struct starttap_evidence *evidence;
    size_t evidence_count;
    const char *tlsrpt; /* RFC 8460 result type, instead of the rule's; NULL */
};

/* What the core does for a detector. Valid as long as the program runs. */
struct starttap_core {
    uint32_t size;
    void (*report)(const struct starttap_core *core, const struct starttap_session *session,
                   const struct starttap_finding *finding); /* copies; inside judge() only */
    const char *(*version_name)(uint16_t version);          /* "TLS 1.2", "SSL 3.0"; "?" */
    const char *(*cipher_name)(uint16_t cipher);            /* "" where there is none, as below */
    unsigned (*cipher_classes)(uint16_t cipher);
    const char *(*group_name)(uint16_t group);
    const char *(*signature_name)(uint16_t scheme);
    const char *(*alert_name)(uint8_t code);
    /* A list of src/data or lists.dir, such as "interceptors.tsv": its text, terminated, and its
     * version. NULL when there is none of that name. */
    const char *(*list)(const struct starttap_core *core, const char *name, const char **version);
};

enum starttap_scope { STARTTAP_SCOPE_SESSION, STARTTAP_SCOPE_NEIGHBOURS };

struct starttap_detector {
    uint32_t abi;  /* STARTTAP_PLUGIN_ABI */
    uint32_t size; /* sizeof(struct starttap_detector) */
    const char *name;
    enum starttap_scope scope;
    size_t state_size; /* neighbours: bytes of zeroed memory, passed to every judge(); else 0 */
    const char *const *rules; /* ids that it may report, then NULL */
    const char
        *texts; /* of its rules, in the format of src/data/findings; NULL: in the data files */
    /* Before the first session, and whenever lists are read anew: tables made of lists. What it
     * returns is given to judge() and must not change afterwards. Then it runs on a thread of its
     * own, while judge() goes on with the former tables; what judge() keeps in `state` must not
     * point into tables or lists. NULL when there is nothing to prepare. */
    const void *(*prepare)(const struct starttap_core *core);
    void (*release)(const void *prepared); /* NULL if not needed */
    void (*judge)(void *state, const void *prepared, const struct starttap_session *session,
                  const struct starttap_core *core);
};

/* Called once, after loading. What it returns must live as long as the plugin. A detector that is
 * linked into the program is exported under a name of its own. */
#ifdef STARTTAP_BUILT_IN
#define STARTTAP_EXPORT(name)                                                                      \
    const struct starttap_detector *starttap_detector_##name(void);                                \
    const struct starttap_detector *starttap_detector_##name(void)
#else
#define STARTTAP_EXPORT(name)                                                                      \
    __attribute__((visibility("default"))) const struct starttap_detector *starttap_export(void);  \
    const struct starttap_detector *starttap_export(void)
#endif

/* --- small helpers; a plugin gets its own copy --- */

/* `steps` up or down, within the scale. */
static inline enum starttap_severity starttap_severity_step(enum starttap_severity from, int steps)
{
    int to = (int)from + steps;
    return to < (int)STARTTAP_INFO       ? STARTTAP_INFO
           : to > (int)STARTTAP_CRITICAL ? STARTTAP_CRITICAL
                                         : (enum starttap_severity)to;
}

/* The first note of a kind from `from` on; NULL if there is none. */
static inline const struct starttap_note *starttap_note_find(const struct starttap_mail *mail,
                                                             enum starttap_note_kind kind)
{
    for (size_t i = 0; mail != NULL && i < mail->note_count; i++)
        if (mail->notes[i].kind == kind)
            return &mail->notes[i];
    return NULL;
}

/* A secret or a message crossed in clear. */
static inline bool starttap_exposed(const struct starttap_mail *mail)
{
    for (size_t i = 0; mail != NULL && i < mail->login_count; i++)
        if (mail->logins[i].secret_sent)
            return true;
    return mail != NULL && mail->content_bytes > 0;
}

/* A finding in the making, which keeps what it refers to; what does not fit is left out. */
struct starttap_draft {
    struct starttap_finding finding;
    struct starttap_value values[32];
    struct starttap_evidence evidence[8];
    char text[3072];
    size_t text_len;
};

/* Both texts are borrowed until the report. */
static inline void starttap_draft_value(struct starttap_draft *draft, const char *name,
                                        const char *value)
{
    if (draft->finding.value_count < sizeof draft->values / sizeof draft->values[0])
        draft->values[draft->finding.value_count++] =
            (struct starttap_value){ .name = name, .value = value };
}

static inline void starttap_draft_number(struct starttap_draft *draft, const char *name,
                                         uint64_t number)
{
    char digits[20];
    size_t count = 0;
    do
        digits[count++] = (char)('0' + number % 10);
    while ((number /= 10) > 0);
    if (sizeof draft->text - draft->text_len <= count)
        return;
    char *text = draft->text + draft->text_len;
    for (size_t i = 0; i < count; i++)
        text[i] = digits[count - 1 - i];
    text[count] = '\0';
    draft->text_len += count + 1;
    starttap_draft_value(draft, name, text);
}

/* The words with ", " between them, as many as fit; a copy, which is returned. */
static inline const char *starttap_draft_list(struct starttap_draft *draft, const char *name,
                                              const char *const *words, size_t count)
{
    char *text = draft->text + draft->text_len;
    size_t room = sizeof draft->text - draft->text_len, len = 0;
    if (room == 0)
        return "";
    for (size_t i = 0; i < count; i++) {
        size_t word = 0, gap = i > 0 ? 2 : 0;
        while (words[i][word] != '\0')
            word++;
        if (word + gap >= room - len)
            break;
        for (size_t c = 0; c < gap; c++)
            text[len++] = ", "[c];
        for (size_t c = 0; c < word; c++)
            text[len++] = words[i][c];
    }
    text[len] = '\0';
    draft->text_len += len + 1;
    starttap_draft_value(draft, name, text);
    return text;
}

static inline void starttap_draft_evidence(struct starttap_draft *draft,
                                           struct starttap_evidence evidence)
{
    if (draft->finding.evidence_count < sizeof draft->evidence / sizeof draft->evidence[0])
        draft->evidence[draft->finding.evidence_count++] = evidence;
}

static inline void starttap_draft_report(struct starttap_draft *draft,
                                         const struct starttap_core *core,
                                         const struct starttap_session *session)
{
    draft->finding.values = draft->values;
    draft->finding.evidence = draft->evidence;
    core->report(core, session, &draft->finding);
}

/* "0x0005" */
static inline void starttap_draft_hex(struct starttap_draft *draft, const char *name,
                                      uint32_t number, size_t digits)
{
    char *text = draft->text + draft->text_len;
    if (digits > 8 || sizeof draft->text - draft->text_len < digits + 3)
        return;
    text[0] = '0';
    text[1] = 'x';
    for (size_t i = 0; i < digits; i++)
        text[2 + i] = "0123456789abcdef"[number >> 4 * (digits - 1 - i) & 15];
    text[2 + digits] = '\0';
    draft->text_len += digits + 3;
    starttap_draft_value(draft, name, text);
}

/* Adds to a text that is being written behind the draft's other texts; what does not fit is cut. */
static inline void starttap_draft_append(struct starttap_draft *draft, size_t *len,
                                         const char *words)
{
    for (; *words != '\0' && draft->text_len + *len + 1 < sizeof draft->text; words++)
        draft->text[draft->text_len + (*len)++] = *words;
}

/* Numbers of a registry by name, in hex where there is none: at most `max` of them, then "and 3
 * more". `name_of` may give the same memory each time. */
static inline void starttap_draft_names(struct starttap_draft *draft, const char *name,
                                        struct starttap_u16s list, size_t max,
                                        const char *(*name_of)(uint16_t number))
{
    const char *text = draft->text + draft->text_len;
    size_t len = 0;
    if (draft->text_len >= sizeof draft->text)
        return;
    for (size_t i = 0; i < list.count && i < max; i++) {
        char hex[7] = "0x";
        const char *word = name_of(list.at[i]);
        for (size_t digit = 2; digit < 6; digit++)
            hex[digit] = "0123456789abcdef"[list.at[i] >> 4 * (5 - digit) & 15];
        if (i > 0)
            starttap_draft_append(draft, &len, ", ");
        starttap_draft_append(draft, &len,
                              word == NULL || word[0] == '\0' || word[0] == '?' ? hex : word);
    }
    if (list.count > max) {
        char digits[] = "00000"; /* a list of 16 bits each has no more */
        size_t first = sizeof digits - 1;
        for (size_t more = list.count - max; more > 0 && first > 0; more /= 10)
            digits[--first] = (char)('0' + more % 10);
        starttap_draft_append(draft, &len, " and ");
        starttap_draft_append(draft, &len, digits + first);
        starttap_draft_append(draft, &len, " more");
    }
    draft->text[draft->text_len + len] = '\0';
    draft->text_len += len + 1;
    starttap_draft_value(draft, name, text);
}

/* A relay that takes mail from strangers, and of which nobody said that it must use TLS: there the
 * choice is between weak and none (RFC 9325 section 5.2). */
static inline bool starttap_opportunistic(const struct starttap_session *session)
{
    return session->role == STARTTAP_ROLE_MX && !session->policy->tls_required;
}

/* One step up where TLS is required, `relay_steps` on an opportunistic relay. A mere remark stays
 * one. */
static inline enum starttap_severity starttap_severity_for(const struct starttap_session *session,
                                                           enum starttap_severity severity,
                                                           int relay_steps)
{
    if (severity == STARTTAP_INFO)
        return severity;
    if (session->policy->tls_required)
        return starttap_severity_step(severity, 1);
    return starttap_severity_step(severity, starttap_opportunistic(session) ? relay_steps : 0);
}

/* A secret or a message crossed in clear after that instant. */
static inline bool starttap_exposed_after(const struct starttap_mail *mail, int64_t time_ns)
{
    for (size_t i = 0; mail != NULL && i < mail->login_count; i++)
        if (mail->logins[i].secret_sent && mail->logins[i].where.time_ns > time_ns)
            return true;
    for (size_t i = 0; mail != NULL && i < mail->note_count; i++)
        if (mail->notes[i].kind == STARTTAP_NOTE_CONTENT && mail->notes[i].where.time_ns > time_ns)
            return true;
    return false;
}

#endif
