/* SPDX-License-Identifier: Apache-2.0
 * ip.c - IPv4 (RFC 791) and IPv6 (RFC 8200) with extension headers, down to the protocol inside.
 *
 * Each IP header writes its addresses into the packet, so that the innermost ones stay. The
 * checksum of the IPv4 header is not verified: a broken address or length shows in TCP's.
 */
#include "walk.h"

#include "fragment.h"
#include "limits.h"

enum {
    PROTOCOL_HOP_BY_HOP = 0,
    PROTOCOL_TCP = 6,
    PROTOCOL_ROUTING = 43,
    PROTOCOL_FRAGMENT = 44,
    PROTOCOL_AH = 51,
    PROTOCOL_DESTINATION = 60,
    PROTOCOL_MOBILITY = 135,
};

#define IPV4_HEADER 20
#define IPV6_HEADER 40

/* clang-format off */
static const struct ip_protocol {
    uint8_t number; /* IANA "Protocol Numbers" */
    enum layer layer;
} ip_protocols[] = {
    {   6, LAYER_TCP },
    {  17, LAYER_UDP },
    {   4, LAYER_IPIP },
    {  41, LAYER_IPIP },
    {  47, LAYER_GRE },
    { 137, LAYER_MPLS },
};
/* clang-format on */

enum layer ip_layer(uint8_t protocol)
{
    for (size_t i = 0; i < sizeof ip_protocols / sizeof ip_protocols[0]; i++)
        if (ip_protocols[i].number == protocol)
            return ip_protocols[i].layer;
    return WALK_OTHER;
}

enum layer ip_decode(struct walk *walk)
{
    if (!reader_more(&walk->at))
        return walk_broken(walk);
    uint8_t version = field_u8(&walk->at, 0) >> 4;
    if (version == 4)
        return LAYER_IPV4;
    return version == 6 ? LAYER_IPV6 : WALK_MALFORMED;
}

enum layer ipip_decode(struct walk *walk)
{
    return walk_open(walk, VIA_IPIP) ? LAYER_IP : WALK_MALFORMED;
}

/* The user's filter let the fragments of an outer packet pass, for the datagram to be judged. */
static bool is_wanted(const struct walk *walk, uint8_t protocol, const struct reader *datagram)
{
    return walk->filter == NULL || walk->inside ||
           capture_filter_joined(walk->filter, walk->frame, protocol, datagram->at, datagram->left);
}

/* Hands a fragment to the table. True when its datagram is whole: the cursor then stands at the
 * datagram's first byte and `protocol` is what the first fragment says. */
static bool join(struct walk *walk, struct fragment *fragment, uint8_t *protocol,
                 enum layer *verdict)
{
    if (walk->cut > 0) { /* what was cut off will not come again */
        *verdict = WALK_SHORT;
        return false;
    }

    const struct packet *packet = walk->packet;
    fragment->source = packet->source;
    fragment->target = packet->target;
    fragment->version = packet->ip_version;
    fragment->path = walk->path;
    fragment->file = packet->file;
    fragment->interface = packet->interface;
    fragment->bytes = walk->at;

    struct datagram whole;
    switch (fragment_add(walk->fragments, fragment, packet->clock_ns, walk->sequence, &whole)) {
    case FRAGMENT_WHOLE:
        *verdict = WALK_OTHER;
        if (!is_wanted(walk, whole.protocol, &whole.bytes))
            return false;
        walk->at = whole.bytes;
        walk->packet->via |= VIA_FRAGMENTS;
        *protocol = whole.protocol;
        return true;
    case FRAGMENT_BAD: *verdict = WALK_MALFORMED; return false;
    case FRAGMENT_KEPT: break;
    }
    *verdict = WALK_FRAGMENT;
    return false;
}

/* RFC 8200 section 4.4: until the packet has passed every router it lists, the address in the IP
 * header is the next stop. TCP's checksum and the answers use the last one. False for a list of a
 * kind that we do not know. */
static bool final_target(struct reader routing, struct address *target)
{
    enum { SOURCE_ROUTE = 0, MOBILE = 2, SEGMENTS = 4 };

    uint8_t type = field_u8(&routing, 2);
    if (field_u8(&routing, 3) == 0) /* segments left */
        return true;
    if (routing.left < 24)
        return false;

    if (type == SOURCE_ROUTE || type == MOBILE)
        *target = field_address(&routing, routing.left - 16, 16);
    else if (type == SEGMENTS) /* RFC 8754 section 2: listed from the last to the first */
        *target = field_address(&routing, 8, 16);
    else
        return false;
    return true;
}

/* RFC 8200 section 4.5. A fragment that is the whole datagram is none (RFC 6946). */
static bool ipv6_fragment(struct walk *walk, uint8_t *protocol, enum layer *verdict)
{
    struct reader header = reader_take(&walk->at, 8);
    if (!reader_ok(&header)) {
        *verdict = walk_broken(walk);
        return false;
    }

    uint16_t field = field_u16(&header, 2);
    *protocol = field_u8(&header, 0);
    *verdict = WALK_OTHER;
    if ((field & 0xfff9) == 0)
        return is_wanted(walk, *protocol, &walk->at);

    struct fragment fragment = {
        .id = field_u32(&header, 4),
        .protocol = *protocol,
        .offset = field & 0xfff8,
        .more = (field & 1) != 0,
    };
    return join(walk, &fragment, protocol, verdict);
}

/* All extension headers but the fragment's: next header, length, body. */
static bool extension(struct walk *walk, uint8_t *protocol, enum layer *verdict)
{
    uint8_t units = field_u8(&walk->at, 1);
    size_t len = *protocol == PROTOCOL_AH ? (units + 2u) * 4u : (units + 1u) * 8u;

    struct reader header = reader_take(&walk->at, len);
    if (!reader_ok(&header)) {
        *verdict = walk_broken(walk);
        return false;
    }
    if (*protocol == PROTOCOL_ROUTING && !final_target(header, &walk->packet->target)) {
        *verdict = WALK_OTHER;
        return false;
    }
    *protocol = field_u8(&header, 0);
    return true;
}

/* Passes the headers between IP and what it carries. AH (RFC 4302) may also follow IPv4. */
static enum layer extensions(struct walk *walk, uint8_t protocol)
{
    enum layer verdict = WALK_MALFORMED;
    for (unsigned count = 0; count <= LIMIT_IPV6_EXTENSIONS; count++) {
        switch (protocol) {
        case PROTOCOL_FRAGMENT:
            if (!ipv6_fragment(walk, &protocol, &verdict))
                return verdict;
            break;
        case PROTOCOL_HOP_BY_HOP:
        case PROTOCOL_ROUTING:
        case PROTOCOL_AH:
        case PROTOCOL_DESTINATION:
        case PROTOCOL_MOBILITY:
            if (!extension(walk, &protocol, &verdict))
                return verdict;
            break;
        default: return ip_layer(protocol);
        }
    }
    return WALK_MALFORMED;
}

enum layer ipv4_decode(struct walk *walk)
{
    struct reader header = reader_take(&walk->at, IPV4_HEADER);
    if (!reader_ok(&header))
        return walk_broken(walk);

    uint32_t header_len = (field_u8(&header, 0) & 0x0fu) * 4;
    uint32_t total = field_u16(&header, 2);
    if (total == 0) /* captured before the network card cut it into segments */
        total = IPV4_HEADER + walk_len(walk);
    if (field_u8(&header, 0) >> 4 != 4 || header_len < IPV4_HEADER || total < header_len)
        return WALK_MALFORMED;
    walk_trim(walk, total - IPV4_HEADER);

    struct packet *packet = walk->packet;
    packet->source = field_address(&header, 12, 4);
    packet->target = field_address(&header, 16, 4);
    packet->ip_version = 4;
    packet->ttl = field_u8(&header, 8);
    packet->ip_id = field_u16(&header, 4);
    walk->over_ip = true;

    if (header_len > IPV4_HEADER) {
        (void)reader_take(&walk->at, header_len - IPV4_HEADER);
        if (!reader_ok(&walk->at))
            return walk_broken(walk);
    }

    uint8_t protocol = field_u8(&header, 9);
    uint16_t place = field_u16(&header, 6);
    if ((place & 0x3fff) != 0) { /* more fragments, or an offset */
        struct fragment fragment = {
            .id = packet->ip_id,
            .protocol = protocol,
            .offset = (place & 0x1fffu) * 8,
            .more = (place & 0x2000) != 0,
        };
        enum layer verdict = WALK_MALFORMED;
        if (!join(walk, &fragment, &protocol, &verdict))
            return verdict;
    }
    if (protocol == PROTOCOL_TCP)
        return LAYER_TCP;
    return protocol == PROTOCOL_AH ? extensions(walk, protocol) : ip_layer(protocol);
}

enum layer ipv6_decode(struct walk *walk)
{
    struct reader header = reader_take(&walk->at, IPV6_HEADER);
    if (!reader_ok(&header))
        return walk_broken(walk);
    if (field_u8(&header, 0) >> 4 != 6)
        return WALK_MALFORMED;

    uint32_t len = field_u16(&header, 4);
    if (len > 0) /* else a jumbogram (RFC 2675), or not cut into segments yet */
        walk_trim(walk, len);

    struct packet *packet = walk->packet;
    packet->source = field_address(&header, 8, 16);
    packet->target = field_address(&header, 24, 16);
    packet->ip_version = 6;
    packet->ttl = field_u8(&header, 7);
    packet->ip_id = 0;
    walk->over_ip = true;

    uint8_t protocol = field_u8(&header, 6);
    return protocol == PROTOCOL_TCP ? LAYER_TCP : extensions(walk, protocol);
}
