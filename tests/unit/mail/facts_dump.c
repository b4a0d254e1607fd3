/* SPDX-License-Identifier: Apache-2.0
 * facts_dump.c - prints every fact, so that two runs compare equal only if all of them are.
 */
#include "facts_dump.h"

#include <inttypes.h>
#include <stdalign.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct out {
    char *at;
    size_t left;
};

__attribute__((format(printf, 2, 3))) static void print(struct out *out, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int len = vsnprintf(out->at, out->left, format, arguments);
    va_end(arguments);
    size_t used = len < 0 ? 0 : (size_t)len < out->left ? (size_t)len : out->left - 1;
    out->at += used;
    out->left -= used;
}

static const char *tri(enum tri value)
{
    static const char *const names[] = { "unknown", "no", "yes" };
    return names[value];
}

static void print_text(struct out *out, const char *name, struct text text)
{
    char clean[512];
    if (text.len == 0)
        return;
    text_clean(text, clean, sizeof clean);
    print(out, "%s %s\n", name, clean);
}

static void print_flag(struct out *out, const char *name, bool value)
{
    if (value)
        print(out, "%s yes\n", name);
}

static int by_position(const void *a, const void *b)
{
    const struct mail_note *left = *(const struct mail_note *const *)a,
                           *right = *(const struct mail_note *const *)b;
    if (left->side != right->side)
        return left->side < right->side ? -1 : 1;
    if (left->offset != right->offset)
        return left->offset < right->offset ? -1 : 1;
    return (int)left->kind - (int)right->kind;
}

static void print_notes(struct out *out, const struct mail_facts *facts)
{
    const struct mail_note *order[LIMIT_NOTES]; /* by position: sides may cross */
    for (size_t i = 0; i < facts->note_count; i++)
        order[i] = &facts->notes[i];
    if (facts->note_count > 0)
        qsort(order, facts->note_count, sizeof(const struct mail_note *), by_position);
    for (size_t i = 0; i < facts->note_count; i++) {
        const struct mail_note *note = order[i];
        char word[256];
        text_clean(note->word, word, sizeof word);
        print(out,
              "note %s side=%s code=%" PRIu32 " len=%" PRIu32 " at=%" PRIu64 " frame=%" PRIu64
              " word=%s\n",
              mail_note_name(note->kind), side_name(note->side), note->code, note->len,
              note->offset, note->where.frame, word);
    }
}

static void print_logins(struct out *out, const struct mail_facts *facts)
{
    for (size_t i = 0; i < facts->auth_count; i++) {
        const struct mail_auth *auth = &facts->auth[i];
        print(out, "auth %.*s secret=%s succeeded=%s code=%" PRIu32 " at=%" PRIu64 "\n",
              (int)auth->mechanism.len, auth->mechanism.at, auth->secret_sent ? "yes" : "no",
              tri(auth->succeeded), auth->code, auth->offset);
    }
    if (facts->auth_dropped > 0)
        print(out, "auth-dropped %" PRIu32 "\n", facts->auth_dropped);
}

static void print_starttls(struct out *out, const struct mail_facts *facts)
{
    print(out, "offered %s\nrequested %s\naccepted %s\n", tri(facts->starttls_offered),
          tri(facts->starttls_requested), tri(facts->starttls_accepted));
    print_text(out, "reply", facts->starttls_reply);
    if (facts->starttls_requested == TRI_YES)
        print(out, "requested-frame %" PRIu64 "\n", facts->starttls_requested_at.frame);
    if (facts->starttls_accepted == TRI_YES)
        print(out, "accepted-frame %" PRIu64 " end=%" PRIu64 "\n",
              facts->starttls_accepted_at.frame, facts->starttls_reply_end);
}

static void print_counts(struct out *out, const struct mail_facts *facts)
{
    print(out, "messages %" PRIu64 "\nrecipients %" PRIu64 " refused=%" PRIu64 "\n",
          facts->messages, facts->recipients, facts->recipients_refused);
    print(out, "content %" PRIu64 "\n", facts->content_bytes);
    print(out, "lines client=%" PRIu64 " server=%" PRIu64 "\n", facts->client_lines,
          facts->server_lines);
    if (facts->unknown_commands > 0)
        print(out, "unknown-commands %" PRIu32 "\n", facts->unknown_commands);
    if (facts->notes_dropped > 0)
        print(out, "notes-dropped %" PRIu32 "\n", facts->notes_dropped);
}

void facts_dump(const struct mail *mail, const uint64_t tls_at[SIDE_COUNT], char *buffer,
                size_t cap)
{
    static const char *const phases[] = { "text", "wait", "tls", "opaque" };
    const struct mail_facts *facts = mail_facts(mail);
    struct out out = { buffer, cap };

    print(&out, "protocol %s\n", mail_protocol_name(facts->protocol));
    print_text(&out, "banner-host", facts->banner_host);
    print_text(&out, "banner-software", facts->banner_software);
    if (facts->greeting_seen)
        print(&out, "greeting %" PRIu32 "%.*s\n", facts->greeting_code,
              (int)facts->greeting_word.len,
              facts->greeting_word.len > 0 ? facts->greeting_word.at : "");
    print_text(&out, "helo", facts->helo);
    print_text(&out, "helo-verb", facts->helo_verb);
    print_flag(&out, "asked", facts->capabilities_asked);
    print_flag(&out, "complete", facts->capabilities.complete);
    for (size_t i = 0; i < facts->capabilities.count; i++)
        print_text(&out, "capability", facts->capabilities.names[i]);
    if (facts->capabilities.complete)
        print(&out, "capabilities-at %" PRIu64 " frame=%" PRIu64 "\n", facts->capabilities.offset,
              facts->capabilities.where.frame);
    print_starttls(&out, facts);
    print_flag(&out, "login-disabled", facts->login_disabled);
    print_text(&out, "clear", facts->clear_command);
    print_flag(&out, "clear-commands", facts->clear_commands);
    print_flag(&out, "quit", facts->quit);
    print_logins(&out, facts);
    print_counts(&out, facts);
    print_text(&out, "last-reply", facts->last_reply);
    print_notes(&out, facts);
    print_flag(&out, "gap", facts->gap);
    print_flag(&out, "bare-lf", facts->bare_lf);
    print(&out, "phase client=%s server=%s\n", phases[mail_phase(mail, SIDE_CLIENT)],
          phases[mail_phase(mail, SIDE_SERVER)]);
    for (int side = 0; side < SIDE_COUNT; side++)
        if (tls_at[side] != UINT64_MAX)
            print(&out, "tls-at %s=%" PRIu64 "\n", side_name((enum side)side), tls_at[side]);
}

bool memory_has(const struct arena *arena, const char *word)
{
    /* As in arena.c, which has no door for this. */
    struct block {
        const struct block *older;
        uint32_t cap, used;
        alignas(max_align_t) char bytes[];
    };
    size_t len = strlen(word);
    for (const struct block *block = (const void *)arena->blocks; block != NULL;
         block = block->older)
        for (size_t i = 0; i + len <= block->used; i++)
            if (memcmp(block->bytes + i, word, len) == 0)
                return true;
    return false;
}
