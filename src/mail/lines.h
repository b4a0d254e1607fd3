/* SPDX-License-Identifier: Apache-2.0
 * lines.h - bytes of one side to whole lines, over literals, chunks and message bodies, which pass
 * without being copied or looked into. Nothing here depends on how the bytes were cut.
 */
#ifndef LINES_H
#define LINES_H

#include "machine.h"

/* Takes bytes while the side's phase is MAIL_TEXT; returns how many. */
size_t lines_feed(struct mail *mail, const struct mail_input *input);

/* The next len octets of the side are no lines; content: they are mail. */
void lines_skip(struct mail *mail, enum side side, uint64_t len, bool content);
/* What follows is a body up to CRLF . CRLF. */
void lines_body(struct mail *mail, enum side side, bool content);
/* It ended otherwise: lines follow, perhaps with the rest of one that began in it. */
void lines_body_given_up(struct mail *mail, enum side side);

/* A literal announced at the end of a line: {n}, {n+} or ~{n} (RFC 9051 section 4.3, RFC 7888). */
struct literal {
    bool found;
    bool unasked; /* {n+}: it follows without a go-ahead */
    uint64_t len;
};
struct literal lines_literal(struct text line);

#endif
