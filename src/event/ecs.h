/* SPDX-License-Identifier: Apache-2.0
 * ecs.h - records as JSON trees in the Elastic Common Schema 9.4, own fields under `mailtls` only.
 * Unknown fields are left out, never null. Hashes are upper-case hex, as ECS wants them.
 */
#ifndef ECS_H
#define ECS_H

#include "event.h"
#include "json.h"

struct json *ecs_session(const struct event_options *options, const struct session_record *record,
                         const char *event_id);
struct json *ecs_finding(const struct event_options *options, const struct finding *finding,
                         const char *event_id);
struct json *ecs_stats(const struct event_options *options, const struct event_stats *stats,
                       const char *event_id);

/* Shared between datasets. */
struct json *ecs_head(const struct event_options *options, int64_t time_ns, const char *id,
                      const char *kind, const char *dataset);
void ecs_observer(struct json *root, const struct event_options *options);
void ecs_address(const struct address *address, uint8_t ip_version, char out[64]);

struct json *ecs_certificate(const struct event_options *options,
                             const struct session_record *record, size_t position,
                             const char *event_id);
void ecs_hash(struct json *parent, const char *key, const uint8_t hash[SHA256_SIZE]);
void ecs_date(struct json *parent, const char *key,
              struct text seconds); /* RFC 3339 in whole seconds, left out when empty */

/* ecs_tls.c: the `tls` object, and `mailtls.tls`. */
void ecs_tls(struct json *root, const struct session_record *record);
void ecs_mailtls_tls(struct json *mailtls, const struct session_record *record);

#endif
