/* SPDX-License-Identifier: Apache-2.0
 * offer.c - what the server offered or wanted, and what the client made of it.
 *
 * That something was not on offer is said only of a complete list (RFC 5321 section 4.1.1.1, RFC
 * 2449, RFC 9051 section 6.1.1, RFC 5804 section 1.7).
 */
#include <string.h>

#include "rules.h"

static bool is_for_users(const struct starttap_session *s)
{
    return s->role != STARTTAP_ROLE_MX && s->role != STARTTAP_ROLE_LMTP;
}

static void add_capabilities(struct starttap_draft *draft, const struct starttap_mail *mail)
{
    const char *list =
        starttap_draft_list(draft, "capabilities", mail->capabilities, mail->capability_count);
    starttap_draft_number(draft, "capability_count", mail->capability_count);
    starttap_draft_evidence(draft, (struct starttap_evidence){ .kind = "reply",
                                                               .side = STARTTAP_SERVER,
                                                               .where = mail->capabilities_at,
                                                               .offset = mail->capabilities_offset,
                                                               .text = list });
}

static void add_note_evidence(struct starttap_draft *draft, const struct starttap_note *note,
                              const char *text)
{
    starttap_draft_evidence(draft, (struct starttap_evidence){ .kind = "reply",
                                                               .side = note->side,
                                                               .where = note->where,
                                                               .offset = note->offset,
                                                               .text = text });
}

static void add_clear_command(struct starttap_draft *draft, const struct starttap_mail *mail)
{
    starttap_draft_value(draft, "command", mail->clear_command);
    if (mail->clear_commands)
        starttap_draft_evidence(draft,
                                (struct starttap_evidence){ .kind = "command",
                                                            .side = STARTTAP_CLIENT,
                                                            .where = mail->clear_command_at,
                                                            .offset = mail->clear_command_offset,
                                                            .text = mail->clear_command });
}

/* What crossed in clear from that byte of the client's on. */
static void add_exposure(struct starttap_draft *draft, const struct starttap_mail *mail,
                         uint64_t from)
{
    const struct starttap_login *login = secret_between(mail, from, UINT64_MAX);
    if (login != NULL) {
        starttap_draft_value(draft, "mechanism", mechanism_word(login));
        starttap_draft_evidence(draft, (struct starttap_evidence){ .kind = "command",
                                                                   .side = STARTTAP_CLIENT,
                                                                   .where = login->where,
                                                                   .offset = login->offset,
                                                                   .text = login->mechanism });
    }
    if (message_between(mail, from, UINT64_MAX) || (from == 0 && mail->messages > 0))
        starttap_draft_number(draft, "messages", mail->messages);
}

/* Overwritten words may have been the offer: other rules tell of those. */
static bool list_was_rewritten(const struct starttap_mail *mail)
{
    return has_note(mail, STARTTAP_NOTE_CAPABILITY_MASKED) ||
           has_note(mail, STARTTAP_NOTE_CAPABILITY_ALTERED);
}

/* IMAP's LOGIN is the last word, and by a name of its own. */
static void add_mechanisms(struct starttap_draft *draft, const char *words)
{
    static const char command[] = "LOGIN-COMMAND";
    enum { MOST = 256 };
    char listed[MOST];
    size_t all = strlen(words), tail = sizeof command - 1, end = all, len = 0;
    bool has_command = all >= tail && strcmp(words + all - tail, command) == 0;
    if (has_command)
        end = all > tail ? all - tail - 1 : 0;
    for (; len < end && len + 1 < sizeof listed; len++)
        listed[len] = words[len];
    listed[len] = '\0';
    const char *const text = listed;
    if (len > 0)
        starttap_draft_list(draft, "mechanisms", &text, 1);
    if (has_command)
        starttap_draft_value(draft, len > 0 ? "and_command" : "only_command", "LOGIN");
}

bool starttls_not_offered(const struct starttap_session *s, const struct starttap_core *core,
                          struct starttap_draft *draft)
{
    const struct starttap_mail *mail = s->mail;
    (void)core;
    if (mail == NULL || mail->offered != STARTTAP_NO || mail->ever_offered ||
        list_was_rewritten(mail) || !nothing_lost(s))
        return false;
    if (s->tls != NULL && s->tls->began[STARTTAP_SERVER])
        return false; /* it can do it all the same */
    if (!is_over(s) && !starttap_exposed(mail) && !(s->ended && mail->clear_commands))
        return false; /* a further list may come */

    const struct starttap_note *logins = starttap_note_find(mail, STARTTAP_NOTE_AUTH_OFFERED_CLEAR);
    bool open_logins = logins != NULL && logins->code == 0;
    bool secret = secret_between(mail, 0, UINT64_MAX) != NULL;
    /* RFC 3207 section 4: a public relay may do without. */
    enum starttap_severity severity =
        is_for_users(s) && open_logins ? STARTTAP_MEDIUM : STARTTAP_LOW;
    bool exposed = secret || (is_for_users(s) && mail->content_bytes > 0);
    draft->finding.severity = with_policy(s, starttap_severity_step(severity, exposed ? 1 : 0));

    starttap_draft_value(draft, "keyword", upgrade_word(mail));
    add_capabilities(draft, mail);
    if (open_logins)
        add_mechanisms(draft, logins->word);
    add_clear_command(draft, mail);
    add_exposure(draft, mail, 0);
    return true;
}

/* It never asked for TLS, or only after it had given everything away. */
static bool stayed_in_clear(const struct starttap_session *s)
{
    const struct starttap_mail *mail = s->mail;
    uint64_t asked = mail->requested_end;
    if (mail->requested == STARTTAP_YES)
        return secret_between(mail, 0, asked) != NULL || message_between(mail, 0, asked);
    /* A refusal may make it think better of it. */
    bool settled =
        is_over(s) || starttap_exposed(mail) || (s->ended && (mail->recipients > 0 || mail->quit));
    return mail->clear_commands && settled;
}

/* Whose setting it is differs: an account's, with its two ports, or that of a server. */
static void add_setting(struct starttap_draft *draft, const struct starttap_session *s, bool login)
{
    static const struct {
        const char *variant, *starttls_port, *tls_port;
    } settings[] = {
        [STARTTAP_SMTP] = { "account", "587", "465" },
        [STARTTAP_POP3] = { "account", "110", "995" },
        [STARTTAP_IMAP] = { "account", "143", "993" },
        [STARTTAP_SIEVE] = { "sieve", "4190", "" },
        [STARTTAP_LMTP] = { "lmtp", "", "" },
    };
    size_t protocol = (size_t)s->mail->protocol;
    if (protocol >= sizeof settings / sizeof settings[0] || settings[protocol].variant == NULL ||
        (protocol == STARTTAP_SMTP && !is_for_users(s) && !login))
        return;
    draft->finding.variant = settings[protocol].variant;
    starttap_draft_value(draft, "starttls_port", settings[protocol].starttls_port);
    starttap_draft_value(draft, "tls_port", settings[protocol].tls_port);
}

bool starttls_offered_not_used(const struct starttap_session *s, const struct starttap_core *core,
                               struct starttap_draft *draft)
{
    const struct starttap_mail *mail = s->mail;
    (void)core;
    if (mail == NULL || !mail->ever_offered || !all_seen(s) || s->policy->loopback ||
        is_list_doubtful(s))
        return false;
    if (!stayed_in_clear(s) || has_note(mail, STARTTAP_NOTE_COMMAND_MASKED) ||
        has_note(mail, STARTTAP_NOTE_COMMAND_ALTERED))
        return false;

    const struct starttap_login *login = secret_between(mail, 0, UINT64_MAX);
    bool gave_away = login != NULL || mail->content_bytes > 0;
    enum starttap_severity severity = STARTTAP_LOW;
    if (is_for_users(s) && gave_away)
        severity = STARTTAP_HIGH;
    else if (login != NULL)
        severity = STARTTAP_MEDIUM;
    draft->finding.severity = with_policy(s, severity);

    starttap_draft_value(draft, "keyword", upgrade_word(mail));
    starttap_draft_evidence(draft, (struct starttap_evidence){ .kind = "reply",
                                                               .side = STARTTAP_SERVER,
                                                               .where = mail->capabilities_at,
                                                               .offset = mail->capabilities_offset,
                                                               .text = upgrade_word(mail) });
    add_clear_command(draft, mail);
    add_exposure(draft, mail, 0);
    add_setting(draft, s, login != NULL);
    return true;
}

bool starttls_accepted_unadvertised(const struct starttap_session *s,
                                    const struct starttap_core *core, struct starttap_draft *draft)
{
    const struct starttap_mail *mail = s->mail;
    if (mail == NULL || mail->offered != STARTTAP_NO || mail->ever_offered ||
        mail->accepted != STARTTAP_YES || !nothing_lost(s))
        return false;
    if (s->tls == NULL || s->tls->established != STARTTAP_YES)
        return false;

    draft->finding.severity = STARTTAP_MEDIUM;
    draft->finding.confidence = 50; /* that the list was edited, and is not kept short on purpose */
    starttap_draft_value(draft, "keyword", upgrade_word(mail));
    starttap_draft_value(draft, "reply", mail->reply);
    if (s->tls->server_hello != NULL)
        starttap_draft_value(draft, "version", core->version_name(s->tls->server_hello->version));
    add_capabilities(draft, mail);
    add_reply_evidence(draft, mail);
    return true;
}

bool starttls_offer_malformed(const struct starttap_session *s, const struct starttap_core *core,
                              struct starttap_draft *draft)
{
    enum { ON_FIRST_LINE = 1 };
    const struct starttap_note *note = starttap_note_find(s->mail, STARTTAP_NOTE_OFFER_MALFORMED);
    (void)core;
    if (note == NULL || !nothing_lost(s))
        return false; /* what is first behind a gap is not the first line */
    draft->finding.severity = STARTTAP_LOW;
    draft->finding.variant = note->len == ON_FIRST_LINE ? "first_line" : "parameters";
    starttap_draft_value(draft, "keyword", upgrade_word(s->mail));
    starttap_draft_value(draft, "asked", s->mail->helo_verb);
    add_note_evidence(draft, note, note->word);
    return true;
}

static const char *code_or_word(struct starttap_draft *draft, const struct starttap_note *note)
{
    if (note->code == 0) {
        starttap_draft_value(draft, "reply", note->word);
        return note->word;
    }
    starttap_draft_number(draft, "reply", note->code);
    return draft->values[draft->finding.value_count - 1].value;
}

/* It went away without TLS and without having given anything away. */
static bool gave_up(const struct starttap_session *s)
{
    return is_over(s) && all_seen(s) && s->mail->requested != STARTTAP_YES &&
           !starttap_exposed(s->mail);
}

bool starttls_required_by_server(const struct starttap_session *s, const struct starttap_core *core,
                                 struct starttap_draft *draft)
{
    const struct starttap_note *note = starttap_note_find(s->mail, STARTTAP_NOTE_STARTTLS_REQUIRED);
    (void)core;
    if (note == NULL)
        return false;
    draft->finding.severity = gave_up(s) ? STARTTAP_LOW : STARTTAP_INFO;
    draft->finding.variant = gave_up(s) ? "gave_up" : "";
    draft->finding.attribution = STARTTAP_ATTRIBUTION_POLICY;
    starttap_draft_value(draft, "keyword", upgrade_word(s->mail));
    const char *reply = code_or_word(draft, note);
    add_note_evidence(draft, note, reply);
    add_clear_command(draft, s->mail);
    return true;
}

bool starttls_helo_only(const struct starttap_session *s, const struct starttap_core *core,
                        struct starttap_draft *draft)
{
    const struct starttap_note *note = starttap_note_find(s->mail, STARTTAP_NOTE_HELO_ONLY);
    const struct starttap_note *rejected = starttap_note_find(s->mail, STARTTAP_NOTE_EHLO_REJECTED);
    (void)core;
    if (note == NULL || !is_over(s) || !nothing_lost(s))
        return false;
    draft->finding.severity = STARTTAP_INFO;
    draft->finding.variant = rejected != NULL ? "ehlo_rejected" : "";
    starttap_draft_value(draft, "helo", s->mail->helo);
    if (rejected != NULL) {
        starttap_draft_number(draft, "ehlo_code", rejected->code);
        add_note_evidence(draft, rejected, "EHLO");
    }
    add_note_evidence(draft, note, "HELO");
    add_clear_command(draft, s->mail);
    return true;
}

/* RFC 3207 section 4 and what servers are known to say. */
static const struct reason {
    const char *reply, *variant;
    bool never_understood; /* what arrived was not the command that was on offer */
} reasons[] = {
    { "454", "temporary", false },      { "501", "syntax", false },
    { "500", "unknown_command", true }, { "502", "unknown_command", true },
    { "503", "sequence", false },       { "554", "already_tls", false },
    { "421", "shutdown", false },
};

bool starttls_refused(const struct starttap_session *s, const struct starttap_core *core,
                      struct starttap_draft *draft)
{
    const struct starttap_mail *mail = s->mail;
    const struct starttap_note *note = starttap_note_find(mail, STARTTAP_NOTE_STARTTLS_REFUSED);
    static const struct reason none = { "", "", false };
    const struct reason *reason = &none;
    (void)core;
    if (note == NULL || !mail->ever_offered)
        return false;
    for (size_t i = 0; i < sizeof reasons / sizeof reasons[0]; i++)
        if (strcmp(reasons[i].reply, note->word) == 0)
            reason = &reasons[i];
    bool had_parameters = note->len > 0;
    if (had_parameters && strcmp(note->word, "454") != 0)
        return false; /* it takes none: the refusal was deserved */

    bool exposed = exposed_since(mail, mail->requested_end);
    bool settled = s->tls != NULL && s->tls->established == STARTTAP_YES;
    enum starttap_severity severity =
        exposed || reason->never_understood ? STARTTAP_HIGH : STARTTAP_MEDIUM;
    draft->finding.severity = settled ? STARTTAP_LOW : with_policy(s, severity);
    draft->finding.variant = reason->variant;
    starttap_draft_value(draft, "keyword", upgrade_word(mail));
    starttap_draft_value(draft, "reply", note->word);
    add_note_evidence(draft, note, note->word);
    if (mail->clear_commands && mail->clear_command_offset >= mail->requested_end)
        add_clear_command(draft, mail);
    else if (s->ended && all_seen(s) && !settled)
        add_seconds(draft, "left_after_s", note->where.time_ns, s->end_ns);
    add_exposure(draft, mail, mail->requested_end);
    return true;
}
