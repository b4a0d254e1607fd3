/* SPDX-License-Identifier: Apache-2.0
 * test_fragment_sharing.c - decoders of several threads that join each other's fragments.
 */
#include "packet_fixture.h"

#include <pthread.h>
#include <stdlib.h>

#include "limits.h"

#define RAW 101
#define PIECE 16u
#define DECODERS 4
#define DATAGRAMS 256u /* fewer than the table holds: none is evicted */
#define PIECES 4u

static const char payload[] = "MAIL FROM:<someone@example.org> BODY=8BIT.\r\n";

/* The piece of the datagram with this number as a frame; 64 bytes are PIECES of PIECE. */
static struct frame frame_of(struct build *b, uint16_t datagram, unsigned piece)
{
    struct segment s = {
        .version = 4,
        .source = 1,
        .target = 2,
        .source_port = 40000,
        .target_port = 25,
        .flags = TCP_ACK,
        .ip_id = datagram,
    };
    struct build whole;
    build_start(&whole, payload);
    build_tcp(&whole, &s);
    build_start_bytes(b, build_bytes(&whole) + piece * PIECE, PIECE);
    build_ipv4_place(b, 6, &s, (uint16_t)((piece + 1 < PIECES ? 0x2000 : 0) | piece * PIECE / 8));
    return build_frame(b, RAW);
}

static enum packet_verdict feed(struct packet_decoder *to, uint16_t datagram, unsigned piece,
                                int64_t time_ns, uint64_t block)
{
    struct build b;
    struct frame frame = frame_of(&b, datagram, piece);
    frame.time_ns = time_ns;
    return packet_decode(to, &frame, block, &packet);
}

static void test_pieces_through_two(void **state)
{
    (void)state;
    struct packet_decoder *second = packet_decoder_new_sharing(decoder);
    assert_non_null(second);
    for (unsigned piece = 0; piece < PIECES - 1; piece++)
        assert_int_equal(feed(piece % 2 == 0 ? decoder : second, 7, piece, 0, 0), PACKET_FRAGMENT);
    assert_int_equal(feed(second, 7, PIECES - 1, 0, 5), PACKET_TCP);
    assert_memory_equal(packet.payload, payload, strlen(payload));
    assert_int_equal(packet_decoder_counters(second)->fragments_joined, 1);
    assert_int_equal(packet_decoder_counters(decoder)->fragments_joined, 0);

    packet_decoder_release(decoder, UINT64_MAX); /* not its own: still there */
    packet_decoder_release(second, 4);
    assert_memory_equal(packet.payload, payload, strlen(payload));
    packet_decoder_release(second, 5);

    assert_int_equal(feed(decoder, 8, 0, 0, 0), PACKET_FRAGMENT);
    packet_decoder_free(decoder); /* the one that the table came with goes first */
    decoder = second;
    for (unsigned piece = 1; piece < PIECES - 1; piece++)
        assert_int_equal(feed(decoder, 8, piece, 0, 6), PACKET_FRAGMENT);
    assert_int_equal(feed(decoder, 8, PIECES - 1, 0, 6), PACKET_TCP);
}

/* Each has a clock of its own; one that is behind makes nothing expire. */
static void test_clocks_apart(void **state)
{
    (void)state;
    const int64_t begin = INT64_C(1700000000) * 1000000000, second_ns = 1000000000;
    struct packet_decoder *behind = packet_decoder_new_sharing(decoder);
    assert_non_null(behind);
    assert_int_equal(feed(decoder, 1, 0, begin + second_ns, 0), PACKET_FRAGMENT);
    for (unsigned piece = 1; piece < PIECES - 1; piece++)
        assert_int_equal(feed(behind, 1, piece, begin, 0), PACKET_FRAGMENT);
    assert_int_equal(feed(behind, 1, PIECES - 1, begin, 0), PACKET_TCP);

    assert_int_equal(feed(behind, 2, 0, begin, 0), PACKET_FRAGMENT);
    assert_int_equal(feed(decoder, 3, 0, begin + 2 * second_ns + (int64_t)LIMIT_FRAGMENT_NS, 0),
                     PACKET_FRAGMENT);
    assert_int_equal(packet_decoder_counters(decoder)->fragments_expired, 1);
    packet_decoder_free(behind);
}

struct hand {
    struct packet_decoder *decoder;
    unsigned index;
    unsigned joined, broken;
};

/* Piece p of each datagram goes through decoder p; payloads are compared at the end, when other
 * threads have long gone on. */
static void *run_hand(void *argument)
{
    struct hand *hand = argument;
    struct packet *packets = calloc(DATAGRAMS, sizeof *packets);
    assert_non_null(packets);
    for (uint16_t i = 0; i < DATAGRAMS; i++) {
        struct build b;
        struct frame frame = frame_of(&b, i, hand->index);
        if (packet_decode(hand->decoder, &frame, i, &packets[hand->joined]) == PACKET_TCP)
            hand->joined++;
    }
    for (unsigned i = 0; i < hand->joined; i++)
        if (memcmp(packets[i].payload, payload, strlen(payload)) != 0)
            hand->broken++;
    packet_decoder_release(hand->decoder, DATAGRAMS);
    free(packets);
    return NULL;
}

static void test_threads(void **state)
{
    (void)state;
    struct hand hands[DECODERS];
    pthread_t threads[DECODERS];
    unsigned joined = 0;
    _Static_assert(DECODERS == PIECES, "a piece for each");
    for (unsigned i = 0; i < DECODERS; i++) {
        hands[i] = (struct hand){ .index = i, .decoder = decoder };
        if (i > 0)
            hands[i].decoder = packet_decoder_new_sharing(decoder);
        assert_non_null(hands[i].decoder);
        assert_int_equal(pthread_create(&threads[i], NULL, run_hand, &hands[i]), 0);
    }
    for (unsigned i = 0; i < DECODERS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        joined += hands[i].joined;
        assert_int_equal(hands[i].broken, 0);
        if (i > 0)
            packet_decoder_free(hands[i].decoder);
    }
    assert_int_equal(joined, DATAGRAMS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FIXTURE_TEST(test_pieces_through_two),
        FIXTURE_TEST(test_clocks_apart),
        FIXTURE_TEST(test_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
