/* SPDX-License-Identifier: Apache-2.0
 * eve.c - sessions and counters in the form of Suricata's EVE log: `tls` and `flow` for a session
 * that is over, `stats` for a run. Values are spelt as Suricata spells them, as far as we know
 * them.
 */
#include "eve.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ecs.h"

void eve_time(int64_t time_ns, char out[EVE_TIME_SIZE])
{
    char text[CLOCK_TEXT_SIZE];
    clock_text(time_ns, text);
    snprintf(out, EVE_TIME_SIZE, "%.*s+0000", (int)strcspn(text, "Z"), text);
}

const char *eve_version(uint16_t version, char buffer[EVE_VERSION_SIZE])
{
    static const struct {
        uint16_t version;
        const char *name;
    } names[] = { { 0x0002, "SSLv2" },   { 0x0300, "SSLv3" },   { 0x0301, "TLSv1" },
                  { 0x0302, "TLS 1.1" }, { 0x0303, "TLS 1.2" }, { 0x0304, "TLS 1.3" } };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (names[i].version == version)
            return names[i].name;
    if (version >> 8 == 0x7f)
        snprintf(buffer, EVE_VERSION_SIZE, "TLS 1.3 draft-%02u", version & 0xffu);
    else
        snprintf(buffer, EVE_VERSION_SIZE, "0x%04x", version);
    return buffer;
}

/* The session's id in 51 bits, as wide as Suricata's own: what JavaScript reads is exact up to 53.
 */
static uint64_t flow_id(const char *session_id)
{
    uint64_t id = 0;
    for (const char *at = session_id; *at != '\0' && at - session_id < 12; at++)
        id = id << 5 | (uint64_t)(*at >= 'a' ? *at - 'a' : *at - '2' + 26);
    return id & ((UINT64_C(1) << 51) - 1);
}

struct json *eve_new(const struct event_options *options, const struct eve_head *head)
{
    char when[EVE_TIME_SIZE];
    struct json *root = json_new(options->json);
    eve_time(head->time_ns, when);
    json_word(root, "timestamp", when);
    if (head->session_id == NULL) {
        json_word(root, "event_type", head->type);
        json_name(root, "host", options->sensor);
        return root;
    }
    json_count(root, "flow_id", flow_id(head->session_id));
    if (options->file_name != NULL)
        json_name(root, options->live ? "in_iface" : "pcap_filename",
                  options->file_name(options->files, head->file));
    if (head->frame != 0)
        json_count(root, "pcap_cnt", head->frame);
    json_word(root, "event_type", head->type);
    if (head->vlan != 0)
        json_push_count(json_add_array(root, "vlan"), head->vlan);
    json_word(root, "src_ip", head->client);
    json_count(root, "src_port", head->client_port);
    json_word(root, "dest_ip", head->server);
    json_count(root, "dest_port", head->server_port);
    json_word(root, "proto", "TCP");
    json_count(root, "ip_v", head->ip_version);
    json_word(root, "app_proto", head->app_proto);
    json_word(root, "app_proto_orig", head->app_proto_before);
    json_word(root, "community_id", head->community_id);
    json_name(root, "host", options->sensor);
    return root;
}

/* --- tls --- */

static void add_numbers(struct json *parent, const char *key, struct u16_list list)
{
    if (list.count == 0) /* the schema wants at least one */
        return;
    struct json *array = json_add_array(parent, key);
    for (size_t i = 0; i < list.count; i++)
        json_push_count(array, list.at[i]);
}

/* "2026-09-01T00:00:00Z" without its letter; the schema takes years from 1000 to 2999. */
static void add_date(struct json *parent, const char *key, struct text date)
{
    char text[24];
    if (date.len != sizeof "2026-09-01T00:00:00Z" - 1 || (*date.at != '1' && *date.at != '2'))
        return;
    snprintf(text, sizeof text, "%.*s", (int)(date.len - 1), date.at);
    json_word(parent, key, text);
}

/* "01:AB:…" */
static void add_serial(struct json *parent, struct text serial)
{
    char text[3 * 64 + 1];
    size_t used = 0;
    if (serial.len == 0 || serial.len > 128 || *serial.at == '-')
        return;
    if (serial.len % 2 != 0)
        text[used++] = '0';
    for (size_t i = 0; i < serial.len; i++) {
        text[used++] = serial.at[i];
        if ((serial.len - i) % 2 == 1 && i + 1 < serial.len)
            text[used++] = ':';
    }
    text[used] = '\0';
    json_word(parent, "serial", text);
}

static void add_certificate(struct json *parent, const struct x509_chain *chain)
{
    if (chain == NULL || chain->count == 0 || !chain->certificates[0].parsed)
        return;
    const struct certificate *c = &chain->certificates[0];
    json_text(parent, "subject", c->subject);
    json_text(parent, "issuerdn", c->issuer);
    add_serial(parent, c->serial);
    add_date(parent, "notbefore", c->not_before);
    add_date(parent, "notafter", c->not_after);
    if (c->name_count == 0)
        return;
    struct json *names = json_add_array(parent, "subjectaltname");
    for (size_t i = 0; i < c->name_count; i++)
        json_push_text(names, c->names[i]);
}

static void add_hash(struct json *tls, const char *key, const char *hash)
{
    if (*hash != '\0')
        json_word(json_add_object(tls, key), "hash", hash);
}

static void add_client_hello(struct json *tls, const struct tls_client_hello *hello)
{
    char buffer[EVE_VERSION_SIZE];
    if (!hello->seen)
        return;
    json_text(tls, "sni", hello->server_name);
    add_hash(tls, "ja3", hello->ja3);
    json_word(tls, "ja4", hello->ja4);
    if (hello->alpn_count > 0) {
        struct json *list = json_add_array(tls, "client_alpns");
        for (size_t i = 0; i < hello->alpn_count; i++)
            json_push_text(list, hello->alpn[i]);
    }
    struct json *handshake = json_add_object(tls, "client_handshake");
    json_word(handshake, "version", eve_version(hello->version, buffer));
    add_numbers(handshake, "ciphers", hello->ciphers);
    add_numbers(handshake, "exts", hello->extensions);
    add_numbers(handshake, "sig_algs", hello->signature_algorithms);
}

static void add_server_hello(struct json *tls, const struct tls_server_hello *hello)
{
    char buffer[EVE_VERSION_SIZE];
    if (!hello->seen)
        return;
    json_word(tls, "version", eve_version(hello->version, buffer));
    add_hash(tls, "ja3s", hello->ja3s);
    if (hello->alpn.len > 0)
        json_push_text(json_add_array(tls, "server_alpns"), hello->alpn);
    struct json *handshake = json_add_object(tls, "server_handshake");
    json_word(handshake, "version", eve_version(hello->legacy_version, buffer));
    if (!hello->ssl2)
        json_count(handshake, "cipher", hello->cipher);
    add_numbers(handshake, "exts", hello->extensions);
}

static bool has_hello(const struct session_record *r)
{
    return r->tls != NULL && (r->tls->client_hello.seen || r->tls->server_hello.seen);
}

static bool is_starttls(const struct session_record *r)
{
    return has_hello(r) && r->mail != NULL && r->mail->starttls_accepted == TRI_YES;
}

static struct json *tls_event(const struct event_options *options, const struct session_record *r,
                              struct eve_head head)
{
    const struct tls_facts *facts = r->tls;
    const struct mark *where =
        facts->client_hello.seen ? &facts->client_hello.where : &facts->server_hello.where;
    head.type = "tls";
    head.time_ns = where->time_ns;
    head.file = where->file;
    head.frame = where->frame;
    struct json *root = eve_new(options, &head);
    struct json *tls = json_add_object(root, "tls");
    add_certificate(tls, r->chain);
    add_client_hello(tls, &facts->client_hello);
    add_server_hello(tls, &facts->server_hello);
    if (facts->resumed == TRI_YES)
        json_flag(tls, "session_resumed", true);
    if (r->client_chain != NULL && r->client_chain->count > 0 &&
        r->client_chain->certificates[0].parsed)
        add_certificate(json_add_object(tls, "client"), r->client_chain);
    if (is_starttls(r))
        json_word(tls, "from_proto", r->protocol);
    return root;
}

/* --- flow --- */

static struct json *flow_event(const struct event_options *options, const struct session_record *r,
                               struct eve_head head)
{
    static const struct {
        const char *state, *reason;
    } ends[] = {
        [FLOW_END_FIN] = { "closed", "timeout" },
        [FLOW_END_RST] = { "closed", "timeout" },
        [FLOW_END_TIMEOUT] = { "established", "timeout" },
        [FLOW_END_EVICTED] = { "established", "forced" },
        [FLOW_END_CAPTURE] = { "established", "shutdown" },
        [FLOW_END_REUSED] = { "closed", "tcp_reuse" },
    };
    const struct flow_info *f = r->flow;
    const struct flow_side *c = &f->sides[SIDE_CLIENT], *s = &f->sides[SIDE_SERVER];
    const char *rules[LIMIT_FINDINGS];
    char when[EVE_TIME_SIZE];
    head.type = "flow";
    head.time_ns = r->now_ns;
    head.file = f->first.file;
    struct json *root = eve_new(options, &head);
    struct json *flow = json_add_object(root, "flow");
    json_count(flow, "pkts_toserver", c->packets);
    json_count(flow, "pkts_toclient", s->packets);
    json_count(flow, "bytes_toserver", c->bytes);
    json_count(flow, "bytes_toclient", s->bytes);
    eve_time(f->first.time_ns, when);
    json_word(flow, "start", when);
    eve_time(f->last.time_ns, when);
    json_word(flow, "end", when);
    int64_t age_ns = f->last.time_ns - f->first.time_ns;
    json_number(flow, "age", age_ns > 0 ? age_ns / NS_PER_S : 0);
    json_word(flow, "state", ends[f->how].state);
    json_word(flow, "reason", ends[f->how].reason);
    json_flag(flow, "alerted", detect_rules(detect_found(r), STARTTAP_LOW, false, rules) > 0);
    return root;
}

/* --- */

/* The lines of both, the first may be missing. */
static char *join(char *first, size_t first_len, char *second, size_t second_len, size_t *len)
{
    char *both = first == NULL || second == NULL ? NULL : malloc(first_len + second_len + 2);
    *len = second_len;
    if (both == NULL) {
        free(first);
        return second;
    }
    memcpy(both, first, first_len);
    both[first_len] = '\n';
    memcpy(both + first_len + 1, second, second_len + 1);
    *len = first_len + 1 + second_len;
    free(first);
    free(second);
    return both;
}

static char *print(struct json *root, size_t *len)
{
    char *text = json_print(root, len);
    json_free(root);
    return text;
}

char *eve_session(const struct event_options *options, const struct session_record *r,
                  const struct event *event, size_t *len)
{
    char client[64], server[64], *tls = NULL;
    if (r->open) /* there is nothing in EVE that a later record replaces */
        return NULL;
    ecs_address(&r->flow->client, r->flow->ip_version, client);
    ecs_address(&r->flow->server, r->flow->ip_version, server);
    struct eve_head head = {
        .session_id = r->id,
        .client = client,
        .server = server,
        .client_port = r->flow->client_port,
        .server_port = r->flow->server_port,
        .vlan = r->flow->vlan,
        .ip_version = r->flow->ip_version,
        .app_proto = has_hello(r) ? "tls" : r->protocol,
        .app_proto_before = is_starttls(r) ? r->protocol : NULL,
        .community_id = event->community_id,
    };
    size_t tls_len = 0, flow_len = 0;
    if (has_hello(r))
        tls = print(tls_event(options, r, head), &tls_len);
    char *flow = print(flow_event(options, r, head), &flow_len);
    return join(tls, tls_len, flow, flow_len, len);
}

char *eve_stats(const struct event_options *options, const struct event_stats *s,
                const struct event *event, size_t *len)
{
    const struct eve_head head = { .type = "stats", .time_ns = event->key.time_ns };
    struct json *root = eve_new(options, &head);
    struct json *stats = json_add_object(root, "stats");
    uint64_t alerts = 0;
    int64_t span_ns = s->end_ns - s->start_ns;
    json_number(stats, "uptime", span_ns > 0 ? span_ns / NS_PER_S : 0);
    struct json *capture = json_add_object(stats, "capture");
    json_count(capture, "kernel_packets", s->capture.frames);
    json_count(capture, "kernel_drops", s->capture.kernel_drops);
    json_count(capture, "kernel_ifdrops", s->capture.interface_drops);
    struct json *decoder = json_add_object(stats, "decoder");
    json_count(decoder, "pkts", s->capture.frames);
    json_count(decoder, "bytes", s->capture.bytes);
    json_count(decoder, "tcp", s->packets.verdicts[PACKET_TCP]);
    json_count(decoder, "invalid",
               s->packets.verdicts[PACKET_MALFORMED] + s->packets.verdicts[PACKET_SHORT]);
    struct json *flow = json_add_object(stats, "flow");
    json_count(flow, "total", s->flows.flows);
    json_count(flow, "tcp", s->flows.flows);
    struct json *tcp = json_add_object(stats, "tcp");
    json_count(tcp, "sessions", s->flows.flows);
    json_count(tcp, "midstream_pickups", s->flows.midstream);
    json_count(tcp, "reassembly_gap", s->flows.gaps);
    json_count(tcp, "overlap_diff_data", s->flows.conflicts);
    json_count(tcp, "segment_memcap_drop", s->flows.buffer_refused);
    json_count(tcp, "invalid_checksum", s->packets.bad_checksums);
    for (int i = STARTTAP_LOW; i <= STARTTAP_CRITICAL; i++)
        alerts += s->findings[i];
    json_count(json_add_object(stats, "detect"), "alert", alerts);
    struct json *sessions = json_add_object(json_add_object(stats, "app_layer"), "flow");
    json_count(sessions, "smtp", s->sessions.protocols[MAIL_SMTP]);
    json_count(sessions, "pop3", s->sessions.protocols[MAIL_POP3]);
    json_count(sessions, "imap", s->sessions.protocols[MAIL_IMAP]);
    return print(root, len);
}
