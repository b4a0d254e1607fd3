/* SPDX-License-Identifier: Apache-2.0
 * datagrams.h - messages as datagrams: over UDP, and to a unix datagram socket.
 *
 * Nobody confirms a datagram of UDP; only a receiver's machine without a receiver is noticed, by
 * its ICMP answer. A unix socket is reliable: it waits for a slow receiver, tells when there is
 * none, and what was read counts as delivered; what it has not read in time is waited for by the
 * next call and not sent again. When anything fails the whole batch is not delivered.
 */
#ifndef DATAGRAMS_H
#define DATAGRAMS_H

#include "stream.h"

#define DATAGRAMS_WAITING 1024u /* a batch of the outputs that use this */

struct datagrams {
    struct link_target target; /* with a path: a unix socket */
    int fd;                    /* -1: not open */
    /* Of a unix socket, what was sent and is not known to be read: */
    struct {
        uint64_t id;
        size_t len;
        bool refused;
    } waiting[DATAGRAMS_WAITING];
    size_t waiting_count;
};

void datagrams_init(struct datagrams *datagrams, const struct link_target *target);
void datagrams_close(struct datagrams *datagrams);
/* As send() of the door; a frame is a datagram. */
void datagrams_send(struct datagrams *datagrams, stream_frame *frame, void *self,
                    const struct starttap_message *messages, size_t count, unsigned wait_ms,
                    struct starttap_sent *sent);

#endif
