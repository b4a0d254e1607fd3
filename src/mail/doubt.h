/* SPDX-License-Identifier: Apache-2.0
 * doubt.h - what may have been said where bytes are missing, as far as it would change what the
 * rest means: an agreement on TLS (RFC 3207 section 4.2: everything that was known before is void
 * then), a further list of capabilities. Nothing is guessed: a fact that hangs on it is unknown.
 */
#ifndef DOUBT_H
#define DOUBT_H

#include "machine.h"

/* Bytes of a side's text are missing (not of a message or literal). Called before the list under
 * way is ended and the pipeline cleared. */
void doubt_gap(struct mail *mail, enum side side);
/* The capture began in the middle. */
void doubt_midstream(struct mail *mail);
/* A reply that matched no command. */
void doubt_reply(struct mail *mail, const struct step *step);
/* The reply to `verb` cannot be read. */
void doubt_unread(struct mail *mail, enum verb verb);

/* TLS may have been agreed before this line of the server's, unseen. */
bool doubt_agreed(const struct mail *mail);
/* STARTTLS was sent, its answer is not in the capture, and the client's line was sent without
 * knowing it: it may have been put behind the request by somebody else. */
bool doubt_crosses(const struct mail *mail, const struct line *line);
/* A result that matches no login may be that of one whose beginning is missing. */
bool doubt_login(const struct mail *mail);
/* Commands may be missing in front of what the client says: STARTTLS among them. */
bool doubt_request(const struct mail *mail);

#endif
