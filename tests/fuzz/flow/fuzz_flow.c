/* SPDX-License-Identifier: Apache-2.0
 * fuzz_flow.c - any packets of two 4-tuples, and a consumer of any mood: what the sink is told must
 * be consistent, and nothing may stay behind.
 *
 * Input: six bytes a packet - what it is, where, how far it acknowledges, its length, time, mood.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "flow_state.h"

#define CHECK(condition) ((condition) ? (void)0 : abort())

struct fuzz {
    unsigned open, opened, ended;
    uint8_t mood;
    int64_t now_ns;
    uint64_t frame;
};

struct reading {
    struct fuzz *fuzz;
    struct flow *flow;
    uint64_t offered[2], consumed[2];
    bool finished[2], skipped[2], let_go;
    bool alone[2]; /* what it acknowledges was not in the capture, at least at first */
};

static void *on_open(void *context, struct flow *flow, const struct flow_info *info)
{
    struct fuzz *fuzz = context;
    CHECK(info->client_port != 0 && info->server_port != 0);
    fuzz->opened++;
    if (fuzz->mood % 32 == 31)
        return NULL;
    struct reading *reading = calloc(1, sizeof *reading);
    CHECK(reading != NULL);
    reading->fuzz = fuzz;
    reading->flow = flow;
    fuzz->open++;
    return reading;
}

static void act(struct reading *reading)
{
    struct fuzz *fuzz = reading->fuzz;
    switch (fuzz->mood >> 4) {
    case 1:
        flow_set_timer(reading->flow, fuzz->now_ns + (int64_t)(fuzz->mood & 15) * 300000000);
        break;
    case 2:
        if ((fuzz->mood & 15) == 7) {
            flow_let_go(reading->flow);
            reading->let_go = true;
        }
        break;
    case 3:
        if ((fuzz->mood & 14) == 6) {
            flow_skip(reading->flow, (enum side)(fuzz->mood & 1));
            reading->skipped[fuzz->mood & 1] = true;
        }
        break;
    default: break;
    }
}

static size_t on_data(void *state, const struct flow_chunk *chunk)
{
    struct reading *reading = state;
    enum side side = chunk->side, peer = side_other(side);
    size_t len = chunk->bytes.left;
    uint64_t end = chunk->offset + len;
    struct flow_info info;
    flow_info_get(reading->flow, &info);
    CHECK(!reading->let_go && !reading->skipped[side]);
    CHECK(len > 0 && len <= LIMIT_PENDING_BYTES + 65536);
    CHECK(chunk->offset == reading->consumed[side]);
    CHECK(end >= reading->offered[side]);
    CHECK(!reading->finished[side] || end == reading->offered[side]);
    CHECK(info.sides[side].stream_bytes + info.sides[side].missed_bytes == end);
    reading->offered[side] = end;
    reading->alone[side] |= !info.sides[peer].seen;
    unsigned sum = 0;
    for (size_t i = 0; i < len; i++) {
        struct mark mark = flow_mark_at(chunk, chunk->offset + i);
        CHECK(mark.frame > 0 && mark.frame <= reading->fuzz->frame);
        CHECK(mark.acked <= reading->offered[peer] || reading->skipped[peer] ||
              reading->alone[side]);
        sum += chunk->bytes.at[i]; /* a sanitizer reads along */
    }
    size_t take = (reading->fuzz->mood & 3) == 0   ? len
                  : (reading->fuzz->mood & 3) == 1 ? 0
                  : (reading->fuzz->mood & 3) == 2 ? len / 2
                                                   : sum % (len + 1);
    reading->consumed[side] += take;
    act(reading);
    return take;
}

static void on_gap(void *state, enum side side, uint64_t offset, uint64_t len, enum flow_gap why,
                   struct mark where)
{
    struct reading *reading = state;
    CHECK(!reading->let_go && !reading->skipped[side]);
    CHECK(len > 0 && len < UINT64_C(1) << 48);
    CHECK(why == FLOW_GAP_OVERFLOW ? offset >= reading->consumed[side]
                                   : offset == reading->offered[side]);
    CHECK(where.frame <= reading->fuzz->frame);
    CHECK(offset + len >= reading->offered[side]);
    reading->offered[side] = reading->consumed[side] = offset + len;
    act(reading);
}

static void on_finished(void *state, enum side side, struct mark where)
{
    struct reading *reading = state;
    CHECK(!reading->let_go && !reading->skipped[side] && !reading->finished[side]);
    CHECK(where.frame > 0);
    reading->finished[side] = true;
    act(reading);
}

static void on_timer(void *state, struct mark now)
{
    struct reading *reading = state;
    CHECK(now.time_ns <= reading->fuzz->now_ns);
    act(reading);
}

static void on_end(void *context, void *state, const struct flow_info *info)
{
    struct fuzz *fuzz = context;
    CHECK(info->now_ns <= fuzz->now_ns);
    fuzz->ended++;
    fuzz->open -= state != NULL;
    free(state);
}

static void decode(struct fuzz *fuzz, const uint8_t *in, struct packet *packet, const uint8_t *text)
{
    static const uint8_t flags[] = { TCP_ACK,           TCP_ACK,
                                     TCP_SYN,           TCP_SYN | TCP_ACK,
                                     TCP_FIN | TCP_ACK, TCP_RST,
                                     TCP_RST | TCP_ACK, 0 };
    static const uint32_t far[] = { 0, 0, 0, 70000, 5000000, 0x7fffffff, 0x80000001, 0xfffff000 };
    static const int64_t steps[] = { 0,          1000,       1000000,    400000000,
                                     1999999999, 2000000000, 9000000000, 40000000000 };
    bool from_client = (in[0] & 1) != 0;
    memset(packet, 0, sizeof *packet);
    packet->ip_version = 4;
    packet->ttl = 64;
    packet->source.bytes[0] = from_client ? 1 : 2;
    packet->target.bytes[0] = from_client ? 2 : 1;
    uint16_t client_port = (in[0] & 2) != 0 ? 40001 : 40000;
    packet->source_port = from_client ? client_port : 25;
    packet->target_port = from_client ? 25 : client_port;
    packet->tcp_flags = flags[in[0] >> 2 & 7];
    packet->checksum = (in[0] >> 5) == 6   ? CHECKSUM_GOOD
                       : (in[0] >> 5) == 7 ? CHECKSUM_BAD
                                           : CHECKSUM_UNKNOWN;
    packet->outer = (in[4] & 0x30) == 0x30 ? 7 : 0;
    uint32_t own = from_client ? 0xffffffc0 : 0x7fffff00,
             other = from_client ? 0x7fffff00 : 0xffffffc0;
    packet->seq = own + in[1] + ((in[4] & 8) != 0 ? far[in[4] & 7] : 0);
    packet->ack = other + in[2] + ((in[4] & 0x80) != 0 ? far[in[4] & 7] : 0);
    packet->payload_wire = in[3] < 192 ? in[3] & 63 : (in[3] & 63u) * 700u;
    packet->payload_len = (in[4] & 0x40) != 0 ? packet->payload_wire / 2 : packet->payload_wire;
    packet->payload = text;
    fuzz->mood = in[5];
    fuzz->now_ns += steps[in[5] >> 1 & 7];
    packet->time_ns = packet->clock_ns = fuzz->now_ns;
    packet->frame = ++fuzz->frame;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct flow_sink sink = {
        on_open, on_data, on_gap, on_finished, on_timer, on_end
    };
    static const uint16_t ports[] = { 25 };
    static uint8_t text[65536]; /* what the packets carry */
    if (size < 1)
        return 0;
    struct fuzz fuzz = { .now_ns = INT64_C(1700000000000000000) };
    struct shard_options options = {
        .max_flows = (data[0] & 1) != 0 ? 1 : 8,
        .idle_timeout_ns = INT64_C(60000000000),
        .closed_timeout_ns = INT64_C(10000000000),
        .opening_timeout_ns = INT64_C(30000000000),
        .max_buffered_bytes = (data[0] & 2) != 0 ? 20000 : 1 << 24,
        .ports = ports,
        .port_count = (data[0] & 4) != 0 ? 0 : 1,
    };
    struct shard *shard = shard_new(&options, &sink, &fuzz);
    CHECK(shard != NULL);
    for (size_t i = 0; text[1] == 0 && i < sizeof text; i++)
        text[i] = (uint8_t)(i * 7 + i / 251);
    for (size_t at = 1; size - at >= 6; at += 6) {
        struct packet packet;
        decode(&fuzz, data + at, &packet, text + data[at + 1]);
        shard_packet(shard, &packet);
        CHECK(shard->buffered <= options.max_buffered_bytes);
        CHECK(shard->flow_count <= options.max_flows);
    }
    fuzz.now_ns += 1000;
    shard_finish(shard, fuzz.now_ns);
    struct shard_counters counters = shard_counters(shard);
    CHECK(shard->buffered == 0 && shard->heap_count == 0);
    CHECK(fuzz.open == 0 && counters.flows_open == 0 && counters.flows == fuzz.ended);
    shard_free(shard);
    return 0;
}
