/* SPDX-License-Identifier: Apache-2.0
 * pcap_file.c - the pcap format (draft-ietf-opsawg-pcap), with the record header of the patched
 * libpcap of 1999 ("modified" pcap) and the swapped lengths of versions before 2.4.
 *
 *     file header, 24 bytes: magic, major, minor, zone, accuracy, snaplen, link type
 *     each record, 16 bytes: seconds, fraction, captured, wire      (modified: 8 bytes more)
 *
 * Not here: the zone and the length of a frame check sequence, which nobody fills in reliably.
 */
#include "format.h"

#include "clock.h"

#define FILE_HEADER_BYTES 24u
#define VERSION_MAJOR 2u
/* Writers before version 2.3 put the wire's length first; of 2.3 there are both kinds. */
#define MINOR_MIXED 3u

static const struct variant {
    uint32_t magic;
    uint32_t fraction_ns;
    uint32_t header_len;
} variants[] = {
    { 0xa1b2c3d4, (uint32_t)NS_PER_US, 16 },
    { 0xa1b23c4d, 1, 16 },
    { 0xa1b2cd34, (uint32_t)NS_PER_US, 24 },
};

static enum parsed file_header(struct parser *parser, struct reader *window)
{
    struct reader after = *window;
    struct reader header = reader_take(&after, FILE_HEADER_BYTES);
    if (!reader_ok(&header))
        return PARSED_MORE;

    reader_take(&header, FORMAT_MAGIC_BYTES);
    uint16_t major = ordered_u16(&header, parser->order);
    parser->pcap.minor = ordered_u16(&header, parser->order);
    reader_take(&header, 8); /* zone, accuracy */
    parser->pcap.snaplen = ordered_u32(&header, parser->order);
    /* The upper half tells of a frame check sequence. */
    parser->pcap.link_type = (uint16_t)ordered_u32(&header, parser->order);
    if (major != VERSION_MAJOR) {
        parser->why = "the version of this pcap file is not 2";
        return PARSED_BROKEN;
    }
    *window = after;
    parser->begun = true;
    return PARSED_OTHER;
}

/* Longer than any frame: passed if the file announced such records, else the file is broken. */
static enum parsed too_long(struct parser *parser, uint32_t captured)
{
    if (captured > parser->pcap.snaplen || captured > LIMIT_PCAPNG_BLOCK_BYTES) {
        parser->why = "the length of this record is larger than any frame and than the snap length";
        return PARSED_BROKEN;
    }
    parser->skip = captured;
    parser->number++;
    return PARSED_SKIPPED;
}

static enum parsed pcap_file_next(struct parser *parser, struct reader *window, struct frame *frame)
{
    const struct pcap_file *file = &parser->pcap;
    enum order order = parser->order;
    if (!parser->begun)
        return file_header(parser, window);

    struct reader after = *window;
    struct reader header = reader_take(&after, file->header_len);
    if (!reader_ok(&header))
        return PARSED_MORE;

    uint32_t seconds = ordered_u32(&header, order);
    uint32_t fraction = ordered_u32(&header, order);
    uint32_t captured = ordered_u32(&header, order);
    uint32_t wire = ordered_u32(&header, order);
    if (file->minor < MINOR_MIXED || (file->minor == MINOR_MIXED && captured > wire)) {
        uint32_t swap = captured;
        captured = wire;
        wire = swap;
    }
    if (captured > LIMIT_FRAME_BYTES) {
        enum parsed result = too_long(parser, captured);
        if (result != PARSED_BROKEN)
            *window = after;
        return result;
    }

    struct reader data = reader_take(&after, captured);
    if (!reader_ok(&data))
        return PARSED_MORE;
    *window = after;
    *frame = (struct frame){
        .time_ns = seconds * NS_PER_S + (int64_t)fraction * file->fraction_ns,
        .number = ++parser->number,
        .data = data.at,
        .captured = captured,
        .wire = wire < captured ? captured : wire,
        .link_type = file->link_type,
    };
    return PARSED_FRAME;
}

bool pcap_file_init(struct parser *parser, struct reader start)
{
    static const struct format format = { .name = "pcap", .next = pcap_file_next };
    static const enum order orders[] = { ORDER_LITTLE, ORDER_BIG };

    for (size_t o = 0; o < sizeof orders / sizeof orders[0]; o++) {
        struct reader r = start;
        uint32_t magic = ordered_u32(&r, orders[o]);
        for (size_t v = 0; v < sizeof variants / sizeof variants[0]; v++) {
            if (magic != variants[v].magic)
                continue;
            parser->format = &format;
            parser->order = orders[o];
            parser->pcap = (struct pcap_file){ .header_len = variants[v].header_len,
                                               .fraction_ns = variants[v].fraction_ns };
            return true;
        }
    }
    return false;
}
