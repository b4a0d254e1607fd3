/* SPDX-License-Identifier: Apache-2.0
 * test_foreign.c - what is spoken on a mail port that is not mail, by its bytes and not by its
 * port.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <string.h>

#include "foreign.h"

struct sample {
    const char *name; /* NULL: not known */
    int client_first;
    const char *client, *server;
    size_t client_len, server_len;
};

#define BOTH(c, s)                                                                                 \
    .client = (c), .server = (s), .client_len = sizeof(c) - 1, .server_len = sizeof(s) - 1

/* An RDP client's X.224 connection request with a cookie, and the server's confirmation. */
#define RDP_REQUEST                                                                                \
    "\x03\x00\x00\x27\x22\xe0\x00\x00\x00\x00\x00"                                                 \
    "Cookie: mstshash=u\r\n"                                                                       \
    "\x01\x00\x08\x00\x0b\x00\x00\x00"
#define RDP_CONFIRM "\x03\x00\x00\x13\x0e\xd0\x00\x00\x12\x34\x00\x02\x1f\x08\x00\x02\x00\x00\x00"

#define BITTORRENT                                                                                 \
    "\x13"                                                                                         \
    "BitTorrent protocol\x00\x00\x00\x00\x00\x10\x00\x05"                                          \
    "aaaabbbbccccddddeeee-XX0001-123456789012"

static const struct sample samples[] = {
    { "ssh", 0, BOTH("SSH-2.0-client_1.0\r\n", "SSH-2.0-server_1.0\r\n") },
    { "http", 1,
      BOTH("GET / HTTP/1.1\r\nHost: mail.example.org\r\nUser-Agent: x\r\nAccept: */*\r\n\r\n",
           "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 2\r\n\r\nok") },
    { "rdp", 1, BOTH(RDP_REQUEST, RDP_CONFIRM) },
    { "bittorrent", 1, BOTH(BITTORRENT, BITTORRENT) },
    { NULL, 1, BOTH("zq17 kkkk wwwww 5501", "q9 w8 e7 r6 t5 y4") },
};
enum { SAMPLES = sizeof samples / sizeof *samples };

static const char *ask(struct foreign *foreign, const struct sample *sample, uint16_t port)
{
    return foreign_name(foreign, sample->client, sample->client_len, sample->server,
                        sample->server_len, sample->client_first, 40000, port);
}

static void assert_answer(const char *answer, const char *expected)
{
    if (expected == NULL)
        assert_null(answer);
    else
        assert_string_equal(answer, expected);
}

static void test_protocols_are_named_by_their_bytes(void **state)
{
    (void)state;
    struct foreign *foreign = foreign_new();
    assert_non_null(foreign);
    for (size_t i = 0; i < SAMPLES; i++)
        assert_answer(ask(foreign, &samples[i], 25), samples[i].name);
    assert_int_equal(foreign_calls(foreign), SAMPLES);
    foreign_free(foreign);
}

/* Port 22 with bytes that nobody knows is not SSH. */
static void test_ports_are_not_guessed_from(void **state)
{
    (void)state;
    static const uint16_t ports[] = { 22, 80, 443, 993, 3389, 6881 };
    struct foreign *foreign = foreign_new();
    for (size_t i = 0; i < sizeof ports / sizeof *ports; i++)
        assert_null(ask(foreign, &samples[SAMPLES - 1], ports[i]));
    foreign_free(foreign);
}

/* nDPI keeps the peers of a BitTorrent flow in mind and would call their next flow so too. */
static void test_answers_do_not_depend_on_earlier_questions(void **state)
{
    (void)state;
    struct foreign *foreign = foreign_new();
    for (size_t first = 0; first < SAMPLES; first++)
        for (size_t second = 0; second < SAMPLES; second++) {
            assert_answer(ask(foreign, &samples[first], 587), samples[first].name);
            assert_answer(ask(foreign, &samples[second], 587), samples[second].name);
        }
    foreign_free(foreign);
}

/* The name stays where it is, and long payloads are cut. */
static void test_names_stay_and_payloads_are_cut(void **state)
{
    (void)state;
    struct foreign *foreign = foreign_new();
    const char *ssh = ask(foreign, &samples[0], 25);
    static char large[200000];
    memset(large, 'x', sizeof large);
    memcpy(large, samples[1].client, samples[1].client_len);
    assert_string_equal(foreign_name(foreign, large, sizeof large, large, 0, 1, 40000, 25), "http");
    assert_string_equal(ssh, "ssh");
    assert_ptr_equal(ask(foreign, &samples[0], 25), ssh);
    /* Beyond the first FOREIGN_BYTES nothing counts. */
    memset(large, 'z', FOREIGN_BYTES);
    memcpy(large + FOREIGN_BYTES, samples[1].client, samples[1].client_len);
    assert_null(foreign_name(foreign, large, sizeof large, NULL, 0, 1, 40000, 25));
    foreign_free(foreign);
}

static void test_nothing_said_has_no_name(void **state)
{
    (void)state;
    struct foreign *foreign = foreign_new();
    assert_null(foreign_name(foreign, NULL, 0, NULL, 0, 1, 40000, 25));
    foreign_free(foreign);
    foreign_free(NULL);
    struct foreign *unasked = foreign_new();
    assert_int_equal(foreign_calls(unasked), 0);
    foreign_free(unasked);
}

static void *thread_main(void *failed)
{
    struct foreign *foreign = foreign_new();
    for (size_t i = 0; i < 50; i++) {
        const struct sample *sample = &samples[i % SAMPLES];
        const char *answer = ask(foreign, sample, 25);
        if ((answer == NULL) != (sample->name == NULL) ||
            (answer != NULL && strcmp(answer, sample->name) != 0))
            *(int *)failed = 1;
    }
    foreign_free(foreign);
    return NULL;
}

static void test_instances_work_side_by_side(void **state)
{
    (void)state;
    pthread_t threads[3];
    int failed[3] = { 0 };
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, thread_main, &failed[i]), 0);
    for (size_t i = 0; i < 3; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(failed[i], 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_protocols_are_named_by_their_bytes),
        cmocka_unit_test(test_ports_are_not_guessed_from),
        cmocka_unit_test(test_answers_do_not_depend_on_earlier_questions),
        cmocka_unit_test(test_names_stay_and_payloads_are_cut),
        cmocka_unit_test(test_nothing_said_has_no_name),
        cmocka_unit_test(test_instances_work_side_by_side),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
