/* SPDX-License-Identifier: Apache-2.0
 * ppp.c - PPP (RFC 1661), PPPoE (RFC 2516), Cisco HDLC, and MPLS (RFC 3032): what providers wrap
 * around IP on their lines. Multilink and compressed PPP are not followed.
 */
#include "walk.h"

#include "limits.h"

/* clang-format off */
static const struct ppp_protocol {
    uint16_t number; /* IANA "PPP DLL Protocol Numbers" */
    enum layer layer;
} ppp_protocols[] = {
    { 0x0021, LAYER_IPV4 },
    { 0x0057, LAYER_IPV6 },
    { 0x0281, LAYER_MPLS },
    { 0x0283, LAYER_MPLS },
};
/* clang-format on */

/* Address and control (ff 03) may be left out, and so may the first byte of a protocol below 0x100
 * (RFC 1661 section 6.5 and 6.6): an odd byte ends the number. */
enum layer ppp_decode(struct walk *walk)
{
    if (walk->at.left < 2) /* no packet, and too little to see whether ff begins the address */
        return walk_broken(walk);
    if (field_u16(&walk->at, 0) == 0xff03)
        (void)reader_u16(&walk->at);

    uint16_t protocol = reader_u8(&walk->at);
    if ((protocol & 1) == 0)
        protocol = (uint16_t)(protocol << 8 | reader_u8(&walk->at));
    if (!reader_ok(&walk->at))
        return walk_broken(walk);

    for (size_t i = 0; i < sizeof ppp_protocols / sizeof ppp_protocols[0]; i++)
        if (ppp_protocols[i].number == protocol)
            return ppp_protocols[i].layer;
    return WALK_OTHER;
}

/* Version and type, code, session, length. Code 0 is data, the others set a session up. */
enum layer pppoe_decode(struct walk *walk)
{
    struct reader header = reader_take(&walk->at, 6);
    if (!reader_ok(&header))
        return walk_broken(walk);
    if (field_u16(&header, 0) != 0x1100)
        return WALK_OTHER;
    if (!walk_open(walk, VIA_PPPOE))
        return WALK_MALFORMED;
    walk_identify(walk, field_u16(&header, 2));
    walk_trim(walk, field_u16(&header, 4));
    return LAYER_PPP;
}

/* Address, control, EtherType. */
enum layer chdlc_decode(struct walk *walk)
{
    struct reader header = reader_take(&walk->at, 4);
    if (!reader_ok(&header))
        return walk_broken(walk);
    return ether_layer(field_u16(&header, 2));
}

/* Whether the version and length of an IP header are right here. A frame whose first address begins
 * with a 4 or a 6 hardly has them. */
static bool looks_like_ip(const struct walk *walk, uint8_t version)
{
    if (field_u8(&walk->at, 0) >> 4 != version)
        return false;
    if (version == 6)
        return field_u16(&walk->at, 4) + UINT32_C(40) <= walk_len(walk);
    uint16_t total = field_u16(&walk->at, 2);
    return total >= 20 && total <= walk_len(walk);
}

static bool looks_like_ethernet(const struct walk *walk)
{
    return ether_layer(field_u16(&walk->at, 12)) < LAYER_END;
}

/* The label stack says nothing about what it carries, so the first half-byte has to (RFC 4928
 * section 2): 4 and 6 are IP, 0 is a control word (RFC 4385) before an Ethernet frame. Labels
 * differ by direction and are no part of packet.outer. */
enum layer mpls_decode(struct walk *walk)
{
    bool bottom = false;
    for (unsigned labels = 0; !bottom; labels++) {
        struct reader label = reader_take(&walk->at, 4);
        if (!reader_ok(&label))
            return walk_broken(walk);
        if (labels == LIMIT_MPLS_LABELS)
            return WALK_MALFORMED;
        bottom = (field_u8(&label, 2) & 1) != 0;
    }
    if (!walk_open(walk, VIA_MPLS))
        return WALK_MALFORMED;
    if (!reader_more(&walk->at))
        return walk_broken(walk);

    uint8_t first = field_u8(&walk->at, 0) >> 4;
    if (first == 0) {
        (void)reader_take(&walk->at, 4);
        return LAYER_ETHERNET;
    }
    if (looks_like_ip(walk, 4) || looks_like_ip(walk, 6))
        return LAYER_IP;
    bool ip = (first == 4 || first == 6) && !looks_like_ethernet(walk);
    return ip ? LAYER_IP : LAYER_ETHERNET;
}
