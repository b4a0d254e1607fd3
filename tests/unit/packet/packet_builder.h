/* SPDX-License-Identifier: Apache-2.0
 * packet_builder.h - packets for tests, built from the inside out: every build_ function puts its
 * header in front of what is there, so lengths and checksums are right by themselves.
 *
 *   struct build b;
 *   build_start(&b, "EHLO mx\r\n");
 *   build_tcp(&b, &segment);             the addresses in `segment` serve the checksum
 *   build_ip(&b, 6, &segment);
 *   build_ethernet(&b, 0x0800);
 *   struct frame frame = build_frame(&b, 1);
 */
#ifndef PACKET_BUILDER_H
#define PACKET_BUILDER_H

#include <assert.h>
#include <string.h>

#include "packet.h"

#define BUILD_ROOM 8192u

struct build {
    uint8_t room[BUILD_ROOM];
    size_t at; /* of the first byte; the last one is at the end of the room */
};

/* Addresses are given by their last byte: 10.0.0.N or 2001:db8::N. */
struct segment {
    uint8_t version; /* 4 or 6 */
    uint8_t source, target;
    uint16_t source_port, target_port;
    uint32_t seq, ack;
    uint8_t flags;
    uint16_t window;
    const uint8_t *options; /* a multiple of four bytes; NULL for none */
    size_t options_len;
    uint16_t ip_id;
};

static inline size_t build_len(const struct build *b) { return BUILD_ROOM - b->at; }
static inline uint8_t *build_bytes(struct build *b) { return &b->room[b->at]; }

static inline void build_push(struct build *b, const void *bytes, size_t len)
{
    assert(len <= b->at);
    b->at -= len;
    memcpy(&b->room[b->at], bytes, len);
}

static inline void build_u8(struct build *b, unsigned value)
{
    const uint8_t byte = (uint8_t)value;
    build_push(b, &byte, 1);
}

static inline void build_u16(struct build *b, unsigned value)
{
    build_u8(b, value & 0xff);
    build_u8(b, value >> 8 & 0xff);
}

static inline void build_u32(struct build *b, uint32_t value)
{
    build_u16(b, value & 0xffff);
    build_u16(b, value >> 16);
}

static inline void build_zeros(struct build *b, size_t count)
{
    while (count-- > 0)
        build_u8(b, 0);
}

static inline void build_start_bytes(struct build *b, const void *payload, size_t len)
{
    b->at = BUILD_ROOM;
    build_push(b, payload, len);
}

static inline void build_start(struct build *b, const char *payload)
{
    build_start_bytes(b, payload, strlen(payload));
}

static inline void build_address(uint8_t version, uint8_t last, uint8_t out[16])
{
    static const uint8_t four[16] = { 10 }, six[16] = { 0x20, 0x01, 0x0d, 0xb8 };
    memcpy(out, version == 4 ? four : six, 16);
    out[version == 4 ? 3 : 15] = last;
}

/* RFC 1071, the plain way. */
static inline uint32_t build_sum(uint32_t sum, const uint8_t *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++)
        sum += i % 2 == 0 ? (uint32_t)bytes[i] << 8 : bytes[i];
    return sum;
}

static inline uint16_t build_checksum(uint32_t sum)
{
    while (sum >> 16 != 0)
        sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)~sum;
}

static inline void build_tcp(struct build *b, const struct segment *s)
{
    uint8_t source[16], target[16];
    build_address(s->version, s->source, source);
    build_address(s->version, s->target, target);

    build_push(b, s->options != NULL ? s->options : (const uint8_t *)"", s->options_len);
    build_u32(b, 0); /* checksum, urgent pointer */
    build_u16(b, s->window);
    build_u8(b, s->flags);
    build_u8(b, (unsigned)(20 + s->options_len) / 4 << 4);
    build_u32(b, s->ack);
    build_u32(b, s->seq);
    build_u16(b, s->target_port);
    build_u16(b, s->source_port);

    uint32_t sum = build_sum(build_sum(6 + (uint32_t)build_len(b), source, 16), target, 16);
    uint16_t checksum = build_checksum(build_sum(sum, build_bytes(b), build_len(b)));
    build_bytes(b)[16] = (uint8_t)(checksum >> 8);
    build_bytes(b)[17] = (uint8_t)checksum;
}

static inline void build_udp(struct build *b, uint16_t source_port, uint16_t target_port)
{
    unsigned len = (unsigned)build_len(b) + 8;
    build_u16(b, 0);
    build_u16(b, len);
    build_u16(b, target_port);
    build_u16(b, source_port);
}

/* `place` is the field of flags and fragment offset. */
static inline void build_ipv4_place(struct build *b, uint8_t protocol, const struct segment *s,
                                    uint16_t place)
{
    uint8_t source[16], target[16];
    build_address(4, s->source, source);
    build_address(4, s->target, target);
    unsigned len = (unsigned)build_len(b) + 20;

    build_push(b, target, 4);
    build_push(b, source, 4);
    build_u16(b, 0);
    build_u8(b, protocol);
    build_u8(b, 63);
    build_u16(b, place);
    build_u16(b, s->ip_id);
    build_u16(b, len);
    build_u16(b, 0x4500);

    uint16_t checksum = build_checksum(build_sum(0, build_bytes(b), 20));
    build_bytes(b)[10] = (uint8_t)(checksum >> 8);
    build_bytes(b)[11] = (uint8_t)checksum;
}

static inline void build_ipv6(struct build *b, uint8_t protocol, const struct segment *s)
{
    uint8_t source[16], target[16];
    build_address(6, s->source, source);
    build_address(6, s->target, target);
    unsigned len = (unsigned)build_len(b);

    build_push(b, target, 16);
    build_push(b, source, 16);
    build_u8(b, 63);
    build_u8(b, protocol);
    build_u16(b, len);
    build_u32(b, UINT32_C(6) << 28);
}

static inline void build_ip(struct build *b, uint8_t protocol, const struct segment *s)
{
    if (s->version == 4)
        build_ipv4_place(b, protocol, s, 0x4000);
    else
        build_ipv6(b, protocol, s);
}

static inline void build_ethernet(struct build *b, uint16_t type)
{
    static const uint8_t addresses[12] = { 2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2 };
    build_u16(b, type);
    build_push(b, addresses, sizeof addresses);
}

/* What follows a tag's own EtherType: priority and id, then the type of what is inside. */
static inline void build_vlan(struct build *b, uint16_t id, uint16_t type)
{
    build_u16(b, type);
    build_u16(b, 0x6000u | id);
}

static inline void build_snap(struct build *b, uint16_t type)
{
    static const uint8_t snap[6] = { 0xaa, 0xaa, 0x03, 0, 0, 0 };
    build_u16(b, type);
    build_push(b, snap, sizeof snap);
}

/* The frame as a capture would give it; its bytes stay in the builder. */
static inline struct frame build_frame(struct build *b, uint16_t link_type)
{
    return (struct frame){
        .time_ns = 1000,
        .number = 1,
        .data = build_bytes(b),
        .captured = (uint32_t)build_len(b),
        .wire = (uint32_t)build_len(b),
        .link_type = link_type,
    };
}

#endif
