/* SPDX-License-Identifier: Apache-2.0
 * policy.h - what the operator said of networks, servers, inspection and silence.
 *
 * Read once from texts of the configuration, then never changed: any thread may ask. Dates are
 * compared with the time of the capture. A name that only the server's banner claims can make it
 * one that must use TLS; it silences nothing.
 */
#ifndef POLICY_H
#define POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "arena.h"
#include "plugin.h"

struct policy_text { /* one text of a list, with where it was set: line 0 means an option */
    const char *text;
    const char *source;
    size_t line, column;
};

struct policy_list {
    const struct policy_text *at;
    size_t count;
};

struct policy_options {
    struct policy_list trusted_networks, require_tls, names, inspection, mute; /* as their keys */
    const uint16_t *mail_ports; /* policy.mail_ports; copied */
    size_t mail_port_count;
    const char *vantage; /* as in starttap_policy; outlives the policy; NULL: "unknown" */
    FILE *err;           /* where mistakes go; NULL: standard error */
};

struct policy;

/* NULL: all mistakes went to err, a line each with its place. Texts are copied. */
struct policy *policy_new(const struct policy_options *options);
void policy_free(struct policy *policy);

/* A rule muted that none of the loaded detectors has is a slip of the pen: each is logged as a
 * warning. `rule_at` gives the ids, NULL behind the last one. */
void policy_check_rules(const struct policy *policy,
                        const char *(*rule_at)(const void *rules, size_t index), const void *rules);

/* What it says of a session whose other facts are filled; labels are copied into the arena. */
void policy_fill(const struct policy *policy, const struct starttap_session *session,
                 struct arena *arena, struct starttap_policy *out);

/* The names of an address, one for each index from 0 on; NULL behind the last one. */
const char *policy_name(const struct policy *policy, uint8_t family, const uint8_t address[16],
                        size_t index);

/* The operator does not want to hear of it, at the session's time. */
bool policy_mutes(const struct policy *policy, const char *rule,
                  const struct starttap_session *session);

/* A finding's severity after loopback (info) and trusted networks (one step less);
 * session->policy is filled. */
enum starttap_severity policy_severity(const struct starttap_session *session,
                                       enum starttap_severity severity);

#endif
