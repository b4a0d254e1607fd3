/* SPDX-License-Identifier: Apache-2.0
 * link.c - link layers without a file of their own, and the tables from LINKTYPE_ and EtherType to
 * the layer.
 *
 * Numbers: www.tcpdump.org/linktypes.html, IANA "IEEE 802 Numbers". Addresses of the link layer are
 * not kept, check sequences at the end of a frame are cut off by the length that IP gives.
 */
#include "walk.h"

#define ETHERNET_HEADER 14
#define ETHERNET_LENGTH_MAX 1500 /* larger values are types (IEEE 802.3 section 3.2.6) */

/* clang-format off */
static const struct link_type {
    uint32_t number;
    enum layer layer;
} link_types[] = {
    {   1, LAYER_ETHERNET },
    {   0, LAYER_NULL },     /* BSD loopback, address family in the byte order of the machine */
    {   9, LAYER_PPP },
    {  10, LAYER_FDDI },
    {  12, LAYER_IP },       /* raw, as some systems number it in files */
    {  14, LAYER_IP },
    {  50, LAYER_PPP },      /* in HDLC-like framing */
    {  51, LAYER_PPPOE },
    { 101, LAYER_IP },
    { 104, LAYER_CHDLC },
    { 105, LAYER_WIFI },
    { 108, LAYER_NULL },     /* OpenBSD loopback, in network order */
    { 113, LAYER_SLL },
    { 119, LAYER_PRISM },
    { 127, LAYER_RADIOTAP },
    { 163, LAYER_PRISM },    /* AVS: told from prism by its magic number */
    { 192, LAYER_PPI },
    { 219, LAYER_MPLS },
    { 228, LAYER_IPV4 },
    { 229, LAYER_IPV6 },
    { 239, LAYER_NFLOG },
    { 276, LAYER_SLL2 },
};

static const struct ether_type {
    uint16_t number;
    enum layer layer;
} ether_types[] = {
    { 0x0800, LAYER_IPV4 },
    { 0x86dd, LAYER_IPV6 },
    { 0x8100, LAYER_VLAN },     /* 802.1Q */
    { 0x88a8, LAYER_VLAN },     /* 802.1ad */
    { 0x9100, LAYER_VLAN },     /* QinQ before there was a standard */
    { 0x9200, LAYER_VLAN },
    { 0x8847, LAYER_MPLS },
    { 0x8848, LAYER_MPLS },
    { 0x8864, LAYER_PPPOE },
    { 0x88e7, LAYER_PBB },
    { 0x880b, LAYER_PPP },
    { 0x6558, LAYER_ETHERNET }, /* transparent Ethernet bridging: in GRE and Geneve */
    { 0x22eb, LAYER_ERSPAN3 },
};
/* clang-format on */

enum layer link_layer(uint32_t link_type)
{
    for (size_t i = 0; i < sizeof link_types / sizeof link_types[0]; i++)
        if (link_types[i].number == link_type)
            return link_types[i].layer;
    return WALK_UNKNOWN;
}

enum layer ether_layer(uint16_t type)
{
    for (size_t i = 0; i < sizeof ether_types / sizeof ether_types[0]; i++)
        if (ether_types[i].number == type)
            return ether_types[i].layer;
    return WALK_OTHER;
}

/* What a type-or-length field of Ethernet and of a tag announces. */
static enum layer type_or_length(struct walk *walk, uint16_t value)
{
    if (value > ETHERNET_LENGTH_MAX)
        return ether_layer(value);
    walk_trim(walk, value);
    return LAYER_LLC;
}

enum layer ethernet_decode(struct walk *walk)
{
    struct reader header = reader_take(&walk->at, ETHERNET_HEADER);
    if (!reader_ok(&header))
        return walk_broken(walk);
    return type_or_length(walk, field_u16(&header, 12));
}

/* IEEE 802.1Q section 9.6: priority and drop bits, then twelve bits of id. Id 0 only carries a
 * priority and names no network. */
enum layer vlan_decode(struct walk *walk)
{
    struct reader tag = reader_take(&walk->at, 4);
    if (!reader_ok(&tag))
        return walk_broken(walk);

    uint16_t id = field_u16(&tag, 0) & 0x0fff;
    if (!walk->inside && id != 0)
        walk->packet->vlan = id;
    if (!walk_open(walk, VIA_VLAN))
        return WALK_MALFORMED;
    if (id != 0)
        walk_identify(walk, id);
    return type_or_length(walk, field_u16(&tag, 2));
}

/* IEEE 802.1Q section 9.7: one byte of flags, the service's id, then the customer's frame. */
enum layer pbb_decode(struct walk *walk)
{
    struct reader tag = reader_take(&walk->at, 4);
    if (!reader_ok(&tag))
        return walk_broken(walk);
    if (!walk_open(walk, VIA_PBB))
        return WALK_MALFORMED;
    walk_identify(walk, field_u32(&tag, 0) & 0xffffff);
    return LAYER_ETHERNET;
}

/* IEEE 802.2 with unnumbered information: IP by its own SAP (RFC 948) or by SNAP (RFC 1042). */
enum layer llc_decode(struct walk *walk)
{
    struct reader llc = reader_take(&walk->at, 3);
    if (!reader_ok(&llc))
        return walk_broken(walk);

    uint32_t saps = field_u16(&llc, 0);
    if (field_u8(&llc, 2) != 0x03)
        return WALK_OTHER;
    if (saps == 0x0606)
        return LAYER_IP;
    if (saps != 0xaaaa)
        return WALK_OTHER;

    struct reader snap = reader_take(&walk->at, 5);
    if (!reader_ok(&snap))
        return walk_broken(walk);
    uint32_t organisation = field_u32(&snap, 0) >> 8;
    bool ether = organisation == 0 || organisation == 0x0000f8; /* IEEE 802.1H bridging tunnel */
    return ether ? ether_layer(field_u16(&snap, 3)) : WALK_OTHER;
}

/* Frame control, two addresses of six bytes, LLC. */
enum layer fddi_decode(struct walk *walk)
{
    struct reader header = reader_take(&walk->at, 13);
    if (!reader_ok(&header))
        return walk_broken(walk);
    return (field_u8(&header, 0) & 0xf0) == 0x50 ? LAYER_LLC : WALK_OTHER;
}

/* The protocol of Linux' cooked captures; 4 stands for 802.2, values below 0x600 are not types. */
static enum layer cooked(uint16_t protocol, uint16_t hardware)
{
    enum { NETLINK = 824, RADIOTAP = 803, LLC = 4, TYPE_MIN = 0x600 };

    if (hardware == NETLINK)
        return WALK_OTHER;
    if (hardware == RADIOTAP)
        return LAYER_RADIOTAP;
    if (protocol == LLC)
        return LAYER_LLC;
    return protocol >= TYPE_MIN ? ether_layer(protocol) : WALK_OTHER;
}

enum layer sll_decode(struct walk *walk)
{
    struct reader header = reader_take(&walk->at, 16);
    if (!reader_ok(&header))
        return walk_broken(walk);
    return cooked(field_u16(&header, 14), field_u16(&header, 2));
}

enum layer sll2_decode(struct walk *walk)
{
    struct reader header = reader_take(&walk->at, 20);
    if (!reader_ok(&header))
        return walk_broken(walk);
    return cooked(field_u16(&header, 0), field_u16(&header, 8));
}

/* The number for IPv6 differs between systems and the byte order between machines, but the packet
 * says its version itself. So only what cannot be an address family is refused. */
enum layer null_decode(struct walk *walk)
{
    struct reader header = reader_take(&walk->at, 4);
    if (!reader_ok(&header))
        return walk_broken(walk);

    uint32_t family = field_u32(&header, 0);
    if (family > 0xffff)
        family = field_le32(&header, 0);
    return family > 0 && family <= 0xff ? LAYER_IP : WALK_OTHER;
}

/* Family, version, resource id, then values with a length of four bytes of header, theirs included,
 * padded to four, in the byte order of the machine; type 9 is the packet. */
enum layer nflog_decode(struct walk *walk)
{
    enum { PAYLOAD = 9 };

    struct reader header = reader_take(&walk->at, 4);
    if (!reader_ok(&header))
        return walk_broken(walk);

    while (reader_more(&walk->at)) {
        struct reader value = reader_take(&walk->at, 4);
        if (!reader_ok(&value))
            return walk_broken(walk);

        /* No type is above 255, so the order of a type is known from its bytes. */
        bool little = field_u8(&value, 3) == 0;
        uint16_t type = little ? field_le16(&value, 2) : field_u16(&value, 2);
        uint32_t len = little ? field_le16(&value, 0) : field_u16(&value, 0);
        if (len < 4)
            return WALK_MALFORMED;
        if (type == PAYLOAD) {
            walk_trim(walk, len - 4);
            return LAYER_IP;
        }
        struct reader body = reader_take(&walk->at, len - 4);
        if (!reader_ok(&body))
            return walk_broken(walk);
        uint32_t padding = -len & 3;
        if (padding <= walk->at.left) /* the last value may come without */
            (void)reader_take(&walk->at, padding);
    }
    return walk->cut > 0 ? WALK_SHORT : WALK_OTHER;
}
