/* SPDX-License-Identifier: Apache-2.0
 * refusals.c - alerts that are encrypted: that there was one is told by its type (TLS 1.2 and
 * before) or by its length and place (TLS 1.3), what it says is not.
 *
 * Lengths follow from the suite: RFC 5246 section 6.2.3, 7366 section 3, 5288, 6655, 7905, 8446
 * section 5.2. In the middle of a session a length proves nothing: an empty line is as long.
 */
#include <string.h>

#include "alerts.h"

enum { ALERT = 2, TAG = 16, SHORT_TAG = 8, CONTENT_TYPE = 1, MESSAGE_HEADER = 4 };
enum { FATAL = 2, TYPE_APPLICATION = 23, TLS11 = 0x0302 };
enum { ZEROS = 16 }; /* Java pads every record of TLS 1.3 by that many */

static bool has(const char *name, const char *part) { return strstr(name, part) != NULL; }

static unsigned tag_len(const char *suite) { return has(suite, "CCM_8") ? SHORT_TAG : TAG; }

static bool is_alert_13(const struct scene *at, unsigned len)
{
    unsigned alert = ALERT + CONTENT_TYPE + tag_len(at->server->cipher_name);
    return len == alert || len == alert + ZEROS;
}

static bool is_finished_13(const struct scene *at, unsigned len)
{
    const char *suite = at->server->cipher_name;
    unsigned hash = has(suite, "SHA384") ? 48 : 32;
    unsigned finished = MESSAGE_HEADER + hash + CONTENT_TYPE + tag_len(suite);
    return len == finished || len == finished + ZEROS;
}

/* Followed from its beginning to an end that somebody made, and never completed. */
static bool was_ended(const struct scene *at)
{
    const struct starttap_session *session = at->session;
    const struct starttap_tls *tls = at->tls;
    bool closed = session->how == STARTTAP_FIN || session->how == STARTTAP_RST;
    return session->ended && closed && !session->midstream && !session->guessed &&
           session->streams[STARTTAP_CLIENT]->whole && session->streams[STARTTAP_SERVER]->whole &&
           !tls->lost[STARTTAP_CLIENT] && !tls->lost[STARTTAP_SERVER] && at->client != NULL &&
           at->server != NULL && tls->established != STARTTAP_YES;
}

static bool is_13(const struct scene *at)
{
    return !at->server->ssl2 && at->server->version > TLS12;
}

static bool had_early_data(const struct starttap_tls *tls)
{
    for (size_t i = 0; i < tls->note_count; i++)
        if (tls->notes[i].kind == STARTTAP_TLS_EARLY_DATA)
            return true;
    return false;
}

static void report(const struct scene *at, struct starttap_draft *draft)
{
    draft->finding.severity = starttap_severity_for(at->session, STARTTAP_MEDIUM, 0);
    alerts_offers(at, draft);
    starttap_draft_report(draft, at->core, at->session);
}

/* --- the client, TLS 1.3 --- */

static const struct starttap_alert *client_alert_in_clear(const struct starttap_tls *tls)
{
    for (size_t i = 0; i < tls->alert_count; i++) {
        const struct starttap_alert *alert = &tls->alerts[i];
        if (!alert->encrypted && alert->side == STARTTAP_CLIENT && alert->level == FATAL &&
            alert->stage >= STARTTAP_STAGE_SERVER_HELLO)
            return alert;
    }
    return NULL;
}

/* OpenSSL says why, in clear. Others send one record of an alert's length, where their Finished
 * belongs. */
void alerts_client_13(const struct scene *at, struct starttap_draft *draft)
{
    if (!was_ended(at) || !is_13(at) ||
        at->tls->encrypted[STARTTAP_SERVER]->application_records == 0)
        return;
    const struct starttap_encrypted *sent = at->tls->encrypted[STARTTAP_CLIENT];
    const struct starttap_alert *clear = client_alert_in_clear(at->tls);

    if (clear != NULL && sent->application_records == 0) {
        draft->finding.variant = "clear";
        starttap_draft_value(draft, "alert", at->core->alert_name(clear->code));
        starttap_draft_number(draft, "code", clear->code);
        alerts_record(draft, STARTTAP_CLIENT, clear->where, at->core->alert_name(clear->code));
        report(at, draft);
        return;
    }
    if (sent->application_records != 1 || sent->last_type != TYPE_APPLICATION ||
        !is_alert_13(at, sent->first_lengths[0]) || had_early_data(at->tls))
        return;
    draft->finding.confidence = 85;
    starttap_draft_number(draft, "record_len", sent->first_lengths[0]);
    starttap_draft_number(draft, "server_records",
                          at->tls->encrypted[STARTTAP_SERVER]->application_records);
    alerts_record(draft, STARTTAP_CLIENT, sent->last_at, "record of an alert's length");
    report(at, draft);
}

/* --- the server, TLS 1.3 --- */

static bool client_finished(const struct scene *at)
{
    const struct starttap_encrypted *sent = at->tls->encrypted[STARTTAP_CLIENT];
    for (unsigned i = 0; i < sent->first_count; i++)
        if (is_finished_13(at, sent->first_lengths[i]))
            return true;
    return false;
}

/* That nothing but this record followed the client's Finished is what kept the connection from
 * counting as established. */
void alerts_server_13(const struct scene *at, struct starttap_draft *draft)
{
    if (!was_ended(at) || !is_13(at) || !client_finished(at))
        return;
    const struct starttap_encrypted *sent = at->tls->encrypted[STARTTAP_SERVER];
    const struct starttap_encrypted *client = at->tls->encrypted[STARTTAP_CLIENT];

    if (sent->last_type != TYPE_APPLICATION || !is_alert_13(at, sent->last_length) ||
        sent->application_records < 2 || sent->last_at.time_ns < client->ccs_at.time_ns)
        return;
    draft->finding.confidence = 75;
    starttap_draft_number(draft, "record_len", sent->last_length);
    if (!is_finished_13(at, client->last_length))
        starttap_draft_number(draft, "data_len", client->last_length);
    alerts_record(draft, STARTTAP_SERVER, sent->last_at, "record of an alert's length");
    report(at, draft);
}

/* --- the client, TLS 1.2 and before --- */

static unsigned mac_len(const char *suite)
{
    return has(suite, "_SHA384") ? 48 : has(suite, "_SHA256") ? 32 : has(suite, "_MD5") ? 16 : 20;
}

static unsigned rounded(unsigned len, unsigned block) { return (len + block - 1) / block * block; }

/* 0 where the suite does not tell. */
static unsigned alert_len_12(const struct starttap_server_hello *hello)
{
    const char *suite = hello->cipher_name;
    unsigned classes = hello->cipher_classes, mac = mac_len(suite);
    unsigned block = has(suite, "DES") || has(suite, "IDEA") || has(suite, "RC2") ? 8 : 16;
    unsigned iv = hello->version >= TLS11 ? block : 0;

    if (has(suite, "CHACHA20"))
        return ALERT + TAG;
    if ((classes & STARTTAP_CIPHER_AEAD) != 0)
        return 8 + ALERT + tag_len(suite);
    if ((classes & STARTTAP_CIPHER_CBC) != 0)
        return hello->etm ? iv + rounded(ALERT + 1, block) + mac
                          : iv + rounded(ALERT + mac + 1, block);
    if ((classes & (STARTTAP_CIPHER_RC4 | STARTTAP_CIPHER_NULL)) != 0)
        return ALERT + mac;
    return 0;
}

/* NSS finishes its side of the handshake, and then says what it thinks of the certificate. */
void alerts_client_12(const struct scene *at, struct starttap_draft *draft)
{
    if (!was_ended(at) || is_13(at) || at->server->ssl2)
        return;
    const struct starttap_encrypted *sent = at->tls->encrypted[STARTTAP_CLIENT];
    const struct starttap_alert *alert = NULL;

    for (size_t i = 0; i < at->tls->alert_count && alert == NULL; i++)
        if (at->tls->alerts[i].encrypted && at->tls->alerts[i].side == STARTTAP_CLIENT)
            alert = &at->tls->alerts[i];
    if (alert == NULL || sent->handshake_records == 0 || sent->application_records > 0)
        return;
    unsigned expected = alert_len_12(at->server);
    draft->finding.confidence = alert->record_len == expected ? 80 : 60;
    starttap_draft_number(draft, "record_len", alert->record_len);
    if (expected > 0)
        starttap_draft_number(draft, "expected_len", expected);
    alerts_record(draft, STARTTAP_CLIENT, alert->where, "encrypted alert");
    report(at, draft);
}
