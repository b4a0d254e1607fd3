/* SPDX-License-Identifier: Apache-2.0
 * capabilities.c - EHLO keywords (RFC 5321 section 4.1.1.1), CAPA (RFC 2449), CAPABILITY (RFC 9051
 * section 6.1.1) and ManageSieve's (RFC 5804 section 1.7): the snapshot that findings rest on.
 */
#include "capabilities.h"

#include <string.h>

#include "doubt.h"
#include "facts.h"
#include "keyword.h"
#include "logins.h"

void capabilities_begin(struct mail *mail, uint64_t offset)
{
    mail->list.active = true;
    mail->list.malformed = false;
    mail->list.offered = false;
    mail->list.cut = false;
    mail->list.names.count = 0;
    mail->list.names.offset = offset;
}

void capabilities_drop(struct mail *mail) { mail->list.active = false; }

void capabilities_cut(struct mail *mail, const struct line *line)
{
    mail->list.cut = true;
    facts_note_once(mail, MAIL_NOTE_LINE_OVERFLOW, line);
}

void capabilities_misplaced(struct mail *mail, struct text text, const struct line *line)
{
    if (!keyword_among(text, mail->protocol->upgrade))
        return;
    mail->list.malformed = true;
    facts_note(mail, MAIL_NOTE_OFFER_MALFORMED, line, mail->protocol->upgrade, 0, 1);
}

enum { FIRST_NAMES = 8 };

void capabilities_add(struct mail *mail, struct text name, const struct line *line)
{
    struct list *list = &mail->list;
    const struct mail_capabilities *old = &mail->facts.capabilities;
    struct text token = keyword_first(name), trimmed = text_trim(name);
    if (token.len == 0)
        return;

    if (text_same_nocase(token, mail->protocol->upgrade)) {
        list->offered = true;
        if (trimmed.len > token.len)
            facts_note(mail, MAIL_NOTE_OFFER_MALFORMED, line, mail->protocol->upgrade, 0, 2);
    } else if (keyword_masked(token)) {
        facts_note(mail, MAIL_NOTE_CAPABILITY_MASKED, line, token, 0, (uint32_t)token.len);
    } else if (keyword_near(name, mail->protocol->upgrade)) {
        facts_note(mail, MAIL_NOTE_CAPABILITY_ALTERED, line, name, 0, (uint32_t)name.len);
    }
    if (list->names.cap == 0) { /* servers say about the same again */
        size_t room = old->count > FIRST_NAMES ? old->count : FIRST_NAMES;
        list->names.names = arena_alloc(mail->arena, room * sizeof *list->names.names);
        list->names.cap = list->names.names == NULL ? 0 : room;
    }
    struct text *names = arena_grow(mail->arena, list->names.names, list->names.count,
                                    &list->names.cap, LIMIT_CAPABILITIES, sizeof *names);
    if (names == NULL)
        return;
    list->names.names = names;
    struct text before = { 0 };
    if (list->names.count < old->count)
        before = old->names[list->names.count];
    list->names.names[list->names.count++] =
        facts_keep(mail, trimmed, LIMIT_CAPABILITY_BYTES, before);
}

bool capabilities_have(const struct mail *mail, struct text name)
{
    const struct mail_capabilities *list = &mail->facts.capabilities;
    for (size_t i = 0; i < list->count; i++)
        if (text_same_nocase(keyword_first(list->names[i]), name))
            return true;
    return false;
}

/* The mechanisms of a capability such as "AUTH PLAIN LOGIN", "AUTH=PLAIN" or "SASL PLAIN". */
static struct text mechanisms_of(struct text name)
{
    struct text rest = name;
    struct text verb = text_token(&rest, " =");
    bool list = text_same_nocase(verb, TEXT("AUTH")) || text_same_nocase(verb, TEXT("SASL"));
    return list ? rest : (struct text){ 0 };
}

struct words {
    char at[64];
    size_t len;
};

static void words_add(struct words *words, struct text word)
{
    struct text all = { .at = words->at, .len = words->len };
    if (keyword_among(all, word) || words->len + 1 + word.len > sizeof words->at)
        return;
    if (words->len > 0)
        words->at[words->len++] = ' ';
    memcpy(words->at + words->len, word.at, word.len);
    words->len += word.len;
}

static void note_offered_logins(struct mail *mail, const struct line *line)
{
    struct words words = { .len = 0 };
    const struct mail_capabilities *list = &mail->facts.capabilities;
    for (size_t i = 0; i < list->count; i++) {
        struct text rest = mechanisms_of(list->names[i]);
        while (rest.len > 0) {
            struct text mechanism = text_token(&rest, " =");
            if (mechanism_gives_password(mechanism))
                words_add(&words, mechanism_name(mechanism));
        }
    }
    if (mail->facts.protocol == MAIL_POP3 && capabilities_have(mail, TEXT("USER")))
        words_add(&words, TEXT("USER"));
    if (mail->facts.protocol == MAIL_IMAP && !mail->facts.login_disabled)
        words_add(&words, TEXT("LOGIN-COMMAND"));

    facts_unnote(mail, MAIL_NOTE_AUTH_OFFERED_CLEAR, 0); /* the last list counts */
    struct text all = { .at = words.at, .len = words.len };
    if (all.len > 0)
        facts_note(mail, MAIL_NOTE_AUTH_OFFERED_CLEAR, line, all, mail->facts.login_disabled, 0);
}

void capabilities_end(struct mail *mail, const struct line *line)
{
    struct list *list = &mail->list;
    struct mail_facts *facts = &mail->facts;
    if (!list->active)
        return;
    list->active = false;
    /* After a login other rules hold: STLS and STARTTLS are no longer offered then. And what comes
     * behind a go-ahead is no offer. */
    if (mail->authenticated || mail->early.waiting)
        return;
    if (list->offered) {
        facts->starttls_offered = TRI_YES;
        facts->starttls_ever_offered = true;
        facts_unnote(mail, MAIL_NOTE_CAPABILITY_ALTERED, list->names.offset);
    }
    if (list->cut)
        line = NULL;
    if (line == NULL && facts->capabilities.complete)
        return;

    struct mail_capabilities old = facts->capabilities;
    facts->capabilities = list->names;
    facts->capabilities.complete = line != NULL;
    /* The next list is written where the old one stands. */
    list->names.names = old.names;
    list->names.cap = old.cap;
    list->names.count = 0;
    if (line == NULL)
        return;
    facts->capabilities.where = line->where;
    mail->capabilities_end = line->end;
    /* RFC 3207 section 4.2: behind an agreed STARTTLS no server offers it again. */
    if (!list->offered && facts->starttls_accepted != TRI_YES)
        facts->starttls_offered = list->malformed || doubt_agreed(mail) ? TRI_UNKNOWN : TRI_NO;
    facts->login_disabled = capabilities_have(mail, TEXT("LOGINDISABLED"));
    note_offered_logins(mail, line);
}
