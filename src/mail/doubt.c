/* SPDX-License-Identifier: Apache-2.0
 * doubt.c - see doubt.h.
 */
#include "doubt.h"

bool doubt_request(const struct mail *mail)
{
    return mail->doubt.missing[SIDE_CLIENT] || (mail->only_known && mail->only == SIDE_SERVER);
}

static bool is_unanswered(const struct mail *mail)
{
    return mail->facts.starttls_requested == TRI_YES &&
           mail->facts.starttls_accepted == TRI_UNKNOWN;
}

bool doubt_agreed(const struct mail *mail)
{
    /* POP3's list begins with a line that matches nothing either. */
    uint32_t own = mail->facts.protocol == MAIL_POP3 ? 1 : 0;
    bool replied = mail->doubt.missing[SIDE_SERVER] || mail->doubt.go_aheads > own;
    return (is_unanswered(mail) && mail->doubt.missing[SIDE_SERVER]) ||
           (doubt_request(mail) && replied);
}

bool doubt_crosses(const struct mail *mail, const struct line *line)
{
    uint64_t acked = line->first.acked;
    return is_unanswered(mail) && mail->marks_known && acked > 0 &&
           acked <= mail->early.command_acked;
}

bool doubt_login(const struct mail *mail)
{
    return mail->doubt.missing[SIDE_CLIENT] && mail->doubt.missing[SIDE_SERVER];
}

void doubt_unread(struct mail *mail, enum verb verb)
{
    struct mail_facts *facts = &mail->facts;
    bool list = verb == VERB_HELLO || verb == VERB_CAPABILITIES;
    if (!list || mail->authenticated)
        return;
    facts->capabilities.complete = false;
    /* Behind an agreed STARTTLS a list takes nothing back. */
    if (facts->starttls_accepted != TRI_YES || facts->starttls_offered == TRI_NO)
        facts->starttls_offered = TRI_UNKNOWN;
}

void doubt_gap(struct mail *mail, enum side side)
{
    mail->doubt.missing[side] = true;
    if (side == SIDE_CLIENT)
        return;
    bool asked = mail->list.active || doubt_request(mail);
    for (size_t i = 0; i < mail->pending_count; i++)
        asked |=
            mail->pipeline[i].verb == VERB_HELLO || mail->pipeline[i].verb == VERB_CAPABILITIES;
    if (asked)
        doubt_unread(mail, VERB_CAPABILITIES);
}

void doubt_midstream(struct mail *mail)
{
    mail->doubt.missing[SIDE_CLIENT] = mail->doubt.missing[SIDE_SERVER] = true;
}

void doubt_reply(struct mail *mail, const struct step *step)
{
    struct mail_facts *facts = &mail->facts;
    if (step->event != ON_READY && (step->event != ON_OK || step->code != 0))
        return;
    mail->doubt.go_aheads++;
    if (doubt_request(mail) && facts->starttls_accepted == TRI_NO) { /* it may have asked again */
        facts->starttls_accepted = TRI_UNKNOWN;
        facts->starttls_reply = (struct text){ 0 };
    }
}
