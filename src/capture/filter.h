/* SPDX-License-Identifier: Apache-2.0
 * filter.h - the user's filter, as it is meant: for what a frame carries, with or without tags, and
 * for datagrams in pieces.
 *
 * An expression that does not speak of VLANs itself judges a tagged frame as if it had no tag. A
 * fragment cannot be judged by ports, so all are let through, and the joined datagram is judged
 * (capture_filter_joined()). What is inside a tunnel is not looked at.
 */
#ifndef CAPTURE_FILTER_H
#define CAPTURE_FILTER_H

#include "libpcap.h"

enum filter_result capture_filter_match(struct capture_filter *filter, const struct frame *frame);

/* Whether it has a meaning for frames of this link type; if not, the reason has been logged. */
bool capture_filter_fits(struct capture_filter *filter, uint16_t link_type);

/* True if the expression has the word "vlan" in it. */
bool filter_speaks_of_tags(const char *expression);

/* --- the kernel's part --- */

struct kernel_filter {
    const char *filter; /* the user's, NULL for none */
    const uint16_t *ports;
    size_t port_count; /* 0: any port */
};

/* An expression that lets through what the packet stage could open down to TCP, less what the
 * user's filter and the ports surely leave out, as the kernel sees packets: without the outer VLAN
 * tag. NULL: out of memory, or all has to be let through for this link type. */
char *kernel_filter_text(uint16_t link_type, const struct kernel_filter *want);

#endif
