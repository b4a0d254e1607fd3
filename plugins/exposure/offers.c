/* SPDX-License-Identifier: Apache-2.0
 * offers.c - servers that invite a password outside TLS, and a client that sends one uninvited.
 */
#include <string.h>

#include "rules.h"

/* IMAP's LOGIN is on offer without standing in the list; the facts have it as a word of its own,
 * the last one. */
static void add_mechanisms(struct starttap_draft *draft, const char *words)
{
    static const char command[] = "LOGIN-COMMAND";
    enum { MOST = 256 };
    char listed[MOST];
    size_t len = 0, all = strlen(words), tail = sizeof command - 1;
    bool has_command = all >= tail && strcmp(words + all - tail, command) == 0;
    size_t end = has_command ? all - tail : all;
    while (end > 0 && words[end - 1] == ' ')
        end--;
    for (size_t i = 0; i < end && len + 2 < sizeof listed; i++) {
        if (words[i] == ' ')
            listed[len++] = ',';
        listed[len++] = words[i];
    }
    listed[len] = '\0';
    const char *const text = listed;
    if (len > 0)
        starttap_draft_list(draft, "mechanisms", &text, 1);
    if (has_command)
        starttap_draft_value(draft, len > 0 ? "and_command" : "only_command", "LOGIN");
}

/* A server that lists AUTH and then insists on TLS invites nobody. */
void exposure_offered(const char *rule, const struct starttap_session *session,
                      const struct starttap_core *core)
{
    const struct starttap_mail *mail = session->mail;
    const struct starttap_note *offer = starttap_note_find(mail, STARTTAP_NOTE_AUTH_OFFERED_CLEAR);
    if (offer == NULL || !session->ended)
        return;
    bool refuses = starttap_note_find(mail, STARTTAP_NOTE_STARTTLS_REQUIRED) != NULL;
    bool disabled = offer->code != 0;
    /* A refusal may be among what is missing. */
    bool sure = session->streams[STARTTAP_SERVER]->whole && !mail->gap;
    struct starttap_draft draft = { .finding = { .rule = rule, .confidence = 99 } };
    draft.finding.variant = disabled ? "disabled" : refuses ? "refuses" : "";
    draft.finding.severity =
        disabled || refuses || !sure ? STARTTAP_INFO : with_policy(session, STARTTAP_LOW);
    add_mechanisms(&draft, offer->word);
    add_note(&draft, offer, "reply", offer->word);
    add_offer(&draft, session, 0);
    starttap_draft_report(&draft, core, session);
}

/* RFC 9051 section 6.2.3 forbids LOGIN then. */
void exposure_despite_disabled(const char *rule, const struct starttap_session *session,
                               const struct starttap_core *core)
{
    const struct starttap_mail *mail = session->mail;
    const struct starttap_note *note =
        starttap_note_find(mail, STARTTAP_NOTE_LOGIN_DESPITE_DISABLED);
    if (note == NULL)
        return;
    struct starttap_draft draft = { .finding = { .rule = rule, .confidence = 99 } };
    draft.finding.severity = with_policy(session, STARTTAP_HIGH);
    starttap_draft_value(&draft, "command", "LOGIN");
    starttap_draft_value(&draft, "capability", "LOGINDISABLED");
    for (size_t i = 0; i < mail->login_count; i++)
        if (mail->logins[i].offset == note->offset && mail->logins[i].succeeded == STARTTAP_YES)
            starttap_draft_value(&draft, "accepted", "LOGIN");
    add_note(&draft, note, "command", "LOGIN");
    starttap_draft_evidence(&draft, (struct starttap_evidence){ .kind = "reply",
                                                                .side = STARTTAP_SERVER,
                                                                .where = mail->capabilities_at,
                                                                .offset = mail->capabilities_offset,
                                                                .text = "LOGINDISABLED" });
    starttap_draft_report(&draft, core, session);
}
