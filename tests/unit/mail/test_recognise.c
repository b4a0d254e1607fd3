/* SPDX-License-Identifier: Apache-2.0
 * test_recognise.c - which protocol two beginnings are, on usual and unusual ports.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "mail.h"

enum { FINAL_CLIENT = 1, FINAL_SERVER = 2, FINAL_BOTH = 3 };

static const struct recognition {
    const char *client, *server;
    uint16_t port;
    int final;
    enum mail_recognised is;
    enum mail_protocol protocol;
} cases[] = {
    /* The greeting decides, on any port. */
    { "", "220 mx ESMTP\r\n", 8025, 0, MAIL_RECOGNISED_YES, MAIL_SMTP },
    { "", "220 mx lmtp\r\n", 8025, 0, MAIL_RECOGNISED_YES, MAIL_LMTP },
    { "", "220 mx", 25, 0, MAIL_RECOGNISED_YES, MAIL_SMTP },
    { "", "220 mx", 24, 0, MAIL_RECOGNISED_YES, MAIL_LMTP },
    { "", "554 no\r\n", 25, 0, MAIL_RECOGNISED_YES, MAIL_SMTP },
    { "", "421 no\r\n", 587, 0, MAIL_RECOGNISED_YES, MAIL_SMTP },
    { "", "+OK \r\n", 8110, 0, MAIL_RECOGNISED_YES, MAIL_POP3 },
    { "", "+OK\r\n", 8110, 0, MAIL_RECOGNISED_YES, MAIL_POP3 },
    { "", "-ERR busy", 8110, 0, MAIL_RECOGNISED_YES, MAIL_POP3 },
    { "", "-ERR\r\n", 8110, 0, MAIL_RECOGNISED_YES, MAIL_POP3 },
    { "", "* OK ready\r\n", 8143, 0, MAIL_RECOGNISED_YES, MAIL_IMAP },
    { "", "* OK\r\n", 8143, 0, MAIL_RECOGNISED_YES, MAIL_IMAP },
    { "", "* PREAUTH\r\n", 8143, 0, MAIL_RECOGNISED_YES, MAIL_IMAP },
    { "", "* BYE \r\n", 8143, 0, MAIL_RECOGNISED_YES, MAIL_IMAP },
    { "", "\"IMPLEMENTATION\" \"x\"\r\n", 9419, 0, MAIL_RECOGNISED_YES, MAIL_SIEVE },
    { "", "\"SIEVE\" \"x\"\r\n", 9419, 0, MAIL_RECOGNISED_YES, MAIL_SIEVE },
    { "", "\"STARTTLS\"\r\n", 9419, 0, MAIL_RECOGNISED_YES, MAIL_SIEVE },
    { "", "\"SASL\" \"\"\r\n", 9419, 0, MAIL_RECOGNISED_YES, MAIL_SIEVE },
    { "", "\"VERSION\" \"1.0\"\r\n", 9419, 0, MAIL_RECOGNISED_YES, MAIL_SIEVE },
    { "", "220 welcome to mail service\r\n", 8025, 0, MAIL_RECOGNISED_YES, MAIL_SMTP },
    { "", "************************\r\n", 25, 0, MAIL_RECOGNISED_YES, MAIL_SMTP },
    { "", "************************\r\n", 8025, 0, MAIL_RECOGNISED_NO, MAIL_NONE },

    /* FTP greets with 220 too: its name or the client's verbs tell. */
    { "", "220 hello\r\n", 21, 0, MAIL_RECOGNISED_MORE, MAIL_NONE },
    { "", "220 FTP server of the mail team\r\n", 21, 0, MAIL_RECOGNISED_NO, MAIL_NONE },
    { "USER joe\r\n", "220 hello\r\n", 2121, 0, MAIL_RECOGNISED_NO, MAIL_NONE },
    { "FEAT\r\n", "220 hello\r\n", 2121, 0, MAIL_RECOGNISED_NO, MAIL_NONE },
    { "AUTH TLS\r\n", "220 hello\r\n", 2121, 0, MAIL_RECOGNISED_NO, MAIL_NONE },
    { "EHLO c\r\n", "220 hello\r\n", 2121, 0, MAIL_RECOGNISED_YES, MAIL_SMTP },
    { "MAIL FROM:<a@b>\r\n", "220 hello\r\n", 2121, 0, MAIL_RECOGNISED_YES, MAIL_SMTP },
    { "", "220 hello\r\n", 21, FINAL_BOTH, MAIL_RECOGNISED_NO, MAIL_NONE },

    /* Others. */
    { "", "SSH-2.0-OpenSSH_9\r\n", 25, FINAL_SERVER, MAIL_RECOGNISED_MORE, MAIL_NONE },
    { "", "SSH-2.0-OpenSSH_9\r\n", 22, 0, MAIL_RECOGNISED_NO, MAIL_NONE },
    { "SSH-2.0-x\r\n", "SSH-2.0-OpenSSH_9\r\n", 25, FINAL_BOTH, MAIL_RECOGNISED_NO, MAIL_NONE },
    { "", "200 news ready\r\n", 119, 0, MAIL_RECOGNISED_NO, MAIL_NONE },
    { "", ":irc.example NOTICE * :x\r\n", 6667, 0, MAIL_RECOGNISED_NO, MAIL_NONE },
    { "GET / HTTP/1.1\r\n", "", 80, 0, MAIL_RECOGNISED_NO, MAIL_NONE },
    { "GET / HTTP/1.1\r\n", "", 25, 0, MAIL_RECOGNISED_MORE, MAIL_NONE },
    { "GET / HTTP/1.1\r\n", "HTTP/1.1 200 OK\r\n", 25, FINAL_BOTH, MAIL_RECOGNISED_NO, MAIL_NONE },
    { "GET / HTTP/1.1\r\n", "220 mx ESMTP\r\n", 25, 0, MAIL_RECOGNISED_YES, MAIL_SMTP },
    { "\x01\x02\x03", "", 8080, 0, MAIL_RECOGNISED_NO, MAIL_NONE },

    /* One side only. */
    { "EHLO c\r\n", "", 8025, 0, MAIL_RECOGNISED_YES, MAIL_SMTP },
    { "helo c\r\n", "", 8025, 0, MAIL_RECOGNISED_YES, MAIL_SMTP },
    { "LHLO c\r\n", "", 8025, 0, MAIL_RECOGNISED_YES, MAIL_LMTP },
    { "AUTH LOGIN\r\n", "", 1080, 0, MAIL_RECOGNISED_MORE, MAIL_NONE },
    { "a1 LOGIN a b\r\n", "", 8143, 0, MAIL_RECOGNISED_YES, MAIL_IMAP },
    { ". CAPABILITY\r\n", "", 8143, 0, MAIL_RECOGNISED_YES, MAIL_IMAP },
    { "CAPA\r\n", "", 8110, 0, MAIL_RECOGNISED_YES, MAIL_POP3 },
    { "STLS\r\n", "", 8110, 0, MAIL_RECOGNISED_YES, MAIL_POP3 },
    { "APOP a b\r\n", "", 8110, 0, MAIL_RECOGNISED_YES, MAIL_POP3 },
    { "AUTHENTICATE \"PLAIN\"\r\n", "", 9419, 0, MAIL_RECOGNISED_YES, MAIL_SIEVE },
    { "USER joe\r\n", "", 8110, 0, MAIL_RECOGNISED_MORE, MAIL_NONE },
    { "USER joe\r\n", "", 8110, FINAL_BOTH, MAIL_RECOGNISED_NO, MAIL_NONE },
    { "USER joe\r\n", "", 110, 0, MAIL_RECOGNISED_YES, MAIL_POP3 },
    { "USER joe\r\n", "+OK ", 8110, 0, MAIL_RECOGNISED_YES, MAIL_POP3 },
    { "STARTTLS\r\n", "", 4190, 0, MAIL_RECOGNISED_YES, MAIL_SIEVE },
    { "STARTTLS\r\n", "", 587, 0, MAIL_RECOGNISED_YES, MAIL_SMTP },
    { "STARTTLS\r\n", "", 8025, 0, MAIL_RECOGNISED_MORE, MAIL_NONE },

    /* The middle of a dialogue, on usual ports. */
    { "", "250 ok\r\n", 25, 0, MAIL_RECOGNISED_YES, MAIL_SMTP },
    { "", "250 ok\r\n", 8025, 0, MAIL_RECOGNISED_NO, MAIL_NONE },
    { "text of a message\r\n", "", 25, 0, MAIL_RECOGNISED_MORE, MAIL_NONE },
    { "text of a message\r\n", "250 ok\r\n", 25, 0, MAIL_RECOGNISED_YES, MAIL_SMTP },
    { "", "* 3 EXISTS\r\n", 143, 0, MAIL_RECOGNISED_YES, MAIL_IMAP },
    { "", "a5 OK done\r\n", 143, 0, MAIL_RECOGNISED_YES, MAIL_IMAP },
    { "", "* 3 EXISTS\r\n", 8143, 0, MAIL_RECOGNISED_NO, MAIL_NONE },
    { "RSET\r\n", "", 25, 0, MAIL_RECOGNISED_YES, MAIL_SMTP },
    { "DATA\r\n", "", 25, 0, MAIL_RECOGNISED_YES, MAIL_SMTP },

    /* Bare line feeds, and a reply that is its code alone. */
    { "", "250\n", 25, 0, MAIL_RECOGNISED_YES, MAIL_SMTP },
    { "", "250\r\n", 25, 0, MAIL_RECOGNISED_YES, MAIL_SMTP },
    { "", "250", 25, 0, MAIL_RECOGNISED_MORE, MAIL_NONE },
    { "", "250\n", 8025, 0, MAIL_RECOGNISED_NO, MAIL_NONE },
    { "EHLO\n", "", 8025, 0, MAIL_RECOGNISED_YES, MAIL_SMTP },
    { "EHLOx", "", 8025, 0, MAIL_RECOGNISED_MORE, MAIL_NONE },
    { "RSET\n", "", 25, 0, MAIL_RECOGNISED_YES, MAIL_SMTP },
    { "", "+OK\n", 8110, 0, MAIL_RECOGNISED_YES, MAIL_POP3 },
    { "", "* OK\n", 8143, 0, MAIL_RECOGNISED_YES, MAIL_IMAP },

    /* Nothing. */
    { "", "", 25, 0, MAIL_RECOGNISED_MORE, MAIL_NONE },
    { "", "", 25, FINAL_BOTH, MAIL_RECOGNISED_NO, MAIL_NONE },
};

/* Copies malloc'd to size, so that a sanitizer sees an overrun. */
static char *exact(const char *text, size_t len)
{
    char *copy = malloc(len > 0 ? len : 1);
    assert_non_null(copy);
    memcpy(copy, text, len);
    return copy;
}

static void test_what_is_spoken(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct recognition *c = &cases[i];
        char *client_copy = exact(c->client, strlen(c->client));
        struct reader client = reader_of(client_copy, strlen(c->client));
        char *server_copy = exact(c->server, strlen(c->server));
        struct reader server = reader_of(server_copy, strlen(c->server));
        enum mail_protocol protocol;
        enum mail_recognised is =
            mail_recognise(client, (c->final & FINAL_CLIENT) != 0, server,
                           (c->final & FINAL_SERVER) != 0, c->port, &protocol);
        if (is != c->is || protocol != c->protocol)
            fail_msg("%s / %s on %d: %d %s", c->client, c->server, c->port, (int)is,
                     mail_protocol_name(protocol));
        free(client_copy);
        free(server_copy);
    }
}

/* A beginning of what is recognised is never something else: it is that, or more is wanted. */
static void test_every_truncation_waits(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct recognition *c = &cases[i];
        if (c->is != MAIL_RECOGNISED_YES)
            continue;
        for (size_t len = 0; len < strlen(c->client); len++) {
            char *client_copy = exact(c->client, len);
            struct reader client = reader_of(client_copy, len), none = { 0 };
            enum mail_protocol protocol;
            enum mail_recognised is =
                mail_recognise(client, false, none, false, c->port, &protocol);
            assert_true(is == MAIL_RECOGNISED_MORE || protocol == c->protocol);
            free(client_copy);
        }
        for (size_t len = 0; len < strlen(c->server); len++) {
            char *server_copy = exact(c->server, len);
            struct reader server = reader_of(server_copy, len), none = { 0 };
            enum mail_protocol protocol;
            enum mail_recognised is =
                mail_recognise(none, false, server, false, c->port, &protocol);
            assert_true(is == MAIL_RECOGNISED_MORE || protocol == c->protocol);
            free(server_copy);
        }
    }
}

/* Decided at the latest when both sides have 512 bytes. */
static void test_it_is_bounded(void **state)
{
    (void)state;
    static char text[600];
    enum mail_protocol protocol;
    memset(text, 'x', sizeof text);
    struct reader bytes = reader_of(text, sizeof text);
    assert_int_equal(mail_recognise(bytes, false, bytes, false, 25, &protocol), MAIL_RECOGNISED_NO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_spoken),
        cmocka_unit_test(test_every_truncation_waits),
        cmocka_unit_test(test_it_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
