/* SPDX-License-Identifier: Apache-2.0
 * eve_finding.c - a finding as an EVE `alert`. What the closed schema has no place for stands in
 * alert.metadata, which is open: lists of texts, as Suricata's rules have them.
 */
#include <stdio.h>
#include <string.h>

#include "data.h"
#include "eve.h"

enum {
    GENERATOR = 8314,         /* our own, so that no rule of Suricata's (1) has the same number;
                                 the RFC that calls mail in clear obsolete */
    PLUGIN_NUMBERS = 1950000, /* the first, and how many: rule_numbers.def ends before */
    PLUGIN_NUMBER_COUNT = 50000
};

/* A rule of a plugin has no row; FNV-1a (32 bits) of its id is the same for ever. Two of them may
 * share a number, which is why the rule's id stands beside it. */
static uint32_t rule_number(const char *rule)
{
    uint32_t number = data_rule_number(rule), hash = 2166136261u;
    for (const char *at = rule; *at != '\0'; at++)
        hash = (hash ^ (unsigned char)*at) * 16777619u;
    return number != 0 ? number : PLUGIN_NUMBERS + hash % PLUGIN_NUMBER_COUNT;
}

/* By the first word of the rule's id. */
static const char *category_of(const char *rule)
{
    static const struct {
        const char *word, *category;
    } categories[] = {
        { "auth", "Login without encryption" },
        { "cert", "Certificate of a mail server" },
        { "imap", "Injection before TLS" },
        { "inject", "Injection before TLS" },
        { "mail", "Mail without encryption" },
        { "mitm", "Interception or rewriting of mail" },
        { "mode", "Wrong mode of encryption" },
        { "policy", "Breach of a mail policy" },
        { "sieve", "Mail without encryption" },
        { "starttls", "STARTTLS missing, refused or altered" },
    };
    size_t len = strcspn(rule, ".");
    for (size_t i = 0; i < sizeof categories / sizeof categories[0]; i++)
        if (strlen(categories[i].word) == len && strncmp(categories[i].word, rule, len) == 0)
            return categories[i].category;
    return strncmp(rule, "tls", 3) == 0 ? "Weak or failed TLS" : "Mail transport security";
}

static void add_one(struct json *metadata, const char *key, const char *value)
{
    if (*value != '\0')
        json_push_name(json_add_array(metadata, key), value);
}

static void add_number(struct json *metadata, const char *key, unsigned number)
{
    char text[16];
    snprintf(text, sizeof text, "%u", number);
    json_push_word(json_add_array(metadata, key), text);
}

static void add_metadata(struct json *alert, const struct finding *finding,
                         const struct finding_words *words, const struct event *event)
{
    static const char *const levels[] = { "Informational", "Minor", "Major", "Major", "Critical" };
    const struct starttap_finding *said = &finding->said;
    struct json *metadata = json_add_object(alert, "metadata");
    add_one(metadata, "starttap_event_id", event->key.id); /* these three first: see restate.c */
    add_number(metadata, "starttap_update", finding->update);
    add_number(metadata, "starttap_count", 1);
    add_one(metadata, "starttap_finding_uid", finding->uid);
    add_one(metadata, "starttap_session_id", facts_session(finding->facts)->id);
    add_one(metadata, "signature_severity", levels[said->severity]);
    add_one(metadata, "severity", event_severity_name(said->severity));
    add_number(metadata, "confidence", said->confidence);
    add_one(metadata, "attribution", words->attribution);
    if (said->variant != NULL)
        add_one(metadata, "variant", said->variant);
    add_one(metadata, "mitre_technique_id", words->attack);
    add_one(metadata, "evidence", words->evidence);
    add_one(metadata, "explanation", words->explanation);
    add_one(metadata, "fix", words->fix);
}

static void add_alert(struct json *root, const struct finding *finding,
                      const struct finding_words *words, const struct event *event)
{
    static const uint8_t priorities[] = { 3, 3, 2, 1, 1 }; /* 1 is worst */
    char signature[512];
    struct json *alert = json_add_object(root, "alert");
    json_word(alert, "action", "allowed"); /* we only listen */
    json_count(alert, "gid", GENERATOR);
    json_count(alert, "signature_id", rule_number(words->rule));
    json_count(alert, "rev", 1);
    snprintf(signature, sizeof signature, "starttap %s: %s", words->rule, words->name);
    json_name(alert, "signature", signature);
    json_word(alert, "category", category_of(words->rule));
    json_count(alert, "severity", priorities[finding->said.severity]);
    if (texts_reference(finding->texts, 0) != NULL) {
        struct json *list = json_add_array(alert, "references");
        for (size_t i = 0; texts_reference(finding->texts, i) != NULL; i++)
            json_push_word(list, texts_reference(finding->texts, i));
    }
    add_metadata(alert, finding, words, event);
}

static void add_tls(struct json *root, const struct starttap_tls *tls, const char *server_name)
{
    char buffer[EVE_VERSION_SIZE];
    if (tls == NULL || (tls->server_hello == NULL && *server_name == '\0'))
        return;
    struct json *object = json_add_object(root, "tls");
    json_word(object, "sni", server_name);
    if (tls->server_hello != NULL)
        json_word(object, "version", eve_version(tls->server_hello->version, buffer));
}

char *eve_finding(const struct event_options *options, const struct finding *finding,
                  const struct event *event, size_t *len)
{
    const struct starttap_session *s = facts_session(finding->facts);
    struct finding_words words;
    if (!finding_words_init(&words, finding))
        return NULL;
    bool hello = s->tls != NULL && (s->tls->client_hello != NULL || s->tls->server_hello != NULL);
    const struct eve_head head = {
        .time_ns = event->key.time_ns,
        .type = "alert",
        .session_id = s->id,
        .client = s->client.ip,
        .server = s->server.ip,
        .client_port = s->client.port,
        .server_port = s->server.port,
        .ip_version = s->client.family,
        .file = finding->said.evidence_count > 0 ? finding->said.evidence[0].where.file : 0,
        .frame = words.frame,
        .app_proto = hello ? "tls" : s->protocol_name,
        .app_proto_before =
            hello && s->mail != NULL && s->mail->accepted == STARTTAP_YES ? s->protocol_name : NULL,
        .community_id = event->community_id,
    };
    struct json *root = eve_new(options, &head);
    add_alert(root, finding, &words, event);
    add_tls(root, s->tls, words.server_name);
    finding_words_free(&words);
    char *text = json_print(root, len);
    json_free(root);
    return text;
}
