/* SPDX-License-Identifier: Apache-2.0
 * session.h - one mail session: the flow, what was said in clear, TLS, certificates, and what
 * became of it.
 *
 * This stage is the flow's consumer. It finds out what is spoken, hands bytes to the mail and TLS
 * followers, and reports each session once when it is over, and once before if it stays open long
 * after its fate was known. A record is borrowed for the call of report(); nothing in it is a
 * secret.
 */
#ifndef SESSION_H
#define SESSION_H

#include "budget.h"
#include "flow.h"
#include "foreign.h"
#include "identity.h"
#include "mail.h"
#include "tls.h"
#include "x509.h"

enum session_role {
    ROLE_OTHER,
    ROLE_MX,
    ROLE_SUBMISSION,
    ROLE_ACCESS,
    ROLE_SIEVE,
    ROLE_LMTP,
    ROLE_COUNT
};
enum session_mode {
    MODE_PLAINTEXT,
    MODE_STARTTLS,
    MODE_IMPLICIT,
    MODE_MIXED,
    MODE_OPAQUE,
    MODE_FOREIGN,
    MODE_COUNT
};
enum session_verdict {
    VERDICT_PROTECTED,
    VERDICT_WEAK,
    VERDICT_EXPOSED,
    VERDICT_TAMPERED,
    VERDICT_FAILED,
    VERDICT_UNKNOWN,
    VERDICT_COUNT
};
enum session_outcome { OUTCOME_SUCCESS, OUTCOME_FAILURE, OUTCOME_UNKNOWN };

/* What could not be judged and why; bits. */
enum session_reason {
    REASON_CLIENT_MISSING = 1 << 0, /* no packet of that side in the capture */
    REASON_SERVER_MISSING = 1 << 1,
    REASON_MIDSTREAM = 1 << 2,     /* the capture begins after the connection */
    REASON_GAP = 1 << 3,           /* bytes are missing */
    REASON_TRUNCATED = 1 << 4,     /* frames were cut by the snap length */
    REASON_CAPTURE_ENDED = 1 << 5, /* still open when the capture ended */
    REASON_EVICTED = 1 << 6,       /* the flow table was full */
    REASON_CERTIFICATES_ENCRYPTED = 1 << 7,
    REASON_RESUMED = 1 << 8, /* so the certificates were not sent */
    REASON_COMPRESSED = 1 << 9,
    REASON_TLS_LOST = 1 << 10,    /* records could not be followed to the end */
    REASON_LIMIT = 1 << 11,       /* a maximum of ours was reached: some detail is left out */
    REASON_GUESSED = 1 << 12,     /* who is the client is a guess */
    REASON_FILE_BORDER = 1 << 13, /* begins or ends where the capture does */
};
enum { REASON_COUNT = 14 };

/* In the order of the plugin header. */
enum session_name_source {
    NAME_SNI,        /* the client asked for it */
    NAME_CONFIGURED, /* the operator says so */
    NAME_DNS,        /* learnt from an answer seen earlier */
    NAME_BANNER,     /* the server's own claim */
    NAME_ADDRESS     /* the address itself */
};
enum session_name_match { NAME_DIFFERS, NAME_MATCHES, NAME_ONLY_IN_CN };

struct session_name { /* one that the server's certificate should carry, and whether it does */
    enum session_name_source source;
    struct text name;
    enum session_name_match match;
};

const char *session_role_name(enum session_role role);
const char *session_mode_name(enum session_mode mode);
const char *session_verdict_name(enum session_verdict verdict);
const char *session_outcome_name(enum session_outcome outcome);
const char *session_anchor_name(enum session_anchor anchor);
const char *session_reason_name(unsigned index); /* of bit `index` */

struct session_record {
    char id[IDENTITY_SIZE]; /* mailtls.session.id */
    char community[IDENTITY_COMMUNITY_SIZE];
    bool early;     /* its fate is known or more became known, and it goes on: for findings only, no
                       record of its own is due */
    bool open;      /* reported before its end */
    bool silent;    /* not a byte of payload: only worth a record if something is found */
    void **memory;  /* of whoever is told: kept from call to call for this session, NULL at first;
                       the last call (neither early nor open) is the time to free it */
    int64_t now_ns; /* the instant that completes this record: what events are ordered by */
    const struct flow_info *flow;
    const struct mail_facts *mail;  /* NULL: no mail protocol was seen */
    const struct tls_facts *tls;    /* NULL: no TLS was seen */
    const struct x509_chain *chain; /* of the server; NULL: none visible */
    const struct x509_chain *client_chain;
    struct verification
        verification; /* of the server's chain at the packet's time; valid with chain */
    enum session_anchor anchor;
    struct session_name names[LIMIT_SERVER_NAMES]; /* with a chain; in order of weight */
    size_t name_count;
    char address[64];            /* the server's, printed: for `names` */
    const char *protocol;        /* network.protocol: "smtp" … "sieve", "tls", or "" */
    const char *application;     /* what nDPI calls it; NULL if not asked or unknown */
    bool binary[SIDE_COUNT];     /* not recognised, and that side began with a byte of no text */
    const char *proxy;           /* "socks5" …: inside a proxy connection; NULL otherwise */
    uint16_t proxy_port;         /* what that proxy was asked for; 0 otherwise */
    struct text proxied_address; /* the client's, out of a PROXY header; valid, or empty */
    enum session_role role;
    enum session_mode mode;
    enum session_verdict verdict;
    enum session_outcome outcome;
    unsigned reasons; /* session_reason bits */
    bool mail_port;
    bool beginning_lost[SIDE_COUNT]; /* what is seen of that side begins behind a gap */
};

struct session_options {
    bool all_tls; /* report TLS from the first byte on any port */
    bool early;   /* tell what became known of a session while it goes on (record.early) */
    /* The names of an address that the operator knows, one for each index from 0 on; NULL behind
     * the last. May be NULL: none are known. */
    const char *(*server_name)(const void *policy, uint8_t family, const uint8_t address[16],
                               size_t index);
    const void *policy;
    int64_t report_after_ns;
    const uint16_t *ports; /* mail ports */
    size_t port_count;
};

struct session_counters {
    uint64_t records, open_records;
    uint64_t
        recognised[MAIL_SIEVE + 1]; /* dialogues begun; of MAIL_NONE: TLS from the first byte */
    uint64_t protocols[MAIL_SIEVE + 1], modes[MODE_COUNT], verdicts[VERDICT_COUNT];
    uint64_t tls_versions[5]; /* ssl (2.0 and 3.0), 1.0, 1.1, 1.2, 1.3 and drafts; negotiated */
    uint64_t reasons[REASON_COUNT];
    uint64_t let_go; /* flows that are not ours */
    uint64_t foreign_asked;
    uint64_t chains_over_budget;
};

/* One for each shard; used by the thread that runs it. Everything but counters is set by its owner
 * and outlives the shard. */
struct session_context {
    const struct session_options *options;
    struct x509_cache *cache;
    struct intern *intern;      /* of what sessions have in common; the worker's */
    struct x509_budget *budget; /* of the shard */
    struct foreign *foreign;    /* may be NULL: then nothing is named */
    /* Returns whether the record counts: always, but for a silent one in which nothing was found.
     * May raise the record's verdict. */
    bool (*report)(void *to, struct session_record *record);
    void *to;
    struct session_counters counters;
};

/* What to give to shard_new(), with a struct session_context as context. */
const struct flow_sink *session_sink(void);

/* Of a side, for the session's id: the initial sequence number, or the first one seen. */
uint32_t session_first_number(const struct flow_info *flow, enum side side);

bool session_is_mail_port(const struct session_options *options, uint16_t port);

#endif
