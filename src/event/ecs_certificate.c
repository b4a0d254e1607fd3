/* SPDX-License-Identifier: Apache-2.0
 * ecs_certificate.c - the mailtls.certificate event: one certificate of a server's chain, the first
 * time that server sends it.
 */
#include <stdio.h>

#include "clock.h"
#include "ecs.h"

static void add_name(struct json *x509, const char *key, struct text name, struct text common_name,
                     struct text organization)
{
    struct json *object = json_add_object(x509, key);
    json_text(object, "distinguished_name", name);
    if (common_name.len > 0)
        json_push_text(json_add_array(object, "common_name"), common_name);
    if (organization.len > 0)
        json_push_text(json_add_array(object, "organization"), organization);
    if (json_is_empty(object))
        json_drop(x509, key);
}

static void add_x509(struct json *server, const struct certificate *c)
{
    char version[8];
    struct json *x509 = json_add_object(server, "x509");
    snprintf(version, sizeof version, "%u", c->version);
    json_word(x509, "version_number", version);
    json_text(x509, "serial_number", c->serial);
    json_text(x509, "signature_algorithm", c->signature);
    json_text(x509, "public_key_algorithm", c->key_type);
    json_count(x509, "public_key_size", c->key_bits);
    json_text(x509, "public_key_curve", c->key_curve);
    if (c->rsa_exponent > 0)
        json_count(x509, "public_key_exponent", c->rsa_exponent);
    ecs_date(x509, "not_before", c->not_before);
    ecs_date(x509, "not_after", c->not_after);
    if (c->name_count > 0) {
        struct json *names = json_add_array(x509, "alternative_names");
        for (size_t i = 0; i < c->name_count; i++)
            json_push_text(names, c->names[i]);
    }
    add_name(x509, "subject", c->subject, c->subject_cn, c->subject_o);
    add_name(x509, "issuer", c->issuer, c->issuer_cn, c->issuer_o);
}

static void add_own(struct json *root, const struct session_record *r, size_t position)
{
    const struct certificate *c = &r->chain->certificates[position];
    struct json *mailtls = json_add_object(root, "mailtls");
    json_word(mailtls, "schema", "1");
    struct json *own = json_add_object(mailtls, "certificate");
    json_word(own, "role", "server");
    json_count(own, "chain_position", position);
    json_count(own, "chain_length", r->chain->count);
    if (c->parsed) { /* of what is no certificate only the hash is known */
        ecs_hash(own, "spki_sha256", c->spki_sha256);
        json_flag(own, "ca", (c->flags & CERTIFICATE_CA) != 0);
        json_flag(own, "self_signed", (c->flags & CERTIFICATE_SELF_SIGNED) != 0);
    }
    if (c->not_after_s != INT64_MAX)
        json_number(own, "days_left",
                    (c->not_after_s - r->tls->server_chain.where.time_ns / NS_PER_S) / 86400);
    if (position > 0)
        return;
    struct json *verify = json_add_object(own, "verify");
    if (r->verification.code >= 0)
        json_number(verify, "code", r->verification.code);
    json_word(verify, "text", r->verification.text);
    json_word(own, "anchor", session_anchor_name(r->anchor));
}

struct json *ecs_certificate(const struct event_options *options, const struct session_record *r,
                             size_t position, const char *event_id_text)
{
    char when[CLOCK_TEXT_SIZE], server_ip[64], hash[2 * SHA256_SIZE + 1];
    const struct certificate *c = &r->chain->certificates[position];
    int64_t time_ns = r->tls->server_chain.where.time_ns;
    struct json *root = ecs_head(options, r->now_ns, event_id_text, "event", "mailtls.certificate");
    struct json *event = json_member(root, "event");
    json_push_word(json_add_array(event, "type"), "info");
    json_word(event, "action", "certificate-first-seen");
    clock_text(time_ns, when);
    json_word(event, "start", when);
    json_word(event, "end", when);
    json_number(event, "duration", 0);
    ecs_observer(root, options);

    ecs_address(&r->flow->server, r->flow->ip_version, server_ip);
    struct json *destination = json_add_object(root, "destination");
    json_word(destination, "ip", server_ip);
    json_count(destination, "port", r->flow->server_port);
    struct json *network = json_add_object(root, "network");
    json_word(network, "type", r->flow->ip_version == 4 ? "ipv4" : "ipv6");
    json_word(network, "transport", "tcp");
    json_word(network, "protocol", r->protocol);

    struct json *tls = json_add_object(root, "tls");
    if (r->tls->client_hello.server_name.len > 0)
        json_text(json_add_object(tls, "client"), "server_name", r->tls->client_hello.server_name);
    struct json *server = json_add_object(tls, "server");
    json_text(server, "subject", c->subject);
    json_text(server, "issuer", c->issuer);
    ecs_date(server, "not_before", c->not_before);
    ecs_date(server, "not_after", c->not_after);
    ecs_hash(json_add_object(server, "hash"), "sha256", c->sha256);
    if (c->parsed)
        add_x509(server, c);

    struct json *related = json_add_object(root, "related");
    text_hex_upper(c->sha256, SHA256_SIZE, hash);
    json_push_word(json_add_array(related, "hash"), hash);
    json_push_word(json_add_array(related, "ip"), server_ip);
    add_own(root, r, position);
    return root;
}
