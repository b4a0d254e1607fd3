/* SPDX-License-Identifier: Apache-2.0
 * setup_policy.h - the keys policy.* of the configuration as the detectors' policy takes them.
 */
#ifndef SETUP_POLICY_H
#define SETUP_POLICY_H

#include "config.h"
#include "policy.h"

struct setup_policy {
    struct policy_options options; /* borrows from the configuration and from texts */
    struct policy_text *texts;
};

bool setup_policy_init(struct setup_policy *setup, const struct config *config); /* false: memory */
void setup_policy_free(struct setup_policy *setup);

#endif
