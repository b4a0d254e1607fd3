/* SPDX-License-Identifier: Apache-2.0
 * tls_features.c - judges extensions and features of one connection: what protects it, what
 * endangers it, and what is merely worth knowing.
 *
 * RFC 7627 (extended master secret), 5746 (renegotiation), 6520 (heartbeat), 9325 sections 3.3 to
 * 3.10 and 4.6, 8446 appendix E.5 (early data). Of a client certificate in TLS 1.3 only the sizes
 * of records tell.
 */
#include <string.h>

#include "features.h"

enum { SSL3 = 0x0300, TLS10 = 0x0301, TLS12 = 0x0303 };
enum { TYPE_AND_TAG = 1 + 16, MESSAGE_HEADER = 4 };

struct rule {
    const char *id;
    void (*judge)(const struct scene *at, struct starttap_draft *draft);
};

/* --- what rules share --- */

void features_record(struct starttap_draft *draft, enum starttap_side side,
                     struct starttap_mark where, const char *text)
{
    starttap_draft_evidence(
        draft,
        (struct starttap_evidence){ .kind = "record", .side = side, .where = where, .text = text });
}

void features_report(const struct scene *at, struct starttap_draft *draft,
                     enum starttap_severity severity)
{
    draft->finding.severity = starttap_severity_for(at->session, severity, 0);
    if (at->client != NULL) {
        starttap_draft_names(draft, "client_max",
                             (struct starttap_u16s){ &at->client->version_max, 1 }, 1,
                             at->core->version_name);
        features_record(draft, STARTTAP_CLIENT, at->client->where, "ClientHello");
    }
    if (at->server != NULL) {
        starttap_draft_names(draft, "version", (struct starttap_u16s){ &at->server->version, 1 }, 1,
                             at->core->version_name);
        starttap_draft_value(draft, "suite", at->server->cipher_name);
        features_record(draft, STARTTAP_SERVER, at->server->where, "ServerHello");
    }
    starttap_draft_report(draft, at->core, at->session);
}

/* The server chose a version from `from` on, up to TLS 1.2. */
static bool is_before_13(const struct scene *at, uint16_t from)
{
    return at->server != NULL && !at->server->ssl2 && at->server->version >= from &&
           at->server->version <= TLS12;
}

static const struct starttap_tls_note *note_of(const struct starttap_tls *tls,
                                               enum starttap_tls_note_kind kind)
{
    for (size_t i = 0; i < tls->note_count; i++)
        if (tls->notes[i].kind == kind)
            return &tls->notes[i];
    return NULL;
}

const char *features_side(enum starttap_side side)
{
    return side == STARTTAP_CLIENT ? "client" : "server";
}

/* --- hardening that is missing, options that are dangerous --- */

static void judge_ems(const struct scene *at, struct starttap_draft *draft)
{
    if (!is_before_13(at, TLS10) || at->tls->resumed != STARTTAP_NO || at->client == NULL)
        return;
    if (!at->client->ems || at->server->ems)
        return;
    features_report(at, draft,
                    at->session->role == STARTTAP_ROLE_ACCESS ? STARTTAP_LOW : STARTTAP_INFO);
}

/* A server cannot answer a signal that it was not given. */
static void judge_renegotiation_info(const struct scene *at, struct starttap_draft *draft)
{
    if (!is_before_13(at, SSL3) || at->client == NULL || at->server->renegotiation_info)
        return;
    bool signalled = at->client->renegotiation_info;
    draft->finding.variant = signalled ? NULL : "client_no_reneg_info";
    features_report(at, draft, signalled ? STARTTAP_MEDIUM : STARTTAP_INFO);
}

static void judge_renegotiation(const struct scene *at, struct starttap_draft *draft)
{
    const struct starttap_tls_note *note = note_of(at->tls, STARTTAP_TLS_RENEGOTIATION);

    if (note == NULL || at->session->midstream || !is_before_13(at, SSL3) ||
        at->tls->established != STARTTAP_YES)
        return;
    starttap_draft_value(draft, "by", features_side(note->side));
    starttap_draft_number(draft, "record_len", note->len);
    starttap_draft_value(draft, "secure", at->server->renegotiation_info ? "yes" : "");
    starttap_draft_value(draft, "insecure", at->server->renegotiation_info ? "" : "yes");
    features_record(draft, note->side, note->where, "handshake record after establishment");
    features_report(at, draft, STARTTAP_LOW);
}

static void judge_compression(const struct scene *at, struct starttap_draft *draft)
{
    bool chosen = at->server != NULL && at->server->compression;
    bool offered = at->client != NULL && at->client->compression;

    if (!chosen && !offered)
        return;
    draft->finding.variant = chosen ? NULL : "offered";
    features_report(at, draft, chosen ? STARTTAP_HIGH : STARTTAP_INFO);
}

static void judge_truncated_hmac(const struct scene *at, struct starttap_draft *draft)
{
    if (at->server != NULL && at->server->truncated_hmac)
        features_report(at, draft, STARTTAP_MEDIUM);
}

/* --- early data, resumption --- */

/* RFC 8446 section 4.1.2: a retry means that the early data were not taken. Where the server's
 * answer is missing, what looks early may be late. */
static void judge_early_data(const struct scene *at, struct starttap_draft *draft)
{
    const struct starttap_tls_note *note = note_of(at->tls, STARTTAP_TLS_EARLY_DATA);

    if (note == NULL || at->client == NULL || !at->session->streams[STARTTAP_SERVER]->whole ||
        (at->server == NULL && !at->tls->hello_retry))
        return;
    draft->finding.variant = at->tls->hello_retry ? "rejected" : NULL;
    starttap_draft_number(draft, "record_len", note->len);
    features_record(draft, STARTTAP_CLIENT, note->where, "early data");
    features_report(at, draft, at->tls->hello_retry ? STARTTAP_INFO : STARTTAP_LOW);
}

static void judge_resumed(const struct scene *at, struct starttap_draft *draft)
{
    if (at->tls->resumed != STARTTAP_YES || at->server == NULL)
        return;
    draft->finding.variant = at->server->psk ? "psk" : NULL;
    features_report(at, draft, STARTTAP_INFO);
}

/* --- client certificates --- */

enum asked { ASKED_UNKNOWN, ASKED_NONE_SENT, ASKED_SENT };

/* In TLS 1.3 the client's Finished comes first, or behind its certificate (RFC 8446 section 4.4).
 * So records of exactly these sizes tell: an empty Certificate and Finished; or a Certificate, a
 * CertificateVerify no larger than an RSA key of 8192 bits makes it, and Finished. */
static enum asked asked_13(const struct scene *at)
{
    const struct starttap_encrypted *sent = at->tls->encrypted[STARTTAP_CLIENT];
    if (at->server == NULL || at->server->version <= TLS12 || sent == NULL ||
        strstr(at->server->cipher_name, "CCM_8") != NULL ||
        note_of(at->tls, STARTTAP_TLS_EARLY_DATA) != NULL)
        return ASKED_UNKNOWN;
    const unsigned hash = strstr(at->server->cipher_name, "SHA384") != NULL ? 48 : 32;
    const unsigned finished = MESSAGE_HEADER + hash + TYPE_AND_TAG;
    const unsigned empty = MESSAGE_HEADER + 1 + 3 + TYPE_AND_TAG;
    const unsigned verify_min = MESSAGE_HEADER + 4 + 64 + TYPE_AND_TAG;
    const unsigned verify_max = MESSAGE_HEADER + 4 + 1024 + TYPE_AND_TAG;
    const uint16_t *len = sent->first_lengths;

    if (sent->first_count >= 2 && len[0] == empty && len[1] == finished)
        return ASKED_NONE_SENT;
    if (sent->first_count >= 3 && len[0] > 200 && len[1] >= verify_min && len[1] <= verify_max &&
        len[2] == finished)
        return ASKED_SENT;
    return ASKED_UNKNOWN;
}

static void judge_certificate(const struct scene *at, struct starttap_draft *draft, bool seen,
                              bool told)
{
    if (at->server == NULL || (!seen && !told))
        return;
    draft->finding.variant = seen ? NULL : "sizes";
    if (!seen)
        draft->finding.confidence = 75;
    if (at->session->client_chain != NULL && at->session->client_chain->count > 0)
        starttap_draft_value(draft, "subject", at->session->client_chain->certificates[0].subject);
    features_report(at, draft, STARTTAP_INFO);
}

static void judge_requested(const struct scene *at, struct starttap_draft *draft)
{
    judge_certificate(at, draft, at->tls->client_certificate_requested,
                      asked_13(at) != ASKED_UNKNOWN);
}

static void judge_sent(const struct scene *at, struct starttap_draft *draft)
{
    judge_certificate(at, draft, at->tls->client_certificate_sent, asked_13(at) == ASKED_SENT);
}

static void judge_none(const struct scene *at, struct starttap_draft *draft)
{
    judge_certificate(at, draft, at->tls->client_certificate_empty,
                      asked_13(at) == ASKED_NONE_SENT);
}

/* --- names --- */

static void judge_ech(const struct scene *at, struct starttap_draft *draft)
{
    if (at->client == NULL || !at->client->ech)
        return;
    starttap_draft_value(draft, "outer", at->client->server_name);
    features_report(at, draft, STARTTAP_INFO);
}

static void judge_alpn(const struct scene *at, struct starttap_draft *draft)
{
    static const char *const web[] = { "http/1.0", "http/1.1", "h2" };
    bool mail = at->session->mail != NULL || at->session->mail_port;

    for (size_t i = 0; at->server != NULL && mail && i < sizeof web / sizeof web[0]; i++) {
        if (strcmp(at->server->alpn, web[i]) != 0)
            continue;
        starttap_draft_value(draft, "chosen", web[i]);
        if (at->client != NULL)
            (void)starttap_draft_list(draft, "offered", at->client->alpn, at->client->alpn_count);
        features_report(at, draft, STARTTAP_LOW);
    }
}

static void judge_sni(const struct scene *at, struct starttap_draft *draft)
{
    bool people =
        at->session->role == STARTTAP_ROLE_ACCESS || at->session->role == STARTTAP_ROLE_SUBMISSION;

    if (!people || at->client == NULL || at->client->server_name_sent || at->client->ech ||
        at->client->malformed)
        return;
    starttap_draft_value(draft, "old", at->client->ssl2 ? "SSL 2.0" : "");
    features_report(at, draft, STARTTAP_INFO);
}

/* clang-format off */
static const struct rule rows[] = {
    { "tls.ems.missing", judge_ems },
    { "tls.reneg.insecure", judge_renegotiation_info },
    { "tls.renegotiation", judge_renegotiation },
    { "tls.compression", judge_compression },
    { "tls.heartbeat.enabled", features_heartbeat },
    { "tls.heartbleed.attempt", features_attempt },
    { "tls.heartbleed.success", features_success },
    { "tls.early_data", judge_early_data },
    { "tls.truncated_hmac", judge_truncated_hmac },
    { "tls.resumed", judge_resumed },
    { "tls.client_cert.requested", judge_requested },
    { "tls.client_cert.sent", judge_sent },
    { "tls.client_cert.none", judge_none },
    { "tls.ech", judge_ech },
    { "tls.alpn.odd", judge_alpn },
    { "tls.sni.missing", judge_sni },
};
/* clang-format on */

static void judge(void *state, const void *prepared, const struct starttap_session *session,
                  const struct starttap_core *core)
{
    (void)state;
    (void)prepared;
    if (session->tls == NULL)
        return;
    struct scene at = { .core = core,
                        .session = session,
                        .tls = session->tls,
                        .client = session->tls->client_hello,
                        .server = session->tls->server_hello };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct starttap_draft draft = { .finding = { .rule = rows[i].id, .confidence = 99 } };
        rows[i].judge(&at, &draft);
    }
}

STARTTAP_EXPORT(tls_features)
{
    static const char *const ids[] = {
        "tls.ems.missing",
        "tls.reneg.insecure",
        "tls.renegotiation",
        "tls.compression",
        "tls.heartbeat.enabled",
        "tls.heartbleed.attempt",
        "tls.heartbleed.success",
        "tls.early_data",
        "tls.truncated_hmac",
        "tls.resumed",
        "tls.client_cert.requested",
        "tls.client_cert.sent",
        "tls.client_cert.none",
        "tls.ech",
        "tls.alpn.odd",
        "tls.sni.missing",
        NULL,
    };
    static const struct starttap_detector detector = {
        .abi = STARTTAP_PLUGIN_ABI,
        .size = sizeof detector,
        .name = "tls_features",
        .scope = STARTTAP_SCOPE_SESSION,
        .rules = ids,
        .judge = judge,
    };
    return &detector;
}
