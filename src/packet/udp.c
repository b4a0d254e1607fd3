/* SPDX-License-Identifier: Apache-2.0
 * udp.c - tunnels over UDP, found by their port and by what their headers may say.
 *
 * A port proves nothing: a client may use any of these numbers for something else. So a header that
 * is not exactly what its specification allows makes the packet one without TCP, not a malformed
 * one. UDP's own checksum is not verified.
 */
#include "walk.h"

/* clang-format off */
static const struct udp_port {
    uint16_t number;
    bool both;        /* answers come from it too */
    uint8_t min;      /* bytes of the shortest packet; less is something else */
    enum layer layer;
} udp_ports[] = {
    { 4789, false, 22, LAYER_VXLAN },  /* RFC 7348 */
    { 8472, false, 22, LAYER_VXLAN },  /* Linux' before that */
    { 4790, false, 22, LAYER_VXLAN_GPE },
    { 6081, false,  8, LAYER_GENEVE }, /* RFC 8926 */
    { 2152, true,   8, LAYER_GTP },    /* 3GPP TS 29.281 */
    { 3544, true,  40, LAYER_TEREDO }, /* RFC 4380 */
    { 4754, false,  4, LAYER_GRE },    /* RFC 8086 */
    { 1701, true,   6, LAYER_L2TP },   /* RFC 2661 */
};
/* clang-format on */

enum layer udp_decode(struct walk *walk)
{
    struct reader header = reader_take(&walk->at, 8);
    if (!reader_ok(&header))
        return walk_broken(walk);

    uint16_t source = field_u16(&header, 0), target = field_u16(&header, 2);
    uint32_t len = field_u16(&header, 4);
    if (len > 0 && len < 8)
        return WALK_MALFORMED;
    if (len > 0) /* else IPv6 with a jumbogram (RFC 2675) */
        walk_trim(walk, len - 8);

    for (size_t i = 0; i < sizeof udp_ports / sizeof udp_ports[0]; i++) {
        const struct udp_port *port = &udp_ports[i];
        if (port->number == target || (port->both && port->number == source))
            return walk_len(walk) < port->min ? WALK_OTHER : port->layer;
    }
    return WALK_OTHER;
}

/* A header that does not fit is none, unless the rest of it was cut off. */
static enum layer none_or_short(const struct walk *walk)
{
    return walk->cut > 0 ? WALK_SHORT : WALK_OTHER;
}

/* IP by its version, or no such tunnel. */
static enum layer ip_inside(struct walk *walk, unsigned via)
{
    uint8_t version = field_u8(&walk->at, 0) >> 4;
    if (version != 4 && version != 6)
        return WALK_OTHER;
    if (!walk_open(walk, via))
        return WALK_MALFORMED;
    return LAYER_IP;
}

enum { VXLAN_VALID = 0x08, VXLAN_TYPED = 0x04 };

static enum layer vxlan(struct walk *walk, const struct reader *header, enum layer inside)
{
    if ((field_u8(header, 0) & VXLAN_VALID) == 0)
        return WALK_OTHER;
    if (!walk_open(walk, VIA_VXLAN))
        return WALK_MALFORMED;
    walk_identify(walk, field_u32(header, 4) >> 8);
    return inside;
}

/* RFC 7348 section 5: flags, three bytes, network id, one byte. Only the flag that the id is valid
 * has to be there; devices use the others. */
enum layer vxlan_decode(struct walk *walk)
{
    struct reader header = reader_take(&walk->at, 8);
    if (!reader_ok(&header))
        return walk_broken(walk);
    return vxlan(walk, &header, LAYER_ETHERNET);
}

/* draft-ietf-nvo3-vxlan-gpe section 3: the same, with the kind of what is inside. */
enum layer vxlan_gpe_decode(struct walk *walk)
{
    static const enum layer kinds[] = { [1] = LAYER_IPV4, [2] = LAYER_IPV6, [3] = LAYER_ETHERNET };

    struct reader header = reader_take(&walk->at, 8);
    if (!reader_ok(&header))
        return walk_broken(walk);
    if ((field_u8(&header, 0) & VXLAN_TYPED) == 0)
        return vxlan(walk, &header, LAYER_ETHERNET);

    uint8_t kind = field_u8(&header, 3);
    if (kind == 0 || kind >= sizeof kinds / sizeof kinds[0])
        return WALK_OTHER;
    return vxlan(walk, &header, kinds[kind]);
}

/* RFC 8926 section 3.4: version and length of options, flags, EtherType, network id, one byte. */
enum layer geneve_decode(struct walk *walk)
{
    struct reader header = reader_take(&walk->at, 8);
    uint8_t first = field_u8(&header, 0);
    struct reader options = reader_take(&walk->at, (size_t)(first & 0x3f) * 4);
    if (!reader_ok(&options))
        return none_or_short(walk);

    enum layer inside = ether_layer(field_u16(&header, 2));
    bool data = (field_u8(&header, 1) & 0x80) == 0; /* else control messages */
    if (first >> 6 != 0 || !data || inside >= LAYER_END)
        return WALK_OTHER;
    if (!walk_open(walk, VIA_GENEVE))
        return WALK_MALFORMED;
    walk_identify(walk, field_u32(&header, 4) >> 8);
    return inside;
}

/* 3GPP TS 29.281 section 5.1: flags, type, length of what follows the first eight bytes, tunnel.
 * The tunnel's id differs by direction and is no part of packet.outer. */
enum layer gtp_decode(struct walk *walk)
{
    enum { VERSION_1 = 0x30, VERSION_MASK = 0xf8, ANY_OPTION = 0x07, EXTENSION = 0x04, DATA = 255 };

    uint32_t whole = walk_len(walk);
    struct reader header = reader_take(&walk->at, 8);
    uint8_t flags = field_u8(&header, 0);
    if (!reader_ok(&header))
        return walk_broken(walk);
    if ((flags & VERSION_MASK) != VERSION_1 || field_u8(&header, 1) != DATA ||
        field_u16(&header, 2) + UINT32_C(8) > whole)
        return WALK_OTHER;
    walk_trim(walk, field_u16(&header, 2));

    uint8_t next = 0;
    if ((flags & ANY_OPTION) != 0) {
        struct reader options = reader_take(&walk->at, 4); /* sequence, N-PDU, next extension */
        next = (flags & EXTENSION) != 0 ? field_u8(&options, 3) : 0;
    }
    while (next != 0) { /* length in fours, the length and the next type included */
        uint32_t len = field_u8(&walk->at, 0) * UINT32_C(4);
        struct reader extension = reader_take(&walk->at, len);
        if (len == 0 || !reader_ok(&extension))
            return none_or_short(walk);
        next = field_u8(&extension, len - 1);
    }
    if (!reader_more(&walk->at))
        return none_or_short(walk);
    return ip_inside(walk, VIA_GTP);
}

/* RFC 4380 section 5.1.1: authentication and origin may stand before IPv6, in this order. */
enum layer teredo_decode(struct walk *walk)
{
    enum { AUTHENTICATION = 0x0001, ORIGIN = 0x0000 };

    if (walk->at.left >= 4 && field_u16(&walk->at, 0) == AUTHENTICATION) {
        size_t client = field_u8(&walk->at, 2), value = field_u8(&walk->at, 3);
        (void)reader_take(&walk->at, 4 + client + value + 8 + 1);
    }
    if (walk->at.left >= 8 && field_u16(&walk->at, 0) == ORIGIN)
        (void)reader_take(&walk->at, 8);
    if (walk->at.left < 8) /* a header in front may be what was cut off */
        return none_or_short(walk);
    if (field_u8(&walk->at, 0) >> 4 != 6)
        return WALK_OTHER;
    if (field_u16(&walk->at, 4) + UINT32_C(40) > walk_len(walk))
        return WALK_OTHER;
    return ip_inside(walk, VIA_TEREDO);
}

/* RFC 2661 section 3.1: flags and version, then length, tunnel, session, two sequence numbers and
 * padding, as the flags say. Control messages carry no packets. Ids differ by direction. */
enum layer l2tp_decode(struct walk *walk)
{
    enum { CONTROL = 0x8000, LENGTH = 0x4000, SEQUENCE = 0x0800, OFFSET = 0x0200 };
    enum { RESERVED = 0x34f0, VERSION = 0x000f };

    uint32_t whole = walk_len(walk);
    uint16_t flags = reader_u16(&walk->at);
    uint32_t len = (flags & LENGTH) != 0 ? reader_u16(&walk->at) : whole;
    (void)reader_take(&walk->at, 4);
    if ((flags & SEQUENCE) != 0)
        (void)reader_take(&walk->at, 4);
    if ((flags & OFFSET) != 0)
        (void)reader_take(&walk->at, reader_u16(&walk->at));
    if (!reader_ok(&walk->at))
        return none_or_short(walk);
    if ((flags & (CONTROL | RESERVED | VERSION)) != 2 || len > whole ||
        len < whole - walk_len(walk))
        return WALK_OTHER;

    walk_trim(walk, len - (whole - walk_len(walk)));
    if (!walk_open(walk, VIA_L2TP))
        return WALK_MALFORMED;
    return LAYER_PPP;
}
