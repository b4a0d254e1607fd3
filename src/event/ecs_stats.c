/* SPDX-License-Identifier: Apache-2.0
 * ecs_stats.c - the mailtls.stats event: what was seen, and what was not.
 */
#include "clock.h"
#include "ecs.h"

static void add_capture(struct json *stats, const struct event_stats *s)
{
    struct json *capture = json_add_object(stats, "capture");
    json_count(capture, "files", s->capture.files);
    json_count(capture, "packets", s->capture.frames);
    json_count(capture, "bytes", s->capture.bytes);
    json_count(capture, "skipped", s->capture.frames_skipped);
    json_count(capture, "out_of_order", s->capture.backwards);
    json_count(capture, "kernel_drops", s->capture.kernel_drops);
    json_count(capture, "interface_drops", s->capture.interface_drops);
    if (s->capture.frames_filtered > 0)
        json_count(capture, "filtered", s->capture.frames_filtered);
    if (s->capture.live) {
        json_count(capture, "kernel_passed", s->capture.kernel_passed);
        json_count(capture, "over_mtu", s->capture.frames_over_mtu);
        json_count(capture, "vlan", s->capture.frames_vlan);
    }

    static const struct {
        enum packet_verdict verdict;
        const char *key;
    } verdicts[] = {
        { PACKET_TCP, "tcp" },
        { PACKET_OTHER, "other" },
        { PACKET_FRAGMENT, "fragments" },
        { PACKET_SHORT, "short" },
        { PACKET_MALFORMED, "malformed" },
        { PACKET_UNKNOWN, "unknown_link" },
    };
    struct json *decoded = json_add_object(stats, "packets");
    for (size_t i = 0; i < sizeof verdicts / sizeof verdicts[0]; i++)
        json_count(decoded, verdicts[i].key, s->packets.verdicts[verdicts[i].verdict]);
    if (s->packets.verdicts[PACKET_ELSEWHERE] > 0)
        json_count(decoded, "other_ports", s->packets.verdicts[PACKET_ELSEWHERE]);
    json_count(decoded, "bad_checksums", s->packets.bad_checksums);
    json_count(decoded, "truncated", s->packets.truncated);
    json_count(decoded, "fragments_joined", s->packets.fragments_joined);
    json_count(decoded, "fragments_lost",
               s->packets.fragments_expired + s->packets.fragments_evicted);
}

static void add_flows(struct json *stats, const struct shard_counters *c, bool live)
{
    struct json *flows = json_add_object(stats, "flows");
    json_count(flows, "created", c->flows);
    if (live)
        json_count(flows, "active", c->flows_open);
    json_count(flows, "timed_out", c->timed_out);
    json_count(flows, "evicted", c->evicted);
    json_count(flows, "one_sided", c->one_sided);
    json_count(flows, "midstream", c->midstream);
    struct json *reassembly = json_add_object(stats, "reassembly");
    json_count(reassembly, "gaps", c->gaps);
    json_count(reassembly, "bytes_missed", c->missed_bytes);
    json_count(reassembly, "duplicates", c->duplicates);
    json_count(reassembly, "conflicts", c->conflicts);
    json_count(reassembly, "refused", c->buffer_refused);
}

static void add_sessions(struct json *stats, const struct session_counters *c)
{
    static const char *const versions[] = { "ssl", "1.0", "1.1", "1.2", "1.3" };
    struct json *sessions = json_add_object(stats, "sessions");
    json_count(sessions, "records", c->records);
    json_count(sessions, "open_records", c->open_records);
    json_count(sessions, "not_mail", c->let_go);
    json_count(sessions, "named", c->foreign_asked);
    struct json *protocols = json_add_object(sessions, "protocols");
    for (int i = MAIL_SMTP; i <= MAIL_SIEVE; i++)
        json_count(protocols, mail_protocol_name((enum mail_protocol)i), c->protocols[i]);
    struct json *modes = json_add_object(sessions, "modes");
    for (int i = 0; i < MODE_COUNT; i++)
        json_count(modes, session_mode_name((enum session_mode)i), c->modes[i]);
    struct json *verdicts = json_add_object(sessions, "verdicts");
    for (int i = 0; i < VERDICT_COUNT; i++)
        json_count(verdicts, session_verdict_name((enum session_verdict)i), c->verdicts[i]);
    struct json *tls = json_add_object(stats, "tls");
    for (size_t i = 0; i < sizeof versions / sizeof versions[0]; i++)
        json_count(tls, versions[i], c->tls_versions[i]);
    json_count(json_add_object(stats, "certificates"), "over_budget", c->chains_over_budget);
    struct json *reasons = json_add_object(stats, "reasons");
    for (unsigned i = 0; i < REASON_COUNT; i++)
        json_count(reasons, session_reason_name(i), c->reasons[i]);
}

static void add_queues(struct json *stats, const struct event_queues *q)
{
    if (!q->live)
        return;
    struct json *queues = json_add_object(stats, "queues");
    json_count(queues, "blocks_waiting", q->blocks_waiting);
    json_count(queues, "blocks_room", q->blocks_room);
    json_count(queues, "stalls", q->stalls);
    json_count(queues, "handed_over", q->handed_over);
    json_count(queues, "copied", q->copied);
    json_count(queues, "events_waiting", q->events_waiting);
}

static void add_output(struct json *outputs, const struct event_output *o)
{
    struct json *output = json_push_object(outputs);
    json_word(output, "name", o->name);
    json_word(output, "kind", o->kind);
    json_flag(output, "away", o->away);
    json_count(output, "events", o->events);
    json_count(output, "delivered", o->delivered);
    json_count(output, "refused", o->refused);
    json_count(output, "retried", o->retried);
    json_count(output, "restarts", o->restarts);
    struct json *dropped = json_add_object(output, "dropped");
    for (int i = 0; i < DATASET_COUNT; i++)
        json_count(dropped, event_dataset_name((enum event_dataset)i), o->dropped[i]);
    json_count(output, "waiting", o->waiting);
    json_count(output, "bytes_waiting", o->bytes_waiting);
    json_count(output, "waits", o->waits);
    json_count(output, "waited", o->waited_ns);
}

static void add_outputs(struct json *stats, const struct event_stats *s)
{
    struct json *outputs = NULL;
    for (size_t i = 0; i < s->output_count; i++) {
        if (!s->outputs[i].process)
            continue;
        if (outputs == NULL)
            outputs = json_add_array(stats, "outputs");
        add_output(outputs, &s->outputs[i]);
    }
}

struct json *ecs_stats(const struct event_options *options, const struct event_stats *s,
                       const char *id)
{
    char when[CLOCK_TEXT_SIZE];
    struct json *root = ecs_head(options, s->end_ns, id, "metric", "mailtls.stats");
    struct json *event = json_member(root, "event");
    json_push_word(json_add_array(event, "type"), "info");
    clock_text(s->start_ns, when);
    json_word(event, "start", when);
    clock_text(s->end_ns, when);
    json_word(event, "end", when);
    json_number(event, "duration", s->end_ns > s->start_ns ? s->end_ns - s->start_ns : 0);
    ecs_observer(root, options);
    if (options->ingress != NULL) {
        struct json *ingress = json_add_object(json_member(root, "observer"), "ingress");
        json_name(json_add_object(ingress, "interface"), "name", options->ingress);
    }

    struct json *mailtls = json_add_object(root, "mailtls");
    json_word(mailtls, "schema", "1");
    struct json *stats = json_add_object(mailtls, "stats");
    if (s->queues.live)
        json_number(stats, "uptime_s", (s->end_ns - s->start_ns) / NS_PER_S);
    add_capture(stats, s);
    add_flows(stats, &s->flows, s->queues.live);
    add_sessions(stats, &s->sessions);
    struct json *findings = json_add_object(stats, "findings");
    for (int i = 0; i <= STARTTAP_CRITICAL; i++)
        json_count(findings, event_severity_name((enum starttap_severity)i), s->findings[i]);
    json_count(json_add_object(stats, "output"), "events", s->events);
    add_queues(stats, &s->queues);
    add_outputs(stats, s);
    return root;
}
