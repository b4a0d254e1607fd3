/* SPDX-License-Identifier: Apache-2.0
 * line.c - opening an interface, losing it, waiting for it.
 */
#include "line.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "advice.h"
#include "clock.h"
#include "log.h"
#include "packet_socket.h"

#define LINK_ETHERNET 1
#define LINK_LINUX_SLL 113
#define COOKED_HEADER 16u
#define RETRY_NS NS_PER_S
/* Readers take numbers in handfuls, not to wait for each other at each frame. */
#define NUMBERS_AT_ONCE 64u

int64_t line_now_ns(void)
{
    struct timespec now;
    return clock_gettime(CLOCK_REALTIME, &now) == 0 ? now.tv_sec * NS_PER_S + now.tv_nsec : 0;
}

int64_t line_steady_ns(void)
{
    struct timespec now = { 0 };
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * NS_PER_S + now.tv_nsec;
}

static bool join(struct interface *interface, int socket)
{
    pthread_mutex_lock(&interface->lock);
    bool ok = interface->members > 0 ? packet_socket_join(socket, interface->group)
                                     : packet_socket_group(socket, &interface->group);
    if (ok)
        interface->members++;
    pthread_mutex_unlock(&interface->lock);
    return ok;
}

bool line_open(struct line *line, const struct libpcap_live_options *options, char *why,
               size_t why_size)
{
    struct interface *interface = line->interface;
    enum libpcap_refusal refusal;
    struct libpcap_live *pcap = libpcap_live_new(interface->name, options, &refusal, why, why_size);
    if (pcap == NULL) {
        advice_of(refusal, interface->name, why, why_size);
        return false;
    }
    int socket = libpcap_live_socket(pcap);
    if (interface->shared && !join(interface, socket)) {
        (void)snprintf(why, why_size, "its packets cannot be shared between readers: %s",
                       strerror(errno));
        libpcap_live_free(pcap);
        return false;
    }
    uint16_t link_type = libpcap_live_link_type(pcap);
    uint32_t mtu = link_type == LINK_ETHERNET ? packet_socket_mtu(socket, interface->name) : 0;
    line->longest = mtu > 0 ? mtu + ETHERNET_HEADER : UINT32_MAX / 2;
    line->type_at = link_type == LINK_ETHERNET    ? ETHERNET_HEADER - 2
                    : link_type == LINK_LINUX_SLL ? COOKED_HEADER - 2
                                                  : 0;
    line->pcap = pcap;
    return true;
}

static bool filter_in_kernel(struct line *line, const struct kernel_filter *want)
{
    char *text = kernel_filter_text(libpcap_live_link_type(line->pcap), want);
    bool ok = text != NULL && libpcap_live_filter(line->pcap, text);
    free(text);
    return ok;
}

/* As much of it as can be had there: the rest is done by us anyway. */
bool line_begin(struct line *line, const struct kernel_filter *want, char *why, size_t why_size)
{
    const struct kernel_filter tries[] = {
        *want,
        { .ports = want->ports, .port_count = want->port_count },
        { .filter = NULL },
    };
    bool ok = false;
    for (size_t i = 0; i < sizeof tries / sizeof tries[0] && !ok; i++)
        ok = filter_in_kernel(line, &tries[i]);
    if (!ok && !libpcap_live_filter(line->pcap, NULL)) {
        (void)snprintf(why, why_size, "%s", libpcap_live_error(line->pcap));
        return false;
    }
    libpcap_live_begin(line->pcap);
    return true;
}

void line_close(struct line *line)
{
    struct interface *interface = line->interface;
    if (line->pcap == NULL)
        return;
    libpcap_live_free(line->pcap);
    line->pcap = NULL;
    pthread_mutex_lock(&interface->lock);
    if (interface->members > 0)
        interface->members--;
    pthread_mutex_unlock(&interface->lock);
}

uint64_t line_number(struct line *line)
{
    if (line->number == line->number_end) {
        line->number = 1 + atomic_fetch_add(&line->interface->given, NUMBERS_AT_ONCE);
        line->number_end = line->number + NUMBERS_AT_ONCE;
    }
    return line->number++;
}

void line_lost(struct line *line, pthread_mutex_t *lock)
{
    struct interface *interface = line->interface;
    pthread_mutex_lock(&interface->lock);
    bool first = interface->away++ == 0;
    pthread_mutex_unlock(&interface->lock);
    if (first)
        log_warn("%s: %s; waiting for it", interface->name, libpcap_live_error(line->pcap));

    pthread_mutex_lock(lock);
    struct libpcap_counts counts = libpcap_live_counts(line->pcap);
    line->earlier.passed += counts.passed;
    /* What was in the ring is gone with it. */
    uint64_t gone = counts.passed - counts.dropped - libpcap_live_taken(line->pcap);
    line->earlier.dropped += counts.dropped + gone;
    line->earlier.interface_dropped += counts.interface_dropped;
    line_close(line);
    pthread_mutex_unlock(lock);
    line->retry_ns = line_steady_ns() + RETRY_NS;
}

void line_retry(struct line *line, const struct libpcap_live_options *options,
                const struct kernel_filter *want, pthread_mutex_t *lock)
{
    char why[512];
    if (line->pcap != NULL || line_steady_ns() < line->retry_ns)
        return;
    pthread_mutex_lock(lock);
    bool ok = line_open(line, options, why, sizeof why) && line_begin(line, want, why, sizeof why);
    if (!ok)
        line_close(line);
    pthread_mutex_unlock(lock);
    if (!ok) {
        line->retry_ns = line_steady_ns() + RETRY_NS;
        return;
    }
    pthread_mutex_lock(&line->interface->lock);
    bool last = --line->interface->away == 0;
    pthread_mutex_unlock(&line->interface->lock);
    if (last)
        log_warn("%s: is back", line->interface->name);
}
