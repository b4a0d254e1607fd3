/* SPDX-License-Identifier: Apache-2.0
 * early.h - what is said between the go-ahead to TLS and its first byte, where nothing may be said
 * (RFC 3207 section 4, RFC 9051 section 6.2.1): injected commands and answers, and dialogues that
 * go on in clear all the same.
 */
#ifndef EARLY_H
#define EARLY_H

#include "machine.h"

/* A line of either side: of the ordinary dialogue, or out of place. */
void early_line(struct mail *mail, const struct line *line);

void early_reset(struct mail *mail);
/* The go-ahead was given with this line: both sides should begin TLS. */
void early_accepted(struct mail *mail, const struct line *reply);
void early_tls_began(struct mail *mail, enum side side, struct mark where);

#endif
