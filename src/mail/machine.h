/* SPDX-License-Identifier: Apache-2.0
 * machine.h - the state of one dialogue and the engine that applies a protocol's table to it.
 *
 * A protocol file turns a line into (verb, event); its table turns that into the next state and an
 * action; the action notes facts. A command that was sent waits in the pipeline for its reply, and
 * a reply is an event of the verb it answers. No row means "changes nothing".
 *
 *     bytes -> lines.c -> <protocol>.c: verb, event -> machine_step(): row -> action -> facts.c
 *
 * The state says what the client's next bytes are. In a held state that depends on a reply that is
 * pending, and the client's side waits for it, so that the order in which bytes that crossed on the
 * wire arrive here makes no difference.
 */
#ifndef MACHINE_H
#define MACHINE_H

#include "mail.h"

enum state {
    STATE_COMMAND,        /* client lines are commands */
    STATE_STARTTLS,       /* held: STARTTLS or STLS was sent */
    STATE_AUTH,           /* held: a login was sent, or an answer within it */
    STATE_RESPONSE,       /* the next client line answers a challenge */
    STATE_MAYBE_RESPONSE, /* the same, unless it is a command: the challenge was not seen */
    STATE_DATA,           /* held: DATA was sent */
    STATE_CONTENT,        /* message up to CRLF . CRLF */
    STATE_MAYBE_CONTENT,  /* the same, unless the first line is a command: the 354 was not seen */
    STATE_DOUBT,          /* a message that was answered before its end: a command ends it */
    STATE_LITERAL,        /* held: a literal was announced that needs a go-ahead */
    STATE_COMPRESS,       /* held: COMPRESS or TURN was sent */
    STATE_COUNT,
    STATE_SAME = STATE_COUNT /* in a row: no change */
};

#define IN(state) (1u << (state))
#define ANY_STATE (IN(STATE_COUNT) - 1)
#define HELD                                                                                       \
    (IN(STATE_STARTTLS) | IN(STATE_AUTH) | IN(STATE_DATA) | IN(STATE_LITERAL) | IN(STATE_COMPRESS))

/* What happened to a command; bits, so that one row can answer to several. */
enum event {
    ON_SENT = 1,     /* it was sent */
    ON_LINE = 2,     /* a client line that answers a challenge */
    ON_READY = 4,    /* 220 */
    ON_OK = 8,       /* another 2xx, +OK, OK */
    ON_MORE = 16,    /* 334, "+", a challenge */
    ON_DATA = 32,    /* 354 */
    ON_FAIL = 64,    /* 4xx, 5xx, -ERR, NO, BAD, BYE */
    ON_ODD = 128,    /* any other code */
    ON_MISSING = 256 /* its reply will not be seen */
};
#define ON_POSITIVE (ON_READY | ON_OK)
#define ON_FINAL (ON_READY | ON_OK | ON_FAIL | ON_ODD)
#define ON_REPLY (ON_READY | ON_OK | ON_MORE | ON_DATA | ON_FAIL | ON_ODD)

enum verb {
    VERB_NONE,     /* a reply to nothing that was seen */
    VERB_GREETING, /* connecting, answered by the greeting */
    VERB_UNKNOWN,
    VERB_OTHER, /* known, without a meaning here */
    VERB_STARTTLS,
    VERB_AUTH, /* AUTH, AUTHENTICATE, APOP */
    VERB_HELLO,
    VERB_HELO,
    VERB_MAIL,
    VERB_RCPT,
    VERB_DATA,
    VERB_CONTENT, /* the end of a message */
    VERB_BDAT,
    VERB_RESET,
    VERB_TURN,
    VERB_QUIT,
    VERB_CAPABILITIES, /* CAPA, CAPABILITY */
    VERB_USER,
    VERB_PASS,
    VERB_LOGIN,
    VERB_RETRIEVE, /* RETR, TOP, GETSCRIPT: a body follows */
    VERB_LISTING,  /* LIST, UIDL: lines follow, unless one was asked for */
    VERB_APPEND,   /* APPEND, PUTSCRIPT: content of the client */
    VERB_COMPRESS,
    VERB_MAILBOX, /* SELECT, EXAMINE */
    VERB_IDLE,
    VERB_LITERAL, /* announcing one, answered by a go-ahead or by the command's reply */
    VERB_ANY
};

/* A whole line without its end; borrowed for the call. */
struct line {
    struct text text;
    uint64_t offset, end;     /* in its side's stream: first byte, first byte behind the end */
    struct mark first, where; /* of its first and last byte */
    enum side side;
    bool bare_lf;
    bool cut; /* longer than LIMIT_LINE_BYTES: the text is its beginning */
};

/* A command whose reply is outstanding. */
struct pending {
    uint64_t end;      /* first byte behind the command, in the client's stream */
    struct mark where; /* of its last byte */
    uint64_t tag;      /* IMAP: hash of the tag */
    enum verb verb;
    uint32_t replies; /* still to come; LMTP has several for a message; 0: not counted yet */
    uint8_t login;    /* NOTE_NONE, or the login of the facts that its reply decides */
    uint8_t note;     /* NOTE_NONE, or the note that wants the reply's code */
    bool parameters;  /* the command had some */
    bool last;        /* BDAT … LAST */
};
#define NOTE_NONE UINT8_MAX

/* What an action is given. */
struct step {
    const struct line *line;
    struct text rest;        /* behind the verb, or behind the reply's code or word */
    struct text word;        /* the verb's name, or the reply's code or word; a literal or short */
    struct pending *command; /* that was sent or is answered; NULL if not known */
    uint32_t code;           /* of the reply, 0 where there are no codes */
    enum event event;
};

struct mail;

struct transition {
    unsigned from; /* bits of states */
    enum verb verb;
    unsigned on; /* bits of events */
    enum state to;
    void (*act)(struct mail *mail, const struct step *step); /* may be NULL */
};

struct verb_row {
    const char *name; /* upper case */
    enum verb verb;
    bool clear; /* sending it means going on without TLS */
};

struct protocol {
    const char *name;
    const struct transition *rows;
    size_t row_count;
    void (*client_line)(struct mail *mail, const struct line *line);
    void (*server_line)(struct mail *mail, const struct line *line);
    /* The command a client line is; verb UNKNOWN if it is none of this protocol's. Never NULL. */
    const struct verb_row *(*verb_of)(struct text line);
    /* The code or word of a server line, a literal or digits within it; empty if it is no reply. */
    struct text (*reply_of)(struct text line);
    /* The end of an overlong line, whose beginning came as a line; may be NULL. */
    void (*line_tail)(struct mail *mail, enum side side, struct text tail);
    struct text upgrade; /* STARTTLS or STLS */
};
extern const struct protocol protocol_smtp, protocol_lmtp, protocol_pop3, protocol_imap,
    protocol_sieve;

/* Where the search for CRLF . CRLF stands. */
enum dot { DOT_START, DOT_MIDDLE, DOT_CR, DOT_DOT, DOT_DOT_CR };

struct channel {
    uint64_t offset; /* of the next byte to take */
    size_t scanned;  /* bytes from there that hold no end of line */
    uint64_t skip;   /* octets of a literal or a chunk still to come */
    enum dot dot;    /* in a dot-terminated body */
    bool body;       /* within such a body */
    bool body_counted;
    uint64_t body_offset;  /* of its first byte */
    struct mark body_mark; /* likewise */
    uint64_t cut_end;      /* where the beginning of an overlong line ended */
    bool content;          /* what is skipped is mail */
    bool overflow;         /* within a line that is too long */
    bool partial;          /* behind a gap: what comes up to the next LF is the end of some line */
    bool mid_line;         /* the next line is the end of one that was seen */
    bool continues;        /* the next line continues a logical line that had a literal */
    bool plain;            /* text where TLS was expected: its next line is read */
    bool finished;         /* FIN */
    bool started;          /* any line was taken */
    struct mark newest;    /* of the last line that was taken */
    char tail[24];         /* the end of an overlong line: IMAP announces literals there */
    size_t tail_len;
    enum mail_phase phase; /* TEXT, TLS or OPAQUE; waiting is the machine's state */
};

/* A reply of several lines (SMTP) or a capability list (all) under way. */
struct reply {
    bool active, masked_only; /* masked_only: nothing but what a masked greeting holds */
    bool overflow;
    uint32_t code, lines, stars;
    uint64_t offset;
    enum verb verb; /* that it answers */
};

struct list {
    bool active;
    bool malformed; /* STARTTLS where no strict client looks for it */
    bool offered;   /* STARTTLS or STLS is in it */
    bool cut;       /* over LIMIT_REPLY_LINES: what comes then is not read */
    struct mail_capabilities names;
};

/* The client's logical line (IMAP, Sieve) across literals. */
struct logical {
    enum verb verb;
    uint32_t arguments;
    uint64_t literal; /* octets of the one that was announced */
};

/* A challenge whose login ended before the client's answer to it was read. */
struct challenge {
    uint64_t until; /* what the client sent without knowing so much of the server is that answer */
    enum state state; /* in which it would have been read */
    uint8_t login;    /* that it would have been part of */
};

/* What may have been said where bytes are missing (doubt.h). */
struct doubt {
    bool missing[SIDE_COUNT]; /* text of that side */
    uint32_t go_aheads;       /* replies to nothing that was seen, which may be the answer to
                                 STARTTLS */
};

/* What came between the go-ahead and TLS. */
struct early {
    bool waiting; /* accepted, and neither TLS nor a dialogue in clear has come of it */
    bool began[SIDE_COUNT];
    uint64_t tls_at[SIDE_COUNT]; /* offset of the first TLS byte */
    uint64_t command_end;        /* behind the STARTTLS line */
    uint64_t command_acked;
    uint64_t plain_first_end, plain_end; /* plain client lines: end of the first, of the last */
    uint8_t command_note, response_note, hello_note;
    /* Plain client lines sent after the go-ahead, not noted yet: the first, and all together. */
    struct line after;
    struct text after_word; /* a literal */
    uint32_t after_bits, after_len;
    bool after_seen, after_blank;
    bool after_more; /* not only QUIT */
    bool hole;       /* something of the client's is missing */
    bool clear;      /* a login or mail command among the plain ones */
};

struct mail {
    struct mail_facts facts;
    struct arena *arena;
    size_t text_bytes; /* kept so far */
    const struct protocol *protocol;
    uint16_t port;
    enum state state;
    struct channel side[SIDE_COUNT];
    struct pending *pipeline; /* oldest first; LIMIT_PIPELINE at most */
    size_t pending_count, pending_cap;
    bool marks_known;   /* the caller gives marks */
    bool lost;          /* replies may belong to commands that were not seen */
    bool only_known;    /* one direction only */
    enum side only;     /* that one */
    bool spoke;         /* and yet the other one has bytes to offer */
    bool heard;         /* and it is its turn, before this one goes on */
    bool released;      /* the client was held and has not moved since */
    bool authenticated; /* after a login or PREAUTH */
    bool maybe_authenticated;
    bool hello_accepted; /* EHLO or LHLO */
    bool fetching;       /* IMAP: the last untagged data was FETCH */
    bool message_open;   /* content of this message was counted */
    bool last_chunk;     /* BDAT … LAST was sent: the next chunk is another message's */
    uint8_t login;       /* the last one of the facts while it has no result, or NOTE_NONE */
    bool http;
    uint8_t http_note;
    uint32_t accepted_recipients; /* of this transaction, whose replies came */
    uint64_t capabilities_end;    /* behind the last list, in the server's stream */
    uint64_t unasked_end;         /* behind a 354 to no DATA that was seen, or 0 */
    uint64_t doubt_from;          /* what the client sends having this much is no content */
    uint64_t ready_end;           /* server only: behind what may be a go-ahead */
    struct reply reply;
    struct list list;
    struct logical logical;
    struct challenge challenge;
    struct challenge refused; /* POP3: USER, while its PASS may be under way already */
    struct early early;
    struct doubt doubt;
    struct text helo_name, helo_verb; /* of a hello that may stand behind a lost STARTTLS */
    char last_reply[8], starttls_reply[8];
};

/* Applies the first row that fits and says whether there was one. */
bool machine_step(struct mail *mail, enum verb verb, const struct step *step);

static inline bool machine_is(const struct mail *mail, enum state state)
{
    return mail->state == state;
}
static inline bool machine_held(const struct mail *mail) { return (IN(mail->state) & HELD) != 0; }

/* The side that was called missing is in the capture after all. What the other one said without
 * knowing of it was read as if it were alone; what it says now comes behind that, however late or
 * early it is offered. */
void machine_hear(struct mail *mail);

/* The reply that a held client waits for will not come. */
void machine_missing(struct mail *mail);

/* Room for the first commands; false: none was given. */
bool pipeline_init(struct mail *mail);
/* A command enters the pipeline: at its end, until the next one enters. Always succeeds; a full
 * pipeline is cleared first. */
struct pending *pipeline_push(struct mail *mail, enum verb verb, const struct line *line);
/* The oldest command that this reply can answer, or NULL. Older bytes are no answer: a reply's
 * sender has acknowledged the command. */
struct pending *pipeline_oldest(struct mail *mail, const struct line *reply);
struct pending *pipeline_tagged(struct mail *mail, uint64_t tag, const struct line *reply);
/* The client did not know of the unasked 354 that makes its next lines a message. */
bool machine_crosses_content(const struct mail *mail, const struct line *line);
/* The client's line answers a challenge although its login is over: it crossed the last reply. */
bool machine_answers_late(const struct mail *mail, const struct line *line);

/* Who sent `reply` knew the client's bytes up to `end`, whose last one has the mark `sent`. Where
 * neither side acknowledges anything, as in captures with made-up numbers, their order in the
 * capture is all there is. */
bool machine_knows(const struct mail *mail, uint64_t end, struct mark sent, struct mark reply);
/* The server's line was said knowing all that was taken of the client. */
bool pipeline_covers(const struct mail *mail, const struct line *reply);
bool pipeline_has(const struct mail *mail, enum verb verb, uint64_t acked);
void pipeline_remove(struct mail *mail, struct pending *pending);
void pipeline_clear(struct mail *mail);
/* A reply that nobody can read: what it may have answered stays unanswered. */
void pipeline_forget(struct mail *mail, const struct line *reply);

/* Sends `verb` through pipeline and table; `row` names it. */
void machine_sent(struct mail *mail, const struct verb_row *row, const struct line *line,
                  struct text rest, uint64_t tag);
/* Replies and commands do not match, and no gap explains it. */
void machine_desync(struct mail *mail, const struct line *line);
/* A reply that matched nothing. */
void machine_unmatched(struct mail *mail, const struct step *step);

#endif
