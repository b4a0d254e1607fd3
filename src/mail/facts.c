/* SPDX-License-Identifier: Apache-2.0
 * facts.c - notes, texts and counters of one dialogue.
 */
#include "facts.h"

#include <string.h>

#include "doubt.h"

struct text facts_keep(struct mail *mail, struct text text, size_t max, struct text old)
{
    if (text.len > max)
        text.len = max;
    if (text_same(text, old))
        return old;
    if (text.len > LIMIT_MAIL_TEXT_BYTES - mail->text_bytes)
        return (struct text){ 0 };
    struct text kept = arena_text(mail->arena, text);
    mail->text_bytes += kept.len;
    return kept;
}

static bool same_note(const struct mail_note *a, const struct mail_note *b)
{
    return a->kind == b->kind && a->side == b->side && a->code == b->code && a->len == b->len &&
           text_same(a->word, b->word);
}

static bool has_room(struct mail *mail)
{
    struct mail_facts *facts = &mail->facts;
    struct mail_note *notes = arena_grow(mail->arena, facts->notes, facts->note_count,
                                         &facts->note_cap, LIMIT_NOTES, sizeof *notes);
    if (notes != NULL)
        facts->notes = notes;
    return notes != NULL;
}

bool facts_init(struct mail *mail) { return has_room(mail); }

uint8_t facts_note(struct mail *mail, enum mail_note_kind kind, const struct line *line,
                   struct text word, uint32_t code, uint32_t len)
{
    struct mail_facts *facts = &mail->facts;
    struct mail_note note = { .kind = kind, .code = code, .len = len, .word = word };
    if (line != NULL) {
        note.side = line->side;
        note.offset = line->offset;
        note.where = line->where;
    }
    for (size_t i = 0; i < facts->note_count; i++)
        if (same_note(&facts->notes[i], &note))
            return (uint8_t)i;

    if (!has_room(mail)) {
        facts->notes_dropped++;
        return NOTE_NONE;
    }
    note.word = facts_keep(mail, word, LIMIT_CAPABILITY_BYTES, (struct text){ 0 });
    facts->notes[facts->note_count] = note;
    return (uint8_t)facts->note_count++;
}

bool facts_noted(const struct mail *mail, enum mail_note_kind kind)
{
    for (size_t i = 0; i < mail->facts.note_count; i++)
        if (mail->facts.notes[i].kind == kind)
            return true;
    return false;
}

uint8_t facts_note_once(struct mail *mail, enum mail_note_kind kind, const struct line *line)
{
    for (size_t i = 0; i < mail->facts.note_count; i++)
        if (mail->facts.notes[i].kind == kind && mail->facts.notes[i].side == line->side)
            return NOTE_NONE;
    return facts_note(mail, kind, line, (struct text){ 0 }, 0, 0);
}

/* An index into the notes, after note `gone` was taken out. */
static uint8_t moved(uint8_t index, size_t gone)
{
    if (index == NOTE_NONE || index < gone)
        return index;
    return index == gone ? NOTE_NONE : (uint8_t)(index - 1);
}

void facts_unnote(struct mail *mail, enum mail_note_kind kind, uint64_t from)
{
    struct mail_facts *facts = &mail->facts;
    for (size_t i = facts->note_count; i-- > 0;) {
        if (facts->notes[i].kind != kind || facts->notes[i].offset < from)
            continue;
        memmove(&facts->notes[i], &facts->notes[i + 1],
                (facts->note_count - i - 1) * sizeof facts->notes[0]);
        facts->note_count--;
        for (size_t p = 0; p < mail->pending_count; p++)
            mail->pipeline[p].note = moved(mail->pipeline[p].note, i);
        mail->early.command_note = moved(mail->early.command_note, i);
        mail->early.response_note = moved(mail->early.response_note, i);
        mail->early.hello_note = moved(mail->early.hello_note, i);
        mail->http_note = moved(mail->http_note, i);
    }
}

void facts_clear_command(struct mail *mail, struct text verb, const struct line *line)
{
    struct mail_facts *facts = &mail->facts;
    if (facts->clear_commands || mail->early.waiting || doubt_crosses(mail, line))
        return; /* between the go-ahead and TLS it is not the client's choice (yet) */
    facts->clear_commands = true;
    facts->clear_command = verb;
    facts->clear_command_at = line->where;
    facts->clear_command_offset = line->offset;
}

void facts_content(struct mail *mail, enum side side, uint64_t offset, struct mark where,
                   uint64_t len)
{
    if (len == 0)
        return;
    mail->facts.content_bytes += len;
    if (mail->message_open)
        return;
    mail->message_open = true;
    mail->facts.messages++;
    struct line at = { .side = side, .offset = offset, .where = where };
    facts_note_once(mail, MAIL_NOTE_CONTENT, &at);
}

static bool is_alnum(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

static bool is_letter(char c) { return is_alnum(c) && c > '9'; }

/* "mx.example.org", not "4.94.2" and not "ESMTP": letters behind the last dot. */
static bool looks_like_host(struct text word)
{
    size_t dots = 0;
    for (size_t i = 0; i < word.len; i++) {
        bool dot = word.at[i] == '.';
        if (!dot && !is_alnum(word.at[i]) && word.at[i] != '-' && word.at[i] != '_')
            return false;
        dots += dot && i > 0 && i + 1 < word.len;
    }
    return dots > 0 && is_letter(word.at[word.len - 1]) && word.len <= LIMIT_NAME_BYTES;
}

static bool is_single_name(struct text word)
{
    static const struct text not_names[] = { { "ESMTP", 5 }, { "SMTP", 4 }, { "LMTP", 4 } };
    for (size_t i = 0; i < word.len; i++)
        if (!is_alnum(word.at[i]) && word.at[i] != '-')
            return false;
    for (size_t i = 0; i < sizeof not_names / sizeof not_names[0]; i++)
        if (text_same_nocase(word, not_names[i]))
            return false;
    return word.len > 0 && is_letter(word.at[0]);
}

/* The words joined by single blanks, without those that hold a mail address or an APOP challenge:
 * together with the response it would allow guessing. */
static size_t join_software(struct text text, char *out, size_t cap)
{
    size_t used = 0;
    while (text.len > 0) {
        struct text word = text_token(&text, " \t");
        if (word.len == 0 || memchr(word.at, '@', word.len) != NULL || word.at[0] == '<')
            continue;
        if (used + (used > 0) + word.len > cap)
            break;
        if (used > 0)
            out[used++] = ' ';
        memcpy(out + used, word.at, word.len);
        used += word.len;
    }
    return used;
}

void facts_banner(struct mail *mail, struct text text, bool software)
{
    struct mail_facts *facts = &mail->facts;
    char words[LIMIT_NAME_BYTES];
    struct text rest = text_trim(text), host = { 0 }, behind = rest;
    bool first = true;

    while (rest.len > 0) {
        struct text word = text_token(&rest, " \t");
        bool smtp = facts->protocol == MAIL_SMTP || facts->protocol == MAIL_LMTP;
        if (looks_like_host(word)) {
            host = word;
            behind = rest;
            break;
        }
        if (first && smtp && is_single_name(word)) {
            host = word;
            behind = rest;
        }
        first = false;
    }
    struct text joined = { .at = words, .len = join_software(behind, words, sizeof words) };
    facts->banner_host = facts_keep(mail, host, LIMIT_NAME_BYTES, facts->banner_host);
    if (!software)
        return;
    facts->banner_software = facts_keep(mail, joined, LIMIT_NAME_BYTES, facts->banner_software);
}

void facts_last_reply(struct mail *mail, struct text word)
{
    size_t len = word.len < sizeof mail->last_reply ? word.len : sizeof mail->last_reply;
    memcpy(mail->last_reply, word.at, len);
    mail->facts.last_reply = (struct text){ .at = mail->last_reply, .len = len };
}

/* Only hosts of the scheme that is wanted. */
struct text facts_url_host(struct text text, struct text scheme)
{
    for (size_t i = 0; i + scheme.len < text.len; i++) {
        struct text at = { .at = text.at + i, .len = text.len - i };
        if (!text_starts_nocase(at, scheme))
            continue;
        struct text rest = { .at = at.at + scheme.len, .len = at.len - scheme.len };
        if (text_starts_nocase(rest, TEXT("s://")))
            rest = (struct text){ .at = rest.at + 4, .len = rest.len - 4 };
        else if (text_starts_nocase(rest, TEXT("://")))
            rest = (struct text){ .at = rest.at + 3, .len = rest.len - 3 };
        else
            continue;
        struct text authority = text_token(&rest, "/ \t?#]>)\"'");
        const char *user = authority.len > 0 ? memchr(authority.at, '@', authority.len) : NULL;
        if (user != NULL) { /* who is asked to log in there is not kept */
            size_t skip = (size_t)(user - authority.at) + 1;
            authority.at += skip;
            authority.len -= skip;
        }
        struct text host = text_token(&authority, ":");
        if (host.len > 0)
            return host;
    }
    return (struct text){ 0 };
}

void facts_ui_text(struct mail *mail, const struct line *line, struct text text)
{
    enum { LONG_TEXT = 200 };
    struct text host = facts_url_host(text, TEXT("http"));
    if ((host.len > 0 || text.len > LONG_TEXT) && !facts_noted(mail, MAIL_NOTE_UI_TEXT_BEFORE_TLS))
        facts_note(mail, MAIL_NOTE_UI_TEXT_BEFORE_TLS, line, host, 0, (uint32_t)text.len);
}
