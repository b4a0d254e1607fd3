/* SPDX-License-Identifier: Apache-2.0
 * smtp.c - SMTP and LMTP: RFC 5321, 2920 (pipelining), 3030 (BDAT), 3207 (STARTTLS), 4954 (AUTH);
 * RFC 2033 (LMTP: LHLO, and one reply per accepted recipient).
 */
#include "capabilities.h"
#include "common.h"
#include "doubt.h"
#include "facts.h"
#include "keyword.h"
#include "lines.h"

#include <string.h>

/* clang-format off */
static const struct verb_row verbs[] = {
    { "EHLO",          VERB_HELLO,    false },
    { "LHLO",          VERB_HELLO,    false },
    { "HELO",          VERB_HELO,     false },
    { "STARTTLS",      VERB_STARTTLS, false },
    { "X-ANONYMOUSTLS", VERB_STARTTLS, false }, /* Exchange, between its own servers */
    { "AUTH",          VERB_AUTH,     true },
    { "MAIL",          VERB_MAIL,     true },
    { "RCPT",          VERB_RCPT,     true },
    { "DATA",          VERB_DATA,     true },
    { "BDAT",          VERB_BDAT,     true },
    { "RSET",          VERB_RESET,    false },
    { "TURN",          VERB_TURN,     false },
    { "QUIT",          VERB_QUIT,     false },
    { "NOOP",          VERB_OTHER,    false },
    { "HELP",          VERB_OTHER,    false },
    { "VRFY",          VERB_OTHER,    false },
    { "EXPN",          VERB_OTHER,    false },
    { "ETRN",          VERB_OTHER,    false },
    { "ATRN",          VERB_OTHER,    false },
    { "SEND",          VERB_MAIL,     true },
    { "SOML",          VERB_MAIL,     true },
    { "SAML",          VERB_MAIL,     true },
    { "BURL",          VERB_OTHER,    true },
    { "XCLIENT",       VERB_OTHER,    false },
    { "XFORWARD",      VERB_OTHER,    false },
    { "X-EXPS",        VERB_AUTH,     true }, /* Exchange's AUTH */
    { "XEXCH50",       VERB_OTHER,    false },
    { "X-LINK2STATE",  VERB_OTHER,    false },
};
/* clang-format on */

static const struct verb_row *verb_of(struct text line)
{
    return common_verb(verbs, sizeof verbs / sizeof verbs[0], keyword_first(line));
}

/* --- actions --- */

static struct text host_of(struct text argument)
{
    struct text host = keyword_first(text_trim(argument));
    size_t len = 0;
    for (; len < host.len; len++) {
        char c = host.at[len];
        bool fits = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
                    (c != '\0' && strchr(".-_:[]", c) != NULL);
        if (!fits)
            break;
    }
    return (struct text){ .at = host.at, .len = len };
}

/* It stands behind no STARTTLS, where anybody could have put it. */
static void hello_certain(struct mail *mail)
{
    if (mail->helo_verb.len == 0)
        return;
    mail->facts.helo_verb = mail->helo_verb;
    mail->facts.helo = mail->helo_name;
    mail->helo_verb = (struct text){ 0 };
}

static void hello_sent(struct mail *mail, const struct step *step)
{
    struct mail_facts *facts = &mail->facts;
    bool unanswered =
        facts->starttls_requested == TRI_YES && facts->starttls_accepted == TRI_UNKNOWN;
    if (mail->early.waiting || unanswered)
        return; /* maybe injected: not how the client names itself */
    mail->helo_verb = step->word;
    mail->helo_name = facts_keep(mail, host_of(step->rest), LIMIT_NAME_BYTES, facts->helo);
    if (!doubt_request(mail))
        hello_certain(mail);
    if (text_same(step->word, TEXT("LHLO")) && facts->protocol == MAIL_SMTP) {
        facts->protocol = MAIL_LMTP;
        mail->protocol = &protocol_lmtp;
    }
    if (!text_same(step->word, TEXT("HELO")))
        facts->capabilities_asked = true;
}

static void hello_accepted(struct mail *mail, const struct step *step)
{
    capabilities_end(mail, step->line);
    if (step->event == ON_OK)
        hello_certain(mail);
    mail->hello_accepted = true;
    mail->accepted_recipients = 0;
    facts_unnote(mail, MAIL_NOTE_HELO_ONLY, 0);
}

static void hello_rejected(struct mail *mail, const struct step *step)
{
    capabilities_drop(mail);
    if (step->code != 421) /* closing is no answer to EHLO */
        facts_note(mail, MAIL_NOTE_EHLO_REJECTED, step->line, (struct text){ 0 }, step->code, 0);
}

static void helo_accepted(struct mail *mail, const struct step *step)
{
    if (step->event == ON_OK)
        hello_certain(mail);
    if (!mail->hello_accepted)
        facts_note_once(mail, MAIL_NOTE_HELO_ONLY, step->line);
}

static void starttls_sent(struct mail *mail, const struct step *step)
{
    hello_certain(mail);
    act_starttls_sent(mail, step);
}

/* RFC 8689 section 3: a parameter behind the path. */
static void mail_sent(struct mail *mail, const struct step *step)
{
    struct text rest = step->rest;
    mail->message_open = mail->last_chunk = false;
    text_token(&rest, ">");
    if (keyword_among(rest, TEXT("REQUIRETLS")))
        facts_note_once(mail, MAIL_NOTE_REQUIRETLS, step->line);
}

static void transaction_reset(struct mail *mail, const struct step *step)
{
    (void)step;
    mail->accepted_recipients = 0;
}

static void recipient_accepted(struct mail *mail, const struct step *step)
{
    (void)step;
    mail->facts.recipients++;
    mail->accepted_recipients++;
}

static void recipient_refused(struct mail *mail, const struct step *step)
{
    (void)step;
    mail->facts.recipients_refused++;
}

static void content_begins(struct mail *mail, const struct step *step)
{
    (void)step;
    hello_certain(mail); /* no TLS came of it */
    lines_body(mail, SIDE_CLIENT, true);
}

static void content_unseen(struct mail *mail, const struct step *step)
{
    (void)step;
    mail->unasked_end = 0;
}

static void content_unasked(struct mail *mail, const struct step *step)
{
    mail->unasked_end = step->line->end;
}

/* A reply before the message's end: it was refused early, or its end was not the one we look for.
 * What the client sends having read this may be commands. */
static void content_doubted(struct mail *mail, const struct step *step)
{
    lines_body_given_up(mail, SIDE_CLIENT);
    mail->doubt_from = step->line->end;
}

static void content_answered(struct mail *mail, const struct step *step)
{
    (void)step;
    mail->accepted_recipients = 0;
}

/* RFC 3030 section 2: the octets follow whether the server wants them or not. */
static void bdat_sent(struct mail *mail, const struct step *step)
{
    struct text rest = step->rest;
    struct text size = text_token(&rest, " ");
    uint64_t value = 0;
    bool valid = size.len > 0;
    for (size_t i = 0; i < size.len && valid; i++) {
        valid = size.at[i] >= '0' && size.at[i] <= '9' && value < (uint64_t)INT64_MAX / 10;
        value = value * 10 + (uint64_t)(size.at[i] & 15);
    }
    if (!valid)
        return;
    step->command->last = text_same_nocase(text_trim(rest), TEXT("LAST"));
    if (mail->last_chunk)
        mail->message_open = false;
    mail->last_chunk = step->command->last;
    lines_skip(mail, SIDE_CLIENT, value, true);
}

static void bdat_answered(struct mail *mail, const struct step *step)
{
    if (step->command->last)
        transaction_reset(mail, step);
}

/* RFC 821 section 3.8: roles change, which nobody does any more. */
static void turned(struct mail *mail, const struct step *step)
{
    facts_note_once(mail, MAIL_NOTE_DESYNC, step->line);
    act_opaque(mail, step);
}

/* clang-format off */
static const struct transition rows[] = {
    { ANY_STATE,          VERB_GREETING, ON_REPLY,    STATE_SAME,     act_greeting },
    { IN(STATE_COMMAND),  VERB_HELLO,    ON_SENT,     STATE_SAME,     hello_sent },
    { ANY_STATE,          VERB_HELLO,    ON_POSITIVE, STATE_SAME,     hello_accepted },
    { ANY_STATE,          VERB_HELLO,    ON_FAIL,     STATE_SAME,     hello_rejected },
    { IN(STATE_COMMAND),  VERB_HELO,     ON_SENT,     STATE_SAME,     hello_sent },
    { ANY_STATE,          VERB_HELO,     ON_POSITIVE, STATE_SAME,     helo_accepted },
    { IN(STATE_COMMAND),  VERB_STARTTLS, ON_SENT,     STATE_STARTTLS, starttls_sent },
    { IN(STATE_STARTTLS), VERB_STARTTLS, ON_READY,    STATE_COMMAND,  act_starttls_accepted },
    { IN(STATE_STARTTLS), VERB_STARTTLS, ON_REPLY,    STATE_COMMAND,  act_starttls_refused },
    { IN(STATE_STARTTLS), VERB_ANY,      ON_MISSING,  STATE_COMMAND,  act_starttls_unanswered },
    { IN(STATE_COMMAND),  VERB_AUTH,     ON_SENT,     STATE_AUTH,     act_login_sent },
    { IN(STATE_AUTH),     VERB_AUTH,     ON_MORE,     STATE_RESPONSE, NULL },
    { IN(STATE_AUTH),     VERB_ANY,      ON_MISSING,  STATE_MAYBE_RESPONSE, NULL },
    { IN(STATE_RESPONSE), VERB_AUTH,     ON_LINE,     STATE_AUTH,     act_login_answered },
    { IN(STATE_MAYBE_RESPONSE), VERB_AUTH, ON_LINE,   STATE_SAME,     act_login_answered },
    { ANY_STATE,          VERB_AUTH,     ON_FINAL,    STATE_COMMAND,  act_login_ended },
    { IN(STATE_MAYBE_RESPONSE), VERB_NONE, ON_POSITIVE | ON_FAIL, STATE_COMMAND, act_login_ended },
    { IN(STATE_COMMAND),  VERB_MAIL,     ON_SENT,     STATE_SAME,     mail_sent },
    { ANY_STATE,          VERB_MAIL,     ON_POSITIVE, STATE_SAME,     transaction_reset },
    { ANY_STATE,          VERB_RCPT,     ON_POSITIVE, STATE_SAME,     recipient_accepted },
    { ANY_STATE,          VERB_RCPT,     ON_FAIL,     STATE_SAME,     recipient_refused },
    { ANY_STATE,          VERB_RESET,    ON_POSITIVE, STATE_SAME,     transaction_reset },
    { IN(STATE_COMMAND),  VERB_DATA,     ON_SENT,     STATE_DATA,     NULL },
    { IN(STATE_DATA),     VERB_DATA,     ON_DATA,     STATE_CONTENT,  content_begins },
    { IN(STATE_DATA),     VERB_DATA,     ON_REPLY,    STATE_COMMAND,  NULL },
    { IN(STATE_DATA),     VERB_ANY,      ON_MISSING,  STATE_MAYBE_CONTENT, content_unseen },
    { IN(STATE_COMMAND),  VERB_NONE,     ON_DATA,     STATE_MAYBE_CONTENT, content_unasked },
    { IN(STATE_CONTENT),  VERB_NONE,     ON_REPLY,    STATE_DOUBT,    content_doubted },
    { ANY_STATE,          VERB_CONTENT,  ON_REPLY,    STATE_SAME,     content_answered },
    { IN(STATE_COMMAND),  VERB_BDAT,     ON_SENT,     STATE_SAME,     bdat_sent },
    { ANY_STATE,          VERB_BDAT,     ON_REPLY,    STATE_SAME,     bdat_answered },
    { IN(STATE_COMMAND),  VERB_TURN,     ON_SENT,     STATE_COMPRESS, NULL },
    { IN(STATE_COMPRESS), VERB_TURN,     ON_POSITIVE, STATE_COMMAND,  turned },
    { IN(STATE_COMPRESS), VERB_TURN,     ON_REPLY,    STATE_COMMAND,  NULL },
    { IN(STATE_COMPRESS), VERB_ANY,      ON_MISSING,  STATE_COMMAND,  NULL },
    { IN(STATE_COMMAND),  VERB_QUIT,     ON_SENT,     STATE_SAME,     act_quit_sent },
    { IN(STATE_COMMAND),  VERB_UNKNOWN,  ON_SENT,     STATE_SAME,     act_unknown_sent },
    { ANY_STATE,          VERB_UNKNOWN,  ON_REPLY,    STATE_SAME,     act_unknown_answered },
    { IN(STATE_COMMAND),  VERB_NONE,     ON_READY,    STATE_SAME,     act_ready_unasked },
    { ANY_STATE,          VERB_NONE,     ON_FAIL,     STATE_SAME,     NULL }, /* 421 comes any time */
};
/* clang-format on */

/* --- client --- */

/* A line that is a command and hardly a line of a message. */
static bool is_certain(struct text line)
{
    static const struct {
        struct text start;
        bool whole;
    } forms[] = {
        { { "MAIL FROM:", 10 }, false }, { { "RCPT TO:", 8 }, false }, { { "EHLO ", 5 }, false },
        { { "LHLO ", 5 }, false },       { { "HELO ", 5 }, false },    { { "STARTTLS", 8 }, true },
        { { "RSET", 4 }, true },         { { "QUIT", 4 }, true },      { { "DATA", 4 }, true },
        { { "NOOP", 4 }, true },         { { "BDAT ", 5 }, false },
    };
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++)
        if (text_starts_nocase(line, forms[i].start) &&
            (!forms[i].whole || text_trim(line).len == forms[i].start.len))
            return true;
    return false;
}

/* Lines where a message is likely; false if it is a command after all. */
static bool take_content(struct mail *mail, const struct line *line)
{
    struct channel *channel = &mail->side[SIDE_CLIENT];
    bool knew = !mail->marks_known || line->first.acked >= mail->doubt_from;
    bool whole = !channel->mid_line;
    channel->mid_line = false;

    if (whole && knew && is_certain(line->text)) {
        mail->state = STATE_COMMAND;
        mail->message_open = false;
        mail->facts.client_lines++;
        return false;
    }
    if (whole && text_same(line->text, TEXT("."))) {
        mail->state = STATE_COMMAND;
        mail->message_open = false;
        pipeline_push(mail, VERB_CONTENT, line);
        return true;
    }
    facts_content(mail, SIDE_CLIENT, line->offset, line->first, line->end - line->offset);
    if (machine_is(mail, STATE_MAYBE_CONTENT)) { /* the first line decided */
        mail->state = STATE_CONTENT;
        lines_body(mail, SIDE_CLIENT, true);
    }
    return true;
}

static void client_line(struct mail *mail, const struct line *line)
{
    bool content = machine_is(mail, STATE_MAYBE_CONTENT) || machine_is(mail, STATE_DOUBT);
    if ((content && take_content(mail, line)) || common_answer(mail, line))
        return;

    const struct verb_row *row = verb_of(line->text);
    struct text rest = line->text;
    if (row->verb != VERB_UNKNOWN)
        text_token(&rest, " \t");
    machine_sent(mail, row, line, text_trim(rest), 0);
}

/* --- server --- */

static struct text reply_of(struct text line)
{
    struct reader bytes = reader_of(line.at, line.len);
    uint32_t code = common_code(&bytes);
    bool reply = code != 0 && (bytes.left == 0 || *bytes.at == ' ' || *bytes.at == '-');
    return reply ? (struct text){ .at = line.at, .len = 3 } : (struct text){ 0 };
}

static enum event event_of(uint32_t code)
{
    switch (code) {
    case 220: return ON_READY;
    case 334: return ON_MORE;
    case 354: return ON_DATA;
    default: break;
    }
    switch (code / 100) {
    case 2: return ON_OK;
    case 4:
    case 5: return ON_FAIL;
    default: return ON_ODD;
    }
}

static void count_mask(struct reply *reply, struct text line)
{
    for (size_t i = 0; i < line.len; i++) {
        reply->stars += line.at[i] == '*';
        reply->masked_only &= line.at[i] != '\0' && strchr("20 *-\t\r", line.at[i]) != NULL;
    }
}

/* RFC 4954 section 6 and RFC 3207 section 4. 530 also says that a login is wanted. */
static void note_required(struct mail *mail, const struct step *step)
{
    bool says = common_says_tls(step->rest);
    bool offers = mail->facts.starttls_offered == TRI_YES && mail->facts.capabilities.complete &&
                  !capabilities_have(mail, TEXT("AUTH"));
    bool login = step->command != NULL && step->command->verb == VERB_AUTH;
    bool required = (step->code == 530 && (says || offers)) ||
                    ((step->code == 534 || step->code == 538) && login);
    if (required)
        facts_note(mail, MAIL_NOTE_STARTTLS_REQUIRED, step->line, (struct text){ 0 }, step->code,
                   0);
}

static void reply_ended(struct mail *mail, struct step *step)
{
    struct reply *reply = &mail->reply;
    struct pending *oldest = pipeline_oldest(mail, step->line), command;
    reply->active = false;
    if (oldest == NULL) {
        if (reply->lines > 1 && step->code == 250)
            capabilities_end(mail, step->line); /* the question was not seen */
        capabilities_drop(mail);
        machine_unmatched(mail, step);
        return;
    }
    if (oldest->replies == 0) {
        bool several =
            mail->facts.protocol == MAIL_LMTP &&
            (oldest->verb == VERB_CONTENT || (oldest->verb == VERB_BDAT && oldest->last));
        oldest->replies = several && mail->accepted_recipients > 0 ? mail->accepted_recipients : 1;
    }
    command = *oldest;
    if (step->event != ON_MORE && --oldest->replies == 0)
        pipeline_remove(mail, oldest);
    step->command = &command;
    note_required(mail, step);
    machine_step(mail, command.verb, step);
}

static void reply_begins(struct mail *mail, const struct line *line, uint32_t code)
{
    struct pending *oldest = pipeline_oldest(mail, line);
    if (oldest != NULL && oldest->verb == VERB_GREETING && code != 220 && code < 400) {
        pipeline_remove(mail, oldest); /* no greeting: the capture begins in the middle */
        mail->lost = true;
        mail->facts.gap = true;
        oldest = pipeline_oldest(mail, line);
    }
    mail->reply = (struct reply){ .active = true,
                                  .masked_only = true,
                                  .offset = line->offset,
                                  .verb = oldest != NULL ? oldest->verb : VERB_NONE };
    bool unasked = oldest == NULL && (mail->lost || mail->only_known);
    if (code == 250 && (mail->reply.verb == VERB_HELLO || unasked))
        capabilities_begin(mail, line->offset);
}

static void read_line(struct mail *mail, const struct line *line, struct text text)
{
    struct reply *reply = &mail->reply;
    facts_ui_text(mail, line, text);
    if (reply->verb == VERB_GREETING) {
        count_mask(reply, line->text);
        if (reply->lines == 1)
            facts_banner(mail, text, true);
    }
    if (mail->list.active && reply->lines == 1)
        capabilities_misplaced(mail, text, line);
    else if (mail->list.active && reply->lines <= LIMIT_REPLY_LINES)
        capabilities_add(mail, text, line);
}

static void server_line(struct mail *mail, const struct line *line)
{
    struct text code_text = reply_of(line->text);
    struct reader bytes = reader_of(line->text.at, line->text.len);
    uint32_t code = common_code(&bytes);
    if (code_text.len == 0)
        return;
    bool last = reader_u8(&bytes) != '-';
    struct text text = text_of_reader(&bytes);

    if (!mail->reply.active)
        reply_begins(mail, line, code);
    struct reply *reply = &mail->reply;
    if (++reply->lines == LIMIT_REPLY_LINES + 1)
        capabilities_cut(mail, line);
    read_line(mail, line, text);
    if (!last)
        return;

    enum { LEAST_STARS = 8 };
    facts_last_reply(mail, code_text);
    if (reply->verb == VERB_GREETING && code == 220 && reply->masked_only &&
        reply->stars >= LEAST_STARS)
        facts_note(mail, MAIL_NOTE_GREETING_MASKED, line, (struct text){ 0 }, code, reply->stars);
    struct step step = {
        .line = line, .rest = text, .word = code_text, .code = code, .event = event_of(code)
    };
    reply_ended(mail, &step);
}

const struct protocol protocol_smtp = {
    .name = "smtp",
    ROWS(rows),
    .client_line = client_line,
    .server_line = server_line,
    .verb_of = verb_of,
    .reply_of = reply_of,
    .upgrade = { "STARTTLS", 8 },
};

const struct protocol protocol_lmtp = {
    .name = "lmtp",
    ROWS(rows),
    .client_line = client_line,
    .server_line = server_line,
    .verb_of = verb_of,
    .reply_of = reply_of,
    .upgrade = { "STARTTLS", 8 },
};
