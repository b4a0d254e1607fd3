/* SPDX-License-Identifier: Apache-2.0
 * fuzz_packet.c - frames of any link type through one decoder.
 *
 * Input: two bytes of link type, then frames, each with two bytes of length (the upper bit: cut by
 * the snap length) in front of it; so fragments meet. What a decoded packet says has to agree with
 * itself and to lie inside memory that is still there.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "packet.h"
#include "reader.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
    if (!holds)
        abort();
}

/* Touches every byte of the payload, for the sanitizers. */
static void check(const struct packet *packet, const struct frame *frame)
{
    unsigned sum = 0;
    for (struct reader payload = reader_of(packet->payload, packet->payload_len);
         reader_more(&payload);)
        sum += reader_u8(&payload);
    require(sum <= packet->payload_len * 255u);

    require(packet->payload_len <= packet->payload_wire);
    require(packet->payload_wire < (1u << 17));
    require(packet->ip_version == 4 || packet->ip_version == 6);
    require(packet->checksum == CHECKSUM_UNKNOWN || packet->payload_len == packet->payload_wire);
    require(packet->clock_ns >= packet->time_ns);
    require(packet->frame == frame->number);
    require((packet->tcp_flags & TCP_SYN) != 0 ||
            (packet->mss == 0 && packet->window_scale == 0xff));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct reader input = reader_of(data, size);
    uint16_t link_type = reader_u16(&input);
    struct packet_decoder *decoder = packet_decoder_new(1);
    uint64_t number = 0;

    while (decoder != NULL && reader_more(&input)) {
        uint16_t head = reader_u16(&input);
        size_t len = head & 0x7fff;
        struct reader bytes = reader_take(&input, len < input.left ? len : input.left);

        /* A copy of its own size, so that reading behind it shows. */
        uint8_t *copy = malloc(bytes.left > 0 ? bytes.left : 1);
        if (copy == NULL)
            break;
        if (bytes.left > 0)
            memcpy(copy, bytes.at, bytes.left);
        number++;
        const struct frame frame = {
            .time_ns = (int64_t)number * 1000000000,
            .number = number,
            .data = copy,
            .captured = (uint32_t)bytes.left,
            .wire = (uint32_t)bytes.left + ((head & 0x8000) != 0 ? 100 : 0),
            .link_type = link_type,
        };
        struct packet packet;
        if (packet_decode(decoder, &frame, number, &packet) == PACKET_TCP)
            check(&packet, &frame);
        free(copy);
        packet_decoder_release(decoder, number - 1);
    }

    if (decoder != NULL) {
        const struct packet_counters *counters = packet_decoder_counters(decoder);
        uint64_t sum = 0;
        for (size_t i = 0; i < PACKET_VERDICTS; i++)
            sum += counters->verdicts[i];
        require(sum == number);
    }
    packet_decoder_free(decoder);
    return 0;
}
