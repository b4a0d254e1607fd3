/* SPDX-License-Identifier: Apache-2.0
 * wrap_link.h - puts link layers around an IP packet, for encapsulations.h.
 */
#ifndef WRAP_LINK_H
#define WRAP_LINK_H

#include "packet_builder.h"

static inline void wrap_nothing(struct build *b, bool back)
{
    (void)b;
    (void)back;
}

static inline void wrap_ethernet4(struct build *b, bool back)
{
    (void)back;
    build_ethernet(b, 0x0800);
}

static inline void wrap_ethernet6(struct build *b, bool back)
{
    (void)back;
    build_ethernet(b, 0x86dd);
}

static inline void wrap_llc_snap(struct build *b, bool back)
{
    (void)back;
    build_snap(b, 0x0800);
    build_ethernet(b, (uint16_t)build_len(b));
}

static inline void wrap_llc_ip(struct build *b, bool back)
{
    (void)back;
    build_push(b, "\x06\x06\x03", 3);
    build_ethernet(b, (uint16_t)build_len(b));
}

static inline void wrap_vlan(struct build *b, bool back)
{
    (void)back;
    build_vlan(b, 100, 0x0800);
    build_ethernet(b, 0x8100);
}

static inline void wrap_vlan_snap(struct build *b, bool back)
{
    (void)back;
    build_snap(b, 0x0800);
    build_vlan(b, 100, (uint16_t)build_len(b));
    build_ethernet(b, 0x8100);
}

static inline void wrap_qinq(struct build *b, bool back)
{
    (void)back;
    build_vlan(b, 7, 0x0800);
    build_vlan(b, 6, 0x8100);
    build_vlan(b, 5, 0x9100);
    build_ethernet(b, 0x88a8);
}

static inline void wrap_pbb(struct build *b, bool back)
{
    wrap_vlan(b, back);
    build_u32(b, 0x00012345); /* flags, service id */
    build_vlan(b, 300, 0x88e7);
    build_ethernet(b, 0x88a8);
}

static inline void wrap_mpls(struct build *b, bool back)
{
    build_u32(b, (back ? 18u : 17u) << 12 | 0x100 | 64);
    build_u32(b, 16u << 12 | 64);
    build_ethernet(b, 0x8847);
}

static inline void wrap_mpls6(struct build *b, bool back)
{
    (void)back;
    build_u32(b, 2u << 12 | 0x100 | 64);
    build_ethernet(b, 0x8848);
}

static inline void wrap_mpls_ethernet(struct build *b, bool back)
{
    wrap_ethernet4(b, back);
    build_u32(b, 0); /* control word */
    build_u32(b, 17u << 12 | 0x100 | 64);
    build_ethernet(b, 0x8847);
}

static inline void wrap_mpls_ethernet_bare(struct build *b, bool back)
{
    wrap_ethernet4(b, back);
    build_bytes(b)[0] = 0x48; /* the address looks like IPv4 at first */
    build_u32(b, 17u << 12 | 0x100 | 64);
    build_ethernet(b, 0x8847);
}

static inline void wrap_mpls_link(struct build *b, bool back)
{
    (void)back;
    build_u32(b, 17u << 12 | 0x100 | 64);
}

static inline void wrap_pppoe_header(struct build *b, bool back)
{
    (void)back;
    build_u16(b, 0x0021);
    build_u16(b, (unsigned)build_len(b));
    build_u16(b, 77);
    build_u16(b, 0x1100);
}

static inline void wrap_pppoe(struct build *b, bool back)
{
    wrap_pppoe_header(b, back);
    build_vlan(b, 42, 0x8864);
    build_ethernet(b, 0x8100);
}

static inline void wrap_ppp(struct build *b, bool back)
{
    (void)back;
    build_u32(b, 0xff030021);
}

static inline void wrap_ppp6_short(struct build *b, bool back)
{
    (void)back;
    build_u8(b, 0x57);
}

static inline void wrap_chdlc(struct build *b, bool back)
{
    (void)back;
    build_u32(b, 0x0f000800);
}

static inline void wrap_null_little(struct build *b, bool back)
{
    (void)back;
    build_u32(b, 0x02000000);
}

static inline void wrap_null6_big(struct build *b, bool back)
{
    (void)back;
    build_u32(b, 0x0000001e);
}

static inline void wrap_fddi(struct build *b, bool back)
{
    (void)back;
    build_snap(b, 0x0800);
    build_zeros(b, 12);
    build_u8(b, 0x50);
}

static inline void wrap_sll(struct build *b, bool back)
{
    (void)back;
    build_u16(b, 0x0800);
    build_zeros(b, 8);
    build_u16(b, 6);
    build_u16(b, 1);
    build_u16(b, 4);
}

static inline void wrap_sll_vlan(struct build *b, bool back)
{
    wrap_sll((build_vlan(b, 9, 0x0800), b), back);
    build_bytes(b)[14] = 0x81;
    build_bytes(b)[15] = 0x00;
}

static inline void wrap_sll_llc(struct build *b, bool back)
{
    wrap_sll((build_snap(b, 0x0800), b), back);
    build_bytes(b)[14] = 0;
    build_bytes(b)[15] = 4;
}

static inline void wrap_sll2(struct build *b, bool back)
{
    (void)back;
    build_zeros(b, 8);
    build_u16(b, 0x0406);
    build_u16(b, 1);
    build_u32(b, 3);
    build_u32(b, 0x86dd0000);
}

static inline void wrap_nflog(struct build *b, bool back)
{
    (void)back;
    unsigned len = (unsigned)build_len(b) + 4;
    build_push(b, (const uint8_t[]){ (uint8_t)len, (uint8_t)(len >> 8), 9, 0 }, 4);
    build_push(b, (const uint8_t[]){ 7, 0, 10, 0, 'm', 'x', 0, 0 }, 8); /* prefix, padded */
    build_u32(b, 0x02000000);
}

static inline void wrap_nflog_big(struct build *b, bool back)
{
    (void)back;
    build_u32(b, (uint32_t)(build_len(b) + 4) << 16 | 9);
    build_u32(b, 0x02000000);
}

/* 802.11 data from the distribution system, with a QoS field when asked. */
static inline void wifi(struct build *b, uint8_t kind, uint8_t flags, const void *qos, size_t len)
{
    build_push(b, qos, len);
    build_zeros(b, 22);
    build_u8(b, flags);
    build_u8(b, kind);
}

static inline void wrap_wifi(struct build *b, bool back)
{
    build_snap(b, 0x0800);
    wifi(b, 0x08, back ? 1 : 2, "", 0);
}

static inline void wrap_wifi_qos_relayed(struct build *b, bool back)
{
    (void)back;
    build_snap(b, 0x0800);
    wifi(b, 0x88, 0x83, "\1\2\3\4\5\6\0\0HTC.", 12); /* fourth address, QoS, HT control */
}

static inline void wrap_wifi_aggregate(struct build *b, bool back)
{
    (void)back;
    build_snap(b, 0x0800);
    build_ethernet(b, (uint16_t)build_len(b));
    wifi(b, 0x88, 2, "\x80\0", 2);
}

static inline void wrap_radiotap(struct build *b, bool back)
{
    static const uint8_t header[] = { 0, 0, 8, 0, 0, 0, 0, 0 };
    wrap_wifi(b, back);
    build_push(b, header, sizeof header);
}

/* Two words of presence bits, a time that has to be aligned to eight, flags: padded, with check
 * sequence. */
static inline void wrap_radiotap_padded(struct build *b, bool back)
{
    static const uint8_t header[] = { 0, 0, 25, 0, 3, 0, 0, 0x80, 0, 0, 0, 0,   0,
                                      0, 0, 0,  1, 2, 3, 4, 5,    6, 7, 8, 0x30 };
    (void)back;
    build_snap(b, 0x0800);
    wifi(b, 0x88, 2, "\0\0\0\0", 4);
    build_push(b, header, sizeof header);
}

static inline void wrap_prism(struct build *b, bool back)
{
    wrap_wifi(b, back);
    build_zeros(b, 136);
    build_push(b, "\x44\0\0\0\x90\0\0\0", 8);
}

static inline void wrap_avs(struct build *b, bool back)
{
    wrap_wifi(b, back);
    build_zeros(b, 56);
    build_u32(b, 64);
    build_u32(b, 0x80211001);
}

static inline void wrap_ppi(struct build *b, bool back)
{
    wrap_wifi(b, back);
    build_push(b, "\0\0\x0c\0\x69\0\0\0\2\0\0\0", 12);
}

#endif
