/* SPDX-License-Identifier: Apache-2.0
 * rules.h - what the rules of this detector have in common.
 *
 * A rule is given a draft with its id filled in, and says whether it holds; then the draft has all
 * that is to be reported.
 */
#ifndef STARTTLS_RULES_H
#define STARTTLS_RULES_H

#include <string.h>

#include "plugin.h"

typedef bool starttls_rule(const struct starttap_session *session, const struct starttap_core *core,
                           struct starttap_draft *draft);

/* offer.c: what was on offer, and what the client made of it. */
starttls_rule starttls_not_offered, starttls_offered_not_used, starttls_accepted_unadvertised,
    starttls_offer_malformed, starttls_required_by_server, starttls_helo_only, starttls_refused;
/* upgrade.c: what came of the go-ahead. */
starttls_rule starttls_upgraded, starttls_pipelined, starttls_handshake_failed,
    starttls_client_left;
/* silence.c: a go-ahead, and then no TLS. */
starttls_rule starttls_client_aborted, starttls_server_closed, starttls_plaintext_reply,
    starttls_plaintext_after_accept;

enum { SURE = 99, LIKELY = 95 };

/* Both directions from their first bytes on, without a hole: what did not come was not sent. */
static inline bool all_seen(const struct starttap_session *s)
{
    return s->streams[STARTTAP_CLIENT]->whole && s->streams[STARTTAP_SERVER]->whole &&
           !s->midstream && !s->guessed && (s->mail == NULL || !s->mail->gap);
}

/* Nothing is missing of what was captured at all: one direction may be. */
static inline bool nothing_lost(const struct starttap_session *s)
{
    for (int side = STARTTAP_CLIENT; side <= STARTTAP_SERVER; side++)
        if (s->streams[side]->seen && !s->streams[side]->whole)
            return false;
    return !s->midstream && !s->guessed && (s->mail == NULL || !s->mail->gap);
}

/* Nothing can follow any more; that the capture ends does not mean that. */
static inline bool is_over(const struct starttap_session *s)
{
    return s->ended &&
           (s->how == STARTTAP_FIN || s->how == STARTTAP_RST || s->how == STARTTAP_TIMEOUT);
}

static inline const char *upgrade_word(const struct starttap_mail *mail)
{
    return mail->protocol == STARTTAP_POP3 ? "STLS" : "STARTTLS";
}

static inline bool has_note(const struct starttap_mail *mail, enum starttap_note_kind kind)
{
    return starttap_note_find(mail, kind) != NULL;
}

/* Offsets of the client's, not times, tell what came first: times may be those of a tap that
 * reorders. */

/* A secret that crossed in clear in [from, to) of what the client sent; NULL if none did. */
static inline const struct starttap_login *secret_between(const struct starttap_mail *mail,
                                                          uint64_t from, uint64_t to)
{
    for (size_t i = 0; i < mail->login_count; i++) {
        const struct starttap_login *login = &mail->logins[i];
        if (login->secret_sent && login->offset >= from && login->offset < to)
            return login;
    }
    return NULL;
}

/* The client's first message in clear began in [from, to). */
static inline bool message_between(const struct starttap_mail *mail, uint64_t from, uint64_t to)
{
    const struct starttap_note *note = starttap_note_find(mail, STARTTAP_NOTE_CONTENT);
    if (note == NULL)
        return false;
    /* What the server sends was asked for by somebody who is logged in: that is in the logins. */
    return note->side == STARTTAP_CLIENT && note->offset >= from && note->offset < to;
}

static inline bool exposed_since(const struct starttap_mail *mail, uint64_t from)
{
    return secret_between(mail, from, UINT64_MAX) != NULL ||
           message_between(mail, from, UINT64_MAX);
}

/* Two copies of the list that differ: which of them reached the client is not known. A list's first
 * line is not among its words. */
static inline bool is_list_doubtful(const struct starttap_session *s)
{
    enum { FIRST_LINE = 512, AROUND_WORD = 8 };
    const struct starttap_mail *mail = s->mail;
    uint64_t from = mail->capabilities_offset, to = from + FIRST_LINE;
    for (size_t i = 0; i < mail->capability_count; i++)
        to += strlen(mail->capabilities[i]) + AROUND_WORD;
    for (size_t i = 0; i < s->conflict_count; i++) {
        const struct starttap_conflict *conflict = &s->conflicts[i];
        if (conflict->side == STARTTAP_SERVER && conflict->text && conflict->offset < to &&
            conflict->offset + conflict->len > from)
            return true;
    }
    return false;
}

/* Nobody but this program calls IMAP's LOGIN by its name in the facts. */
static inline const char *mechanism_word(const struct starttap_login *login)
{
    return strcmp(login->mechanism, "LOGIN-COMMAND") == 0 ? "the command LOGIN" : login->mechanism;
}

/* One step more where the operator says that this server must use TLS. */
static inline enum starttap_severity with_policy(const struct starttap_session *s,
                                                 enum starttap_severity severity)
{
    return starttap_severity_step(severity, s->policy->tls_required ? 1 : 0);
}

/* Seconds, rounded, for people; a clock that was set back gives none. */
static inline void add_seconds(struct starttap_draft *draft, const char *name, int64_t from_ns,
                               int64_t to_ns)
{
    if (from_ns > 0 && to_ns >= from_ns)
        starttap_draft_number(draft, name, ((uint64_t)(to_ns - from_ns) + 500000000) / 1000000000);
}

/* The last byte of the server's answer to the request for TLS. */
static inline void add_reply_evidence(struct starttap_draft *draft,
                                      const struct starttap_mail *mail)
{
    starttap_draft_evidence(draft, (struct starttap_evidence){ .kind = "reply",
                                                               .side = STARTTAP_SERVER,
                                                               .where = mail->accepted_at,
                                                               .offset = mail->reply_end - 1,
                                                               .text = mail->reply });
}

#endif
