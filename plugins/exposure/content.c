/* SPDX-License-Identifier: Apache-2.0
 * content.c - messages, envelopes and scripts outside TLS. Counts are all that is known of them.
 */
#include <string.h>

#include "rules.h"

static bool is_for_users(const struct starttap_session *session)
{
    return session->role == STARTTAP_ROLE_SUBMISSION || session->role == STARTTAP_ROLE_ACCESS;
}

/* What the server sends was asked for by somebody who is logged in: nothing comes behind it. */
static uint64_t place_of(const struct starttap_note *note)
{
    return note->side == STARTTAP_CLIENT ? note->offset : UINT64_MAX;
}

void exposure_content(const char *rule, const struct starttap_session *session,
                      const struct starttap_core *core)
{
    const struct starttap_mail *mail = session->mail;
    const struct starttap_note *note = starttap_note_find(mail, STARTTAP_NOTE_CONTENT);
    if (note == NULL || mail->content_bytes == 0)
        return;
    bool offered = mail->ever_offered && !is_list_doubtful(session);
    enum starttap_severity severity = offered ? STARTTAP_MEDIUM : STARTTAP_LOW;
    if (session->policy->tls_required)
        severity = STARTTAP_HIGH;
    if (is_for_users(session))
        severity = starttap_severity_step(severity, 1);
    struct starttap_draft draft = { .finding = { .rule = rule, .confidence = 99 } };
    draft.finding.severity = severity;
    draft.finding.variant = note->side == STARTTAP_SERVER ? "fetched" : "";
    starttap_draft_number(&draft, "messages", mail->messages);
    starttap_draft_number(&draft, "bytes", mail->content_bytes);
    if (session->policy->tls_required)
        starttap_draft_value(&draft, "required", "policy.require_tls");
    add_note(&draft, note, "copy", "");
    add_offer(&draft, session, place_of(note));
    starttap_draft_report(&draft, core, session);
}

/* Who writes to whom, and nothing more: the bytes of the client must have been seen to say so. */
void exposure_metadata(const char *rule, const struct starttap_session *session,
                       const struct starttap_core *core)
{
    const struct starttap_mail *mail = session->mail;
    bool smtp = mail->protocol == STARTTAP_SMTP || mail->protocol == STARTTAP_LMTP;
    uint64_t recipients = mail->recipients + mail->recipients_refused;
    bool sender = mail->clear_commands && strcmp(mail->clear_command, "MAIL") == 0;
    if (!session->ended || !smtp || mail->content_bytes > 0 || (recipients == 0 && !sender) ||
        !session->streams[STARTTAP_CLIENT]->whole || mail->gap || session->guessed)
        return;
    struct starttap_draft draft = { .finding = { .rule = rule, .confidence = 99 } };
    starttap_draft_number(&draft, "recipients", mail->recipients);
    starttap_draft_number(&draft, "refused", mail->recipients_refused);
    starttap_draft_evidence(&draft, (struct starttap_evidence){ .kind = "command",
                                                                .side = STARTTAP_CLIENT,
                                                                .where = mail->clear_command_at,
                                                                .text = mail->clear_command });
    starttap_draft_report(&draft, core, session);
}

void exposure_script(const char *rule, const struct starttap_session *session,
                     const struct starttap_core *core)
{
    const struct starttap_note *note = starttap_note_find(session->mail, STARTTAP_NOTE_SCRIPT);
    if (note == NULL)
        return;
    struct starttap_draft draft = { .finding = { .rule = rule, .confidence = 99 } };
    draft.finding.severity = with_policy(session, STARTTAP_MEDIUM);
    draft.finding.variant = note->side == STARTTAP_SERVER ? "fetched" : "";
    starttap_draft_value(&draft, "command",
                         note->side == STARTTAP_SERVER ? "GETSCRIPT" : "PUTSCRIPT");
    add_note(&draft, note, "copy", "");
    add_offer(&draft, session, place_of(note));
    starttap_draft_report(&draft, core, session);
}

/* RFC 8689 section 4.2: then the next hop has to be TLS, or the message goes back. */
void exposure_requiretls(const char *rule, const struct starttap_session *session,
                         const struct starttap_core *core)
{
    const struct starttap_note *note = starttap_note_find(session->mail, STARTTAP_NOTE_REQUIRETLS);
    if (note == NULL)
        return;
    struct starttap_draft draft = { .finding = { .rule = rule, .confidence = 99 } };
    draft.finding.severity = STARTTAP_HIGH;
    starttap_draft_value(&draft, "command", "MAIL");
    starttap_draft_value(&draft, "parameter", "REQUIRETLS");
    if (session->mail->content_bytes > 0)
        starttap_draft_number(&draft, "bytes", session->mail->content_bytes);
    add_note(&draft, note, "command", "MAIL REQUIRETLS");
    add_offer(&draft, session, place_of(note));
    starttap_draft_report(&draft, core, session);
}
