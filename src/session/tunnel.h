/* SPDX-License-Identifier: Apache-2.0
 * tunnel.h - a connection through a proxy: what is said before the proxy's positive reply, and
 * where the streams inside begin.
 *
 * SOCKS 4, 4a and 5 (RFC 1928, 1929), HTTP CONNECT (RFC 9110 section 9.3.6). Pure: both readers
 * start at the first byte of their side. Names and passwords for the proxy are passed over and not
 * kept.
 */
#ifndef TUNNEL_H
#define TUNNEL_H

#include <stddef.h>
#include <stdint.h>

#include "reader.h"

enum tunnel_state {
    TUNNEL_NONE, /* not a proxy's dialogue, or one that was refused */
    TUNNEL_MORE, /* so far it is one */
    TUNNEL_OPEN, /* the proxy agreed: *tunnel is filled */
};

struct tunnel {
    const char *name;      /* "socks4" "socks5" "http-connect" */
    size_t client, server; /* bytes of each side before the streams inside */
    uint16_t port;         /* that the client asked for */
};

enum tunnel_state tunnel_find(struct reader client, struct reader server, struct tunnel *tunnel);

#endif
