/* SPDX-License-Identifier: Apache-2.0
 * eve.h - what eve.c and eve_finding.c share. The schema of EVE is closed: nothing of ours stands
 * at the top level.
 */
#ifndef EVE_H
#define EVE_H

#include "clock.h"
#include "formats.h"
#include "json.h"

struct eve_head {
    int64_t time_ns;
    const char *type;       /* "tls" … */
    const char *session_id; /* NULL: of no connection */
    const char *client, *server;
    uint16_t client_port, server_port;
    uint16_t vlan; /* 0: none or unknown */
    uint8_t ip_version;
    uint32_t file;
    uint64_t frame;                           /* 0: of no packet */
    const char *app_proto, *app_proto_before; /* NULL or "" */
    const char *community_id;
};

#define EVE_TIME_SIZE (CLOCK_TEXT_SIZE + 4)
#define EVE_VERSION_SIZE 24

struct json *eve_new(const struct event_options *options, const struct eve_head *head);
void eve_time(int64_t time_ns, char out[EVE_TIME_SIZE]); /* "2026-11-22T07:16:53.123456+0000" */
const char *eve_version(uint16_t version,
                        char buffer[EVE_VERSION_SIZE]); /* as Suricata writes it */

#endif
