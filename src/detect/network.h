/* SPDX-License-Identifier: Apache-2.0
 * network.h - addresses, networks and host names as an operator writes them, and what they hold.
 *
 * IPv4 addresses stand in the first four bytes, as everywhere. An IPv6 address that carries an IPv4
 * one (::ffff:0:0/96, RFC 4291 section 2.5.5.2) is judged as the latter.
 */
#ifndef NETWORK_H
#define NETWORK_H

#include <stdbool.h>
#include <stdint.h>

#include "text.h"

struct network {
    uint8_t family; /* 4 or 6 */
    uint8_t bits;   /* of the prefix */
    uint8_t address[16];
};

/* "192.0.2.0/24", "2001:db8::/32" or an address alone. False: it is neither, or bits behind the
 * prefix are set, which is a slip of the pen more often than not. */
bool network_read(struct text text, struct network *network);
bool network_holds(const struct network *network, uint8_t family, const uint8_t address[16]);
/* 127.0.0.0/8 and ::1 (RFC 1122 section 3.2.1.3, RFC 4291 section 2.5.3). */
bool network_is_loopback(uint8_t family, const uint8_t address[16]);

/* "mx.example.org", or "*.example.org" for all names below it. */
bool host_is_pattern(struct text text);
bool host_matches(const char *pattern, const char *name);

#endif
