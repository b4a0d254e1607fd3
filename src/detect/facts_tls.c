/* SPDX-License-Identifier: Apache-2.0
 * facts_tls.c - the TLS part of the facts.
 */
#include <string.h>

#include "facts_parts.h"

#define SAME(ours, theirs)                                                                         \
    _Static_assert((int)(ours) == (int)(theirs), "plugin.h and the stage differ")
SAME(TLS_SENTINEL_TLS11, STARTTAP_SENTINEL_TLS11);
SAME(CIPHER_RC4, STARTTAP_CIPHER_RC4);
SAME(CIPHER_CBC, STARTTAP_CIPHER_CBC);
SAME(CIPHER_NO_PKI, STARTTAP_CIPHER_NO_PKI);
SAME(TLS_STAGE_ESTABLISHED, STARTTAP_STAGE_ESTABLISHED);
SAME(TLS_STAGE_SERVER_DONE, STARTTAP_STAGE_SERVER_DONE);
SAME(TLS_NOTE_SECOND_HELLO, STARTTAP_TLS_SECOND_HELLO);
SAME(TLS_NOTE_HEARTBEAT_REQUEST, STARTTAP_TLS_HEARTBEAT_REQUEST);
SAME(TLS_CERT_RESUMED, STARTTAP_CERTIFICATES_RESUMED);

static struct starttap_u16s u16s(struct arena *arena, struct u16_list list)
{
    struct starttap_u16s out = { .at = NULL, .count = 0 };
    uint16_t *copy = list.count > 0 ? arena_alloc(arena, list.count * sizeof *copy) : NULL;
    if (copy == NULL)
        return out;
    memcpy(copy, list.at, list.count * sizeof *copy);
    out.at = copy;
    out.count = list.count;
    return out;
}

static void add_kinds(struct starttap_client_hello *out, struct arena *arena,
                      const struct tls_client_hello *hello)
{
    size_t len = hello->ssl2_cipher_count * sizeof(uint32_t);
    uint32_t *kinds = len > 0 ? arena_alloc(arena, len) : NULL;
    if (kinds == NULL)
        return;
    memcpy(kinds, hello->ssl2_ciphers, len);
    out->ssl2_kinds = kinds;
    out->ssl2_kind_count = hello->ssl2_cipher_count;
}

static const struct starttap_client_hello *client_hello(struct arena *arena,
                                                        const struct tls_client_hello *hello)
{
    struct starttap_client_hello *out = hello->seen ? facts_alloc(arena, sizeof *out) : NULL;
    if (out == NULL)
        return NULL;
    const char **alpn = facts_alloc(arena, hello->alpn_count * sizeof *alpn);
    for (size_t i = 0; alpn != NULL && i < hello->alpn_count; i++)
        alpn[i] = facts_text(arena, hello->alpn[i]);
    *out = (struct starttap_client_hello){
        .ssl2 = hello->ssl2,
        .version = hello->version,
        .version_max = hello->version_max,
        .versions = u16s(arena, hello->versions),
        .ciphers = u16s(arena, hello->ciphers),
        .extensions = u16s(arena, hello->extensions),
        .groups = u16s(arena, hello->groups),
        .key_shares = u16s(arena, hello->key_shares),
        .signature_algorithms = u16s(arena, hello->signature_algorithms),
        .server_name_sent = hello->server_name_sent,
        .server_name = facts_text(arena, hello->server_name),
        .alpn = alpn,
        .alpn_count = alpn != NULL ? hello->alpn_count : 0,
        .ech = hello->ech,
        .psk = hello->psk,
        .early_data = hello->early_data,
        .ticket = hello->ticket,
        .ems = hello->ems,
        .etm = hello->etm,
        .renegotiation_info = hello->renegotiation_info,
        .heartbeat = hello->heartbeat,
        .status_request = hello->status_request,
        .fallback_scsv = hello->fallback_scsv,
        .malformed = hello->malformed,
        .grease = hello->grease,
        .wire_len = hello->wire_len,
        .ja3 = facts_text(arena, text_of(hello->ja3)),
        .ja4 = facts_text(arena, text_of(hello->ja4)),
        .where = facts_mark(hello->where),
    };
    for (size_t i = 0; i < hello->ciphers.count; i++)
        out->cipher_classes |= tls_cipher_classes(hello->ciphers.at[i]);
    for (size_t i = 0; i < hello->ssl2_cipher_count; i++)
        out->cipher_classes |= tls_hello_cipher_classes(
            &(struct tls_server_hello){ .ssl2 = true, .ssl2_kind = hello->ssl2_ciphers[i] });
    for (size_t i = 0; i < hello->compression_count; i++)
        out->compression |= hello->compression[i] != 0;
    add_kinds(out, arena, hello);
    return out;
}

static const struct starttap_server_hello *server_hello(struct arena *arena,
                                                        const struct tls_server_hello *hello)
{
    struct starttap_server_hello *out = hello->seen ? facts_alloc(arena, sizeof *out) : NULL;
    if (out == NULL)
        return NULL;
    *out = (struct starttap_server_hello){
        .ssl2 = hello->ssl2,
        .version = hello->version,
        .legacy_version = hello->legacy_version,
        .cipher = hello->cipher,
        .cipher_name = facts_text(arena, text_of(tls_hello_cipher_name(hello))),
        .cipher_classes = tls_hello_cipher_classes(hello),
        .extensions = u16s(arena, hello->extensions),
        .key_share = hello->key_share,
        .psk = hello->psk,
        .compression = hello->compression != 0,
        .session_id_echoed = hello->session_id_echoed,
        .ems = hello->ems,
        .etm = hello->etm,
        .renegotiation_info = hello->renegotiation_info,
        .heartbeat = hello->heartbeat,
        .ticket = hello->ticket,
        .status_request = hello->status_request,
        .sct = hello->sct,
        .truncated_hmac = hello->truncated_hmac,
        .malformed = hello->malformed,
        .session_id_len = hello->session_id_len,
        .alpn = facts_text(arena, hello->alpn),
        .sentinel = (enum starttap_sentinel)hello->sentinel,
        .ja3s = facts_text(arena, text_of(hello->ja3s)),
        .where = facts_mark(hello->where),
    };
    return out;
}

static const struct starttap_encrypted *encrypted(struct arena *arena,
                                                  const struct tls_encrypted *side)
{
    struct starttap_encrypted *out = facts_alloc(arena, sizeof *out);
    if (out == NULL)
        return NULL;
    *out = (struct starttap_encrypted){
        .ccs = side->ccs,
        .handshake_records = side->handshake_records,
        .application_records = side->application_records,
        .alerts = side->alerts,
        .application_bytes = side->application_bytes,
        .first_count = side->first_count,
        .last_type = side->last_type,
        .last_length = side->last_length,
        .ccs_at = facts_mark(side->ccs_at),
        .last_at = facts_mark(side->last_at),
    };
    _Static_assert(sizeof out->first_lengths == sizeof side->first_lengths, "record lengths");
    memcpy(out->first_lengths, side->first_lengths, sizeof out->first_lengths);
    return out;
}

static void add_alerts(struct starttap_tls *out, struct arena *arena, const struct tls_facts *tls)
{
    struct starttap_alert *alerts = facts_alloc(arena, tls->alert_count * sizeof *alerts);
    if (alerts == NULL)
        return;
    for (size_t i = 0; i < tls->alert_count; i++) {
        const struct tls_alert *alert = &tls->alerts[i];
        alerts[i] = (struct starttap_alert){
            .side = (enum starttap_side)alert->side,
            .encrypted = alert->encrypted,
            .level = alert->level,
            .code = alert->code,
            .stage = (enum starttap_tls_stage)alert->stage,
            .record_len = alert->record_len,
            .where = facts_mark(alert->where),
        };
    }
    out->alerts = alerts;
    out->alert_count = tls->alert_count;
}

static void add_notes(struct starttap_tls *out, struct arena *arena, const struct tls_facts *tls)
{
    struct starttap_tls_note *notes = facts_alloc(arena, tls->note_count * sizeof *notes);
    if (notes == NULL)
        return;
    for (size_t i = 0; i < tls->note_count; i++) {
        const struct tls_note *note = &tls->notes[i];
        notes[i] = (struct starttap_tls_note){
            .kind = (enum starttap_tls_note_kind)note->kind,
            .side = (enum starttap_side)note->side,
            .code = note->code,
            .len = note->len,
            .where = facts_mark(note->where),
        };
    }
    out->notes = notes;
    out->note_count = tls->note_count;
}

static void add_exchange(struct starttap_tls *out, struct arena *arena, const struct tls_facts *tls)
{
    const struct tls_key_exchange *exchange = &tls->key_exchange;
    uint16_t group =
        tls->server_hello.key_share != 0 ? tls->server_hello.key_share : exchange->group;
    out->group = group;
    out->group_name = group != 0 ? facts_text(arena, text_of(tls_group_name(group))) : "";
    out->explicit_curve = exchange->explicit_curve;
    out->anonymous_exchange = exchange->anonymous;
    out->signature_algorithm = exchange->signature_algorithm;
    out->dh_bits = exchange->dh_bits;
    out->dh_prime = out->dh_prime_sha256 = out->dh_public_sha256 = "";
    if (exchange->dh_bits == 0)
        return;
    out->dh_prime = facts_text(arena, text_of(tls_dh_prime_name(exchange->dh_prime_sha256)));
    out->dh_prime_sha256 = facts_hex(arena, exchange->dh_prime_sha256, SHA256_SIZE);
    out->dh_public_sha256 = facts_hex(arena, exchange->dh_public_sha256, SHA256_SIZE);
}

const struct starttap_tls *facts_tls(struct arena *arena, const struct tls_facts *tls)
{
    struct starttap_tls *out = facts_alloc(arena, sizeof *out);
    if (out == NULL)
        return NULL;
    *out = (struct starttap_tls){
        .client_hello = client_hello(arena, &tls->client_hello),
        .server_hello = server_hello(arena, &tls->server_hello),
        .hello_retry = tls->hello_retry,
        .hello_retry_group = tls->hello_retry_group,
        .first_version_max = tls->first_version_max,
        .client_certificate_requested = tls->client_certificate_requested,
        .client_certificate_sent = tls->client_certificate_sent,
        .client_certificate_empty = tls->client_certificate_empty,
        .server_hello_done = tls->server_hello_done,
        .client_key_exchange = tls->client_key_exchange,
        .ocsp_staple = tls->ocsp_staple,
        .new_ticket = tls->new_ticket,
        .visible = (enum starttap_visible)tls->visible,
        .chain_too_large = tls->server_chain.too_large,
        .chain_wire_len = tls->server_chain.wire_len,
        .established = (enum starttap_tri)tls->established,
        .resumed = (enum starttap_tri)tls->resumed,
        .established_at = facts_mark(tls->established_at),
        .stage = (enum starttap_tls_stage)tls->stage,
        .ssl2 = tls->ssl2,
        .certificate_verify_algorithm = tls->certificate_verify_algorithm,
        .client_hellos = tls->client_hellos,
    };
    for (int side = 0; side < SIDE_COUNT; side++) {
        out->began[side] = tls->began[side];
        out->began_at[side] = facts_mark(tls->began_at[side]);
        out->lost[side] = tls->lost[side];
        out->no_hello[side] = tls->no_hello[side];
        out->encrypted[side] = encrypted(arena, &tls->encrypted[side]);
    }
    add_exchange(out, arena, tls);
    add_alerts(out, arena, tls);
    add_notes(out, arena, tls);
    return out;
}
