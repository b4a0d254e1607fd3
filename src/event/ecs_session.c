/* SPDX-License-Identifier: Apache-2.0
 * ecs_session.c - the mailtls.session event.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "ecs.h"

void ecs_address(const struct address *address, uint8_t ip_version, char out[64])
{
    if (ip_version != 4) {
        if (inet_ntop(AF_INET6, address->bytes, out, 64) == NULL)
            out[0] = '\0';
        return;
    }
    size_t len = 0;
    for (int i = 0; i < 4; i++) {
        len = text_append(out, 64, len, i > 0 ? "." : "");
        len = text_append_number(out, 64, len, address->bytes[i]);
    }
}

struct json *ecs_head(const struct event_options *options, int64_t time_ns, const char *id,
                      const char *kind, const char *dataset)
{
    char when[CLOCK_TEXT_SIZE];
    struct json *root = json_new(options->json);
    clock_text(time_ns, when);
    json_word(root, "@timestamp", when);
    struct json *event = json_add_object(root, "event"); /* second, see event.c */
    json_word(event, "id", id);
    json_word(event, "kind", kind);
    json_push_word(json_add_array(event, "category"), "network");
    json_word(event, "module", "mailtls");
    json_word(event, "dataset", dataset);
    json_word(json_add_object(root, "ecs"), "version", "9.4.0");
    return root;
}

void ecs_observer(struct json *root, const struct event_options *options)
{
    struct json *observer = json_add_object(root, "observer");
    json_name(observer, "name", options->sensor);
    json_word(observer, "type", "sensor");
    json_word(observer, "vendor", "starttap");
    json_word(observer, "product", "starttap");
    json_word(observer, "version", STARTTAP_VERSION);
}

static void add_times(struct json *event, const struct session_record *r)
{
    char when[CLOCK_TEXT_SIZE];
    int64_t start = r->flow->first.time_ns, end = r->open ? r->now_ns : r->flow->last.time_ns;
    clock_text(start, when);
    json_word(event, "start", when);
    clock_text(end, when);
    json_word(event, "end", when);
    json_number(event, "duration", end > start ? end - start : 0);
}

static void add_endpoint(struct json *root, const char *key, const char *ip, uint16_t port,
                         const struct flow_side *side)
{
    struct json *end = json_add_object(root, key);
    json_word(end, "ip", ip);
    json_count(end, "port", port);
    json_count(end, "bytes", side->bytes);
    json_count(end, "packets", side->packets);
}

static void add_network(struct json *root, const struct session_record *r)
{
    const struct flow_side *c = &r->flow->sides[SIDE_CLIENT], *s = &r->flow->sides[SIDE_SERVER];
    char number[8];
    struct json *network = json_add_object(root, "network");
    json_word(network, "type", r->flow->ip_version == 4 ? "ipv4" : "ipv6");
    json_word(network, "transport", "tcp");
    json_word(network, "iana_number", "6");
    json_word(network, "protocol", r->protocol);
    json_word(network, "application", r->application);
    json_word(network, "community_id", r->community);
    json_count(network, "bytes", c->bytes + s->bytes);
    json_count(network, "packets", c->packets + s->packets);
    if (r->flow->vlan != 0) {
        snprintf(number, sizeof number, "%u", r->flow->vlan);
        json_word(json_add_object(network, "vlan"), "id", number);
    }
}

static size_t append_end(char *out, size_t cap, size_t len, const struct flow_info *flow,
                         const char *ip, uint16_t port)
{
    bool v6 = flow->ip_version == 6;
    len = text_append(out, cap, len, v6 ? " [" : " ");
    len = text_append(out, cap, len, ip);
    len = text_append(out, cap, len, v6 ? "]:" : ":");
    return text_append_number(out, cap, len, port);
}

static void add_message(struct json *root, const struct session_record *r, const char *client,
                        const char *server)
{
    char message[256], version[16];
    const char *protocol_word = NULL, *number = NULL;
    if (r->tls != NULL && r->tls->server_hello.seen)
        number = tls_version_text(r->tls->server_hello.version, &protocol_word, version);
    const char *protocol = *r->protocol != '\0'     ? r->protocol
                           : r->application != NULL ? r->application
                                                    : "tcp";
    size_t len = text_append(message, sizeof message, 0, protocol);
    len = append_end(message, sizeof message, len, r->flow, client, r->flow->client_port);
    len = text_append(message, sizeof message, len, " ->");
    len = append_end(message, sizeof message, len, r->flow, server, r->flow->server_port);
    len = text_append(message, sizeof message, len, " ");
    len = text_append(message, sizeof message, len, session_mode_name(r->mode));
    if (number != NULL) {
        len = text_append(message, sizeof message, len,
                          strcmp(protocol_word, "ssl") == 0 ? " SSL " : " TLS ");
        len = text_append(message, sizeof message, len, number);
    }
    len = text_append(message, sizeof message, len, ": ");
    text_append(message, sizeof message, len, session_verdict_name(r->verdict));
    json_word(root, "message", message);
}

static void add_tri(struct json *parent, const char *key, enum tri value)
{
    if (value != TRI_UNKNOWN)
        json_flag(parent, key, value == TRI_YES);
}

static bool side_is_whole(const struct flow_info *flow, enum side side)
{
    const struct flow_side *s = &flow->sides[side];
    return s->seen && s->gaps == 0 && !flow->midstream;
}

static void add_starttls(struct json *mailtls, const struct session_record *r)
{
    const struct mail_facts *mail = r->mail;
    enum tri requested = mail->starttls_requested;
    bool may_follow = r->open || (r->reasons & (REASON_CAPTURE_ENDED | REASON_EVICTED)) != 0;
    if (requested == TRI_UNKNOWN && side_is_whole(r->flow, SIDE_CLIENT) &&
        (!may_follow || mail->clear_commands || mail->quit))
        requested = TRI_NO; /* all of the client's dialogue was seen, or all that matters */
    struct json *starttls = json_add_object(mailtls, "starttls");
    add_tri(starttls, "offered", mail->starttls_offered);
    add_tri(starttls, "requested", requested);
    add_tri(starttls, "accepted", mail->starttls_accepted);
    json_text(starttls, "reply", mail->starttls_reply);
    if (json_is_empty(starttls))
        json_drop(mailtls, "starttls");
}

/* The server's first line is a greeting only if it really was the first; another one may quote what
 * the client said. */
static bool has_banner(const struct session_record *r)
{
    return !r->flow->midstream && (r->mail->greeting_code == 0 || r->mail->greeting_code == 220);
}

static void add_mail(struct json *mailtls, const struct session_record *r)
{
    const struct mail_facts *mail = r->mail;
    if (has_banner(r) && (mail->banner_host.len > 0 || mail->banner_software.len > 0)) {
        struct json *banner = json_add_object(mailtls, "banner");
        json_text(banner, "host", mail->banner_host);
        json_text(banner, "software", mail->banner_software);
    }
    json_text(mailtls, "helo", mail->helo);
    if (mail->capabilities.complete && mail->capabilities.count > 0) {
        struct json *list = json_add_array(mailtls, "capabilities");
        for (size_t i = 0; i < mail->capabilities.count; i++)
            json_push_text(list, mail->capabilities.names[i]);
    }
    add_starttls(mailtls, r);
    if (mail->auth_count == 0)
        return;
    struct json *list = json_add_array(mailtls, "auth");
    for (size_t i = 0; i < mail->auth_count; i++) {
        struct json *auth = json_push_object(list);
        json_text(auth, "mechanism", mail->auth[i].mechanism);
        json_flag(auth, "protected", false); /* what is inside TLS is not seen */
        add_tri(auth, "succeeded", mail->auth[i].succeeded);
    }
}

static void add_rules(struct json *mailtls, const char *key, const struct session_record *r,
                      bool below)
{
    const char *rules[LIMIT_FINDINGS];
    size_t count = detect_rules(detect_found(r), STARTTAP_LOW, below, rules);
    if (count == 0)
        return;
    struct json *list = json_add_array(mailtls, key);
    for (size_t i = 0; i < count; i++)
        json_push_word(list, rules[i]);
}

static void add_end(struct json *mailtls, const struct session_record *r)
{
    if (r->open)
        return;
    struct json *end = json_add_object(mailtls, "end");
    json_word(end, "how", flow_how_name(r->flow->how));
    /* Of two FINs only one may be in half a capture; and nobody ended what just was seen no more.
     */
    bool both = r->flow->sides[SIDE_CLIENT].seen && r->flow->sides[SIDE_SERVER].seen;
    bool by_side = r->flow->how == FLOW_END_RST || (r->flow->how == FLOW_END_FIN && both);
    if (by_side && r->flow->ended_by_known)
        json_word(end, "side", side_name(r->flow->ended_by));
}

static void add_flow(struct json *mailtls, const struct flow_info *flow)
{
    if (!flow->sides[SIDE_CLIENT].isn_known && !flow->sides[SIDE_SERVER].isn_known)
        return;
    struct json *object = json_add_object(mailtls, "flow");
    if (flow->sides[SIDE_CLIENT].isn_known)
        json_count(object, "client_isn", flow->sides[SIDE_CLIENT].isn);
    if (flow->sides[SIDE_SERVER].isn_known)
        json_count(object, "server_isn", flow->sides[SIDE_SERVER].isn);
}

static void add_via(struct json *capture, const struct session_record *r)
{
    if (r->flow->via == 0 && r->proxy == NULL)
        return;
    struct json *via = json_add_array(capture, "via");
    for (unsigned bit = 1; bit <= r->flow->via; bit <<= 1)
        if ((r->flow->via & bit) != 0)
            json_push_word(via, packet_via_name((enum packet_via)bit));
    if (r->proxy != NULL)
        json_push_word(via, r->proxy);
}

static void add_capture(struct json *mailtls, const struct event_options *options,
                        const struct session_record *r)
{
    const struct flow_info *flow = r->flow;
    const struct flow_side *c = &flow->sides[SIDE_CLIENT], *s = &flow->sides[SIDE_SERVER];
    struct json *capture = json_add_object(mailtls, "capture");
    if (options->file_name != NULL)
        json_name(capture, "file", options->file_name(options->files, flow->first.file));
    if (flow->first.frame != 0)
        json_count(capture, "first_frame", flow->first.frame);
    if (flow->last.frame != 0)
        json_count(capture, "last_frame", flow->last.frame);
    json_word(capture, "sides", c->seen && s->seen ? "both" : c->seen ? "client" : "server");
    json_flag(capture, "complete",
              side_is_whole(flow, SIDE_CLIENT) && side_is_whole(flow, SIDE_SERVER) && !r->open &&
                  (r->reasons & (REASON_CAPTURE_ENDED | REASON_EVICTED)) == 0);
    json_count(capture, "gaps", (uint64_t)c->gaps + s->gaps);
    json_count(capture, "bytes_missed", c->missed_bytes + s->missed_bytes);
    json_flag(capture, "midstream", flow->midstream);
    json_count(capture, "truncated", (uint64_t)c->truncated + s->truncated);
    json_count(capture, "duplicates", (uint64_t)c->duplicates + s->duplicates);
    add_via(capture, r);
    if (r->reasons == 0)
        return;
    struct json *reasons = json_add_array(capture, "reasons");
    for (unsigned i = 0; i < REASON_COUNT; i++)
        if ((r->reasons & 1u << i) != 0)
            json_push_word(reasons, session_reason_name(i));
}

static void push_once(struct json *list, struct text text, struct text *seen, size_t *count,
                      size_t cap)
{
    for (size_t i = 0; i < *count; i++)
        if (text_same_nocase(seen[i], text))
            return;
    if (text.len == 0 || *count == cap)
        return;
    seen[(*count)++] = text;
    json_push_text(list, text);
}

static void add_related(struct json *root, const struct session_record *r, const char *client,
                        const char *server)
{
    struct json *related = json_add_object(root, "related");
    struct json *ips = json_add_array(related, "ip");
    json_push_word(ips, client);
    if (strcmp(client, server) != 0)
        json_push_word(ips, server);

    struct text seen[4];
    size_t count = 0;
    struct json *hosts = json_add_array(related, "hosts");
    if (r->tls != NULL)
        push_once(hosts, r->tls->client_hello.server_name, seen, &count, 4);
    if (r->mail != NULL) {
        if (has_banner(r))
            push_once(hosts, r->mail->banner_host, seen, &count, 4);
        push_once(hosts, r->mail->helo, seen, &count, 4);
    }
    if (count == 0)
        json_drop(related, "hosts");
}

struct json *ecs_session(const struct event_options *options, const struct session_record *r,
                         const char *event_id_text)
{
    char client[64], server[64];
    ecs_address(&r->flow->client, r->flow->ip_version, client);
    ecs_address(&r->flow->server, r->flow->ip_version, server);

    struct json *root = ecs_head(options, r->now_ns, event_id_text, "event", "mailtls.session");
    struct json *event = json_member(root, "event");
    struct json *type = json_add_array(event, "type");
    json_push_word(type, "connection");
    json_push_word(type, "protocol");
    if (!r->open)
        json_push_word(type, "end");
    json_word(event, "action", "mail-session");
    json_word(event, "outcome", session_outcome_name(r->outcome));
    add_times(event, r);

    add_message(root, r, client, server);
    ecs_observer(root, options);
    add_endpoint(root, "source", client, r->flow->client_port, &r->flow->sides[SIDE_CLIENT]);
    add_endpoint(root, "destination", server, r->flow->server_port, &r->flow->sides[SIDE_SERVER]);
    if (r->proxied_address.len > 0)
        json_text(json_add_object(root, "client"), "ip", r->proxied_address);
    add_network(root, r);
    if (r->tls != NULL)
        ecs_tls(root, r);
    add_related(root, r, client, server);

    struct json *mailtls = json_add_object(root, "mailtls");
    json_word(mailtls, "schema", "1");
    json_word(json_add_object(mailtls, "session"), "id", r->id);
    if (r->open)
        json_flag(mailtls, "open", true);
    json_word(mailtls, "role", session_role_name(r->role));
    json_word(mailtls, "mode", session_mode_name(r->mode));
    json_word(mailtls, "verdict", session_verdict_name(r->verdict));
    add_rules(mailtls, "findings", r, false);
    add_rules(mailtls, "notes", r, true); /* information, no finding of its own */
    if (r->mail != NULL)
        add_mail(mailtls, r);
    if (r->tls != NULL)
        ecs_mailtls_tls(mailtls, r);
    add_end(mailtls, r);
    add_flow(mailtls, r->flow);
    add_capture(mailtls, options, r);
    return root;
}
