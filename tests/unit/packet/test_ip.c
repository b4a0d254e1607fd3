/* SPDX-License-Identifier: Apache-2.0
 * test_ip.c - IPv4, IPv6 with extension headers, TCP: lengths, options, checksums.
 */
#include "packet_fixture.h"

#include "limits.h"
#include "wrap_link.h"

#define RAW 101

static const struct segment client4 = {
    .version = 4,
    .source = 1,
    .target = 2,
    .source_port = 40000,
    .target_port = 25,
    .flags = TCP_ACK,
};
static const struct segment client6 = {
    .version = 6,
    .source = 1,
    .target = 2,
    .source_port = 40000,
    .target_port = 25,
    .flags = TCP_ACK,
};

static void build_segment(struct build *b, const struct segment *s, const char *payload)
{
    build_start(b, payload);
    build_tcp(b, s);
}

static void build_packet(struct build *b, const struct segment *s, const char *payload)
{
    build_segment(b, s, payload);
    build_ip(b, 6, s);
}

static void test_frame_is_named(void **state)
{
    (void)state;
    struct build b;
    build_packet(&b, &client4, "x");
    struct frame frame = build_frame(&b, RAW);
    frame.number = 12345678901;
    frame.file = 7;
    frame.interface = 9;
    frame.time_ns = 77;

    assert_int_equal(packet_decode(decoder, &frame, 0, &packet), PACKET_TCP);
    assert_int_equal(packet.frame, 12345678901);
    assert_int_equal(packet.file, 7);
    assert_int_equal(packet.interface, 9);
    assert_int_equal(packet.time_ns, 77);
    assert_int_equal(packet.clock_ns, 77);
}

static void test_clock_never_falls(void **state)
{
    (void)state;
    const int64_t times[] = { -5, 100, 50, 200 }, clocks[] = { -5, 100, 100, 200 };
    struct build b;
    build_packet(&b, &client4, "x");
    for (size_t i = 0; i < 4; i++) {
        struct frame frame = build_frame(&b, RAW);
        frame.time_ns = times[i];
        assert_int_equal(packet_decode(decoder, &frame, 0, &packet), PACKET_TCP);
        assert_int_equal(packet.time_ns, times[i]);
        assert_int_equal(packet.clock_ns, clocks[i]);
    }
}

/* Every length, so that every tail of the summing loop is met; and every changed byte shows. */
static void test_checksums(void **state)
{
    (void)state;
    uint8_t payload[80];
    for (size_t i = 0; i < sizeof payload; i++)
        payload[i] = (uint8_t)(i * 37 + 200);

    for (size_t len = 0; len <= sizeof payload; len++) {
        for (int six = 0; six < 2; six++) {
            const struct segment *s = six ? &client6 : &client4;
            struct build b;
            build_start_bytes(&b, payload, len);
            build_tcp(&b, s);
            build_ip(&b, 6, s);
            assert_int_equal(decode(&b, RAW), PACKET_TCP);
            assert_int_equal(packet.checksum, CHECKSUM_GOOD);

            size_t address = six ? 8 : 12, ports = six ? 40 : 20;
            const size_t places[] = { address, address + 3, ports, build_len(&b) - 1 };
            for (size_t i = 0; i < 4; i++) {
                build_bytes(&b)[places[i]] ^= 0x40;
                assert_int_equal(decode(&b, RAW), PACKET_TCP);
                assert_int_equal(packet.checksum, CHECKSUM_BAD);
                build_bytes(&b)[places[i]] ^= 0x40;
            }
        }
    }
    assert_int_equal(packet_decoder_counters(decoder)->bad_checksums, 81 * 2 * 4);

    uint8_t large[5000] = { 1 }; /* the length has two bytes in the sum */
    struct build b;
    build_start_bytes(&b, large, sizeof large);
    build_tcp(&b, &client4);
    build_ip(&b, 6, &client4);
    assert_int_equal(decode(&b, RAW), PACKET_TCP);
    assert_int_equal(packet.checksum, CHECKSUM_GOOD);
}

static void test_syn_options(void **state)
{
    (void)state;
    /* clang-format off */
    static const struct {
        uint8_t flags;
        uint8_t len;
        uint8_t options[12];
        uint16_t mss;
        uint8_t window_scale;
    } rows[] = {
        { TCP_SYN, 8, { 2, 4, 0x05, 0xb4, 1, 3, 3, 7 }, 1460, 7 },
        { TCP_SYN | TCP_ACK, 12, { 3, 3, 0, 2, 4, 0x02, 0x18, 2, 4, 9, 9, 0 }, 536, 0 }, /* first wins */
        { TCP_ACK, 8, { 2, 4, 0x05, 0xb4, 1, 3, 3, 7 }, 0, 0xff },                /* only with SYN */
        { TCP_SYN, 4, { 0, 3, 3, 7 }, 0, 0xff },                                  /* behind the end */
        { TCP_SYN, 4, { 2, 0, 0x05, 0xb4 }, 0, 0xff },                            /* no length */
        { TCP_SYN, 4, { 8, 1, 3, 3 }, 0, 0xff },
        { TCP_SYN, 4, { 2, 5, 0x05, 0xb4 }, 0, 0xff },                            /* too long */
        { TCP_SYN, 8, { 2, 3, 5, 3, 4, 1, 1, 0 }, 0, 0xff },                      /* of a wrong length */
        { TCP_SYN, 4, { 1, 1, 1, 3 }, 0, 0xff },                                  /* cut */
        { TCP_SYN, 0, { 0 }, 0, 0xff },
    };
    /* clang-format on */
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct segment s = client4;
        s.flags = rows[i].flags;
        s.options = rows[i].options;
        s.options_len = rows[i].len;
        struct build b;
        build_packet(&b, &s, "data");

        assert_int_equal(decode(&b, RAW), PACKET_TCP);
        assert_int_equal(packet.mss, rows[i].mss);
        assert_int_equal(packet.window_scale, rows[i].window_scale);
        assert_int_equal(packet.payload_len, 4);
        assert_int_equal(packet.checksum, CHECKSUM_GOOD);
    }
}

/* Captured on the sender, before the network card wrote the lengths. */
static void test_length_zero_is_all_there_is(void **state)
{
    (void)state;
    struct build b;
    build_packet(&b, &client4, "0123456789");
    build_bytes(&b)[2] = build_bytes(&b)[3] = 0;
    assert_int_equal(decode(&b, RAW), PACKET_TCP);
    assert_int_equal(packet.payload_len, 10);
    assert_int_equal(packet.payload_wire, 10);

    build_packet(&b, &client6, "0123456789");
    build_bytes(&b)[4] = build_bytes(&b)[5] = 0;
    assert_int_equal(decode(&b, RAW), PACKET_TCP);
    assert_int_equal(packet.payload_len, 10);
    assert_int_equal(packet.checksum, CHECKSUM_GOOD);

    struct frame frame = build_frame(&b, RAW);
    frame.wire += 1000; /* cut by the snap length besides */
    assert_int_equal(packet_decode(decoder, &frame, 0, &packet), PACKET_TCP);
    assert_int_equal(packet.payload_len, 10);
    assert_int_equal(packet.payload_wire, 1010);
    assert_int_equal(packet.checksum, CHECKSUM_UNKNOWN);
}

/* Cut by a tool that wrote the new length as the original one. */
static void test_more_announced_than_there_is(void **state)
{
    (void)state;
    struct build b;
    build_packet(&b, &client4, "0123456789");
    build_bytes(&b)[2] = 4;
    build_bytes(&b)[3] = 0;
    assert_int_equal(decode(&b, RAW), PACKET_TCP);
    assert_int_equal(packet.payload_len, 10);
    assert_int_equal(packet.payload_wire, 1024 - 40);
    assert_int_equal(packet.checksum, CHECKSUM_UNKNOWN);
    assert_int_equal(packet_decoder_counters(decoder)->truncated, 1);
}

/* PPPoE's length was seen whole and says less than IP does. */
static void test_outer_length_wins(void **state)
{
    (void)state;
    struct build b;
    build_packet(&b, &client4, "0123456789");
    build_bytes(&b)[3] = (uint8_t)(build_bytes(&b)[3] + 6);
    wrap_pppoe_header(&b, false);
    assert_int_equal(decode(&b, 51), PACKET_TCP);
    assert_int_equal(packet.payload_len, 10);
    assert_int_equal(packet.payload_wire, 10);
    assert_int_equal(packet_decoder_counters(decoder)->truncated, 0);
}

static void test_contradictions_are_malformed(void **state)
{
    (void)state;
    static const struct {
        uint8_t version, at, value;
    } rows[] = {
        { 4, 0, 0x55 },  /* version 5 */
        { 4, 0, 0x44 },  /* header of 16 bytes */
        { 4, 3, 19 },    /* total below the header */
        { 4, 3, 30 },    /* total cuts TCP's header */
        { 4, 32, 0x40 }, /* TCP header of 16 bytes */
        { 4, 32, 0x70 }, /* TCP header of 28, with 24 left */
        { 6, 0, 0x50 },  /* version 5 */
        { 6, 5, 10 },    /* length cuts TCP's header */
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct build b;
        build_packet(&b, rows[i].version == 4 ? &client4 : &client6, "0123");
        build_bytes(&b)[rows[i].at] = rows[i].value;
        assert_int_equal(decode(&b, RAW), PACKET_MALFORMED);
    }
    assert_int_equal(packet_decoder_counters(decoder)->verdicts[PACKET_MALFORMED], 8);

    /* The link type says IPv4, the packet something else. */
    struct build b;
    build_packet(&b, &client6, "0123");
    assert_int_equal(decode(&b, 228), PACKET_MALFORMED);
    build_packet(&b, &client4, "0123");
    assert_int_equal(decode(&b, 229), PACKET_MALFORMED);
}

static void test_other_protocols(void **state)
{
    (void)state;
    static const uint8_t protocols[] = { 1, 17, 50, 58, 59, 89, 132, 255 };
    for (size_t i = 0; i < sizeof protocols; i++) {
        struct build b;
        build_segment(&b, &client4, "data");
        build_bytes(&b)[5] = 24; /* where UDP has its length */
        build_ip(&b, protocols[i], &client4);
        assert_int_equal(decode(&b, RAW), PACKET_OTHER);
        build_segment(&b, &client6, "data");
        build_bytes(&b)[5] = 24;
        build_ip(&b, protocols[i], &client6);
        assert_int_equal(decode(&b, RAW), PACKET_OTHER);
    }
    assert_int_equal(packet_decoder_counters(decoder)->verdicts[PACKET_OTHER], 16);
}

static void test_ipv4_options_are_skipped(void **state)
{
    (void)state;
    struct build b;
    build_packet(&b, &client4, "data");
    uint8_t header[20];
    memcpy(header, build_bytes(&b), sizeof header);
    header[0] = 0x47;
    header[3] = (uint8_t)(header[3] + 8);
    b.at += 20;
    build_push(&b, "\x94\4\0\0\1\1\1\0", 8); /* router alert */
    build_push(&b, header, sizeof header);

    assert_int_equal(decode(&b, RAW), PACKET_TCP);
    assert_int_equal(packet.target_port, 25);
    assert_int_equal(packet.checksum, CHECKSUM_GOOD);
}

static void test_authentication_header(void **state)
{
    (void)state;
    for (int six = 0; six < 2; six++) {
        const struct segment *s = six ? &client6 : &client4;
        struct build b;
        build_segment(&b, s, "data");
        build_zeros(&b, 20);
        build_u32(&b, 0x06040000); /* TCP follows after (4 + 2) * 4 bytes */
        build_ip(&b, 51, s);
        assert_int_equal(decode(&b, RAW), PACKET_TCP);
        assert_int_equal(packet.target_port, 25);
        assert_int_equal(packet.checksum, CHECKSUM_GOOD);
    }
}

static void test_extension_headers(void **state)
{
    (void)state;
    struct build b;
    build_segment(&b, &client6, "data");
    build_push(&b, "\6\0\0\0\0\0\0\7", 8);                    /* atomic fragment -> TCP */
    build_push(&b, "\x2c\1\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 16); /* destination options -> fragment */
    build_push(&b, "\x3c\0\0\0\0\0\0\0", 8);                  /* routing, arrived -> destination */
    build_push(&b, "\x2b\0\0\0\0\0\0\0", 8);                  /* mobility -> routing */
    build_push(&b, "\x87\0\1\4\0\0\0\0", 8);                  /* hop by hop -> mobility */
    build_ip(&b, 0, &client6);

    assert_int_equal(decode(&b, RAW), PACKET_TCP);
    assert_int_equal(packet.target_port, 25);
    assert_int_equal(packet.checksum, CHECKSUM_GOOD);
    assert_int_equal(packet.via, 0);
}

static void test_extension_headers_are_bounded(void **state)
{
    (void)state;
    for (unsigned count = LIMIT_IPV6_EXTENSIONS; count <= LIMIT_IPV6_EXTENSIONS + 1; count++) {
        struct build b;
        build_segment(&b, &client6, "data");
        for (unsigned i = 0; i < count; i++)
            build_push(&b, i == 0 ? "\6\0\0\0\0\0\0\0" : "\x3c\0\0\0\0\0\0\0", 8);
        build_ip(&b, 60, &client6);
        assert_int_equal(decode(&b, RAW),
                         count <= LIMIT_IPV6_EXTENSIONS ? PACKET_TCP : PACKET_MALFORMED);
    }
}

/* The list has 2001:db8::8 and the final 2001:db8::2, in the order of its kind. */
static void test_routing_header_names_the_target(void **state)
{
    (void)state;
    static const struct {
        uint8_t type;
        uint8_t first, second;
        enum packet_verdict verdict;
    } rows[] = {
        { 0, 8, 2, PACKET_TCP },
        { 2, 8, 2, PACKET_TCP },
        { 4, 2, 8, PACKET_TCP },
        { 9, 8, 2, PACKET_OTHER },
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct build b;
        uint8_t first[16], second[16];
        build_address(6, rows[i].first, first);
        build_address(6, rows[i].second, second);
        build_segment(&b, &client6, "data");
        build_push(&b, second, 16);
        build_push(&b, first, 16);
        build_u32(&b, 0);
        build_u32(&b, 0x06040001 | (uint32_t)rows[i].type << 8);
        struct segment hop = client6;
        hop.target = 99;
        build_ip(&b, 43, &hop);

        assert_int_equal(decode(&b, RAW), rows[i].verdict);
        if (rows[i].verdict != PACKET_TCP)
            continue;
        assert_int_equal(packet.target.bytes[15], 2);
        assert_int_equal(packet.checksum, CHECKSUM_GOOD);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FIXTURE_TEST(test_frame_is_named),
        FIXTURE_TEST(test_clock_never_falls),
        FIXTURE_TEST(test_checksums),
        FIXTURE_TEST(test_syn_options),
        FIXTURE_TEST(test_length_zero_is_all_there_is),
        FIXTURE_TEST(test_more_announced_than_there_is),
        FIXTURE_TEST(test_outer_length_wins),
        FIXTURE_TEST(test_contradictions_are_malformed),
        FIXTURE_TEST(test_other_protocols),
        FIXTURE_TEST(test_ipv4_options_are_skipped),
        FIXTURE_TEST(test_authentication_header),
        FIXTURE_TEST(test_extension_headers),
        FIXTURE_TEST(test_extension_headers_are_bounded),
        FIXTURE_TEST(test_routing_header_names_the_target),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
