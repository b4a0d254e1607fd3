/* SPDX-License-Identifier: Apache-2.0
 * ecs_finding.c - the mailtls.finding event, out of the finding and the facts it was made of.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "ecs.h"
#include "formats.h"

static void add_ends(struct json *root, const struct starttap_session *s)
{
    const struct starttap_end *ends[] = { &s->client, &s->server };
    static const char *const keys[] = { "source", "destination" };
    for (int i = 0; i < 2; i++) {
        struct json *end = json_add_object(root, keys[i]);
        json_word(end, "ip", ends[i]->ip);
        json_count(end, "port", ends[i]->port);
    }
}

static void add_network(struct json *root, const struct starttap_session *s)
{
    struct flow_info flow = { .ip_version = s->client.family,
                              .client_port = s->client.port,
                              .server_port = s->server.port };
    memcpy(flow.client.bytes, s->client.address, sizeof flow.client.bytes);
    memcpy(flow.server.bytes, s->server.address, sizeof flow.server.bytes);
    char community[IDENTITY_COMMUNITY_SIZE];
    identity_community(&flow, community);
    struct json *network = json_add_object(root, "network");
    json_word(network, "type", s->client.family == 4 ? "ipv4" : "ipv6");
    json_word(network, "transport", "tcp");
    json_word(network, "iana_number", "6");
    json_word(network, "protocol", s->protocol_name);
    json_word(network, "application", s->application);
    json_word(network, "community_id", community);
}

static void add_tls(struct json *root, const struct starttap_session *s)
{
    const struct starttap_client_hello *client = s->tls != NULL ? s->tls->client_hello : NULL;
    const struct starttap_server_hello *server = s->tls != NULL ? s->tls->server_hello : NULL;
    struct json *tls = json_add_object(root, "tls");
    char buffer[16];
    const char *protocol = NULL;
    const char *version =
        server != NULL ? tls_version_text(server->version, &protocol, buffer) : NULL;
    if (version != NULL) {
        json_word(tls, "version", version);
        json_word(tls, "version_protocol", protocol);
    }
    if (server != NULL)
        json_word(tls, "cipher", server->cipher_name);
    if (client != NULL && *client->server_name != '\0')
        json_word(json_add_object(tls, "client"), "server_name", client->server_name);
    if (json_is_empty(tls))
        json_drop(root, "tls");
}

static void add_related(struct json *root, const struct starttap_session *s)
{
    struct json *related = json_add_object(root, "related");
    struct json *ips = json_add_array(related, "ip");
    json_push_word(ips, s->client.ip);
    if (strcmp(s->client.ip, s->server.ip) != 0)
        json_push_word(ips, s->server.ip);
    const char *sni =
        s->tls != NULL && s->tls->client_hello != NULL ? s->tls->client_hello->server_name : "";
    const char *banner = s->mail != NULL ? s->mail->banner_host : "";
    if (*sni == '\0' && *banner == '\0')
        return;
    struct json *hosts = json_add_array(related, "hosts");
    if (*sni != '\0')
        json_push_word(hosts, sni);
    if (*banner != '\0' && strcmp(sni, banner) != 0)
        json_push_word(hosts, banner);
}

/* "T1557; T1562.010" as the array that ECS wants. */
static void add_techniques(struct json *root, const char *attack)
{
    struct text rest = text_of(attack);
    if (*attack == '\0' || *attack == '-')
        return;
    struct json *threat = json_add_object(root, "threat");
    json_word(threat, "framework", "MITRE ATT&CK");
    struct json *ids = json_add_array(json_add_object(threat, "technique"), "id");
    while (rest.len > 0) {
        struct text id = text_trim(text_token(&rest, ";,"));
        if (id.len > 0)
            json_push_text(ids, id);
    }
}

static void add_evidence(struct json *parent, const struct event_options *options,
                         const struct starttap_finding *said)
{
    struct json *list = json_add_array(parent, "evidence");
    for (size_t i = 0; i < said->evidence_count; i++) {
        const struct starttap_evidence *e = &said->evidence[i];
        struct json *item = json_push_object(list);
        char when[CLOCK_TEXT_SIZE];
        json_word(item, "kind", e->kind);
        json_word(item, "side", side_name((enum side)e->side));
        if (e->where.frame != 0) {
            json_count(item, "frame", e->where.frame);
            if (options->file_name != NULL)
                json_name(item, "file", options->file_name(options->files, e->where.file));
        }
        json_count(item, "offset", e->offset);
        if (e->where.time_ns != 0) {
            clock_text(e->where.time_ns, when);
            json_word(item, "time", when);
        }
        if (e->text != NULL)
            json_text(item, "text", text_of(e->text));
    }
}

static void add_values(struct json *parent, const struct starttap_finding *said)
{
    if (said->value_count == 0)
        return;
    struct json *list = json_add_array(parent, "values");
    for (size_t i = 0; i < said->value_count; i++) {
        struct json *item = json_push_object(list);
        json_word(item, "name", said->values[i].name);
        json_text(item, "value", text_of(said->values[i].value));
    }
}

static void add_words(struct json *parent, const struct finding *finding)
{
    const struct texts_values values = { .values = finding->said.values,
                                         .count = finding->said.value_count,
                                         .session = facts_session(finding->facts) };
    char *explanation = texts_explain(finding->texts, finding->said.variant, &values);
    char *fix = texts_fix(finding->texts, finding->said.variant, &values);
    json_name(parent, "explanation", explanation);
    json_name(parent, "fix", fix);
    free(explanation);
    free(fix);
}

static void add_references(struct json *parent, const struct texts_rule *rule)
{
    if (texts_reference(rule, 0) == NULL)
        return;
    struct json *list = json_add_array(parent, "references");
    for (size_t i = 0; texts_reference(rule, i) != NULL; i++)
        json_push_word(list, texts_reference(rule, i));
}

static void add_finding(struct json *mailtls, const struct event_options *options,
                        const struct finding *finding)
{
    const struct starttap_finding *said = &finding->said;
    struct json *out = json_add_object(mailtls, "finding");
    json_word(out, "uid", finding->uid);
    json_count(out, "update", finding->update);
    json_count(out, "count", 1); /* directly behind `update`: see restate.c */
    json_word(out, "severity", event_severity_name(said->severity));
    json_count(out, "confidence", said->confidence);
    json_word(out, "attribution", event_attribution_name(said->attribution));
    json_word(out, "session_id", facts_session(finding->facts)->id);
    json_word(out, "variant", said->variant);
    add_words(out, finding);
    const char *tlsrpt = *said->tlsrpt != '\0'
                             ? said->tlsrpt
                             : texts_variant(finding->texts, "tlsrpt", said->variant);
    if (strcmp(tlsrpt, "-") != 0)
        json_word(out, "tlsrpt", tlsrpt);
    add_references(out, finding->texts);
    add_evidence(out, options, said);
    add_values(out, said);
}

static void add_message(struct json *root, const struct starttap_session *s, const char *name)
{
    char message[512];
    bool v6 = s->client.family == 6;
    snprintf(message, sizeof message, v6 ? "%s: %s [%s]:%u -> [%s]:%u" : "%s: %s %s:%u -> %s:%u",
             name, *s->protocol_name != '\0' ? s->protocol_name : "tcp", s->client.ip,
             s->client.port, s->server.ip, s->server.port);
    json_name(root, "message", message);
}

struct json *ecs_finding(const struct event_options *options, const struct finding *finding,
                         const char *event_id_text)
{
    const struct starttap_session *s = facts_session(finding->facts);
    const char *name = texts_field(finding->texts, "name");
    const char *rule_id = finding->said.rule;
    char when[CLOCK_TEXT_SIZE];

    struct json *root = ecs_head(options, s->now_ns, event_id_text, "alert", "mailtls.finding");
    struct json *event = json_member(root, "event");
    json_push_word(json_member(event, "category"), "intrusion_detection");
    json_push_word(json_add_array(event, "type"), "info");
    json_word(event, "action", "mail-finding");
    json_count(event, "severity", event_severity_number(finding->said.severity));
    clock_text(s->start_ns, when);
    json_word(event, "start", when);

    add_message(root, s, name);
    struct json *rule = json_add_object(root, "rule");
    json_word(rule, "id", rule_id);
    json_word(rule, "name", name);
    json_text(rule, "category", (struct text){ .at = rule_id, .len = strcspn(rule_id, ".") });
    json_word(rule, "ruleset", "starttap");
    ecs_observer(root, options);
    add_ends(root, s);
    add_network(root, s);
    add_tls(root, s);
    add_related(root, s);
    add_techniques(root, texts_variant(finding->texts, "attack", finding->said.variant));

    struct json *mailtls = json_add_object(root, "mailtls");
    json_word(mailtls, "schema", "1");
    json_word(json_add_object(mailtls, "session"), "id", s->id);
    json_word(mailtls, "role", session_role_name((enum session_role)s->role));
    json_word(mailtls, "mode", session_mode_name((enum session_mode)s->mode));
    add_finding(mailtls, options, finding);
    return root;
}
