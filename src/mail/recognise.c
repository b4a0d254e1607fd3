/* SPDX-License-Identifier: Apache-2.0
 * recognise.c - which mail protocol two beginnings are, by what is spoken on any port. A port only
 * settles what bytes leave open: a 220 that could be FTP's, a USER that could be FTP's, and
 * dialogues whose beginning is not in the capture.
 */
#include "common.h"
#include "keyword.h"
#include "mail.h"

enum { ENOUGH = 512 }; /* bytes of a side after which more would not help */

enum verdict { UNLIKE, PERHAPS, SURELY };

struct judgement {
    enum verdict verdict;
    enum mail_protocol protocol;
};

/* The protocol that is usual on a port. */
static enum mail_protocol usual(uint16_t port)
{
    static const struct {
        uint16_t port;
        enum mail_protocol protocol;
    } ports[] = {
        { 25, MAIL_SMTP },    { 26, MAIL_SMTP },  { 465, MAIL_SMTP },  { 587, MAIL_SMTP },
        { 2525, MAIL_SMTP },  { 24, MAIL_LMTP },  { 2003, MAIL_LMTP }, { 110, MAIL_POP3 },
        { 995, MAIL_POP3 },   { 143, MAIL_IMAP }, { 993, MAIL_IMAP },  { 4190, MAIL_SIEVE },
        { 2000, MAIL_SIEVE },
    };
    for (size_t i = 0; i < sizeof ports / sizeof ports[0]; i++)
        if (ports[i].port == port)
            return ports[i].protocol;
    return MAIL_NONE;
}

static bool is_smtp_port(uint16_t port)
{
    return usual(port) == MAIL_SMTP || usual(port) == MAIL_LMTP;
}

static bool is_smtp(enum mail_protocol protocol)
{
    return protocol == MAIL_SMTP || protocol == MAIL_LMTP;
}

/* The text may still become one that starts so. */
static bool may_start(struct text text, struct text with)
{
    struct text begin = { .at = with.at, .len = text.len < with.len ? text.len : with.len };
    return text_starts_nocase(text, begin);
}

/* A "\r" at the end of `with` stands for the end of a line, which strangers write as a bare "\n"
 * too.
 */
static bool starts_with(struct text text, struct text with)
{
    if (with.at[with.len - 1] != '\r' || text.len < with.len)
        return text_starts_nocase(text, with);
    char end = text.at[with.len - 1];
    with.len--;
    return (end == '\r' || end == '\n') && text_starts_nocase(text, with);
}

/* --- server --- */

static const struct {
    struct text start;
    enum mail_protocol protocol;
} greetings[] = {
    { { "+OK ", 4 }, MAIL_POP3 },
    { { "+OK\r", 4 }, MAIL_POP3 },
    { { "-ERR ", 5 }, MAIL_POP3 },
    { { "-ERR\r", 5 }, MAIL_POP3 },
    { { "* OK ", 5 }, MAIL_IMAP },
    { { "* OK\r", 5 }, MAIL_IMAP },
    { { "* PREAUTH", 9 }, MAIL_IMAP },
    { { "* BYE ", 6 }, MAIL_IMAP },
    { { "\"IMPLEMENTATION\"", 16 }, MAIL_SIEVE },
    { { "\"SIEVE\"", 7 }, MAIL_SIEVE },
    { { "\"STARTTLS\"", 10 }, MAIL_SIEVE },
    { { "\"SASL\"", 6 }, MAIL_SIEVE },
    { { "\"VERSION\"", 9 }, MAIL_SIEVE },
};

static const struct hint {
    struct text word;
    enum verdict verdict;
    enum mail_protocol protocol;
} hints[] = {
    { { "LMTP", 4 }, SURELY, MAIL_LMTP },
    { { "SMTP", 4 }, SURELY, MAIL_SMTP },
    { { "FTP", 3 }, UNLIKE, MAIL_NONE },
    { { "mail", 4 }, SURELY, MAIL_SMTP },
};

/* The hint that is complete first, so that more text does not change the answer. */
static const struct hint *first_hint(struct text text)
{
    for (size_t end = 1; end <= text.len; end++)
        for (size_t i = 0; i < sizeof hints / sizeof hints[0]; i++) {
            struct text word = hints[i].word;
            struct text here = { .at = text.at + end - (word.len <= end ? word.len : 0),
                                 .len = word.len };
            if (word.len <= end && text_same_nocase(here, word))
                return &hints[i];
        }
    return NULL;
}

/* 220, 421, 554 and any other reply in the middle: SMTP's, but FTP and others have them too. */
static struct judgement judge_code(struct text text, uint16_t port)
{
    const struct hint *hint = first_hint(text);
    struct text code = { .at = text.at, .len = text.len < 3 ? text.len : 3 };
    if (usual(port) == MAIL_LMTP)
        return (struct judgement){ SURELY, MAIL_LMTP };
    if (usual(port) != MAIL_NONE) /* at once, whatever it goes on to say */
        return (struct judgement){ SURELY, MAIL_SMTP };
    if (hint != NULL)
        return (struct judgement){ hint->verdict, hint->protocol };
    bool greets = text_same(code, TEXT("220")) || text_same(code, TEXT("554")) ||
                  text_same(code, TEXT("421"));
    return (struct judgement){ greets ? PERHAPS : UNLIKE, MAIL_SMTP };
}

/* A reply may be its code and nothing else. */
static bool ends_code(uint8_t octet)
{
    return octet == ' ' || octet == '-' || octet == '\r' || octet == '\n';
}

/* "tag OK …" or "* 3 EXISTS" in the middle of a dialogue. */
static bool is_imap_reply(struct text line)
{
    struct text tag = text_token(&line, " "), word = text_token(&line, " ");
    bool number = word.len > 0 && word.at[0] >= '0' && word.at[0] <= '9';
    if (text_same(tag, TEXT("*")))
        return number || text_same_nocase(word, TEXT("CAPABILITY"));
    return tag.len > 0 && (text_same(word, TEXT("OK")) || text_same(word, TEXT("NO")) ||
                           text_same(word, TEXT("BAD")));
}

static struct judgement judge_server(struct text text, bool final, uint16_t port)
{
    bool undecided = false;
    if (text.len == 0)
        return (struct judgement){ final ? UNLIKE : PERHAPS, MAIL_NONE };
    for (size_t i = 0; i < sizeof greetings / sizeof greetings[0]; i++) {
        if (starts_with(text, greetings[i].start))
            return (struct judgement){ SURELY, greetings[i].protocol };
        undecided |= !final && may_start(text, greetings[i].start);
    }
    struct text first = text;
    struct text line = text_token(&first, "\r\n");
    bool whole = first.len > 0 || line.len < text.len || final || text.len >= ENOUGH;

    struct reader bytes = reader_of(text.at, text.len);
    bool digit = text.at[0] >= '2' && text.at[0] <= '5';
    if (common_code(&bytes) != 0 && bytes.left > 0 && ends_code(*bytes.at)) {
        struct judgement judgement = judge_code(text, port);
        bool may_tell_more = judgement.verdict != SURELY && !whole;
        return may_tell_more ? (struct judgement){ PERHAPS, MAIL_SMTP } : judgement;
    }
    if (digit && text.len < 4 && !final)
        return (struct judgement){ PERHAPS, MAIL_NONE };
    if (usual(port) == MAIL_IMAP && whole && is_imap_reply(line))
        return (struct judgement){ SURELY, MAIL_IMAP };
    /* Older devices mask a greeting with its code. */
    if (is_smtp_port(port) && whole && line.len >= 8 && line.at[0] == '*' && keyword_masked(line))
        return (struct judgement){ SURELY, MAIL_SMTP };
    bool readable = text.at[0] >= ' ' && text.at[0] < 0x7f;
    if (usual(port) != MAIL_NONE && readable && !whole)
        undecided = true;
    return (struct judgement){ undecided ? PERHAPS : UNLIKE, MAIL_NONE };
}

/* --- client --- */

static const struct {
    struct text start;
    enum mail_protocol protocol;
    bool anywhere;
} commands[] = {
    { { "EHLO ", 5 }, MAIL_SMTP, true },           { { "HELO ", 5 }, MAIL_SMTP, true },
    { { "LHLO ", 5 }, MAIL_LMTP, true },           { { "MAIL FROM:", 10 }, MAIL_SMTP, true },
    { { "RCPT TO:", 8 }, MAIL_SMTP, true },        { { "DATA\r", 5 }, MAIL_SMTP, false },
    { { "RSET\r", 5 }, MAIL_SMTP, false },         { { "BDAT ", 5 }, MAIL_SMTP, false },
    { { "STARTTLS\r", 9 }, MAIL_SMTP, false },     { { "AUTH ", 5 }, MAIL_SMTP, false },
    { { "QUIT\r", 5 }, MAIL_SMTP, false },         { { "NOOP\r", 5 }, MAIL_SMTP, false },
    { { "EHLO\r", 5 }, MAIL_SMTP, true },          { { "HELO\r", 5 }, MAIL_SMTP, true },
    { { "CAPA\r", 5 }, MAIL_POP3, true },          { { "STLS\r", 5 }, MAIL_POP3, true },
    { { "APOP ", 5 }, MAIL_POP3, true },           { { "USER ", 5 }, MAIL_POP3, false },
    { { "PASS ", 5 }, MAIL_POP3, false },          { { "AUTH ", 5 }, MAIL_POP3, false },
    { { "STAT\r", 5 }, MAIL_POP3, false },         { { "RETR ", 5 }, MAIL_POP3, false },
    { { "QUIT\r", 5 }, MAIL_POP3, false },         { { "AUTHENTICATE \"", 14 }, MAIL_SIEVE, true },
    { { "PUTSCRIPT \"", 11 }, MAIL_SIEVE, true },  { { "STARTTLS\r", 9 }, MAIL_SIEVE, false },
    { { "CAPABILITY\r", 11 }, MAIL_SIEVE, false }, { { "LOGOUT\r", 8 }, MAIL_SIEVE, false },
};

/* What FTP says to a server that greeted with 220. */
static const struct text ftp_commands[] = {
    { "USER ", 5 }, { "PASS ", 5 }, { "FEAT", 4 },  { "AUTH TLS", 8 }, { "AUTH SSL", 8 },
    { "SYST", 4 },  { "OPTS ", 5 }, { "PORT ", 5 }, { "PASV", 4 },
};

static bool is_imap_command(struct text line)
{
    static const struct text verbs[] = {
        { "LOGIN", 5 }, { "CAPABILITY", 10 }, { "AUTHENTICATE", 12 }, { "STARTTLS", 8 },
        { "ID", 2 },    { "NOOP", 4 },        { "LOGOUT", 6 },        { "SELECT", 6 },
    };
    struct text tag = text_token(&line, " "), verb = text_token(&line, " ");
    if (tag.len == 0 || tag.len > 32 || text_same_nocase(tag, TEXT("AUTH")))
        return false; /* AUTH LOGIN is SMTP's */
    for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++)
        if (text_same_nocase(verb, verbs[i]))
            return true;
    return false;
}

static bool same_kind(enum mail_protocol a, enum mail_protocol b)
{
    return a == b || (is_smtp(a) && is_smtp(b));
}

static struct judgement judge_client(struct text text, bool final, uint16_t port)
{
    bool undecided = false;
    if (text.len == 0)
        return (struct judgement){ final ? UNLIKE : PERHAPS, MAIL_NONE };
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        if (starts_with(text, commands[i].start)) {
            if (commands[i].anywhere || same_kind(commands[i].protocol, usual(port)))
                return (struct judgement){ SURELY, commands[i].protocol };
            undecided = true; /* the server's answer tells whose command it is */
        }
        undecided |= !final && may_start(text, commands[i].start);
    }
    struct text rest = text;
    struct text line = text_token(&rest, "\r\n");
    bool whole = line.len < text.len || final || text.len >= ENOUGH;
    if (whole && is_imap_command(line))
        return (struct judgement){ SURELY, MAIL_IMAP };
    bool readable = (text.at[0] >= ' ' && text.at[0] < 0x7f) || text.at[0] == '\r';
    undecided |= readable && (!whole || usual(port) != MAIL_NONE);
    return (struct judgement){ undecided ? PERHAPS : UNLIKE, MAIL_NONE };
}

static bool is_ftp(struct text client)
{
    for (size_t i = 0; i < sizeof ftp_commands / sizeof ftp_commands[0]; i++)
        if (text_starts_nocase(client, ftp_commands[i]))
            return true;
    return false;
}

static struct text beginning(struct reader reader)
{
    struct text text = text_of_reader(&reader);
    if (text.len > ENOUGH)
        text.len = ENOUGH;
    return text;
}

enum mail_recognised mail_recognise(struct reader client, bool client_final, struct reader server,
                                    bool server_final, uint16_t port, enum mail_protocol *protocol)
{
    struct text asked = beginning(client), said = beginning(server);
    struct judgement by_server = judge_server(said, server_final, port);
    struct judgement by_client = judge_client(asked, client_final, port);
    *protocol = MAIL_NONE;

    if (by_server.verdict == SURELY) {
        *protocol = by_server.protocol;
        return MAIL_RECOGNISED_YES;
    }
    if (said.len > 0 && by_server.verdict == UNLIKE && usual(port) == MAIL_NONE)
        return MAIL_RECOGNISED_NO;
    /* A client's word counts at once if the server has not spoken, or not clearly against it. */
    bool fits = said.len == 0 || by_server.verdict == PERHAPS || server_final;
    if (by_client.verdict == SURELY && fits) {
        *protocol = by_client.protocol;
        return MAIL_RECOGNISED_YES;
    }
    if (said.len > 0 && is_smtp(by_server.protocol) && is_ftp(asked))
        return MAIL_RECOGNISED_NO;
    if (said.len == 0 && by_client.verdict == UNLIKE && usual(port) == MAIL_NONE)
        return MAIL_RECOGNISED_NO;

    bool client_over = client_final || asked.len == ENOUGH;
    bool server_over = server_final || said.len == ENOUGH || by_server.verdict == UNLIKE;
    return client_over && server_over ? MAIL_RECOGNISED_NO : MAIL_RECOGNISED_MORE;
}
