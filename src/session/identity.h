/* SPDX-License-Identifier: Apache-2.0
 * identity.h - ids derived from content, never from counters or the sensor, so that the same
 * traffic has the same ids everywhere.
 */
#ifndef IDENTITY_H
#define IDENTITY_H

#include "flow.h"

#define IDENTITY_SIZE 21 /* 20 base32 characters and the terminator */
#define IDENTITY_COMMUNITY_SIZE 31

/* Community id version 1, seed 0, of a TCP flow; terminated. */
void identity_community(const struct flow_info *flow, char out[IDENTITY_COMMUNITY_SIZE]);
/* mailtls.session.id: of the connection, by the first numbers of both sides and the second in which
 * it began. */
void identity_session(const struct flow_info *flow, const char *community,
                      const uint32_t numbers[SIDE_COUNT], char out[IDENTITY_SIZE]);
/* Of a printable, unambiguous line. */
void identity_line(const char *line, char out[IDENTITY_SIZE]);

#endif
