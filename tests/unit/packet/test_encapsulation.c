/* SPDX-License-Identifier: Apache-2.0
 * test_encapsulation.c - what holds for a segment in every wrapping of encapsulations.h.
 */
#include "packet_fixture.h"

#include <stdlib.h>

#include "encapsulations.h"

static void assert_segment(uint8_t version, bool back)
{
    struct segment s = encapsulated_segment(version, back);
    struct address source, target;
    build_address(version, s.source, source.bytes);
    build_address(version, s.target, target.bytes);

    assert_memory_equal(&packet.source, &source, sizeof source);
    assert_memory_equal(&packet.target, &target, sizeof target);
    assert_int_equal(packet.source_port, s.source_port);
    assert_int_equal(packet.target_port, s.target_port);
    assert_int_equal(packet.ip_version, version);
    assert_int_equal(packet.ttl, 63);
    assert_int_equal(packet.ip_id, version == 4 ? s.ip_id : 0);
    assert_int_equal(packet.seq, s.seq);
    assert_int_equal(packet.ack, s.ack);
    assert_int_equal(packet.tcp_flags, s.flags);
    assert_int_equal(packet.window, s.window);
    assert_int_equal(packet.payload_wire, strlen(ENCAPSULATED_PAYLOAD));
}

static void test_segment_is_found(void **state)
{
    (void)state;
    for (size_t i = 0; i < ENCAPSULATION_COUNT; i++) {
        const struct encapsulation *e = &encapsulations[i];
        struct build b;
        struct frame frame = encapsulate(&b, e, false);

        print_message("%s\n", e->name);
        assert_int_equal(packet_decode(decoder, &frame, 0, &packet), PACKET_TCP);
        assert_segment(e->version, false);
        assert_int_equal(packet.payload_len, strlen(ENCAPSULATED_PAYLOAD));
        assert_memory_equal(packet.payload, ENCAPSULATED_PAYLOAD, packet.payload_len);
        assert_int_equal(packet.checksum, CHECKSUM_GOOD);
        assert_int_equal(packet.via, e->via);
        assert_int_equal(packet.vlan, e->vlan);
        assert_int_equal(packet.outer != 0, e->outside);
    }
}

/* Whatever differs by direction (labels, tunnel endpoints, calls) is no part of it. */
static void test_outer_is_the_same_both_ways(void **state)
{
    (void)state;
    for (size_t i = 0; i < ENCAPSULATION_COUNT; i++) {
        const struct encapsulation *e = &encapsulations[i];
        struct build there, back;
        struct frame forth_frame = encapsulate(&there, e, false);
        struct frame back_frame = encapsulate(&back, e, true);

        print_message("%s\n", e->name);
        assert_int_equal(packet_decode(decoder, &forth_frame, 0, &packet), PACKET_TCP);
        uint64_t outer = packet.outer;
        assert_int_equal(packet_decode(decoder, &back_frame, 0, &packet), PACKET_TCP);
        assert_segment(e->version, true);
        assert_true(packet.outer == outer);
    }
}

/* The copy has exactly the captured bytes, so that a sanitizer sees a read past them. */
static enum packet_verdict decode_cut(const struct frame *frame, uint32_t len, bool snapped)
{
    uint8_t *copy = malloc(len > 0 ? len : 1);
    assert_non_null(copy);
    memcpy(copy, frame->data, len);

    struct frame cut = *frame;
    cut.data = copy;
    cut.captured = len;
    cut.wire = snapped ? frame->wire : len;
    enum packet_verdict verdict = packet_decode(decoder, &cut, 0, &packet);
    free(copy);
    return verdict;
}

static void test_every_snap_length(void **state)
{
    (void)state;
    for (size_t i = 0; i < ENCAPSULATION_COUNT; i++) {
        const struct encapsulation *e = &encapsulations[i];
        struct build b;
        struct frame frame = encapsulate(&b, e, false);
        uint32_t payload = (uint32_t)strlen(ENCAPSULATED_PAYLOAD);
        uint32_t headers = frame.wire - payload;

        print_message("%s\n", e->name);
        for (uint32_t len = 0; len < headers; len++)
            assert_int_equal(decode_cut(&frame, len, true), PACKET_SHORT);
        for (uint32_t len = headers; len < frame.wire; len++) {
            assert_int_equal(decode_cut(&frame, len, true), PACKET_TCP);
            assert_segment(e->version, false);
            assert_int_equal(packet.payload_len, len - headers);
            assert_int_equal(packet.checksum, CHECKSUM_UNKNOWN);
        }
    }
    const struct packet_counters *counters = packet_decoder_counters(decoder);
    assert_int_equal(counters->truncated, ENCAPSULATION_COUNT * strlen(ENCAPSULATED_PAYLOAD));
}

/* A frame that is too short by itself has no whole segment and nothing is read behind it. */
static void test_every_truncation(void **state)
{
    (void)state;
    for (size_t i = 0; i < ENCAPSULATION_COUNT; i++) {
        const struct encapsulation *e = &encapsulations[i];
        struct build b;
        struct frame frame = encapsulate(&b, e, false);
        uint32_t headers = frame.wire - (uint32_t)strlen(ENCAPSULATED_PAYLOAD);

        print_message("%s\n", e->name);
        for (uint32_t len = 0; len < frame.wire; len++) {
            enum packet_verdict verdict = decode_cut(&frame, len, false);
            if (len < headers)
                assert_int_not_equal(verdict, PACKET_TCP);
            if (verdict == PACKET_TCP)
                assert_int_not_equal(packet.checksum, CHECKSUM_GOOD);
        }
    }
}

/* Padding behind the packet belongs to nobody. */
static void test_padding_is_cut_off(void **state)
{
    (void)state;
    for (size_t i = 0; i < ENCAPSULATION_COUNT; i++) {
        const struct encapsulation *e = &encapsulations[i];
        struct build b;
        struct frame frame = encapsulate(&b, e, false);
        uint8_t padded[BUILD_ROOM];
        memcpy(padded, frame.data, frame.captured);
        memset(padded + frame.captured, 0xee, 9);
        frame.data = padded;
        frame.captured += 9;
        frame.wire += 9;

        assert_int_equal(packet_decode(decoder, &frame, 0, &packet), PACKET_TCP);
        assert_segment(e->version, false);
        assert_int_equal(packet.payload_len, strlen(ENCAPSULATED_PAYLOAD));
        assert_int_equal(packet.checksum, CHECKSUM_GOOD);
    }
}

/* Where a layer has a length of its own, it ends a packet that has none (captured before the
 * network card filled it in). */
static void test_lengths_of_layers(void **state)
{
    (void)state;
    static const char *const names[] = {
        "802.3 snap", "vlan snap", "pppoe", "nflog", "802.11 aggregate",
        "pptp",       "vxlan",     "gtp",   "l2tp",  "ip in ip",
    };
    size_t met = 0;
    for (size_t i = 0; i < ENCAPSULATION_COUNT; i++) {
        const struct encapsulation *e = &encapsulations[i];
        bool listed = false;
        for (size_t n = 0; n < sizeof names / sizeof names[0]; n++)
            listed = listed || strcmp(names[n], e->name) == 0;
        if (!listed)
            continue;
        met++;

        struct segment segment = encapsulated_segment(4, false);
        struct build ip, b;
        build_start(&ip, ENCAPSULATED_PAYLOAD);
        build_tcp(&ip, &segment);
        build_ip(&ip, 6, &segment);
        build_bytes(&ip)[2] = build_bytes(&ip)[3] = 0;
        e->wrap(&ip, false);
        uint8_t padded[BUILD_ROOM];
        size_t len = build_len(&ip);
        memcpy(padded, build_bytes(&ip), len);
        memset(padded + len, 0xee, 5);
        build_start_bytes(&b, padded, len + 5);

        print_message("%s\n", e->name);
        assert_int_equal(decode(&b, e->link_type), PACKET_TCP);
        assert_int_equal(packet.payload_wire, strlen(ENCAPSULATED_PAYLOAD));
    }
    assert_int_equal(met, sizeof names / sizeof names[0]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FIXTURE_TEST(test_segment_is_found),   FIXTURE_TEST(test_outer_is_the_same_both_ways),
        FIXTURE_TEST(test_every_snap_length),  FIXTURE_TEST(test_every_truncation),
        FIXTURE_TEST(test_padding_is_cut_off), FIXTURE_TEST(test_lengths_of_layers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
