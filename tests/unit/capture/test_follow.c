/* SPDX-License-Identifier: Apache-2.0
 * A folder that is written to while it is read. The writer acts between two calls of
 * capture_fill(), so the test needs no second thread and no guesses about time.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "collected.h"
#include "made.h"

static atomic_bool stop;
static struct capture *capture;
static struct block block;

static int setup(void **state)
{
    (void)state;
    folder_make();
    stop = false;
    capture = NULL;
    return block_init(&block) ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    capture_close(capture);
    block_free(&block);
    folder_remove();
    return 0;
}

static void open_folder(void)
{
    static const char *path;
    path = folder_path("");
    struct capture_options options = { .follow = true, .stop = &stop };
    capture = capture_open(&path, 1, &options);
    assert_non_null(capture);
}

/* The next block holds just this one frame. */
static void assert_next(const char *name, uint64_t number, int64_t second)
{
    assert_true(capture_fill(capture, &block));
    assert_int_equal(block.count, 1);
    assert_string_equal(capture_file_name(capture, block.frames[0].file), name);
    assert_int_equal(block.frames[0].number, number);
    assert_int_equal(block.frames[0].time_ns, second * 1000000000);
}

static void *stop_later(void *nanoseconds)
{
    nanosleep(nanoseconds, NULL);
    stop = true;
    return NULL;
}

/* Between said_begin() and said_end(); or much later. */
static void *stop_when_said(void *unused)
{
    static const struct timespec step = { .tv_nsec = 20000000 };
    struct stat said = { 0 };
    (void)unused;
    for (int i = 0; i < 6000 && said.st_size == 0; i++) {
        nanosleep(&step, NULL);
        (void)fstat(STDERR_FILENO, &said);
    }
    stop = true;
    return NULL;
}

/* Nothing comes any more; true if the run has failed by then. */
static bool ends_failed_by(void *(*stopper)(void *), struct timespec wait)
{
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, stopper, &wait), 0);
    bool more = capture_fill(capture, &block);
    pthread_join(thread, NULL);
    assert_false(more);
    return capture_failed(capture);
}

static bool ends_failed(void)
{
    return ends_failed_by(stop_later, (struct timespec){ .tv_nsec = 500000000 });
}

static struct made file_at(uint32_t second)
{
    struct made made = { 0 };
    made_pcap(&made, 0xa1b2c3d4, 1);
    made_record(&made, second, 0, 20);
    return made;
}

static void test_file_grows_record_by_piece(void **state)
{
    (void)state;
    struct made made = file_at(1);
    made_record(&made, 2, 0, 20);
    folder_write_bytes("a.pcap", made.bytes, 70, "wb"); /* one frame, and a part of the next */
    open_folder();
    assert_next("a.pcap", 1, 1);
    folder_write_bytes("a.pcap", made.bytes + 70, made.len - 70, "ab");
    assert_next("a.pcap", 2, 2);
    assert_false(ends_failed());
    made_free(&made);
}

static void test_files_are_added(void **state)
{
    (void)state;
    open_folder(); /* empty as yet */
    struct made made = file_at(10);
    folder_write("b.pcap", &made);
    assert_next("b.pcap", 1, 10);
    folder_write_bytes("c.pcap", "", 0, "wb"); /* made, not yet written to */
    made_record(&made, 11, 0, 20);
    folder_write_bytes("b.pcap", made.bytes + 60, 36, "ab");
    assert_next("b.pcap", 2, 11);
    made_free(&made);
    made = file_at(20);
    folder_write("c.pcap", &made);
    assert_next("c.pcap", 1, 20);
    made_free(&made);
    assert_false(ends_failed());
}

/* The rest of the older file comes before the newer one, although both appeared meanwhile. */
static void test_rotation_keeps_the_order(void **state)
{
    (void)state;
    struct made made = file_at(1);
    folder_write("z.pcap", &made);
    open_folder();
    assert_next("z.pcap", 1, 1);
    made_record(&made, 5, 0, 20);
    folder_write("z.pcap", &made);
    made_free(&made);
    made = file_at(6);
    folder_write("a.pcap", &made);
    made_free(&made);
    assert_next("z.pcap", 2, 5);
    assert_next("a.pcap", 1, 6);
    assert_false(ends_failed());
}

static void test_cut_file_is_an_error_once_a_newer_one_is_there(void **state)
{
    (void)state;
    struct made made = file_at(1);
    made_record(&made, 2, 0, 20);
    folder_write_bytes("a.pcap", made.bytes, made.len - 1, "wb");
    open_folder();
    assert_next("a.pcap", 1, 1);
    assert_false(capture_failed(capture));
    made_free(&made);
    made = file_at(3);
    folder_write("b.pcap", &made);
    made_free(&made);
    assert_next("b.pcap", 1, 3);

    said_begin();
    bool failed = ends_failed_by(stop_when_said, (struct timespec){ 0 });
    const char *said = said_end();
    assert_true(failed);
    assert_non_null(strstr(said, "a.pcap: byte 60"));
}

struct writer {
    pthread_t thread;
    struct made made;
    size_t at, step; /* from where on, and how much each time */
};

static void *write_slowly(void *argument)
{
    static const struct timespec pause = { .tv_nsec = 400000000 };
    struct writer *writer = argument;
    while (writer->at < writer->made.len) {
        nanosleep(&pause, NULL);
        folder_write_bytes("a.pcap", writer->made.bytes + writer->at, writer->step, "ab");
        writer->at += writer->step;
    }
    return NULL;
}

/* A writer that takes longer than the patience with cut files is waited for: always when its file
 * is the newest, and when it is not, for as long as something comes. */
static void test_slow_writer(void **state)
{
    (void)state;
    for (int newest = 0; newest < 2; newest++) {
        struct writer writer = { .made = file_at(1), .at = 70, .step = 36 };
        for (uint32_t s = 2; s < 8; s++)
            made_record(&writer.made, s, 0, 20);
        folder_write_bytes("a.pcap", writer.made.bytes, writer.at, "wb");
        writer.made.len -= 26; /* the last record stays cut, where the steps end */
        struct made other = file_at(9);
        folder_write("b.pcap", &other);
        if (newest)
            remove(folder_path("b.pcap"));
        open_folder();
        assert_next("a.pcap", 1, 1);
        if (!newest)
            assert_next("b.pcap", 1, 9);
        assert_int_equal(pthread_create(&writer.thread, NULL, write_slowly, &writer), 0);
        for (uint32_t s = 2; s < 7; s++)
            assert_next("a.pcap", s, s);
        pthread_join(writer.thread, NULL);
        assert_false(capture_failed(capture));
        capture_close(capture);
        capture = NULL;
        made_free(&writer.made);
        made_free(&other);
    }
}

/* A pause longer than the patience with cut files. */
static void test_newest_file_has_time(void **state)
{
    (void)state;
    struct made made = file_at(1);
    made_record(&made, 2, 0, 20);
    folder_write_bytes("a.pcap", made.bytes, 70, "wb");
    open_folder();
    assert_next("a.pcap", 1, 1);
    said_begin();
    bool failed =
        ends_failed_by(stop_later, (struct timespec){ .tv_sec = 1, .tv_nsec = 500000000 });
    assert_string_equal(said_end(), ""); /* nor is a cut end an error when the run is stopped */
    assert_false(failed);
    made_free(&made);
}

/* A file without frames has no time; the one that is made after it is the newer one all the same.
 */
static void test_file_without_frames_does_not_stay_the_newest(void **state)
{
    (void)state;
    struct made made = file_at(10);
    folder_write_bytes("a.pcap", made.bytes, 24, "wb");
    open_folder();
    folder_write("b.pcap", &made);
    assert_next("b.pcap", 1, 10);
    made_record(&made, 11, 0, 20);
    folder_write_bytes("b.pcap", made.bytes + 60, 36, "ab");
    assert_next("b.pcap", 2, 11);
    assert_false(ends_failed());
    made_free(&made);
}

static void test_stop_ends_a_wait(void **state)
{
    (void)state;
    open_folder();
    assert_false(ends_failed());
    stop = true;
    assert_false(capture_fill(capture, &block));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_file_grows_record_by_piece),
        TEST(test_files_are_added),
        TEST(test_rotation_keeps_the_order),
        TEST(test_cut_file_is_an_error_once_a_newer_one_is_there),
        TEST(test_slow_writer),
        TEST(test_newest_file_has_time),
        TEST(test_file_without_frames_does_not_stay_the_newest),
        TEST(test_stop_ends_a_wait),
    };
    alarm(600); /* waiting for what never comes is a failure too */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
