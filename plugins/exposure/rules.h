/* SPDX-License-Identifier: Apache-2.0
 * rules.h - what the rules of this detector have in common.
 */
#ifndef EXPOSURE_RULES_H
#define EXPOSURE_RULES_H

#include <string.h>

#include "plugin.h"

/* Reports what it finds; `rule` is the id of its row. */
typedef void exposure_rule(const char *rule, const struct starttap_session *session,
                           const struct starttap_core *core);

/* logins.c */
exposure_rule exposure_login, exposure_result, exposure_before_starttls, exposure_bruteforce;
/* offers.c */
exposure_rule exposure_offered, exposure_despite_disabled;
/* content.c */
exposure_rule exposure_content, exposure_metadata, exposure_script, exposure_requiretls;

/* One step more where the operator says that this server must use TLS. */
static inline enum starttap_severity with_policy(const struct starttap_session *session,
                                                 enum starttap_severity severity)
{
    return starttap_severity_for(session, severity, 0);
}

static inline const char *upgrade_word(const struct starttap_mail *mail)
{
    return mail->protocol == STARTTAP_POP3 ? "STLS" : "STARTTLS";
}

/* Both copies of a list that differ may be the one that reached the client. A list's first line is
 * not among its words. */
static inline bool is_list_doubtful(const struct starttap_session *session)
{
    enum { FIRST_LINE = 512, AROUND_WORD = 8 };
    const struct starttap_mail *mail = session->mail;
    uint64_t from = mail->capabilities_offset, to = from + FIRST_LINE;
    for (size_t i = 0; i < mail->capability_count; i++)
        to += strlen(mail->capabilities[i]) + AROUND_WORD;
    for (size_t i = 0; i < session->conflict_count; i++) {
        const struct starttap_conflict *conflict = &session->conflicts[i];
        if (conflict->side == STARTTAP_SERVER && conflict->text && conflict->offset < to &&
            conflict->offset + conflict->len > from)
            return true;
    }
    return false;
}

static inline const struct starttap_note *either_note(const struct starttap_mail *mail,
                                                      enum starttap_note_kind one,
                                                      enum starttap_note_kind other)
{
    const struct starttap_note *note = starttap_note_find(mail, one);
    return note != NULL ? note : starttap_note_find(mail, other);
}

/* What had become of TLS when something crossed at that offset of the client's: exactly one of the
 * values tells, beside `refused_with`. */
static inline void add_offer(struct starttap_draft *draft, const struct starttap_session *session,
                             uint64_t at)
{
    const struct starttap_mail *mail = session->mail;
    const char *word = upgrade_word(mail);
    const struct starttap_note *command =
        either_note(mail, STARTTAP_NOTE_COMMAND_MASKED, STARTTAP_NOTE_COMMAND_ALTERED);
    const struct starttap_note *list =
        either_note(mail, STARTTAP_NOTE_CAPABILITY_MASKED, STARTTAP_NOTE_CAPABILITY_ALTERED);
    bool asked = mail->requested == STARTTAP_YES && mail->requested_end <= at;
    if (command != NULL && (command->side == STARTTAP_CLIENT ? command->offset < at : asked))
        starttap_draft_value(draft, "overwritten", command->word);
    else if (asked && mail->accepted == STARTTAP_YES)
        starttap_draft_value(draft, "agreed", word);
    else if (asked && *mail->reply != '\0') {
        starttap_draft_value(draft, "refused", word);
        starttap_draft_value(draft, "refused_with", mail->reply);
    } else if (asked)
        starttap_draft_value(draft, "unanswered", word);
    else if (is_list_doubtful(session))
        starttap_draft_value(draft, "doubtful", word);
    else if (mail->ever_offered)
        starttap_draft_value(draft, "offered", word);
    else if (list != NULL)
        starttap_draft_value(draft, "damaged", list->word);
    else
        starttap_draft_value(draft, mail->offered == STARTTAP_NO ? "not_offered" : "offer_unknown",
                             word);
    if (mail->ever_offered || mail->offered == STARTTAP_NO)
        starttap_draft_evidence(
            draft, (struct starttap_evidence){ .kind = "reply",
                                               .side = STARTTAP_SERVER,
                                               .where = mail->capabilities_at,
                                               .offset = mail->capabilities_offset,
                                               .text = mail->ever_offered ? word : "" });
}

/* Nobody but this program calls IMAP's LOGIN by its name in the facts. */
static inline const char *mechanism_word(const char *mechanism)
{
    return strcmp(mechanism, "LOGIN-COMMAND") == 0 ? "the command LOGIN" : mechanism;
}

static inline void add_note(struct starttap_draft *draft, const struct starttap_note *note,
                            const char *kind, const char *text)
{
    starttap_draft_evidence(draft, (struct starttap_evidence){ .kind = kind,
                                                               .side = note->side,
                                                               .where = note->where,
                                                               .offset = note->offset,
                                                               .text = text });
}

#endif
