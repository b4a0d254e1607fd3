/* SPDX-License-Identifier: Apache-2.0
 * policy.c - questions to the policy. policy_read.c makes it from texts.
 */
#include "policy.h"

#include <string.h>

#include "log.h"
#include "policy_state.h"

/* --- who is meant --- */

static bool holds_network(const struct hosts *hosts, const struct starttap_end *end)
{
    for (size_t i = 0; i < hosts->count; i++)
        if (hosts->at[i].name == NULL &&
            network_holds(&hosts->at[i].network, end->family, end->address))
            return true;
    return false;
}

static bool holds_name(const struct hosts *hosts, const char *name)
{
    for (size_t i = 0; i < hosts->count; i++)
        if (hosts->at[i].name != NULL && host_matches(hosts->at[i].name, name))
            return true;
    return false;
}

const char *policy_name(const struct policy *policy, uint8_t family, const uint8_t address[16],
                        size_t index)
{
    for (size_t i = 0; i < policy->name_count; i++) {
        const struct named *row = &policy->names[i];
        if (!network_holds(&row->address, family, address))
            continue;
        if (index < row->count)
            return row->names[index];
        index -= row->count;
    }
    return NULL;
}

/* By its address, by a name that the operator or the client gives it, or with `claims` also by one
 * that it gives itself. */
static bool holds_server(const struct policy *policy, const struct hosts *hosts,
                         const struct starttap_session *session, bool claims)
{
    const struct starttap_end *server = &session->server;
    if (holds_network(hosts, server))
        return true;
    const char *name;
    for (size_t i = 0; (name = policy_name(policy, server->family, server->address, i)) != NULL;
         i++)
        if (holds_name(hosts, name))
            return true;
    for (size_t i = 0; session->chain != NULL && i < session->chain->name_count; i++)
        if (session->chain->names[i].source == STARTTAP_NAME_DNS &&
            holds_name(hosts, session->chain->names[i].name))
            return true;
    const struct starttap_client_hello *hello =
        session->tls == NULL ? NULL : session->tls->client_hello;
    return (hello != NULL && holds_name(hosts, hello->server_name)) ||
           (claims && session->mail != NULL && holds_name(hosts, session->mail->banner_host));
}

static bool holds_port(const uint16_t *ports, size_t count, uint16_t port)
{
    for (size_t i = 0; i < count; i++)
        if (ports[i] == port)
            return true;
    return false;
}

/* --- sanctioned inspection --- */

/* Certificates that merely lie beside the path from the leaf prove nothing. */
static bool is_in_chain(const struct starttap_chain *chain, const char *spki)
{
    for (size_t i = 0; i < chain->count; i++) {
        const struct starttap_certificate *certificate = &chain->certificates[i];
        if (certificate->parsed && (certificate->flags & STARTTAP_CERT_UNUSED) == 0 &&
            strcmp(certificate->spki_sha256, spki) == 0)
            return true;
    }
    return false;
}

static const char *problem_of(const struct entry *entry, const struct starttap_session *session)
{
    if (session->now_ns >= entry->until_ns)
        return "expired";
    if (entry->clients.count > 0 && !holds_network(&entry->clients, &session->client))
        return "client";
    if (entry->port_count > 0 &&
        !holds_port(entry->ports, entry->port_count, session->service_port))
        return "port";
    return "";
}

static void fill_inspection(const struct policy *policy, const struct starttap_session *session,
                            struct starttap_policy *out)
{
    out->sanctioned = out->sanctioned_problem = "";
    for (size_t i = 0; session->chain != NULL && i < policy->inspection.count; i++) {
        const struct entry *entry = &policy->inspection.at[i];
        if (!is_in_chain(session->chain, entry->spki))
            continue;
        const char *problem = problem_of(entry, session);
        if (*problem == '\0') {
            out->sanctioned = entry->label;
            out->sanctioned_problem = "";
            return;
        }
        if (*out->sanctioned_problem == '\0')
            out->sanctioned_problem = problem;
    }
}

/* --- what leaves --- */

static const char *kept(struct arena *arena, const char *text)
{
    size_t size = strlen(text) + 1;
    char *copy = arena_alloc(arena, size);
    if (copy == NULL)
        return "";
    memcpy(copy, text, size);
    return copy;
}

static bool is_loopback(const struct starttap_session *session)
{
    const struct starttap_end *client = &session->client, *server = &session->server;
    bool own = client->family == server->family &&
               memcmp(client->address, server->address, client->family == 4 ? 4 : 16) == 0;
    return own || (network_is_loopback(client->family, client->address) &&
                   network_is_loopback(server->family, server->address));
}

void policy_fill(const struct policy *policy, const struct starttap_session *session,
                 struct arena *arena, struct starttap_policy *out)
{
    *out = (struct starttap_policy){
        .loopback = is_loopback(session),
        .tls_required = holds_server(policy, &policy->require_tls, session, true),
        .vantage = policy->vantage,
        .port_list = policy->port_count > 0,
        .port_allowed = holds_port(policy->ports, policy->port_count, session->service_port),
    };
    out->trusted = out->loopback || (holds_network(&policy->trusted, &session->client) &&
                                     holds_network(&policy->trusted, &session->server));
    fill_inspection(policy, session, out);
    out->sanctioned = kept(arena, out->sanctioned);
}

static bool names_rule(const struct entry *entry, const char *rule)
{
    return entry->prefix ? strncmp(rule, entry->rule, strlen(entry->rule)) == 0
                         : strcmp(rule, entry->rule) == 0;
}

void policy_check_rules(const struct policy *policy,
                        const char *(*rule_at)(const void *rules, size_t index), const void *rules)
{
    for (size_t i = 0; i < policy->mute.count; i++) {
        const struct entry *entry = &policy->mute.at[i];
        const char *rule = NULL;
        for (size_t index = 0; (rule = rule_at(rules, index)) != NULL; index++)
            if (names_rule(entry, rule))
                break;
        if (rule == NULL)
            log_warn("policy.mute: there is no finding \"%s%s\"", entry->rule,
                     entry->prefix ? "*" : "");
    }
}

bool policy_mutes(const struct policy *policy, const char *rule,
                  const struct starttap_session *session)
{
    for (size_t i = 0; i < policy->mute.count; i++) {
        const struct entry *entry = &policy->mute.at[i];
        if (names_rule(entry, rule) && session->now_ns < entry->until_ns &&
            (entry->clients.count == 0 || holds_network(&entry->clients, &session->client)) &&
            (entry->port_count == 0 ||
             holds_port(entry->ports, entry->port_count, session->service_port)) &&
            (entry->servers.count == 0 || holds_server(policy, &entry->servers, session, false)))
            return true;
    }
    return false;
}

enum starttap_severity policy_severity(const struct starttap_session *session,
                                       enum starttap_severity severity)
{
    if (session->policy->loopback)
        return STARTTAP_INFO;
    return starttap_severity_step(severity, session->policy->trusted ? -1 : 0);
}
