/* SPDX-License-Identifier: Apache-2.0
 * remarks.c - a run that saw nothing, or only half, is mostly a tap in the wrong place: say so.
 */
#include "remarks.h"

#include "log.h"

enum { ONE_SIDED_PERCENT = 98, FEW_FLOWS = 20 };

static unsigned long long wide(uint64_t number) { return (unsigned long long)number; }

void remarks_after_run(const struct event_stats *stats)
{
    const uint64_t *verdicts = stats->packets.verdicts;
    uint64_t mail = stats->sessions.records - stats->sessions.modes[MODE_FOREIGN];

    if (stats->capture.frames == 0 && stats->capture.frames_filtered > 0)
        log_warn("the filter left out all of %llu packets", wide(stats->capture.frames_filtered));
    else if (stats->capture.frames == 0)
        log_warn("the capture holds no packets");
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

    if (stats->flows.flows >= FEW_FLOWS &&
        stats->flows.one_sided * 100 >= stats->flows.flows * ONE_SIDED_PERCENT)
        log_warn("%llu of %llu TCP connections were seen in one direction only: does the tap or "
                 "span port mirror both?",
                 wide(stats->flows.one_sided), wide(stats->flows.flows));
    if (stats->packets.truncated > 0)
        log_warn("%llu packets were cut short when they were captured: record with the whole "
                 "length (tcpdump -s 0)",
                 wide(stats->packets.truncated));
    if (stats->capture.backwards > 0)
        log_warn("%llu packets are older than packets of another interface before them: sort the "
                 "file first (reordercap), or what both saw is not compared",
                 wide(stats->capture.backwards));
    if (stats->capture.kernel_drops > 0)
        log_warn("%llu packets were lost because the kernel's buffer was full: raise capture.ring, "
                 "or narrow with -f",
                 wide(stats->capture.kernel_drops));
    if (stats->flows.evicted > 0)
        log_warn("%llu connections were given up because the table was full: raise flow.max_flows",
                 wide(stats->flows.evicted));
}
