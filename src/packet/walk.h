/* SPDX-License-Identifier: Apache-2.0
 * walk.h - the way through one frame, from its link layer to a TCP segment.
 *
 * Each layer is a function that reads its own header at the cursor and names the layer behind it,
 * or the verdict. decoder.c calls one after the other; none calls another. A layer that holds a
 * whole packet inside (a tag, a tunnel) is opened with walk_open(), which counts the depth.
 *
 * Bytes may be missing for two reasons: the snap length cut them off (walk.cut says how many), or
 * the lengths are wrong. walk_broken() tells the one from the other.
 */
#ifndef WALK_H
#define WALK_H

#include <string.h>

#include "packet.h"
#include "reader.h"

/* Every layer and its decoder, by what stands at the cursor. */
#define WALK_LAYERS(X)                                                                             \
    X(ETHERNET, ethernet_decode)                                                                   \
    X(IPV4, ipv4_decode)                                                                           \
    X(IPV6, ipv6_decode)                                                                           \
    X(TCP, tcp_decode)                                                                             \
    X(IP, ip_decode)                                                                               \
    X(IPIP, ipip_decode)                                                                           \
    X(VLAN, vlan_decode)                                                                           \
    X(PBB, pbb_decode)                                                                             \
    X(LLC, llc_decode)                                                                             \
    X(FDDI, fddi_decode)                                                                           \
    X(SLL, sll_decode)                                                                             \
    X(SLL2, sll2_decode)                                                                           \
    X(NULL, null_decode)                                                                           \
    X(NFLOG, nflog_decode)                                                                         \
    X(MPLS, mpls_decode)                                                                           \
    X(PPPOE, pppoe_decode)                                                                         \
    X(PPP, ppp_decode)                                                                             \
    X(CHDLC, chdlc_decode)                                                                         \
    X(WIFI, wifi_decode)                                                                           \
    X(RADIOTAP, radiotap_decode)                                                                   \
    X(PRISM, prism_decode)                                                                         \
    X(PPI, ppi_decode)                                                                             \
    X(GRE, gre_decode)                                                                             \
    X(ERSPAN2, erspan2_decode)                                                                     \
    X(ERSPAN3, erspan3_decode)                                                                     \
    X(UDP, udp_decode)                                                                             \
    X(VXLAN, vxlan_decode)                                                                         \
    X(VXLAN_GPE, vxlan_gpe_decode)                                                                 \
    X(GENEVE, geneve_decode)                                                                       \
    X(GTP, gtp_decode)                                                                             \
    X(TEREDO, teredo_decode)                                                                       \
    X(L2TP, l2tp_decode)

/* What is at the cursor; from LAYER_END on, the walk is over and the rest is the verdict. */
enum layer {
#define X(name, decode) LAYER_##name,
    WALK_LAYERS(X)
#undef X
        LAYER_END,
    WALK_TCP = LAYER_END + PACKET_TCP,
    WALK_OTHER = LAYER_END + PACKET_OTHER,
    WALK_FRAGMENT = LAYER_END + PACKET_FRAGMENT,
    WALK_SHORT = LAYER_END + PACKET_SHORT,
    WALK_MALFORMED = LAYER_END + PACKET_MALFORMED,
    WALK_UNKNOWN = LAYER_END + PACKET_UNKNOWN,
};

struct fragment_table;

struct walk {
    struct reader at;      /* what is left of the layer at the cursor, as captured */
    uint32_t cut;          /* bytes of it that follow on the wire and were not captured */
    uint16_t depth;        /* encapsulations opened */
    bool bounded;          /* an outer header's length was seen whole: nothing is cut */
    bool over_ip;          /* an IP header was read that is not in `path` yet */
    bool inside;           /* something but VLAN tags was opened: tags are no longer the frame's */
    uint64_t path;         /* becomes packet.outer */
    uint64_t key;          /* of hashes */
    uint64_t sequence;     /* of the block that holds the frame */
    struct packet *packet; /* filled on the way */
    struct fragment_table *fragments;
    const struct frame *frame;     /* for the filter */
    struct capture_filter *filter; /* of joined datagrams; NULL for none */
};

#define X(name, decode) enum layer decode(struct walk *walk);
WALK_LAYERS(X)
#undef X

/* Dispatch tables: the layer for a number, WALK_OTHER or WALK_UNKNOWN when there is none. */
enum layer link_layer(uint32_t link_type); /* LINKTYPE_ */
enum layer ether_layer(uint16_t type);     /* EtherType, 802.3 lengths are not among them */
enum layer ip_layer(uint8_t protocol);     /* IP protocol, without IPv6 extension headers */

/* Opens an encapsulation. `via` is its bit, 0 if it has none. False when nested too deep. */
__attribute__((warn_unused_result)) bool walk_open(struct walk *walk, unsigned via);

/* Adds an identifier that both directions of a path share to packet.outer. */
void walk_identify(struct walk *walk, uint64_t id);

/* A header did not fit. */
static inline enum layer walk_broken(const struct walk *walk)
{
    return walk->cut > 0 ? WALK_SHORT : WALK_MALFORMED;
}

/* Bytes of the layer at the cursor, captured or not. */
static inline uint32_t walk_len(const struct walk *walk)
{
    return (uint32_t)walk->at.left + walk->cut;
}

/* A header says that `len` bytes follow: what is behind them is padding. A header that claims more
 * than the frame had is believed, as if the rest had been cut off: some tools cut frames and write
 * the length that is left as the original one. But not against an outer header whose length was
 * whole: then the inner one is wrong. */
static inline void walk_trim(struct walk *walk, uint32_t len)
{
    if (len <= walk->at.left) {
        walk->at = reader_take(&walk->at, len);
        walk->cut = 0;
        walk->bounded = true;
    } else if (!walk->bounded) {
        walk->cut = len - (uint32_t)walk->at.left;
    }
}

/* Fields of a header that was taken as a window. Outside the window they are 0. */
static inline uint8_t field_u8(const struct reader *header, size_t offset)
{
    return offset < header->left ? header->at[offset] : 0;
}

static inline uint16_t field_u16(const struct reader *header, size_t offset)
{
    if (offset + 2 > header->left)
        return 0;
    return (uint16_t)((unsigned)header->at[offset] << 8 | header->at[offset + 1]);
}

static inline uint32_t field_u32(const struct reader *header, size_t offset)
{
    return (uint32_t)field_u16(header, offset) << 16 | field_u16(header, offset + 2);
}

/* The same in the byte order of x86: radiotap, prism and NFLOG headers. */
static inline uint16_t field_le16(const struct reader *header, size_t offset)
{
    return (uint16_t)(field_u8(header, offset + 1) << 8 | field_u8(header, offset));
}

static inline uint32_t field_le32(const struct reader *header, size_t offset)
{
    return (uint32_t)field_le16(header, offset + 2) << 16 | field_le16(header, offset);
}

/* An address field; all zero when it is outside the window. */
static inline struct address field_address(const struct reader *header, size_t offset, size_t len)
{
    struct address address = { { 0 } };
    if (offset + len <= header->left && len <= sizeof address.bytes)
        memcpy(address.bytes, &header->at[offset], len);
    return address;
}

#endif
