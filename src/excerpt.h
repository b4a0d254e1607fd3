/* SPDX-License-Identifier: Apache-2.0
 * excerpt.h - the packets of one session as a capture of their own, to send to somebody: up to the
 * end of the TLS handshake, with all that redact.h does not know to be harmless overwritten.
 *
 * The session is found in a first run; its packets are read again from the same files. Frames stay
 * as they were captured, with tunnels and options; TCP checksums are put right. Segments that came
 * in IP fragments are left out and said.
 */
#ifndef EXCERPT_H
#define EXCERPT_H

#include "detect.h"

struct excerpt;

/* id: mailtls.session.id, mailtls.finding.uid, or the event.id of a session or finding. Borrowed.
 */
struct excerpt *excerpt_new(const char *id);
void excerpt_free(struct excerpt *excerpt); /* accepts NULL */

/* Is this the session that is looked for? Told of every record, by one thread. */
void excerpt_note(struct excerpt *excerpt, const struct session_record *record,
                  const struct finding *findings);

/* Reads the captures again and writes the file (mode 0600). False with a message logged. */
bool excerpt_write(struct excerpt *excerpt, const char *const *paths, size_t count,
                   const char *file);

#endif
