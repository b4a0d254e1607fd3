/* SPDX-License-Identifier: Apache-2.0
 * mark.h - who sent a byte, when, and in which frame of which file: what every fact is tied to.
 */
#ifndef MARK_H
#define MARK_H

#include <stdint.h>

/* The sender of a byte. The client is who sent the SYN; flow.h says how it is guessed without one.
 */
enum side { SIDE_CLIENT, SIDE_SERVER, SIDE_COUNT };

static inline enum side side_other(enum side side)
{
    return side == SIDE_CLIENT ? SIDE_SERVER : SIDE_CLIENT;
}

static inline const char *side_name(enum side side)
{
    return side == SIDE_CLIENT ? "client" : "server";
}

struct mark {
    int64_t time_ns; /* since 1970-01-01 UTC, by the capture's clock */
    uint64_t frame;  /* number in its file, from 1 as Wireshark counts; 0 if unknown */
    uint32_t file;   /* index into the capture's list of files */
    uint64_t acked;  /* how many bytes of the peer's stream the sender had acknowledged when it sent
                        this byte;  the peer's bytes from there on may have crossed it on the way */
};

#endif
