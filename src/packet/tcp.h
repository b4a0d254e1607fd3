/* SPDX-License-Identifier: Apache-2.0
 * tcp.h - the Internet checksum (RFC 1071), as TCP uses it.
 */
#ifndef TCP_H
#define TCP_H

#include "packet.h"
#include "reader.h"

/* Judges a whole segment, header and payload, with the addresses of `packet`. */
enum packet_checksum tcp_checksum(const struct packet *packet, struct reader segment);

#endif
