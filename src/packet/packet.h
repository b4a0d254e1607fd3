/* SPDX-License-Identifier: Apache-2.0
 * packet.h - the innermost TCP segment of a frame.
 *
 * Link layers, VLAN tags, tunnels and IP fragments are opened in reasonable depth
 * (LIMIT_ENCAPSULATIONS). Addresses and ports are those of the innermost IP header that carries
 * TCP. Everything is bounds-checked; a frame that cannot be followed is a counted fact. Decoding is
 * pure but for the fragment table, which lives in the decoder, is bounded, and is driven by the
 * capture's clock only.
 */
#ifndef PACKET_H
#define PACKET_H

#include <stdbool.h>
#include <stdint.h>

#include "capture.h"

enum {
    TCP_FIN = 0x01,
    TCP_SYN = 0x02,
    TCP_RST = 0x04,
    TCP_PSH = 0x08,
    TCP_ACK = 0x10,
    TCP_URG = 0x20
};

struct address {
    uint8_t bytes[16]; /* network order; IPv4 in the first four, the rest zero */
};

enum packet_checksum {
    CHECKSUM_UNKNOWN /* truncated, or not in this copy */,
    CHECKSUM_GOOD,
    CHECKSUM_BAD
};

/* Bits of packet.via: what was opened on the way in. */
enum packet_via {
    VIA_VLAN = 1 << 0,
    VIA_MPLS = 1 << 1,
    VIA_PPPOE = 1 << 2,
    VIA_GRE = 1 << 3,
    VIA_ERSPAN = 1 << 4,
    VIA_VXLAN = 1 << 5,
    VIA_GENEVE = 1 << 6,
    VIA_GTP = 1 << 7,
    VIA_IPIP = 1 << 8,
    VIA_TEREDO = 1 << 9,
    VIA_FRAGMENTS = 1 << 10,
    VIA_PBB = 1 << 11,
    VIA_L2TP = 1 << 12,
};
const char *packet_via_name(enum packet_via bit); /* "vlan", "mpls", … for one bit */

struct packet {
    int64_t time_ns;
    int64_t clock_ns; /* the highest frame time so far in the run: what timers and order go by;
                         never falls */
    uint64_t frame;
    uint32_t file;
    uint32_t interface;
    struct address source, target;
    uint16_t source_port, target_port;
    uint8_t ip_version; /* 4 or 6 */
    uint8_t ttl;        /* or hop limit */
    uint16_t ip_id;     /* 0 in IPv6 */
    uint16_t vlan;      /* innermost VLAN id of the outermost Ethernet header chain; 0 if none */
    uint16_t via;       /* packet_via bits */
    uint8_t tcp_flags;
    uint8_t window_scale; /* of a SYN's option; 0xff if absent */
    uint16_t mss;         /* of a SYN's option; 0 if absent */
    uint16_t window;
    uint32_t seq, ack;
    const uint8_t *payload; /* TCP payload as captured; lives as long as the block, or, when
                               fragments were joined, until packet_decoder_release() of it */
    uint32_t payload_len;   /* captured bytes of payload */
    uint32_t
        payload_wire; /* bytes of payload on the wire; larger when the snap length cut the frame */
    enum packet_checksum checksum; /* of TCP, judged wherever the segment is whole */
    uint64_t outer; /* hash over outer addresses, tunnel keys and VLAN ids: equal for both
                       directions of one path, 0 when there is nothing outside (frame was plain) */
};

enum packet_verdict {
    PACKET_TCP,       /* *packet is filled */
    PACKET_OTHER,     /* sound, but no TCP (ARP, UDP, ICMP, …) */
    PACKET_FRAGMENT,  /* kept until its datagram is whole */
    PACKET_SHORT,     /* headers cut off by the snap length */
    PACKET_MALFORMED, /* lengths contradict one another, or nested too deep */
    PACKET_UNKNOWN,   /* a link type that we do not know */
    PACKET_ELSEWHERE, /* TCP, but on ports that are not looked at: *packet is filled */
    PACKET_VERDICTS   /* how many there are */
};

struct packet_counters {
    uint64_t verdicts[PACKET_VERDICTS];
    uint64_t bad_checksums;
    uint64_t fragments_joined, fragments_expired, fragments_evicted;
    uint64_t truncated; /* TCP segments whose payload was cut by the snap length */
};

void packet_counters_add(struct packet_counters *sum, const struct packet_counters *more);

struct packet_decoder; /* opaque: the fragment table and the counters */

/* Joined datagrams live in buffers that the decoder keeps alive until packet_decoder_release() is
 * called with a block sequence number at or after that of the block whose frame completed them.
 * NULL: out of memory. */
struct packet_decoder *packet_decoder_new(uint64_t hash_key);
/* For another thread: fragments of one datagram are joined whichever of the two they come to; the
 * decoder whose frame completed it keeps it. Nothing else is shared. NULL: out of memory. */
struct packet_decoder *packet_decoder_new_sharing(struct packet_decoder *first);
void packet_decoder_free(struct packet_decoder *decoder);

/* What is to be left out. Borrowed for the life of the decoder and of those that share with it. */
struct packet_narrow {
    const char *filter;    /* of the capture, for datagrams that came in pieces; NULL for none */
    const uint16_t *ports; /* TCP with none of these is PACKET_ELSEWHERE */
    size_t port_count;     /* 0: any port */
};
/* Decoders made by packet_decoder_new_sharing() after it inherit it. False: out of memory, or no
 * such filter. */
__attribute__((warn_unused_result)) bool packet_decoder_narrow(struct packet_decoder *decoder,
                                                               const struct packet_narrow *narrow);

__attribute__((warn_unused_result)) enum packet_verdict
packet_decode(struct packet_decoder *decoder, const struct frame *frame, uint64_t block_sequence,
              struct packet *packet);

/* No packet from a block numbered `block_sequence` or lower is in use any more. */
void packet_decoder_release(struct packet_decoder *decoder, uint64_t block_sequence);

const struct packet_counters *packet_decoder_counters(const struct packet_decoder *decoder);

#endif
