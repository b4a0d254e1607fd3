/* SPDX-License-Identifier: Apache-2.0
 * link.c - connections to receivers, with deadlines.
 */
#include "link.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <linux/sockios.h>

#include "tls.h"

/* After this long without an acknowledgement the receiver's machine is taken for gone. */
#define UNACKNOWLEDGED_MS 30000

uint64_t link_now(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

int link_left(uint64_t deadline)
{
    uint64_t now = link_now();

    if (now >= deadline)
        return 0;
    return deadline - now > 3600000 ? 3600000 : (int)(deadline - now);
}

static bool port_is_valid(const char *port)
{
    unsigned number = 0;

    for (const char *at = port; *at; at++) {
        if (*at < '0' || *at > '9')
            return false;
        number = number * 10 + (unsigned)(*at - '0');
        if (number > 65535)
            return false;
    }
    return number > 0;
}

bool link_target_decode(struct link_target *target, const char *text, size_t len,
                        const char *default_port, char *why, size_t why_size)
{
    const char *host = text, *port, *end = text + len;
    size_t host_len;

    if (len && text[0] == '[') {
        port = memchr(text, ']', len);
        if (!port) {
            snprintf(why, why_size, "an address in [ has no ]");
            return false;
        }
        host++;
        host_len = (size_t)(port - host);
        port++;
    } else {
        port = memchr(text, ':', len);
        port = port ? port : end;
        host_len = (size_t)(port - host);
    }
    if (host_len == 0 || host_len >= sizeof(target->host) || (port < end && *port != ':') ||
        (size_t)(end - port) > sizeof(target->port)) {
        snprintf(why, why_size, "expected HOST:PORT, or [ADDRESS]:PORT");
        return false;
    }
    memcpy(target->host, host, host_len);
    target->host[host_len] = '\0';
    if (port == end)
        snprintf(target->port, sizeof(target->port), "%s", default_port);
    else
        snprintf(target->port, sizeof(target->port), "%.*s", (int)(end - port - 1), port + 1);
    if (!port_is_valid(target->port)) {
        snprintf(why, why_size, "expected a port from 1 to 65535 behind the host");
        return false;
    }
    return true;
}

bool link_target_path(struct link_target *target, const char *path, char *why, size_t why_size)
{
    if (path[0] != '/' || strlen(path) >= sizeof(target->path)) {
        snprintf(why, why_size, "a socket's path begins with / and has less than %zu bytes",
                 sizeof(target->path));
        return false;
    }
    snprintf(target->path, sizeof(target->path), "%s", path);
    return true;
}

void link_init(struct link *link) { *link = (struct link){ .fd = -1 }; }

bool link_is_open(const struct link *link) { return link->fd >= 0; }

void link_close(struct link *link)
{
    tls_stream_free(link->tls);
    if (link->fd >= 0)
        close(link->fd);
    link_init(link);
}

static bool wait_for(int fd, short events, uint64_t deadline)
{
    struct pollfd entry = { .fd = fd, .events = events };
    int ready;

    do
        ready = poll(&entry, 1, link_left(deadline));
    while (ready < 0 && errno == EINTR);
    return ready > 0;
}

static int connect_to(const struct sockaddr *address, socklen_t len, uint64_t deadline)
{
    int fd = socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), error = 0;
    socklen_t size = sizeof(error);

    if (fd < 0)
        return -1;
    if (connect(fd, address, len) == 0)
        return fd;
    error = errno;
    if (error == EINPROGRESS) {
        error = ETIMEDOUT;
        if (wait_for(fd, POLLOUT, deadline) &&
            getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) == 0 && error == 0)
            return fd;
    }
    close(fd);
    errno = error;
    return -1;
}

static bool open_path(struct link *link, const struct link_target *target, uint64_t deadline,
                      char *why, size_t why_size)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };

    memcpy(address.sun_path, target->path, sizeof(address.sun_path));
    link->fd = connect_to((const struct sockaddr *)&address, sizeof(address), deadline);
    if (link->fd >= 0)
        return true;
    snprintf(why, why_size, "%s: %s", target->path, strerror(errno));
    return false;
}

static bool open_host(struct link *link, const struct link_target *target, uint64_t deadline,
                      char *why, size_t why_size)
{
    struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG }, *list;
    int failed = getaddrinfo(target->host, target->port, &hints, &list), on = 1;
    int unacknowledged = UNACKNOWLEDGED_MS, error = 0;
    unsigned left = 0;

    if (failed) {
        snprintf(why, why_size, "%s: %s", target->host, gai_strerror(failed));
        return false;
    }
    for (const struct addrinfo *at = list; at; at = at->ai_next)
        left++;
    /* Each address gets its share of the time: the first may be one that never answers. */
    for (const struct addrinfo *at = list; at && link->fd < 0; at = at->ai_next, left--) {
        link->fd = connect_to(at->ai_addr, at->ai_addrlen,
                              link_now() + (uint64_t)link_left(deadline) / left);
        error = errno;
    }
    freeaddrinfo(list);
    if (link->fd < 0) {
        snprintf(why, why_size, "%s port %s: %s", target->host, target->port, strerror(error));
        return false;
    }
    setsockopt(link->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    setsockopt(link->fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
    setsockopt(link->fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &unacknowledged, sizeof(unacknowledged));
    return true;
}

/* What a step of TLS, or of a plain socket, wants next. */
static enum link_result step_wait(struct link *link, enum tls_step wanted, uint64_t deadline)
{
    short events = wanted == TLS_STEP_READ ? POLLIN : POLLOUT;

    return wait_for(link->fd, events, deadline) ? LINK_DONE : LINK_LATE;
}

bool link_open(struct link *link, const struct link_target *target, uint64_t deadline, char *why,
               size_t why_size)
{
    enum tls_step step;

    if (!(target->path[0] ? open_path : open_host)(link, target, deadline, why, why_size))
        return false;
    if (!target->tls)
        return true;
    link->tls = tls_stream_new(target->tls, link->fd, target->host);
    if (!link->tls) {
        snprintf(why, why_size, "no memory for TLS");
        goto out;
    }
    while ((step = tls_handshake(link->tls)) != TLS_STEP_DONE) {
        if (step == TLS_STEP_CLOSED || step == TLS_STEP_BROKEN) {
            tls_why(link->tls, why, why_size);
            goto out;
        }
        if (step_wait(link, step, deadline) != LINK_DONE) {
            snprintf(why, why_size, "%s port %s: no answer to the TLS handshake", target->host,
                     target->port);
            goto out;
        }
    }
    return true;
out:
    link_close(link);
    return false;
}

static enum tls_step say_errno(enum tls_step wanted, char *why, size_t why_size)
{
    if (errno == EAGAIN || errno == EWOULDBLOCK)
        return wanted;
    snprintf(why, why_size, "%s", strerror(errno));
    return TLS_STEP_BROKEN;
}

static enum tls_step write_some(struct link *link, const char *bytes, size_t len, size_t *written,
                                char *why, size_t why_size)
{
    enum tls_step step;
    ssize_t done;

    if (link->tls) {
        step = tls_write(link->tls, bytes, len, written);
        if (step == TLS_STEP_BROKEN)
            tls_why(link->tls, why, why_size);
        return step;
    }
    do
        done = send(link->fd, bytes, len, MSG_NOSIGNAL);
    while (done < 0 && errno == EINTR);
    if (done < 0)
        return say_errno(TLS_STEP_WRITE, why, why_size);
    *written = (size_t)done;
    return TLS_STEP_DONE;
}

static enum tls_step read_some(struct link *link, char *bytes, size_t size, size_t *got, char *why,
                               size_t why_size)
{
    enum tls_step step;
    ssize_t done;

    if (link->tls) {
        step = tls_read(link->tls, bytes, size, got);
        if (step == TLS_STEP_BROKEN)
            tls_why(link->tls, why, why_size);
    } else {
        do
            done = recv(link->fd, bytes, size, 0);
        while (done < 0 && errno == EINTR);
        step = done > 0    ? TLS_STEP_DONE
               : done == 0 ? TLS_STEP_CLOSED
                           : say_errno(TLS_STEP_READ, why, why_size);
        *got = done > 0 ? (size_t)done : 0;
    }
    if (step == TLS_STEP_CLOSED)
        snprintf(why, why_size, "the receiver closed the connection");
    return step;
}

enum link_result link_write(struct link *link, const char *bytes, size_t len, size_t *written,
                            uint64_t deadline, char *why, size_t why_size)
{
    *written = 0;
    while (*written < len) {
        size_t more = 0;
        enum tls_step step =
            write_some(link, bytes + *written, len - *written, &more, why, why_size);

        *written += more;
        if (step == TLS_STEP_CLOSED || step == TLS_STEP_BROKEN)
            return LINK_LOST;
        if (step != TLS_STEP_DONE && step_wait(link, step, deadline) != LINK_DONE)
            return LINK_LATE;
    }
    return LINK_DONE;
}

enum link_result link_read(struct link *link, char *bytes, size_t size, size_t *got,
                           uint64_t deadline, char *why, size_t why_size)
{
    *got = 0;
    for (;;) {
        enum tls_step step = read_some(link, bytes, size, got, why, why_size);

        if (step == TLS_STEP_DONE)
            return LINK_DONE;
        if (step == TLS_STEP_CLOSED || step == TLS_STEP_BROKEN)
            return LINK_LOST;
        if (step_wait(link, step, deadline) != LINK_DONE)
            return LINK_LATE;
    }
}

bool link_peer_is_there(struct link *link, char *why, size_t why_size)
{
    char thrown_away[1024];
    size_t got;
    enum tls_step step;

    /* Bounded: a receiver that talks without end is not listened to for ever. */
    for (int i = 0; i < 64; i++) {
        step = read_some(link, thrown_away, sizeof(thrown_away), &got, why, why_size);
        if (step == TLS_STEP_CLOSED || step == TLS_STEP_BROKEN)
            return false;
        if (step != TLS_STEP_DONE)
            break;
    }
    return true;
}

size_t link_unconfirmed(const struct link *link)
{
    int bytes = 0;

    return ioctl(link->fd, SIOCOUTQ, &bytes) == 0 && bytes > 0 ? (size_t)bytes : 0;
}

/* The system does not say when the last byte was confirmed, so it is asked again and again, from
 * one to sixteen milliseconds apart; only a hang-up ends the pause early. */
enum link_result link_drain(struct link *link, uint64_t deadline, char *why, size_t why_size)
{
    for (int pause = 1; link_unconfirmed(link); pause += pause < 16 ? pause : 0) {
        struct pollfd entry = { .fd = link->fd, .events = POLLRDHUP };
        int left = link_left(deadline);

        if (left == 0)
            return LINK_LATE;
        if (poll(&entry, 1, left < pause ? left : pause) > 0)
            break;
    }
    return link_peer_is_there(link, why, why_size) ? LINK_DONE : LINK_LOST;
}
