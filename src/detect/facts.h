/* SPDX-License-Identifier: Apache-2.0
 * facts.h - a session's record as the immutable facts of the plugin door, in memory of their own:
 * they outlive the record, and may go from a worker to the ordered thread.
 */
#ifndef FACTS_H
#define FACTS_H

#include "plugin.h"
#include "policy.h"
#include "session.h"

struct facts; /* counted; threads may hold and release at once */

/* NULL when memory runs out. */
struct facts *facts_new(const struct session_record *record, const struct policy *policy);
struct facts *facts_hold(struct facts *facts);
void facts_release(struct facts *facts); /* accepts NULL */
const struct starttap_session *facts_session(const struct facts *facts);

#endif
