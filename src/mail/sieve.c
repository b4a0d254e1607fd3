/* SPDX-License-Identifier: Apache-2.0
 * sieve.c - ManageSieve: RFC 5804. The server begins with its capabilities, and literals may stand
 * wherever strings do.
 */
#include "capabilities.h"
#include "common.h"
#include "facts.h"
#include "keyword.h"
#include "lines.h"

#include <string.h>

/* clang-format off */
static const struct verb_row verbs[] = {
    { "STARTTLS",       VERB_STARTTLS,     false },
    { "CAPABILITY",     VERB_CAPABILITIES, false },
    { "AUTHENTICATE",   VERB_AUTH,         true },
    { "PUTSCRIPT",      VERB_APPEND,       true },
    { "CHECKSCRIPT",    VERB_APPEND,       true },
    { "GETSCRIPT",      VERB_RETRIEVE,     true },
    { "LISTSCRIPTS",    VERB_OTHER,        true },
    { "HAVESPACE",      VERB_OTHER,        true },
    { "SETACTIVE",      VERB_OTHER,        true },
    { "DELETESCRIPT",   VERB_OTHER,        true },
    { "RENAMESCRIPT",   VERB_OTHER,        true },
    { "UNAUTHENTICATE", VERB_OTHER,        false },
    { "NOOP",           VERB_OTHER,        false },
    { "LOGOUT",         VERB_QUIT,         false },
};

static const struct {
    struct text word;
    enum event event;
} statuses[] = {
    { { "OK", 2 },  ON_OK },
    { { "NO", 2 },  ON_FAIL },
    { { "BYE", 3 }, ON_FAIL },
};
/* clang-format on */

static const struct verb_row *verb_of(struct text line)
{
    return common_verb(verbs, sizeof verbs / sizeof verbs[0], keyword_first(line));
}

/* --- actions --- */

static void greeting(struct mail *mail, const struct step *step)
{
    act_greeting(mail, step);
    if (step->event == ON_OK)
        capabilities_end(mail, step->line);
    capabilities_drop(mail);
}

static void list_ended(struct mail *mail, const struct step *step)
{
    capabilities_end(mail, step->line);
}

static void list_failed(struct mail *mail, const struct step *step)
{
    (void)step;
    capabilities_drop(mail);
}

/* AUTHENTICATE "MECHANISM" ["answer" or literal] */
static void auth_sent(struct mail *mail, const struct step *step)
{
    struct text rest = step->rest;
    struct literal literal = lines_literal(rest);
    facts_login(mail, common_unquote(text_token(&rest, " ")), step->line);
    facts_login_awaits(mail, step->command);
    if (!literal.found || literal.len > 0)
        facts_login_answer(mail, common_unquote(text_trim(rest)));
}

static void auth_answered(struct mail *mail, const struct step *step)
{
    struct literal literal = lines_literal(step->rest);
    if (!literal.found || literal.len > 0)
        act_login_answered(mail, step);
}

/* A script is the last argument: quoted or, more often, a literal. */
static void script_sent(struct mail *mail, const struct step *step)
{
    bool check = text_same(step->word, TEXT("CHECKSCRIPT"));
    struct text rest = step->rest;
    if (!check) { /* behind its name */
        text_token(&rest, "\"");
        text_token(&rest, "\"");
    }
    if (text_trim(rest).len > 0 || lines_literal(step->rest).found)
        facts_note_once(mail, MAIL_NOTE_SCRIPT, step->line);
}

static void script_comes(struct mail *mail, const struct step *step)
{
    facts_note_once(mail, MAIL_NOTE_SCRIPT, step->line);
}

/* clang-format off */
static const struct transition rows[] = {
    { ANY_STATE,          VERB_GREETING,     ON_FINAL,   STATE_SAME,     greeting },
    { IN(STATE_COMMAND),  VERB_STARTTLS,     ON_SENT,    STATE_STARTTLS, act_starttls_sent },
    { IN(STATE_STARTTLS), VERB_STARTTLS,     ON_OK,      STATE_COMMAND,  act_starttls_accepted },
    { IN(STATE_STARTTLS), VERB_STARTTLS,     ON_FAIL,    STATE_COMMAND,  act_starttls_refused },
    { IN(STATE_STARTTLS), VERB_ANY,          ON_MISSING, STATE_COMMAND,  act_starttls_unanswered },
    { IN(STATE_COMMAND),  VERB_CAPABILITIES, ON_SENT,    STATE_SAME,     act_asked },
    { ANY_STATE,          VERB_CAPABILITIES, ON_OK,      STATE_SAME,     list_ended },
    { ANY_STATE,          VERB_CAPABILITIES, ON_FAIL,    STATE_SAME,     list_failed },
    { IN(STATE_COMMAND),  VERB_AUTH,         ON_SENT,    STATE_AUTH,     auth_sent },
    { IN(STATE_AUTH),     VERB_AUTH,         ON_MORE,    STATE_RESPONSE, NULL },
    { IN(STATE_AUTH),     VERB_ANY,          ON_MISSING, STATE_MAYBE_RESPONSE, NULL },
    { IN(STATE_RESPONSE), VERB_AUTH,         ON_LINE,    STATE_AUTH,     auth_answered },
    { IN(STATE_MAYBE_RESPONSE), VERB_AUTH,   ON_LINE,    STATE_SAME,     auth_answered },
    { ANY_STATE,          VERB_AUTH,         ON_FINAL,   STATE_COMMAND,  act_login_ended },
    { IN(STATE_MAYBE_RESPONSE), VERB_NONE,   ON_FINAL,   STATE_COMMAND,  act_login_ended },
    { IN(STATE_COMMAND),  VERB_APPEND,       ON_SENT,    STATE_SAME,     script_sent },
    { ANY_STATE,          VERB_RETRIEVE,     ON_MORE,    STATE_SAME,     script_comes },
    { IN(STATE_COMMAND),  VERB_QUIT,         ON_SENT,    STATE_SAME,     act_quit_sent },
    { IN(STATE_COMMAND),  VERB_UNKNOWN,      ON_SENT,    STATE_SAME,     act_unknown_sent },
    { ANY_STATE,          VERB_UNKNOWN,      ON_FINAL,   STATE_SAME,     act_unknown_answered },
    { IN(STATE_COMMAND),  VERB_NONE,         ON_OK,      STATE_SAME,     act_ready_unasked },
    { ANY_STATE,          VERB_NONE,         ON_FAIL,    STATE_SAME,     NULL }, /* BYE comes any time */
};
/* clang-format on */

/* --- client --- */

/* RFC 5804 section 4: literals of the client need no go-ahead, with or without the plus. */
static void skip_literal(struct mail *mail, enum side side, struct text text)
{
    struct literal literal = lines_literal(text);
    mail->side[side].continues = literal.found;
    if (literal.found)
        lines_skip(mail, side, literal.len, false);
}

static void client_line(struct mail *mail, const struct line *line)
{
    struct text rest = line->text;
    bool continued = mail->side[SIDE_CLIENT].continues;
    if (!continued && !common_answer(mail, line)) {
        const struct verb_row *row = verb_of(line->text);
        if (row->verb == VERB_UNKNOWN && text_trim(rest).len == 0)
            return;
        if (row->verb != VERB_UNKNOWN)
            text_token(&rest, " ");
        machine_sent(mail, row, line, text_trim(rest), 0);
    }
    skip_literal(mail, SIDE_CLIENT, line->cut ? (struct text){ 0 } : line->text);
}

static void line_tail(struct mail *mail, enum side side, struct text tail)
{
    skip_literal(mail, side, tail);
}

/* --- server --- */

static struct text reply_of(struct text line)
{
    struct text word = text_token(&line, " (");
    for (size_t i = 0; i < sizeof statuses / sizeof statuses[0]; i++)
        if (text_same_nocase(word, statuses[i].word))
            return statuses[i].word;
    return (struct text){ 0 };
}

/* "NAME" "value" as NAME value. */
static void add_capability(struct mail *mail, const struct line *line)
{
    char plain[LIMIT_CAPABILITY_BYTES];
    size_t len = 0;
    struct text text = line->text;
    for (size_t i = 0; i < text.len && len < sizeof plain; i++)
        if (text.at[i] != '"')
            plain[len++] = text.at[i];
    struct text name = { .at = plain, .len = len };
    capabilities_add(mail, name, line);

    text_token(&name, " ");
    if (text_starts_nocase(text, TEXT("\"IMPLEMENTATION\"")))
        facts_banner(mail, name, true);
}

/* With the client's side missing, a list is known by the names that it begins with; other lines
 * are scripts and their names. */
static bool begins_list(struct text line)
{
    static const struct text names[] = {
        { "\"IMPLEMENTATION\"", 16 }, { "\"SIEVE\"", 7 },   { "\"SASL\"", 6 },
        { "\"STARTTLS\"", 10 },       { "\"VERSION\"", 9 },
    };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (text_starts_nocase(line, names[i]))
            return true;
    return false;
}

static void data_line(struct mail *mail, const struct line *line)
{
    struct pending *oldest = pipeline_oldest(mail, line);
    enum verb verb = oldest != NULL ? oldest->verb : VERB_NONE;
    bool alone =
        verb == VERB_NONE && mail->only_known && (mail->list.active || begins_list(line->text));
    if (verb == VERB_GREETING || verb == VERB_CAPABILITIES || alone) {
        if (!mail->list.active)
            capabilities_begin(mail, line->offset);
        add_capability(mail, line);
        return;
    }
    struct step step = { .line = line, .command = oldest, .event = ON_MORE };
    machine_step(mail, verb, &step);
}

static void status_line(struct mail *mail, const struct line *line, struct text word)
{
    struct text rest = line->text;
    struct pending *oldest = pipeline_oldest(mail, line), command;
    text_token(&rest, " ");
    struct step step = { .line = line,
                         .rest = rest,
                         .word = word,
                         .event = text_same(word, TEXT("OK")) ? ON_OK : ON_FAIL };

    facts_last_reply(mail, word);
    facts_ui_text(mail, line, rest);
    if (step.event == ON_FAIL && text_starts_nocase(rest, TEXT("(ENCRYPT-NEEDED")))
        facts_note(mail, MAIL_NOTE_STARTTLS_REQUIRED, line, TEXT("ENCRYPT-NEEDED"), 0, 0);
    if (oldest != NULL && oldest->verb == VERB_GREETING && step.event == ON_OK &&
        !mail->list.active) {
        pipeline_remove(mail, oldest); /* no greeting: it has capabilities */
        mail->lost = mail->facts.gap = true;
        oldest = pipeline_oldest(mail, line);
    }
    if (oldest == NULL) {
        capabilities_end(mail, step.event == ON_OK ? line : NULL);
        machine_unmatched(mail, &step);
        return;
    }
    command = *oldest;
    pipeline_remove(mail, oldest);
    step.command = &command;
    machine_step(mail, command.verb, &step);
}

static void server_line(struct mail *mail, const struct line *line)
{
    bool continued = mail->side[SIDE_SERVER].continues;
    struct text word = reply_of(line->text);
    if (!continued && word.len > 0)
        status_line(mail, line, word);
    else if (!continued)
        data_line(mail, line);
    if (mail->side[SIDE_SERVER].phase == MAIL_TEXT)
        skip_literal(mail, SIDE_SERVER, line->cut ? (struct text){ 0 } : line->text);
}

const struct protocol protocol_sieve = {
    .name = "sieve",
    ROWS(rows),
    .client_line = client_line,
    .server_line = server_line,
    .verb_of = verb_of,
    .reply_of = reply_of,
    .line_tail = line_tail,
    .upgrade = { "STARTTLS", 8 },
};
