/* SPDX-License-Identifier: Apache-2.0
 * doors.h - which outputs there are: the program's own (standard output, files), the plugins linked
 * in, those that this build lacks, and those loaded with --plugin. See sender.h for the door
 * itself.
 */
#ifndef DOORS_H
#define DOORS_H

#include "sender.h"

typedef const struct starttap_output *(*output_export)(void);

/* Made by CMake out of plugins/, NULL behind the last. An `open` of NULL: a library was missing. */
struct door_built_in {
    const char *kind;
    output_export open;
    const char *needs; /* the library, for a message */
};
extern const struct door_built_in outputs_built_in[];

struct doors;
struct doors *doors_new(void);        /* NULL: out of memory */
void doors_free(struct doors *doors); /* accepts NULL; closes what was loaded */

enum doors_loaded { DOORS_LOADED, DOORS_NO_OUTPUT, DOORS_FAILED };
/* A shared object. DOORS_NO_OUTPUT: it exports none, perhaps a detector; failed: logged. */
enum doors_loaded doors_load(struct doors *doors, const char *path);

/* A loaded one wins over one of the same kind that is linked in. NULL: `lacks` tells the library
 * that was missing at build time, or NULL when no such kind is known. */
const struct starttap_output *doors_find(const struct doors *doors, const char *kind,
                                         const char **lacks);
/* The kinds there are, one after the other; NULL behind the last. */
const char *doors_kind(const struct doors *doors, size_t index);

#endif
