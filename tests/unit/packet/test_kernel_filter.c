/* SPDX-License-Identifier: Apache-2.0
 * What the kernel is asked to let through, held against what the decoder opens: no frame that leads
 * to TCP may be left out, however it is wrapped, with its outer VLAN tag or, as the kernel sees it,
 * without. And what can hold none should be left out.
 */
#include "packet_fixture.h"

#include <stdlib.h>

#include "encapsulations.h"
#include "filter.h"
#include "limits.h"

enum { KINDS = 276 + 1 };

static struct filter *filters[KINDS];

static struct filter *filter_for(uint16_t link_type, const struct kernel_filter *want)
{
    char *text = kernel_filter_text(link_type, want);
    if (text == NULL)
        return NULL;
    struct filter *filter = filter_new(text);
    assert_non_null(filter);
    free(text);
    return filter;
}

static bool lets(const struct frame *frame)
{
    static const struct kernel_filter all = { .filter = NULL };
    if (frame->link_type >= KINDS)
        return true;
    if (filters[frame->link_type] == NULL)
        filters[frame->link_type] = filter_for(frame->link_type, &all);
    return filters[frame->link_type] == NULL ||
           filter_match(filters[frame->link_type], frame) == FILTER_YES;
}

static bool has_tag(const struct frame *frame)
{
    return frame->link_type == 1 && frame->captured > 18 &&
           ((frame->data[12] == 0x81 && frame->data[13] == 0) ||
            (frame->data[12] == 0x88 && frame->data[13] == 0xa8));
}

/* As it is, and as the kernel sees it. */
static bool lets_both(const struct frame *frame)
{
    static uint8_t bytes[LIMIT_FRAME_BYTES];
    if (!has_tag(frame))
        return lets(frame);
    struct frame bare = *frame;
    memcpy(bytes, frame->data, 12);
    memcpy(bytes + 12, frame->data + 16, frame->captured - 16);
    bare.data = bytes;
    bare.captured -= 4;
    bare.wire -= 4;
    return lets(frame) && lets(&bare);
}

static void test_all_encapsulations_pass(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof encapsulations / sizeof encapsulations[0]; i++) {
        const struct encapsulation *e = &encapsulations[i];
        for (int back = 0; back < 2; back++) {
            struct build b;
            struct frame frame = encapsulate(&b, e, back);
            if (!lets_both(&frame))
                print_error("%s\n", e->name);
            assert_true(lets_both(&frame));
        }
    }
}

/* Every sample, as it is. */
static void test_all_samples_pass(void **state)
{
    (void)state;
    static const char *const folder[] = { "samples" };
    struct block block;
    assert_true(block_init(&block));
    struct capture *capture = capture_open(folder, 1, NULL);
    assert_non_null(capture);
    unsigned tcp = 0;
    while (capture_fill(capture, &block)) {
        for (size_t i = 0; i < block.count; i++) {
            enum packet_verdict verdict = packet_decode(decoder, &block.frames[i], 0, &packet);
            tcp += verdict == PACKET_TCP;
            if (verdict == PACKET_TCP || verdict == PACKET_FRAGMENT)
                assert_true(lets_both(&block.frames[i]));
        }
    }
    assert_true(tcp > 1000);
    packet_decoder_release(decoder, 0);
    capture_close(capture);
    block_free(&block);
}

static const struct segment plain4 = { .version = 4, .source = 1, .target = 2 };
static const struct segment plain6 = { .version = 6, .source = 1, .target = 2 };

static struct frame other(struct build *b, uint8_t version, uint8_t protocol, uint16_t type)
{
    build_start(b, "not what we look for, and long enough");
    build_ip(b, protocol, version == 4 ? &plain4 : &plain6);
    build_ethernet(b, type);
    return build_frame(b, 1);
}

static void test_what_cannot_be_tcp_stays_out(void **state)
{
    (void)state;
    static const struct {
        uint8_t version, protocol;
        uint16_t type;
    } rows[] = {
        { 4, 1, 0x0800 },  { 4, 50, 0x0800 },  { 4, 89, 0x0800 }, { 6, 58, 0x86dd },
        { 6, 59, 0x86dd }, { 6, 132, 0x86dd }, { 4, 6, 0x0806 },  { 4, 6, 0x88cc },
        { 4, 17, 0x0800 }, { 6, 17, 0x86dd },
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct build b;
        struct frame frame = other(&b, rows[i].version, rows[i].protocol, rows[i].type);
        assert_int_not_equal(packet_decode(decoder, &frame, 0, &packet), PACKET_TCP);
        assert_false(lets(&frame));
    }
}

static bool lets_port(const struct kernel_filter *want, uint8_t version, uint16_t source,
                      uint16_t target)
{
    struct filter *filter = filter_for(1, want);
    struct segment segment = {
        .version = version, .source = 1, .target = 2, .source_port = source, .target_port = target
    };
    struct build b;
    build_start(&b, "");
    build_tcp(&b, &segment);
    build_ip(&b, 6, &segment);
    build_ethernet(&b, version == 4 ? 0x0800 : 0x86dd);
    struct frame frame = build_frame(&b, 1);
    bool yes = filter_match(filter, &frame) == FILTER_YES;
    filter_free(filter);
    return yes;
}

static void test_ports_narrow_it(void **state)
{
    (void)state;
    static const uint16_t ports[] = { 25, 993 };
    static const struct kernel_filter want = { .ports = ports, .port_count = 2 };
    for (uint8_t version = 4; version <= 6; version += 2) {
        assert_true(lets_port(&want, version, 40000, 25));
        assert_true(lets_port(&want, version, 993, 40000));
        assert_false(lets_port(&want, version, 40000, 443));
    }
}

static void test_users_filter_narrows_it(void **state)
{
    (void)state;
    static const struct kernel_filter want = { .filter = "port 25 or port 26" },
                                      tags = { .filter = "vlan 5 and port 25" };
    assert_true(lets_port(&want, 4, 40000, 26));
    assert_false(lets_port(&want, 6, 40000, 443));
    assert_true(lets_port(&tags, 4, 40000, 443)); /* the kernel cannot judge by tags */
}

/* Tags and fragments are judged where all of them can be seen. */
static void test_users_filter_spares_tags_and_fragments(void **state)
{
    (void)state;
    static const struct kernel_filter want = { .filter = "port 25" };
    struct filter *filter = filter_for(1, &want);
    struct build b;
    static const struct encapsulation tagged = { "vlan", 1, 4, wrap_vlan, VIA_VLAN, 100, true };
    struct frame frame = encapsulate(&b, &tagged, false);
    assert_int_equal(filter_match(filter, &frame), FILTER_YES);
    struct frame piece = other(&b, 4, 6, 0x0800);
    uint8_t bytes[200];
    memcpy(bytes, piece.data, piece.captured);
    bytes[14 + 7] = 5; /* an offset */
    piece.data = bytes;
    assert_int_equal(filter_match(filter, &piece), FILTER_YES);
    filter_free(filter);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FIXTURE_TEST(test_all_encapsulations_pass),
        FIXTURE_TEST(test_all_samples_pass),
        FIXTURE_TEST(test_what_cannot_be_tcp_stays_out),
        FIXTURE_TEST(test_ports_narrow_it),
        FIXTURE_TEST(test_users_filter_narrows_it),
        FIXTURE_TEST(test_users_filter_spares_tags_and_fragments),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    for (size_t i = 0; i < KINDS; i++)
        filter_free(filters[i]);
    return failed;
}
