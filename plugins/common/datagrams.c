/* SPDX-License-Identifier: Apache-2.0
 * datagrams.c - messages as datagrams.
 */
#include "datagrams.h"

#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <linux/sockios.h>

#define DATAGRAM_BYTES 65536 /* RFC 768: no UDP datagram is longer */

static bool open_local(struct datagrams *datagrams, char *why, size_t why_size)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };

    memcpy(address.sun_path, datagrams->target.path, sizeof(address.sun_path));
    datagrams->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (datagrams->fd >= 0 &&
        connect(datagrams->fd, (const struct sockaddr *)&address, sizeof(address)) == 0)
        return true;
    snprintf(why, why_size, "%s: %s", datagrams->target.path, strerror(errno));
    return false;
}

static bool open_udp(struct datagrams *datagrams, char *why, size_t why_size)
{
    struct addrinfo hints = { .ai_socktype = SOCK_DGRAM, .ai_flags = AI_ADDRCONFIG }, *list;
    const struct link_target *target = &datagrams->target;
    int failed = getaddrinfo(target->host, target->port, &hints, &list), error = 0;

    if (failed) {
        snprintf(why, why_size, "%s: %s", target->host, gai_strerror(failed));
        return false;
    }
    for (const struct addrinfo *at = list; at; at = at->ai_next) {
        datagrams->fd = socket(at->ai_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        if (datagrams->fd >= 0 && connect(datagrams->fd, at->ai_addr, at->ai_addrlen) == 0)
            break;
        error = errno;
        if (datagrams->fd >= 0)
            close(datagrams->fd);
        datagrams->fd = -1;
    }
    freeaddrinfo(list);
    if (datagrams->fd < 0)
        snprintf(why, why_size, "%s: %s", target->host, strerror(error));
    return datagrams->fd >= 0;
}

/* An ICMP answer to an earlier datagram waits as an error of the socket. */
static int pending_error(int fd)
{
    int error = 0;
    socklen_t size = sizeof(error);

    getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
    return error;
}

/* 0, or an errno; EMSGSIZE: too long for this socket. */
static int send_one(int fd, const struct buffer *datagram, uint64_t deadline)
{
    for (;;) {
        struct pollfd entry = { .fd = fd, .events = POLLOUT };

        if (send(fd, datagram->bytes, datagram->len, MSG_NOSIGNAL) >= 0)
            return 0;
        if (errno == EINTR)
            continue;
        if (errno == ENOBUFS) /* the interface's queue; poll() knows nothing of it */
            poll(NULL, 0, 1);
        else if (errno != EAGAIN && errno != EWOULDBLOCK)
            return errno;
        if (link_left(deadline) == 0 || poll(&entry, 1, link_left(deadline)) == 0)
            return ETIMEDOUT;
    }
}

/* Until the receiver on this machine has read all of it. */
static int drain(int fd, uint64_t deadline)
{
    int unread;

    while (ioctl(fd, SIOCOUTQ, &unread) == 0 && unread > 0) {
        int left = link_left(deadline);

        if (left == 0)
            return ETIMEDOUT;
        poll(NULL, 0, left < 2 ? left : 2);
    }
    return pending_error(fd);
}

static int send_all(struct datagrams *datagrams, stream_frame *frame, void *self,
                    const struct starttap_message *messages, size_t count, uint64_t deadline,
                    struct starttap_sent *sent)
{
    struct buffer out;
    int error = 0;

    buffer_init(&out, DATAGRAM_BYTES);
    for (size_t i = 0; i < count && !error; i++) {
        bool good;

        buffer_clear(&out);
        good = frame(self, &messages[i], &out, sent->why, sizeof(sent->why));
        if (good) {
            error = out.failed ? EMSGSIZE : send_one(datagrams->fd, &out, deadline);
            if (error == EMSGSIZE) {
                snprintf(sent->why, sizeof(sent->why), "%zu bytes are too long for a datagram",
                         messages[i].len);
                error = 0;
                good = false;
            }
        }
        sent->delivered += !error;
        sent->refused += !good;
    }
    buffer_free(&out);
    return error;
}

void datagrams_init(struct datagrams *datagrams, const struct link_target *target)
{
    *datagrams = (struct datagrams){ .target = *target, .fd = -1 };
}

void datagrams_close(struct datagrams *datagrams)
{
    if (datagrams->fd >= 0)
        close(datagrams->fd);
    datagrams->fd = -1;
}

void datagrams_send(struct datagrams *datagrams, stream_frame *frame, void *self,
                    const struct starttap_message *messages, size_t count, unsigned wait_ms,
                    struct starttap_sent *sent)
{
    uint64_t deadline = link_now() + wait_ms;
    bool local = datagrams->target.path[0];
    int error;

    if (datagrams->fd < 0 &&
        !(local ? open_local : open_udp)(datagrams, sent->why, sizeof(sent->why))) {
        datagrams_close(datagrams);
        sent->failed = true;
        return;
    }
    pending_error(datagrams->fd); /* an answer to the batch before, which is lost and forgotten */
    error = send_all(datagrams, frame, self, messages, count, deadline, sent);
    if (!error)
        error = local ? drain(datagrams->fd, deadline) : pending_error(datagrams->fd);
    if (!error)
        return;
    /* Of an earlier datagram, nobody knows which: all are sent again. */
    sent->delivered = sent->refused = 0;
    sent->failed = true;
    snprintf(sent->why, sizeof(sent->why), "%.180s: %.60s",
             local ? datagrams->target.path : datagrams->target.host,
             error == ETIMEDOUT ? "the receiver does not read" : strerror(error));
    datagrams_close(datagrams);
}
