/* SPDX-License-Identifier: Apache-2.0
 * judge.h - from facts to role, mode, verdict and outcome. Pure.
 */
#ifndef JUDGE_H
#define JUDGE_H

#include "session.h"

/* Fills role, mode, verdict, outcome, reasons and protocol from the other members of the record. */
void judge_session(struct session_record *record, bool foreign, bool at_end);

#endif
