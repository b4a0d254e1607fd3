/* SPDX-License-Identifier: Apache-2.0
 * player.c - see player.h.
 */
#include "player.h"

#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "flow_state.h"

#define MS INT64_C(1000000)
static const uint16_t ports[] = { 25, 587 };

struct reading {
    struct player *player;
    uint64_t offered[2], consumed[2];
    bool finished[2];
    struct flow *flow;
};

static void put_room(struct player *player)
{
    if (player->cap - player->len >= 256)
        return;
    player->cap = player->cap * 2 + 1024;
    player->text = realloc(player->text, player->cap);
    assert(player->text != NULL);
}

static void put(struct player *player, const char *format, ...)
{
    va_list args;
    if (player->quiet)
        return;
    put_room(player);
    va_start(args, format);
    /* NOLINTNEXTLINE(clang-analyzer-valist.Uninitialized): it does not see va_start() */
    int len = vsnprintf(player->text + player->len, player->cap - player->len, format, args);
    va_end(args);
    assert(len >= 0 && (size_t)len < player->cap - player->len);
    player->len += (size_t)len;
}

static void put_word(struct player *player)
{
    if (player->len > 0)
        put(player, " ");
    player->speaker = 0;
}

static char letter(enum side side) { return side == SIDE_CLIENT ? 'C' : 'S'; }

static void put_hex(struct player *player, uint8_t byte)
{
    static const char digits[] = "0123456789abcdef";
    put_room(player);
    player->text[player->len++] = digits[byte >> 4];
    player->text[player->len++] = digits[byte & 15];
    player->text[player->len] = '\0';
}

static void put_byte(struct player *player, uint8_t byte)
{
    if (player->hex && !player->quiet)
        put_hex(player, byte);
    else if (byte == '\n')
        put(player, "~");
    else if (byte >= 0x20 && byte < 0x7f)
        put(player, "%c", byte);
    else if (byte != '\r')
        put(player, "\\%02x", byte);
}

static void *on_open(void *context, struct flow *flow, const struct flow_info *info)
{
    struct player *player = context;
    (void)info;
    player->opened++;
    player->speaker = 0;
    if (player->taste == TASTE_DECLINE)
        return NULL;
    struct reading *reading = calloc(1, sizeof *reading);
    assert(reading != NULL);
    reading->player = player;
    reading->flow = flow;
    return reading;
}

static size_t wanted(const struct reading *reading, const struct flow_chunk *chunk)
{
    const struct player *player = reading->player;
    size_t taken = 0;
    if (player->taste == TASTE_NOTHING ||
        (player->taste == TASTE_SERVER_FIRST && chunk->side == SIDE_CLIENT &&
         reading->consumed[SIDE_SERVER] == 0))
        return 0;
    if (player->taste != TASTE_LINES || chunk->final)
        return chunk->bytes.left;
    for (size_t i = 0; i < chunk->bytes.left; i++)
        if (chunk->bytes.at[i] == '\n')
            taken = i + 1;
    return taken;
}

static size_t on_data(void *state, const struct flow_chunk *chunk)
{
    struct reading *reading = state;
    struct player *player = reading->player;
    enum side side = chunk->side;
    assert(chunk->bytes.left > 0);
    assert(chunk->offset == reading->consumed[side]);
    assert(chunk->offset + chunk->bytes.left >= reading->offered[side]);
    assert(!reading->finished[side] || /* what was not consumed is offered again */
           chunk->offset + chunk->bytes.left == reading->offered[side]);
    assert(chunk->flow == reading->flow);
    reading->offered[side] = chunk->offset + chunk->bytes.left;
    size_t taken = wanted(reading, chunk);
    struct flow_info info;
    flow_info_get(reading->flow, &info);
    uint64_t last_acked = UINT64_MAX;
    for (size_t i = 0; i < taken; i++) {
        struct mark mark = flow_mark_at(chunk, chunk->offset + i);
        assert(mark.frame > 0 && mark.frame <= player->frame);
        if (player->show_acked && (mark.acked != last_acked || player->speaker != letter(side))) {
            put_word(player);
            player->speaker = letter(side);
            put(player, "%c@%" PRIu64 ":", player->speaker, mark.acked);
            last_acked = mark.acked;
        } else if (player->speaker != letter(side)) {
            put_word(player);
            player->speaker = letter(side);
            put(player, "%c:", player->speaker);
        }
        put_byte(player, chunk->bytes.at[i]);
    }
    reading->consumed[side] += taken;
    if (player->taste == TASTE_SKIP_SERVER)
        flow_skip(reading->flow, SIDE_SERVER);
    player->offers++;
    if (player->timer_after_ns != 0)
        flow_set_timer(reading->flow, info.now_ns + player->timer_after_ns);
    return taken;
}

static void on_gap(void *state, enum side side, uint64_t offset, uint64_t len, enum flow_gap why,
                   struct mark where)
{
    static const char *const names[] = { "lost", "cut", "overflow" };
    struct reading *reading = state;
    (void)where;
    assert(len > 0);
    assert(offset >= reading->consumed[side]);
    reading->consumed[side] = reading->offered[side] = offset + len;
    put_word(reading->player);
    put(reading->player, "[%c %" PRIu64 "+%" PRIu64 " %s]", letter(side), offset, len, names[why]);
}

static void on_finished(void *state, enum side side, struct mark where)
{
    struct reading *reading = state;
    assert(!reading->finished[side] && where.frame > 0);
    reading->finished[side] = true;
    put_word(reading->player);
    put(reading->player, "%c.", letter(side));
}

static void on_timer(void *state, struct mark now)
{
    struct reading *reading = state;
    put_word(reading->player);
    put(reading->player, "T%" PRId64, (now.time_ns - reading->player->base_ns) / MS);
}

static void on_end(void *context, void *state, const struct flow_info *info)
{
    struct player *player = context;
    player->ended++;
    player->info = *info;
    player->info.conflicts = NULL; /* they are gone when the flow is */
    if (info->conflicts != NULL)
        memcpy(player->conflicts, info->conflicts, sizeof player->conflicts);
    put_word(player);
    put(player, info->ended_by_known ? "(%s %c)" : "(%s)", flow_how_name(info->how),
        letter(info->ended_by));
    free(state);
}

void player_start(struct player *player)
{
    static const struct flow_sink sink = {
        on_open, on_data, on_gap, on_finished, on_timer, on_end
    };
    struct shard_options *o = &player->options;
    o->max_flows = o->max_flows == 0 ? 1000 : o->max_flows;
    o->idle_timeout_ns = o->idle_timeout_ns == 0 ? 3600000 * MS : o->idle_timeout_ns;
    o->closed_timeout_ns = o->closed_timeout_ns == 0 ? 10000 * MS : o->closed_timeout_ns;
    o->opening_timeout_ns = o->opening_timeout_ns == 0 ? 30000 * MS : o->opening_timeout_ns;
    o->max_buffered_bytes = o->max_buffered_bytes == 0 ? 64 << 20 : o->max_buffered_bytes;
    o->ports = o->ports == NULL ? ports : o->ports;
    o->port_count = o->port_count == 0 ? 2 : o->port_count;
    player->isn[0] = 1000;
    player->isn[1] = 5000;
    player->base_ns = player->now_ns = INT64_C(1700000000) * 1000 * MS;
    player->shard = shard_new(&player->options, &sink, player);
    assert(player->shard != NULL);
}

void player_packet(struct player *player, struct packet *packet)
{
    packet->frame = ++player->frame;
    packet->time_ns = packet->clock_ns = player->now_ns;
    shard_packet(player->shard, packet);
}

static size_t payload_of(const char *word, uint8_t *bytes)
{
    size_t len = 0;
    static const char digits[] = "0123456789abcdef";
    if (*word == 'x') {
        for (word++; *word > ' ' && word[1] > ' '; word += 2) {
            const char *high = strchr(digits, *word), *low = strchr(digits, word[1]);
            assert(high != NULL && low != NULL);
            bytes[len++] = (uint8_t)((high - digits) * 16 + (low - digits));
        }
        return len;
    }
    for (word++; *word != '\0' && *word != '\''; word++) {
        if (*word == '~')
            bytes[len++] = '\r';
        bytes[len++] = (uint8_t)(*word == '~' ? '\n' : *word);
    }
    return len;
}

static void set_time(struct player *player, int64_t ms)
{
    int64_t to = player->base_ns + ms * MS;
    while (player->every_tick && player->now_ns + MS <= to) {
        player->now_ns += MS;
        shard_advance(player->shard, player->now_ns);
    }
    player->now_ns = to;
}

static void play_line(struct player *player, char *line, uint8_t *payload)
{
    struct packet packet = { .ip_version = 4, .ttl = 64, .window = 65535, .window_scale = 0xff };
    unsigned numbers = 0, conn = 0;
    uint32_t cut = UINT32_MAX;
    bool swap = false;
    char *at = line + strspn(line, " \n"), side = *at;
    if (side == '\0')
        return;
    int from = side == 'C' ? 0 : 1;
    for (at += side != '@'; side != '@' && *at != ' ' && *at != '\0'; at++)
        packet.tcp_flags |= *at == 's' ? TCP_SYN : *at == 'f' ? TCP_FIN : *at == 'r' ? TCP_RST : 0;
    while (*(at += strspn(at, " ")) != '\0') {
        char *end = *at == '\'' ? strchr(at + 1, '\'') : at + strcspn(at, " ");
        assert(end != NULL);
        uint32_t number =
            (uint32_t)strtoul(strchr(at, '=') != NULL && strchr(at, '=') < end ? strchr(at, '=') + 1
                                                                               : at + (*at == '@'),
                              NULL, 0);
        if (strchr("-0123456789", *at) != NULL && numbers++ == 0) {
            packet.seq = number + player->isn[from];
        } else if (strchr("-0123456789", *at) != NULL) {
            packet.ack = number + player->isn[!from];
            packet.tcp_flags |= TCP_ACK;
        } else if (*at == '\'' || *at == 'x') {
            packet.payload = payload;
            packet.payload_len = (uint32_t)payload_of(at, payload);
        } else if (*at == '@') {
            set_time(player, number);
        } else if (*at == 'b') {
            packet.checksum = CHECKSUM_BAD;
        } else if (*at == 'g') {
            packet.checksum = CHECKSUM_GOOD;
        } else if (strncmp(at, "cut", 3) == 0) {
            cut = number;
        } else if (strncmp(at, "conn", 4) == 0) {
            conn = number;
        } else if (*at == 'o') {
            packet.outer = number;
        } else if (*at == 't') {
            packet.ttl = (uint8_t)number;
        } else if (*at == 's') {
            swap = true;
        } else if (*at == 'i') {
            player->isn[from] = number;
        } else {
            assert(*at == '\0'); /* not a word of the notation */
        }
        at = *end == '\'' ? end + 1 : end;
    }
    if (numbers == 0)
        return;
    packet.payload_wire = packet.payload_len;
    if (cut < packet.payload_len)
        packet.payload_len = cut;
    struct address client = { { 10, 0, 0, 1 } }, server = { { 10, 0, 0, 2 } };
    uint16_t client_port = (uint16_t)(40000 + conn), server_port = swap ? 50000 : 25;
    packet.source = from == 0 ? client : server;
    packet.target = from == 0 ? server : client;
    packet.source_port = from == 0 ? client_port : server_port;
    packet.target_port = from == 0 ? server_port : client_port;
    player_packet(player, &packet);
}

void player_play(struct player *player, const char *script)
{
    size_t len = strlen(script);
    char *copy = malloc(len + 1), *line = copy;
    uint8_t *payload = malloc(2 * len + 1);
    assert(copy != NULL && payload != NULL);
    memcpy(copy, script, len + 1);
    while (line != NULL) {
        bool quoted = false;
        char *end = line;
        for (; *end != '\0' && (quoted || (*end != ';' && *end != '\n')); end++)
            quoted ^= *end == '\'';
        char *next = *end == '\0' ? NULL : end + 1;
        *end = '\0';
        play_line(player, line, payload);
        line = next;
    }
    free(copy);
    free(payload);
}

const char *player_finish(struct player *player)
{
    shard_finish(player->shard, player->now_ns);
    player->counters = shard_counters(player->shard);
    assert(player->counters.flows_open == 0);
    assert(player->shard->buffered == 0);
    assert(player->counters.flows == player->ended);
    put(player, "%s", "");
    return player->text;
}

void player_free(struct player *player)
{
    shard_free(player->shard);
    free(player->text);
    player->shard = NULL;
    player->text = NULL;
}

char *play_with(const struct player *prototype, const char *script, struct player *result)
{
    struct player player = *prototype;
    player_start(&player);
    player_play(&player, script);
    player_finish(&player);
    char *text = player.text;
    player.text = NULL;
    player_free(&player);
    if (result != NULL)
        *result = player;
    return text;
}

char *play(const char *script)
{
    struct player player = { 0 };
    return play_with(&player, script, NULL);
}
