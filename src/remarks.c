/* SPDX-License-Identifier: Apache-2.0
 * remarks.c - a run that saw nothing, or only half, is mostly a tap in the wrong place: say so.
 */
#include "remarks.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "log.h"

enum { ONE_SIDED_PERCENT = 98, FEW_FLOWS = 20 };

static unsigned long long wide(uint64_t number) { return (unsigned long long)number; }

/* Attempts that nobody answered are no sign: scanners make many. */
static bool is_half(const struct shard_counters *flows, uint64_t enough)
{
    return flows->half >= enough &&
           flows->half * 100 >= (flows->half + flows->both) * ONE_SIDED_PERCENT;
}

enum { NAMES_SIZE = 160 };

static void names_of(const struct remarks_watch *watch, char names[NAMES_SIZE])
{
    size_t at = 0;
    names[0] = '\0';
    for (size_t i = 0; i < watch->line_count && at < NAMES_SIZE; i++)
        at += (size_t)snprintf(names + at, NAMES_SIZE - at, "%s%s", i > 0 ? ", " : "",
                               watch->lines[i].name);
}

/* --- the beginning --- */

void remarks_begin(const struct remarks_watch *watch, uint64_t first_s)
{
    char names[NAMES_SIZE];
    names_of(watch, names);
    if (first_s > 0)
        log_notice("watching %s; after %llu seconds it is told here what was seen", names,
                   wide(first_s));
    else
        log_notice("watching %s", names);
}

/* --- the end --- */

static void tell_of_packets(const struct event_stats *stats, const struct remarks_watch *watch)
{
    const uint64_t *verdicts = stats->packets.verdicts;
    uint64_t mail = stats->sessions.records - stats->sessions.modes[MODE_FOREIGN];

    if (stats->capture.frames == 0 && stats->capture.frames_filtered > 0)
        log_warn("the filter left out all of %llu packets", wide(stats->capture.frames_filtered));
    else if (stats->capture.frames == 0)
        log_warn(watch->line_count > 0 ? "nothing was seen in all that time"
                                       : "the capture holds no packets");
    else if (verdicts[PACKET_TCP] == 0 && verdicts[PACKET_ELSEWHERE] > 0)
        log_warn("no TCP was found on capture.ports, and %llu packets on others: "
                 "capture.discovery: all looks at them too",
                 wide(verdicts[PACKET_ELSEWHERE]));
    else if (verdicts[PACKET_TCP] == 0)
        log_warn("no TCP was found in %llu packets (%llu of an unknown link type, %llu cut short)",
                 wide(stats->capture.frames), wide(verdicts[PACKET_UNKNOWN]),
                 wide(verdicts[PACKET_SHORT]));
    else if (mail == 0)
        log_warn("no mail was seen: %llu packets, %llu TCP connections, none that spoke mail or "
                 "TLS on a mail port",
                 wide(stats->capture.frames), wide(stats->flows.flows));
}

void remarks_after_run(const struct event_stats *stats, const struct remarks_watch *watch)
{
    tell_of_packets(stats, watch);
    if (is_half(&stats->flows, FEW_FLOWS))
        log_warn("only one direction was seen of %llu of %llu TCP connections: does the tap or "
                 "span port mirror both?",
                 wide(stats->flows.half), wide(stats->flows.half + stats->flows.both));
    if (stats->packets.truncated > 0)
        log_warn(watch->line_count > 0
                     ? "%llu packets were cut short by the snap length: raise capture.snaplen"
                     : "%llu packets were cut short when they were captured: record with the whole "
                       "length (tcpdump -s 0)",
                 wide(stats->packets.truncated));
    if (stats->capture.backwards > 0)
        log_warn("%llu packets are older than packets of another interface before them: sort the "
                 "file first (reordercap), or what both saw is not compared",
                 wide(stats->capture.backwards));
    if (stats->capture.kernel_drops > 0)
        log_warn("%llu packets were lost because the kernel's buffer was full: raise capture.ring "
                 "or workers, or narrow with -f",
                 wide(stats->capture.kernel_drops));
    if (stats->flows.evicted > 0)
        log_warn("%llu connections were given up because the table was full: raise flow.max_flows",
                 wide(stats->flows.evicted));
}

/* --- the first minute --- */

struct sentences {
    char (*lines)[REMARKS_SIZE];
    size_t count;
};

__attribute__((format(printf, 2, 3))) static void say(struct sentences *s, const char *format, ...)
{
    if (s->count == REMARKS_MOST)
        return;
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(s->lines[s->count++], REMARKS_SIZE, format, arguments);
    va_end(arguments);
}

/* Dialogues that were recognised: a session may go on for hours before it is a record. */
static uint64_t mail_begun(const struct event_stats *stats)
{
    uint64_t begun = 0;
    for (int i = MAIL_NONE; i <= MAIL_SIEVE; i++)
        begun += stats->sessions.recognised[i];
    return begun;
}

static bool watches_any(const struct remarks_watch *watch)
{
    return watch->line_count == 1 && strcmp(watch->lines[0].name, "any") == 0;
}

/* For commands that take one. */
static const char *one_name(const struct remarks_watch *watch)
{
    return watch->line_count == 1 && !watches_any(watch) ? watch->lines[0].name : "INTERFACE";
}

static void say_what_was_seen(struct sentences *s, const struct event_stats *stats,
                              const struct remarks_watch *watch)
{
    char mail[160] = "no mail", names[NAMES_SIZE];
    size_t at = 0;
    for (int i = MAIL_SMTP; i <= MAIL_SIEVE + 1; i++) {
        enum mail_protocol protocol = i <= MAIL_SIEVE ? (enum mail_protocol)i : MAIL_NONE;
        const char *name =
            protocol != MAIL_NONE ? mail_protocol_name(protocol) : "in TLS from the first byte";
        uint64_t count = stats->sessions.recognised[protocol];
        if (count > 0)
            at += (size_t)snprintf(mail + at, sizeof mail - at, "%s%llu %s",
                                   at > 0 ? ", " : "sessions: ", wide(count), name);
    }
    names_of(watch, names);
    say(s, "%s, the first %llu seconds: %llu packets, %llu TCP connections, %s", names,
        wide(watch->seconds), wide(stats->capture.frames), wide(stats->flows.flows), mail);
}

/* Of one interface, when another one shows something or there is no other. */
static void say_if_silent(struct sentences *s, const struct capture_line *line,
                          const struct remarks_watch *watch)
{
    const char *narrowed = watch->filtered ? " that the filter (-f) lets through"
                           : watch->ports  ? " on capture.ports (capture.discovery: ports)"
                                           : "";
    if (line->state == CAPTURE_LINE_AWAY || line->state == CAPTURE_LINE_DOWN)
        say(s, "%s: it is down or gone, and waited for", line->name);
    else if (line->state == CAPTURE_LINE_NO_LINK)
        say(s, "%s: it has no link: is its cable in, and the other end switched on?", line->name);
    else if (line->counts && line->received > 0)
        say(s,
            "%s: it received %llu packets, but no TCP%s: is this the mirror of the mail servers' "
            "network?",
            line->name, wide(line->received), narrowed);
    else
        say(s,
            "%s: no packets at all: is the mirror port switched on, and is its cable in this "
            "interface%s?",
            line->name,
            watch->filtered && !line->counts ? ", or does the filter (-f) leave everything out"
                                             : "");
}

static void say_if_nothing(struct sentences *s, const struct event_stats *stats,
                           const struct remarks_watch *watch)
{
    const uint64_t *verdicts = stats->packets.verdicts;
    uint64_t frames = stats->capture.frames, filtered = stats->capture.frames_filtered;
    bool mail = mail_begun(stats) > 0;
    if (frames == 0 && filtered > 0)
        say(s, "the filter (-f) left out all of %llu packets%s", wide(filtered),
            watch->vlan_filter ? ": if the VLAN that it names is there, let the mirror port keep "
                                 "tags, and the network card too (ethtool -K INTERFACE rxvlan off)"
                               : "");
    for (size_t i = 0; i < watch->line_count && filtered == 0; i++)
        if (watch->lines[i].frames == 0)
            say_if_silent(s, &watch->lines[i], watch);
    if (frames > 0 && verdicts[PACKET_TCP] == 0 && verdicts[PACKET_ELSEWHERE] > 0)
        say(s,
            "no TCP on capture.ports, and %llu packets on others: capture.discovery: all looks at "
            "them too",
            wide(verdicts[PACKET_ELSEWHERE]));
    else if (frames > 0 && verdicts[PACKET_TCP] == 0)
        say(s,
            "no TCP in these packets (%llu of an unknown link type, %llu cut short): is this the "
            "mirror of the mail servers' network%s?",
            wide(verdicts[PACKET_UNKNOWN]), wide(verdicts[PACKET_SHORT]),
            watch->filtered ? ", or does the filter (-f) leave everything out" : "");
    else if (frames > 0 && !mail)
        say(s,
            "no mail yet, on any port: if some should have come by, the mirror shows another "
            "network than that of the mail servers%s",
            watch->filtered ? ", or the filter (-f) leaves it out" : "");
    if (!mail && watches_any(watch))
        say(s, "any does not make interfaces take what is meant for others: watch the one that a "
               "mirror port is plugged into by its name");
}

/* One session of mail is enough where nothing was seen of the other side of any. */
static void say_if_half(struct sentences *s, const struct event_stats *stats)
{
    const struct shard_counters *flows = &stats->flows;
    uint64_t enough = flows->both == 0 && mail_begun(stats) > 0 ? 1 : FEW_FLOWS;
    if (is_half(flows, enough))
        say(s,
            "only one direction was seen of %llu of %llu TCP connections: let the mirror port copy "
            "both (rx and tx), or watch both outputs of the tap (-i twice)",
            wide(flows->half), wide(flows->half + flows->both));
}

static void say_if_lossy(struct sentences *s, const struct event_stats *stats,
                         const char *interface)
{
    const struct capture_counters *c = &stats->capture;
    if (c->kernel_drops > 0)
        say(s,
            "%llu packets were lost because the kernel's buffer was full: raise capture.ring or "
            "workers, or leave out with -f what is not mail",
            wide(c->kernel_drops));
    if (c->interface_drops > 0)
        say(s,
            "%llu packets were lost by the interface itself: give it a larger queue (ethtool -G "
            "%s rx 4096), and see ethtool -S %s",
            wide(c->interface_drops), interface, interface);
    if (stats->packets.truncated > 0)
        say(s, "%llu packets were cut short by the snap length: raise capture.snaplen",
            wide(stats->packets.truncated));
}

static void say_if_changed(struct sentences *s, const struct capture_counters *c,
                           const struct remarks_watch *watch, const char *interface)
{
    if (c->frames_over_mtu > 0)
        say(s,
            "%llu packets are longer than the interface's MTU: the network card joins segments "
            "before they are seen; switch that off (ethtool -K %s gro off lro off; for what this "
            "machine sends itself also tso off gso off). If the network itself has packets so "
            "long, give the interface its MTU (ip link set %s mtu 9000)",
            wide(c->frames_over_mtu), interface, interface);
    if (watch->vlan_key && c->frames > 0 && c->frames_vlan == 0)
        say(s,
            "flow.key has vlan, but no packet has a VLAN tag: let the mirror port keep tags, and "
            "the network card too (ethtool -K %s rxvlan off)",
            interface);
}

size_t remarks_of(const struct event_stats *stats, const struct remarks_watch *watch,
                  char lines[REMARKS_MOST][REMARKS_SIZE])
{
    struct sentences s = { lines, 0 };
    const char *interface = one_name(watch);
    say_what_was_seen(&s, stats, watch);
    say_if_nothing(&s, stats, watch);
    say_if_half(&s, stats);
    say_if_lossy(&s, stats, interface);
    say_if_changed(&s, &stats->capture, watch, interface);
    return s.count;
}

void remarks_first(const struct event_stats *stats, const struct remarks_watch *watch)
{
    char lines[REMARKS_MOST][REMARKS_SIZE];
    size_t count = remarks_of(stats, watch, lines);
    log_notice("%s", lines[0]);
    for (size_t i = 1; i < count; i++)
        log_warn("%s", lines[i]);
}
