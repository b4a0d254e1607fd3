/* SPDX-License-Identifier: Apache-2.0
 * remarks.h - what a person should be told about the run as a whole, in sentences on standard
 * error.
 */
#ifndef REMARKS_H
#define REMARKS_H

#include "event.h"

void remarks_after_run(const struct event_stats *stats);

#endif
