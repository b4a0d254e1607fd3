/* SPDX-License-Identifier: Apache-2.0
 * identity.c - ids derived from content: community id (version 1), session id, event id.
 */
#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "crypto.h"
#include "event.h"

static uint8_t *put16(uint8_t *at, uint16_t value)
{
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
    return at + 2;
}

/* Seed, lower endpoint first, protocol, padding: github.com/corelight/community-id-spec, version 1.
 */
void event_community_id(const struct flow_info *flow, char out[COMMUNITY_ID_SIZE])
{
    enum { TCP = 6 };
    size_t len = flow->ip_version == 4 ? 4 : 16;
    int order = memcmp(flow->client.bytes, flow->server.bytes, len);
    bool client_first = order < 0 || (order == 0 && flow->client_port < flow->server_port);
    const struct address *low = client_first ? &flow->client : &flow->server;
    const struct address *high = client_first ? &flow->server : &flow->client;

    uint8_t bytes[2 + 16 + 16 + 2 + 4], *at = put16(bytes, 0), digest[SHA1_SIZE];
    memcpy(at, low->bytes, len);
    memcpy(at + len, high->bytes, len);
    at += 2 * len;
    *at++ = TCP;
    *at++ = 0;
    at = put16(at, client_first ? flow->client_port : flow->server_port);
    at = put16(at, client_first ? flow->server_port : flow->client_port);

    crypto_sha1(bytes, (size_t)(at - bytes), digest);
    out[0] = '1';
    out[1] = ':';
    text_base64(digest, sizeof digest, out + 2);
}

/* 100 bits of SHA-256 over a printable, unambiguous line. */
static void id_of(const char *line, char out[EVENT_ID_SIZE])
{
    uint8_t digest[SHA256_SIZE];
    char all[64];
    crypto_sha256(line, strlen(line), digest);
    text_base32(digest, sizeof digest, all);
    memcpy(out, all, EVENT_ID_SIZE - 1);
    out[EVENT_ID_SIZE - 1] = '\0';
}

static void session_id(const struct flow_info *flow, uint32_t client, uint32_t server,
                       char out[EVENT_ID_SIZE])
{
    char community[COMMUNITY_ID_SIZE], line[160];
    event_community_id(flow, community);
    int64_t start_s = flow->first.time_ns / NS_PER_S - (flow->first.time_ns % NS_PER_S < 0 ? 1 : 0);
    snprintf(line, sizeof line, "starttap-session-1|%s|%u|%u|%lld", community, client, server,
             (long long)start_s);
    id_of(line, out);
}

void event_session_id(const struct flow_info *flow, char out[EVENT_ID_SIZE])
{
    session_id(flow, session_first_number(flow, SIDE_CLIENT),
               session_first_number(flow, SIDE_SERVER), out);
}

void event_record_id(const struct session_record *record, char out[EVENT_ID_SIZE])
{
    if (record->numbers == NULL)
        event_session_id(record->flow, out);
    else
        session_id(record->flow, record->numbers[SIDE_CLIENT], record->numbers[SIDE_SERVER], out);
}

void event_id(const char *session_id, enum event_dataset dataset, const char *rule, const char *key,
              uint32_t update, char out[EVENT_ID_SIZE])
{
    char line[512];
    snprintf(line, sizeof line, "starttap-event-1|%s|%s|%s|%s|%u", session_id,
             event_dataset_name(dataset), rule, key, update);
    id_of(line, out);
}
