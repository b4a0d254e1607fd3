/* SPDX-License-Identifier: Apache-2.0
 * ocsf.c - a finding as an OCSF Detection Finding (class 2004) of schema version 1.8.0. What the
 * class has no attribute for stands in `unmapped`, which the schema keeps for that.
 */
#include "clock.h"
#include "formats.h"
#include "json.h"

#define OCSF_SCHEMA "1.8.0"
enum {
    CLASS = 2004,
    CATEGORY = 2,
    ACTIVITY_CREATE = 1,
    ACTIVITY_UPDATE = 2,
    STATUS_NEW = 1,
    ANALYTIC_RULE = 1,
    DIRECTION_UNKNOWN = 0,
    OBSERVABLE_HOST_NAME = 1,
    OBSERVABLE_IP_ADDRESS = 2,
    PROTOCOL_TCP = 6
};

static void add_metadata(struct json *root, const struct event *event)
{
    struct json *metadata = json_add_object(root, "metadata");
    json_word(metadata, "uid", event->key.id); /* first, see restate.c */
    json_word(metadata, "version", OCSF_SCHEMA);
    struct json *product = json_add_object(metadata, "product");
    json_word(product, "name", "starttap");
    json_word(product, "vendor_name", "starttap");
    json_word(product, "version", STARTTAP_VERSION);
}

/* "T1557; T1562.010" */
static void add_attacks(struct json *info, const char *attack)
{
    struct text rest = text_of(attack);
    struct json *list = rest.len > 0 ? json_add_array(info, "attacks") : NULL;
    while (rest.len > 0) {
        struct text id = text_trim(text_token(&rest, ";,"));
        if (id.len > 0)
            json_text(json_add_object(json_push_object(list), "technique"), "uid", id);
    }
}

static void add_info(struct json *root, const struct finding *finding,
                     const struct finding_words *words)
{
    struct json *info = json_add_object(root, "finding_info");
    json_word(info, "uid", finding->uid);
    json_name(info, "title", words->name);
    json_name(info, "desc", words->explanation);
    struct json *analytic = json_add_object(info, "analytic");
    json_count(analytic, "type_id", ANALYTIC_RULE);
    json_word(analytic, "uid", words->rule);
    json_name(analytic, "name", words->name);
    add_attacks(info, words->attack);
    json_push_word(json_add_array(info, "data_sources"), "network packets");
}

static void add_end(struct json *evidence, const char *key, const struct starttap_end *end)
{
    struct json *endpoint = json_add_object(evidence, key);
    json_word(endpoint, "ip", end->ip);
    json_count(endpoint, "port", end->port);
}

static void add_tls(struct json *evidence, const struct starttap_tls *tls, const char *server_name)
{
    char buffer[16];
    const char *protocol = NULL;
    const struct starttap_server_hello *hello = tls != NULL ? tls->server_hello : NULL;
    const char *version =
        hello == NULL ? NULL : tls_version_text(hello->version, &protocol, buffer);
    if (version == NULL) /* the class wants one */
        return;
    struct json *object = json_add_object(evidence, "tls");
    json_word(object, "version", version);
    json_word(object, "cipher", hello->cipher_name);
    json_word(object, "sni", server_name);
}

static void add_evidence(struct json *root, const struct event_options *options,
                         const struct finding *finding, const struct finding_words *words,
                         const struct event *event)
{
    const struct starttap_session *s = facts_session(finding->facts);
    struct json *evidence = json_push_object(json_add_array(root, "evidences"));
    add_end(evidence, "src_endpoint", &s->client);
    add_end(evidence, "dst_endpoint", &s->server);
    struct json *connection = json_add_object(evidence, "connection_info");
    json_count(connection, "direction_id", DIRECTION_UNKNOWN);
    json_word(connection, "uid", s->id);
    json_word(connection, "community_uid", event->community_id);
    json_word(connection, "protocol_name", "tcp");
    json_count(connection, "protocol_num", PROTOCOL_TCP);
    json_count(connection, "protocol_ver_id", s->client.family);
    add_tls(evidence, s->tls, words->server_name);
    if (finding->said.evidence_count == 0)
        return;
    struct json *list = json_add_array(json_add_object(evidence, "data"), "seen");
    for (size_t i = 0; i < finding->said.evidence_count; i++) {
        const struct starttap_evidence *e = &finding->said.evidence[i];
        struct json *one = json_push_object(list);
        json_word(one, "kind", e->kind);
        json_word(one, "side", side_name((enum side)e->side));
        if (e->where.frame != 0) {
            json_count(one, "frame", e->where.frame);
            if (options->file_name != NULL)
                json_name(one, options->live ? "interface" : "file",
                          options->file_name(options->files, e->where.file));
        }
        json_count(one, "offset", e->offset);
        json_text(one, "text", text_of(e->text));
    }
}

static void add_observable(struct json *list, const char *name, unsigned type, const char *value)
{
    if (*value == '\0')
        return;
    struct json *one = json_push_object(list);
    json_word(one, "name", name);
    json_count(one, "type_id", type);
    json_text(one, "value", text_of(value));
}

static void add_unmapped(struct json *root, const struct event_options *options,
                         const struct finding *finding, const struct finding_words *words)
{
    const struct starttap_session *s = facts_session(finding->facts);
    struct json *unmapped = json_add_object(root, "unmapped");
    json_count(unmapped, "update", finding->update);
    json_word(unmapped, "attribution", words->attribution);
    json_word(unmapped, "variant", finding->said.variant);
    json_word(unmapped, "role", session_role_name((enum session_role)s->role));
    json_word(unmapped, "mode", session_mode_name((enum session_mode)s->mode));
    json_word(unmapped, "protocol", s->protocol_name);
    json_name(unmapped, "sensor", options->sensor);
}

char *ocsf_finding(const struct event_options *options, const struct finding *finding,
                   const struct event *event, size_t *len)
{
    const struct starttap_session *s = facts_session(finding->facts);
    unsigned activity = finding->update == 0 ? ACTIVITY_CREATE : ACTIVITY_UPDATE;
    struct finding_words words;
    if (!finding_words_init(&words, finding))
        return NULL;
    struct json *root = json_new(options->json);
    json_count(root, "activity_id", activity); /* these in this order: see restate.c */
    json_count(root, "type_uid", CLASS * 100 + activity);
    json_number(root, "time", event->key.time_ns / NS_PER_MS);
    json_count(root, "count", 1);
    add_metadata(root, event);
    json_count(root, "category_uid", CATEGORY);
    json_count(root, "class_uid", CLASS);
    json_count(root, "severity_id", 1 + (unsigned)finding->said.severity);
    json_word(root, "severity", event_severity_name(finding->said.severity));
    json_count(root, "status_id", STATUS_NEW);
    json_flag(root, "is_alert", finding->said.severity >= STARTTAP_LOW);
    json_count(root, "confidence_score", finding->said.confidence);
    json_number(root, "start_time", s->start_ns / NS_PER_MS);
    json_name(root, "message", words.name);
    add_info(root, finding, &words);
    if (*words.fix != '\0')
        json_name(json_add_object(root, "remediation"), "desc", words.fix);
    add_evidence(root, options, finding, &words, event);
    struct json *observables = json_add_array(root, "observables");
    add_observable(observables, "evidences.src_endpoint.ip", OBSERVABLE_IP_ADDRESS, s->client.ip);
    add_observable(observables, "evidences.dst_endpoint.ip", OBSERVABLE_IP_ADDRESS, s->server.ip);
    if (s->tls != NULL && s->tls->server_hello != NULL)
        add_observable(observables, "evidences.tls.sni", OBSERVABLE_HOST_NAME, words.server_name);
    add_unmapped(root, options, finding, &words);
    finding_words_free(&words);
    char *text = json_print(root, len);
    json_free(root);
    return text;
}
