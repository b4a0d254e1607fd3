/* SPDX-License-Identifier: Apache-2.0
 * tcp.c - the TCP header (RFC 9293 section 3.1): what the flow stage needs of it.
 */
#include "tcp.h"

#include "walk.h"

#define TCP_HEADER 20
#define PROTOCOL_TCP 6

/* Sums are of 64-bit words in the machine's order. Swapping the bytes of the folded result equals
 * swapping those of every word (RFC 1071 section 2B), and all ones are the same in either order. */
static inline uint64_t add(uint64_t sum, uint64_t word)
{
    sum += word;
    return sum + (sum < word); /* the carry comes back in at the low end */
}

static inline uint64_t word_of(struct reader *bytes)
{
    uint64_t word = 0;
    struct reader piece = reader_take(bytes, sizeof word);
    if (reader_ok(&piece))
        memcpy(&word, piece.at, sizeof word);
    return word;
}

static uint64_t sum_words(struct reader bytes)
{
    uint64_t even = 0, odd = 0; /* two, so that two additions are in flight */

    while (bytes.left >= 4 * sizeof even) {
        struct reader piece = reader_take(&bytes, 4 * sizeof even);
        even = add(even, word_of(&piece));
        odd = add(odd, word_of(&piece));
        even = add(even, word_of(&piece));
        odd = add(odd, word_of(&piece));
    }
    while (bytes.left >= sizeof even)
        even = add(even, word_of(&bytes));

    uint8_t tail[sizeof even] = { 0 }; /* an odd last byte is followed by a zero */
    for (size_t i = 0; reader_more(&bytes); i++)
        tail[i] = reader_u8(&bytes);
    struct reader rest = reader_of(tail, sizeof tail);
    return add(add(even, odd), word_of(&rest));
}

static uint16_t fold(uint64_t sum)
{
    sum = (sum & UINT32_MAX) + (sum >> 32);
    sum = (sum & UINT32_MAX) + (sum >> 32);
    sum = (sum & UINT16_MAX) + (sum >> 16);
    sum = (sum & UINT16_MAX) + (sum >> 16);
    return (uint16_t)sum;
}

/* In front of the segment both ends add a header of addresses, length and protocol (RFC 9293
 * section 3.1, RFC 8200 section 8.1). The zeros behind an IPv4 address change nothing. */
enum packet_checksum tcp_checksum(const struct packet *packet, struct reader segment)
{
    const uint8_t tail[8] = {
        (uint8_t)(segment.left >> 24),
        (uint8_t)(segment.left >> 16),
        (uint8_t)(segment.left >> 8),
        (uint8_t)segment.left,
        [7] = PROTOCOL_TCP,
    };
    struct reader source = reader_of(packet->source.bytes, sizeof packet->source.bytes);
    struct reader target = reader_of(packet->target.bytes, sizeof packet->target.bytes);
    struct reader rest = reader_of(tail, sizeof tail);

    uint64_t sum = add(sum_words(segment), word_of(&rest));
    sum = add(add(sum, word_of(&source)), word_of(&source));
    sum = add(add(sum, word_of(&target)), word_of(&target));
    return fold(sum) == UINT16_MAX ? CHECKSUM_GOOD : CHECKSUM_BAD;
}

/* RFC 9293 section 3.2, RFC 7323 section 2.2. The first of each kind counts. */
static void decode_options(struct reader options, struct packet *packet)
{
    enum { END = 0, PAD = 1, MSS = 2, WINDOW_SCALE = 3 };

    while (reader_more(&options)) {
        uint8_t kind = reader_u8(&options);
        if (kind == END)
            return;
        if (kind == PAD)
            continue;
        uint8_t len = reader_u8(&options);
        struct reader body = reader_take(&options, len < 2 ? SIZE_MAX : len - 2u);
        if (kind == MSS && body.left == 2 && packet->mss == 0)
            packet->mss = field_u16(&body, 0);
        if (kind == WINDOW_SCALE && body.left == 1 && packet->window_scale == UINT8_MAX)
            packet->window_scale = field_u8(&body, 0);
    }
}

enum layer tcp_decode(struct walk *walk)
{
    struct packet *packet = walk->packet;
    struct reader segment = walk->at;
    struct reader header = reader_take(&walk->at, TCP_HEADER);
    if (!reader_ok(&header))
        return walk_broken(walk);

    size_t header_len = (size_t)(field_u8(&header, 12) >> 4) * 4;
    if (header_len < TCP_HEADER)
        return WALK_MALFORMED;
    struct reader options = reader_take(&walk->at, header_len - TCP_HEADER);
    if (!reader_ok(&options))
        return walk_broken(walk);

    packet->source_port = field_u16(&header, 0);
    packet->target_port = field_u16(&header, 2);
    packet->seq = field_u32(&header, 4);
    packet->ack = field_u32(&header, 8);
    packet->tcp_flags = field_u8(&header, 13);
    packet->window = field_u16(&header, 14);
    packet->window_scale = UINT8_MAX;
    packet->mss = 0;
    if ((packet->tcp_flags & TCP_SYN) != 0)
        decode_options(options, packet);

    packet->payload = walk->at.at;
    packet->payload_len = (uint32_t)walk->at.left;
    packet->payload_wire = walk_len(walk);
    packet->checksum = walk->cut > 0 ? CHECKSUM_UNKNOWN : tcp_checksum(packet, segment);
    return WALK_TCP;
}
