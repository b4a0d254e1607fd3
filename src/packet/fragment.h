/* SPDX-License-Identifier: Apache-2.0
 * fragment.h - IP datagrams that came in pieces (RFC 791 section 3.2, RFC 8200 section 4.5).
 *
 * The table is bounded: when it is full the datagram that was begun first goes, and what is not
 * whole after LIMIT_FRAGMENT_NS of capture time goes too. Where fragments overlap the first copy
 * wins; receivers differ there, and TCP's checksum tells when the choice was wrong. Fragments of
 * another file or interface belong to another vantage point and are kept apart.
 */
#ifndef FRAGMENT_H
#define FRAGMENT_H

#include "packet.h"
#include "reader.h"

struct fragment {
    struct address source, target;
    uint64_t path; /* packet.outer so far: equal addresses in different networks */
    uint32_t id;
    uint32_t file, interface;
    uint8_t version;
    uint8_t protocol; /* IPv4: part of the key; IPv6: only that of the first fragment counts */
    uint32_t offset;  /* in bytes */
    bool more;        /* this one is not the last */
    struct reader bytes;
};

struct datagram {
    struct reader bytes; /* lives until fragment_release() of its block */
    uint8_t protocol;
};

enum fragment_result {
    FRAGMENT_KEPT,  /* the datagram is not whole yet */
    FRAGMENT_WHOLE, /* *whole is filled */
    FRAGMENT_BAD,   /* contradicts itself or what is known of the datagram */
};

struct fragment_table; /* opaque */

/* NULL: out of memory. Counts into *counters, which must outlive the table. */
struct fragment_table *fragment_table_new(uint64_t hash_key, struct packet_counters *counters);
/* One more table over the same datagrams, for the decoder of another thread: pieces that came
 * different ways are joined. Who completes a datagram has it, releases it by its own blocks, and
 * counts it. Any of them may be freed first. */
struct fragment_table *fragment_table_sharing(struct fragment_table *other,
                                              struct packet_counters *counters);
void fragment_table_free(struct fragment_table *table);

enum fragment_result fragment_add(struct fragment_table *table, const struct fragment *fragment,
                                  int64_t clock_ns, uint64_t block_sequence,
                                  struct datagram *whole);

/* Frees the datagrams that became whole in blocks up to this one. */
void fragment_release(struct fragment_table *table, uint64_t block_sequence);

#endif
