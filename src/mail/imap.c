/* SPDX-License-Identifier: Apache-2.0
 * imap.c - IMAP: RFC 3501, 9051; 7888 (LITERAL+), 4959 (SASL-IR), 4978 (COMPRESS), 2177 (IDLE).
 */
#include "capabilities.h"
#include "common.h"
#include "facts.h"
#include "hash.h"
#include "imap_data.h"
#include "keyword.h"
#include "lines.h"

/* clang-format off */
static const struct verb_row verbs[] = {
    { "STARTTLS",     VERB_STARTTLS,     false },
    { "CAPABILITY",   VERB_CAPABILITIES, false },
    { "LOGIN",        VERB_LOGIN,        true },
    { "AUTHENTICATE", VERB_AUTH,         true },
    { "APPEND",       VERB_APPEND,       true },
    { "SELECT",       VERB_MAILBOX,      true },
    { "EXAMINE",      VERB_MAILBOX,      true },
    { "COMPRESS",     VERB_COMPRESS,     false },
    { "LOGOUT",       VERB_QUIT,         false },
    { "NOOP",         VERB_OTHER,        false },
    { "ID",           VERB_OTHER,        false },
    { "ENABLE",       VERB_OTHER,        false },
    { "IDLE",         VERB_IDLE,         false },
    { "NAMESPACE",    VERB_OTHER,        true },
    { "LIST",         VERB_OTHER,        true },
    { "LSUB",         VERB_OTHER,        true },
    { "XLIST",        VERB_OTHER,        true },
    { "STATUS",       VERB_OTHER,        true },
    { "CREATE",       VERB_OTHER,        true },
    { "DELETE",       VERB_OTHER,        true },
    { "RENAME",       VERB_OTHER,        true },
    { "SUBSCRIBE",    VERB_OTHER,        true },
    { "UNSUBSCRIBE",  VERB_OTHER,        true },
    { "FETCH",        VERB_OTHER,        true },
    { "STORE",        VERB_OTHER,        true },
    { "COPY",         VERB_OTHER,        true },
    { "MOVE",         VERB_OTHER,        true },
    { "SEARCH",       VERB_OTHER,        true },
    { "SORT",         VERB_OTHER,        true },
    { "THREAD",       VERB_OTHER,        true },
    { "UID",          VERB_OTHER,        true },
    { "EXPUNGE",      VERB_OTHER,        true },
    { "CHECK",        VERB_OTHER,        true },
    { "CLOSE",        VERB_OTHER,        true },
    { "UNSELECT",     VERB_OTHER,        true },
    { "GETQUOTA",     VERB_OTHER,        true },
    { "GETQUOTAROOT", VERB_OTHER,        true },
    { "GETACL",       VERB_OTHER,        true },
    { "MYRIGHTS",     VERB_OTHER,        true },
    { "GETMETADATA",  VERB_OTHER,        true },
    { "UNAUTHENTICATE", VERB_OTHER,      false },
};
/* clang-format on */

static struct text behind_tag(struct text line)
{
    text_token(&line, " ");
    return line;
}

static const struct verb_row *verb_of(struct text line)
{
    return common_verb(verbs, sizeof verbs / sizeof verbs[0], keyword_first(behind_tag(line)));
}

/* --- arguments and literals of the client --- */

static void argument_crossed(struct mail *mail)
{
    if (++mail->logical.arguments == 2 && mail->logical.verb == VERB_LOGIN)
        facts_login_secret(mail);
}

/* Counts the atoms and quoted strings; a literal at the end counts when it crosses. */
static void count_arguments(struct mail *mail, struct text rest)
{
    while (rest.len > 0) {
        struct reader bytes = reader_of(rest.at, rest.len);
        uint8_t first = reader_u8(&bytes);
        if (first == ' ') {
            rest = text_of_reader(&bytes);
            continue;
        }
        if (lines_literal(rest).found && (first == '{' || first == '~'))
            return;
        if (first == '"') {
            for (uint8_t c = reader_u8(&bytes); bytes.left > 0 && c != '"'; c = reader_u8(&bytes))
                if (c == '\\')
                    reader_u8(&bytes);
            rest = text_of_reader(&bytes);
        } else {
            text_token(&rest, " ");
        }
        argument_crossed(mail);
    }
}

static void literal_begins(struct mail *mail, const struct step *step)
{
    bool append = mail->logical.verb == VERB_APPEND;
    (void)step;
    if (append)
        mail->message_open = false; /* each literal is a message */
    if (mail->logical.literal > 0)
        argument_crossed(mail);
    lines_skip(mail, SIDE_CLIENT, mail->logical.literal, append);
}

static void literal_refused(struct mail *mail, const struct step *step)
{
    (void)step;
    mail->side[SIDE_CLIENT].continues = false;
}

static void end_of_line(struct mail *mail, const struct line *line, struct text text)
{
    struct literal literal = lines_literal(text);
    mail->side[SIDE_CLIENT].continues = literal.found && machine_is(mail, STATE_COMMAND);
    if (!mail->side[SIDE_CLIENT].continues)
        return;
    struct step step = { .line = line, .event = literal.unasked ? ON_DATA : ON_LINE };
    mail->logical.literal = literal.len;
    machine_step(mail, VERB_LITERAL, &step);
}

/* --- other actions --- */

static void login_sent(struct mail *mail, const struct step *step)
{
    bool knew = !mail->marks_known || step->line->first.acked >= mail->capabilities_end;
    facts_login(mail, TEXT("LOGIN-COMMAND"), step->line);
    facts_login_awaits(mail, step->command);
    if (mail->facts.login_disabled && knew)
        facts_note_once(mail, MAIL_NOTE_LOGIN_DESPITE_DISABLED, step->line);
}

static void login_unmatched(struct mail *mail, const struct step *step)
{
    mail->maybe_authenticated = true; /* whatever that answered */
    act_ready_unasked(mail, step);
}

/* clang-format off */
static const struct transition rows[] = {
    { ANY_STATE,          VERB_GREETING,     ON_FINAL,   STATE_SAME,     act_greeting },
    { IN(STATE_COMMAND),  VERB_STARTTLS,     ON_SENT,    STATE_STARTTLS, act_starttls_sent },
    { IN(STATE_STARTTLS), VERB_STARTTLS,     ON_OK,      STATE_COMMAND,  act_starttls_accepted },
    { IN(STATE_STARTTLS), VERB_STARTTLS,     ON_FAIL,    STATE_COMMAND,  act_starttls_refused },
    { IN(STATE_STARTTLS), VERB_ANY,          ON_MISSING, STATE_COMMAND,  act_starttls_unanswered },
    { IN(STATE_COMMAND),  VERB_CAPABILITIES, ON_SENT,    STATE_SAME,     act_asked },
    { IN(STATE_COMMAND),  VERB_LOGIN,        ON_SENT,    STATE_SAME,     login_sent },
    { ANY_STATE,          VERB_LOGIN,        ON_FINAL,   STATE_SAME,     act_login_ended },
    { IN(STATE_COMMAND),  VERB_AUTH,         ON_SENT,    STATE_AUTH,     act_login_sent },
    { IN(STATE_AUTH),     VERB_AUTH,         ON_MORE,    STATE_RESPONSE, NULL },
    { IN(STATE_AUTH),     VERB_ANY,          ON_MISSING, STATE_MAYBE_RESPONSE, NULL },
    { IN(STATE_RESPONSE), VERB_AUTH,         ON_LINE,    STATE_AUTH,     act_login_answered },
    { IN(STATE_MAYBE_RESPONSE), VERB_AUTH,   ON_LINE,    STATE_SAME,     act_login_answered },
    { ANY_STATE,          VERB_AUTH,         ON_FINAL,   STATE_COMMAND,  act_login_ended },
    { IN(STATE_MAYBE_RESPONSE), VERB_NONE,   ON_FINAL,   STATE_COMMAND,  act_login_ended },
    { IN(STATE_COMMAND),  VERB_LITERAL,      ON_LINE,    STATE_LITERAL,  NULL },
    { IN(STATE_COMMAND),  VERB_LITERAL,      ON_DATA,    STATE_SAME,     literal_begins },
    { IN(STATE_LITERAL),  VERB_LITERAL,      ON_MORE,    STATE_COMMAND,  literal_begins },
    { IN(STATE_LITERAL),  VERB_ANY,          ON_MISSING, STATE_COMMAND,  literal_begins },
    { IN(STATE_LITERAL),  VERB_LITERAL,      ON_FINAL,   STATE_COMMAND,  literal_refused },
    { IN(STATE_COMMAND),  VERB_COMPRESS,     ON_SENT,    STATE_COMPRESS, NULL },
    { IN(STATE_COMPRESS), VERB_COMPRESS,     ON_OK,      STATE_COMMAND,  act_opaque },
    { IN(STATE_COMPRESS), VERB_COMPRESS,     ON_FAIL,    STATE_COMMAND,  NULL },
    { IN(STATE_COMPRESS), VERB_ANY,          ON_MISSING, STATE_COMMAND,  NULL },
    { IN(STATE_COMMAND),  VERB_QUIT,         ON_SENT,    STATE_SAME,     act_quit_sent },
    { IN(STATE_COMMAND),  VERB_UNKNOWN,      ON_SENT,    STATE_SAME,     act_unknown_sent },
    { ANY_STATE,          VERB_UNKNOWN,      ON_FINAL,   STATE_SAME,     act_unknown_answered },
    { ANY_STATE,          VERB_NONE,         ON_OK,      STATE_SAME,     login_unmatched },
};
/* clang-format on */

static uint64_t tag_hash(struct text tag) { return hash_bytes(tag.at, tag.len, 0); }

static void client_line(struct mail *mail, const struct line *line)
{
    if (mail->side[SIDE_CLIENT].continues) {
        count_arguments(mail, line->text);
        end_of_line(mail, line, line->cut ? (struct text){ 0 } : line->text);
        return;
    }
    if (common_answer(mail, line))
        return;
    struct text rest = line->text;
    struct text tag = text_token(&rest, " ");
    if (rest.len == 0)
        return; /* DONE, or nothing that has a reply */
    const struct verb_row *row = verb_of(line->text);
    if (row->verb != VERB_UNKNOWN)
        text_token(&rest, " ");
    mail->logical = (struct logical){ .verb = row->verb };
    machine_sent(mail, row, line, rest, tag_hash(tag));
    count_arguments(mail, rest);
    end_of_line(mail, line, line->cut ? (struct text){ 0 } : line->text);
}

static void line_tail(struct mail *mail, enum side side, struct text tail)
{
    struct line nowhere = { .side = side };
    if (side == SIDE_CLIENT)
        end_of_line(mail, &nowhere, tail);
    else
        imap_data_tail(mail, tail);
}

/* --- server --- */

static void tagged_line(struct mail *mail, const struct line *line, struct text tag,
                        struct text word, struct text rest)
{
    enum event event = text_same(word, TEXT("OK")) ? ON_OK : ON_FAIL;
    struct step step = { .line = line, .rest = rest, .word = word, .event = event };
    struct pending *pending = pipeline_tagged(mail, tag_hash(tag), line), command;

    facts_last_reply(mail, word);
    if (pending == NULL) {
        machine_unmatched(mail, &step);
        imap_status_text(mail, line, rest);
        return;
    }
    if (pending == &mail->pipeline[mail->pending_count - 1] && machine_is(mail, STATE_LITERAL))
        machine_step(mail, VERB_LITERAL, &step);
    command = *pending;
    pipeline_remove(mail, pending);
    step.command = &command;
    machine_step(mail, command.verb, &step);
    imap_status_text(mail, line, rest); /* a list in the answer to a login is one after it */
}

static void challenge(struct mail *mail, const struct line *line)
{
    struct step step = { .line = line, .event = ON_MORE };
    if (!pipeline_covers(mail, line))
        return;
    machine_step(mail, machine_is(mail, STATE_AUTH) ? VERB_AUTH : VERB_LITERAL, &step);
}

/* The first line decides whether the capture has the greeting. */
static bool take_greeting(struct mail *mail, const struct line *line, struct text word,
                          struct text rest)
{
    struct pending *first = mail->pending_count > 0 ? &mail->pipeline[0] : NULL;
    if (first == NULL || first->verb != VERB_GREETING) {
        /* RFC 3501 section 7.1.4: nothing but a greeting says so. */
        mail->authenticated |= mail->maybe_authenticated && text_same(word, TEXT("PREAUTH"));
        return false;
    }
    pipeline_remove(mail, first);
    if (word.len == 0) {
        mail->lost = mail->facts.gap = mail->maybe_authenticated = true;
        return false;
    }
    struct step step = { .line = line,
                         .rest = rest,
                         .word = word,
                         .event = text_same(word, TEXT("BYE")) ? ON_FAIL : ON_OK };
    machine_step(mail, VERB_GREETING, &step);
    bool preauth = text_same(word, TEXT("PREAUTH")); /* often with the user's name */
    if (preauth) {
        facts_note_once(mail, MAIL_NOTE_PREAUTH, line);
        mail->authenticated = true;
    }
    facts_banner(mail, imap_without_code(rest), !preauth && step.event == ON_OK);
    facts_last_reply(mail, word);
    imap_status_text(mail, line, rest);
    return true;
}

static void server_line(struct mail *mail, const struct line *line)
{
    if (mail->side[SIDE_SERVER].continues) {
        imap_data_continued(mail, line);
        return;
    }
    struct text rest = line->text;
    struct text tag = text_token(&rest, " ");
    struct text after = rest;
    struct text word = imap_status(text_token(&after, " "));
    bool untagged = text_same(tag, TEXT("*"));

    if (take_greeting(mail, line, untagged ? word : (struct text){ 0 }, after))
        return;
    if (text_same(tag, TEXT("+")))
        challenge(mail, line);
    else if (!untagged && word.len > 0)
        tagged_line(mail, line, tag, word, after);
    else if (untagged && word.len > 0) {
        facts_last_reply(mail, word);
        imap_status_text(mail, line, after);
    } else if (untagged) {
        imap_data(mail, line, rest);
    }
}

static struct text reply_of(struct text line)
{
    struct text rest = line;
    struct text tag = text_token(&rest, " ");
    struct text word = imap_status(keyword_first(rest));
    if (word.len > 0 || !text_same(tag, TEXT("*")))
        return word;
    word = imap_data_word(rest);
    return word.len > 0 ? word : TEXT("*");
}

const struct protocol protocol_imap = {
    .name = "imap",
    ROWS(rows),
    .client_line = client_line,
    .server_line = server_line,
    .verb_of = verb_of,
    .reply_of = reply_of,
    .line_tail = line_tail,
    .upgrade = { "STARTTLS", 8 },
};
