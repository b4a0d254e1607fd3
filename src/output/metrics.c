/* SPDX-License-Identifier: Apache-2.0
 * metrics.c - a table of counters, and how their lines look.
 */
#include "metrics.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clock.h"
#include "log.h"

/* --- the words of the labels; NULL: no sample for this one --- */

static const char *protocol_word(size_t i)
{
    return i == MAIL_NONE ? "other" : mail_protocol_name((enum mail_protocol)i);
}
static const char *mode_word(size_t i) { return session_mode_name((enum session_mode)i); }
static const char *verdict_word(size_t i) { return session_verdict_name((enum session_verdict)i); }
static const char *reason_word(size_t i) { return session_reason_name((unsigned)i); }
static const char *severity_word(size_t i)
{
    return event_severity_name((enum starttap_severity)i);
}
static const char *version_word(size_t i)
{
    static const char *const words[] = { "ssl", "1.0", "1.1", "1.2", "1.3" };
    return words[i];
}
static const char *packet_word(size_t i)
{
    static const char *const words[] = {
        [PACKET_TCP] = "tcp",
        [PACKET_OTHER] = "other",
        [PACKET_FRAGMENT] = "fragment",
        [PACKET_SHORT] = "short",
        [PACKET_MALFORMED] = "malformed",
        [PACKET_UNKNOWN] = "unknown",
        [PACKET_ELSEWHERE] = "other_ports",
    };
    return words[i];
}
static const char *kernel_word(size_t i) { return i == 0 ? "kernel" : NULL; }
static const char *interface_word(size_t i) { return i == 0 ? "interface" : NULL; }

/* --- the families --- */

struct family {
    const char *name, *type, *help;
    const char *label; /* NULL: one sample without labels */
    const char *(*word)(size_t index);
    size_t offset; /* in struct event_stats, of the first of `count` numbers */
    size_t count;
};

#define AT(member) offsetof(struct event_stats, member), 1
#define EACH(member)                                                                               \
    offsetof(struct event_stats, member), sizeof((struct event_stats *)0)->member / sizeof(uint64_t)

/* clang-format off */
static const struct family families[] = {
    /* Rows of one name stand together; the first one has its help. */
    { "capture_packets_total", "counter", "Packets taken.", NULL, NULL, AT(capture.frames) },
    { "capture_bytes_total", "counter", "Bytes of them, as captured.", NULL, NULL, AT(capture.bytes) },
    { "capture_dropped_packets_total", "counter",
      "Packets lost before starttap saw them: the kernel's buffer was full, or the interface lost them.",
      "where", kernel_word, AT(capture.kernel_drops) },
    { "capture_dropped_packets_total", NULL, NULL, "where", interface_word, AT(capture.interface_drops) },
    { "capture_skipped_packets_total", "counter", "Packets that are too long, or of an interface that the file does not describe.",
      NULL, NULL, AT(capture.frames_skipped) },
    { "packets_total", "counter", "Packets by what they were.", "kind", packet_word, EACH(packets.verdicts) },
    { "packets_cut_total", "counter", "TCP packets that the snap length cut.", NULL, NULL, AT(packets.truncated) },
    { "packets_bad_checksum_total", "counter", "TCP packets whose checksum is wrong.", NULL, NULL, AT(packets.bad_checksums) },
    { "flows_created_total", "counter", "TCP connections begun or joined.", NULL, NULL, AT(flows.flows) },
    { "flows_active", "gauge", "TCP connections followed now.", NULL, NULL, AT(flows.flows_open) },
    { "flows_timed_out_total", "counter", "TCP connections over because nothing came any more.", NULL, NULL, AT(flows.timed_out) },
    { "flows_evicted_total", "counter", "TCP connections given up because the table was full.", NULL, NULL, AT(flows.evicted) },
    { "flows_one_sided_total", "counter", "TCP connections that are over and were seen in one direction only.",
      NULL, NULL, AT(flows.one_sided) },
    { "flows_midstream_total", "counter", "TCP connections that are over and whose beginning was not seen.",
      NULL, NULL, AT(flows.midstream) },
    { "reassembly_gaps_total", "counter", "Places in connections where bytes are missing.", NULL, NULL, AT(flows.gaps) },
    { "reassembly_missed_bytes_total", "counter", "Bytes missing there.", NULL, NULL, AT(flows.missed_bytes) },
    { "reassembly_refused_total", "counter", "Packets not kept because flow.max_memory was reached.", NULL, NULL, AT(flows.buffer_refused) },
    { "sessions_total", "counter", "Session records by protocol; other: TLS, or no mail.", "protocol", protocol_word, EACH(sessions.protocols) },
    { "session_modes_total", "counter", "Session records by how TLS came about.", "mode", mode_word, EACH(sessions.modes) },
    { "session_verdicts_total", "counter", "Session records by verdict.", "verdict", verdict_word, EACH(sessions.verdicts) },
    { "tls_versions_total", "counter", "Session records by the negotiated version of TLS; ssl: SSL 2.0 and 3.0.",
      "version", version_word, EACH(sessions.tls_versions) },
    { "findings_total", "counter", "Findings by severity, before repetitions are counted together.",
      "severity", severity_word, EACH(findings) },
    { "not_judged_total", "counter", "Session records by what could not be judged, and why.", "reason", reason_word, EACH(sessions.reasons) },
    { "certificates_over_budget_total", "counter", "Certificate chains not parsed because of x509.new_chains.",
      NULL, NULL, AT(sessions.chains_over_budget) },
    { "events_total", "counter", "Events given to the outputs.", NULL, NULL, AT(events) },
};
/* clang-format on */

static const struct output_family {
    const char *name, *type, *help;
    size_t offset; /* in struct metrics_output */
} output_families[] = {
    { "output_events_total", "counter", "Events that an output has delivered.",
      offsetof(struct metrics_output, events) },
    { "output_dropped_events_total", "counter", "Events that an output had to leave out.",
      offsetof(struct metrics_output, dropped) },
    { "output_refused_events_total", "counter", "Events that an output's receiver will never take.",
      offsetof(struct metrics_output, refused) },
    { "output_queue_events", "gauge", "Events that wait for an output's receiver.",
      offsetof(struct metrics_output, queue) },
    { "output_queue_bytes", "gauge", "Bytes of them.",
      offsetof(struct metrics_output, queue_bytes) },
    { "output_waits_total", "counter",
      "Times that reading captures waited for an output; always 0 on interfaces.",
      offsetof(struct metrics_output, waits) },
};

static uint64_t number_at(const void *start, size_t offset)
{
    uint64_t number;
    memcpy(&number, (const char *)start + offset, sizeof number);
    return number;
}

static void write_head(FILE *out, const char *name, const char *type, const char *help)
{
    fprintf(out, "# HELP starttap_%s %s\n# TYPE starttap_%s %s\n", name, help, name, type);
}

static void write_family(FILE *out, const struct family *family, const struct event_stats *stats)
{
    if (family->type != NULL)
        write_head(out, family->name, family->type, family->help);
    for (size_t i = 0; i < family->count; i++) {
        const char *word = family->label != NULL ? family->word(i) : NULL;
        if (family->label != NULL && word == NULL)
            continue;
        fprintf(out, "starttap_%s", family->name);
        if (word != NULL)
            fprintf(out, "{%s=\"%s\"}", family->label, word);
        fprintf(out, " %llu\n",
                (unsigned long long)number_at(stats, family->offset + i * sizeof(uint64_t)));
    }
}

static void write_outputs(FILE *out, const struct metrics *m)
{
    size_t families_count = sizeof output_families / sizeof output_families[0];
    for (size_t f = 0; m->output_count > 0 && f < families_count; f++) {
        const struct output_family *family = &output_families[f];
        write_head(out, family->name, family->type, family->help);
        for (size_t i = 0; i < m->output_count; i++)
            fprintf(out, "starttap_%s{output=\"%s\"} %llu\n", family->name, m->outputs[i].name,
                    (unsigned long long)number_at(&m->outputs[i], family->offset));
    }
}

char *metrics_text(const struct metrics *m, size_t *len)
{
    char *text = NULL;
    FILE *out = open_memstream(&text, len);
    if (out == NULL)
        return NULL;
    write_head(out, "build_info", "gauge", "The version of the program.");
    fputs("starttap_build_info{version=\"" STARTTAP_VERSION "\"} 1\n", out);
    write_head(out, "start_time_seconds", "gauge",
               "When the program began, in seconds since 1970.");
    fprintf(out, "starttap_start_time_seconds %lld\n", (long long)m->start_s);
    if (m->stats->capture.frames > 0) {
        int64_t us = m->stats->last_packet_ns / NS_PER_US;
        write_head(out, "last_packet_timestamp_seconds", "gauge",
                   "The time of the newest packet, in seconds since 1970.");
        fprintf(out, "starttap_last_packet_timestamp_seconds %.6f\n", (double)us / 1e6);
    }
    for (size_t i = 0; i < sizeof families / sizeof families[0]; i++)
        write_family(out, &families[i], m->stats);
    write_outputs(out, m);
    return fclose(out) == 0 ? text : NULL;
}

/* --- the file --- */

static bool write_all(int fd, const char *text, size_t len)
{
    while (len > 0) {
        ssize_t written = write(fd, text, len);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return false;
        text += written;
        len -= (size_t)written;
    }
    return true;
}

bool metrics_write(const char *path, const struct metrics *metrics)
{
    size_t len = 0, size = strlen(path) + sizeof ".new";
    char *text = metrics_text(metrics, &len), *fresh = malloc(size);
    bool good = text != NULL && fresh != NULL;
    int fd = -1;

    if (!good) {
        log_error("%s: out of memory", path);
        goto out;
    }
    snprintf(fresh, size, "%s.new", path);
    /* One that a crash left behind goes; a link that somebody put there is not followed. */
    (void)unlink(fresh);
    fd =
        open(fresh, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, S_IRUSR | S_IWUSR | S_IRGRP | S_IROTH);
    good = fd >= 0 && write_all(fd, text, len);
    if (fd >= 0 && close(fd) != 0)
        good = false;
    good = good && rename(fresh, path) == 0;
    if (!good) {
        log_error("%s: cannot be written: %s (metrics.file)", path, strerror(errno));
        if (fd >= 0)
            (void)unlink(fresh);
    }
out:
    free(fresh);
    free(text);
    return good;
}
