/* SPDX-License-Identifier: Apache-2.0
 * wrap_tunnel.h - puts tunnels around an IP packet, for encapsulations.h.
 */
#ifndef WRAP_TUNNEL_H
#define WRAP_TUNNEL_H

#include "packet_builder.h"
#include "wrap_link.h"

#define OUTER_A 201
#define OUTER_B 202

/* An outer IP header between A and B; `back` is the other direction. */
static inline void outer_ip(struct build *b, uint8_t version, uint8_t protocol, bool back)
{
    const struct segment outer = {
        .version = version,
        .source = back ? OUTER_B : OUTER_A,
        .target = back ? OUTER_A : OUTER_B,
    };
    build_ip(b, protocol, &outer);
}

static inline void outer_udp(struct build *b, uint16_t port, bool back)
{
    build_udp(b, 50000, port);
    outer_ip(b, 4, 17, back);
    build_ethernet(b, 0x0800);
}

static inline void outer_gre(struct build *b, uint16_t flags, uint16_t type, bool back)
{
    build_u16(b, type);
    build_u16(b, flags);
    outer_ip(b, 4, 47, back);
    build_ethernet(b, 0x0800);
}

static inline void wrap_gre(struct build *b, bool back) { outer_gre(b, 0, 0x0800, back); }

static inline void wrap_gre_full(struct build *b, bool back)
{
    build_u32(b, 5);          /* sequence */
    build_u32(b, 0xc0ffee);   /* key */
    build_u32(b, 0x12340000); /* checksum */
    outer_gre(b, 0xb000, 0x0800, back);
}

static inline void wrap_gre_ethernet(struct build *b, bool back)
{
    wrap_vlan(b, back); /* its tag is not the frame's */
    build_u32(b, 0x100000u << 4 | (back ? 1 : 2));
    outer_gre(b, 0x2000, 0x6558, back);
}

static inline void wrap_gre_wifi(struct build *b, bool back)
{
    wrap_wifi(b, back);
    outer_gre(b, 0, 0x8240, back);
}

static inline void wrap_gre_udp(struct build *b, bool back)
{
    build_u32(b, 0x00000800);
    outer_udp(b, 4754, back);
}

static inline void wrap_pptp(struct build *b, bool back)
{
    unsigned len = (unsigned)build_len(b) + 4;
    build_u32(b, 0xff030021);
    build_u32(b, 1);
    build_u32(b, 2);
    build_u16(b, back ? 1 : 2); /* call */
    build_u16(b, len);
    outer_gre(b, 0x3081, 0x880b, back);
}

static inline void wrap_erspan1(struct build *b, bool back)
{
    wrap_ethernet4(b, back);
    outer_gre(b, 0, 0x88be, back);
}

static inline void wrap_erspan2(struct build *b, bool back)
{
    wrap_ethernet4(b, back);
    build_u32(b, back ? 1 : 2); /* the mirrored port */
    build_u32(b, 0x10640000 | 33);
    build_u32(b, 9);
    outer_gre(b, 0x1000, 0x88be, back);
}

static inline void wrap_erspan3(struct build *b, bool back)
{
    wrap_ethernet4(b, back);
    build_zeros(b, 8);
    build_u32(b, 1); /* eight more bytes */
    build_u32(b, 0x11223344);
    build_u32(b, 0x20640000 | 33);
    build_u32(b, 9);
    outer_gre(b, 0x1000, 0x22eb, back);
}

static inline void wrap_erspan3_ip(struct build *b, bool back)
{
    build_u32(b, 2 << 10);
    build_u32(b, 0x11223344);
    build_u32(b, 0x20640000 | 33);
    build_u32(b, 9);
    outer_gre(b, 0x1000, 0x22eb, back);
}

static inline void wrap_vxlan(struct build *b, bool back)
{
    wrap_ethernet4(b, back);
    build_u32(b, 0x123456u << 8);
    build_u32(b, 0x08000000);
    outer_udp(b, 4789, back);
}

static inline void wrap_vxlan_linux(struct build *b, bool back)
{
    wrap_vlan(b, back);
    build_u32(b, 0x123456u << 8 | 0xff);
    build_u32(b, 0x88000001); /* group policy */
    outer_udp(b, 8472, back);
}

static inline void wrap_vxlan_gpe(struct build *b, bool back)
{
    build_u32(b, 0x123456u << 8);
    build_u32(b, 0x0c000002);
    outer_udp(b, 4790, back);
}

static inline void wrap_geneve(struct build *b, bool back)
{
    wrap_ethernet4(b, back);
    build_zeros(b, 8); /* options */
    build_u32(b, 0x123456u << 8);
    build_u32(b, 0x02006558);
    outer_udp(b, 6081, back);
}

static inline void wrap_geneve_ip(struct build *b, bool back)
{
    build_u32(b, 0x123456u << 8);
    build_u32(b, 0x000086dd);
    outer_udp(b, 6081, back);
}

static inline void wrap_gtp(struct build *b, bool back)
{
    unsigned len = (unsigned)build_len(b);
    build_u32(b, back ? 1 : 2); /* tunnel */
    build_u16(b, len);
    build_u16(b, 0x30ff);
    outer_udp(b, 2152, back);
}

static inline void wrap_gtp_extended(struct build *b, bool back)
{
    build_push(b, "\1\x10\0\x40\1\x11\x22\0", 8); /* two extensions of four bytes */
    build_u32(b, 0x00070085);                     /* sequence number, N-PDU, first extension */
    unsigned len = (unsigned)build_len(b);
    build_u32(b, back ? 1 : 2);
    build_u16(b, len);
    build_u16(b, 0x36ff);
    outer_udp(b, 2152, back);
}

static inline void wrap_teredo(struct build *b, bool back) { outer_udp(b, 3544, back); }

static inline void wrap_teredo_full(struct build *b, bool back)
{
    build_push(b, "\0\0\x12\x34\xc0\0\2\1", 8);              /* origin */
    build_push(b, "\0\1\2\3idkeynonce---\0", 4 + 2 + 3 + 9); /* authentication */
    outer_udp(b, 3544, back);
}

static inline void wrap_l2tp(struct build *b, bool back)
{
    build_u32(b, 0xff030021);
    build_push(b, "\0\2pp", 4); /* padding of two */
    build_u32(b, 0x00010002);   /* sequence numbers */
    build_u32(b, back ? 0x00050006 : 0x00070008);
    unsigned len = (unsigned)build_len(b) + 4;
    build_u16(b, len);
    build_u16(b, 0x4a02);
    outer_udp(b, 1701, back);
}

static inline void wrap_l2tp_short(struct build *b, bool back)
{
    build_u16(b, 0x0021);
    build_u32(b, back ? 0x00050006 : 0x00070008);
    build_u16(b, 0x0002);
    outer_udp(b, 1701, back);
}

static inline void wrap_ipip(struct build *b, bool back)
{
    outer_ip(b, 4, 4, back);
    build_ethernet(b, 0x0800);
}

static inline void wrap_6in4(struct build *b, bool back)
{
    outer_ip(b, 4, 41, back);
    build_ethernet(b, 0x0800);
}

static inline void wrap_4in6(struct build *b, bool back)
{
    outer_ip(b, 6, 4, back);
    build_ethernet(b, 0x86dd);
}

static inline void wrap_mpls_in_ip(struct build *b, bool back)
{
    build_u32(b, 17u << 12 | 0x100 | 64);
    outer_ip(b, 4, 137, back);
    build_ethernet(b, 0x0800);
}

/* A mirror of an overlay: VXLAN inside ERSPAN. */
static inline void wrap_nested(struct build *b, bool back)
{
    wrap_vxlan(b, back);
    build_u32(b, 0);
    build_u32(b, 0x10640000 | 33);
    build_u32(b, 9);
    outer_gre(b, 0x1000, 0x88be, back);
}

#endif
