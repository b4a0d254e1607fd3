/* SPDX-License-Identifier: Apache-2.0
 * injection.c - what is said in clear where nothing may be said, so that it is believed later: the
 * classes of "NO STARTTLS" (Poddebniak, Ising, Boeck, Schinzel, USENIX Security 2021).
 *
 * That the bytes were there is certain; what the software behind them made of them happens inside
 * TLS and is not seen. RFC 3207 section 6, RFC 9051 sections 6.2.1, 7.1 and 11.
 */
#include <string.h>

#include "plugin.h"

typedef bool rule_holds(const struct starttap_session *session, struct starttap_draft *draft);

enum { CERTAIN = 99, ALMOST = 95 };

static const char *upgrade_word(const struct starttap_mail *mail)
{
    return mail->protocol == STARTTAP_POP3 ? "STLS" : "STARTTLS";
}

static bool is_established(const struct starttap_session *s)
{
    return s->tls != NULL && s->tls->established == STARTTAP_YES;
}

static void add_note(struct starttap_draft *draft, const struct starttap_note *note)
{
    starttap_draft_evidence(draft, (struct starttap_evidence){
                                       .kind = note->side == STARTTAP_CLIENT ? "command" : "reply",
                                       .side = note->side,
                                       .where = note->where,
                                       .offset = note->offset,
                                       .text = note->word });
}

static void add_reply(struct starttap_draft *draft, const struct starttap_mail *mail)
{
    starttap_draft_value(draft, "keyword", upgrade_word(mail));
    starttap_draft_value(draft, "reply", mail->reply);
    starttap_draft_evidence(draft, (struct starttap_evidence){ .kind = "reply",
                                                               .side = STARTTAP_SERVER,
                                                               .where = mail->accepted_at,
                                                               .offset = mail->reply_end - 1,
                                                               .text = mail->reply });
}

/* Bytes that are missing may have been the TLS in between. */
static bool is_trustworthy(const struct starttap_session *s, enum starttap_side side)
{
    return s->streams[side]->whole && !s->midstream && !s->guessed && !s->mail->gap;
}

/* Nor may a login be in what is missing. */
static bool nothing_lost(const struct starttap_session *s)
{
    for (int side = STARTTAP_CLIENT; side <= STARTTAP_SERVER; side++)
        if (s->streams[side]->seen && !s->streams[side]->whole)
            return false;
    return !s->midstream && !s->guessed && !s->mail->gap;
}

/* --- behind STARTTLS --- */

static bool judge_command(const struct starttap_session *s, struct starttap_draft *draft)
{
    const struct starttap_note *note =
        starttap_note_find(s->mail, STARTTAP_NOTE_COMMAND_BEFORE_TLS);
    if (note == NULL || !is_trustworthy(s, STARTTAP_CLIENT))
        return false;

    bool newlines = (note->code & STARTTAP_EARLY_ONLY_NEWLINES) != 0;
    bool attack = (note->code & STARTTAP_EARLY_LOGIN_OR_MAIL) != 0;
    bool completed = is_established(s);
    draft->finding.severity = newlines              ? STARTTAP_LOW
                              : attack && completed ? STARTTAP_CRITICAL
                                                    : STARTTAP_HIGH;
    draft->finding.confidence = ALMOST;
    draft->finding.variant = newlines ? "newlines" : completed ? "completed" : "not_completed";
    starttap_draft_number(draft, "bytes", note->len);
    starttap_draft_value(draft, "verb", note->word);
    starttap_draft_number(draft, "offset", note->offset);
    starttap_draft_value(draft, "answer", completed ? "" : s->mail->last_reply);
    add_note(draft, note);
    add_reply(draft, s->mail);
    return true;
}

/* What a client would believe: a positive answer or data. */
static bool is_forged_answer(const char *word)
{
    static const char *const harmless[] = { "*", "-ERR", "NO", "BAD", "BYE" };
    for (size_t i = 0; i < sizeof harmless / sizeof harmless[0]; i++)
        if (strcmp(harmless[i], word) == 0)
            return false;
    return word[0] != '\0' && word[0] != '4' && word[0] != '5';
}

static bool judge_response(const struct starttap_session *s, struct starttap_draft *draft)
{
    const struct starttap_note *note =
        starttap_note_find(s->mail, STARTTAP_NOTE_RESPONSE_BEFORE_TLS);
    if (note == NULL || !is_trustworthy(s, STARTTAP_SERVER))
        return false;
    draft->finding.severity = is_forged_answer(note->word) ? STARTTAP_CRITICAL : STARTTAP_HIGH;
    draft->finding.confidence = ALMOST;
    draft->finding.variant = is_established(s) ? "completed" : "";
    starttap_draft_number(draft, "bytes", note->len);
    starttap_draft_value(draft, "word", note->word);
    starttap_draft_number(draft, "offset", note->offset);
    add_note(draft, note);
    add_reply(draft, s->mail);
    return true;
}

/* --- IMAP --- */

static bool judge_preauth(const struct starttap_session *s, struct starttap_draft *draft)
{
    const struct starttap_mail *mail = s->mail;
    const struct starttap_note *note = starttap_note_find(mail, STARTTAP_NOTE_PREAUTH);
    if (note == NULL)
        return false;
    bool believed = mail->clear_commands || mail->content_bytes > 0;
    draft->finding.severity = believed ? STARTTAP_CRITICAL : STARTTAP_HIGH;
    draft->finding.variant = believed ? "believed" : "";
    starttap_draft_value(draft, "greeting", mail->greeting_word);
    starttap_draft_value(draft, "expected", "OK");
    starttap_draft_value(draft, "command", believed ? mail->clear_command : "");
    starttap_draft_number(draft, "client_lines", mail->client_lines);
    add_note(draft, note);
    if (believed)
        starttap_draft_evidence(draft,
                                (struct starttap_evidence){ .kind = "command",
                                                            .side = STARTTAP_CLIENT,
                                                            .where = mail->clear_command_at,
                                                            .offset = mail->clear_command_offset,
                                                            .text = mail->clear_command });
    return true;
}

static bool judge_data(const struct starttap_session *s, struct starttap_draft *draft)
{
    enum { MANY = 8 };
    const char *words[MANY];
    size_t count = 0;
    for (size_t i = 0; i < s->mail->note_count && count < MANY; i++) {
        const struct starttap_note *note = &s->mail->notes[i];
        if (note->kind != STARTTAP_NOTE_DATA_BEFORE_TLS)
            continue;
        words[count++] = note->word;
        add_note(draft, note);
    }
    if (count == 0 || !s->streams[STARTTAP_CLIENT]->seen)
        return false; /* without the client's side nobody knows of its login */
    draft->finding.severity = STARTTAP_HIGH;
    draft->finding.confidence = ALMOST;
    starttap_draft_list(draft, "responses", words, count);
    starttap_draft_number(draft, "kinds", count);
    starttap_draft_number(draft, "server_lines", s->mail->server_lines);
    return true;
}

static bool judge_alert(const struct starttap_session *s, struct starttap_draft *draft)
{
    const struct starttap_note *note = NULL;
    for (size_t i = 0; i < s->mail->note_count; i++) {
        const struct starttap_note *next = &s->mail->notes[i];
        bool worse = note == NULL || (note->code == 0 && next->code != 0);
        if (next->kind == STARTTAP_NOTE_ALERT_BEFORE_TLS && worse)
            note = next;
    }
    if (note == NULL || !nothing_lost(s))
        return false;
    draft->finding.severity = note->code != 0 ? STARTTAP_MEDIUM : STARTTAP_LOW;
    draft->finding.variant = note->code != 0 ? "url" : "";
    starttap_draft_number(draft, "text_len", note->len);
    starttap_draft_number(draft, "offset", note->offset);
    add_note(draft, note);
    return true;
}

static bool judge_referral(const struct starttap_session *s, struct starttap_draft *draft)
{
    const struct starttap_note *note =
        starttap_note_find(s->mail, STARTTAP_NOTE_REFERRAL_BEFORE_TLS);
    if (note == NULL || !nothing_lost(s))
        return false;
    draft->finding.severity = STARTTAP_HIGH;
    starttap_draft_value(draft, "host", note->word);
    starttap_draft_number(draft, "offset", note->offset);
    add_note(draft, note);
    return true;
}

/* --- any protocol --- */

/* Between relays nobody reads the text; a mail program may show it. */
static bool judge_ui_text(const struct starttap_session *s, struct starttap_draft *draft)
{
    const struct starttap_note *note =
        starttap_note_find(s->mail, STARTTAP_NOTE_UI_TEXT_BEFORE_TLS);
    if (note == NULL || !nothing_lost(s))
        return false;
    bool shown = s->role != STARTTAP_ROLE_MX && s->role != STARTTAP_ROLE_LMTP;
    bool link = note->word[0] != '\0';
    draft->finding.severity = shown && link ? STARTTAP_LOW : STARTTAP_INFO;
    draft->finding.variant = link ? "url" : "";
    starttap_draft_number(draft, "text_len", note->len);
    starttap_draft_value(draft, "host", note->word);
    add_note(draft, note);
    return true;
}

/* --- the rules --- */

/* clang-format off */
static const struct rule {
    const char *id;
    rule_holds *holds;
} rules[] = {
    { "inject.command_before_tls",  judge_command },
    { "inject.response_before_tls", judge_response },
    { "imap.preauth_cleartext",     judge_preauth },
    { "imap.data_before_tls",       judge_data },
    { "imap.alert_before_tls",      judge_alert },
    { "imap.referral_before_tls",   judge_referral },
    { "proto.ui_text_before_tls",   judge_ui_text },
};

static const char *const ids[] = {
    "inject.command_before_tls",
    "inject.response_before_tls",
    "imap.preauth_cleartext",
    "imap.data_before_tls",
    "imap.alert_before_tls",
    "imap.referral_before_tls",
    "proto.ui_text_before_tls",
    NULL,
};
/* clang-format on */

static void judge(void *state, const void *prepared, const struct starttap_session *session,
                  const struct starttap_core *core)
{
    (void)state;
    (void)prepared;
    for (size_t i = 0; session->mail != NULL && i < sizeof rules / sizeof rules[0]; i++) {
        struct starttap_draft draft = { .finding = { .rule = rules[i].id, .confidence = CERTAIN } };
        if (rules[i].holds(session, &draft))
            starttap_draft_report(&draft, core, session);
    }
}

STARTTAP_EXPORT(injection)
{
    static const struct starttap_detector detector = {
        .abi = STARTTAP_PLUGIN_ABI,
        .size = sizeof detector,
        .name = "injection",
        .scope = STARTTAP_SCOPE_SESSION,
        .rules = ids,
        .judge = judge,
    };
    return &detector;
}
