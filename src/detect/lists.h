/* SPDX-License-Identifier: Apache-2.0
 * lists.h - the data files that opinions come from: embedded at build, each replaced by a file of
 * the same name in lists.dir when there is one.
 *
 * A list says its version in a line "# version: WORD" near its top; without one its version is the
 * first 12 hex digits of its SHA-256.
 */
#ifndef LISTS_H
#define LISTS_H

#include <stdbool.h>
#include <stddef.h>

struct lists; /* immutable after lists_new() */

/* dir: NULL for the embedded ones only. NULL with a message logged when a file of the folder cannot
 * be read. */
struct lists *lists_new(const char *dir);
void lists_free(struct lists *lists);
/* The text, terminated, and its version; both live as long as the lists. NULL: no such list. */
const char *lists_get(const struct lists *lists, const char *name, const char **version);
/* All names, for walking: NULL behind the last. */
const char *lists_name(const struct lists *lists, size_t index);

#endif
