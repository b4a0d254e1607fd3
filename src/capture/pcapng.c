/* SPDX-License-Identifier: Apache-2.0
 * pcapng.c - the pcapng format (draft-ietf-opsawg-pcapng): sections, interfaces, the three kinds of
 * packet blocks, TLS secrets. All other blocks are passed by their length.
 *
 *     +------+--------+-------------------------+--------+
 *     | type | length | body, a multiple of 4   | length |    length counts all of it
 *     +------+--------+-------------------------+--------+
 *
 * Not here: name resolution, statistics, comments, the length of a section. A simple packet block
 * has no time; it gets that of the frame before it in the file.
 */
#include "format.h"

#include <stdlib.h>
#include <string.h>

#define BLOCK_OVERHEAD 12u /* type, length, length */
#define SECTION_BODY_BYTES 16u
#define BYTE_ORDER_MAGIC 0x1a2b3c4du

enum {
    BLOCK_INTERFACE = 1,
    BLOCK_PACKET_OBSOLETE = 2,
    BLOCK_PACKET_SIMPLE = 3,
    BLOCK_PACKET = 6,
    BLOCK_SECRETS = 10,
    BLOCK_SECTION = 0x0a0d0d0a, /* reads the same in both byte orders */
};

enum { OPTION_END = 0, OPTION_IF_TSRESOL = 9, OPTION_IF_TSOFFSET = 14 };

#define SECRETS_TLS_KEY_LOG 0x544c534bu

static enum parsed damaged(struct parser *parser, const char *why)
{
    parser->why = why;
    return PARSED_DAMAGED;
}

static enum parsed broken(struct parser *parser, const char *why)
{
    parser->why = why;
    return PARSED_BROKEN;
}

static uint32_t padded(uint32_t len) { return (4 - len % 4) % 4; }

static enum parsed take_section(struct parser *parser, struct reader *body, struct frame *frame)
{
    (void)body; /* its byte order was looked at before its length could be read */
    (void)frame;
    parser->pcapng.count = 0;
    parser->begun = true;
    return PARSED_OTHER;
}

static struct tick_rate interface_rate(struct reader options, enum order order)
{
    uint8_t resolution = TICK_MICROSECONDS;
    uint64_t offset = 0;
    while (reader_more(&options)) {
        uint16_t code = ordered_u16(&options, order);
        uint16_t len = ordered_u16(&options, order);
        struct reader value = reader_take(&options, len);
        reader_take(&options, padded(len));
        if (code == OPTION_END || !reader_ok(&value))
            break; /* what options are left count for nothing, but the interface does */
        if (code == OPTION_IF_TSRESOL && len == 1)
            resolution = reader_u8(&value);
        if (code == OPTION_IF_TSOFFSET && len == 8) {
            uint64_t first = ordered_u32(&value, order);
            uint64_t second = ordered_u32(&value, order);
            offset = order == ORDER_BIG ? first << 32 | second : second << 32 | first;
        }
    }
    int64_t offset_s;
    memcpy(&offset_s, &offset, sizeof offset_s); /* two's complement, as in the file */
    return tick_rate_of(resolution, offset_s);
}

/* Interfaces are few and live as long as their section: the only allocation of a parser. */
static bool interfaces_grow(struct pcapng *file)
{
    uint32_t cap = file->cap == 0 ? 8 : file->cap * 2;
    struct pcapng_interface *grown = realloc(file->interfaces, cap * sizeof *grown);
    if (grown == NULL)
        return false;
    file->interfaces = grown;
    file->cap = cap;
    return true;
}

static enum parsed take_interface(struct parser *parser, struct reader *body, struct frame *frame)
{
    (void)frame;
    struct pcapng *file = &parser->pcapng;
    struct pcapng_interface interface = { .link_type = ordered_u16(body, parser->order) };
    reader_take(body, 2);
    interface.snaplen = ordered_u32(body, parser->order);
    if (!reader_ok(body))
        return broken(parser, "an interface description is too short");
    interface.rate = interface_rate(*body, parser->order);

    if (file->count >= LIMIT_PCAPNG_INTERFACES)
        return PARSED_OTHER; /* its frames count as skipped */
    if (file->count == file->cap && !interfaces_grow(file))
        return broken(parser, "out of memory for the interfaces of this section");
    file->interfaces[file->count++] = interface;
    return PARSED_OTHER;
}

struct packet {
    uint32_t interface;
    uint64_t ticks;
    bool timed;
    uint32_t captured;
    uint32_t wire;
};

/* The end of every packet block: from here on the kinds are alike. */
static enum parsed take_frame(struct parser *parser, struct reader *body, struct frame *frame,
                              const struct packet *packet)
{
    struct pcapng *file = &parser->pcapng;
    parser->number++;
    if (!reader_ok(body))
        return damaged(parser, "a packet block is too short for its header");
    if (packet->interface >= file->count)
        return PARSED_SKIPPED;

    /* What of the block lies beyond the view counts too: such a frame is only too long. */
    if (packet->captured > body->left + parser->skip)
        return damaged(parser, "the captured length of a packet reaches beyond its block");
    if (packet->captured > LIMIT_FRAME_BYTES)
        return PARSED_SKIPPED;
    struct reader data = reader_take(body, packet->captured);

    const struct pcapng_interface *interface = &file->interfaces[packet->interface];
    if (packet->timed)
        file->last_ns = tick_ns(&interface->rate, packet->ticks);
    *frame = (struct frame){
        .time_ns = file->last_ns,
        .number = parser->number,
        .data = data.at,
        .captured = packet->captured,
        .wire = packet->wire < packet->captured ? packet->captured : packet->wire,
        .interface = packet->interface,
        .link_type = interface->link_type,
    };
    return PARSED_FRAME;
}

static uint64_t ticks_of(struct reader *body, enum order order)
{
    uint64_t high = ordered_u32(body, order);
    return high << 32 | ordered_u32(body, order);
}

static enum parsed take_packet(struct parser *parser, struct reader *body, struct frame *frame)
{
    struct packet packet = { .timed = true, .interface = ordered_u32(body, parser->order) };
    packet.ticks = ticks_of(body, parser->order);
    packet.captured = ordered_u32(body, parser->order);
    packet.wire = ordered_u32(body, parser->order);
    return take_frame(parser, body, frame, &packet);
}

static enum parsed take_obsolete(struct parser *parser, struct reader *body, struct frame *frame)
{
    struct packet packet = { .timed = true, .interface = ordered_u16(body, parser->order) };
    ordered_u16(body, parser->order); /* drops */
    packet.ticks = ticks_of(body, parser->order);
    packet.captured = ordered_u32(body, parser->order);
    packet.wire = ordered_u32(body, parser->order);
    return take_frame(parser, body, frame, &packet);
}

/* The captured length is not written: it is the least of wire length, snap length, and room. */
static enum parsed take_simple(struct parser *parser, struct reader *body, struct frame *frame)
{
    const struct pcapng *file = &parser->pcapng;
    struct packet packet = { .wire = ordered_u32(body, parser->order) };
    uint64_t room = body->left + parser->skip;
    packet.captured = packet.wire < room ? packet.wire : (uint32_t)room;
    if (file->count > 0 && file->interfaces[0].snaplen != 0 &&
        packet.captured > file->interfaces[0].snaplen)
        packet.captured = file->interfaces[0].snaplen;
    return take_frame(parser, body, frame, &packet);
}

static enum parsed take_secrets(struct parser *parser, struct reader *body, struct frame *frame)
{
    (void)frame;
    uint32_t kind = ordered_u32(body, parser->order);
    uint32_t len = ordered_u32(body, parser->order);
    if (!reader_ok(body) || len > body->left + parser->skip)
        return damaged(parser, "the length of the secrets reaches beyond their block");
    if (kind != SECRETS_TLS_KEY_LOG)
        return PARSED_OTHER;

    parser->secrets = reader_take(body, len < body->left ? len : body->left);
    parser->secrets_begin = true;
    parser->secrets_left = len - parser->secrets.left;
    return PARSED_SECRETS;
}

static const struct block_kind {
    uint32_t type;
    enum parsed (*take)(struct parser *parser, struct reader *body, struct frame *frame);
} block_kinds[] = {
    { BLOCK_PACKET, take_packet },        { BLOCK_PACKET_OBSOLETE, take_obsolete },
    { BLOCK_PACKET_SIMPLE, take_simple }, { BLOCK_INTERFACE, take_interface },
    { BLOCK_SECTION, take_section },      { BLOCK_SECRETS, take_secrets },
};

/* A section says its byte order behind its length, so the order is read first. */
static enum parsed section_order(struct parser *parser, struct reader after_length)
{
    struct reader little = after_length, big = after_length;
    if (ordered_u32(&little, ORDER_LITTLE) == BYTE_ORDER_MAGIC)
        parser->order = ORDER_LITTLE;
    else if (ordered_u32(&big, ORDER_BIG) == BYTE_ORDER_MAGIC)
        parser->order = ORDER_BIG;
    else if (!reader_ok(&little))
        return PARSED_MORE;
    else
        return broken(parser, "a section header has no byte order mark");
    return PARSED_OTHER;
}

static enum parsed pcapng_next(struct parser *parser, struct reader *window, struct frame *frame)
{
    struct reader head = *window;
    uint32_t type = ordered_u32(&head, parser->order);
    struct reader order = head;
    reader_take(&order, 4);
    if (!reader_ok(&order))
        return PARSED_MORE;
    if (type == BLOCK_SECTION) {
        enum parsed result = section_order(parser, order);
        if (result != PARSED_OTHER)
            return result;
    }

    uint32_t total = ordered_u32(&head, parser->order);
    if (total < BLOCK_OVERHEAD || total % 4 != 0 ||
        (type == BLOCK_SECTION && total < BLOCK_OVERHEAD + SECTION_BODY_BYTES))
        return broken(parser, "the length of a block is impossible");

    /* A block longer than the view is looked at as far as the view goes, and passed. */
    size_t view_len = total < RECORD_VIEW_BYTES ? total : RECORD_VIEW_BYTES;
    struct reader after = *window;
    struct reader view = reader_take(&after, view_len);
    if (!reader_ok(&view))
        return PARSED_MORE;
    bool whole = view_len == total;
    reader_take(&view, 8); /* type and length */
    struct reader body = reader_take(&view, view.left - (whole ? 4 : 0));
    if (whole && ordered_u32(&view, parser->order) != total)
        return broken(parser, "the two lengths of a block differ");

    enum parsed result = PARSED_OTHER;
    parser->skip = total - view_len;
    for (size_t i = 0; i < sizeof block_kinds / sizeof block_kinds[0]; i++)
        if (block_kinds[i].type == type)
            result = block_kinds[i].take(parser, &body, frame);
    if (result == PARSED_BROKEN)
        parser->skip = 0;
    else
        *window = after;
    return result;
}

static void pcapng_free(struct parser *parser) { free(parser->pcapng.interfaces); }

bool pcapng_init(struct parser *parser, struct reader start)
{
    static const struct format format = {
        .name = "pcapng",
        .next = pcapng_next,
        .free = pcapng_free,
    };
    if (ordered_u32(&start, ORDER_BIG) != BLOCK_SECTION)
        return false;
    parser->format = &format;
    parser->pcapng = (struct pcapng){ 0 };
    return true;
}
