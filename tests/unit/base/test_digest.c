/* SPDX-License-Identifier: Apache-2.0
 * test_digest.c - digests and hashes: the vectors of RFC 1321 (A.5), RFC 3174 (7.3) and FIPS 180-4;
 * and that a log line goes out by its level.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "crypto.h"
#include "hash.h"
#include "log.h"
#include "text.h"

static void test_digests(void **state)
{
    (void)state;
    uint8_t md5[MD5_SIZE], sha1[SHA1_SIZE], sha256[SHA256_SIZE];
    char text[2 * SHA256_SIZE + 1];
    crypto_md5("abc", 3, md5);
    text_hex(md5, sizeof md5, text);
    assert_string_equal(text, "900150983cd24fb0d6963f7d28e17f72");
    crypto_sha1("abc", 3, sha1);
    text_hex(sha1, sizeof sha1, text);
    assert_string_equal(text, "a9993e364706816aba3e25717850c26c9cd0d89d");
    crypto_sha256("abc", 3, sha256);
    text_hex(sha256, sizeof sha256, text);
    assert_string_equal(text, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    crypto_sha256(NULL, 0, sha256);
    text_hex(sha256, sizeof sha256, text);
    assert_string_equal(text, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

/* Lengths are part of it: "ab" + "c" is not "a" + "bc". */
static void test_framed_digest(void **state)
{
    (void)state;
    const struct reader ab_c[] = { reader_of("ab", 2), reader_of("c", 1) };
    const struct reader a_bc[] = { reader_of("a", 1), reader_of("bc", 2) };
    uint8_t first[SHA256_SIZE], second[SHA256_SIZE], plain[SHA256_SIZE];
    crypto_sha256_framed(ab_c, 2, first);
    crypto_sha256("\0\0\2ab\0\0\1c", 9, plain);
    assert_memory_equal(first, plain, SHA256_SIZE);
    crypto_sha256_framed(a_bc, 2, second);
    assert_memory_not_equal(first, second, SHA256_SIZE);
    crypto_sha256_framed(NULL, 0, first);
    crypto_sha256(NULL, 0, plain);
    assert_memory_equal(first, plain, SHA256_SIZE);
}

static void test_hash_depends_on_bytes_and_key(void **state)
{
    (void)state;
    assert_true(hash_bytes("abcd", 4, 1) == hash_bytes("abcd", 4, 1));
    assert_true(hash_bytes("abcd", 4, 1) != hash_bytes("abcd", 4, 2));
    assert_true(hash_bytes("abcd", 4, 1) != hash_bytes("abce", 4, 1));
    assert_true(hash_bytes("abcd", 4, 1) != hash_bytes("abcd", 3, 1));
}

static size_t logged(enum log_level level, char *out, size_t cap)
{
    (void)fflush(stderr);
    FILE *file = tmpfile();
    assert_non_null(file);
    int saved = dup(STDERR_FILENO);
    assert_true(saved >= 0 && dup2(fileno(file), STDERR_FILENO) >= 0);
    log_set_level(level);
    log_error("%s %d", "e", 1);
    log_warn("w");
    log_info("i");
    log_debug("d");
    (void)fflush(stderr);
    assert_true(dup2(saved, STDERR_FILENO) >= 0);
    close(saved);
    log_set_level(LOG_WARN);
    rewind(file);
    size_t len = fread(out, 1, cap - 1, file);
    out[len] = '\0';
    (void)fclose(file);
    return len;
}

static void test_log_levels(void **state)
{
    (void)state;
    char out[512];
    logged(LOG_ERROR, out, sizeof out);
    assert_string_equal(out, "starttap: error: e 1\n");
    logged(LOG_DEBUG, out, sizeof out);
    assert_string_equal(out, "starttap: error: e 1\nstarttap: warning: w\nstarttap: info: i\n"
                             "starttap: debug: d\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_digests),
        cmocka_unit_test(test_framed_digest),
        cmocka_unit_test(test_hash_depends_on_bytes_and_key),
        cmocka_unit_test(test_log_levels),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
