/* SPDX-License-Identifier: Apache-2.0
 * decoder.c - from a frame to its innermost TCP segment: one layer after the other, in a loop.
 *
 *   LINKTYPE_ -> link layer -> EtherType -> IP -> protocol -> TCP -> *packet
 *                    ^             ^         ^        |
 *                    +-------------+---------+--------+  tunnels: walk_open() counts them
 */
#include <stdlib.h>

#include "fragment.h"
#include "walk.h"

static enum layer (*const layers[])(struct walk *walk) = {
#define X(name, decode) [LAYER_##name] = (decode),
    WALK_LAYERS(X)
#undef X
};

/* clang-format off */
static const struct via {
    enum packet_via bit;
    const char *name;
} vias[] = {
    { VIA_VLAN,      "vlan" },
    { VIA_MPLS,      "mpls" },
    { VIA_PPPOE,     "pppoe" },
    { VIA_GRE,       "gre" },
    { VIA_ERSPAN,    "erspan" },
    { VIA_VXLAN,     "vxlan" },
    { VIA_GENEVE,    "geneve" },
    { VIA_GTP,       "gtp" },
    { VIA_IPIP,      "ipip" },
    { VIA_TEREDO,    "teredo" },
    { VIA_FRAGMENTS, "fragments" },
    { VIA_PBB,       "pbb" },
    { VIA_L2TP,      "l2tp" },
};
/* clang-format on */

const char *packet_via_name(enum packet_via bit)
{
    for (size_t i = 0; i < sizeof vias / sizeof vias[0]; i++)
        if (vias[i].bit == bit)
            return vias[i].name;
    return "";
}

#define PORT_BITS 65536u

struct packet_decoder {
    uint64_t hash_key;
    struct packet_narrow narrow;
    struct capture_filter *filter; /* NULL for none */
    uint64_t *ports;               /* a bit for each that is looked at; NULL: all are */
    int64_t clock_ns;
    struct fragment_table *fragments;
    struct packet_counters counters;
};

static struct packet_decoder *decoder_new(uint64_t hash_key, struct packet_decoder *first)
{
    struct packet_decoder *decoder = calloc(1, sizeof *decoder);
    if (decoder == NULL)
        return NULL;

    decoder->hash_key = hash_key;
    decoder->clock_ns = INT64_MIN;
    decoder->fragments = first != NULL
                             ? fragment_table_sharing(first->fragments, &decoder->counters)
                             : fragment_table_new(hash_key, &decoder->counters);
    if (decoder->fragments == NULL) {
        free(decoder);
        return NULL;
    }
    return decoder;
}

struct packet_decoder *packet_decoder_new(uint64_t hash_key) { return decoder_new(hash_key, NULL); }

bool packet_decoder_narrow(struct packet_decoder *decoder, const struct packet_narrow *narrow)
{
    decoder->narrow = *narrow;
    if (narrow->filter != NULL && (decoder->filter = capture_filter_new(narrow->filter)) == NULL)
        return false;
    if (narrow->port_count == 0)
        return true;
    decoder->ports = calloc(PORT_BITS / 64, sizeof *decoder->ports);
    for (size_t i = 0; i < narrow->port_count && decoder->ports != NULL; i++)
        decoder->ports[narrow->ports[i] / 64] |= UINT64_C(1) << narrow->ports[i] % 64;
    return decoder->ports != NULL;
}

struct packet_decoder *packet_decoder_new_sharing(struct packet_decoder *first)
{
    struct packet_decoder *decoder = decoder_new(first->hash_key, first);
    if (decoder == NULL || packet_decoder_narrow(decoder, &first->narrow))
        return decoder;
    packet_decoder_free(decoder);
    return NULL;
}

void packet_decoder_free(struct packet_decoder *decoder)
{
    if (decoder == NULL)
        return;
    fragment_table_free(decoder->fragments);
    capture_filter_free(decoder->filter);
    free(decoder->ports);
    free(decoder);
}

static bool is_looked_at(const struct packet_decoder *decoder, uint16_t port)
{
    return (decoder->ports[port / 64] >> port % 64 & 1) != 0;
}

static void count_segment(struct packet_counters *counters, const struct packet *packet)
{
    counters->bad_checksums += packet->checksum == CHECKSUM_BAD;
    counters->truncated += packet->payload_len < packet->payload_wire;
}

enum packet_verdict packet_decode(struct packet_decoder *decoder, const struct frame *frame,
                                  uint64_t block_sequence, struct packet *packet)
{
    if (frame->time_ns > decoder->clock_ns)
        decoder->clock_ns = frame->time_ns;

    packet->time_ns = frame->time_ns;
    packet->clock_ns = decoder->clock_ns;
    packet->frame = frame->number;
    packet->file = frame->file;
    packet->interface = frame->interface;
    packet->vlan = 0;
    packet->via = 0;

    struct walk walk = {
        .at = reader_of(frame->data, frame->captured),
        .cut = frame->wire > frame->captured ? frame->wire - frame->captured : 0,
        .key = decoder->hash_key,
        .sequence = block_sequence,
        .packet = packet,
        .fragments = decoder->fragments,
        .frame = frame,
        .filter = decoder->filter,
    };
    enum layer layer = link_layer(frame->link_type);
    while (layer < LAYER_END)
        layer = layers[layer](&walk);

    enum packet_verdict verdict = (enum packet_verdict)(layer - LAYER_END);
    if (verdict == PACKET_TCP && decoder->ports != NULL &&
        !is_looked_at(decoder, packet->source_port) && !is_looked_at(decoder, packet->target_port))
        verdict = PACKET_ELSEWHERE;
    decoder->counters.verdicts[verdict]++;
    if (verdict == PACKET_TCP) {
        packet->outer = walk.path;
        count_segment(&decoder->counters, packet);
    }
    return verdict;
}

void packet_decoder_release(struct packet_decoder *decoder, uint64_t block_sequence)
{
    fragment_release(decoder->fragments, block_sequence);
}

const struct packet_counters *packet_decoder_counters(const struct packet_decoder *decoder)
{
    return &decoder->counters;
}

void packet_counters_add(struct packet_counters *sum, const struct packet_counters *more)
{
    for (unsigned i = 0; i < PACKET_VERDICTS; i++)
        sum->verdicts[i] += more->verdicts[i];
    sum->bad_checksums += more->bad_checksums;
    sum->fragments_joined += more->fragments_joined;
    sum->fragments_expired += more->fragments_expired;
    sum->fragments_evicted += more->fragments_evicted;
    sum->truncated += more->truncated;
}
