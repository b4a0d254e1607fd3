/* SPDX-License-Identifier: Apache-2.0
 * Files that are cut, broken, empty, or no captures: what is readable comes first, and the message
 * names file and place.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "collected.h"

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

static void test_cut_file_is_read_as_far_as_it_goes(void **state)
{
    (void)state;
    struct made made = { 0 };
    made_pcap(&made, 0xa1b2c3d4, 1);
    made_record(&made, 1, 0, 50);
    made_record(&made, 2, 0, 50);
    made.len -= 7;
    folder_write("cut.pcap", &made);
    made_free(&made);
    WRITE_TIMES("good.pcap", 3);
    const char *paths[] = { folder_path("cut.pcap"), folder_path("good.pcap") };
    for (size_t count = 1; count <= 2; count++) {
        struct capture_counters counters;
        const char *said;
        assert_true(run(paths, count, NULL, &got, &counters, &said));
        assert_string_equal(got.text, count == 1 ? "cut.pcap:1@1 " : "cut.pcap:1@1 good.pcap:1@3 ");
        assert_non_null(strstr(said, paths[0]));
        assert_non_null(strstr(said, "byte 90")); /* where the record begins: 24 + 16 + 50 */
        assert_null(strchr(strchr(said, '\n') + 1, '\n')); /* said once */
    }
}

static void test_every_cut_says_so_unless_between_records(void **state)
{
    (void)state;
    struct made made = { 0 };
    made_section(&made);
    made_interface(&made, 1, 0, NULL, 0);
    made_packet(&made, 0, 1000000, 4);
    made_packet(&made, 0, 2000000, 8);
    const char *paths[] = { folder_path("cut.pcapng") };
    for (size_t len = 4; len <= made.len; len++) {
        folder_write_bytes("cut.pcapng", made.bytes, len, "wb");
        said_begin();
        struct capture *capture = capture_open(paths, 1, NULL);
        assert_non_null(capture);
        collect(capture, &got);
        const char *said = said_end();
        bool border = len == 28 || len == 48 || len == 84 || len == made.len;
        assert_int_equal(capture_failed(capture), !border);
        assert_int_equal(strstr(said, paths[0]) == NULL, border);
        assert_int_equal(got.frames, (len >= 84) + (len == made.len));
        capture_close(capture);
    }
    made_free(&made);
}

static void test_bad_paths(void **state)
{
    (void)state;
    folder_write_bytes("empty.pcap", "", 0, "wb");
    folder_write_bytes("text.pcap", "From: nobody\nTo: all\n", 21, "wb");
    folder_write_bytes("short.pcap", "\xd4\xc3", 2, "wb");
    folder_write_bytes("zip.pcap", "PK\3\4aaaaaaaaaaaaaaaaaaaaaaaaaaa", 31, "wb");
    static const struct {
        const char *name, *said;
    } rows[] = {
        { "empty.pcap", "the file is empty" }, { "text.pcap", "it looks like text" },
        { "short.pcap", "too short" },         { "zip.pcap", "ZIP archive" },
        { "missing", "cannot be opened" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const char *path = folder_path(rows[i].name);
        said_begin();
        struct capture *capture = capture_open(&path, 1, NULL);
        const char *said = said_end();
        assert_null(capture);
        assert_non_null(strstr(said, rows[i].said));
        assert_non_null(strstr(said, path));
        assert_null(strstr(said, "nobody")); /* content is not shown */
    }

    /* Beside one that is good, each only fails the run; in a folder too, if named as a capture. */
    WRITE_TIMES("z.pcap", 1);
    struct capture_counters counters;
    const char *said, *paths[] = { folder_path("missing"), folder_path("z.pcap") };
    assert_true(run(paths, 2, NULL, &got, &counters, &said));
    assert_string_equal(got.text, "z.pcap:1@1 ");
    const char *whole = folder_path("");
    assert_true(run(&whole, 1, NULL, &got, &counters, &said));
    assert_string_equal(got.text, "z.pcap:1@1 ");
    assert_non_null(strstr(said, "text.pcap"));
    assert_non_null(strstr(said, "empty.pcap"));
}

static void test_folder_without_captures(void **state)
{
    (void)state;
    folder_write_bytes("notes", "hello", 5, "wb");
    const char *path = folder_path("");
    said_begin();
    struct capture *capture = capture_open(&path, 1, NULL);
    const char *said = said_end();
    assert_null(capture);
    assert_non_null(strstr(said, "no captures"));
    assert_non_null(strstr(said, path));
}

static void test_name_with_a_line_break(void **state)
{
    (void)state;
    folder_write_bytes("a\nb.pcap", "", 0, "wb");
    const char *path = folder_path("a\nb.pcap");
    said_begin();
    assert_null(capture_open(&path, 1, NULL));
    const char *said = said_end();
    assert_int_equal(strchr(said, '\n') - said, strlen(said) - 1);
}

static void test_damaged_records_are_said_once(void **state)
{
    (void)state;
    struct made made = { 0 };
    made_section(&made);
    made_interface(&made, 1, 0, NULL, 0);
    made_block(&made, 6, NULL, 0);
    made_block(&made, 6, NULL, 0);
    made_packet(&made, 0, 3000000, 0);
    folder_write("bad", &made);
    made_free(&made);
    struct capture_counters counters;
    const char *said, *path = folder_path("bad");
    assert_true(run(&path, 1, NULL, &got, &counters, &said));
    assert_string_equal(got.text, "bad:3@3 ");
    assert_int_equal(counters.frames_skipped, 2);
    assert_non_null(strstr(said, "byte 48"));
    assert_int_equal(strchr(said, '\n') - said, strlen(said) - 1);
}

static void test_broken_in_the_middle(void **state)
{
    (void)state;
    struct made made = { 0 };
    made_pcap(&made, 0xa1b2c3d4, 1);
    made_record(&made, 1, 0, 50);
    made_fill(&made, 0xff, 100);
    folder_write("bad", &made);
    made_free(&made);
    struct capture_counters counters;
    const char *said, *path = folder_path("bad");
    assert_true(run(&path, 1, NULL, &got, &counters, &said));
    assert_string_equal(got.text, "bad:1@1 ");
    assert_non_null(strstr(said, "byte 90"));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_cut_file_is_read_as_far_as_it_goes),
        TEST(test_every_cut_says_so_unless_between_records),
        TEST(test_bad_paths),
        TEST(test_folder_without_captures),
        TEST(test_name_with_a_line_break),
        TEST(test_damaged_records_are_said_once),
        TEST(test_broken_in_the_middle),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
