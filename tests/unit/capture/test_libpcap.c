/* SPDX-License-Identifier: Apache-2.0
 * Filters, and files read by libpcap.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "capture.h"
#include "libpcap.h"
#include "made.h"

static int setup(void **state)
{
    (void)state;
    folder_make();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    folder_remove();
    return 0;
}

/* IPv4, TCP, from port 25 or another. */
static void tcp_frame(uint8_t out[54], uint8_t port, bool ethernet)
{
    static const uint8_t ip[] = {
        0x45, 0, 0, 40, 0, 0, 0, 0, 64, 6, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2
    };
    memset(out, 0, 54);
    uint8_t *at = out;
    if (ethernet) {
        out[12] = 8;
        at += 14;
    }
    memcpy(at, ip, sizeof ip);
    at[21] = port;
}

static enum filter_result match(struct filter *filter, uint16_t link_type, uint8_t port)
{
    uint8_t bytes[54];
    tcp_frame(bytes, port, link_type == 1);
    uint32_t len = link_type == 1 ? 54 : 40;
    struct frame frame = { .data = bytes, .captured = len, .wire = len, .link_type = link_type };
    return filter_match(filter, &frame);
}

static void test_filter_is_compiled_for_each_link_type(void **state)
{
    (void)state;
    struct filter *filter = filter_new("tcp port 25");
    assert_non_null(filter);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(match(filter, 1, 25), FILTER_YES);
        assert_int_equal(match(filter, 1, 26), FILTER_NO);
        assert_int_equal(match(filter, 101, 25), FILTER_YES); /* LINKTYPE_RAW is not DLT_RAW */
        assert_int_equal(match(filter, 101, 26), FILTER_NO);
    }
    filter_free(filter);
}

static void test_filter_that_does_not_fit(void **state)
{
    (void)state;
    struct filter *filter = filter_new("wlan type data"); /* right, but not for Ethernet */
    assert_non_null(filter);
    said_begin();
    assert_int_equal(match(filter, 1, 25), FILTER_UNFIT);
    assert_int_equal(match(filter, 1, 25), FILTER_UNFIT);
    const char *said = said_end();
    assert_non_null(strstr(said, "link type 1"));
    assert_int_equal(strchr(said, '\n') - said, strlen(said) - 1); /* once */
    filter_free(filter);
}

/* What the kernel knows and a frame does not say. */
static void test_filter_of_the_way(void **state)
{
    (void)state;
    static const char *const words[] = { "inbound", "port 25 and not outbound" };
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        struct filter *filter = filter_new(words[i]); /* Linux cooked headers say it */
        assert_non_null(filter);
        said_begin();
        assert_int_equal(match(filter, 1, 25), FILTER_UNFIT);
        assert_non_null(strstr(said_end(), "do not stand in a frame"));
        filter_free(filter);
    }
}

static void test_bad_filter(void **state)
{
    (void)state;
    struct made made = { 0 };
    made_pcap(&made, 0xa1b2c3d4, 1);
    folder_write("a", &made);
    const char *path = folder_path("a");
    struct capture_options options = { .filter = "tcp prot 25" };
    said_begin();
    struct capture *capture = capture_open(&path, 1, &options);
    const char *said = said_end();
    assert_null(capture);
    assert_non_null(strstr(said, "tcp prot 25"));
    assert_non_null(strstr(said, "syntax error"));
    made_free(&made);
}

static void test_filtered_run_keeps_numbers_and_clock(void **state)
{
    (void)state;
    struct made made = { 0 };
    made_pcap(&made, 0xa1b2c3d4, 1);
    for (uint32_t i = 1; i <= 20000; i++) {
        uint8_t bytes[54];
        tcp_frame(bytes, i == 3 || i == 15000 ? 25 : 80, true);
        made_u32(&made, i);
        made_u32(&made, 0);
        made_u32(&made, 54);
        made_u32(&made, 54);
        made_bytes(&made, bytes, 54);
    }
    folder_write("a", &made);
    folder_write("b", &made);
    const char *paths[] = { folder_path("a"), folder_path("b") };
    struct capture_options options = { .filter = "port 25" };
    for (size_t count = 1; count <= 2; count++) {
        struct capture *capture = capture_open(paths, count, &options);
        struct block block;
        assert_non_null(capture);
        assert_true(block_init(&block));
        uint64_t numbers = 0, frames = 0;
        int64_t clock_ns = 0;
        while (capture_fill(capture, &block)) {
            for (size_t i = 0; i < block.count; i++)
                numbers += block.frames[i].number;
            frames += block.count;
            clock_ns = block.clock_ns;
        }
        assert_int_equal(frames, 2 * count);
        assert_int_equal(numbers, 15003 * count);
        assert_true(clock_ns >= 15000 * INT64_C(1000000000));
        assert_int_equal(capture_counters(capture).frames, frames);
        block_free(&block);
        capture_close(capture);
    }
    made_free(&made);
}

static void test_file_by_libpcap(void **state)
{
    (void)state;
    struct made made = { .order = ORDER_BIG };
    made_pcap(&made, 0xa1b23c4d, 101);
    made_record(&made, 1700000000, 123456789, 20);
    made_record(&made, 1700000001, 1, 20);
    made.len -= 3;
    folder_write("a", &made);
    char why[256];
    struct libpcap_file *file = libpcap_file_new(folder_path("a"), why, sizeof why);
    assert_non_null(file);
    struct frame frame;
    assert_int_equal(libpcap_file_next(file, &frame), LIBPCAP_FRAME);
    assert_int_equal(frame.time_ns, 1700000000123456789);
    assert_int_equal(frame.captured, 20);
    assert_int_equal(frame.wire, 30);
    assert_int_equal(frame.link_type, 101);
    assert_int_equal(libpcap_file_next(file, &frame), LIBPCAP_ERROR);
    assert_true(strlen(libpcap_file_error(file)) > 0);
    libpcap_file_free(file);
    assert_null(libpcap_file_new(folder_path("missing"), why, sizeof why));
    made_free(&made);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_filter_is_compiled_for_each_link_type),
        TEST(test_filter_that_does_not_fit),
        TEST(test_filter_of_the_way),
        TEST(test_bad_filter),
        TEST(test_filtered_run_keeps_numbers_and_clock),
        TEST(test_file_by_libpcap),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
