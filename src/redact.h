/* SPDX-License-Identifier: Apache-2.0
 * redact.h - which bytes of a mail session may be shown to others: what stands on a list of
 * harmless things, and nothing else.
 *
 * Kept are replies, capability lists, verbs, names of hosts and mechanisms, and TLS handshake
 * records. Arguments, SASL responses and challenges, message content, scripts and application data
 * are not: an unknown line loses all but its length.
 */
#ifndef REDACT_H
#define REDACT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mark.h"

/* Offsets in the client's stream at which it becomes more private; its length where it never does.
 */
struct redact_marks {
    size_t
        person; /* the first command that names a person or proves who it is: AUTH, USER, MAIL … */
    size_t fetch; /* the first one whose answer holds content: RETR, FETCH … */
    bool tls13;   /* records of application data hold the handshake: encrypted, so shown */
};
struct redact_marks redact_marks_of(const uint8_t *client, size_t len);

/* keep[i] becomes 1 for each byte that may be shown, else 0. `bytes` is what was captured of one
 * side's stream from its beginning; bytes that are missing are 0. For the server `marks` are
 * offsets in its own stream: what it had said when the client came to those points. */
void redact_stream(enum side side, const uint8_t *bytes, size_t len, struct redact_marks marks,
                   uint8_t *keep);

#endif
