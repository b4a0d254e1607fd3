/* SPDX-License-Identifier: Apache-2.0
 * mail.h - follow SMTP, LMTP, POP3, IMAP and ManageSieve in clear text, up to where TLS takes over.
 *
 * The caller feeds the bytes of both sides in causal order (flow.h); this stage takes whole lines,
 * skips message data and literals without copying, and collects facts and notes. No line is an
 * error: what has no meaning in the present state changes nothing. What was said in clear and how
 * it ended is a fact; whether it is good is not judged here.
 *
 * Secrets are never kept: of AUTH, LOGIN, USER and PASS only the mechanism, that a secret was sent,
 * and the result. Mail addresses, subjects and bodies are not kept either.
 *
 * RFC 5321, 3207, 2920, 3030, 4954 (SMTP); 2033 (LMTP); 1939, 2449, 2595, 5034 (POP3); 3501, 9051,
 * 7888, 4978 (IMAP); 5804 (Sieve).
 */
#ifndef MAIL_H
#define MAIL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "arena.h"
#include "limits.h"
#include "mark.h"
#include "reader.h"
#include "text.h"
#include "tri.h"

enum mail_protocol { MAIL_NONE, MAIL_SMTP, MAIL_LMTP, MAIL_POP3, MAIL_IMAP, MAIL_SIEVE };
const char *mail_protocol_name(
    enum mail_protocol protocol); /* "smtp" "lmtp" "pop3" "imap" "sieve"; "" for none */

/* What the next bytes of a side are. */
enum mail_phase {
    MAIL_TEXT, /* feed them here */
    MAIL_WAIT, /* STARTTLS was sent, its answer is pending: hold this side back until the other has
                  moved */
    MAIL_TLS,  /* TLS was agreed: give them to TLS, or say mail_not_tls() when they are something
                  else */
    MAIL_OPAQUE, /* compressed, or lost: nothing more is read */
};

/* What was noticed on the way; detectors judge it. `code` and `len` mean what the comment says.
 * Those that relate to positions carry the mark of the byte that completed them. */
enum mail_note_kind {
    MAIL_NOTE_LINE_OVERFLOW, /* a line over LIMIT_LINE_BYTES or a reply over LIMIT_REPLY_LINES */
    MAIL_NOTE_DESYNC,        /* replies and commands could not be matched any more */
    MAIL_NOTE_BARE_LF,
    MAIL_NOTE_GREETING_MASKED,    /* len: stars */
    MAIL_NOTE_CAPABILITY_MASKED,  /* word: the token, len: its length */
    MAIL_NOTE_CAPABILITY_ALTERED, /* word: a near miss of STARTTLS or STLS in a capability list */
    MAIL_NOTE_COMMAND_MASKED,     /* word: the token; code: the reply's code (0 if none came) */
    MAIL_NOTE_COMMAND_ALTERED, /* word: near miss of STARTTLS or STLS as a command; code as above */
    MAIL_NOTE_OFFER_MALFORMED, /* STARTTLS on line 1, with parameters or trailing junk */
    MAIL_NOTE_STARTTLS_REQUIRED, /* code: 530 534 538 or 0; word: PRIVACYREQUIRED, ENCRYPT-NEEDED */
    MAIL_NOTE_STARTTLS_REFUSED,  /* code or word of the reply; len: 1 if the command had parameters
                                  */
    MAIL_NOTE_COMMAND_BEFORE_TLS,  /* plain bytes behind the STARTTLS line; word: first verb; len:
                                      bytes; code: bits of mail_early */
    MAIL_NOTE_RESPONSE_BEFORE_TLS, /* plain bytes behind the go-ahead; len: bytes; word: code or
                                      response name */
    MAIL_NOTE_PLAINTEXT_AFTER_ACCEPT,   /* client; word: verb */
    MAIL_NOTE_PLAINTEXT_REPLY_TO_HELLO, /* server; code: reply code */
    MAIL_NOTE_PREAUTH,
    MAIL_NOTE_DATA_BEFORE_TLS,     /* word: EXISTS, FETCH, LIST … */
    MAIL_NOTE_ALERT_BEFORE_TLS,    /* len: of the text; code: 1 if it holds a URL */
    MAIL_NOTE_REFERRAL_BEFORE_TLS, /* word: host of the URL */
    MAIL_NOTE_UI_TEXT_BEFORE_TLS,  /* len: of the text; word: host of the URL, if any */
    MAIL_NOTE_EHLO_REJECTED,       /* code */
    MAIL_NOTE_HELO_ONLY,
    MAIL_NOTE_AUTH_OFFERED_CLEAR, /* word: mechanisms that give the password away, blank separated;
                                     code: 1 if LOGINDISABLED */
    MAIL_NOTE_LOGIN_DESPITE_DISABLED,
    MAIL_NOTE_CONTENT, /* a message body began to cross in clear (first time only; counts are in the
                          facts) */
    MAIL_NOTE_SCRIPT,  /* a Sieve script crossed in clear */
    MAIL_NOTE_REQUIRETLS, /* MAIL FROM … REQUIRETLS (RFC 8689) */
    MAIL_NOTE_HTTP, /* the client spoke HTTP; word: method; code: 1 if a mail command followed in
                       later lines */
    MAIL_NOTE_PIPELINED_HELLO, /* a ClientHello directly behind the STARTTLS line */
};

/* How early the plain bytes behind STARTTLS were sent (catalogue: inject.command_before_tls a, b,
 * c). */
enum mail_early {
    EARLY_BEFORE_REPLY = 1 /* their sender had not acknowledged the go-ahead */,
    EARLY_AFTER_REPLY = 2,
    EARLY_ONLY_NEWLINES = 4,
    EARLY_LOGIN_OR_MAIL = 8 /* EHLO with AUTH, MAIL, RCPT, LOGIN among them */,
    EARLY_TLS_FOLLOWED = 16 /* a hello came behind them */
};

struct mail_note {
    enum mail_note_kind kind;
    enum side side;
    uint64_t offset; /* in the side's stream, of the first byte concerned */
    struct mark where;
    uint32_t code, len;
    struct text
        word; /* a verb, a capability or a host, from an allow-list of kinds; never an argument */
};

struct mail_capabilities { /* the last complete list before TLS */
    struct text *names; /* "STARTTLS", "AUTH PLAIN LOGIN", "SIZE" … as sent, parameters of AUTH and
                           SASL kept; LIMIT_CAPABILITIES at most */
    size_t count, cap;
    bool complete;     /* the whole list was seen, without a gap */
    struct mark where; /* its last byte */
    uint64_t offset;   /* its first byte */
};

struct mail_auth {
    struct text mechanism; /* upper case: "PLAIN", "LOGIN", "CRAM-MD5", "USER" (POP3 USER/PASS),
                              "APOP", "LOGIN-COMMAND" (IMAP LOGIN) */
    bool secret_sent;      /* bytes that give away or prove the secret crossed in clear */
    enum tri succeeded;
    uint32_t code;     /* of the final reply, 0 where there are no codes */
    struct mark where; /* of the command */
    uint64_t offset;
    bool passed_over; /* its sender had been offered TLS, and had not asked for it */
};

struct mail_facts {
    enum mail_protocol protocol;
    uint32_t greeting_code;    /* 220, 554 …; 0 where there are no codes */
    struct text greeting_word; /* OK, PREAUTH, BYE, +OK, -ERR */
    struct text banner_host;   /* first word of the greeting that looks like a host name */
    struct text
        banner_software; /* what follows it, at most LIMIT_NAME_BYTES, without mail addresses */
    struct text helo;    /* argument of EHLO, HELO or LHLO before TLS */
    struct text helo_verb;
    bool greeting_seen, greeting_complete;
    bool capabilities_asked;
    bool login_disabled;
    bool clear_commands; /* MAIL, AUTH, USER, LOGIN, SELECT … was sent in clear: the client chose to
                            go on without TLS */
    bool quit;           /* QUIT or LOGOUT in clear */
    bool gap;            /* bytes of the dialogue are missing */
    bool binary; /* what the client sent after the agreement on TLS is neither TLS nor text */
    bool bare_lf;
    struct mail_capabilities capabilities;
    uint32_t unknown_commands;  /* client lines that are none of the protocol: fuzzers send many */
    enum tri starttls_offered;  /* no: only from a complete list */
    struct mark greeting_at;    /* of the greeting's last byte; valid if greeting_seen */
    bool starttls_ever_offered; /* by any list; the last one may lack it */
    enum tri
        starttls_requested; /* no: decided by the caller, who knows whether everything was seen */
    enum tri starttls_accepted;
    struct text starttls_reply; /* "220", "454", "OK", "NO", "BAD", "+OK", "-ERR" */
    struct mark starttls_requested_at, starttls_accepted_at;
    uint64_t starttls_reply_end;     /* offset behind the reply, in the server's stream */
    uint64_t starttls_requested_end; /* offset behind the request, in the client's */
    struct mark clear_command_at;
    struct text clear_command; /* its verb */
    uint64_t clear_command_offset;
    struct mail_auth *auth; /* LIMIT_AUTH_ATTEMPTS at most */
    size_t auth_count, auth_cap;
    uint32_t auth_dropped, notes_dropped;
    uint64_t messages, recipients, recipients_refused,
        content_bytes; /* that crossed in clear, both ways */
    uint64_t client_lines, server_lines;
    struct text last_reply;  /* code or word of the last reply in clear */
    struct mail_note *notes; /* LIMIT_NOTES at most */
    size_t note_count, note_cap;
    struct text proxied_address; /* client address of a PROXY header (v1, v2), printable */
    uint16_t proxied_port;
};

struct mail;

struct mail_input {
    enum side side;
    struct reader bytes; /* at least one */
    uint64_t offset;     /* of the first, in the side's stream */
    bool final;          /* the side's last bytes: a line without an end will not get one */
    struct mark (*mark_at)(const void *marks, uint64_t offset);
    const void *marks;
};

/* Recognition by what is spoken. Both readers start at the first byte of their side; either may be
 * empty yet. */
enum mail_recognised {
    MAIL_RECOGNISED_MORE, /* not enough yet */
    MAIL_RECOGNISED_YES,  /* *protocol is set */
    MAIL_RECOGNISED_NO,   /* something else */
};
/* `port` is the server's and only breaks ties (an unclear greeting). `client_first`: the client's
 * bytes were sent without having seen any of the server's. TLS at byte 0 is not this function's
 * business: ask tls_start() first. */
enum mail_recognised mail_recognise(struct reader client, bool client_final, struct reader server,
                                    bool server_final, uint16_t port, enum mail_protocol *protocol);

/* A PROXY protocol header at the start of the client's bytes: its length, 0 if there is none,
 * SIZE_MAX if more bytes are needed. */
size_t mail_proxy_header(struct reader client, struct text *address, uint16_t *port,
                         struct arena *arena);

/* The machine of one session; allocated in the arena, which also holds all texts. NULL when the
 * arena is exhausted. */
struct mail *mail_new(struct arena *arena, enum mail_protocol protocol, uint16_t port);

/* Takes what can be used of the input and returns how many bytes that is. Takes nothing while
 * mail_phase() of the side is not MAIL_TEXT. An unfinished line is left to be offered again. */
size_t mail_feed(struct mail *mail, const struct mail_input *input);
enum mail_phase mail_phase(const struct mail *mail, enum side side);

/* The side's phase is MAIL_TLS, but these bytes are not TLS: noted as what the catalogue calls it,
 * and the side's phase becomes MAIL_TEXT again (its later bytes may still turn out to be TLS: the
 * phase then is MAIL_TLS again after the line). */
void mail_not_tls(struct mail *mail, const struct mail_input *input);
/* TLS has really begun on this side (its first bytes were recognised). */
void mail_tls_began(struct mail *mail, enum side side, struct mark where);

void mail_gap(struct mail *mail, enum side side, uint64_t offset, uint64_t len);
/* Only this side is in the capture: replies are not waited for, and what can be told from one side
 * alone is. Best before the first byte. */
void mail_one_sided(struct mail *mail, enum side present);
/* The capture began in the middle: the first reply need not be a greeting. Before the first byte.
 */
void mail_midstream(struct mail *mail);
/* The client's address out of a PROXY header that was in front of its bytes. */
void mail_proxied(struct mail *mail, struct text address, uint16_t port);
void mail_finished(struct mail *mail, enum side side,
                   struct mark where); /* FIN: no more of this side */

const struct mail_facts *mail_facts(const struct mail *mail);
/* A note of the caller's (positions that only it can judge); bounded like all notes. */
void mail_note(struct mail *mail, const struct mail_note *note);

/* For tests and logs. */
const char *mail_note_name(enum mail_note_kind kind);

#endif
