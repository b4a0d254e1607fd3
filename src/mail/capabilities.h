/* SPDX-License-Identifier: Apache-2.0
 * capabilities.h - a capability list under way, and what is said of it once it is whole.
 */
#ifndef CAPABILITIES_H
#define CAPABILITIES_H

#include "machine.h"

void capabilities_begin(struct mail *mail, uint64_t offset);
/* One capability with its parameters, as sent. */
void capabilities_add(struct mail *mail, struct text name, const struct line *line);
/* A line that is no place for capabilities, but where broken servers put STARTTLS. */
void capabilities_misplaced(struct mail *mail, struct text text, const struct line *line);
/* The list is over: with its last line, or cut off by a gap (line NULL). */
void capabilities_end(struct mail *mail, const struct line *line);
/* It has more lines than are read, so that it proves no absence. */
void capabilities_cut(struct mail *mail, const struct line *line);
void capabilities_drop(struct mail *mail);

/* The last list has this name (without parameters). */
bool capabilities_have(const struct mail *mail, struct text name);

#endif
