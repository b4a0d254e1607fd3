/* SPDX-License-Identifier: Apache-2.0
 * imap_data.c - RFC 9051 section 7: server responses. Of mailbox data only its kind is noted, and
 * only while nobody can have logged in.
 */
#include "imap_data.h"

#include "capabilities.h"
#include "facts.h"
#include "keyword.h"
#include "lines.h"

static const struct text statuses[] = {
    { "OK", 2 }, { "NO", 2 }, { "BAD", 3 }, { "BYE", 3 }, { "PREAUTH", 7 },
};

/* Data of mailboxes, which no server sends before a login. */
static const struct text data_words[] = {
    { "EXISTS", 6 }, { "RECENT", 6 }, { "FETCH", 5 },  { "EXPUNGE", 7 }, { "FLAGS", 5 },
    { "LIST", 4 },   { "LSUB", 4 },   { "STATUS", 6 }, { "SEARCH", 6 },  { "ESEARCH", 7 },
};

static struct text find(const struct text *words, size_t count, struct text word)
{
    for (size_t i = 0; i < count; i++)
        if (text_same_nocase(words[i], word))
            return words[i];
    return (struct text){ 0 };
}

struct text imap_status(struct text word)
{
    return find(statuses, sizeof statuses / sizeof statuses[0], word);
}

/* "[CODE arguments] text" */
static struct text code_of(struct text *text)
{
    struct text rest = text_trim(*text);
    if (rest.len == 0 || rest.at[0] != '[')
        return (struct text){ 0 };
    text_token(&rest, "[");
    struct text code = text_token(&rest, "]");
    *text = text_trim(rest);
    return code;
}

struct text imap_without_code(struct text text)
{
    code_of(&text);
    return text;
}

static bool is_logging_in(const struct mail *mail, const struct line *line)
{
    uint64_t acked = line->where.acked;
    return pipeline_has(mail, VERB_LOGIN, acked) || pipeline_has(mail, VERB_AUTH, acked);
}

/* Servers send the list that holds after a login before they say that it succeeded. Such a list
 * does not tell what was offered before. */
static void take_list(struct mail *mail, const struct line *line, struct text names, bool whole)
{
    capabilities_begin(mail, line->offset);
    while (names.len > 0)
        capabilities_add(mail, text_token(&names, " "), line);
    bool maybe_after = mail->maybe_authenticated || mail->facts.gap || is_logging_in(mail, line);
    if (maybe_after && !mail->list.offered)
        capabilities_drop(mail);
    else
        capabilities_end(mail, whole && !line->cut ? line : NULL);
}

void imap_status_text(struct mail *mail, const struct line *line, struct text text)
{
    bool closed = false;
    for (size_t i = 0; i < text.len && !closed; i++)
        closed = text.at[i] == ']';
    struct text people = text;
    struct text arguments = code_of(&people);
    struct text code = text_token(&arguments, " ");

    if (text_same_nocase(code, TEXT("CAPABILITY")))
        take_list(mail, line, arguments, closed);
    if (mail->authenticated || mail->maybe_authenticated)
        return;
    facts_ui_text(mail, line, people);
    if (text_same_nocase(code, TEXT("ALERT")))
        facts_note(mail, MAIL_NOTE_ALERT_BEFORE_TLS, line, (struct text){ 0 },
                   facts_url_host(people, TEXT("http")).len > 0, (uint32_t)people.len);
    if (text_same_nocase(code, TEXT("REFERRAL")))
        facts_note(mail, MAIL_NOTE_REFERRAL_BEFORE_TLS, line,
                   facts_url_host(arguments, TEXT("imap")), 0, 0);
    if (text_same_nocase(code, TEXT("PRIVACYREQUIRED")))
        facts_note(mail, MAIL_NOTE_STARTTLS_REQUIRED, line, TEXT("PRIVACYREQUIRED"), 0, 0);
}

struct text imap_data_word(struct text rest)
{
    struct text word = text_token(&rest, " ");
    if (word.len > 0 && word.at[0] >= '0' && word.at[0] <= '9')
        word = text_token(&rest, " ");
    if (text_same_nocase(word, TEXT("CAPABILITY")))
        return TEXT("CAPABILITY");
    return find(data_words, sizeof data_words / sizeof data_words[0], word);
}

static void end_of_line(struct mail *mail, struct text text, bool fetch)
{
    struct literal literal = lines_literal(text);
    mail->side[SIDE_SERVER].continues = literal.found;
    if (!literal.found)
        return;
    if (fetch)
        mail->message_open = false;
    mail->fetching = fetch;
    lines_skip(mail, SIDE_SERVER, literal.len, fetch);
}

void imap_data(struct mail *mail, const struct line *line, struct text rest)
{
    struct text word = imap_data_word(rest);
    if (text_same(word, TEXT("CAPABILITY"))) {
        text_token(&rest, " ");
        take_list(mail, line, rest, true);
        return;
    }
    bool nobody = !mail->authenticated && !mail->maybe_authenticated && !mail->lost &&
                  !mail->facts.gap && !is_logging_in(mail, line);
    if (word.len > 0 && nobody)
        facts_note(mail, MAIL_NOTE_DATA_BEFORE_TLS, line, word, 0, 0);

    mail->fetching = text_same(word, TEXT("FETCH"));
    if (!line->cut)
        end_of_line(mail, line->text, mail->fetching);
}

void imap_data_continued(struct mail *mail, const struct line *line)
{
    mail->side[SIDE_SERVER].continues = false;
    if (!line->cut)
        end_of_line(mail, line->text, mail->fetching);
}

void imap_data_tail(struct mail *mail, struct text tail)
{
    end_of_line(mail, tail, mail->fetching);
}
