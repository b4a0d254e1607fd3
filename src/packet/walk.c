/* SPDX-License-Identifier: Apache-2.0
 * walk.c - what is remembered of the layers around the packet: their depth, their kinds, and the
 * hash that tells equal addresses in different networks apart.
 */
#include "walk.h"

#include "hash.h"
#include "limits.h"

void walk_identify(struct walk *walk, uint64_t id)
{
    const uint64_t chain[2] = { walk->path, id };
    walk->path = hash_bytes(chain, sizeof chain, walk->key);
    if (walk->path == 0)
        walk->path = 1; /* 0 says that there is nothing outside */
}

bool walk_open(struct walk *walk, unsigned via)
{
    struct packet *packet = walk->packet;

    if (walk->depth >= LIMIT_ENCAPSULATIONS)
        return false;
    walk->depth++;
    packet->via |= (uint16_t)via;
    if (via != VIA_VLAN)
        walk->inside = true;

    if (walk->over_ip) {
        /* A sum has no order, so both directions of a tunnel get the same. */
        uint64_t source = hash_bytes(packet->source.bytes, sizeof packet->source.bytes, walk->key);
        uint64_t target = hash_bytes(packet->target.bytes, sizeof packet->target.bytes, walk->key);
        walk_identify(walk, source + target);
        walk->over_ip = false;
    }
    return true;
}
