/* SPDX-License-Identifier: Apache-2.0
 * detector.h - private to this stage: a detector that was loaded, linked in or from a shared
 * object.
 */
#ifndef DETECTOR_H
#define DETECTOR_H

#include "plugin.h"

struct detector {
    const struct starttap_detector *door;
    void *state;   /* of a neighbour detector */
    void *library; /* of dlopen(); NULL when linked in */
};

typedef const struct starttap_detector *(*detector_export)(void);

/* The linked-in ones, NULL behind the last; made by CMake from the list of plugins. */
extern const detector_export detectors_built_in[];

/* False with a message logged: not a plugin, another ABI, or a door that says nonsense. */
bool detector_open(struct detector *out, const char *path);
bool detector_accept(struct detector *out, const struct starttap_detector *door, const char *name);
void detector_close(struct detector *detector);

#endif
