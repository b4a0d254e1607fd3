/* SPDX-License-Identifier: Apache-2.0
 * restate.h - a finding's printed event once more, with what a later telling changes: its time, id,
 * update number and count.
 *
 * Bodies are text by then; the facts are long gone. So each format writes these fields in a fixed
 * order and place, which this file knows. No text from the wire can look like one of them: what
 * stands around them is escaped there.
 */
#ifndef RESTATE_H
#define RESTATE_H

#include "event.h"

/* Fills update->body of every format that `first` has but text, by update->key and ->update. False:
 * out of memory, or a body is not as its format writes it. */
__attribute__((warn_unused_result)) bool event_restate(struct event *update,
                                                       const struct event *first, uint64_t count);

#endif
