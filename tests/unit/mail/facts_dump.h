/* SPDX-License-Identifier: Apache-2.0
 * facts_dump.h - the facts of a dialogue as lines of words, and a search through their memory.
 */
#ifndef FACTS_DUMP_H
#define FACTS_DUMP_H

#include "mail.h"

void facts_dump(const struct mail *mail, const uint64_t tls_at[SIDE_COUNT], char *out, size_t cap);
/* The word is somewhere in the arena's memory, used or not. */
bool memory_has(const struct arena *arena, const char *word);

#endif
