/* SPDX-License-Identifier: Apache-2.0
 * test_random.c - dialogues by chance, shown to the tap in order and then cut, repeated, reordered:
 * the consumer must see the same.
 *
 * A dialogue is a list of turns; each turn's sender has acknowledged all turns before it but the
 * last few of the peer that it may have crossed. So after reassembly every byte must come behind
 * the peer's bytes that its sender had acknowledged, and where nothing crossed, the interleaving is
 * the one of the plain run.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "player.h"

enum { SEEDS = 4000, TURNS = 12, TURN_BYTES = 300, PACKETS = 4096, REACH = 40 };

struct turn {
    int from;
    uint32_t at, len, acked; /* numbers relative to the initial ones */
};

struct dialogue {
    struct turn turns[TURNS];
    unsigned turn_count;
    uint32_t isn[2], len[2];
    uint8_t bytes[2][TURNS * TURN_BYTES];
    bool crossing;
};

struct planned {
    struct packet packet;
    unsigned order;
};

static uint64_t random_state;

static uint32_t chance(uint32_t below)
{
    random_state = random_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(random_state >> 33) % below;
}

static void invent(struct dialogue *d)
{
    memset(d, 0, sizeof *d);
    d->crossing = chance(3) == 0;
    d->turn_count = 2 + chance(TURNS - 2);
    d->isn[0] = chance(4) == 0 ? UINT32_MAX - chance(600) : chance(UINT32_MAX);
    d->isn[1] = chance(4) == 0 ? UINT32_MAX - chance(600) : chance(UINT32_MAX);
    int from = chance(4) == 0 ? 0 : 1;
    for (unsigned i = 0; i < d->turn_count; i++) {
        struct turn *turn = &d->turns[i];
        *turn = (struct turn){ .from = from, .at = d->len[from] + 1, .acked = d->len[!from] + 1 };
        if (d->crossing && i > 0 && chance(2) == 0) /* it has not seen the last turn yet */
            turn->acked = d->turns[i - 1].from != from ? d->turns[i - 1].at : turn->acked;
        for (unsigned j = 0; i > 0 && j < i; j++) /* acknowledgements do not fall */
            if (d->turns[j].from == from && d->turns[j].acked > turn->acked)
                turn->acked = d->turns[j].acked;
        turn->len = 1 + chance(TURN_BYTES - 1);
        for (uint32_t k = 0; k < turn->len; k++)
            d->bytes[from][d->len[from] + k] =
                k + 1 == turn->len || chance(30) == 0 ? '\n' : (uint8_t)('a' + chance(26));
        d->len[from] += turn->len;
        from = chance(5) == 0 ? from : !from;
    }
}

static struct packet blank(const struct dialogue *d, int from, uint32_t at, uint32_t acked,
                           uint8_t flags)
{
    struct address client = { { 10, 0, 0, 1 } }, server = { { 10, 0, 0, 2 } };
    return (struct packet){ .ip_version = 4,
                            .source = from == 0 ? client : server,
                            .target = from == 0 ? server : client,
                            .source_port = from == 0 ? 40000 : 25,
                            .target_port = from == 0 ? 25 : 40000,
                            .tcp_flags = flags,
                            .seq = d->isn[from] + at,
                            .ack = d->isn[!from] + acked };
}

static void plan(struct planned *list, unsigned *count, struct packet packet)
{
    assert_true(*count < PACKETS);
    list[*count].packet = packet;
    list[*count].order = *count * 8;
    ++*count;
}

static void plan_data(struct planned *list, unsigned *count, const struct dialogue *d, int from,
                      uint32_t at, uint32_t len, uint32_t acked)
{
    struct packet packet = blank(d, from, at, acked, TCP_ACK);
    packet.payload = d->bytes[from] + at - 1;
    packet.payload_len = packet.payload_wire = len;
    plan(list, count, packet);
}

/* mangled: cut at random, sent twice, sent again with other borders and newer acknowledgements,
 * acknowledged on the way. */
static unsigned send_all(struct planned *list, const struct dialogue *d, bool mangled, bool fins)
{
    unsigned count = 0;
    uint32_t sent[2] = { 0, 0 };
    plan(list, &count, blank(d, 0, 0, 0, TCP_SYN));
    list[0].packet.ack = 0;
    plan(list, &count, blank(d, 1, 0, 1, TCP_SYN | TCP_ACK));
    plan(list, &count, blank(d, 0, 1, 1, TCP_ACK));
    for (unsigned i = 0; i < d->turn_count; i++) {
        const struct turn *t = &d->turns[i];
        unsigned pieces = chance(10) == 0 ? 30 : 3;
        for (uint32_t done = 0; done < t->len;) {
            uint32_t rest = t->len - done;
            uint32_t len = mangled ? 1 + chance(rest / (1 + chance(pieces)) + 1) : rest;
            len = len < rest ? len : rest;
            plan_data(list, &count, d, t->from, t->at + done, len, t->acked);
            done += len;
            if (mangled && chance(8) == 0) /* the mirror shows it twice */
                plan(list, &count, list[count - 1].packet);
            if (mangled && chance(8) == 0) /* acknowledged on the way */
                plan(list, &count, blank(d, !t->from, sent[!t->from] + 1, t->at + done, TCP_ACK));
        }
        sent[t->from] = t->at + t->len - 1;
        if (mangled && chance(3) == 0) { /* again with other borders, and a newer acknowledgement */
            uint32_t from = 1 + chance(sent[t->from]);
            uint32_t len = 1 + chance(sent[t->from] - from + 1);
            plan_data(list, &count, d, t->from, from, len, t->acked);
        }
        if (mangled && chance(8) == 0) { /* a keep-alive with a byte of rubbish */
            struct packet probe = blank(d, t->from, sent[t->from], t->acked, TCP_ACK);
            probe.payload = (const uint8_t *)"?";
            probe.payload_len = probe.payload_wire = 0;
            plan(list, &count, probe);
        }
    }
    if (fins) {
        plan(list, &count, blank(d, 0, d->len[0] + 1, d->len[1] + 1, TCP_FIN | TCP_ACK));
        plan(list, &count, blank(d, 1, d->len[1] + 1, d->len[0] + 2, TCP_FIN | TCP_ACK));
        plan(list, &count, blank(d, 0, d->len[0] + 2, d->len[1] + 2, TCP_ACK));
    }
    return count;
}

static int by_order(const void *a, const void *b)
{
    const struct planned *x = a, *y = b;
    return x->order < y->order ? -1 : x->order > y->order;
}

static void reorder(struct planned *list, unsigned count, unsigned mode)
{
    for (unsigned i = 0; i < count; i++) {
        unsigned reach = mode == 1 ? 3 * 8 : REACH * 8;
        if (mode == 3)
            list[i].order = (count - i) * 8; /* backwards */
        else if (mode > 0)
            list[i].order += chance(reach);
    }
    qsort(list, count, sizeof *list, by_order);
}

static char *run(const struct planned *list, unsigned count, enum player_taste taste, bool acked,
                 bool ticks, struct player *player)
{
    *player = (struct player){ .taste = taste, .show_acked = acked, .every_tick = ticks };
    player_start(player);
    for (unsigned i = 0; i < count; i++) {
        struct packet packet = list[i].packet;
        char time[32];
        snprintf(time, sizeof time, "@%u", i / 4);
        player_play(player, time);
        player_packet(player, &packet);
    }
    player_finish(player);
    char *text = player->text;
    player->text = NULL;
    player_free(player);
    return text;
}

/* Only one side's bytes of a record. */
static void filter(const char *text, char side, char *out)
{
    bool on = false;
    for (; *text != '\0'; text++) {
        if ((text == strchr(text, 'C') || text == strchr(text, 'S')) && text[1] == ':') {
            on = *text == side;
            text++;
        } else if (*text == ' ') {
            on = false;
        } else if (on) {
            *out++ = *text;
        }
    }
    *out = '\0';
}

/* Every byte behind those that its sender had acknowledged. */
static void check_causes(const struct dialogue *d, const char *text)
{
    uint32_t seen[2] = { 0, 0 };
    int side = 0;
    for (; *text != '\0' && *text != '('; text++) {
        if (*text == 'C' || *text == 'S') {
            side = *text == 'S';
            text++;
            if (*text == '.')
                assert_int_equal(seen[side], d->len[side]);
        } else if (*text != ' ') {
            uint32_t at = ++seen[side];
            for (unsigned i = 0; i < d->turn_count; i++) {
                const struct turn *t = &d->turns[i];
                if (t->from == side && at >= t->at && at < t->at + t->len)
                    assert_true(seen[!side] + 1 >= t->acked);
            }
        }
    }
    assert_int_equal(seen[0], d->len[0]);
    assert_int_equal(seen[1], d->len[1]);
}

static void try_seed(uint64_t seed, struct planned *list)
{
    static struct dialogue d;
    static char one[2 * TURNS * TURN_BYTES], two[2 * TURNS * TURN_BYTES];
    struct player result;
    random_state = seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
    invent(&d);
    bool fins = chance(2) == 0;
    unsigned count = send_all(list, &d, false, fins);
    char *plain = run(list, count, TASTE_ALL, false, false, &result);
    check_causes(&d, plain);
    char *plain_lines = run(list, count, TASTE_LINES, false, false, &result);

    unsigned mode = chance(4);
    count = send_all(list, &d, true, fins);
    reorder(list, count, mode);
    enum player_taste taste = chance(2) == 0 ? TASTE_LINES : TASTE_ALL;
    bool ticks = chance(2) == 0;
    char *text = run(list, count, taste, false, ticks, &result);
    const char *expected = taste == TASTE_ALL ? plain : plain_lines;
    if (result.info.conflict_count != 0 || result.opened != 1 || result.ended != 1)
        fail_msg("seed %llu: %u flows, %u conflicts", (unsigned long long)seed, result.ended,
                 result.info.conflict_count);
    if (!d.crossing && strcmp(text, expected) != 0) {
        size_t same = 0;
        while (text[same] == expected[same])
            same++;
        same -= same < 20 ? same : 20;
        fail_msg("seed %llu mode %u from %zu: expected %.60s got %.60s", (unsigned long long)seed,
                 mode, same, expected + same, text + same);
    }
    if (taste == TASTE_ALL)
        check_causes(&d, text);
    for (int side = 0; side < 2; side++) {
        filter(expected, "CS"[side], one);
        filter(text, "CS"[side], two);
        assert_string_equal(one, two);
    }
    free(plain);
    free(plain_lines);
    free(text);
}

static void test_mangled_dialogues_read_the_same(void **state)
{
    (void)state;
    const char *seeds = getenv("FLOW_SEEDS"), *first = getenv("FLOW_FIRST_SEED");
    uint64_t from = first == NULL ? 1 : strtoull(first, NULL, 10);
    uint64_t count = seeds == NULL ? SEEDS : strtoull(seeds, NULL, 10);
    struct planned *list = calloc(PACKETS, sizeof *list);
    assert_non_null(list);
    for (uint64_t seed = from; seed < from + count; seed++)
        try_seed(seed, list);
    free(list);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_mangled_dialogues_read_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
