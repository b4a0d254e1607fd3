/* SPDX-License-Identifier: Apache-2.0
 * ecs_tls.c - the ECS `tls` object, and our own `mailtls.tls` beside it.
 *
 * With several hellos in clear the last one stands here. A value without an IANA name is written as
 * "0x1234".
 */
#include <stdio.h>
#include <string.h>

#include "data.h"
#include "ecs.h"

static void hex16(uint16_t value, char out[8])
{
    const uint8_t bytes[2] = { (uint8_t)(value >> 8), (uint8_t)value };
    memcpy(out, "0x", 2);
    text_hex(bytes, sizeof bytes, out + 2);
}

static const char *cipher_text(uint16_t cipher, char buffer[8])
{
    const char *name = tls_cipher_name(cipher);
    if (name != NULL)
        return name;
    hex16(cipher, buffer);
    return buffer;
}

static const char *group_text(uint16_t group, char buffer[8])
{
    const char *name = tls_group_name(group);
    if (name != NULL)
        return name;
    hex16(group, buffer);
    return buffer;
}

static const char *version_text(uint16_t version, char buffer[16])
{
    const char *protocol, *text = tls_version_text(version, &protocol, buffer);
    if (text == NULL)
        snprintf(buffer, 16, "0x%04x", version);
    return text != NULL ? text : buffer;
}

void ecs_hash(struct json *parent, const char *key, const uint8_t hash[SHA256_SIZE])
{
    char text[2 * SHA256_SIZE + 1];
    text_hex_upper(hash, SHA256_SIZE, text);
    json_word(parent, key, text);
}

/* All times in events have microseconds, those of certificates too. */
void ecs_date(struct json *parent, const char *key, struct text seconds)
{
    static const char micros[] = ".000000Z";
    char out[64];
    if (seconds.len == 0 || seconds.len > 40)
        return;
    memcpy(out, seconds.at, seconds.len - 1);
    memcpy(out + seconds.len - 1, micros, sizeof micros);
    json_word(parent, key, out);
}

/* --- tls.* --- */

static void add_client(struct json *tls, const struct session_record *r)
{
    const struct tls_client_hello *hello = &r->tls->client_hello;
    struct json *client = json_add_object(tls, "client");
    json_text(client, "server_name", hello->server_name);
    json_word(client, "ja3", hello->ja3);
    if (hello->ciphers.count > 0) {
        struct json *list = json_add_array(client, "supported_ciphers");
        for (size_t i = 0; i < hello->ciphers.count; i++) {
            const struct data_cipher *row = data_cipher(hello->ciphers.at[i]);
            if (row != NULL)
                json_push_plain(list, row->name, row->name_len);
            else
                json_push_hex16s(list, &hello->ciphers.at[i], 1);
        }
    }
    if (r->client_chain != NULL && r->client_chain->count > 0) {
        const struct certificate *leaf = &r->client_chain->certificates[0];
        json_text(client, "subject", leaf->subject);
        json_text(client, "issuer", leaf->issuer);
        ecs_hash(json_add_object(client, "hash"), "sha256", leaf->sha256);
    }
    if (json_is_empty(client))
        json_drop(tls, "client");
}

static void add_server(struct json *tls, const struct session_record *r)
{
    struct json *server = json_add_object(tls, "server");
    json_word(server, "ja3s", r->tls->server_hello.ja3s);
    if (r->chain != NULL && r->chain->count > 0) {
        const struct certificate *leaf = &r->chain->certificates[0];
        json_text(server, "subject", leaf->subject);
        json_text(server, "issuer", leaf->issuer);
        ecs_date(server, "not_before", leaf->not_before);
        ecs_date(server, "not_after", leaf->not_after);
        ecs_hash(json_add_object(server, "hash"), "sha256", leaf->sha256);
    }
    if (json_is_empty(server))
        json_drop(tls, "server");
}

void ecs_tls(struct json *root, const struct session_record *r)
{
    const struct tls_facts *facts = r->tls;
    const struct tls_server_hello *hello = &facts->server_hello;
    char buffer[16];
    struct json *tls = json_add_object(root, "tls");

    if (hello->seen) {
        const char *protocol = NULL, *version = tls_version_text(hello->version, &protocol, buffer);
        json_word(tls, "version", version);
        if (version != NULL)
            json_word(tls, "version_protocol", protocol);
        const char *cipher = tls_hello_cipher_name(hello);
        json_word(tls, "cipher",
                  cipher != NULL || hello->ssl2 ? cipher : cipher_text(hello->cipher, buffer));
        uint16_t group = hello->key_share != 0 ? hello->key_share : facts->key_exchange.group;
        if (group != 0)
            json_word(tls, "curve", group_text(group, buffer));
        json_text(tls, "next_protocol", hello->alpn);
    }
    if (facts->resumed != TRI_UNKNOWN)
        json_flag(tls, "resumed", facts->resumed == TRI_YES);
    if (facts->established != TRI_UNKNOWN)
        json_flag(tls, "established", facts->established == TRI_YES);
    add_client(tls, r);
    add_server(tls, r);
    if (json_is_empty(tls))
        json_drop(root, "tls");
}

/* --- mailtls.tls.* --- */

static void add_list(struct json *parent, const char *key, struct u16_list list)
{
    json_push_hex16s(json_add_array(parent, key), list.at, list.count);
}

static void add_client_hello(struct json *parent, const struct tls_client_hello *hello)
{
    char buffer[16], number[8];
    struct json *client = json_add_object(parent, "client");
    json_word(client, "version_max", version_text(hello->version_max, buffer));
    struct json *versions = json_add_array(client, "versions");
    for (size_t i = 0; i < hello->versions.count; i++)
        json_push_word(versions, version_text(hello->versions.at[i], buffer));
    add_list(client, "ciphers", hello->ciphers);
    add_list(client, "extensions", hello->extensions);
    add_list(client, "groups", hello->groups);
    add_list(client, "key_shares", hello->key_shares);
    add_list(client, "signature_algorithms", hello->signature_algorithms);
    if (hello->alpn_count > 0) {
        struct json *alpn = json_add_array(client, "alpn");
        for (size_t i = 0; i < hello->alpn_count; i++)
            json_push_text(alpn, hello->alpn[i]);
    }
    json_word(client, "ja4", hello->ja4);
    struct json *compression = json_add_array(client, "compression");
    for (size_t i = 0; i < hello->compression_count; i++) {
        snprintf(number, sizeof number, "0x%02x", hello->compression[i]);
        json_push_word(compression, number);
    }
    json_count(client, "grease", hello->grease);
    json_flag(client, "ech", hello->ech);
}

static const char *sentinel_name(enum tls_sentinel sentinel)
{
    static const char *const names[] = {
        [TLS_SENTINEL_NONE] = NULL, [TLS_SENTINEL_TLS12] = "1.2", [TLS_SENTINEL_TLS11] = "1.1"
    };
    return names[sentinel];
}

static void add_client_certificate(struct json *server, const struct tls_facts *facts)
{
    if (facts->client_certificate_sent)
        json_word(server, "client_certificate", "sent");
    else if (facts->client_certificate_empty)
        json_word(server, "client_certificate", "empty");
    else if (facts->client_certificate_requested)
        json_word(server, "client_certificate", "requested");
}

/* RFC 6066 section 8: only who answered the extension sends one, directly behind its certificate.
 */
static bool status_is_past(const struct tls_facts *facts)
{
    enum { STATUS_REQUEST = 5 };
    const struct u16_list *extensions = &facts->server_hello.extensions;
    bool answered = false;
    for (size_t i = 0; i < extensions->count; i++)
        answered |= extensions->at[i] == STATUS_REQUEST;
    return !answered || facts->key_exchange.seen || facts->server_hello_done;
}

static void add_server_hello(struct json *parent, const struct tls_facts *facts, bool whole)
{
    const struct tls_server_hello *hello = &facts->server_hello;
    char buffer[8];
    struct json *server = json_add_object(parent, "server");
    if (facts->hello_retry)
        json_flag(server, "hello_retry", true);
    if (hello->seen) {
        add_list(server, "extensions", hello->extensions);
        json_word(server, "downgrade_sentinel", sentinel_name(hello->sentinel));
        if (hello->key_share != 0) {
            hex16(hello->key_share, buffer);
            json_word(server, "key_share", buffer);
        }
        if (hello->version <= 0x0303 &&
            !hello->ssl2) { /* TLS 1.3 has these built in, or not at all */
            json_flag(server, "ems", hello->ems);
            json_flag(server, "etm", hello->etm);
            json_flag(server, "renegotiation_info", hello->renegotiation_info);
            if (facts->ocsp_staple || (whole && status_is_past(facts))) /* it may be in a gap */
                json_flag(server, "ocsp_staple", facts->ocsp_staple);
            json_flag(server, "sct", hello->sct);
        }
    }
    if (facts->key_exchange.dh_bits > 0)
        json_count(server, "dh_bits", facts->key_exchange.dh_bits);
    add_client_certificate(server, facts);
    if (json_is_empty(server))
        json_drop(parent, "server");
}

static void add_key(struct json *certificate, const struct certificate *c)
{
    char text[64];
    if (c->key_type.len == 0)
        return;
    size_t len = text_clean(c->key_type, text, sizeof text);
    len = text_append(text, sizeof text, len, " ");
    if (c->key_curve.len > 0)
        text_clean(c->key_curve, text + len, sizeof text - len);
    else
        text_append_number(text, sizeof text, len, c->key_bits);
    json_word(certificate, "key", text);
}

static void add_certificate(struct json *array, const struct certificate *c)
{
    struct json *certificate = json_push_object(array);
    ecs_hash(certificate, "sha256", c->sha256);
    if (!c->parsed)
        return;
    ecs_hash(certificate, "spki_sha256", c->spki_sha256);
    json_text(certificate, "subject", c->subject);
    json_text(certificate, "issuer", c->issuer);
    if (c->name_count > 0) {
        struct json *names = json_add_array(certificate, "names");
        for (size_t i = 0; i < c->name_count; i++)
            json_push_text(names, c->names[i]);
    }
    ecs_date(certificate, "not_before", c->not_before);
    ecs_date(certificate, "not_after", c->not_after);
    add_key(certificate, c);
    json_text(certificate, "signature", c->signature);
}

static void add_certificates(struct json *parent, const struct session_record *r)
{
    static const char *const visible[] = { [TLS_CERT_NOT_SEEN] = "not_seen",
                                           [TLS_CERT_YES] = "yes",
                                           [TLS_CERT_ENCRYPTED] = "encrypted",
                                           [TLS_CERT_RESUMED] = "resumed" };
    struct json *certificates = json_add_object(parent, "certificates");
    json_word(certificates, "visible", visible[r->tls->visible]);
    if (r->chain == NULL)
        return;
    struct json *chain = json_add_array(certificates, "chain");
    for (size_t i = 0; i < r->chain->count; i++)
        add_certificate(chain, &r->chain->certificates[i]);
    struct json *verify = json_add_object(certificates, "verify");
    if (r->verification.code >= 0)
        json_number(verify, "code", r->verification.code);
    json_word(verify, "text", r->verification.text);
    json_word(certificates, "anchor", session_anchor_name(r->anchor));
}

static void add_alerts(struct json *parent, const struct tls_facts *facts)
{
    if (facts->alert_count == 0)
        return;
    struct json *alerts = json_add_array(parent, "alerts");
    for (size_t i = 0; i < facts->alert_count; i++) {
        const struct tls_alert *a = &facts->alerts[i];
        struct json *alert = json_push_object(alerts);
        json_word(alert, "side", side_name(a->side));
        if (!a->encrypted) {
            json_word(alert, "level",
                      a->level == 1   ? "warning"
                      : a->level == 2 ? "fatal"
                                      : "unknown");
            json_count(alert, "code", a->code);
            json_word(alert, "name", tls_alert_name(a->code));
        }
        json_flag(alert, "encrypted", a->encrypted);
    }
}

void ecs_mailtls_tls(struct json *mailtls, const struct session_record *r)
{
    struct json *tls = json_add_object(mailtls, "tls");
    if (r->tls->client_hello.seen)
        add_client_hello(tls, &r->tls->client_hello);
    add_server_hello(tls, r->tls, r->flow->sides[SIDE_SERVER].gaps == 0);
    add_certificates(tls, r);
    add_alerts(tls, r->tls);
}
