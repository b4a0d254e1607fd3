/* SPDX-License-Identifier: Apache-2.0
 * fuzz_tls.c - both sides of a connection, interleaved and cut as the input says.
 *
 * Input: pieces of one octet (bit 7: the server's, bit 6: a gap before it, bit 5: that side's end),
 * two octets of length, and bytes. What holds for every input: no byte beyond the input is taken,
 * counts stay within their arrays, and a piece fed byte by byte gives the same facts as whole.
 */
#include <string.h>

#include "tls.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { SERVER = 0x80, GAP = 0x40, ENDS = 0x20, PENDING = 20 * 1024 };

struct run {
    struct arena arena;
    struct intern *intern;
    struct tls *tls;
    uint64_t offset[SIDE_COUNT];
    uint8_t held[SIDE_COUNT][PENDING];
    size_t held_len[SIDE_COUNT];
    uint64_t total[SIDE_COUNT];
};

static struct mark mark_at(const void *marks, uint64_t offset)
{
    return (struct mark){ .frame = offset, .acked = *(const uint64_t *)marks };
}

static void feed(struct run *run, enum side side, struct reader bytes, bool ends)
{
    if (bytes.left > PENDING - run->held_len[side])
        bytes = reader_take(&bytes, PENDING - run->held_len[side]);
    if (bytes.left > 0)
        memcpy(run->held[side] + run->held_len[side], bytes.at, bytes.left);
    run->held_len[side] += bytes.left;
    run->total[side] += bytes.left;

    uint64_t acked = run->total[side_other(side)];
    struct tls_input input = { .side = side,
                               .bytes = reader_of(run->held[side], run->held_len[side]),
                               .offset = run->offset[side],
                               .final = ends,
                               .mark_at = mark_at,
                               .marks = &acked };
    size_t used = tls_feed(run->tls, &input);
    if (used > run->held_len[side])
        __builtin_trap();
    run->held_len[side] -= used;
    run->offset[side] += used;
    memmove(run->held[side], run->held[side] + used, run->held_len[side]);
}

static void play(struct run *run, struct reader input, bool bytewise)
{
    while (reader_more(&input)) {
        uint8_t how = reader_u8(&input);
        size_t len = reader_u16(&input);
        struct reader bytes = reader_take(&input, len < input.left ? len : input.left);
        enum side side = (how & SERVER) != 0 ? SIDE_SERVER : SIDE_CLIENT;
        if ((how & GAP) != 0) {
            run->offset[side] += run->held_len[side];
            run->held_len[side] = 0;
            tls_gap(run->tls, side, run->offset[side], len);
            run->offset[side] += len;
            run->total[side] += len;
        }
        while (bytewise && bytes.left > 1)
            feed(run, side, reader_take(&bytes, 1), false);
        feed(run, side, bytes, (how & ENDS) != 0);
        if ((how & ENDS) != 0)
            tls_finished(run->tls, side, (struct mark){ 0 }, (how & 1) != 0);
    }
    tls_end(run->tls, (size_t)run->total[0] % 2 == 0);
}

static void check(const struct tls_facts *facts)
{
    if (facts->alert_count > LIMIT_TLS_ALERTS || facts->note_count > LIMIT_TLS_NOTES ||
        facts->client_hello.ciphers.count > LIMIT_TLS_CIPHERS ||
        facts->client_hello.extensions.count > LIMIT_TLS_EXTENSIONS ||
        facts->server_chain.count > LIMIT_CHAIN_CERTIFICATES ||
        (facts->established == TRI_YES) != (facts->stage == TLS_STAGE_ESTABLISHED))
        __builtin_trap();
}

static bool same(const struct tls_facts *a, const struct tls_facts *b)
{
    return a->client_hellos == b->client_hellos && a->server_hellos == b->server_hellos &&
           memcmp(a->client_hello.ja3, b->client_hello.ja3, sizeof a->client_hello.ja3) == 0 &&
           memcmp(a->server_hello.ja3s, b->server_hello.ja3s, sizeof a->server_hello.ja3s) == 0 &&
           a->alert_count == b->alert_count && a->note_count == b->note_count &&
           a->notes_dropped == b->notes_dropped && a->established == b->established &&
           a->visible == b->visible && a->resumed == b->resumed && a->stage == b->stage &&
           a->server_chain.count == b->server_chain.count &&
           memcmp(a->lost, b->lost, sizeof a->lost) == 0 &&
           a->key_exchange.dh_bits == b->key_exchange.dh_bits &&
           a->key_exchange.group == b->key_exchange.group &&
           a->key_exchange.malformed == b->key_exchange.malformed;
}

static struct run runs[2];

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    for (int bytewise = 0; bytewise < 2; bytewise++) {
        struct run *run = &runs[bytewise];
        memset(run, 0, sizeof *run);
        arena_init(&run->arena, LIMIT_SESSION_BYTES);
        run->intern = intern_new(0);
        run->tls = run->intern == NULL ? NULL : tls_new(&run->arena, run->intern);
        if (run->tls == NULL)
            return 0;
        play(run, reader_of(data, size), bytewise == 1);
        check(tls_facts(run->tls));
    }
    if (!same(tls_facts(runs[0].tls), tls_facts(runs[1].tls)))
        __builtin_trap();
    for (int i = 0; i < 2; i++) {
        tls_free(runs[i].tls);
        if (intern_count(runs[i].intern) != 0)
            __builtin_trap();
        intern_free(runs[i].intern);
        arena_free(&runs[i].arena);
    }
    return 0;
}
