/* SPDX-License-Identifier: Apache-2.0
 * link.h - a connection to a receiver: TCP, TLS over TCP, or a unix stream socket. The one place
 * where the name of a configured receiver is resolved (getaddrinfo).
 *
 * The socket never blocks; every call has a deadline (milliseconds of link_now()). A name server
 * that does not answer can pass it, by the time of the system's resolver. Descriptors are closed
 * on exec. Texts in `why` are for people and hold no secret.
 */
#ifndef LINK_H
#define LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tls_context;
struct tls_stream;

struct link_target {
    char host[256], port[8];
    char path[108];          /* of a unix socket; then host and port are not used */
    struct tls_context *tls; /* NULL: in clear */
};

struct link {
    int fd; /* -1: not open */
    struct tls_stream *tls;
};

enum link_result {
    LINK_DONE,
    LINK_LATE, /* the deadline passed */
    LINK_LOST  /* closed by the peer, or broken */
};

uint64_t link_now(void);
/* Milliseconds until the deadline, for poll(). */
int link_left(uint64_t deadline);

/* "HOST:PORT", "HOST", "[ADDRESS]:PORT", at most `len` bytes; the port is a number. */
bool link_target_decode(struct link_target *target, const char *text, size_t len,
                        const char *default_port, char *why, size_t why_size);
bool link_target_path(struct link_target *target, const char *path, char *why, size_t why_size);

void link_init(struct link *link);
bool link_open(struct link *link, const struct link_target *target, uint64_t deadline, char *why,
               size_t why_size);
bool link_is_open(const struct link *link);
void link_close(struct link *link);

/* Writes as much as goes until the deadline and says how much that was, also when it failed. */
enum link_result link_write(struct link *link, const char *bytes, size_t len, size_t *written,
                            uint64_t deadline, char *why, size_t why_size);
/* Reads what there is, at least a byte. */
enum link_result link_read(struct link *link, char *bytes, size_t size, size_t *got,
                           uint64_t deadline, char *why, size_t why_size);
/* Of a peer that should not say anything: what it says is thrown away. False when it hung up. */
bool link_peer_is_there(struct link *link, char *why, size_t why_size);
/* An upper bound of the bytes that were written and that the peer has not confirmed: its system by
 * an acknowledgement (TCP), itself by reading (unix). */
size_t link_unconfirmed(const struct link *link);
/* Waits until nothing is unconfirmed. */
enum link_result link_drain(struct link *link, uint64_t deadline, char *why, size_t why_size);

#endif
