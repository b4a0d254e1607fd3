/* SPDX-License-Identifier: Apache-2.0
 * device.h - what the system itself says of an interface: whether it is on, and what it received,
 * to tell a line that is silent from one of whose packets our filter lets none through. Linux,
 * netdevice(7), proc(5).
 */
#ifndef DEVICE_H
#define DEVICE_H

#include "capture.h"

/* Sets state, counts and received of the line; `received` since it was made. "any" is on, and has
 * received what all have. */
void device_look(const char *name, struct capture_line *line);

#endif
