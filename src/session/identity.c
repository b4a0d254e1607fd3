/* SPDX-License-Identifier: Apache-2.0
 * identity.c - ids derived from content.
 */
#include "identity.h"

#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "crypto.h"
#include "text.h"

static uint8_t *put16(uint8_t *at, uint16_t value)
{
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
    return at + 2;
}

/* Seed, lower endpoint first, protocol, padding: github.com/corelight/community-id-spec, version 1.
 */
void identity_community(const struct flow_info *flow, char out[IDENTITY_COMMUNITY_SIZE])
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

/* 100 bits of SHA-256. */
void identity_line(const char *line, char out[IDENTITY_SIZE])
{
    uint8_t digest[SHA256_SIZE];
    char all[64];
    crypto_sha256(line, strlen(line), digest);
    text_base32(digest, sizeof digest, all);
    memcpy(out, all, IDENTITY_SIZE - 1);
    out[IDENTITY_SIZE - 1] = '\0';
}

void identity_session(const struct flow_info *flow, const char *community,
                      const uint32_t numbers[SIDE_COUNT], char out[IDENTITY_SIZE])
{
    char line[160];
    int64_t start_s = flow->first.time_ns / NS_PER_S - (flow->first.time_ns % NS_PER_S < 0 ? 1 : 0);
    snprintf(line, sizeof line, "starttap-session-1|%s|%u|%u|%lld", community, numbers[SIDE_CLIENT],
             numbers[SIDE_SERVER], (long long)start_s);
    identity_line(line, out);
}
