/* SPDX-License-Identifier: Apache-2.0
 * common.c - actions that more than one protocol's table names.
 */
#include "common.h"

#include <string.h>

#include "doubt.h"
#include "early.h"
#include "facts.h"
#include "keyword.h"

const struct verb_row common_unknown = { "", VERB_UNKNOWN, false };

const struct verb_row *common_verb(const struct verb_row *rows, size_t count, struct text word)
{
    for (size_t i = 0; i < count; i++)
        if (text_same_nocase(word, text_of(rows[i].name)))
            return &rows[i];
    return &common_unknown;
}

uint32_t common_code(struct reader *line)
{
    uint32_t code = 0;
    for (int i = 0; i < 3; i++) {
        uint8_t c = reader_u8(line);
        if (c < '0' || c > '9')
            return 0;
        code = code * 10 + (uint32_t)(c - '0');
    }
    return code >= 100 && code < 600 ? code : 0;
}

struct text common_unquote(struct text text)
{
    if (text.len < 2 || text.at[0] != '"' || text.at[text.len - 1] != '"')
        return text;
    return (struct text){ .at = text.at + 1, .len = text.len - 2 };
}

bool common_says_tls(struct text text)
{
    for (; text.len >= 3; text.at++, text.len--)
        if (text_starts_nocase(text, TEXT("TLS")) || text_starts_nocase(text, TEXT("SSL")))
            return true;
    return false;
}

/* --- client lines --- */

static const struct text http_methods[] = {
    { "GET ", 4 },     { "POST ", 5 },    { "HEAD ", 5 },   { "PUT ", 4 },
    { "OPTIONS ", 8 }, { "CONNECT ", 8 }, { "DELETE ", 7 }, { "PRI * HTTP/2", 12 },
};

static void watch_http(struct mail *mail, const struct line *line)
{
    if (mail->facts.client_lines == 1) {
        for (size_t i = 0; i < sizeof http_methods / sizeof http_methods[0]; i++)
            if (text_starts_nocase(line->text, http_methods[i])) {
                struct text method = http_methods[i];
                mail->http_note =
                    facts_note(mail, MAIL_NOTE_HTTP, line, text_token(&method, " "), 0, 0);
                mail->http = mail->lost = true; /* how it answers is anybody's guess */
            }
    } else if (mail->http && mail->http_note != NOTE_NONE &&
               mail->protocol->verb_of(line->text)->verb != VERB_UNKNOWN) {
        mail->facts.notes[mail->http_note].code = 1;
    }
}

void common_client_line(struct mail *mail, const struct line *line)
{
    bool late = machine_answers_late(mail, line);
    bool crosses = machine_crosses_content(mail, line);
    enum state state = mail->state;
    uint8_t login = mail->login;
    watch_http(mail, line);
    if (crosses)
        mail->state = STATE_COMMAND;
    if (late) { /* as if it had come before the reply that it crossed */
        mail->state = mail->challenge.state;
        mail->login = mail->challenge.login;
    }
    mail->challenge.until = 0;
    mail->protocol->client_line(mail, line);
    if (late)
        mail->login = login;
    if (late || (crosses && machine_is(mail, STATE_COMMAND)))
        mail->state = state;
}

bool common_answer(struct mail *mail, const struct line *line)
{
    bool known = mail->protocol->verb_of(line->text)->verb != VERB_UNKNOWN;
    if (machine_is(mail, STATE_MAYBE_RESPONSE) && known)
        mail->state = STATE_COMMAND;
    if (!machine_is(mail, STATE_MAYBE_RESPONSE) && !machine_is(mail, STATE_RESPONSE))
        return false;
    struct step step = { .line = line, .rest = line->text, .event = ON_LINE };
    machine_step(mail, VERB_AUTH, &step);
    return true;
}

/* --- actions --- */

void act_greeting(struct mail *mail, const struct step *step)
{
    struct mail_facts *facts = &mail->facts;
    facts->greeting_seen = true;
    facts->greeting_at = step->line->where;
    facts->greeting_complete = true;
    facts->greeting_code = step->code;
    if (step->code == 0)
        facts->greeting_word = step->word;
}

void act_asked(struct mail *mail, const struct step *step)
{
    (void)step;
    mail->facts.capabilities_asked = true;
}

void act_starttls_sent(struct mail *mail, const struct step *step)
{
    struct mail_facts *facts = &mail->facts;
    early_reset(mail);
    facts->starttls_requested = TRI_YES;
    facts->starttls_requested_at = step->line->where;
    facts->starttls_accepted = TRI_UNKNOWN;
    mail->early.command_end = facts->starttls_requested_end = step->line->end;
    mail->early.command_acked = step->line->where.acked;
}

static void keep_starttls_reply(struct mail *mail, struct text word)
{
    size_t len = word.len < sizeof mail->starttls_reply ? word.len : sizeof mail->starttls_reply;
    memcpy(mail->starttls_reply, word.at, len);
    mail->facts.starttls_reply = (struct text){ .at = mail->starttls_reply, .len = len };
}

void act_starttls_accepted(struct mail *mail, const struct step *step)
{
    mail->facts.starttls_accepted = TRI_YES;
    mail->facts.starttls_accepted_at = step->line->where;
    keep_starttls_reply(mail, step->word);
    early_accepted(mail, step->line);
}

void act_starttls_refused(struct mail *mail, const struct step *step)
{
    bool parameters = step->command != NULL && step->command->parameters;
    mail->facts.starttls_accepted = TRI_NO;
    keep_starttls_reply(mail, step->word);
    facts_note(mail, MAIL_NOTE_STARTTLS_REFUSED, step->line, step->word, step->code, parameters);

    /* The server quotes what reached it: an intact STARTTLS here was overwritten behind us. */
    struct text masked = keyword_masked_within(step->rest);
    if (masked.len > 0)
        facts_note(mail, MAIL_NOTE_COMMAND_MASKED, step->line, masked, step->code,
                   (uint32_t)masked.len);
}

void act_starttls_unanswered(struct mail *mail, const struct step *step)
{
    (void)step;
    if (mail->only_known && mail->only == SIDE_CLIENT)
        mail->side[SIDE_CLIENT].phase = MAIL_TLS;
}

void act_login_sent(struct mail *mail, const struct step *step)
{
    struct text rest = step->rest;
    struct text mechanism = common_unquote(text_token(&rest, " "));
    facts_login(mail, mechanism, step->line);
    facts_login_awaits(mail, step->command);
    facts_login_answer(mail, common_unquote(text_trim(rest)));
}

void act_login_answered(struct mail *mail, const struct step *step)
{
    facts_login_answer(mail, common_unquote(text_trim(step->rest)));
}

void act_login_ended(struct mail *mail, const struct step *step)
{
    if (step->command == NULL && doubt_login(mail))
        mail->login = NOTE_NONE;
    facts_login_ended(mail, step->command, (step->event & ON_POSITIVE) != 0 ? TRI_YES : TRI_NO,
                      step->code);
}

/* Only what a rewriting device makes of a command is kept of one that is not known. */
void act_unknown_sent(struct mail *mail, const struct step *step)
{
    struct text verb = keyword_first(step->rest);
    mail->facts.unknown_commands++;
    if (keyword_masked_command(verb))
        step->command->note =
            facts_note(mail, MAIL_NOTE_COMMAND_MASKED, step->line, verb, 0, (uint32_t)verb.len);
    else if (keyword_near(step->rest, mail->protocol->upgrade))
        step->command->note =
            facts_note(mail, MAIL_NOTE_COMMAND_ALTERED, step->line,
                       (struct text){ .at = step->rest.at, .len = mail->protocol->upgrade.len }, 0,
                       mail->protocol->upgrade.len > 0);
}

void act_unknown_answered(struct mail *mail, const struct step *step)
{
    enum { NO_SUCH_COMMAND = 500, DONE = 250 }; /* where there are no codes */
    uint8_t note = step->command->note;
    if (note == NOTE_NONE)
        return;
    uint32_t worded = step->event == ON_FAIL ? NO_SUCH_COMMAND : DONE;
    mail->facts.notes[note].code = step->code != 0 ? step->code : worded;
}

void act_quit_sent(struct mail *mail, const struct step *step)
{
    (void)step;
    mail->facts.quit = true;
}

void act_ready_unasked(struct mail *mail, const struct step *step)
{
    if (mail->only_known && mail->only == SIDE_SERVER)
        mail->ready_end = step->line->end;
    else
        machine_desync(mail, step->line);
}

void act_opaque(struct mail *mail, const struct step *step)
{
    (void)step;
    mail->side[SIDE_CLIENT].phase = MAIL_OPAQUE;
    mail->side[SIDE_SERVER].phase = MAIL_OPAQUE;
}
