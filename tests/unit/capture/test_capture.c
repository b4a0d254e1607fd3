/* SPDX-License-Identifier: Apache-2.0
 * A run over files, folders and standard input: order, blocks, counters.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <unistd.h>
#include <zlib.h>

#include "collected.h"
#include "limits.h"
#include "made.h"

static struct collected got;

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

static void assert_order(const char *const *paths, size_t count, const char *want)
{
    struct capture_counters counters;
    const char *said;
    assert_false(run(paths, count, NULL, &got, &counters, &said));
    assert_string_equal(got.text, want);
    assert_string_equal(said, "");
    assert_int_equal(counters.frames, got.frames);
    assert_int_equal(counters.input_bytes, counters.input_total);
}

static void test_one_file_keeps_its_order(void **state)
{
    (void)state;
    WRITE_TIMES("a", 5, 3, 9, 1);
    const char *paths[] = { folder_path("a") };
    assert_order(paths, 1, "a:1@5 a:2@3 a:3@9 a:4@1 ");
}

static void test_overlapping_files_are_merged(void **state)
{
    (void)state;
    WRITE_TIMES("a", 1, 4, 7, 7, 20);
    WRITE_TIMES("b", 2, 4, 5, 7, 30);
    WRITE_TIMES("c", 40, 41);
    const char *paths[] = { folder_path("c"), folder_path("b"), folder_path("a") };
    assert_order(paths, 3,
                 "a:1@1 b:1@2 b:2@4 a:2@4 b:3@5 b:4@7 a:3@7 a:4@7 a:5@20 b:5@30 c:1@40 c:2@41 ");
}

static void test_time_that_goes_back_does_not_reorder_a_file(void **state)
{
    (void)state;
    WRITE_TIMES("a", 5, 2, 8);
    WRITE_TIMES("b", 4, 6, 7);
    const char *paths[] = { folder_path("a"), folder_path("b") };
    assert_order(paths, 2, "b:1@4 a:1@5 a:2@2 b:2@6 b:3@7 a:3@8 ");
}

static void test_the_same_file_twice_is_two_files(void **state)
{
    (void)state;
    WRITE_TIMES("a", 1, 2);
    const char *paths[] = { folder_path("a"), folder_path("a") };
    assert_order(paths, 2, "a:1@1 a:1@1 a:2@2 a:2@2 ");
}

static void test_many_blocks(void **state)
{
    (void)state;
    /* Three files, overlapping at both ends of the middle one, each of several blocks. */
    static const struct {
        const char *name;
        uint32_t from, to;
    } files[] = { { "a", 1, 20000 }, { "b", 19000, 40000 }, { "c", 39000, 60000 } };
    for (size_t i = 0; i < 3; i++) {
        struct made made = { 0 };
        made_pcap(&made, 0xa1b2c3d4, 1);
        for (uint32_t s = files[i].from; s < files[i].to; s++)
            made_record(&made, s, 0, s % 400);
        folder_write(files[i].name, &made);
        made_free(&made);
    }
    const char *paths[] = { folder_path("a"), folder_path("b"), folder_path("c") };
    struct capture *capture = capture_open(paths, 3, NULL);
    assert_non_null(capture);
    struct block block;
    assert_true(block_init(&block));
    int64_t last_ns = 0, frames = 0;
    while (capture_fill(capture, &block)) {
        assert_true(block.used <= block.cap);
        for (size_t i = 0; i < block.count; i++) {
            const struct frame *frame = &block.frames[i];
            assert_true(frame->time_ns >= last_ns);
            last_ns = frame->time_ns;
            int64_t second = last_ns / 1000000000;
            assert_int_equal(frame->number, second - files[frame->file].from + 1);
            assert_int_equal(frame->captured, second % 400);
            for (uint32_t b = 0; b < frame->captured; b++)
                assert_true(frame->data[b] == (uint8_t)second);
        }
        assert_int_equal(block.clock_ns, last_ns);
        frames += (int64_t)block.count;
    }
    assert_int_equal(frames, 19999 + 21000 + 21000);
    assert_false(capture_failed(capture));
    block_free(&block);
    capture_close(capture);
}

static void test_largest_frames(void **state)
{
    (void)state;
    struct made made = { 0 };
    made_pcap(&made, 0xa1b2c3d4, 1);
    for (uint32_t s = 1; s < 12; s++)
        made_record(&made, s, 0, s % 2 == 0 ? LIMIT_FRAME_BYTES : LIMIT_FRAME_BYTES - s);
    folder_write("a", &made);
    made_free(&made);
    const char *paths[] = { folder_path("a"), folder_path("a") };
    for (size_t count = 1; count <= 2; count++) {
        struct capture_counters counters;
        const char *said;
        assert_false(run(paths, count, NULL, &got, &counters, &said));
        assert_int_equal(got.frames, 11 * count);
    }
}

/* Times at the end of the clock's range are no border to the file's own next frame. */
static void test_clamped_times_do_not_cut_blocks(void **state)
{
    (void)state;
    struct made made = { 0 };
    made_section(&made);
    made_interface(&made, 1, 0, NULL, 0);
    for (uint32_t i = 0; i < 100; i++)
        made_packet(&made, 0, UINT64_MAX, 10);
    folder_write("a", &made);
    made_free(&made);
    const char *path = folder_path("a");
    struct capture *capture = capture_open(&path, 1, NULL);
    assert_non_null(capture);
    struct block block;
    assert_true(block_init(&block));
    assert_true(capture_fill(capture, &block));
    assert_int_equal(block.count, 100);
    assert_int_equal(block.clock_ns, INT64_MAX);
    block_free(&block);
    capture_close(capture);
}

/* Frames of all sizes make tails of all sizes; two blocks in turn, and a neighbour that makes the
 * file change between being read alone and merged. */
static void test_tails_of_all_sizes(void **state)
{
    (void)state;
    struct made made = { 0 }, other = { 0 };
    made_pcap(&made, 0xa1b2c3d4, 1);
    made_pcap(&other, 0xa1b2c3d4, 1);
    uint32_t x = 7, s = 1;
    for (; s < 400; s++) {
        x = x * 1664525u + 1013904223u;
        made_record(&made, s, 0, s % 9 == 0 ? LIMIT_FRAME_BYTES - (x >> 24) : (x >> 8) % 40000);
    }
    for (uint32_t small = s; s < small + 20000; s++) /* more than a block has frames, in one read */
        made_record(&made, s, 0, 0);
    made_record(&other, 150, 1, 9);
    made_record(&other, 151, 1, 9);
    folder_write("a", &made);
    folder_write("b", &other);
    const char *paths[] = { folder_path("a"), folder_path("b") };
    for (size_t count = 1; count <= 2; count++) {
        struct capture_counters counters;
        const char *said;
        assert_false(run(paths, count, NULL, &got, &counters, &said));
        assert_int_equal(got.frames, 20399 + (count == 2 ? 2 : 0));
    }
    made_free(&made);
    made_free(&other);
}

static void test_folder_in_order_of_time(void **state)
{
    (void)state;
    WRITE_TIMES("a.pcap", 50, 51);
    WRITE_TIMES("b.pcap0", 10, 11);
    WRITE_TIMES("c", 30);
    WRITE_TIMES(".hidden.pcap", 1);
    folder_write_bytes("readme.txt", "hello there", 11, "wb");
    folder_write_bytes("index", "", 0, "wb");
    const char *paths[] = { folder_path("") };
    assert_order(paths, 1, "b.pcap0:1@10 b.pcap0:2@11 c:1@30 a.pcap:1@50 a.pcap:2@51 ");
}

/* Rotated files must not need a descriptor each. */
static void test_thousands_of_files(void **state)
{
    (void)state;
    enum { FILES = 3000 };
    for (uint32_t i = 0; i < FILES; i++) {
        char name[32];
        snprintf(name, sizeof name, "%04u.pcap", (unsigned)((i * 7) % FILES));
        WRITE_TIMES(name, 1000 + ((i * 7) % FILES) * 2, 1001 + ((i * 7) % FILES) * 2);
    }
    const char *paths[] = { folder_path("") };
    struct capture_counters counters;
    const char *said;
    assert_false(run(paths, 1, NULL, &got, &counters, &said));
    assert_int_equal(counters.files, FILES);
    assert_int_equal(got.frames, 2 * FILES);
    assert_memory_equal(got.text, "0000.pcap:1@1000 0000.pcap:2@1001 0001.pcap:1@1002 ", 51);
    assert_string_equal(said, "");
}

static void test_more_overlap_than_may_be_open(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < LIMIT_FILES_OPEN + 5; i++) {
        char name[32];
        snprintf(name, sizeof name, "%04u.pcap", (unsigned)i);
        WRITE_TIMES(name, 10 + i, 5000);
    }
    const char *paths[] = { folder_path("") };
    struct capture_counters counters;
    const char *said;
    assert_false(run(paths, 1, NULL, &got, &counters, &said));
    assert_int_equal(got.frames, 2 * (LIMIT_FILES_OPEN + 5));
    assert_non_null(strstr(said, "overlap"));
}

static void test_header_without_frames(void **state)
{
    (void)state;
    folder_write_times("none.pcap", (const uint32_t[]){ 0 });
    const char *path = folder_path("none.pcap");
    assert_order(&path, 1, "");
}

/* The head that waits for another file's frame does not live in the block it was parsed in. */
static void test_blocks_may_be_freed(void **state)
{
    (void)state;
    WRITE_TIMES("a", 1, 2, 8);
    WRITE_TIMES("b", 7, 9);
    const char *paths[] = { folder_path("a"), folder_path("b") };
    struct capture *capture = capture_open(paths, 2, NULL);
    assert_non_null(capture);
    struct block block;
    uint64_t frames = 0;
    assert_true(block_init(&block));
    for (; capture_fill(capture, &block); assert_true(block_init(&block))) {
        for (size_t i = 0; i < block.count; i++)
            assert_int_equal(*block.frames[i].data, block.frames[i].time_ns / 1000000000);
        frames += block.count;
        block_free(&block);
    }
    assert_int_equal(frames, 5);
    block_free(&block);
    capture_close(capture);
}

static void test_compressed(void **state)
{
    (void)state;
    struct made made = { 0 };
    made_pcap(&made, 0xa1b2c3d4, 1);
    for (uint32_t s = 1; s < 9000; s++)
        made_record(&made, s, 0, s % 300);
    gzFile file = gzopen(folder_path("a.pcap.gz"), "wb1");
    assert_int_equal(gzwrite(file, made.bytes, (unsigned)made.len), made.len);
    gzclose(file);
    struct capture_counters counters;
    const char *said, *path = folder_path("a.pcap.gz");
    assert_false(run(&path, 1, NULL, &got, &counters, &said));
    assert_int_equal(counters.frames, 8999);
    assert_int_equal(counters.input_bytes, counters.input_total);
    assert_int_equal(truncate(path, (off_t)counters.input_total / 2), 0);
    assert_true(run(&path, 1, NULL, &got, &counters, &said));
    assert_in_range(got.frames, 1000, 8998);
    assert_non_null(strstr(said, "gzip"));
    made_free(&made);
}

static void test_counters_and_skipped(void **state)
{
    (void)state;
    struct made made = { 0 };
    made_section(&made);
    made_interface(&made, 1, 0, NULL, 0);
    made_packet(&made, 0, 1000000, 10);
    made_packet(&made, 5, 2000000, 10);
    made_packet(&made, 0, 3000000, 10);
    folder_write("a", &made);
    made_free(&made);
    const char *path = folder_path("a");
    struct capture *capture = capture_open(&path, 1, NULL);
    assert_non_null(capture);
    struct block block;
    assert_true(block_init(&block));
    assert_true(capture_fill(capture, &block));
    assert_int_equal(block.count, 2);
    assert_int_equal(block.frames[1].number, 3);
    assert_false(capture_fill(capture, &block));
    assert_false(capture_fill(capture, &block)); /* the end stays the end */
    struct capture_counters counters = capture_counters(capture);
    assert_int_equal(counters.frames, 2);
    assert_int_equal(counters.bytes, 20);
    assert_int_equal(counters.frames_skipped, 1);
    assert_int_equal(counters.files, 1);
    assert_false(capture_failed(capture)); /* an interface that is not described is a fact */
    assert_string_equal(capture_file_name(capture, 99), "");
    block_free(&block);
    capture_close(capture);
}

static void test_secrets_are_joined(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        struct made made = { 0 }, body = { 0 };
        made_section(&made);
        made_u32(&body, 0x544c534b);
        made_u32(&body, 5);
        made_bytes(&body, i == 0 ? "A 1 2" : "B 3 4", 5);
        made_block(&made, 10, body.bytes, body.len);
        folder_write(i == 0 ? "a" : "b", &made);
        made_free(&made);
        made_free(&body);
    }
    const char *paths[] = { folder_path("a"), folder_path("b") };
    struct capture *capture = capture_open(paths, 2, NULL);
    assert_non_null(capture);
    const char *text;
    assert_int_equal(capture_secrets(capture, &text), 0); /* listing does not keep them twice */
    collect(capture, &got);
    assert_int_equal(capture_secrets(capture, &text), 11);
    assert_memory_equal(text, "A 1 2\nB 3 4", 11);
    capture_close(capture);
}

/* A pipe delivers what it has: a block need not be full. */
static void test_pipe(void **state)
{
    (void)state;
    struct made made = { 0 };
    made_pcap(&made, 0xa1b2c3d4, 1);
    made_record(&made, 1, 0, 50);
    size_t first = made.len;
    made_record(&made, 2, 0, 50);
    WRITE_TIMES("a", 1, 3);
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    int before = dup(STDIN_FILENO);
    dup2(ends[0], STDIN_FILENO);
    close(ends[0]);

    assert_int_equal(write(ends[1], made.bytes, first + 20), first + 20);
    const char *path = "-";
    struct capture *capture = capture_open(&path, 1, NULL);
    assert_non_null(capture);
    struct block block;
    assert_true(block_init(&block));
    assert_true(capture_fill(capture, &block)); /* would hang here if it wanted more */
    assert_int_equal(block.count, 1);
    assert_int_equal(write(ends[1], made.bytes + first + 20, made.len - first - 20),
                     made.len - first - 20);
    assert_true(capture_fill(capture, &block));
    assert_int_equal(block.count, 1);
    assert_int_equal(block.frames[0].number, 2);
    close(ends[1]);
    assert_false(capture_fill(capture, &block));
    assert_false(capture_failed(capture));
    assert_int_equal(capture_counters(capture).input_total, 0);
    capture_close(capture);
    block_free(&block);

    assert_int_equal(pipe(ends), 0); /* beside a file it is merged by time, as far as it goes */
    dup2(ends[0], STDIN_FILENO);
    close(ends[0]);
    assert_int_equal(write(ends[1], made.bytes, first), first);
    const char *paths[] = { folder_path("a"), "-" };
    capture = capture_open(paths, 2, NULL);
    assert_non_null(capture);
    assert_true(block_init(&block));
    assert_true(capture_fill(capture, &block)); /* would hang here if it waited for the next */
    assert_int_equal(block.count, 2);
    assert_int_equal(write(ends[1], made.bytes + first, made.len - first), made.len - first);
    close(ends[1]);
    collect(capture, &got);
    assert_string_equal(got.text, "-:2@2 a:2@3 ");
    block_free(&block);
    capture_close(capture);

    dup2(before, STDIN_FILENO);
    close(before);
    made_free(&made);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_one_file_keeps_its_order),
        TEST(test_overlapping_files_are_merged),
        TEST(test_time_that_goes_back_does_not_reorder_a_file),
        TEST(test_the_same_file_twice_is_two_files),
        TEST(test_many_blocks),
        TEST(test_largest_frames),
        TEST(test_clamped_times_do_not_cut_blocks),
        TEST(test_tails_of_all_sizes),
        TEST(test_folder_in_order_of_time),
        TEST(test_thousands_of_files),
        TEST(test_more_overlap_than_may_be_open),
        TEST(test_header_without_frames),
        TEST(test_blocks_may_be_freed),
        TEST(test_compressed),
        TEST(test_counters_and_skipped),
        TEST(test_secrets_are_joined),
        TEST(test_pipe),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
