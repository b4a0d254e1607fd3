/* SPDX-License-Identifier: Apache-2.0
 * finding.h - private to this stage: making a finding.
 */
#ifndef FINDING_H
#define FINDING_H

#include "detect.h"

/* A copy of what a detector said; NULL when memory runs out or it said more than fits. */
struct finding *finding_new(const struct starttap_finding *said);

#endif
