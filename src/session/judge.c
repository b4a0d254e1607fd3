/* SPDX-License-Identifier: Apache-2.0
 * judge.c - the documented tables of role, mode, verdict and outcome (ARCHITECTURE.md "Verdict"
 * repeats them for readers).
 *
 * A verdict is about this session only and follows from what was seen in it; unknown stays unknown.
 * What is weak or tampered with is for findings to say, which raise it (detect.c).
 */
#include "judge.h"

static const struct port_role {
    uint16_t port;
    enum session_role role;
} port_roles[] = {
    { 25, ROLE_MX },          { 26, ROLE_MX },           { 465, ROLE_SUBMISSION },
    { 587, ROLE_SUBMISSION }, { 2525, ROLE_SUBMISSION }, { 110, ROLE_ACCESS },
    { 143, ROLE_ACCESS },     { 993, ROLE_ACCESS },      { 995, ROLE_ACCESS },
    { 4190, ROLE_SIEVE },     { 2000, ROLE_SIEVE },      { 24, ROLE_LMTP },
    { 2003, ROLE_LMTP },
};

/* Through a proxy it is the port that the proxy was asked for. */
static uint16_t service_port(const struct session_record *r)
{
    return r->proxy_port != 0 ? r->proxy_port : r->flow->server_port;
}

/* What is spoken decides; the port only tells relays from submission, and what runs inside implicit
 * TLS. */
static enum session_role role_of(const struct session_record *r)
{
    static const enum session_role by_protocol[] = {
        [MAIL_NONE] = ROLE_OTHER,  [MAIL_SMTP] = ROLE_OTHER,  [MAIL_LMTP] = ROLE_LMTP,
        [MAIL_POP3] = ROLE_ACCESS, [MAIL_IMAP] = ROLE_ACCESS, [MAIL_SIEVE] = ROLE_SIEVE,
    };
    enum session_role by_port = ROLE_OTHER;
    for (size_t i = 0; i < sizeof port_roles / sizeof port_roles[0]; i++)
        if (port_roles[i].port == service_port(r))
            by_port = port_roles[i].role;

    enum session_role spoken = r->mail == NULL ? ROLE_OTHER : by_protocol[r->mail->protocol];
    return spoken != ROLE_OTHER ? spoken : by_port;
}

static bool is_cut(const struct session_record *r)
{
    return r->flow->sides[SIDE_CLIENT].gaps > 0 || r->flow->sides[SIDE_SERVER].gaps > 0;
}

static bool tls_began(const struct session_record *r)
{
    return r->tls != NULL && (r->tls->began[SIDE_CLIENT] || r->tls->began[SIDE_SERVER]);
}

static bool tls_has_hello(const struct session_record *r)
{
    return r->tls != NULL && (r->tls->client_hellos > 0 || r->tls->server_hellos > 0);
}

static bool has_note(const struct session_record *r, enum mail_note_kind kind)
{
    for (size_t i = 0; r->mail != NULL && i < r->mail->note_count; i++)
        if (r->mail->notes[i].kind == kind)
            return true;
    return false;
}

/* Where TLS is expected from the first byte (RFC 8314 section 3; 465: section 7.3). */
static bool is_implicit_port(uint16_t port) { return port == 465 || port == 993 || port == 995; }

/* TLS was agreed, and both sides went on without it. */
static bool went_on_in_clear(const struct session_record *r)
{
    return r->mail->clear_commands && has_note(r, MAIL_NOTE_PLAINTEXT_AFTER_ACCEPT) &&
           r->mail->clear_command_at.time_ns >= r->mail->starttls_accepted_at.time_ns;
}

/* Nobody saw how it went on. */
static bool is_cut_off(const struct session_record *r)
{
    return (r->reasons & (REASON_CAPTURE_ENDED | REASON_EVICTED)) != 0;
}

/* No dialogue in clear came before. A client's hello alone does not say so: the greeting of a
 * service in clear is the first thing that a gap can swallow. */
static bool begins_with_tls(const struct session_record *r)
{
    const struct flow_side *server = &r->flow->sides[SIDE_SERVER];
    bool client_first = r->tls->began[SIDE_CLIENT] && !r->beginning_lost[SIDE_CLIENT];
    bool server_first = r->tls->began[SIDE_SERVER] && !r->beginning_lost[SIDE_SERVER];
    bool answered = r->tls->began[SIDE_SERVER] ||
                    (server->seen && server->gaps == 0 && !is_cut_off(r)) ||
                    r->tls->established == TRI_YES;
    /* Elsewhere than at mail nobody greets a client that is to begin with TLS. */
    return !r->flow->midstream && (server_first || (client_first && (answered || !r->mail_port)));
}

/* TLS was asked for, not refused, and perhaps on its way. */
static bool awaits_tls(const struct session_record *r)
{
    return r->mail->starttls_requested == TRI_YES && r->mail->starttls_accepted != TRI_NO &&
           !r->mail->clear_commands;
}

static enum session_mode mode_of(const struct session_record *r, bool foreign)
{
    if (foreign) /* with its beginning missing, what nobody recognises may be anything */
        return r->application == NULL && (r->flow->midstream || is_cut(r)) ? MODE_OPAQUE
                                                                           : MODE_FOREIGN;
    if (r->mail ==
        NULL) /* TLS is the first thing seen; what is missing may have been a dialogue in clear */
        return tls_has_hello(r) && (is_implicit_port(service_port(r)) || begins_with_tls(r))
                   ? MODE_IMPLICIT
                   : MODE_OPAQUE;
    if (!tls_began(r)) { /* TLS may have come and gone in a gap */
        if (is_cut(r) || !r->flow->sides[SIDE_CLIENT].seen)
            return r->mail->clear_commands ? MODE_PLAINTEXT : MODE_OPAQUE;
        if (is_cut_off(r) && awaits_tls(r))
            return MODE_OPAQUE;
        return went_on_in_clear(r) ? MODE_MIXED : MODE_PLAINTEXT;
    }
    if (r->mail->starttls_requested != TRI_YES && !r->tls->began[SIDE_SERVER])
        return is_cut(r) || r->flow->midstream
                   ? MODE_OPAQUE
                   : MODE_PLAINTEXT; /* TLS to a service that had not agreed to it */

    return r->tls->established != TRI_YES && went_on_in_clear(r) ? MODE_MIXED : MODE_STARTTLS;
}

static const char *protocol_of(const struct session_record *r)
{
    static const struct {
        struct text alpn;
        const char *name;
    } inside[] = {
        /* IANA "TLS Application-Layer Protocol Negotiation (ALPN) Protocol IDs" */
        { { "imap", 4 }, "imap" },
        { { "pop3", 4 }, "pop3" },
        { { "managesieve", 11 }, "sieve" },
    };
    if (r->mail != NULL)
        return mail_protocol_name(r->mail->protocol);
    if (!tls_began(r))
        return "";
    for (size_t i = 0; i < sizeof inside / sizeof inside[0]; i++)
        if (text_same(r->tls->server_hello.alpn, inside[i].alpn))
            return inside[i].name;
    return "tls";
}

static unsigned reasons_of(const struct session_record *r, bool at_end)
{
    const struct flow_info *flow = r->flow;
    unsigned reasons = 0;

    if (!flow->sides[SIDE_CLIENT].seen)
        reasons |= REASON_CLIENT_MISSING;
    if (!flow->sides[SIDE_SERVER].seen)
        reasons |= REASON_SERVER_MISSING;
    if (flow->midstream)
        reasons |= REASON_MIDSTREAM;
    if (flow->guessed)
        reasons |= REASON_GUESSED;
    for (int side = 0; side < SIDE_COUNT; side++) {
        if (flow->sides[side].gaps > 0)
            reasons |= REASON_GAP;
        if (flow->sides[side].truncated > 0)
            reasons |= REASON_TRUNCATED;
    }
    if (at_end && flow->how == FLOW_END_CAPTURE)
        reasons |= REASON_CAPTURE_ENDED;
    if (at_end && flow->how == FLOW_END_EVICTED)
        reasons |= REASON_EVICTED;
    if (flow->midstream || (reasons & REASON_CAPTURE_ENDED) != 0)
        reasons |= REASON_FILE_BORDER;
    if (r->tls != NULL) {
        if (r->tls->visible == TLS_CERT_ENCRYPTED)
            reasons |= REASON_CERTIFICATES_ENCRYPTED;
        if (r->tls->visible == TLS_CERT_RESUMED)
            reasons |= REASON_RESUMED;
        if (r->tls->lost[SIDE_CLIENT] || r->tls->lost[SIDE_SERVER])
            reasons |= REASON_TLS_LOST;
        if (r->tls->out_of_memory || r->tls->server_chain.too_large || r->tls->alerts_dropped > 0)
            reasons |= REASON_LIMIT;
    }
    if ((r->chain != NULL && r->chain->over_budget) ||
        (r->client_chain != NULL && r->client_chain->over_budget))
        reasons |= REASON_LIMIT;
    if (r->mail != NULL && (r->mail->notes_dropped > 0 || r->mail->auth_dropped > 0))
        reasons |= REASON_LIMIT;
    return reasons;
}

/* What the client sent under encryption is missing in part, and nothing of it was data: it may have
 * been a refusal (NSS finishes its side before it sends one). */
static bool may_have_refused(const struct session_record *r)
{
    return r->flow->sides[SIDE_CLIENT].gaps > 0 &&
           r->tls->encrypted[SIDE_CLIENT].application_records == 0;
}

static enum session_verdict tls_verdict(const struct session_record *r)
{
    if (r->tls->established == TRI_YES && may_have_refused(r))
        return VERDICT_UNKNOWN;
    if (r->tls->established == TRI_YES)
        return VERDICT_PROTECTED;
    return r->tls->established == TRI_NO ? VERDICT_FAILED : VERDICT_UNKNOWN;
}

/* A password, a token or a message crossed in clear. */
static bool gave_away(const struct session_record *r)
{
    for (size_t i = 0; i < r->mail->auth_count; i++)
        if (r->mail->auth[i].secret_sent)
            return true;
    return r->mail->content_bytes > 0;
}

/* The server demanded TLS (530 and its like) before anything was given away. */
static bool was_turned_away(const struct session_record *r)
{
    return !gave_away(r) && has_note(r, MAIL_NOTE_STARTTLS_REQUIRED);
}

static bool is_whole(const struct session_record *r)
{
    bool to_the_end = r->mail->quit || r->mail->recipients > 0 || gave_away(r) || !is_cut_off(r);
    return r->flow->sides[SIDE_CLIENT].seen && r->flow->sides[SIDE_SERVER].seen && !is_cut(r) &&
           !r->flow->midstream && to_the_end;
}

static enum session_verdict clear_verdict(const struct session_record *r)
{
    if (gave_away(r))
        return VERDICT_EXPOSED;
    if (was_turned_away(r))
        return VERDICT_FAILED;
    if (r->mail->clear_commands) /* a refusal may be in a gap */
        return is_whole(r) ? VERDICT_EXPOSED : VERDICT_UNKNOWN;
    return r->mail->starttls_accepted == TRI_NO || tls_has_hello(r) ? VERDICT_FAILED
                                                                    : VERDICT_UNKNOWN;
}

static enum session_verdict verdict_of(const struct session_record *r)
{
    if (r->mode == MODE_MIXED)
        return VERDICT_EXPOSED;
    if (r->mode == MODE_PLAINTEXT)
        return clear_verdict(r);
    return r->mode != MODE_FOREIGN && tls_has_hello(r) ? tls_verdict(r) : VERDICT_UNKNOWN;
}

/* In clear by the client's own choice: all was seen, and it neither asked for TLS nor was refused.
 */
static bool chose_clear(const struct session_record *r)
{
    return r->mail->clear_commands && r->mail->starttls_requested != TRI_YES && !tls_has_hello(r) &&
           is_whole(r);
}

static enum session_outcome outcome_of(const struct session_record *r)
{
    switch (r->mode) {
    case MODE_MIXED: return OUTCOME_FAILURE;
    case MODE_PLAINTEXT:
        if (was_turned_away(r))
            return OUTCOME_FAILURE;
        if (chose_clear(r))
            return OUTCOME_SUCCESS;
        return r->mail->starttls_accepted == TRI_NO || tls_has_hello(r) ? OUTCOME_FAILURE
                                                                        : OUTCOME_UNKNOWN;
    case MODE_STARTTLS:
    case MODE_IMPLICIT:
    case MODE_OPAQUE:
        if (!tls_has_hello(r) || r->tls->established == TRI_UNKNOWN || may_have_refused(r))
            return OUTCOME_UNKNOWN;
        return r->tls->established == TRI_YES ? OUTCOME_SUCCESS : OUTCOME_FAILURE;
    case MODE_FOREIGN:
    case MODE_COUNT: break;
    }
    return OUTCOME_UNKNOWN;
}

void judge_session(struct session_record *record, bool foreign, bool at_end)
{
    record->protocol = protocol_of(record);
    record->role = role_of(record);
    record->reasons = reasons_of(record, at_end);
    record->mode = mode_of(record, foreign);
    record->verdict = verdict_of(record);
    record->outcome = outcome_of(record);
}
