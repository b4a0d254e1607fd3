/* SPDX-License-Identifier: Apache-2.0
 * pop3.c - POP3: RFC 1939, 2449 (CAPA), 2595 (STLS), 5034 (AUTH).
 */
#include "capabilities.h"
#include "common.h"
#include "facts.h"
#include "keyword.h"
#include "lines.h"

/* clang-format off */
static const struct verb_row verbs[] = {
    { "STLS", VERB_STARTTLS,     false },
    { "CAPA", VERB_CAPABILITIES, false },
    { "USER", VERB_USER,         true },
    { "PASS", VERB_PASS,         true },
    { "APOP", VERB_AUTH,         true },
    { "AUTH", VERB_AUTH,         true },
    { "RETR", VERB_RETRIEVE,     true },
    { "TOP",  VERB_RETRIEVE,     true },
    { "LIST", VERB_LISTING,      true },
    { "UIDL", VERB_LISTING,      true },
    { "LANG", VERB_LISTING,      false },
    { "STAT", VERB_OTHER,        true },
    { "DELE", VERB_OTHER,        true },
    { "NOOP", VERB_OTHER,        false },
    { "RSET", VERB_OTHER,        false },
    { "LAST", VERB_OTHER,        false },
    { "UTF8", VERB_OTHER,        false },
    { "XTND", VERB_OTHER,        false },
    { "QUIT", VERB_QUIT,         false },
};
/* AUTH alone asks for a list of mechanisms (RFC 1734 as deployed): no login. */
static const struct verb_row auth_list = { "AUTH", VERB_LISTING, false };
/* clang-format on */

static const struct verb_row *verb_of(struct text line)
{
    return common_verb(verbs, sizeof verbs / sizeof verbs[0], keyword_first(line));
}

/* --- actions --- */

static void greeting(struct mail *mail, const struct step *step)
{
    act_greeting(mail, step);
    if (step->event != ON_FAIL) /* a complaint is no banner, and may hold a user's name */
        facts_banner(mail, step->rest, true);
}

static void user_sent(struct mail *mail, const struct step *step)
{
    facts_login(mail, TEXT("USER"), step->line);
    facts_login_awaits(mail, step->command);
}

static void user_refused(struct mail *mail, const struct step *step)
{
    mail->refused = (struct challenge){ .until = step->line->end, .login = mail->login };
    act_login_ended(mail, step);
}

static void pass_sent(struct mail *mail, const struct step *step)
{
    bool crosses = mail->marks_known && step->line->where.acked < mail->refused.until;
    if (mail->login == NOTE_NONE && crosses)
        mail->login = mail->refused.login;
    if (mail->login == NOTE_NONE)
        facts_login(mail, TEXT("USER"), step->line);
    facts_login_awaits(mail, step->command);
    facts_login_answer(mail, step->rest);
}

/* APOP's digest is in its line; AUTH has a mechanism first. */
static void auth_sent(struct mail *mail, const struct step *step)
{
    if (!text_same(step->word, TEXT("APOP"))) {
        act_login_sent(mail, step);
        return;
    }
    struct text rest = step->rest;
    text_token(&rest, " ");
    facts_login(mail, TEXT("APOP"), step->line);
    facts_login_awaits(mail, step->command);
    facts_login_answer(mail, text_trim(rest));
}

static void list_begins(struct mail *mail, const struct step *step)
{
    capabilities_begin(mail, step->line->offset);
    mail->reply = (struct reply){ .active = true };
}

static void body_begins(struct mail *mail, const struct step *step)
{
    mail->message_open = false;
    if (step->command->verb == VERB_RETRIEVE || !step->command->parameters)
        lines_body(mail, SIDE_SERVER, step->command->verb == VERB_RETRIEVE);
}

/* clang-format off */
static const struct transition rows[] = {
    { ANY_STATE,          VERB_GREETING,     ON_FINAL,   STATE_SAME,     greeting },
    { IN(STATE_COMMAND),  VERB_STARTTLS,     ON_SENT,    STATE_STARTTLS, act_starttls_sent },
    { IN(STATE_STARTTLS), VERB_STARTTLS,     ON_OK,      STATE_COMMAND,  act_starttls_accepted },
    { IN(STATE_STARTTLS), VERB_STARTTLS,     ON_FAIL,    STATE_COMMAND,  act_starttls_refused },
    { IN(STATE_STARTTLS), VERB_ANY,          ON_MISSING, STATE_COMMAND,  act_starttls_unanswered },
    { IN(STATE_COMMAND),  VERB_CAPABILITIES, ON_SENT,    STATE_SAME,     act_asked },
    { ANY_STATE,          VERB_CAPABILITIES, ON_OK,      STATE_SAME,     list_begins },
    { IN(STATE_COMMAND),  VERB_USER,         ON_SENT,    STATE_SAME,     user_sent },
    { ANY_STATE,          VERB_USER,         ON_FAIL,    STATE_SAME,     user_refused },
    { IN(STATE_COMMAND),  VERB_PASS,         ON_SENT,    STATE_SAME,     pass_sent },
    { ANY_STATE,          VERB_PASS,         ON_FINAL,   STATE_SAME,     act_login_ended },
    { IN(STATE_COMMAND),  VERB_AUTH,         ON_SENT,    STATE_AUTH,     auth_sent },
    { IN(STATE_AUTH),     VERB_AUTH,         ON_MORE,    STATE_RESPONSE, NULL },
    { IN(STATE_AUTH),     VERB_ANY,          ON_MISSING, STATE_MAYBE_RESPONSE, NULL },
    { IN(STATE_RESPONSE), VERB_AUTH,         ON_LINE,    STATE_AUTH,     act_login_answered },
    { IN(STATE_MAYBE_RESPONSE), VERB_AUTH,   ON_LINE,    STATE_SAME,     act_login_answered },
    { ANY_STATE,          VERB_AUTH,         ON_FINAL,   STATE_COMMAND,  act_login_ended },
    { IN(STATE_MAYBE_RESPONSE), VERB_NONE,   ON_FINAL,   STATE_COMMAND,  act_login_ended },
    { ANY_STATE,          VERB_RETRIEVE,     ON_OK,      STATE_SAME,     body_begins },
    { ANY_STATE,          VERB_LISTING,      ON_OK,      STATE_SAME,     body_begins },
    { IN(STATE_COMMAND),  VERB_QUIT,         ON_SENT,    STATE_SAME,     act_quit_sent },
    { IN(STATE_COMMAND),  VERB_UNKNOWN,      ON_SENT,    STATE_SAME,     act_unknown_sent },
    { ANY_STATE,          VERB_UNKNOWN,      ON_FINAL,   STATE_SAME,     act_unknown_answered },
    { IN(STATE_COMMAND),  VERB_NONE,         ON_OK,      STATE_SAME,     act_ready_unasked },
};
/* clang-format on */

static void client_line(struct mail *mail, const struct line *line)
{
    if (common_answer(mail, line))
        return;
    const struct verb_row *row = verb_of(line->text);
    struct text rest = line->text;
    if (row->verb != VERB_UNKNOWN)
        text_token(&rest, " \t");
    rest = text_trim(rest);
    bool lists = row->verb == VERB_AUTH && rest.len == 0;
    machine_sent(mail, lists ? &auth_list : row, line, rest, 0);
}

/* --- server --- */

static const struct {
    struct text word;
    enum event event;
} statuses[] = {
    { { "+OK", 3 }, ON_OK },
    { { "-ERR", 4 }, ON_FAIL },
    { { "+", 1 }, ON_MORE },
};

static struct text reply_of(struct text line)
{
    struct text word = keyword_first(line);
    for (size_t i = 0; i < sizeof statuses / sizeof statuses[0]; i++)
        if (text_same_nocase(word, statuses[i].word))
            return statuses[i].word;
    return (struct text){ 0 };
}

static enum event event_of(struct text word)
{
    for (size_t i = 0; i < sizeof statuses / sizeof statuses[0]; i++)
        if (text_same(word, statuses[i].word))
            return statuses[i].event;
    return ON_ODD;
}

/* The list after CAPA's +OK, up to a line with a dot. */
static void list_line(struct mail *mail, const struct line *line)
{
    if (text_same(line->text, TEXT("."))) {
        mail->reply.active = false;
        capabilities_end(mail, line);
    } else if (++mail->reply.lines <= LIMIT_REPLY_LINES) {
        capabilities_add(mail, line->text, line);
    } else {
        capabilities_cut(mail, line);
    }
}

/* With the client's side missing, a list is known by what is in it: it begins with a word that only
 * CAPA's list has. */
static bool begins_list(const struct mail *mail, struct text line)
{
    static const struct text names[] = {
        { "CAPA", 4 },
        { "TOP", 3 },
        { "UIDL", 4 },
        { "STLS", 4 },
        { "SASL", 4 },
        { "USER", 4 },
        { "RESP-CODES", 10 },
        { "PIPELINING", 10 },
        { "AUTH-RESP-CODE", 14 },
        { "EXPIRE", 6 },
        { "IMPLEMENTATION", 14 },
        { "LOGIN-DELAY", 11 },
    };
    if (!mail->only_known || mail->only != SIDE_SERVER)
        return false;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (text_same_nocase(keyword_first(line), names[i]))
            return true;
    return false;
}

/* RFC 3206 and 2449 know no code for "TLS first": [AUTH] with a word of TLS is what servers say. */
static void note_required(struct mail *mail, const struct step *step)
{
    enum verb verb = step->command->verb;
    bool login = verb == VERB_USER || verb == VERB_PASS || verb == VERB_AUTH;
    if (step->event == ON_FAIL && login && text_starts_nocase(step->rest, TEXT("[AUTH]")) &&
        common_says_tls(step->rest))
        facts_note(mail, MAIL_NOTE_STARTTLS_REQUIRED, step->line, TEXT("AUTH"), 0, 0);
}

/* A list behind the first +OK, and CAPA was asked for: that was its answer, and no greeting. */
static bool greeting_was_answer(struct mail *mail, struct pending *oldest)
{
    struct mail_facts *facts = &mail->facts;
    bool asked = oldest != NULL && oldest->verb == VERB_CAPABILITIES;
    if (!asked || !facts->greeting_seen || facts->server_lines != 2)
        return false;
    pipeline_remove(mail, oldest);
    facts->greeting_seen = facts->greeting_complete = false;
    facts->greeting_word = facts->banner_host = facts->banner_software = (struct text){ 0 };
    mail->lost = facts->gap = true;
    return true;
}

/* A line that is no reply and in no body that is known of. */
static void stray_line(struct mail *mail, const struct line *line, struct pending *oldest)
{
    if (oldest != NULL && oldest->verb == VERB_GREETING) {
        pipeline_remove(mail, oldest);
        mail->lost = mail->facts.gap = true;
    } else if (begins_list(mail, line->text) || greeting_was_answer(mail, oldest)) {
        capabilities_begin(mail, line->offset);
        mail->reply = (struct reply){ .active = true };
        list_line(mail, line);
    }
}

static void server_line(struct mail *mail, const struct line *line)
{
    if (mail->reply.active) {
        list_line(mail, line);
        return;
    }
    struct text word = reply_of(line->text), rest = line->text;
    struct pending *oldest = pipeline_oldest(mail, line), command;
    if (word.len == 0) {
        stray_line(mail, line, oldest);
        return;
    }
    text_token(&rest, " ");
    facts_last_reply(mail, word);
    facts_ui_text(mail, line, rest);
    struct step step = { .line = line, .rest = rest, .word = word, .event = event_of(word) };
    if (oldest == NULL) {
        machine_unmatched(mail, &step);
        return;
    }
    command = *oldest;
    if (step.event != ON_MORE)
        pipeline_remove(mail, oldest);
    step.command = &command;
    note_required(mail, &step);
    machine_step(mail, command.verb, &step);
}

const struct protocol protocol_pop3 = {
    .name = "pop3",
    ROWS(rows),
    .client_line = client_line,
    .server_line = server_line,
    .verb_of = verb_of,
    .reply_of = reply_of,
    .upgrade = { "STLS", 4 },
};
