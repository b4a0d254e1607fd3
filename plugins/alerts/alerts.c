/* SPDX-License-Identifier: Apache-2.0
 * alerts.c - alerts in clear: which, by whom, how far the handshake had come, and what both sides
 * had offered. refusals.c has the encrypted ones, stuck.c handshakes that came to a halt.
 *
 * RFC 8446 section 6, 5246 section 7.2; the result types of RFC 8460 section 4.3. Two bytes, level
 * and code, are what logs of mail servers print: 02 28 is fatal, handshake_failure.
 */
#include <stdio.h>

#include "alerts.h"

enum { LEVEL_WARNING = 1, LEVEL_FATAL = 2 };
enum { CERTIFICATE_EXPIRED = 45, UNKNOWN_CA = 48, UNRECOGNIZED_NAME = 112 };

static const char not_trusted[] = "certificate-not-trusted", expired[] = "certificate-expired";
static const char failed[] = "validation-failure";

struct rule {
    const char *id;
    void (*judge)(const struct scene *at, struct starttap_draft *draft);
};

/* Codes that are not here are of low severity and "validation-failure". */
/* clang-format off */
static const struct meaning {
    uint8_t code;
    enum starttap_severity severity;
    const char *tlsrpt; /* when a client says it */
} meanings[] = {
    { 0, STARTTAP_INFO, NULL },            /* close_notify */
    { 10, STARTTAP_MEDIUM, failed },       /* unexpected_message */
    { 20, STARTTAP_MEDIUM, failed },       /* bad_record_mac */
    { 21, STARTTAP_MEDIUM, failed },       /* decryption_failed */
    { 22, STARTTAP_MEDIUM, failed },       /* record_overflow */
    { 40, STARTTAP_MEDIUM, failed },       /* handshake_failure */
    { 41, STARTTAP_INFO, NULL },           /* no_certificate */
    { 42, STARTTAP_MEDIUM, not_trusted },  /* bad_certificate */
    { 43, STARTTAP_MEDIUM, not_trusted },  /* unsupported_certificate */
    { 44, STARTTAP_HIGH, not_trusted },    /* certificate_revoked */
    { 45, STARTTAP_MEDIUM, expired },      /* certificate_expired */
    { 46, STARTTAP_MEDIUM, not_trusted },  /* certificate_unknown */
    { 47, STARTTAP_HIGH, failed },         /* illegal_parameter */
    { 48, STARTTAP_MEDIUM, not_trusted },  /* unknown_ca */
    { 50, STARTTAP_MEDIUM, failed },       /* decode_error */
    { 51, STARTTAP_HIGH, failed },         /* decrypt_error */
    { 70, STARTTAP_MEDIUM, failed },       /* protocol_version */
    { 71, STARTTAP_MEDIUM, failed },       /* insufficient_security */
    { 80, STARTTAP_MEDIUM, failed },       /* internal_error */
    { 86, STARTTAP_MEDIUM, failed },       /* inappropriate_fallback */
    { 90, STARTTAP_INFO, NULL },           /* user_canceled */
    { 100, STARTTAP_INFO, NULL },          /* no_renegotiation */
    { 109, STARTTAP_MEDIUM, failed },      /* missing_extension */
    { 110, STARTTAP_MEDIUM, failed },      /* unsupported_extension */
    { 112, STARTTAP_MEDIUM, failed },      /* unrecognized_name */
    { 113, STARTTAP_MEDIUM, not_trusted }, /* bad_certificate_status_response */
    { 115, STARTTAP_INFO, NULL },          /* unknown_psk_identity */
    { 116, STARTTAP_MEDIUM, failed },      /* certificate_required */
    { 120, STARTTAP_MEDIUM, failed },      /* no_application_protocol */
    { 121, STARTTAP_INFO, NULL },          /* ech_required */
};
/* clang-format on */

static struct meaning meaning_of(uint8_t code)
{
    for (size_t i = 0; i < sizeof meanings / sizeof meanings[0]; i++)
        if (meanings[i].code == code)
            return meanings[i];
    return (struct meaning){ code, STARTTAP_LOW, failed };
}

static const char *side_name(enum starttap_side side)
{
    return side == STARTTAP_CLIENT ? "client" : "server";
}

/* The last message that was seen when the alert was sent. */
static const char *stage_name(enum starttap_tls_stage stage)
{
    static const char *const names[] = {
        [STARTTAP_STAGE_NONE] = "",
        [STARTTAP_STAGE_CLIENT_HELLO] = "ClientHello",
        [STARTTAP_STAGE_SERVER_HELLO] = "ServerHello",
        [STARTTAP_STAGE_CERTIFICATE] = "Certificate",
        [STARTTAP_STAGE_SERVER_DONE] = "ServerHelloDone",
        [STARTTAP_STAGE_CLIENT_KEY] = "ClientKeyExchange",
        [STARTTAP_STAGE_ENCRYPTED] = "ChangeCipherSpec",
        [STARTTAP_STAGE_ESTABLISHED] = "Finished",
    };
    return (size_t)stage < sizeof names / sizeof names[0] ? names[stage] : "";
}

/* A warning that did not keep the handshake from being completed is no failure. */
static enum starttap_severity severity_of(const struct scene *at,
                                          const struct starttap_alert *alert,
                                          enum starttap_severity severity)
{
    bool harmless = alert->code == UNRECOGNIZED_NAME || at->tls->established == STARTTAP_YES;
    if (alert->level == LEVEL_WARNING && harmless && severity > STARTTAP_LOW)
        severity = STARTTAP_LOW;
    if (severity > STARTTAP_INFO && starttap_exposed_after(at->session->mail, alert->where.time_ns))
        severity = starttap_severity_step(severity, 1);
    return starttap_severity_for(at->session, severity, 0);
}

/* Not a record, but bytes that are no TLS: a greeting or a reply, which a client that speaks TLS
 * takes for one. Where that happened is told by plugins/modes and plugins/starttls. */
static bool answered_in_clear(const struct scene *at, const struct starttap_alert *alert)
{
    const struct starttap_mail *mail = at->session->mail;
    if (alert->side != STARTTAP_CLIENT || mail == NULL || at->tls->began[STARTTAP_SERVER] ||
        !at->session->streams[STARTTAP_SERVER]->whole)
        return false;
    return (at->session->tls_first && mail->server_lines > 0) ||
           starttap_note_find(mail, STARTTAP_NOTE_PLAINTEXT_REPLY_TO_HELLO) != NULL;
}

/* The server took the hello and closed; what the client's library makes of the end is not what was
 * wrong. */
static bool closed_without_a_word(const struct scene *at, const struct starttap_alert *alert)
{
    const struct starttap_session *session = at->session;
    const struct starttap_stream *server = session->streams[STARTTAP_SERVER];
    uint64_t before = session->mail == NULL                     ? 0
                      : session->mail->accepted == STARTTAP_YES ? session->mail->reply_end
                                                                : UINT64_MAX;
    return alert->side == STARTTAP_CLIENT && at->client != NULL && server->seen && server->whole &&
           server->stream_bytes == before && session->ended_by_known &&
           session->ended_by == STARTTAP_SERVER && (server->fin || server->rst);
}

/* By the time of the packet, where the certificate was seen. */
static void give_dates(const struct scene *at, struct starttap_draft *draft)
{
    const int64_t ns_per_s = 1000000000;
    const struct starttap_chain *chain = at->session->chain;
    if (chain == NULL || chain->count == 0 || !chain->certificates[0].parsed)
        return;
    const struct starttap_certificate *leaf = &chain->certificates[0];
    bool over = leaf->not_after_s <= chain->where.time_ns / ns_per_s;
    starttap_draft_value(draft, over ? "was_over" : "is_good", leaf->not_after);
}

/* Why an issuer is not known, where the chain tells it. */
static void give_cause(const struct scene *at, struct starttap_draft *draft, const char *alert)
{
    const struct starttap_chain *chain = at->session->chain;
    if (chain != NULL && chain->count > 0 && chain->certificates[0].parsed) {
        const char *issuer = chain->certificates[0].issuer, *last = issuer;
        const unsigned aside = STARTTAP_CERT_UNUSED | STARTTAP_CERT_REPEATED;
        for (size_t i = 1; i < chain->count; i++)
            if (chain->certificates[i].parsed && (chain->certificates[i].flags & aside) == 0)
                last = chain->certificates[i].issuer;
        switch (chain->anchor) {
        case STARTTAP_ANCHOR_SELF_SIGNED_LEAF:
            starttap_draft_value(draft, "self_signed", issuer);
            return;
        case STARTTAP_ANCHOR_PUBLIC_INCOMPLETE:
            starttap_draft_value(draft, "incomplete", last);
            return;
        case STARTTAP_ANCHOR_PRIVATE: starttap_draft_value(draft, "private", last); return;
        case STARTTAP_ANCHOR_PUBLIC: starttap_draft_value(draft, "public", last); return;
        case STARTTAP_ANCHOR_NOT_VISIBLE:
        case STARTTAP_ANCHOR_NOT_VERIFIED:
        case STARTTAP_ANCHOR_NATIONAL:
        case STARTTAP_ANCHOR_CONFIGURED:
        case STARTTAP_ANCHOR_NAME_COLLISION: break;
        }
    }
    starttap_draft_value(draft, "open", alert);
}

static void report_alert(const struct scene *at, const struct starttap_alert *alert)
{
    struct starttap_draft draft = { .finding = { .rule = "tls.alert", .confidence = 99 } };
    struct meaning meaning = meaning_of(alert->code);
    const char *name = at->core->alert_name(alert->code);
    char shown[64], bytes[8], variant[64], key[16], level[8];

    if (name == NULL || name[0] == '\0')
        name = "unassigned";
    (void)snprintf(shown, sizeof shown, "%s (%u)", name, alert->code);
    (void)snprintf(bytes, sizeof bytes, "%02x%02x", alert->level, alert->code);
    (void)snprintf(level, sizeof level, "%u", alert->level);
    (void)snprintf(key, sizeof key, "%s/%u", side_name(alert->side), alert->code);
    (void)snprintf(variant, sizeof variant, "%s_%s", side_name(alert->side), name);
    draft.finding.severity = severity_of(at, alert, meaning.severity);
    draft.finding.key = key;
    draft.finding.variant = variant;
    if (answered_in_clear(at, alert)) {
        draft.finding.severity = STARTTAP_INFO;
        draft.finding.variant = "clear_answer";
    } else if (closed_without_a_word(at, alert) && meaning.severity > STARTTAP_LOW) {
        draft.finding.variant = "no_word";
    }
    draft.finding.tlsrpt =
        alert->side == STARTTAP_CLIENT || meaning.tlsrpt == NULL ? meaning.tlsrpt : failed;

    starttap_draft_value(&draft, "alert", shown);
    starttap_draft_value(&draft, "bytes", bytes);
    starttap_draft_value(&draft, "level",
                         alert->level == LEVEL_FATAL     ? "fatal"
                         : alert->level == LEVEL_WARNING ? "warning"
                                                         : level);
    starttap_draft_value(&draft, "sender", side_name(alert->side));
    starttap_draft_value(&draft, "stage", stage_name(alert->stage));
    if (alert->side == STARTTAP_CLIENT && alert->code == CERTIFICATE_EXPIRED)
        give_dates(at, &draft);
    if (alert->side == STARTTAP_CLIENT && alert->code == UNKNOWN_CA)
        give_cause(at, &draft, name);
    starttap_draft_value(&draft, "went_on", at->tls->established == STARTTAP_YES ? "yes" : "");
    alerts_record(&draft, alert->side, alert->where, name);
    alerts_offers(at, &draft);
    starttap_draft_report(&draft, at->core, at->session);
}

static bool is_repeated(const struct starttap_tls *tls, size_t index)
{
    for (size_t i = 0; i < index; i++)
        if (!tls->alerts[i].encrypted && tls->alerts[i].side == tls->alerts[index].side &&
            tls->alerts[i].code == tls->alerts[index].code)
            return true;
    return false;
}

static void judge_alerts(const struct scene *at, struct starttap_draft *draft)
{
    (void)draft; /* there may be several */
    for (size_t i = 0; i < at->tls->alert_count; i++)
        if (!at->tls->alerts[i].encrypted && !is_repeated(at->tls, i))
            report_alert(at, &at->tls->alerts[i]);
}

/* clang-format off */
static const struct rule rows[] = {
    { "tls.alert", judge_alerts },
    { "tls13.client_rejected", alerts_client_13 },
    { "tls13.server_rejected", alerts_server_13 },
    { "tls12.client_rejected_encrypted", alerts_client_12 },
    { "tls.handshake_stall", alerts_stall },
    { "tls.malformed", alerts_malformed },
    { "tls.unknown_binary", alerts_unknown },
};
/* clang-format on */

static void judge(void *state, const void *prepared, const struct starttap_session *session,
                  const struct starttap_core *core)
{
    static const struct starttap_tls none = { .began = { false, false } };
    const struct starttap_tls *tls = session->tls != NULL ? session->tls : &none;
    struct scene at = { .core = core,
                        .session = session,
                        .tls = tls,
                        .client = tls->client_hello,
                        .server = tls->server_hello };
    (void)state;
    (void)prepared;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct starttap_draft draft = { .finding = { .rule = rows[i].id, .confidence = 99 } };
        rows[i].judge(&at, &draft);
    }
}

STARTTAP_EXPORT(alerts)
{
    static const char *const ids[] = {
        "tls.alert",
        "tls13.client_rejected",
        "tls13.server_rejected",
        "tls12.client_rejected_encrypted",
        "tls.handshake_stall",
        "tls.malformed",
        "tls.unknown_binary",
        NULL,
    };
    static const struct starttap_detector detector = {
        .abi = STARTTAP_PLUGIN_ABI,
        .size = sizeof detector,
        .name = "alerts",
        .scope = STARTTAP_SCOPE_SESSION,
        .rules = ids,
        .judge = judge,
    };
    return &detector;
}
