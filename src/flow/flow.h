/* SPDX-License-Identifier: Apache-2.0
 * flow.h - TCP connections and their two byte streams, put in order whatever the tap did to them.
 *
 * A shard owns a fixed part of all flows: packet_shard() of the innermost 4-tuple says which. It
 * has its own bounded table, timers that go by the capture's clock (packet.clock_ns), and nothing
 * in common with other shards, so results do not depend on which thread runs it. One thread at a
 * time runs a shard.
 *
 * What a consumer gets does not depend on segmentation, retransmission, duplication or reordering:
 *  - Bytes of each side arrive in order. The consumer takes as many as it can use and is offered
 * the rest again, with more behind it, or when the other side has made progress
 * (LIMIT_PENDING_BYTES are kept at most).
 *  - Causality: bytes whose sender had acknowledged n bytes of its peer come only after these n
 * have been offered (or were given up as a gap). Bytes that crossed on the wire come in no promised
 * order: flow_mark_at() tells `acked`.
 *  - A hole is a gap when it was acknowledged or data lies behind it and it stays open for
 * LIMIT_REORDER_NS of capture time or LIMIT_REORDER_BYTES behind it, or when the flow ends. RFC
 * 9293. Not done here: urgent data (delivered in band), window scaling beyond validating RST.
 */
#ifndef FLOW_H
#define FLOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mark.h"
#include "packet.h"
#include "reader.h"

enum flow_how {
    FLOW_END_FIN,
    FLOW_END_RST,
    FLOW_END_TIMEOUT,
    FLOW_END_EVICTED,
    FLOW_END_CAPTURE,
    FLOW_END_REUSED
};
const char *flow_how_name(
    enum flow_how how); /* "fin" "rst" "timeout" "evicted" "capture_end"; REUSED is "timeout" */

/* Why bytes of a stream are missing. */
enum flow_gap {
    FLOW_GAP_LOST /* not in the capture */,
    FLOW_GAP_TRUNCATED /* cut by the snap length */,
    FLOW_GAP_OVERFLOW /* a maximum of ours was reached */
};

/* The same bytes seen with different content; kept as a fact, the first few of a flow. */
struct flow_conflict {
    uint64_t offset; /* of the first byte that differs */
    uint32_t len;    /* bytes compared */
    enum side side;
    struct mark first, second;
    uint64_t first_hash, second_hash;
    uint8_t first_ttl, second_ttl;
    bool text; /* the later copy reads like lines of text */
};
#define FLOW_CONFLICTS 4

struct flow_side {
    uint64_t packets, bytes; /* as seen; bytes of payload on the wire, duplicates included */
    uint64_t stream_bytes;   /* offered in order */
    uint64_t missed_bytes;   /* in gaps */
    uint64_t acked_bytes;    /* of its stream, up to where its peer acknowledged it */
    uint64_t end_bytes;      /* how many it sent in all, by the number of its FIN or RST */
    bool end_known;
    uint32_t gaps;
    uint32_t duplicates; /* packets that brought nothing new */
    uint32_t truncated;  /* packets cut by the snap length */
    uint32_t bad_checksums;
    uint32_t isn; /* valid if isn_known */
    uint8_t ttl;  /* of its first packet */
    bool seen;    /* any packet */
    bool syn, fin, rst;
    bool isn_known; /* SYN seen, or derived from the peer's first acknowledgement */
};

/* All that is known about a flow, at any time. */
struct flow_info {
    struct address client, server;
    uint16_t client_port, server_port;
    uint8_t ip_version;
    uint16_t vlan;
    uint16_t via;
    uint64_t outer;
    bool midstream; /* no SYN was seen from either side */
    bool guessed;   /* who is the client is a guess: by greeting, else by port */
    struct flow_side sides[SIDE_COUNT];
    struct mark first, last;        /* of the flow's packets, in order of arrival */
    uint32_t first_seq[SIDE_COUNT]; /* first sequence number seen, where there is no isn */
    const struct flow_conflict
        *conflicts; /* the first FLOW_CONFLICTS; borrowed for the call; NULL: none was kept */
    uint32_t conflict_count;
    enum flow_how how;  /* valid at the end */
    enum side ended_by; /* who sent the first FIN or the RST */
    bool ended_by_known;
    int64_t
        now_ns; /* the instant at which this is told: the packet's clock, or the timer's deadline */
    struct mark end; /* of the packet that ended it; for a timer its deadline, frame 0 */
    uint8_t end_ttl; /* of the RST that ended it; 0 if none did */
};

struct flow; /* opaque */

struct flow_chunk {
    enum side side;
    struct reader bytes; /* contiguous, at least one byte; borrowed for the call */
    uint64_t offset; /* of the first of them in its side's stream: 0 is the first after the SYN, or
                        the first seen */
    bool final;      /* this side's FIN follows directly: there will be no more */
    const struct flow *flow;
    const struct mark *mark; /* private: of all of them, where they have one in common */
};

/* Where a byte of the chunk came from. The mark of its completing (last) byte dates a message. */
struct mark flow_mark_at(const struct flow_chunk *chunk, uint64_t offset);

struct flow_sink {
    /* The first byte of either side is about to be offered. Returns the consumer's state, or NULL
     * to have the flow let go: it is then only counted. `context` is the one given to shard_new().
     */
    void *(*open)(void *context, struct flow *flow, const struct flow_info *info);
    /* Bytes are on offer; returns how many of them are consumed, 0 to all. May be called again with
     * the same first byte. */
    size_t (*data)(void *state, const struct flow_chunk *chunk);
    /* Bytes [offset, offset + len) of a side are missing; what was on offer before them is dropped
     * first. */
    void (*gap)(void *state, enum side side, uint64_t offset, uint64_t len, enum flow_gap why,
                struct mark where);
    /* A side has finished (FIN) and all its bytes were offered. */
    void (*finished)(void *state, enum side side, struct mark where);
    /* Timer asked for with flow_set_timer(). `now` has the timer's deadline. */
    void (*timer)(void *state, struct mark now);
    /* The flow is over. `state` is NULL when open() was never called or declined; such flows are
     * reported too, so that one without any data can still be judged. The state is the consumer's
     * to free. */
    void (*end)(void *context, void *state, const struct flow_info *info);
};

/* Calls for the consumer, valid inside its callbacks. */
void flow_info_get(const struct flow *flow, struct flow_info *info);
void flow_let_go(struct flow *flow); /* no more data calls; end() still comes */
void flow_forget(struct flow *flow); /* likewise, and the consumer freed its state: end() comes
                                        with NULL */
void flow_skip(struct flow *flow, enum side side); /* no more data of this side is wanted */
void flow_set_timer(struct flow *flow,
                    int64_t at_ns); /* by the capture's clock; one a flow; 0 clears */

struct shard; /* opaque */

struct shard_options {
    uint64_t hash_key;
    size_t max_flows;           /* of this shard; the oldest idle flow is evicted beyond it */
    int64_t idle_timeout_ns;    /* established flows (default 1 h) */
    int64_t closed_timeout_ns;  /* after FIN of both sides or RST (default 10 s), for stragglers */
    int64_t opening_timeout_ns; /* SYN without an answer (default 30 s) */
    size_t max_buffered_bytes;  /* of all flows of the shard; beyond it the flow that asks loses
                                   payload */
    bool key_vlan, key_outer, key_interface; /* make the VLAN id, the outer headers or the interface
                                                part of the flow key */
    const uint16_t *ports; /* mail ports: a connection whose beginning is missing is waited for
                              there with patience */
    size_t port_count;
};

struct shard_counters {
    uint64_t flows, flows_open, evicted, timed_out, one_sided, midstream;
    uint64_t half; /* where one side sent data and waited for the other in vain, open or over */
    uint64_t both; /* where both sides were seen, open or over */
    uint64_t packets, duplicates, bad_checksums, gaps, missed_bytes, conflicts;
    uint64_t buffered_bytes_peak, buffer_refused;
};

unsigned packet_shard(const struct packet *packet,
                      uint64_t hash_key); /* 0 to LIMIT_SHARDS - 1; equal for both directions */

struct shard *shard_new(const struct shard_options *options, const struct flow_sink *sink,
                        void *context);
void shard_free(struct shard *shard); /* without telling the sink; call shard_finish() first */

void shard_packet(struct shard *shard, const struct packet *packet);
/* The capture's clock has come to this instant: timers up to it fire, in order of deadline. */
void shard_advance(struct shard *shard, int64_t clock_ns);
/* The capture is over: every flow ends, in order of its first packet. */
void shard_finish(struct shard *shard, int64_t clock_ns);
struct shard_counters shard_counters(const struct shard *shard);

#endif
