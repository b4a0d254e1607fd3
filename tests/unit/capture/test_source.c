/* SPDX-License-Identifier: Apache-2.0
 * Plain and compressed files, and pipes, as bytes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include "made.h"
#include "source.h"

#define PLAIN_BYTES ((size_t)300000)

static uint8_t plain[PLAIN_BYTES];

static int setup(void **state)
{
    (void)state;
    uint32_t x = 1; /* hardly compressible, so that the stored bytes span several reads */
    for (size_t i = 0; i < PLAIN_BYTES; i++) {
        x = x * 1664525u + 1013904223u;
        plain[i] = (uint8_t)(x >> 24);
    }
    folder_make();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    folder_remove();
    return 0;
}

/* Reads all in pieces of `piece`; the length, or -1. */
static ssize_t read_all(struct source *source, uint8_t *to, size_t piece)
{
    size_t len = 0;
    ssize_t n;
    while ((n = source_read(source, to + len, piece)) > 0)
        len += (size_t)n;
    return n < 0 ? n : (ssize_t)len;
}

static void assert_reads_twice(const char *name, size_t piece)
{
    static uint8_t out[PLAIN_BYTES * 2 + 4096];
    struct source source;
    assert_true(source_open(&source, folder_path(name), NULL));
    struct stat status;
    assert_int_equal(stat(folder_path(name), &status), 0);
    assert_int_equal(source.size, status.st_size);
    assert_int_equal(read_all(&source, out, piece), 2 * PLAIN_BYTES);
    assert_memory_equal(out, plain, PLAIN_BYTES);
    assert_memory_equal(out + PLAIN_BYTES, plain, PLAIN_BYTES);
    assert_false(source.unfinished);
    source_close(&source);
}

static size_t gzipped(uint8_t *to, size_t cap)
{
    z_stream stream = { 0 };
    assert_int_equal(deflateInit2(&stream, 1, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
    stream.next_in = plain;
    stream.avail_in = (uInt)PLAIN_BYTES;
    stream.next_out = to;
    stream.avail_out = (uInt)cap;
    assert_int_equal(deflate(&stream, Z_FINISH), Z_STREAM_END);
    size_t len = cap - stream.avail_out;
    deflateEnd(&stream);
    return len;
}

static void test_plain(void **state)
{
    (void)state;
    folder_write_bytes("plain", plain, PLAIN_BYTES, "wb");
    folder_write_bytes("plain", plain, PLAIN_BYTES, "ab");
    assert_reads_twice("plain", 4096);
    assert_reads_twice("plain", 3); /* less than what was read to tell the compression */
}

static void test_gzip_members(void **state)
{
    (void)state;
    static uint8_t stored[PLAIN_BYTES * 2];
    size_t len = gzipped(stored, sizeof stored);
    folder_write_bytes("two.gz", stored, len, "wb");
    folder_write_bytes("two.gz", stored, len, "ab");
    assert_reads_twice("two.gz", 4096);
    assert_reads_twice("two.gz", 77777);
    folder_write_bytes("two.gz", "\0\0\0\0\0\0\0\0\0\0", 10, "ab"); /* a tape's padding */
    assert_reads_twice("two.gz", 4096);
}

static void test_zstd_frames(void **state)
{
    (void)state;
    static uint8_t stored[PLAIN_BYTES * 2];
    size_t len = ZSTD_compress(stored, sizeof stored, plain, PLAIN_BYTES, 1);
    assert_false(ZSTD_isError(len));
    folder_write_bytes("two.zst", "\x53\x2a\x4d\x18\4\0\0\0skip", 12, "wb");
    folder_write_bytes("two.zst", stored, len, "ab");
    folder_write_bytes("two.zst", stored, len, "ab");
    assert_reads_twice("two.zst", 4096);
    assert_reads_twice("two.zst", 77777);
}

/* What was unpacked before the end is delivered; that it is no good end can be told. */
static void test_cut_short(void **state)
{
    (void)state;
    static uint8_t stored[PLAIN_BYTES * 2], out[PLAIN_BYTES + 4096];
    for (int kind = 0; kind < 2; kind++) {
        size_t len = kind == 0 ? gzipped(stored, sizeof stored)
                               : ZSTD_compress(stored, sizeof stored, plain, PLAIN_BYTES, 1);
        folder_write_bytes("cut", stored, len / 2, "wb");
        struct source source;
        assert_true(source_open(&source, folder_path("cut"), NULL));
        ssize_t n = read_all(&source, out, 4096);
        assert_true(n > (ssize_t)PLAIN_BYTES / 4 && n < (ssize_t)PLAIN_BYTES);
        assert_memory_equal(out, plain, (size_t)n);
        assert_true(source.unfinished);
        for (int i = 0; i < 40; i++) /* asking again and again does no harm */
            assert_int_equal(source_read(&source, out, 4096), 0);

        folder_write_bytes("cut", stored + len / 2, len - len / 2, "ab"); /* it grows: read on */
        ssize_t rest = read_all(&source, out + n, 4096);
        assert_int_equal(n + rest, PLAIN_BYTES);
        assert_memory_equal(out, plain, PLAIN_BYTES);
        assert_false(source.unfinished);
        source_close(&source);
    }
}

/* A block of zstd is unpacked as a whole: what did not fit in the caller's buffer is not lost when
 * the file ends there. */
static void test_cut_short_behind_a_block(void **state)
{
    (void)state;
    static uint8_t zeros[PLAIN_BYTES], stored[PLAIN_BYTES], out[PLAIN_BYTES + 4096];
    size_t len = ZSTD_compress(stored, sizeof stored, zeros, PLAIN_BYTES, 1);
    folder_write_bytes("cut", stored, len - 1, "wb");
    struct source source;
    assert_true(source_open(&source, folder_path("cut"), NULL));
    assert_int_equal(read_all(&source, out, 4096), 2 * 128 * 1024);
    assert_true(source.unfinished);
    source_close(&source);
}

static void test_damaged(void **state)
{
    (void)state;
    static uint8_t stored[PLAIN_BYTES * 2], out[PLAIN_BYTES * 2];
    for (int kind = 0; kind < 2; kind++) {
        size_t len = kind == 0 ? gzipped(stored, sizeof stored)
                               : ZSTD_compress(stored, sizeof stored, plain, PLAIN_BYTES, 1);
        memset(stored + 10, 0xff, 10);
        folder_write_bytes("bad", stored, len, "wb");
        struct source source;
        assert_true(source_open(&source, folder_path("bad"), NULL));
        assert_int_equal(read_all(&source, out, 4096), -1);
        assert_non_null(source.error);
        source_close(&source);
    }
}

static void test_short_and_missing(void **state)
{
    (void)state;
    uint8_t out[8];
    struct source source;
    folder_write_bytes("short", "abc", 3, "wb");
    assert_true(source_open(&source, folder_path("short"), NULL));
    assert_int_equal(source_read(&source, out, sizeof out), 0);
    assert_true(source.unfinished);
    folder_write_bytes("short", "de", 2, "ab");
    assert_int_equal(read_all(&source, out, 8), 5);
    source_close(&source);
    assert_false(source_open(&source, folder_path("missing"), NULL));
    source_close(&source);
    assert_false(source_open(&source, folder_path(""), NULL)); /* a folder */
    source_close(&source);
}

static void test_pipe_stops(void **state)
{
    (void)state;
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    int before = dup(STDIN_FILENO);
    dup2(ends[0], STDIN_FILENO);

    atomic_bool stop = false;
    struct source source;
    uint8_t out[16];
    assert_true(source_open(&source, "-", &stop));
    assert_true(source.live);
    assert_int_equal(source.size, 0);
    assert_false(source_ready(&source));
    assert_int_equal(write(ends[1], "abcdef", 6), 6);
    assert_true(source_ready(&source));
    assert_int_equal(source_read(&source, out, sizeof out), 4); /* what there is, at once */
    assert_int_equal(source_read(&source, out, sizeof out), 2);
    stop = true;
    assert_int_equal(source_read(&source, out, sizeof out), 0); /* does not wait */
    source_close(&source);

    dup2(before, STDIN_FILENO);
    close(before);
    close(ends[0]);
    close(ends[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plain),
        cmocka_unit_test(test_gzip_members),
        cmocka_unit_test(test_zstd_frames),
        cmocka_unit_test(test_cut_short),
        cmocka_unit_test(test_cut_short_behind_a_block),
        cmocka_unit_test(test_damaged),
        cmocka_unit_test(test_short_and_missing),
        cmocka_unit_test(test_pipe_stops),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
