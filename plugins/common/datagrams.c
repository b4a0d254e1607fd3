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

/* False: refused, and why. Else *error is 0 or an errno. */
static bool send_message(struct datagrams *datagrams, stream_frame *frame, void *self,
                         const struct starttap_message *message, struct buffer *out,
                         uint64_t deadline, int *error, char *why, size_t why_size)
{
    *error = 0;
    buffer_clear(out);
    if (!frame(self, message, out, why, why_size))
        return false;
    *error = out->failed ? EMSGSIZE : send_one(datagrams->fd, out, deadline);
    if (*error != EMSGSIZE)
        return true;
    snprintf(why, why_size, "%zu bytes are too long for a datagram", message->len);
    *error = 0;
    return false;
}

static int send_all(struct datagrams *datagrams, stream_frame *frame, void *self,
                    const struct starttap_message *messages, size_t count, uint64_t deadline,
                    struct starttap_sent *sent)
{
    struct buffer out;
    int error = 0;

    buffer_init(&out, DATAGRAM_BYTES);
    for (size_t i = 0; i < count && !error; i++) {
        bool good = send_message(datagrams, frame, self, &messages[i], &out, deadline, &error,
                                 sent->why, sizeof(sent->why));

        sent->delivered += !error;
        sent->refused += !good;
    }
    buffer_free(&out);
    return error;
}

/* --- a receiver on this machine --- */

/* FNV-1a: ids are hashes already, they need no keyed one. */
static uint64_t id_hash(const char *id)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);

    for (; *id; id++)
        hash = (hash ^ (unsigned char)*id) * UINT64_C(0x100000001b3);
    return hash;
}

static bool waits_for(const struct datagrams *datagrams, const struct starttap_message *messages,
                      size_t count)
{
    for (size_t i = 0; i < datagrams->waiting_count && i < count; i++)
        if (datagrams->waiting[i].id != id_hash(messages[i].id))
            return false;
    return true;
}

/* Sends what was not sent by an earlier call. */
static int send_rest(struct datagrams *datagrams, stream_frame *frame, void *self,
                     const struct starttap_message *messages, size_t count, uint64_t deadline,
                     struct starttap_sent *sent)
{
    struct buffer out;
    int error = 0;

    buffer_init(&out, DATAGRAM_BYTES);
    for (size_t i = datagrams->waiting_count; i < count && i < DATAGRAMS_WAITING; i++) {
        bool good = send_message(datagrams, frame, self, &messages[i], &out, deadline, &error,
                                 sent->why, sizeof(sent->why));

        if (error)
            break;
        datagrams->waiting[i].id = id_hash(messages[i].id);
        datagrams->waiting[i].len = good ? out.len : 0;
        datagrams->waiting[i].refused = !good;
        datagrams->waiting_count++;
    }
    buffer_free(&out);
    return error;
}

/* The system counts more for a datagram than its bytes: so of the last ones no more are unread than
 * these bytes can hold. */
static void report_read(struct datagrams *datagrams, size_t count, struct starttap_sent *sent)
{
    size_t known = datagrams->waiting_count, left;
    int unread = 0;

    if (ioctl(datagrams->fd, SIOCOUTQ, &unread) != 0 || unread > 0)
        for (left = unread > 0 ? (size_t)unread : SIZE_MAX;
             known > 0 && datagrams->waiting[known - 1].len <= left; known--)
            left -= datagrams->waiting[known - 1].len;
    known = known < count ? known : count; /* the host may ask for fewer than before */
    for (size_t i = 0; i < known; i++)
        sent->refused += datagrams->waiting[i].refused;
    sent->delivered = known;
    datagrams->waiting_count -= known;
    memmove(datagrams->waiting, datagrams->waiting + known,
            datagrams->waiting_count * sizeof(datagrams->waiting[0]));
}

/* Nothing unread may also mean that it is gone, with all that it had not read. */
static int look_for_receiver(const struct datagrams *datagrams)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };

    memcpy(address.sun_path, datagrams->target.path, sizeof(address.sun_path));
    return connect(datagrams->fd, (const struct sockaddr *)&address, sizeof(address)) == 0 ? 0
                                                                                           : errno;
}

static int send_local(struct datagrams *datagrams, stream_frame *frame, void *self,
                      const struct starttap_message *messages, size_t count, uint64_t deadline,
                      struct starttap_sent *sent)
{
    size_t before;
    int error;

    if (!waits_for(datagrams, messages, count))
        datagrams->waiting_count = 0; /* other messages: nobody asks for those any more */
    before = datagrams->waiting_count;
    error = send_rest(datagrams, frame, self, messages, count, deadline, sent);
    if (!error)
        error = drain(datagrams->fd, deadline);
    if (!error)
        error = look_for_receiver(datagrams);
    if (error && error != ETIMEDOUT)
        return error;
    before = datagrams->waiting_count - before;
    report_read(datagrams, count, sent);
    return sent->delivered > 0 || before > 0 ? 0 : ETIMEDOUT;
}

void datagrams_init(struct datagrams *datagrams, const struct link_target *target)
{
    datagrams->target = *target;
    datagrams->fd = -1;
    datagrams->waiting_count = 0;
}

void datagrams_close(struct datagrams *datagrams)
{
    if (datagrams->fd >= 0)
        close(datagrams->fd);
    datagrams->fd = -1;
    datagrams->waiting_count = 0;
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
    error =
        (local ? send_local : send_all)(datagrams, frame, self, messages, count, deadline, sent);
    if (!error && !local)
        error = pending_error(datagrams->fd);
    if (!error)
        return;
    sent->failed = true;
    snprintf(sent->why, sizeof(sent->why), "%.180s: %.60s",
             local ? datagrams->target.path : datagrams->target.host,
             error == ETIMEDOUT ? "the receiver does not read" : strerror(error));
    if (local && error == ETIMEDOUT)
        return; /* it may yet */
    /* Of an earlier datagram, nobody knows which: all are sent again. */
    sent->delivered = sent->refused = 0;
    datagrams_close(datagrams);
}
