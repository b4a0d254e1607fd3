/* SPDX-License-Identifier: Apache-2.0
 * test_fragment.c - datagrams in pieces: any order, overlaps, losses, and the table's bounds.
 */
#include "packet_fixture.h"

#include <stdlib.h>

#include "fragment.h"
#include "limits.h"

#define RAW 101
#define PIECE 16u /* bytes a fragment in most of these tests */

static const struct segment client = {
    .version = 4,
    .source = 1,
    .target = 2,
    .source_port = 40000,
    .target_port = 25,
    .flags = TCP_ACK,
};

/* A TCP segment of 20 + 44 bytes, so four fragments of PIECE. */
static const char payload[] = "MAIL FROM:<someone@example.org> BODY=8BIT.\r\n";

static void build_datagram(struct build *b, const struct segment *s)
{
    build_start(b, payload);
    build_tcp(b, s);
}

/* The frame of one fragment of what is in `whole`. */
static void build_fragment(struct build *b, struct build *whole, const struct segment *s,
                           uint16_t offset, uint16_t len, bool more)
{
    build_start_bytes(b, build_bytes(whole) + offset, len);
    if (s->version == 4) {
        build_ipv4_place(b, 6, s, (uint16_t)((more ? 0x2000 : 0) | offset / 8));
        return;
    }
    build_u32(b, s->ip_id);
    build_u32(b, 0x06000000 | offset | (more ? 1 : 0));
    build_ipv6(b, 44, s);
}

static enum packet_verdict feed(struct build *whole, const struct segment *s, uint16_t offset,
                                uint16_t len)
{
    struct build b;
    build_fragment(&b, whole, s, offset, len, offset + len < build_len(whole));
    return decode(&b, RAW);
}

static void assert_joined(void)
{
    assert_int_equal(packet.target_port, 25);
    assert_int_equal(packet.payload_len, strlen(payload));
    assert_int_equal(packet.payload_wire, strlen(payload));
    assert_memory_equal(packet.payload, payload, strlen(payload));
    assert_int_equal(packet.checksum, CHECKSUM_GOOD);
    assert_int_equal(packet.via, VIA_FRAGMENTS);
    assert_true(packet.outer == 0);
}

static const struct packet_counters *counters(void) { return packet_decoder_counters(decoder); }

static void test_any_order(void **state)
{
    (void)state;
    for (uint8_t version = 4; version <= 6; version = (uint8_t)(version + 2)) {
        for (unsigned order = 0; order < 256; order++) {
            const unsigned places[4] = { order & 3, order >> 2 & 3, order >> 4 & 3, order >> 6 };
            unsigned seen = 0;
            for (size_t i = 0; i < 4; i++)
                seen |= 1u << places[i];
            if (seen != 0xf)
                continue; /* no permutation */

            struct segment s = client;
            s.version = version;
            s.ip_id = (uint16_t)order;
            struct build whole;
            build_datagram(&whole, &s);
            for (size_t i = 0; i < 3; i++)
                assert_int_equal(feed(&whole, &s, (uint16_t)(places[i] * PIECE), PIECE),
                                 PACKET_FRAGMENT);
            assert_int_equal(feed(&whole, &s, (uint16_t)(places[3] * PIECE), PIECE), PACKET_TCP);
            assert_joined();
        }
    }
    assert_int_equal(counters()->fragments_joined, 48);
    assert_int_equal(counters()->fragments_evicted, 0);
}

/* The last fragment's length need not be a multiple of eight. */
static void test_odd_end(void **state)
{
    (void)state;
    struct build whole;
    build_start(&whole, "odd");
    build_tcp(&whole, &client);
    assert_int_equal(feed(&whole, &client, 16, 7), PACKET_FRAGMENT);
    assert_int_equal(feed(&whole, &client, 0, 16), PACKET_TCP);
    assert_int_equal(packet.payload_len, 3);
    assert_memory_equal(packet.payload, "odd", 3);
    assert_int_equal(packet.checksum, CHECKSUM_GOOD);
}

static void test_duplicates_change_nothing(void **state)
{
    (void)state;
    struct build whole;
    build_datagram(&whole, &client);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(feed(&whole, &client, 0, 32), PACKET_FRAGMENT);
        assert_int_equal(feed(&whole, &client, 48, 16), PACKET_FRAGMENT);
    }
    assert_int_equal(feed(&whole, &client, 32, 16), PACKET_TCP);
    assert_joined();
}

static void test_first_copy_wins(void **state)
{
    (void)state;
    struct build whole, forged;
    build_datagram(&whole, &client);
    forged = whole;
    memset(build_bytes(&forged), 'Z', build_len(&forged));

    assert_int_equal(feed(&whole, &client, 16, 16), PACKET_FRAGMENT);
    assert_int_equal(feed(&whole, &client, 56, 8), PACKET_FRAGMENT);
    assert_int_equal(feed(&forged, &client, 8, 24), PACKET_FRAGMENT); /* 8 to 16 are its own */
    assert_int_equal(feed(&whole, &client, 0, 24), PACKET_FRAGMENT);
    assert_int_equal(feed(&forged, &client, 32, 32), PACKET_TCP); /* up to 56 */

    assert_int_equal(packet.source_port, 40000);
    assert_int_equal(packet.checksum, CHECKSUM_BAD);
    assert_int_equal(packet.ack, 'Z' << 24 | 'Z' << 16 | 'Z' << 8 | 'Z'); /* at 8 to 12 */
    assert_memory_equal(packet.payload, payload, 12);                     /* 20 to 32 */
    assert_memory_equal(packet.payload + 12, "ZZZZZZZZZZZZZZZZZZZZZZZZ", 24);
    assert_memory_equal(packet.payload + 36, payload + 36, 8);
}

static void test_places_that_contradict(void **state)
{
    (void)state;
    struct build whole, b;
    build_datagram(&whole, &client);

    build_fragment(&b, &whole, &client, 0, 20, true); /* not a multiple of eight */
    assert_int_equal(decode(&b, RAW), PACKET_MALFORMED);
    build_fragment(&b, &whole, &client, 16, 0, true); /* empty */
    assert_int_equal(decode(&b, RAW), PACKET_MALFORMED);
    build_fragment(&b, &whole, &client, 0, 64, true);
    build_bytes(&b)[6] = 0x3f; /* offset 65528: ends behind what IP can hold */
    build_bytes(&b)[7] = 0xff;
    assert_int_equal(decode(&b, RAW), PACKET_MALFORMED);

    assert_int_equal(feed(&whole, &client, 48, 16), PACKET_FRAGMENT); /* the end is at 64 */
    build_fragment(&b, &whole, &client, 16, 16, false);               /* another end */
    assert_int_equal(decode(&b, RAW), PACKET_MALFORMED);
    build_fragment(&b, &whole, &client, 48, 16, true);
    build_bytes(&b)[7] = 7; /* from 56 to 72 */
    assert_int_equal(decode(&b, RAW), PACKET_MALFORMED);

    struct segment other = client;
    other.ip_id = 1;
    assert_int_equal(feed(&whole, &other, 32, 16), PACKET_FRAGMENT);
    build_fragment(&b, &whole, &other, 8, 16, false); /* ends before what was there */
    assert_int_equal(decode(&b, RAW), PACKET_MALFORMED);

    assert_int_equal(feed(&whole, &client, 0, 48), PACKET_TCP); /* none of this did harm */
    assert_joined();
}

/* Each of these differs from the first datagram in one thing and so never completes it. */
static void test_keys_are_told_apart(void **state)
{
    (void)state;
    struct build whole, b;
    build_datagram(&whole, &client);
    assert_int_equal(feed(&whole, &client, 0, 48), PACKET_FRAGMENT);

    struct segment other = client;
    other.ip_id = 1;
    assert_int_equal(feed(&whole, &other, 48, 16), PACKET_FRAGMENT);
    other = client;
    other.source = 9;
    assert_int_equal(feed(&whole, &other, 48, 16), PACKET_FRAGMENT);
    other = client;
    other.target = 9;
    assert_int_equal(feed(&whole, &other, 48, 16), PACKET_FRAGMENT);
    other = client;
    other.version = 6;
    assert_int_equal(feed(&whole, &other, 48, 16), PACKET_FRAGMENT);

    build_fragment(&b, &whole, &client, 48, 16, false);
    build_bytes(&b)[9] = 17; /* protocol */
    assert_int_equal(decode(&b, RAW), PACKET_FRAGMENT);

    build_fragment(&b, &whole, &client, 48, 16, false);
    struct frame frame = build_frame(&b, RAW);
    frame.interface = 1;
    assert_int_equal(packet_decode(decoder, &frame, 0, &packet), PACKET_FRAGMENT);
    frame.interface = 0;
    frame.file = 1;
    assert_int_equal(packet_decode(decoder, &frame, 0, &packet), PACKET_FRAGMENT);

    build_vlan(&b, 5, 0x0800); /* a tenant's network */
    build_ethernet(&b, 0x8100);
    assert_int_equal(decode(&b, 1), PACKET_FRAGMENT);

    assert_int_equal(feed(&whole, &client, 48, 16), PACKET_TCP);
    assert_joined();
}

static enum packet_verdict feed_at(struct build *whole, const struct segment *s, uint16_t offset,
                                   uint16_t len, int64_t time_ns)
{
    struct build b;
    build_fragment(&b, whole, s, offset, len, offset + len < build_len(whole));
    struct frame frame = build_frame(&b, RAW);
    frame.time_ns = time_ns;
    return packet_decode(decoder, &frame, 0, &packet);
}

static void test_expiry_by_capture_time(void **state)
{
    (void)state;
    const int64_t begin = INT64_C(1700000000) * 1000000000, age = (int64_t)LIMIT_FRAGMENT_NS;
    struct build whole;
    build_datagram(&whole, &client);

    assert_int_equal(feed_at(&whole, &client, 0, 48, begin), PACKET_FRAGMENT);
    assert_int_equal(feed_at(&whole, &client, 48, 16, begin + age), PACKET_TCP);

    assert_int_equal(feed_at(&whole, &client, 0, 48, begin + age), PACKET_FRAGMENT);
    assert_int_equal(feed_at(&whole, &client, 48, 16, begin + 2 * age + 1), PACKET_FRAGMENT);
    assert_int_equal(counters()->fragments_expired, 1);
    /* The second half has begun a datagram of its own; a frame of the past changes no clock. */
    assert_int_equal(feed_at(&whole, &client, 0, 48, begin), PACKET_TCP);
    assert_joined();
    assert_int_equal(counters()->fragments_joined, 2);
}

static void test_oldest_is_evicted(void **state)
{
    (void)state;
    struct segment s = client;
    struct build whole;
    build_datagram(&whole, &client);
    for (uint16_t id = 0; id < LIMIT_FRAGMENT_DATAGRAMS; id++) {
        s.ip_id = id;
        assert_int_equal(feed(&whole, &s, 0, 48), PACKET_FRAGMENT);
    }
    assert_int_equal(counters()->fragments_evicted, 0);

    s.ip_id = 1; /* touched again, and yet of the same age */
    assert_int_equal(feed(&whole, &s, 0, 48), PACKET_FRAGMENT);
    for (uint16_t id = 0; id < 2; id++) {
        s.ip_id = (uint16_t)(LIMIT_FRAGMENT_DATAGRAMS + id);
        assert_int_equal(feed(&whole, &s, 0, 48), PACKET_FRAGMENT);
    }
    assert_int_equal(counters()->fragments_evicted, 2);

    s.ip_id = 2; /* the oldest that is left */
    assert_int_equal(feed(&whole, &s, 48, 16), PACKET_TCP);
    s.ip_id = LIMIT_FRAGMENT_DATAGRAMS + 1;
    assert_int_equal(feed(&whole, &s, 48, 16), PACKET_TCP);
    for (uint16_t id = 0; id < 2; id++) {
        s.ip_id = id;
        assert_int_equal(feed(&whole, &s, 48, 16), PACKET_FRAGMENT);
    }
}

static void test_too_many_fragments(void **state)
{
    (void)state;
    struct build whole;
    build_datagram(&whole, &client);
    for (unsigned i = 0; i < LIMIT_FRAGMENTS_PER_DATAGRAM; i++)
        assert_int_equal(feed(&whole, &client, 0, 48), PACKET_FRAGMENT);
    assert_int_equal(counters()->fragments_evicted, 0);
    assert_int_equal(feed(&whole, &client, 48, 16), PACKET_FRAGMENT);
    assert_int_equal(counters()->fragments_evicted, 1);
    assert_int_equal(counters()->fragments_joined, 0);
}

/* What the snap length cut off does not come again. */
static void test_cut_fragment(void **state)
{
    (void)state;
    struct build whole, b;
    build_datagram(&whole, &client);
    build_fragment(&b, &whole, &client, 0, 48, true);
    struct frame frame = build_frame(&b, RAW);
    frame.captured--;
    assert_int_equal(packet_decode(decoder, &frame, 0, &packet), PACKET_SHORT);
    assert_int_equal(feed(&whole, &client, 48, 16), PACKET_FRAGMENT);
}

/* Payloads live until their block is released: a sanitizer sees to it. */
static void test_release(void **state)
{
    (void)state;
    enum { BLOCKS = 3 };
    struct packet packets[BLOCKS];
    struct build whole, b;
    build_datagram(&whole, &client);
    for (uint64_t block = 0; block < BLOCKS; block++) {
        assert_int_equal(feed(&whole, &client, 0, 48), PACKET_FRAGMENT);
        build_fragment(&b, &whole, &client, 48, 16, false);
        struct frame frame = build_frame(&b, RAW);
        assert_int_equal(packet_decode(decoder, &frame, 10 + block, &packets[block]), PACKET_TCP);
    }
    for (uint64_t block = 0; block < BLOCKS; block++) {
        for (uint64_t i = block; i < BLOCKS; i++)
            assert_int_equal(memcmp(packets[i].payload, payload, strlen(payload)), 0);
        packet_decoder_release(decoder, 10 + block);
    }
    packet_decoder_release(decoder, 10); /* nothing is left; no harm */
}

/* A header of options in the part that was cut into fragments. */
static void test_ipv6_options_inside(void **state)
{
    (void)state;
    struct segment s = client;
    s.version = 6;
    for (uint16_t first = 0; first < 2; first++) { /* in either order */
        struct build whole, pieces[2];
        s.ip_id = first;
        build_datagram(&whole, &s);
        build_push(&whole, "\6\0\1\4\0\0\0\0", 8);
        build_fragment(&pieces[0], &whole, &s, 0, 48, true);
        build_bytes(&pieces[0])[40] = 60;
        build_fragment(&pieces[1], &whole, &s, 48, 24, false); /* says TCP, which does not count */

        assert_int_equal(decode(&pieces[first], RAW), PACKET_FRAGMENT);
        assert_int_equal(decode(&pieces[1 - first], RAW), PACKET_TCP);
        assert_joined();
    }
}

/* The tunnel's packets are in pieces, and so is the packet inside. */
static void test_fragments_in_fragments(void **state)
{
    (void)state;
    struct segment outer = client;
    outer.source = 201;
    outer.target = 202;
    struct build whole, inner, piece;
    enum packet_verdict verdict = PACKET_OTHER;

    build_datagram(&whole, &client);
    for (uint16_t offset = 0; offset < 64; offset = (uint16_t)(offset + 32)) {
        build_fragment(&inner, &whole, &client, offset, 32, offset == 0);
        outer.ip_id = offset;
        for (uint16_t at = 0; at < 52; at = (uint16_t)(at + 32)) {
            uint16_t len = at == 0 ? 32 : 20;
            build_start_bytes(&piece, build_bytes(&inner) + at, len);
            build_ipv4_place(&piece, 4, &outer, (uint16_t)((at == 0 ? 0x2000 : 0) | at / 8));
            verdict = decode(&piece, RAW);
            if (offset + at < 64)
                assert_int_equal(verdict, PACKET_FRAGMENT);
        }
    }
    assert_int_equal(verdict, PACKET_TCP);
    assert_memory_equal(packet.payload, payload, strlen(payload));
    assert_int_equal(packet.source.bytes[3], 1);
    assert_int_equal(packet.via, VIA_FRAGMENTS | VIA_IPIP);
    assert_true(packet.outer != 0);
    assert_int_equal(counters()->fragments_joined, 3);
}

/* The largest datagram there is, in the smallest number of fragments the table allows. */
static void test_largest_datagram(void **state)
{
    (void)state;
    static uint8_t bytes[LIMIT_FRAGMENT_BYTES];
    struct packet_counters counted = { .fragments_joined = 0 };
    struct fragment_table *table = fragment_table_new(1, &counted);
    assert_non_null(table);
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)(i * 31);

    struct datagram joined;
    uint32_t step = 128;
    enum fragment_result result = FRAGMENT_BAD;
    for (uint32_t offset = 65408 /* 511 * 128 */;; offset -= step) {
        uint32_t len = offset + step < sizeof bytes ? step : (uint32_t)sizeof bytes - offset;
        struct fragment fragment = { .version = 4,
                                     .protocol = 6,
                                     .offset = offset,
                                     .more = len == step,
                                     .bytes = reader_of(bytes + offset, len) };
        result = fragment_add(table, &fragment, 0, 0, &joined);
        if (offset == 0)
            break;
        assert_int_equal(result, FRAGMENT_KEPT);
    }
    assert_int_equal(result, FRAGMENT_WHOLE);
    assert_int_equal(joined.bytes.left, sizeof bytes);
    assert_memory_equal(joined.bytes.at, bytes, sizeof bytes);
    fragment_table_free(table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FIXTURE_TEST(test_any_order),
        FIXTURE_TEST(test_odd_end),
        FIXTURE_TEST(test_duplicates_change_nothing),
        FIXTURE_TEST(test_first_copy_wins),
        FIXTURE_TEST(test_places_that_contradict),
        FIXTURE_TEST(test_keys_are_told_apart),
        FIXTURE_TEST(test_expiry_by_capture_time),
        FIXTURE_TEST(test_oldest_is_evicted),
        FIXTURE_TEST(test_too_many_fragments),
        FIXTURE_TEST(test_cut_fragment),
        FIXTURE_TEST(test_release),
        FIXTURE_TEST(test_ipv6_options_inside),
        FIXTURE_TEST(test_fragments_in_fragments),
        FIXTURE_TEST(test_largest_datagram),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
