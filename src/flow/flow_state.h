/* SPDX-License-Identifier: Apache-2.0
 * flow_state.h - private to this stage: a flow, its two streams, and what the files of the stage
 * offer one another.
 *
 * Positions. A stream's sequence numbers are unwrapped into 64-bit positions that never wrap: the
 * first number seen of a stream (in a packet, or in the peer's acknowledgement) is POSITION_START.
 * The stream begins at `base`, once that is known; what consumers see as offset is position - base.
 */
#ifndef FLOW_STATE_H
#define FLOW_STATE_H

#include <assert.h>

#include "flow.h"
#include "limits.h"

#define POSITION_START (UINT64_C(1) << 32)

/* One copy of some bytes of a stream, as a packet brought it. */
struct copy {
    uint64_t at;          /* position of the first byte */
    const uint8_t *bytes; /* NULL: cut off by the snap length */
    size_t len;
    struct mark mark; /* mark.acked is a position in the peer's stream until it is offered */
    uint8_t ttl;
    bool valid;    /* its checksum was good */
    bool doubtful; /* it was bad in a direction that showed good ones */
};

/* Bytes that wait: out of order, or for what their sender had acknowledged. */
struct segment {
    struct segment *next;
    uint64_t at, end; /* positions */
    struct mark mark;
    int64_t arrived_ns; /* the shard's clock when it began to wait */
    uint8_t ttl;
    bool valid;
    bool doubtful; /* used when its receiver acknowledges it, or is not in the capture */
    bool missing;  /* no bytes: the snap length cut them */
    bool released; /* waits no longer for what its sender had acknowledged */
    uint8_t bytes[];
};

struct placed_mark {
    uint64_t at; /* position from which it holds */
    struct mark mark;
};

/* What was delivered lately, to compare retransmissions with; kept for the first bytes of a stream
 * only. */
struct trail {
    unsigned count, newest;
    struct trail_piece { /* its mark in parts, and no bit too many: there are a lot of them */
        int64_t time_ns;
        uint64_t frame, acked, hash;
        unsigned file : 22, ttl : 8;
        unsigned len : 17, offset : 15; /* in the stream */
    } pieces[];                         /* as many as there are, to the next power of two */
};
enum { TRAIL_BYTES = 16 * 1024, TRAIL_FIRST = 4, TRAIL_PIECES = 16 };
enum { TRAIL_LEN_MAX = (1 << 17) - 1 }; /* IP has room for half of it */
_Static_assert(LIMIT_FILES <= 1 << 22 && TRAIL_BYTES < 1 << 15, "they fit");

struct stream {
    uint32_t anchor_seq; /* the number at `anchor`, which follows what was accepted only: a forged
                            segment must not move it */
    uint32_t other_isn;  /* of a second, different SYN-ACK */
    uint64_t anchor;
    uint64_t base;    /* position of the first byte */
    uint64_t next;    /* all before it was offered or given up; valid with base_known */
    uint64_t highest; /* end of the highest byte seen; without what no window can hold */
    uint64_t acked_first, acked_highest; /* by the peer; valid with acked */
    uint64_t wanted; /* a hole up to here was acknowledged at wanted_ns; 0: none is known */
    int64_t wanted_ns;
    uint64_t fin; /* position behind the last byte */
    int64_t fin_ns;
    struct mark fin_mark;
    uint64_t reset_at; /* of its RST, or the end of what was sent before; valid when one counted */
    int64_t reset_ns;
    struct segment *segments; /* sorted, without overlap */
    size_t segment_count, segment_bytes;
    uint8_t *pending; /* offered, not consumed; ends at next */
    size_t pending_len, pending_cap;
    struct placed_mark *marks; /* of pending, oldest first */
    size_t mark_count, mark_cap;
    uint64_t progress;      /* how often its bytes were offered anew or consumed */
    uint64_t peer_progress; /* the peer's when these bytes were last offered */
    struct trail *trail;
    uint32_t good_checksums;
    /* There are many idle streams: the flags stand together, so that they need no padding. */
    bool anchored, base_known, acked, other_isn_known;
    bool fin_known, fin_passed;
    bool fin_owed;       /* passed before there was a consumer to tell */
    bool fin_released;   /* as in a segment */
    bool skip;           /* nobody reads this side (any more) */
    bool checksums_good; /* a valid one was seen, and not by chance */
    bool refused;        /* bytes of the coming gap were here, but there was no room */
};

enum flow_life {
    LIFE_OPENING,
    LIFE_OPEN,
    LIFE_CLOSED,
    LIFE_REPORTED, /* it is a struct past */
    LIFE_COUNT
};

struct flow_key {
    struct address low, high; /* ordered, so that both directions are equal */
    uint16_t low_port, high_port;
    uint8_t ip_version;
    uint64_t extra; /* VLAN, outer headers or interface, where the configuration asks for them */
};

/* What the table holds: the head of a flow, or of a past one. */
struct entry {
    struct flow_key key;
    struct entry *bucket_next;
    struct entry *older, *newer; /* in the list of its life, by last activity */
    uint64_t number;   /* flows of a shard are counted from 1: the order of their first packets */
    int64_t active_ns; /* clock of its last packet, or of its closing */
    uint64_t outer;    /* as in its packets */
    enum flow_life life;
    bool outer_split; /* another flow has the same key under other outer headers */
};

/* A SYN that does not fit: a new session if it is answered. */
struct lone_syn {
    struct mark mark;
    uint32_t isn;
    bool known, by_client, by_answer;
};

struct flow {
    struct entry entry;
    struct shard *shard;
    bool syn_seen, opened, let_go, flushing;
    bool
        one_sided; /* a side was waited for in vain: the other does not wait again until it shows */
    struct lone_syn lone_syn;
    void *state;
    struct flow_conflict *conflicts;
    struct stream streams[SIDE_COUNT];
    struct flow_info info;     /* some is filled in on request, see flow_info_get() */
    int64_t consumer_timer_ns; /* 0: none */
    int64_t timer_ns;          /* the earlier of all that is due; valid if heap_index > 0 */
    size_t heap_index;         /* 0: not in the heap */
};

/* What stays of a flow that was reported, so that late packets do not begin a new one. There are
 * many of them. */
struct past {
    struct entry entry;
    struct lone_syn lone_syn;
    struct past_side {
        uint32_t isn, next; /* next: the number behind the highest byte that was seen */
        bool isn_known, anchored, base_known, seen, spoke, checksums_good;
    } sides[SIDE_COUNT];
    bool client_is_low; /* of the key */
};

struct flow_list {
    struct entry *oldest, *newest;
    size_t count;
};

struct shard {
    struct shard_options options;
    const struct flow_sink *sink;
    void *context;
    struct entry **buckets;
    size_t bucket_count, flow_count; /* past ones are counted too */
    struct flow_list lists[LIFE_COUNT];
    struct flow **heap; /* from index 1 */
    size_t heap_count, heap_cap;
    uint64_t flow_number;
    size_t buffered;
    int64_t now_ns; /* of the packet or timer being handled */
    struct shard_counters counters;
};

struct piece;

/* table.c */
struct flow_key table_key(const struct shard *shard, const struct packet *packet);
struct entry *table_find(const struct shard *shard, const struct flow_key *key,
                         const struct packet *packet);
/* Zeroed but for the head; NULL when out of memory; evicts at the maximum. */
struct flow *table_add(struct shard *shard, const struct flow_key *key, uint64_t outer);
void table_remove(struct shard *shard, struct entry *entry); /* and frees it */
/* Now the newest of that life. */
void table_touch(struct shard *shard, struct entry *entry, enum flow_life life);
/* The past one, whose head is filled in, takes the place of its flow, which is freed. */
void table_replace(struct flow *flow, struct past *past);
static inline struct flow *flow_of(struct entry *entry)
{
    assert(entry->life != LIFE_REPORTED);
    return (struct flow *)entry;
}

/* past.c */
void past_begin(struct flow *flow); /* instead of the flow, which is freed */
enum past_word {
    PAST_LATE,     /* the packet belongs to it */
    PAST_OVER,     /* it does not: a new connection begins */
    PAST_LONE_SYN, /* nor does it, and one had begun with the lone SYN */
};
enum past_word past_meet(struct past *past, const struct packet *packet);

/* timers.c */
void timers_set(struct flow *flow, int64_t at_ns); /* 0: none */
struct flow *timers_first(const struct shard *shard);

/* stream.c */
uint64_t stream_position(struct stream *stream,
                         uint32_t seq); /* anchors the stream at its first use */
void stream_set_base(struct stream *stream, uint64_t base);
void stream_advance(struct stream *stream, uint64_t next); /* with its anchor */
void stream_move_anchor(struct stream *stream, uint64_t to);
/* No window reaches from what is known of the stream to this position. */
bool stream_is_far(const struct stream *stream, uint64_t at);
bool stream_append(struct flow *flow, enum side side, const uint8_t *bytes, size_t len, uint64_t at,
                   const struct mark *mark); /* to pending; false: a maximum was reached */
void stream_consume(struct flow *flow, enum side side, size_t len); /* from the front of pending */
void stream_drop(struct flow *flow, enum side side);                /* all that is kept */

/* segment.c */
/* Keeps bytes for later. Of two copies the valid one stays, else the first. */
void segment_insert(struct flow *flow, enum side side, struct copy copy);
struct segment *segment_take(struct flow *flow, enum side side); /* the first */
void segment_free(struct flow *flow, struct segment *segment);

/* conflict.c */
void conflict_remember(struct flow *flow, enum side side, const struct copy *copy);
/* A copy of bytes that were delivered. */
void conflict_check_old(struct flow *flow, enum side side, const struct copy *copy);
/* A copy of bytes that wait in the segment, from copy->at. True if they differ. */
bool conflict_check_segment(struct flow *flow, enum side side, const struct segment *segment,
                            const struct copy *copy);

/* orientation.c */
bool orientation_client_is_source(const struct shard *shard, const struct packet *packet,
                                  bool *guessed);
/* Before anything is offered of a flow without a SYN: by the first bytes of its sides. */
void orientation_settle(struct flow *flow);
void orientation_swap(struct flow *flow); /* who was taken for the client is the server */
bool orientation_is_port(const struct shard *shard, const struct flow_info *info);

/* handshake.c */
/* The SYN that did not fit was answered, or its sender goes on from it: the old connection is over.
 */
bool handshake_lone_syn_lives(const struct lone_syn *lone, enum side side,
                              const struct packet *packet);
#define HANDSHAKE_REACH UINT32_C(65536) /* a SYN behind data of its own connection: reordering */
/* The flow that this packet belongs to: an old one, or a new one; NULL: to none, or out of memory.
 */
struct flow *handshake_flow_of(struct shard *shard, const struct packet *packet, enum side *side);
/* False: nothing else in the packet counts. */
/* Its side is seen now, if it was not before. */
void handshake_first(struct flow *flow, enum side side, const struct packet *packet);
bool handshake_note(struct flow *flow, enum side side, const struct packet *packet);

/* offer.c */
/* The mark as consumers see it: acked is an offset. */
struct mark offer_mark(const struct flow *flow, enum side side, const struct mark *mark);
void offer_bytes(struct flow *flow, enum side side, const struct copy *copy); /* those at next */
void offer_gap(struct flow *flow, enum side side, uint64_t until, enum flow_gap why,
               const struct mark *where);
bool offer_again(struct flow *flow); /* true: something was consumed */
void offer_finish(struct flow *flow, enum side side);
void offer_drop_unwanted(struct flow *flow); /* after a callback */

/* deliver.c */
/* What comes next on a side and waits: the first segment, or behind all of them the FIN. */
struct head {
    uint64_t at, acked;
    int64_t arrived_ns;
    bool *released; /* in the segment or the stream */
    const struct mark *mark;
    bool is_fin;
};
bool deliver_head(struct flow *flow, enum side side, struct head *head);
/* The first segment has a bad checksum, and its receiver has not acknowledged it (yet). */
bool deliver_is_doubtful(const struct stream *stream);
enum side deliver_older_side(struct flow *flow);
void deliver_copy(struct flow *flow, enum side side, struct copy copy);
void deliver_waiting(struct flow *flow); /* all that can be offered is */

/* expire.c */
void expire_overdue(struct flow *flow); /* what has waited long enough is given up */
void expire_set_timer(struct flow *flow);

/* packet_in.c */
void flow_packet(struct flow *flow, enum side side, const struct packet *packet);
void flow_end(struct flow *flow, enum flow_how how,
              int64_t now_ns); /* tells the sink and removes it */

#endif
