/* SPDX-License-Identifier: Apache-2.0
 * orientation.c - who is the client of a flow without a SYN: by the first bytes of its sides, else
 * by its ports (findings catalogue 1.1). The answer is a guess and said to be one.
 */
#include <string.h>

#include "flow_state.h"
#include "text.h"

static bool is_port(const struct shard *shard, uint16_t port)
{
    for (size_t i = 0; i < shard->options.port_count; i++)
        if (shard->options.ports[i] == port)
            return true;
    return false;
}

bool orientation_is_port(const struct shard *shard, const struct flow_info *info)
{
    return is_port(shard, info->client_port) || is_port(shard, info->server_port);
}

bool orientation_client_is_source(const struct shard *shard, const struct packet *packet,
                                  bool *guessed)
{
    *guessed = false;
    if ((packet->tcp_flags & TCP_SYN) != 0)
        return (packet->tcp_flags & TCP_ACK) == 0;
    *guessed = true;
    bool source = is_port(shard, packet->source_port), target = is_port(shard, packet->target_port);
    if (source != target)
        return target;
    return packet->source_port > packet->target_port;
}

enum speaker { SPEAKER_UNKNOWN, SPEAKER_CLIENT, SPEAKER_SERVER };

/* The first bytes of a side, however they are cut. */
static size_t first_bytes(const struct segment *segment, uint8_t *bytes, size_t size)
{
    size_t len = 0;
    while (segment != NULL && !segment->missing && len < size) {
        size_t more = (size_t)(segment->end - segment->at);
        more = more < size - len ? more : size - len;
        memcpy(bytes + len, segment->bytes, more);
        len += more;
        segment = segment->next != NULL && segment->next->at == segment->end ? segment->next : NULL;
    }
    return len;
}

/* What only one of the two sides says first. */
static enum speaker speaker_of(const struct segment *first)
{
    static const struct {
        struct text start;
        enum speaker is;
    } starts[] = {
        { { "220", 3 }, SPEAKER_SERVER },      { { "554", 3 }, SPEAKER_SERVER },
        { { "+OK", 3 }, SPEAKER_SERVER },      { { "-ERR", 4 }, SPEAKER_SERVER },
        { { "* OK", 4 }, SPEAKER_SERVER },     { { "* PREAUTH", 9 }, SPEAKER_SERVER },
        { { "* BYE", 5 }, SPEAKER_SERVER },    { { "\"IMPLEMENTATION\"", 16 }, SPEAKER_SERVER },
        { { "250-", 4 }, SPEAKER_SERVER },     { { "250 ", 4 }, SPEAKER_SERVER },
        { { "EHLO ", 5 }, SPEAKER_CLIENT },    { { "HELO ", 5 }, SPEAKER_CLIENT },
        { { "LHLO ", 5 }, SPEAKER_CLIENT },    { { "MAIL FROM", 9 }, SPEAKER_CLIENT },
        { { "STARTTLS", 8 }, SPEAKER_CLIENT },
    };
    uint8_t bytes[16];
    size_t len = first_bytes(first, bytes, sizeof bytes);
    struct text text = { (const char *)bytes, len };
    if (len > 5 && bytes[0] == 0x16 && bytes[1] == 3) /* a TLS handshake record: which hello? */
        return bytes[5] == 1 ? SPEAKER_CLIENT : bytes[5] == 2 ? SPEAKER_SERVER : SPEAKER_UNKNOWN;
    for (size_t i = 0; i < sizeof starts / sizeof starts[0]; i++)
        if (text_starts_nocase(text, starts[i].start))
            return starts[i].is;
    return SPEAKER_UNKNOWN;
}

static void swap(void *a, void *b, size_t len)
{
    uint8_t *x = a, *y = b;
    for (size_t i = 0; i < len; i++) {
        uint8_t byte = x[i];
        x[i] = y[i];
        y[i] = byte;
    }
}

void orientation_swap(struct flow *flow)
{
    struct flow_info *info = &flow->info;
    swap(&flow->streams[0], &flow->streams[1], sizeof flow->streams[0]);
    swap(&info->sides[0], &info->sides[1], sizeof info->sides[0]);
    swap(&info->client, &info->server, sizeof info->client);
    swap(&info->client_port, &info->server_port, sizeof info->client_port);
    swap(&info->first_seq[0], &info->first_seq[1], sizeof info->first_seq[0]);
    info->ended_by = side_other(info->ended_by);
    for (uint32_t i = 0; flow->conflicts != NULL && i < FLOW_CONFLICTS; i++)
        flow->conflicts[i].side = side_other(flow->conflicts[i].side);
    flow->lone_syn.by_client = !flow->lone_syn.by_client;
}

void orientation_settle(struct flow *flow)
{
    if (!flow->info.guessed || flow->opened)
        return;
    enum speaker client = speaker_of(flow->streams[SIDE_CLIENT].segments);
    enum speaker server = speaker_of(flow->streams[SIDE_SERVER].segments);
    if (client == SPEAKER_SERVER || (server == SPEAKER_CLIENT && client != SPEAKER_CLIENT))
        orientation_swap(flow);
}
