/* SPDX-License-Identifier: Apache-2.0
 * wifi.c - IEEE 802.11 data frames, with the headers that capture drivers put in front of them.
 *
 * Encrypted frames and fragments of 802.11 itself are not followed. Of an aggregate (A-MSDU) only
 * the first frame is, since a frame of the capture yields one packet.
 */
#include "walk.h"

/* www.radiotap.org: version, pad, length, then words of presence bits; bit 31 says that
 * one more follows. Of the fields only the second, the flags, matters: it says whether the driver
 * padded the 802.11 header. */
static uint8_t radiotap_flags(struct reader header)
{
    enum { TSFT = 1 << 0, FLAGS = 1 << 1 };
    const uint32_t more = UINT32_C(1) << 31;

    size_t at = 4;
    uint32_t present = field_le32(&header, at);
    for (uint32_t word = present; (word & more) != 0 && at < header.left;) {
        at += 4;
        word = field_le32(&header, at);
    }
    at += 4;
    if ((present & TSFT) != 0)
        at = ((at + 7) & ~(size_t)7) + 8;
    return (present & FLAGS) != 0 ? field_u8(&header, at) : 0;
}

/* Takes a header whose first eight bytes say its length. */
static bool take_header(struct walk *walk, uint32_t len, struct reader *header, enum layer *verdict)
{
    bool begun = walk->at.left >= 8;
    *header = reader_take(&walk->at, len);
    if (begun && len < 8)
        *verdict = WALK_MALFORMED;
    else if (!begun || !reader_ok(header))
        *verdict = walk_broken(walk);
    else
        return true;
    return false;
}

/* The first frame of an aggregate: two addresses, length, LLC (IEEE 802.11 section 9.3.2.2.2). */
static enum layer aggregate(struct walk *walk)
{
    struct reader header = reader_take(&walk->at, 14);
    if (!reader_ok(&header))
        return walk_broken(walk);
    walk_trim(walk, field_u16(&header, 12));
    return LAYER_LLC;
}

/* IEEE 802.11 section 9.2: frame control, then a header whose length that decides. */
static enum layer data_frame(struct walk *walk, bool padded)
{
    enum { TO_DS = 0x01, FROM_DS = 0x02, MORE = 0x04, PROTECTED = 0x40, ORDER = 0x80 };
    enum { EMPTY = 0x40, QOS = 0x80, AGGREGATE = 0x80 };

    struct reader header = reader_take(&walk->at, 24);
    if (!reader_ok(&header))
        return walk_broken(walk);

    uint8_t kind = field_u8(&header, 0), flags = field_u8(&header, 1);
    if ((kind & 0x0f) != 0x08 || (kind & EMPTY) != 0)
        return WALK_OTHER; /* not data, or without any */
    if ((flags & (PROTECTED | MORE)) != 0 || (field_u8(&header, 22) & 0x0f) != 0)
        return WALK_OTHER; /* encrypted, or a fragment */

    size_t address = (flags & TO_DS) != 0 && (flags & FROM_DS) != 0 ? 6 : 0;
    size_t qos = (kind & QOS) != 0 ? 2 : 0;
    size_t control = qos != 0 && (flags & ORDER) != 0 ? 4 : 0;
    size_t len = address + qos + control;
    if (padded)
        len = (len + 3) & ~(size_t)3;

    struct reader rest = reader_take(&walk->at, len);
    if (!reader_ok(&rest))
        return walk_broken(walk);
    bool aggregated = qos != 0 && (field_u8(&rest, address) & AGGREGATE) != 0;
    return aggregated ? aggregate(walk) : LAYER_LLC;
}

enum layer wifi_decode(struct walk *walk) { return data_frame(walk, false); }

enum layer radiotap_decode(struct walk *walk)
{
    enum { DATA_PAD = 0x20 };

    struct reader header;
    enum layer verdict = WALK_MALFORMED;
    if (!take_header(walk, field_le16(&walk->at, 2), &header, &verdict))
        return verdict;
    if (field_u8(&header, 0) != 0) /* version */
        return WALK_MALFORMED;
    return data_frame(walk, (radiotap_flags(header) & DATA_PAD) != 0);
}

/* The prism header (message code, length in the byte order of the machine) or the AVS header
 * (magic and version, length, in network order); both lengths count from the first byte. */
enum layer prism_decode(struct walk *walk)
{
    bool avs = (field_u32(&walk->at, 0) & 0xfffff000) == 0x80211000;
    uint32_t len = field_u32(&walk->at, 4);
    if (!avs && len > 0xffff)
        len = field_le32(&walk->at, 4);

    struct reader header;
    enum layer verdict = WALK_MALFORMED;
    return take_header(walk, len, &header, &verdict) ? LAYER_WIFI : verdict;
}

/* Per-Packet Information: version, flags, length, link type, in the byte order of x86. */
enum layer ppi_decode(struct walk *walk)
{
    struct reader header;
    enum layer verdict = WALK_MALFORMED;
    if (!take_header(walk, field_le16(&walk->at, 2), &header, &verdict))
        return verdict;
    if (!walk_open(walk, 0))
        return WALK_MALFORMED;
    return link_layer(field_le32(&header, 4));
}
