/* SPDX-License-Identifier: Apache-2.0
 * line.h - one interface as one reader sees it; and what its readers share.
 *
 * With several readers each has a socket of its own on the interface and the kernel spreads the
 * packets over them. A socket takes all packets until it has joined the others, so none takes any
 * before that (line_open(), then line_begin()).
 */
#ifndef LINE_H
#define LINE_H

#include <pthread.h>
#include <stdatomic.h>

#include "filter.h"

#define ETHERNET_HEADER 14u

struct interface {
    const char *name;           /* borrowed */
    uint64_t received;          /* packets by its own count, when the run began */
    bool shared;                /* there are several readers */
    atomic_uint_fast64_t given; /* frame numbers */
    pthread_mutex_t lock;       /* all below */
    unsigned members;           /* sockets in the group, which lasts as long as there is one */
    uint16_t group;
    unsigned away; /* readers that wait for it to come back */
};

/* Belongs to a reader. Its lock is held by whoever changes `pcap` or `earlier`, and by another
 * thread that reads them. */
struct line {
    struct interface *interface;
    struct libpcap_live *pcap;   /* NULL while it is away */
    uint64_t number, number_end; /* frames may be numbered [number, number_end) */
    int64_t retry_ns;
    uint32_t longest;              /* frame without tags that the MTU allows; UINT32_MAX / 2: any */
    uint32_t type_at;              /* where frames have their EtherType; 0: they have none */
    struct libpcap_counts earlier; /* of earlier times that it was open */
};

bool line_open(struct line *line, const struct libpcap_live_options *options, char *why,
               size_t why_size);
bool line_begin(struct line *line, const struct kernel_filter *want, char *why, size_t why_size);
void line_close(struct line *line);

uint64_t line_number(struct line *line); /* for the next frame; of no other reader */

/* After LIBPCAP_ERROR: it is waited for. Said once for all readers. */
void line_lost(struct line *line, pthread_mutex_t *lock);
void line_retry(struct line *line, const struct libpcap_live_options *options,
                const struct kernel_filter *want, pthread_mutex_t *lock);

int64_t line_now_ns(void);    /* the machine's clock */
int64_t line_steady_ns(void); /* the one that nobody sets */

#endif
