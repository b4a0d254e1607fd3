/* SPDX-License-Identifier: Apache-2.0
 * test_link.c - frames of link layers that carry no TCP, or cannot be followed.
 */
#include "packet_fixture.h"

#include "encapsulations.h"

static void test_unknown_link_types(void **state)
{
    (void)state;
    static const uint16_t link_types[] = { 2, 7, 147, 189, 65535 };
    struct build b;
    build_start(&b, "anything at all, and not short either");
    for (size_t i = 0; i < 5; i++)
        assert_int_equal(decode(&b, link_types[i]), PACKET_UNKNOWN);
    assert_int_equal(packet_decoder_counters(decoder)->verdicts[PACKET_UNKNOWN], 5);
}

/* One byte of a good frame is changed. */
static void test_not_followed(void **state)
{
    (void)state;
    /* clang-format off */
    static const struct {
        const char *name;
        uint16_t link_type;
        uint8_t version;
        void (*wrap)(struct build *b, bool back);
        uint8_t at, value;
        enum packet_verdict verdict;
    } rows[] = {
        { "arp",                    1, 4, wrap_ethernet4,      13, 0x06, PACKET_OTHER },
        { "ipv6 by type, ipv4 in",  1, 6, wrap_ethernet6,      14, 0x45, PACKET_MALFORMED },
        { "spanning tree",          1, 4, wrap_llc_snap,       14, 0x42, PACKET_OTHER },
        { "llc with sequence",      1, 4, wrap_llc_snap,       16, 0x00, PACKET_OTHER },
        { "snap of a maker",        1, 4, wrap_llc_snap,       19, 0x0c, PACKET_OTHER },
        { "snap of bridges",        1, 4, wrap_llc_snap,       19, 0xf8, PACKET_TCP },
        { "vlan of arp",            1, 4, wrap_vlan,           17, 0x06, PACKET_OTHER },
        { "pppoe terminate",        1, 4, wrap_pppoe,          19, 0xa7, PACKET_OTHER },
        { "pppoe version 2",        1, 4, wrap_pppoe,          18, 0x21, PACKET_OTHER },
        { "ppp lcp",                9, 4, wrap_ppp,             2, 0xc0, PACKET_OTHER },
        { "c-hdlc keep-alive",    104, 4, wrap_chdlc,           2, 0x80, PACKET_OTHER },
        { "null without family",    0, 4, wrap_null_little,     0, 0x00, PACKET_OTHER },
        { "null of 16 bits",        0, 4, wrap_null_little,     1, 0x02, PACKET_OTHER },
        { "null of IP version 5",   0, 4, wrap_null_little,     4, 0x55, PACKET_MALFORMED },
        { "fddi management",       10, 4, wrap_fddi,            0, 0x41, PACKET_OTHER },
        { "sll of arp",           113, 4, wrap_sll,            15, 0x06, PACKET_OTHER },
        { "sll of 802.3",         113, 4, wrap_sll,            14, 0x00, PACKET_OTHER },
        { "sll2 of arp",          276, 6, wrap_sll2,            0, 0x08, PACKET_OTHER },
        { "nflog without packet", 239, 4, wrap_nflog,          14, 0x0a, PACKET_OTHER },
        { "nflog of no length",   239, 4, wrap_nflog,           4, 0x03, PACKET_MALFORMED },
        { "nflog too long",       239, 4, wrap_nflog,           5, 0x30, PACKET_MALFORMED },
        { "beacon",               105, 4, wrap_wifi,            0, 0x80, PACKET_OTHER },
        { "null data",            105, 4, wrap_wifi,            0, 0x48, PACKET_OTHER },
        { "encrypted",            105, 4, wrap_wifi,            1, 0x42, PACKET_OTHER },
        { "first fragment",       105, 4, wrap_wifi,            1, 0x06, PACKET_OTHER },
        { "later fragment",       105, 4, wrap_wifi,           22, 0x01, PACKET_OTHER },
        { "radiotap version 1",   127, 4, wrap_radiotap,        0, 0x01, PACKET_MALFORMED },
        { "radiotap of 7 bytes",  127, 4, wrap_radiotap,        2, 0x07, PACKET_MALFORMED },
        { "radiotap too long",    127, 4, wrap_radiotap,        3, 0x07, PACKET_MALFORMED },
        { "prism of 4 bytes",     119, 4, wrap_prism,           4, 0x04, PACKET_MALFORMED },
        { "avs too long",         163, 4, wrap_avs,             6, 0x04, PACKET_MALFORMED },
        { "ppi of unknown",       192, 4, wrap_ppi,             4, 0x02, PACKET_UNKNOWN },
        { "ppi of 7 bytes",       192, 4, wrap_ppi,             2, 0x07, PACKET_MALFORMED },
    };
    /* clang-format on */
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct segment s = encapsulated_segment(rows[i].version, false);
        struct build b;
        print_message("%s\n", rows[i].name);
        build_start(&b, ENCAPSULATED_PAYLOAD);
        build_tcp(&b, &s);
        build_ip(&b, 6, &s);
        rows[i].wrap(&b, false);
        assert_int_equal(decode(&b, rows[i].link_type), PACKET_TCP);

        assert_int_not_equal(build_bytes(&b)[rows[i].at], rows[i].value);
        build_bytes(&b)[rows[i].at] = rows[i].value;
        assert_int_equal(decode(&b, rows[i].link_type), rows[i].verdict);
    }
}

/* Cooked captures of devices whose protocol field means something else. */
static void test_hardware_of_cooked_captures(void **state)
{
    (void)state;
    struct segment s = encapsulated_segment(4, false);
    struct build b;
    build_start(&b, ENCAPSULATED_PAYLOAD);
    build_tcp(&b, &s);
    build_ip(&b, 6, &s);
    struct build ip = b;

    wrap_sll(&b, false);
    build_bytes(&b)[2] = 824 >> 8; /* netlink, where 0x800 would be a family */
    build_bytes(&b)[3] = 824 & 0xff;
    assert_int_equal(decode(&b, 113), PACKET_OTHER);

    b = ip;
    wrap_radiotap(&b, false);
    wrap_sll(&b, false);
    build_bytes(&b)[2] = 803 >> 8;
    build_bytes(&b)[3] = 803 & 0xff;
    assert_int_equal(decode(&b, 113), PACKET_TCP);
}

/* A header whose presence bits never end stays inside its own length. */
static void test_radiotap_presence_is_bounded(void **state)
{
    (void)state;
    struct segment s = encapsulated_segment(4, false);
    struct build b;
    build_start(&b, ENCAPSULATED_PAYLOAD);
    build_tcp(&b, &s);
    build_ip(&b, 6, &s);
    wrap_wifi(&b, false);
    for (int i = 0; i < 3; i++)
        build_push(&b, "\2\0\0\x80", 4);
    build_push(&b, "\0\0\x10\0", 4);
    assert_int_equal(decode(&b, 127), PACKET_TCP);
}

static void test_empty_frames(void **state)
{
    (void)state;
    for (size_t i = 0; i < ENCAPSULATION_COUNT; i++) {
        struct frame frame = { .link_type = encapsulations[i].link_type };
        assert_int_equal(packet_decode(decoder, &frame, 0, &packet), PACKET_MALFORMED);
        frame.wire = 60;
        assert_int_equal(packet_decode(decoder, &frame, 0, &packet), PACKET_SHORT);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FIXTURE_TEST(test_unknown_link_types),
        FIXTURE_TEST(test_not_followed),
        FIXTURE_TEST(test_hardware_of_cooked_captures),
        FIXTURE_TEST(test_radiotap_presence_is_bounded),
        FIXTURE_TEST(test_empty_frames),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
