/* SPDX-License-Identifier: Apache-2.0
 * received.h - what the system itself counts of an interface: to tell a line that is silent from
 * one of whose packets our filter lets none through. Linux, proc(5).
 */
#ifndef RECEIVED_H
#define RECEIVED_H

#include <stdbool.h>
#include <stdint.h>

/* Packets of any kind since it was made; "any": of all. False: not known. */
bool received_packets(const char *interface, uint64_t *packets);

#endif
