/* SPDX-License-Identifier: Apache-2.0
 * test_tunnel.c - where the streams inside a proxy connection begin.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "text.h"
#include "tunnel.h"

/* Lengths are those of what is said to the proxy; what follows it belongs to the streams inside. */
static const struct dialogue {
    struct text client, server;
    size_t client_len, server_len;
    const char *name;
    uint16_t port;
} dialogues[] = {
    { TEXT("\4\1\0\31\300\0\2\1me\0EHLO"),
      TEXT("\0\132\0\0\0\0\0\0"
           "220 "),
      11, 8, "socks4", 25 },
    { TEXT("\4\1\2\113\0\0\0\7\0mx.example.org\0"), TEXT("\0\132\0\0\0\0\0\0"), 24, 8, "socks4",
      587 },
    { TEXT("\5\1\0\5\1\0\1\300\0\2\1\0\31"), TEXT("\5\0\5\0\0\1\0\0\0\0\0\0"), 13, 12, "socks5",
      25 },
    { TEXT("\5\2\0\2\1\2me\6secret\5\1\0\3\2mx\3\341x"), TEXT("\5\2\1\0\5\0\0\1\0\0\0\0\0\0y"), 24,
      14, "socks5", 993 },
    { TEXT("CONNECT mx.example.org:465 HTTP/1.1\r\nHost: x\r\n\r\nEHLO"),
      TEXT("HTTP/1.1 200 OK\r\nVia: y\r\n\r\n220"), 48, 27, "http-connect", 465 },
};

static void test_open(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof dialogues / sizeof dialogues[0]; i++) {
        const struct dialogue *d = &dialogues[i];
        struct tunnel tunnel;
        assert_int_equal(tunnel_find(reader_of(d->client.at, d->client.len),
                                     reader_of(d->server.at, d->server.len), &tunnel),
                         TUNNEL_OPEN);
        assert_string_equal(tunnel.name, d->name);
        assert_int_equal(tunnel.client, d->client_len);
        assert_int_equal(tunnel.server, d->server_len);
        assert_int_equal(tunnel.port, d->port);
    }
}

static struct reader exact(const struct text *text, size_t len, char **copy)
{
    *copy = malloc(len > 0 ? len : 1);
    assert_non_null(*copy);
    memcpy(*copy, text->at, len);
    return reader_of(*copy, len);
}

static void test_every_truncation_waits(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof dialogues / sizeof dialogues[0]; i++) {
        const struct dialogue *d = &dialogues[i];
        for (size_t c = 1; c <= d->client_len; c++) {
            for (size_t s = 0; s <= d->server_len; s++) {
                struct tunnel tunnel;
                char *client, *server;
                enum tunnel_state found = tunnel_find(exact(&d->client, c, &client),
                                                      exact(&d->server, s, &server), &tunnel);
                assert_int_equal(found, c == d->client_len && s == d->server_len ? TUNNEL_OPEN
                                                                                 : TUNNEL_MORE);
                free(client);
                free(server);
            }
        }
    }
}

static void test_refused_or_other(void **state)
{
    (void)state;
    static const struct {
        struct text client, server;
    } cases[] = {
        { TEXT("\4\1\0\31\300\0\2\1\0"), TEXT("\0\133\0\0\0\0\0\0") }, /* request rejected */
        { TEXT("\5\1\0"), TEXT("\5\377") },                            /* no acceptable method */
        { TEXT("\5\1\1"), TEXT("\5\1") },             /* GSSAPI wraps what follows */
        { TEXT("\5\1\2\1\1a\1b"), TEXT("\5\2\1\1") }, /* wrong password */
        { TEXT("\5\1\0\5\1\0\1\300\0\2\1\0\31"),
          TEXT("\5\0\5\5\0\1\0\0\0\0\0\0") }, /* refused by the target */
        { TEXT("\5\1\0\5\2\0\1\300\0\2\1\0\31"), TEXT("\5\0\5\0\0\1\0\0\0\0\0\0") }, /* BIND */
        { TEXT("CONNECT mx:25 HTTP/1.1\r\n\r\n"), TEXT("HTTP/1.1 403 No\r\n\r\n") },
        { TEXT("EHLO me\r\n"), TEXT("220 mx\r\n") },
        { TEXT("\26\3\1"), TEXT("") },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct tunnel tunnel;
        assert_int_equal(tunnel_find(reader_of(cases[i].client.at, cases[i].client.len),
                                     reader_of(cases[i].server.at, cases[i].server.len), &tunnel),
                         TUNNEL_NONE);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_open),
        cmocka_unit_test(test_every_truncation_waits),
        cmocka_unit_test(test_refused_or_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
