/* SPDX-License-Identifier: Apache-2.0
 * gre.c - GRE (RFC 2784, 2890), PPTP's GRE (RFC 2637), and ERSPAN types I to III in it.
 *
 * GRE over UDP (RFC 8086) comes here through udp.c.
 */
#include "walk.h"

enum {
    GRE_CHECKSUM = 0x8000,
    GRE_KEY = 0x2000,
    GRE_SEQUENCE = 0x1000,
    GRE_ACK = 0x0080, /* version 1 only */
    GRE_VERSION = 0x0007,
};

#define TYPE_ETHERNET 0x6558
#define TYPE_ERSPAN 0x88be
#define TYPE_PPP 0x880b
#define KEY_NVGRE_MIN 0x100000u

/* A key names the tunnel or the tenant. In NVGRE (RFC 7637 section 3.2) only its upper 24 bits do,
 * from 0x1000 up; the rest depends on the flow and may differ by direction. */
static uint32_t tunnel_key(uint32_t key, uint16_t type)
{
    return type == TYPE_ETHERNET && key >= KEY_NVGRE_MIN ? key & ~UINT32_C(0xff) : key;
}

/* Controllers of one maker send the 802.11 frames of an access point with these types, one for each
 * queue and direction. */
static bool is_wifi(uint16_t type) { return (type & 0xfe0f) == 0x8200; }

/* RFC 2637 section 4.1: the key is length and call, and the call differs by direction. */
static enum layer pptp(struct walk *walk, uint16_t flags, uint16_t type)
{
    if (type != TYPE_PPP || (flags & GRE_KEY) == 0)
        return WALK_OTHER;
    uint16_t len = reader_u16(&walk->at);
    (void)reader_u16(&walk->at);
    if ((flags & GRE_SEQUENCE) != 0)
        (void)reader_take(&walk->at, 4);
    if ((flags & GRE_ACK) != 0)
        (void)reader_take(&walk->at, 4);
    if (!reader_ok(&walk->at))
        return walk_broken(walk);
    if ((flags & GRE_SEQUENCE) == 0)
        return WALK_OTHER; /* an acknowledgement alone */
    if (!walk_open(walk, VIA_GRE))
        return WALK_MALFORMED;
    walk_trim(walk, len);
    return LAYER_PPP;
}

/*  0                   1                   2                   3
 *  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 * +-+-+-+-+-+-----+-+---------+-----+-------------------------------+
 * |C|R|K|S|s|Recur|A|  zero   | Ver |             Type              |
 * +-+-+-+-+-+-----+-+---------+-----+-------------------------------+
 * then checksum and zero if C, key if K, sequence number if S. Source routes (R) are history. */
enum layer gre_decode(struct walk *walk)
{
    struct reader header = reader_take(&walk->at, 4);
    if (!reader_ok(&header))
        return walk_broken(walk);

    uint16_t flags = field_u16(&header, 0), type = field_u16(&header, 2);
    if ((flags & GRE_VERSION) == 1)
        return pptp(walk, flags, type);
    if ((flags & ~(GRE_CHECKSUM | GRE_KEY | GRE_SEQUENCE)) != 0)
        return WALK_OTHER;

    if ((flags & GRE_CHECKSUM) != 0)
        (void)reader_take(&walk->at, 4);
    uint32_t key = (flags & GRE_KEY) != 0 ? reader_uint(&walk->at, 4) : 0;
    if ((flags & GRE_SEQUENCE) != 0)
        (void)reader_take(&walk->at, 4);
    if (!reader_ok(&walk->at))
        return walk_broken(walk);

    if (!walk_open(walk, VIA_GRE))
        return WALK_MALFORMED;
    if ((flags & GRE_KEY) != 0)
        walk_identify(walk, tunnel_key(key, type));
    if (is_wifi(type))
        return LAYER_WIFI;
    if (type != TYPE_ERSPAN)
        return ether_layer(type);

    if ((flags & GRE_SEQUENCE) != 0)
        return LAYER_ERSPAN2;
    walk->packet->via |= VIA_ERSPAN; /* type I has no header of its own */
    return LAYER_ETHERNET;
}

/* draft-foschiano-erspan section 4.2: version and VLAN, then ten bits of session, index. */
enum layer erspan2_decode(struct walk *walk)
{
    struct reader header = reader_take(&walk->at, 8);
    if (!reader_ok(&header))
        return walk_broken(walk);
    if (field_u8(&header, 0) >> 4 != 1)
        return WALK_OTHER;
    if (!walk_open(walk, VIA_ERSPAN))
        return WALK_MALFORMED;
    walk_identify(walk, field_u16(&header, 2) & 0x03ff);
    return LAYER_ETHERNET;
}

/* Section 4.3: the same, then time, group and a word that says what kind of frame follows and
 * whether eight more bytes of header do. */
enum layer erspan3_decode(struct walk *walk)
{
    enum { MORE_HEADER = 0x0001, KIND_SHIFT = 10, KIND = 0x1f, KIND_IP = 2 };

    struct reader header = reader_take(&walk->at, 12);
    if (!reader_ok(&header))
        return walk_broken(walk);
    uint16_t word = field_u16(&header, 10);
    unsigned kind = (unsigned)word >> KIND_SHIFT & KIND;
    if (field_u8(&header, 0) >> 4 != 2 || (kind != 0 && kind != KIND_IP))
        return WALK_OTHER;
    if ((word & MORE_HEADER) != 0)
        (void)reader_take(&walk->at, 8);
    if (!reader_ok(&walk->at))
        return walk_broken(walk);
    if (!walk_open(walk, VIA_ERSPAN))
        return WALK_MALFORMED;
    walk_identify(walk, field_u16(&header, 2) & 0x03ff);
    return kind == KIND_IP ? LAYER_IP : LAYER_ETHERNET;
}
