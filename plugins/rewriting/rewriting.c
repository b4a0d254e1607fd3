/* SPDX-License-Identifier: Apache-2.0
 * rewriting.c - words of the dialogue that were overwritten on their way, and copies that differ.
 *
 * What a rewriting device leaves behind is certain; which device it was, whose, and that STARTTLS
 * was its victim are not, unless the bytes show it. An offer that is merely missing is not judged
 * here: that takes memory. RFC 3207 section 6 describes both attacks.
 */
#include <string.h>

#include "plugin.h"

typedef bool rule_holds(const struct starttap_session *session, struct starttap_draft *draft);

enum { CERTAIN = 99, ALMOST = 95, HIGH = 90, ERROR_ONLY = 60 };
enum { NOT_KNOWN = 500, NOT_DONE = 502, BAD_SEQUENCE = 503 };

static const char *upgrade_word(const struct starttap_mail *mail)
{
    return mail->protocol == STARTTAP_POP3 ? "STLS" : "STARTTLS";
}

static void add_note(struct starttap_draft *draft, const struct starttap_note *note,
                     const char *text)
{
    starttap_draft_evidence(draft, (struct starttap_evidence){
                                       .kind = note->side == STARTTAP_CLIENT ? "command" : "reply",
                                       .side = note->side,
                                       .where = note->where,
                                       .offset = note->offset,
                                       .text = text });
}

/* Of what was captured at all nothing is missing: one direction may be. */
static bool nothing_lost(const struct starttap_session *s)
{
    for (int side = STARTTAP_CLIENT; side <= STARTTAP_SERVER; side++)
        if (s->streams[side]->seen && !s->streams[side]->whole)
            return false;
    return !s->midstream && !s->mail->gap;
}

/* What crossed in clear behind the note; a list of the server's comes before anything that does. */
static bool exposed_since(const struct starttap_mail *mail, const struct starttap_note *note)
{
    uint64_t from = note->side == STARTTAP_CLIENT ? note->offset : 0;
    const struct starttap_note *content = starttap_note_find(mail, STARTTAP_NOTE_CONTENT);
    for (size_t i = 0; i < mail->login_count; i++)
        if (mail->logins[i].secret_sent && mail->logins[i].offset >= from)
            return true;
    return content != NULL && (content->side == STARTTAP_SERVER || content->offset >= from);
}

/* Both have gone on from what was noted: nothing that follows makes it look better. */
static bool is_settled(const struct starttap_session *s, const struct starttap_note *note)
{
    bool over = s->how == STARTTAP_FIN || s->how == STARTTAP_RST || s->how == STARTTAP_TIMEOUT;
    return exposed_since(s->mail, note) ||
           (s->ended && (over || s->mail->clear_commands || s->mail->quit));
}

/* One step for a policy that was broken, one for what crossed in clear afterwards. */
static enum starttap_severity severity_of(const struct starttap_session *s,
                                          const struct starttap_note *note,
                                          enum starttap_severity base)
{
    int steps = (s->policy->tls_required ? 1 : 0) + (exposed_since(s->mail, note));
    return starttap_severity_step(base, steps);
}

/* What followed, for the reader. */
static void add_aftermath(struct starttap_draft *draft, const struct starttap_mail *mail)
{
    starttap_draft_value(draft, "command", mail->clear_commands ? mail->clear_command : "");
    if (mail->content_bytes > 0)
        starttap_draft_number(draft, "messages", mail->messages);
}

/* Cisco's inspection fills with X and keeps the length. */
static bool is_crossed_out(const char *word) { return word[0] == 'X' || word[0] == 'x'; }

/* --- masks --- */

/* The client asked for TLS all the same, and what arrived was not understood. */
static bool was_not_understood(const struct starttap_mail *mail)
{
    const struct starttap_note *refused = starttap_note_find(mail, STARTTAP_NOTE_STARTTLS_REFUSED);
    return refused != NULL &&
           (strcmp(refused->word, "500") == 0 || strcmp(refused->word, "502") == 0 ||
            strcmp(refused->word, "BAD") == 0);
}

static bool judge_masked_capability(const struct starttap_session *s, struct starttap_draft *draft)
{
    enum { MANY = 12 };
    const struct starttap_mail *mail = s->mail;
    const struct starttap_note *first = NULL, *victim = NULL;
    const char *words[MANY];
    size_t count = 0;
    for (size_t i = 0; i < mail->note_count; i++) {
        const struct starttap_note *note = &mail->notes[i];
        if (note->kind != STARTTAP_NOTE_CAPABILITY_MASKED)
            continue;
        first = first != NULL ? first : note;
        victim = victim == NULL && note->len == strlen(upgrade_word(mail)) ? note : victim;
        if (count < MANY)
            words[count++] = note->word;
        add_note(draft, note, note->word);
    }
    if (first == NULL)
        return false;

    bool still_there = mail->ever_offered, absent = !still_there && mail->offered == STARTTAP_NO;
    const struct starttap_note *shown = victim != NULL ? victim : first;
    draft->finding.severity = severity_of(s, first, absent ? STARTTAP_HIGH : STARTTAP_MEDIUM);
    draft->finding.variant = still_there      ? "starttls_present"
                             : victim == NULL ? "other_length"
                                              : "";
    starttap_draft_value(draft, "keyword", upgrade_word(mail));
    starttap_draft_value(draft, "masked", shown->word);
    starttap_draft_number(draft, "masked_len", shown->len);
    starttap_draft_list(draft, "all_masked", words, count);
    starttap_draft_number(draft, "masked_count", count);
    /* Other keywords are as long: CHUNKING, SMTPUTF8, 8BITMIME. */
    if (victim != NULL && absent)
        starttap_draft_number(draft, "victim_confidence", was_not_understood(mail) ? 95 : 60);
    if (was_not_understood(mail))
        starttap_draft_value(draft, "refused_with", mail->reply);
    starttap_draft_value(draft, "product", is_crossed_out(shown->word) ? "cisco" : "");
    add_aftermath(draft, mail);
    return true;
}

static bool judge_masked_banner(const struct starttap_session *s, struct starttap_draft *draft)
{
    const struct starttap_note *note = starttap_note_find(s->mail, STARTTAP_NOTE_GREETING_MASKED);
    if (note == NULL)
        return false;
    draft->finding.severity = STARTTAP_MEDIUM;
    draft->finding.confidence = HIGH;
    starttap_draft_number(draft, "code", s->mail->greeting_code);
    starttap_draft_number(draft, "stars", note->len);
    starttap_draft_value(draft, "product", "cisco");
    add_note(draft, note, "220");
    return true;
}

/* Somebody who sends many words that are none tries what happens; and where replies and commands no
 * longer match, no reply proves anything. What was noted before stays true. */
static bool is_doubtful(const struct starttap_mail *mail, const struct starttap_note *note)
{
    enum { SOME = 3 };
    const struct starttap_note *desync = starttap_note_find(mail, STARTTAP_NOTE_DESYNC);
    return mail->unknown_commands > SOME || (desync != NULL && desync < note);
}

static bool judge_masked_command(const struct starttap_session *s, struct starttap_draft *draft)
{
    const struct starttap_mail *mail = s->mail;
    const struct starttap_note *note = NULL;
    for (size_t i = 0; i < mail->note_count && note == NULL; i++) {
        uint32_t code = mail->notes[i].code;
        /* Quoted by the server it is as certain without a code. */
        bool refused = code == NOT_KNOWN || code == NOT_DONE || code == BAD_SEQUENCE ||
                       (mail->notes[i].side == STARTTAP_SERVER && code == 0);
        if (mail->notes[i].kind == STARTTAP_NOTE_COMMAND_MASKED && refused)
            note = &mail->notes[i];
    }
    if (note == NULL || is_doubtful(mail, note) || !nothing_lost(s) || !is_settled(s, note))
        return false;

    bool quoted = note->side == STARTTAP_SERVER;
    bool whole_word = note->len == strlen(upgrade_word(mail));
    draft->finding.severity = severity_of(s, note, STARTTAP_HIGH);
    draft->finding.confidence = quoted ? ERROR_ONLY : HIGH;
    draft->finding.variant = quoted ? "quoted" : whole_word ? "" : "other_length";
    starttap_draft_value(draft, "keyword", upgrade_word(mail));
    starttap_draft_value(draft, "token", note->word);
    starttap_draft_number(draft, "token_len", note->len);
    if (note->code != 0)
        starttap_draft_number(draft, "reply", note->code);
    else
        starttap_draft_value(draft, "reply", mail->reply);
    starttap_draft_value(draft, "product", is_crossed_out(note->word) ? "cisco" : "");
    add_note(draft, note, note->word);
    add_aftermath(draft, mail);
    return true;
}

/* --- near misses --- */

/* The bytes, as far as they were printable. */
static void add_hex(struct starttap_draft *draft, const char *word)
{
    static const char digits[] = "0123456789abcdef";
    static const char unprintable[] = "\xef\xbf\xbd"; /* U+FFFD stands for such a byte */
    char hex[3 * 24];
    size_t len = 0;
    while (*word != '\0' && len + 4 < sizeof hex) {
        bool other = strncmp(word, unprintable, sizeof unprintable - 1) == 0;
        unsigned byte = (unsigned char)*word;
        if (len > 0)
            hex[len++] = ' ';
        const char *two =
            other ? "??" : (const char[]){ digits[byte >> 4], digits[byte & 15], '\0' };
        hex[len++] = two[0];
        hex[len++] = two[1];
        word += other ? sizeof unprintable - 1 : 1;
    }
    hex[len] = '\0';
    const char *const text = hex;
    starttap_draft_list(draft, "token_hex", &text, 1);
}

static bool report_altered(const struct starttap_session *s, struct starttap_draft *draft,
                           const struct starttap_note *note, const char *where)
{
    draft->finding.severity = severity_of(s, note, STARTTAP_HIGH);
    draft->finding.confidence = CERTAIN;
    draft->finding.key = draft->finding.variant = where;
    starttap_draft_value(draft, "expected", upgrade_word(s->mail));
    starttap_draft_value(draft, "token", note->word);
    add_hex(draft, note->word);
    if (note->code != 0)
        starttap_draft_number(draft, "reply", note->code);
    add_note(draft, note, note->word);
    add_aftermath(draft, s->mail);
    return true;
}

static bool judge_altered_offer(const struct starttap_session *s, struct starttap_draft *draft)
{
    const struct starttap_note *note =
        starttap_note_find(s->mail, STARTTAP_NOTE_CAPABILITY_ALTERED);
    if (note == NULL || s->mail->ever_offered ||
        starttap_note_find(s->mail, STARTTAP_NOTE_DESYNC) != NULL || !nothing_lost(s) ||
        !is_settled(s, note))
        return false; /* the word itself may come yet */
    return report_altered(s, draft, note, "list");
}

/* A person who types may mistype, and then types it again. */
static bool judge_altered_command(const struct starttap_session *s, struct starttap_draft *draft)
{
    const struct starttap_note *note = starttap_note_find(s->mail, STARTTAP_NOTE_COMMAND_ALTERED);
    if (note == NULL || s->mail->requested == STARTTAP_YES || is_doubtful(s->mail, note) ||
        !nothing_lost(s) || !is_settled(s, note))
        return false;
    return report_altered(s, draft, note, "command");
}

/* --- what it adds up to --- */

/* The signs that such filters leave; each has a value of its own in the text. */
static bool judge_esmtp_filter(const struct starttap_session *s, struct starttap_draft *draft)
{
    const struct starttap_mail *mail = s->mail;
    const struct starttap_note *banner = starttap_note_find(mail, STARTTAP_NOTE_GREETING_MASKED);
    const struct starttap_note *word = starttap_note_find(mail, STARTTAP_NOTE_CAPABILITY_MASKED);
    const struct starttap_note *command = starttap_note_find(mail, STARTTAP_NOTE_COMMAND_MASKED);
    const struct starttap_note *rejected = starttap_note_find(mail, STARTTAP_NOTE_EHLO_REJECTED);
    bool smtp = mail->protocol == STARTTAP_SMTP || mail->protocol == STARTTAP_LMTP;
    /* Older ones turn EHLO into NOOP, which is answered by one line. */
    bool emptied = mail->capabilities_complete && mail->capability_count == 0;
    bool unknown_ehlo =
        rejected != NULL && (rejected->code == NOT_KNOWN || rejected->code == NOT_DONE);
    bool crossed_out = word != NULL && is_crossed_out(word->word);
    if (!smtp)
        return false;
    if (command != NULL &&
        (is_doubtful(mail, command) || !nothing_lost(s) || !is_settled(s, command)))
        command = NULL;

    /* The last two mean nothing by themselves. */
    int signs = (banner != NULL) + crossed_out + (command != NULL) +
                (banner != NULL && (emptied || unknown_ehlo));
    if (signs < 2)
        return false;
    draft->finding.severity = STARTTAP_MEDIUM;
    draft->finding.confidence = HIGH;
    starttap_draft_number(draft, "signs", (uint64_t)signs);
    starttap_draft_value(draft, "product", "cisco");
    if (banner != NULL) {
        starttap_draft_number(draft, "stars", banner->len);
        add_note(draft, banner, "220");
    }
    if (crossed_out) {
        starttap_draft_value(draft, "masked", word->word);
        add_note(draft, word, word->word);
    }
    if (command != NULL) {
        starttap_draft_value(draft, "token", command->word);
        add_note(draft, command, command->word);
    }
    if (banner != NULL && unknown_ehlo) {
        starttap_draft_number(draft, "ehlo_code", rejected->code);
        add_note(draft, rejected, "EHLO");
    }
    if (banner != NULL && emptied)
        starttap_draft_number(draft, "keyword_count", mail->capability_count);
    return true;
}

/* --- two copies --- */

/* A copy that differs, close enough in time to be one of the same bytes; a single byte may be a
 * keep-alive probe's. */
static bool is_edited(const struct starttap_conflict *conflict)
{
    const int64_t close_ns = INT64_C(10) * 1000000000;
    int64_t apart_ns = conflict->second.time_ns - conflict->first.time_ns;
    return conflict->text && conflict->len > 1 && apart_ns <= close_ns && -apart_ns <= close_ns;
}

static void add_copy(struct starttap_draft *draft, const struct starttap_conflict *conflict,
                     struct starttap_mark where)
{
    starttap_draft_evidence(draft, (struct starttap_evidence){ .kind = "copy",
                                                               .side = conflict->side,
                                                               .where = where,
                                                               .offset = conflict->offset });
}

static bool judge_payload_conflict(const struct starttap_session *s, struct starttap_draft *draft)
{
    const struct starttap_conflict *shown = NULL;
    uint64_t count = 0;
    /* Midstream it is not known yet whether checksums mean anything. */
    for (size_t i = 0; i < s->conflict_count && !s->midstream; i++)
        if (is_edited(&s->conflicts[i])) {
            shown = shown != NULL ? shown : &s->conflicts[i];
            count++;
            add_copy(draft, &s->conflicts[i], s->conflicts[i].first);
            add_copy(draft, &s->conflicts[i], s->conflicts[i].second);
        }
    if (shown == NULL)
        return false;
    draft->finding.severity = STARTTAP_CRITICAL;
    draft->finding.confidence = CERTAIN;
    draft->finding.variant = shown->side == STARTTAP_CLIENT ? "client" : "server";
    starttap_draft_number(draft, "offset", shown->offset);
    starttap_draft_number(draft, "length", shown->len);
    starttap_draft_number(draft, "count", count);
    if (shown->first_ttl != shown->second_ttl) {
        starttap_draft_number(draft, "first_ttl", shown->first_ttl);
        starttap_draft_number(draft, "second_ttl", shown->second_ttl);
    }
    return true;
}

/* --- the rules --- */

/* clang-format off */
static const struct rule {
    const char *id;
    rule_holds *holds;
} rules[] = {
    { "starttls.masked_capability",   judge_masked_capability },
    { "starttls.masked_banner",       judge_masked_banner },
    { "starttls.masked_command",      judge_masked_command },
    { "starttls.altered_keyword",     judge_altered_offer },
    { "starttls.altered_keyword",     judge_altered_command },
    { "mitm.middlebox_esmtp_filter",  judge_esmtp_filter },
    { "mitm.payload_conflict",        judge_payload_conflict },
};

static const char *const ids[] = {
    "starttls.masked_capability",
    "starttls.masked_banner",
    "starttls.masked_command",
    "starttls.altered_keyword",
    "mitm.middlebox_esmtp_filter",
    "mitm.payload_conflict",
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

STARTTAP_EXPORT(rewriting)
{
    static const struct starttap_detector detector = {
        .abi = STARTTAP_PLUGIN_ABI,
        .size = sizeof detector,
        .name = "rewriting",
        .scope = STARTTAP_SCOPE_SESSION,
        .rules = ids,
        .judge = judge,
    };
    return &detector;
}
