/* SPDX-License-Identifier: Apache-2.0
 * test_proxy.c - PROXY headers of both versions, cut everywhere.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "mail.h"

#define SIGNATURE "\r\n\r\n\0\r\nQUIT\n"

static const struct header {
    const char *bytes;
    size_t len, taken; /* taken 0: none */
    const char *address;
    uint16_t port;
} headers[] = {
#define HEADER(bytes, rest, address, port)                                                         \
    {                                                                                              \
        bytes rest, sizeof(bytes rest) - 1, sizeof(bytes) - 1, address, port                       \
    }
    HEADER("PROXY TCP4 192.0.2.7 198.51.100.1 40000 25\r\n", "EHLO x\r\n", "192.0.2.7", 40000),
    HEADER("PROXY TCP6 2001:db8::7 2001:db8::1 65535 25\r\n", "", "2001:db8::7", 65535),
    HEADER("PROXY UNKNOWN\r\n", "EHLO x\r\n", "", 0),
    HEADER("PROXY TCP4 SECRET 198.51.100.1 1 25\r\n", "", "", 0),
    HEADER(SIGNATURE "\x21\x11\0\x0c\xc0\0\2\7\xc6\x33\x64\1\x9c\x40\0\x19", "EHLO", "192.0.2.7",
           40000),
    HEADER(SIGNATURE "\x21\x11\0\x0f\xc0\0\2\x64\xc6\x33\x64\1\x9c\x40\0\x19\4\0\0", "EHLO",
           "192.0.2.100", 40000),
    HEADER(SIGNATURE "\x21\x21\0\x24\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\7"
                     "\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1\0\1\0\x19",
           "", "2001:db8::7", 1),
    HEADER(SIGNATURE "\x21\x21\0\x24\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
                     "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1\0\x19",
           "", "::", 1),
    HEADER(SIGNATURE "\x21\x21\0\x24\0\1\0\0\0\2\0\3\0\4\0\5\0\0\xab\xcd"
                     "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1\0\x19",
           "", "1:0:2:3:4:5:0:abcd", 1),
    HEADER(SIGNATURE "\x20\0\0\0", "EHLO", "", 0), /* LOCAL: a health check */
    HEADER(SIGNATURE "\x21\x31\0\2xx", "", "", 0), /* a socket of Unix */
#undef HEADER
};

static size_t take(const void *bytes, size_t len, struct text *address, uint16_t *port,
                   struct arena *arena)
{
    uint8_t *exact = malloc(len > 0 ? len : 1);
    assert_non_null(exact);
    memcpy(exact, bytes, len);
    *address = (struct text){ 0 };
    *port = 0;
    size_t taken = mail_proxy_header(reader_of(exact, len), address, port, arena);
    free(exact);
    return taken;
}

static void test_headers(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof headers / sizeof headers[0]; i++) {
        struct arena arena;
        struct text address;
        uint16_t port;
        arena_init(&arena, 4096);
        assert_int_equal(take(headers[i].bytes, headers[i].len, &address, &port, &arena),
                         headers[i].taken);
        assert_true(text_same(address, text_of(headers[i].address)));
        assert_int_equal(port, headers[i].port);
        for (size_t len = 1; len < headers[i].taken; len++) {
            assert_true(take(headers[i].bytes, len, &address, &port, &arena) == SIZE_MAX);
            assert_int_equal(address.len, 0);
        }
        arena_free(&arena);
    }
}

static void test_no_header(void **state)
{
    (void)state;
    static const char *const others[] = {
        "",
        "EHLO x\r\n",
        "PROXIMITY",
        "PROXY HELLO\r\n",
        "PASS x\r\n",
        "\r\n\r\nQUIT\n",
        /* longer than a header may be */
        ("PROXY UNKNOWN 01234567890123456789012345678901234567890123456789012345678901234567890"
         "0123456789012345678901234567890123456789\r\n"),
    };
    struct arena arena;
    struct text address;
    uint16_t port;
    arena_init(&arena, 4096);
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        assert_int_equal(take(others[i], strlen(others[i]), &address, &port, &arena), 0);
    assert_int_equal(take(SIGNATURE "\x11\x11\0\0", 16, &address, &port, &arena), 0);
    arena_free(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_headers),
        cmocka_unit_test(test_no_header),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
