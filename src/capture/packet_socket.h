/* SPDX-License-Identifier: Apache-2.0
 * packet_socket.h - what libpcap has no call for: sockets that share the packets of an interface,
 * and its MTU. Linux, packet(7) and netdevice(7).
 */
#ifndef PACKET_SOCKET_H
#define PACKET_SOCKET_H

#include <stdbool.h>
#include <stdint.h>

/* Makes a group that no other process uses and joins it: the kernel gives each packet to one of its
 * sockets, by a hash that is the same for both directions of a connection and for all fragments of
 * a datagram. False: errno. */
bool packet_socket_group(int socket, uint16_t *group);
/* Joins one that this process made, on the same interface. */
bool packet_socket_join(int socket, uint16_t group);

/* Whether the kernel accepts this program of so many instructions (struct bpf_insn of libpcap is
 * struct sock_filter). */
bool packet_socket_takes(const void *program, unsigned count);

/* The loopback interface shows each packet twice, and libpcap leaves one of them out without
 * counting it. Adds to the filter that is set on the socket that the kernel leaves it out, so that
 * what passed can be compared with what came. Where the kernel refuses, nothing changes. */
void packet_socket_once(int socket);

/* Nothing more is let in. What is in the ring stays; libpcap would look at it with the new filter.
 */
bool packet_socket_end(int socket);

/* 0 where there is none, as of "any". */
uint32_t packet_socket_mtu(int socket, const char *interface);

#endif
