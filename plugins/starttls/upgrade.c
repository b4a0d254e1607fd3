/* SPDX-License-Identifier: Apache-2.0
 * upgrade.c - TLS behind STARTTLS: begun, completed, failed, or completed for nothing.
 *
 * Why a handshake failed is told by the rules on alerts and certificates; here it is that it did,
 * after which message, and who gave up (RFC 3207 section 4.1).
 */
#include <string.h>

#include "rules.h"

static bool is_established(const struct starttap_session *s)
{
    return s->tls != NULL && s->tls->established == STARTTAP_YES;
}

static void add_hello_evidence(struct starttap_draft *draft, const struct starttap_session *s)
{
    if (s->tls->began[STARTTAP_CLIENT])
        starttap_draft_evidence(
            draft, (struct starttap_evidence){ .kind = "record",
                                               .side = STARTTAP_CLIENT,
                                               .where = s->tls->began_at[STARTTAP_CLIENT],
                                               .offset = s->mail->requested_end,
                                               .text = "ClientHello" });
}

bool starttls_upgraded(const struct starttap_session *s, const struct starttap_core *core,
                       struct starttap_draft *draft)
{
    enum { ONE_SIDE = 70 };
    if (s->mail == NULL || s->mail->accepted != STARTTAP_YES || !is_established(s))
        return false;
    const struct starttap_tls *tls = s->tls;
    bool both = s->streams[STARTTAP_CLIENT]->seen && s->streams[STARTTAP_SERVER]->seen;
    draft->finding.severity = STARTTAP_INFO;
    draft->finding.confidence = both ? SURE : ONE_SIDE;
    starttap_draft_value(draft, "keyword", upgrade_word(s->mail));
    if (tls->server_hello != NULL) {
        starttap_draft_value(draft, "version", core->version_name(tls->server_hello->version));
        starttap_draft_value(draft, "cipher", tls->server_hello->cipher_name);
    }
    starttap_draft_value(draft, "group", tls->group_name);
    add_reply_evidence(draft, s->mail);
    add_hello_evidence(draft, s);
    return true;
}

bool starttls_pipelined(const struct starttap_session *s, const struct starttap_core *core,
                        struct starttap_draft *draft)
{
    const struct starttap_note *note = starttap_note_find(s->mail, STARTTAP_NOTE_PIPELINED_HELLO);
    (void)core;
    if (note == NULL)
        return false;
    draft->finding.severity = STARTTAP_LOW;
    draft->finding.confidence = LIKELY;
    starttap_draft_value(draft, "keyword", upgrade_word(s->mail));
    starttap_draft_value(draft, "reply", s->mail->reply);
    starttap_draft_number(draft, "offset", note->offset);
    starttap_draft_evidence(draft, (struct starttap_evidence){ .kind = "record",
                                                               .side = STARTTAP_CLIENT,
                                                               .where = note->where,
                                                               .offset = note->offset,
                                                               .text = "ClientHello" });
    return true;
}

/* --- a handshake that did not end well --- */

/* How far it had come: the catalogue's word, and the last message seen. */
static const struct stage {
    const char *name, *message;
} stages[] = {
    [STARTTAP_STAGE_NONE] = { "no_serverhello", "ClientHello" },
    [STARTTAP_STAGE_CLIENT_HELLO] = { "no_serverhello", "ClientHello" },
    [STARTTAP_STAGE_SERVER_HELLO] = { "after_serverhello", "ServerHello" },
    [STARTTAP_STAGE_CERTIFICATE] = { "after_certificate", "Certificate" },
    [STARTTAP_STAGE_SERVER_DONE] = { "after_ske", "ServerHelloDone" },
    [STARTTAP_STAGE_CLIENT_KEY] = { "after_clientkey", "ClientKeyExchange" },
    [STARTTAP_STAGE_ENCRYPTED] = { "after_changecipherspec", "ChangeCipherSpec" },
    [STARTTAP_STAGE_ESTABLISHED] = { "after_changecipherspec", "ChangeCipherSpec" },
};

/* The alert that says why: a fatal one in clear, else the first of all. */
static const struct starttap_alert *telling_alert(const struct starttap_tls *tls)
{
    enum { FATAL = 2 };
    for (size_t i = 0; i < tls->alert_count; i++)
        if (!tls->alerts[i].encrypted && tls->alerts[i].level == FATAL)
            return &tls->alerts[i];
    return tls->alert_count > 0 ? &tls->alerts[0] : NULL;
}

static bool is_13(const struct starttap_tls *tls)
{
    enum { TLS13 = 0x0304 };
    return tls->server_hello != NULL && tls->server_hello->version >= TLS13;
}

/* Nothing more came, for as long as a connection is remembered; what is encrypted might be the end
 * of a handshake that went well. */
static bool fell_silent(const struct starttap_session *s)
{
    return s->ended && s->how == STARTTAP_TIMEOUT && !is_13(s->tls) &&
           s->tls->established != STARTTAP_YES && s->tls->stage < STARTTAP_STAGE_ENCRYPTED;
}

/* It went away or answered in text instead of TLS: rules of their own. */
static bool server_never_began(const struct starttap_session *s)
{
    bool closed = (s->how == STARTTAP_FIN || s->how == STARTTAP_RST) && s->ended_by_known &&
                  s->ended_by == STARTTAP_SERVER;
    return !s->tls->began[STARTTAP_SERVER] &&
           (closed || has_note(s->mail, STARTTAP_NOTE_PLAINTEXT_REPLY_TO_HELLO));
}

static const char *who_gave_up(const struct starttap_session *s, const struct starttap_alert *alert)
{
    if (alert != NULL && alert->encrypted)
        return alert->side == STARTTAP_CLIENT ? "client_hidden_alert" : "server_hidden_alert";
    if (alert != NULL)
        return alert->side == STARTTAP_CLIENT ? "client_rejected" : "server_rejected";
    if (s->how == STARTTAP_TIMEOUT)
        return "timeout";
    /* One that leaves at once has not waited for an answer. */
    const int64_t patience_ns = INT64_C(10) * 1000000000;
    if (!s->tls->began[STARTTAP_SERVER] && s->end_ns - s->mail->accepted_at.time_ns >= patience_ns)
        return "no_answer";
    if (!s->ended_by_known)
        return "";
    return s->ended_by == STARTTAP_CLIENT ? "client_left" : "server_left";
}

/* RFC 8460 section 4.3. Alerts of the server's about certificates are about the client's. */
static const char *tlsrpt_of(const struct starttap_alert *alert)
{
    static const struct {
        uint8_t code;
        const char *type;
    } types[] = {
        { 42, "certificate-not-trusted" }, { 43, "certificate-not-trusted" },
        { 44, "certificate-not-trusted" }, { 45, "certificate-expired" },
        { 46, "certificate-not-trusted" }, { 48, "certificate-not-trusted" },
    };
    bool known = alert != NULL && !alert->encrypted && alert->side == STARTTAP_CLIENT;
    for (size_t i = 0; known && i < sizeof types / sizeof types[0]; i++)
        if (types[i].code == alert->code)
            return types[i].type;
    return "validation-failure";
}

/* Two numbers in the list are signals and no suites (RFC 5746, RFC 7507). */
static size_t suite_count(const struct starttap_u16s *ciphers)
{
    enum { RENEGOTIATION_SCSV = 0x00ff, FALLBACK_SCSV = 0x5600 };
    size_t count = 0;
    for (size_t i = 0; i < ciphers->count; i++)
        if (ciphers->at[i] != RENEGOTIATION_SCSV && ciphers->at[i] != FALLBACK_SCSV)
            count++;
    return count;
}

/* What the alert of the side that gave up says of the cause, where it says it plainly. */
static void add_cause(struct starttap_draft *draft, const struct starttap_alert *alert)
{
    enum { INTERNAL_ERROR = 80, HANDSHAKE_FAILURE = 40, PROTOCOL_VERSION = 70, LOW_SECURITY = 71 };
    if (alert == NULL || alert->encrypted)
        return;
    bool certificate = (alert->code >= 42 && alert->code <= 46) || alert->code == 48;
    bool offer = alert->code == HANDSHAKE_FAILURE || alert->code == PROTOCOL_VERSION ||
                 alert->code == LOW_SECURITY;
    if (alert->code == INTERNAL_ERROR)
        starttap_draft_value(draft, "own_fault", "internal_error");
    else if (certificate && alert->side == STARTTAP_CLIENT)
        starttap_draft_number(draft, "certificate_alert", alert->code);
    else if (offer)
        starttap_draft_number(draft, "offer_alert", alert->code);
}

/* Both offers, side by side. */
static void add_offers(struct starttap_draft *draft, const struct starttap_session *s,
                       const struct starttap_core *core)
{
    const struct starttap_tls *tls = s->tls;
    if (tls->client_hello != NULL) {
        uint16_t highest = tls->client_hello->version_max;
        const char *name = core->version_name(highest != 0 ? highest : tls->client_hello->version);
        starttap_draft_list(draft, "client_version", &name, 1); /* a copy: the name may not last */
        starttap_draft_number(draft, "client_ciphers", suite_count(&tls->client_hello->ciphers));
    }
    if (tls->server_hello != NULL) {
        starttap_draft_value(draft, "server_version",
                             core->version_name(tls->server_hello->version));
        starttap_draft_value(draft, "cipher", tls->server_hello->cipher_name);
    }
    if (s->chain != NULL && s->chain->count > 0 && s->chain->certificates[0].parsed) {
        starttap_draft_value(draft, "certificate", s->chain->certificates[0].subject);
        starttap_draft_value(draft, "issuer", s->chain->certificates[0].issuer);
    }
}

bool starttls_handshake_failed(const struct starttap_session *s, const struct starttap_core *core,
                               struct starttap_draft *draft)
{
    const struct starttap_mail *mail = s->mail;
    if (mail == NULL || mail->accepted != STARTTAP_YES || s->tls == NULL || !all_seen(s) ||
        (s->tls->client_hello == NULL && !s->tls->ssl2))
        return false;
    /* Text again ends a handshake as well as a FIN does. */
    bool text =
        has_note(mail, STARTTAP_NOTE_PLAINTEXT_AFTER_ACCEPT) && s->tls->established != STARTTAP_YES;
    bool failed = s->tls->established == STARTTAP_NO || text;
    if (!((s->ended && failed) || fell_silent(s)) || server_never_began(s))
        return false;

    const struct starttap_alert *alert = telling_alert(s->tls);
    const struct stage *stage = &stages[s->tls->stage];
    bool clear = text || exposed_since(mail, mail->requested_end);
    draft->finding.severity = with_policy(s, clear ? STARTTAP_HIGH : STARTTAP_MEDIUM);
    draft->finding.variant = who_gave_up(s, alert);
    draft->finding.tlsrpt = tlsrpt_of(alert);
    starttap_draft_value(draft, "keyword", upgrade_word(mail));
    starttap_draft_value(draft, "stage", stage->name);
    starttap_draft_value(draft, "last_message", stage->message);
    if (alert != NULL && !alert->encrypted) {
        starttap_draft_value(draft, "alert", core->alert_name(alert->code));
        starttap_draft_number(draft, "alert_code", alert->code);
        add_cause(draft, alert);
    }
    add_offers(draft, s, core);
    add_seconds(draft, "after_s", mail->accepted_at.time_ns, s->end_ns);
    if (clear)
        starttap_draft_value(draft, "clear_command", mail->clear_command);
    add_hello_evidence(draft, s);
    if (alert != NULL)
        starttap_draft_evidence(draft, (struct starttap_evidence){ .kind = "record",
                                                                   .side = alert->side,
                                                                   .where = alert->where,
                                                                   .text = "Alert" });
    else
        starttap_draft_evidence(
            draft,
            (struct starttap_evidence){ .kind = "end", .side = s->ended_by, .where = s->end_at });
    return true;
}

/* --- a handshake that went well, for nothing --- */

/* Leaving at once: EHLO again and QUIT, or LOGOUT. Finished is in front of it and mostly an alert
 * behind, which look like data in TLS 1.3. */
static bool did_no_work(const struct starttap_session *s)
{
    enum { GOODBYE_LEN = 64, ALERT_LEN = 35 /* with Java's padding */, FEW_BYTES = 600 };
    const struct starttap_encrypted *client = s->tls->encrypted[STARTTAP_CLIENT];
    const uint16_t *lengths = client->first_lengths;
    size_t first = is_13(s->tls) ? 1 : client->handshake_records, end = client->first_count;
    bool logs_in_first = s->role == STARTTAP_ROLE_ACCESS || s->role == STARTTAP_ROLE_SIEVE;

    if (client->handshake_records + client->application_records + client->alerts != end ||
        client->application_bytes >= FEW_BYTES)
        return false; /* more than the lengths that are kept */
    end = end > client->alerts ? end - client->alerts : 0;
    if (is_13(s->tls) && end > first && lengths[end - 1] <= ALERT_LEN)
        end--;
    size_t said = end > first ? end - first : 0;
    return said <= (logs_in_first ? 1 : 2) && (said == 0 || lengths[end - 1] <= GOODBYE_LEN);
}

bool starttls_client_left(const struct starttap_session *s, const struct starttap_core *core,
                          struct starttap_draft *draft)
{
    const int64_t soon_ns = INT64_C(2) * 1000000000;
    const struct starttap_tls *tls = s->tls;
    if (!is_established(s) || !all_seen(s) || !did_no_work(s) ||
        (s->how != STARTTAP_FIN && s->how != STARTTAP_RST))
        return false;
    bool spoke = tls->encrypted[STARTTAP_CLIENT]->application_records > (is_13(tls) ? 2 : 0);
    bool by_client = s->ended_by_known && s->ended_by == STARTTAP_CLIENT;
    int64_t stayed_ns = s->end_at.time_ns - tls->established_at.time_ns;
    if (!(spoke || by_client) || stayed_ns < 0 || stayed_ns > soon_ns)
        return false;

    draft->finding.severity = STARTTAP_LOW;
    draft->finding.confidence = spoke ? 40 : 25; /* a probe does not even say goodbye */
    draft->finding.variant = spoke ? "" : "probe";
    if (tls->server_hello != NULL) {
        starttap_draft_value(draft, "version", core->version_name(tls->server_hello->version));
        starttap_draft_value(draft, "cipher", tls->server_hello->cipher_name);
    }
    if (s->chain != NULL && s->chain->count > 0 && s->chain->certificates[0].parsed) {
        const struct starttap_certificate *leaf = &s->chain->certificates[0];
        starttap_draft_value(draft, "certificate", leaf->subject);
        starttap_draft_list(draft, "names", leaf->names, leaf->name_count);
        starttap_draft_value(draft, "issuer", leaf->issuer);
    }
    starttap_draft_number(draft, "records", tls->encrypted[STARTTAP_CLIENT]->application_records);
    starttap_draft_number(draft, "bytes", tls->encrypted[STARTTAP_CLIENT]->application_bytes);
    starttap_draft_evidence(draft, (struct starttap_evidence){ .kind = "record",
                                                               .side = STARTTAP_CLIENT,
                                                               .where = tls->established_at,
                                                               .text = "Finished" });
    starttap_draft_evidence(draft, (struct starttap_evidence){
                                       .kind = "end", .side = s->ended_by, .where = s->end_at });
    return true;
}
