/* SPDX-License-Identifier: Apache-2.0
 * encapsulations.h - every way in which the packet stage can meet an IP packet, as a table of
 * functions that wrap one.
 */
#ifndef ENCAPSULATIONS_H
#define ENCAPSULATIONS_H

#include "wrap_link.h"
#include "wrap_tunnel.h"

/* clang-format off */
static const struct encapsulation {
    const char *name;
    uint16_t link_type;
    uint8_t version;                            /* of the IP packet that is wrapped */
    void (*wrap)(struct build *b, bool back);
    unsigned via;
    uint16_t vlan;
    bool outside;                               /* packet.outer is not 0 */
} encapsulations[] = {
    { "ethernet",            1, 4, wrap_ethernet4,          0, 0, false },
    { "ethernet ipv6",       1, 6, wrap_ethernet6,          0, 0, false },
    { "802.3 snap",          1, 4, wrap_llc_snap,           0, 0, false },
    { "802.3 llc ip",        1, 4, wrap_llc_ip,             0, 0, false },
    { "vlan",                1, 4, wrap_vlan,               VIA_VLAN, 100, true },
    { "vlan snap",           1, 4, wrap_vlan_snap,          VIA_VLAN, 100, true },
    { "qinqinq",             1, 4, wrap_qinq,               VIA_VLAN, 7, true },
    { "pbb",                 1, 4, wrap_pbb,                VIA_VLAN | VIA_PBB, 300, true },
    { "mpls",                1, 4, wrap_mpls,               VIA_MPLS, 0, false },
    { "mpls ipv6",           1, 6, wrap_mpls6,              VIA_MPLS, 0, false },
    { "mpls control word",   1, 4, wrap_mpls_ethernet,      VIA_MPLS, 0, false },
    { "mpls ethernet",       1, 4, wrap_mpls_ethernet_bare, VIA_MPLS, 0, false },
    { "mpls link",         219, 4, wrap_mpls_link,          VIA_MPLS, 0, false },
    { "pppoe",               1, 4, wrap_pppoe,              VIA_VLAN | VIA_PPPOE, 42, true },
    { "pppoe link",         51, 4, wrap_pppoe_header,       VIA_PPPOE, 0, true },
    { "ppp",                 9, 4, wrap_ppp,                0, 0, false },
    { "ppp hdlc",           50, 6, wrap_ppp6_short,         0, 0, false },
    { "c-hdlc",            104, 4, wrap_chdlc,              0, 0, false },
    { "null little",         0, 4, wrap_null_little,        0, 0, false },
    { "null big",            0, 6, wrap_null6_big,          0, 0, false },
    { "loop",              108, 6, wrap_null6_big,          0, 0, false },
    { "fddi",               10, 4, wrap_fddi,               0, 0, false },
    { "raw 12",             12, 4, wrap_nothing,            0, 0, false },
    { "raw 14",             14, 6, wrap_nothing,            0, 0, false },
    { "raw",               101, 4, wrap_nothing,            0, 0, false },
    { "raw ipv6",          101, 6, wrap_nothing,            0, 0, false },
    { "ipv4 link",         228, 4, wrap_nothing,            0, 0, false },
    { "ipv6 link",         229, 6, wrap_nothing,            0, 0, false },
    { "sll",               113, 4, wrap_sll,                0, 0, false },
    { "sll vlan",          113, 4, wrap_sll_vlan,           VIA_VLAN, 9, true },
    { "sll 802.2",         113, 4, wrap_sll_llc,            0, 0, false },
    { "sll2",              276, 6, wrap_sll2,               0, 0, false },
    { "nflog",             239, 4, wrap_nflog,              0, 0, false },
    { "nflog big",         239, 4, wrap_nflog_big,          0, 0, false },
    { "802.11",            105, 4, wrap_wifi,               0, 0, false },
    { "802.11 relayed",    105, 4, wrap_wifi_qos_relayed,   0, 0, false },
    { "802.11 aggregate",  105, 4, wrap_wifi_aggregate,     0, 0, false },
    { "radiotap",          127, 4, wrap_radiotap,           0, 0, false },
    { "radiotap padded",   127, 4, wrap_radiotap_padded,    0, 0, false },
    { "prism",             119, 4, wrap_prism,              0, 0, false },
    { "avs",               163, 4, wrap_avs,                0, 0, false },
    { "ppi",               192, 4, wrap_ppi,                0, 0, false },
    { "gre",                 1, 4, wrap_gre,                VIA_GRE, 0, true },
    { "gre full",            1, 4, wrap_gre_full,           VIA_GRE, 0, true },
    { "gre ethernet",        1, 4, wrap_gre_ethernet,       VIA_GRE | VIA_VLAN, 0, true },
    { "gre 802.11",          1, 4, wrap_gre_wifi,           VIA_GRE, 0, true },
    { "gre in udp",          1, 4, wrap_gre_udp,            VIA_GRE, 0, true },
    { "pptp",                1, 4, wrap_pptp,               VIA_GRE, 0, true },
    { "erspan 1",            1, 4, wrap_erspan1,            VIA_GRE | VIA_ERSPAN, 0, true },
    { "erspan 2",            1, 4, wrap_erspan2,            VIA_GRE | VIA_ERSPAN, 0, true },
    { "erspan 3",            1, 4, wrap_erspan3,            VIA_GRE | VIA_ERSPAN, 0, true },
    { "erspan 3 ip",         1, 6, wrap_erspan3_ip,         VIA_GRE | VIA_ERSPAN, 0, true },
    { "vxlan",               1, 4, wrap_vxlan,              VIA_VXLAN, 0, true },
    { "vxlan linux",         1, 4, wrap_vxlan_linux,        VIA_VXLAN | VIA_VLAN, 0, true },
    { "vxlan gpe",           1, 6, wrap_vxlan_gpe,          VIA_VXLAN, 0, true },
    { "geneve",              1, 4, wrap_geneve,             VIA_GENEVE, 0, true },
    { "geneve ip",           1, 6, wrap_geneve_ip,          VIA_GENEVE, 0, true },
    { "gtp",                 1, 4, wrap_gtp,                VIA_GTP, 0, true },
    { "gtp extended",        1, 6, wrap_gtp_extended,       VIA_GTP, 0, true },
    { "teredo",              1, 6, wrap_teredo,             VIA_TEREDO, 0, true },
    { "teredo full",         1, 6, wrap_teredo_full,        VIA_TEREDO, 0, true },
    { "l2tp",                1, 4, wrap_l2tp,               VIA_L2TP, 0, true },
    { "l2tp short",          1, 4, wrap_l2tp_short,         VIA_L2TP, 0, true },
    { "ip in ip",            1, 4, wrap_ipip,               VIA_IPIP, 0, true },
    { "6in4",                1, 6, wrap_6in4,               VIA_IPIP, 0, true },
    { "4in6",                1, 4, wrap_4in6,               VIA_IPIP, 0, true },
    { "mpls in ip",          1, 4, wrap_mpls_in_ip,         VIA_MPLS, 0, true },
    { "vxlan in erspan",     1, 4, wrap_nested, VIA_GRE | VIA_ERSPAN | VIA_VXLAN, 0, true },
};
/* clang-format on */

#define ENCAPSULATION_COUNT (sizeof encapsulations / sizeof encapsulations[0])

/* The standard segment of these tests, from client to server or back. */
static inline struct segment encapsulated_segment(uint8_t version, bool back)
{
    return (struct segment){
        .version = version,
        .source = back ? 2 : 1,
        .target = back ? 1 : 2,
        .source_port = back ? 25 : 40000,
        .target_port = back ? 40000 : 25,
        .seq = 0x01020304,
        .ack = 0x05060708,
        .flags = TCP_PSH | TCP_ACK,
        .window = 0x1234,
        .ip_id = 0xbeef,
    };
}

#define ENCAPSULATED_PAYLOAD "EHLO mx.example\r\n"

static inline struct frame encapsulate(struct build *b, const struct encapsulation *e, bool back)
{
    struct segment segment = encapsulated_segment(e->version, back);
    build_start(b, ENCAPSULATED_PAYLOAD);
    build_tcp(b, &segment);
    build_ip(b, 6, &segment);
    e->wrap(b, back);
    return build_frame(b, e->link_type);
}

#endif
