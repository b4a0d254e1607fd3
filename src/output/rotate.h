/* SPDX-License-Identifier: Apache-2.0
 * rotate.h - putting a file aside under a name that sorts by time, and removing the oldest.
 */
#ifndef ROTATE_H
#define ROTATE_H

#include <stdbool.h>
#include <stdint.h>

/* Renames PATH to PATH.20261122T183012.123456Z (UTC; a name that is taken is passed over). `keep`:
 * of such names, all but the newest `keep` are removed; 0 keeps all. False: errno says why it could
 * not be renamed. What cannot be removed is left. */
__attribute__((warn_unused_result)) bool rotate_aside(const char *path, uint64_t keep);

#endif
