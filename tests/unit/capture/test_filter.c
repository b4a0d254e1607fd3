/* SPDX-License-Identifier: Apache-2.0
 * The user's filter in front of tags and fragments; what it gives for whole captures is tested in
 * tests/program/test_filter.py.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "filter.h"

static void test_word_for_tags(void **state)
{
    (void)state;
    static const struct {
        const char *expression;
        bool speaks;
    } rows[] = {
        { "port 25", false },
        { "vlan", true },
        { "vlan 5 and port 25", true },
        { "not (vlan)", true },
        { "host vlan.test", false },
        { "host my-vlan", false },
        { "host vlan_a or tcp", false },
        { "tcp or\tvlan", true },
        { "", false },
        { "(vlan&&port 25)", true },
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_int_equal(filter_speaks_of_tags(rows[i].expression), rows[i].speaks);
}

/* Ethernet, two tags, IP, TCP from 25 to 40000. */
static const uint8_t tagged4[] = { 2,    0, 0,  0,  0, 2, 2,    0,  0, 0,  0, 1,  0x88, 0xa8, 0,  7,
                                   0x81, 0, 0,  42, 8, 0, 0x45, 0,  0, 40, 0, 1,  0,    0,    64, 6,
                                   0,    0, 10, 0,  0, 1, 10,   0,  0, 2,  0, 25, 0x9c, 0x40, 0,  0,
                                   0,    0, 0,  0,  0, 0, 0x50, 16, 1, 0,  0, 0,  0,    0 };
/* Ethernet, IPv6, options for the destination, fragment at 0 with more to come. */
static const uint8_t piece6[] = { 2,    0,  0,    0,    0, 2,  2,  0,  0,  0, 0,  1,   0x86, 0xdd,
                                  0x60, 0,  0,    0,    0, 32, 60, 64, 32, 1, 13, 184, 0,    0,
                                  0,    0,  0,    0,    0, 0,  0,  0,  0,  1, 32, 1,   13,   184,
                                  0,    0,  0,    0,    0, 0,  0,  0,  0,  0, 0,  2,   44,   0,
                                  1,    4,  0,    0,    0, 0,  6,  0,  0,  1, 0,  0,   0,    9,
                                  0,    25, 0x9c, 0x40, 0, 0,  0,  0,  0,  0, 0,  0,   0x50, 16 };

/* Of a copy that ends where the frame does, so that a read behind it is seen. */
static enum filter_result match(struct capture_filter *filter, const uint8_t *bytes, size_t len)
{
    uint8_t *copy = malloc(len + 1);
    assert_non_null(copy);
    memcpy(copy + 1, bytes, len);
    struct frame frame = {
        .data = copy + 1, .captured = (uint32_t)len, .wire = (uint32_t)len, .link_type = 1
    };
    enum filter_result result = capture_filter_match(filter, &frame);
    static const uint8_t datagram[] = { 0, 25, 0x9c, 0x40, 0, 0, 0, 0 };
    (void)capture_filter_joined(filter, &frame, 6, datagram, sizeof datagram);
    free(copy);
    return result;
}

static void test_tags_and_fragments(void **state)
{
    (void)state;
    static const struct {
        const char *expression;
        enum filter_result tagged, piece;
    } rows[] = {
        { "port 25", FILTER_YES, FILTER_YES },
        { "port 26", FILTER_NO, FILTER_YES },
        { "host 10.0.0.1", FILTER_YES, FILTER_YES },
        { "vlan 7 and vlan 42 and port 25", FILTER_YES, FILTER_YES },
        { "vlan 42", FILTER_NO, FILTER_YES },
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct capture_filter *filter = capture_filter_new(rows[i].expression);
        assert_non_null(filter);
        assert_int_equal(match(filter, tagged4, sizeof tagged4), rows[i].tagged);
        assert_int_equal(match(filter, piece6, sizeof piece6), rows[i].piece);
        for (size_t len = 0; len < sizeof tagged4; len++)
            (void)match(filter, tagged4, len);
        for (size_t len = 0; len < sizeof piece6; len++)
            (void)match(filter, piece6, len);
        capture_filter_free(filter);
    }
}

static void test_joined_datagram(void **state)
{
    (void)state;
    uint8_t bytes[sizeof tagged4], datagram[20] = { 0, 25, 0x9c, 0x40 };
    memcpy(bytes, tagged4, sizeof bytes);
    bytes[22 + 6] = 0x20; /* more to come */
    struct frame frame = { .data = bytes, .captured = 50, .wire = 50, .link_type = 1 };
    struct capture_filter *mail = capture_filter_new("src port 25 and host 10.0.0.1"),
                          *tags = capture_filter_new("vlan 7 and vlan 42 and port 25"),
                          *other = capture_filter_new("not port 25");
    assert_true(capture_filter_joined(mail, &frame, 6, datagram, sizeof datagram));
    assert_true(capture_filter_joined(tags, &frame, 6, datagram, sizeof datagram));
    assert_false(capture_filter_joined(other, &frame, 6, datagram, sizeof datagram));
    assert_false(capture_filter_joined(mail, &frame, 1, datagram, sizeof datagram));
    datagram[1] = 26;
    assert_false(capture_filter_joined(mail, &frame, 6, datagram, sizeof datagram));
    capture_filter_free(mail);
    capture_filter_free(tags);
    capture_filter_free(other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_word_for_tags),
        cmocka_unit_test(test_tags_and_fragments),
        cmocka_unit_test(test_joined_datagram),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
