/* SPDX-License-Identifier: Apache-2.0
 * test_tunnel.c - what is no tunnel though it looks like one, how deep is followed, and what
 * packet.outer tells apart.
 */
#include "packet_fixture.h"

#include "encapsulations.h"
#include "limits.h"

#define ETHERNET 1

static void build_inner(struct build *b, uint8_t version)
{
    struct segment s = encapsulated_segment(version, false);
    build_start(b, ENCAPSULATED_PAYLOAD);
    build_tcp(b, &s);
    build_ip(b, 6, &s);
}

/* An answer of DNS to a client that happens to use the port, and other payloads without meaning. */
static void test_ports_prove_nothing(void **state)
{
    (void)state;
    static const uint16_t ports[] = { 4789, 8472, 4790, 6081, 2152, 3544, 4754, 1701 };
    static const char dns[] = "\x1a\x2b\x81\x80\0\1\0\1\0\0\0\0\2mx\7example\0\0\1\0\1\xc0\x0c"
                              "\0\1\0\1\0\0\0\x3c\0\4\xc0\0\2\1";
    for (size_t i = 0; i < sizeof ports / sizeof ports[0]; i++) {
        struct build b;
        build_start_bytes(&b, dns, sizeof dns - 1);
        outer_udp(&b, ports[i], false);
        assert_int_equal(decode(&b, ETHERNET), PACKET_OTHER);
        for (size_t len = 0; len < 80; len++) {
            for (unsigned fill = 0; fill < 256; fill += 51) { /* 0, 0x33, … 0xff */
                uint8_t bytes[80];
                memset(bytes, (int)fill, sizeof bytes);
                build_start_bytes(&b, bytes, len);
                outer_udp(&b, ports[i], false);
                assert_int_equal(decode(&b, ETHERNET), PACKET_OTHER);
            }
        }
    }
}

/* A good packet of its tunnel, with one byte changed into what the specification does not allow or
 * what carries no packet. `at` counts from behind the outer IP header. */
static void test_headers_that_are_not_of_the_tunnel(void **state)
{
    (void)state;
    /* clang-format off */
    static const struct {
        const char *name;
        void (*wrap)(struct build *b, bool back);
        uint8_t version, at, value;
    } rows[] = {
        { "vxlan without valid id",   wrap_vxlan,        4,  8, 0x00 },
        { "vxlan gpe of NSH",         wrap_vxlan_gpe,    6, 11, 4 },
        { "vxlan gpe of nothing",     wrap_vxlan_gpe,    6, 11, 0 },
        { "geneve version 1",         wrap_geneve,       4,  8, 0x40 },
        { "geneve control",           wrap_geneve,       4,  9, 0x80 },
        { "geneve of ARP",            wrap_geneve_ip,    6, 11, 0x06 },
        { "gtp version 2",            wrap_gtp,          4,  8, 0x50 },
        { "gtp prime",                wrap_gtp,          4,  8, 0x20 },
        { "gtp echo",                 wrap_gtp,          4,  9, 1 },
        { "gtp end marker",           wrap_gtp,          4,  9, 254 },
        { "gtp length too long",      wrap_gtp,          4, 10, 1 },
        { "gtp without IP",           wrap_gtp,          4, 16, 0xff },
        { "gtp extension of 0",       wrap_gtp_extended, 6, 20, 0 },
        { "gtp extension too long",   wrap_gtp_extended, 6, 20, 200 },
        { "teredo of IPv4",           wrap_teredo,       6,  8, 0x45 },
        { "teredo too long",          wrap_teredo,       6, 12, 9 },
        { "l2tp control",             wrap_l2tp_short,   4,  8, 0x80 },
        { "l2tp version 3",           wrap_l2tp_short,   4,  9, 0x03 },
        { "l2tp reserved bit",        wrap_l2tp_short,   4,  8, 0x10 },
        { "l2tp too long",            wrap_l2tp,         4, 10, 1 },
        { "l2tp shorter than header", wrap_l2tp,         4, 11, 3 },
        { "gre with source route",    wrap_gre,          4,  0, 0x40 },
        { "gre version 2",            wrap_gre,          4,  1, 0x02 },
        { "gre reserved bit",         wrap_gre,          4,  1, 0x40 },
        { "gre of ARP",               wrap_gre,          4,  3, 0x06 },
        { "pptp of IP",               wrap_pptp,         4,  2, 0x08 },
        { "pptp acknowledgement",     wrap_pptp,         4,  0, 0x20 },
        { "pptp without key",         wrap_pptp,         4,  0, 0x10 },
        { "erspan 2 of version 2",    wrap_erspan2,      4,  8, 0x20 },
        { "erspan 3 of version 1",    wrap_erspan3,      4,  8, 0x10 },
        { "erspan 3 of CPU frames",   wrap_erspan3,      4, 18, 0x04 },
    };
    /* clang-format on */
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct build b;
        print_message("%s\n", rows[i].name);
        build_inner(&b, rows[i].version);
        rows[i].wrap(&b, false);
        assert_int_equal(decode(&b, ETHERNET), PACKET_TCP);

        uint8_t *at = build_bytes(&b) + 14 + 20 + rows[i].at;
        assert_int_not_equal(*at, rows[i].value);
        if (strcmp(rows[i].name, "pptp of IP") == 0)
            at[1] = 0;
        *at = rows[i].value;
        assert_int_equal(decode(&b, ETHERNET), PACKET_OTHER);
    }
}

/* Inside a tunnel that is one, what is broken is broken. */
static void test_broken_inside(void **state)
{
    (void)state;
    struct build b;
    build_inner(&b, 4);
    build_bytes(&b)[0] = 0x43; /* header of 12 bytes */
    wrap_vxlan(&b, false);
    assert_int_equal(decode(&b, ETHERNET), PACKET_MALFORMED);

    build_inner(&b, 4);
    build_bytes(&b)[9] = 1; /* ICMP */
    wrap_gtp(&b, false);
    assert_int_equal(decode(&b, ETHERNET), PACKET_OTHER);
}

/* UDP's own length ends the tunnel's packet. */
static void test_udp_length(void **state)
{
    (void)state;
    struct build b;
    build_inner(&b, 4);
    wrap_vxlan(&b, false);
    build_bytes(&b)[14 + 20 + 5] = 7;
    build_bytes(&b)[14 + 20 + 4] = 0;
    assert_int_equal(decode(&b, ETHERNET), PACKET_MALFORMED);
    build_bytes(&b)[14 + 20 + 5] = 8; /* nothing inside */
    assert_int_equal(decode(&b, ETHERNET), PACKET_OTHER);
}

static void test_answers_come_from_the_port(void **state)
{
    (void)state;
    struct build b;
    build_inner(&b, 6);
    build_udp(&b, 3544, 50000);
    outer_ip(&b, 4, 17, true);
    build_ethernet(&b, 0x0800);
    assert_int_equal(decode(&b, ETHERNET), PACKET_TCP);

    build_inner(&b, 4);
    build_ethernet(&b, 0x0800);
    build_u32(&b, 1u << 8);
    build_u32(&b, 0x08000000);
    build_udp(&b, 4789, 50000); /* VXLAN has no answers, only packets of the other side */
    outer_ip(&b, 4, 17, true);
    build_ethernet(&b, 0x0800);
    assert_int_equal(decode(&b, ETHERNET), PACKET_OTHER);
}

static void test_depth_is_bounded(void **state)
{
    (void)state;
    for (unsigned depth = LIMIT_ENCAPSULATIONS; depth <= LIMIT_ENCAPSULATIONS + 1; depth++) {
        enum packet_verdict expected =
            depth <= LIMIT_ENCAPSULATIONS ? PACKET_TCP : PACKET_MALFORMED;
        struct build b;
        build_inner(&b, 4);
        for (unsigned i = 0; i < depth; i++)
            outer_ip(&b, 4, 4, false);
        assert_int_equal(decode(&b, 101), expected);

        build_inner(&b, 4);
        for (unsigned i = 0; i < depth; i++)
            build_vlan(&b, 5, i == 0 ? 0x0800 : 0x8100);
        build_ethernet(&b, 0x8100);
        assert_int_equal(decode(&b, ETHERNET), expected);
    }
}

static void test_label_stack_is_bounded(void **state)
{
    (void)state;
    for (unsigned labels = LIMIT_MPLS_LABELS; labels <= LIMIT_MPLS_LABELS + 1; labels++) {
        struct build b;
        build_inner(&b, 4);
        for (unsigned i = 0; i < labels; i++)
            build_u32(&b, 0x00011040 | (i == 0 ? 0x100 : 0));
        build_ethernet(&b, 0x8847);
        assert_int_equal(decode(&b, ETHERNET),
                         labels <= LIMIT_MPLS_LABELS ? PACKET_TCP : PACKET_MALFORMED);
    }
}

static uint64_t outer_of(struct build *b)
{
    assert_int_equal(decode(b, ETHERNET), PACKET_TCP);
    return packet.outer;
}

/* One byte of a path's identity changed makes another path; of anything else, the same. `at` counts
 * from the start of the frame. */
static void test_outer_tells_paths_apart(void **state)
{
    (void)state;
    /* clang-format off */
    static const struct {
        const char *name;
        void (*wrap)(struct build *b, bool back);
        uint8_t version, at;
        bool differs;
    } rows[] = {
        { "vlan id",             wrap_vlan,         4, 15, true },
        { "vlan priority",       wrap_vlan,         4, 14, false }, /* the upper bit of the byte */
        { "outer tag of three",  wrap_qinq,         4, 15, true },
        { "inner tag of three",  wrap_qinq,         4, 23, true },
        { "pbb service",         wrap_pbb,          4, 21, true },
        { "mpls label",          wrap_mpls,         4, 15, false },
        { "pppoe session",       wrap_pppoe,        4, 21, true },
        { "outer address",       wrap_gre,          4, 29, true },
        { "mac address",         wrap_gre,          4,  5, false },
        { "gre key",             wrap_gre_full,     4, 42, true },
        { "gre sequence",        wrap_gre_full,     4, 49, false },
        { "nvgre tenant",        wrap_gre_ethernet, 4, 40, true },
        { "nvgre flow",          wrap_gre_ethernet, 4, 41, false },
        { "vlan inside",         wrap_gre_ethernet, 4, 57, true },
        { "erspan session",      wrap_erspan2,      4, 45, true },
        { "erspan index",        wrap_erspan2,      4, 49, false },
        { "erspan 3 session",    wrap_erspan3,      4, 45, true },
        { "vxlan network",       wrap_vxlan,        4, 48, true },
        { "vxlan source port",   wrap_vxlan,        4, 34, false },
        { "geneve network",      wrap_geneve,       4, 48, true },
        { "gtp tunnel",          wrap_gtp,          4, 49, false },
        { "l2tp session",        wrap_l2tp_short,   4, 47, false },
    };
    /* clang-format on */
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct build b;
        print_message("%s\n", rows[i].name);
        build_inner(&b, rows[i].version);
        rows[i].wrap(&b, false);
        uint64_t before = outer_of(&b);
        build_bytes(&b)[rows[i].at] ^= 0x80;
        assert_int_equal(outer_of(&b) != before, rows[i].differs);
    }
}

/* Small keys are those of plain GRE: all their bits count. */
static void test_small_keys_count_whole(void **state)
{
    (void)state;
    uint64_t outer[2];
    for (uint32_t key = 1; key <= 2; key++) {
        struct build b;
        build_inner(&b, 4);
        build_ethernet(&b, 0x0800);
        build_u32(&b, key);
        outer_gre(&b, 0x2000, 0x6558, false);
        outer[key - 1] = outer_of(&b);
    }
    assert_true(outer[0] != outer[1]);
}

/* Id 0 gives a priority to a frame of no VLAN. */
static void test_priority_tag_is_no_network(void **state)
{
    (void)state;
    struct build b;
    build_inner(&b, 4);
    build_vlan(&b, 0, 0x0800);
    build_ethernet(&b, 0x8100);
    assert_true(outer_of(&b) == 0);
    assert_int_equal(packet.vlan, 0);
    assert_int_equal(packet.via, VIA_VLAN);
}

static void test_outer_depends_on_the_key_only(void **state)
{
    (void)state;
    struct build b;
    build_inner(&b, 4);
    wrap_vxlan(&b, false);
    uint64_t first = outer_of(&b);
    struct frame frame = build_frame(&b, ETHERNET);

    for (uint64_t key = 42; key <= 43; key++) {
        struct packet_decoder *other = packet_decoder_new(key);
        assert_non_null(other);
        assert_int_equal(packet_decode(other, &frame, 0, &packet), PACKET_TCP);
        assert_int_equal(packet.outer == first, key == 42);
        packet_decoder_free(other);
    }
}

static void test_names(void **state)
{
    (void)state;
    for (unsigned bit = 1; bit <= VIA_L2TP; bit <<= 1)
        assert_true(strlen(packet_via_name((enum packet_via)bit)) >= 3);
    assert_string_equal(packet_via_name(VIA_VLAN), "vlan");
    assert_string_equal(packet_via_name(VIA_FRAGMENTS), "fragments");
    assert_string_equal(packet_via_name((enum packet_via)0), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FIXTURE_TEST(test_ports_prove_nothing),
        FIXTURE_TEST(test_headers_that_are_not_of_the_tunnel),
        FIXTURE_TEST(test_broken_inside),
        FIXTURE_TEST(test_udp_length),
        FIXTURE_TEST(test_answers_come_from_the_port),
        FIXTURE_TEST(test_depth_is_bounded),
        FIXTURE_TEST(test_label_stack_is_bounded),
        FIXTURE_TEST(test_outer_tells_paths_apart),
        FIXTURE_TEST(test_small_keys_count_whole),
        FIXTURE_TEST(test_priority_tag_is_no_network),
        FIXTURE_TEST(test_outer_depends_on_the_key_only),
        FIXTURE_TEST(test_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
