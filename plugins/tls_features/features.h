/* SPDX-License-Identifier: Apache-2.0
 * features.h - what the files of this detector share.
 */
#ifndef FEATURES_H
#define FEATURES_H

#include "plugin.h"

struct scene {
    const struct starttap_core *core;
    const struct starttap_session *session;
    const struct starttap_tls *tls;
    const struct starttap_client_hello *client; /* NULL: not seen */
    const struct starttap_server_hello *server;
};

/* tls_features.c */
void features_record(struct starttap_draft *draft, enum starttap_side side,
                     struct starttap_mark where, const char *text);
/* Adds what every text has: client_max, version, suite. */
void features_report(const struct scene *at, struct starttap_draft *draft,
                     enum starttap_severity severity);
const char *features_side(enum starttap_side side); /* "client" "server" */

/* heartbeat.c */
void features_heartbeat(const struct scene *at, struct starttap_draft *draft);
void features_attempt(const struct scene *at, struct starttap_draft *draft);
void features_success(const struct scene *at, struct starttap_draft *draft);

#endif
