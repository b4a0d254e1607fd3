/* SPDX-License-Identifier: Apache-2.0
 * unknown.h - what a file that is no capture seems to be, so that the message helps.
 */
#ifndef UNKNOWN_H
#define UNKNOWN_H

#include <stdbool.h>

#include "reader.h"

/* From the first bytes; a constant, never the bytes themselves. */
const char *unknown_describe(struct reader start);

/* Who names a file like this means a capture: in a folder, others are passed in silence. */
bool unknown_named_capture(const char *name);

#endif
