/* SPDX-License-Identifier: Apache-2.0
 * alerts.h - what the files of this detector share.
 */
#ifndef ALERTS_H
#define ALERTS_H

#include "plugin.h"

enum { TLS12 = 0x0303 };

struct scene {
    const struct starttap_core *core;
    const struct starttap_session *session;
    const struct starttap_tls *tls;
    const struct starttap_client_hello *client; /* NULL: not seen */
    const struct starttap_server_hello *server;
};

/* offers.c: what either side offered, chose and refused, as values of a text; the records that show
 * it as evidence. */
void alerts_offers(const struct scene *at, struct starttap_draft *draft);
void alerts_record(struct starttap_draft *draft, enum starttap_side side,
                   struct starttap_mark where, const char *text);

/* refusals.c: alerts that are encrypted, told by their place and length */
void alerts_client_13(const struct scene *at, struct starttap_draft *draft);
void alerts_server_13(const struct scene *at, struct starttap_draft *draft);
void alerts_client_12(const struct scene *at, struct starttap_draft *draft);

/* stuck.c: no answer, and answers that make no sense */
void alerts_stall(const struct scene *at, struct starttap_draft *draft);
void alerts_malformed(const struct scene *at, struct starttap_draft *draft);
void alerts_unknown(const struct scene *at, struct starttap_draft *draft);

#endif
