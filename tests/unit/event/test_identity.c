/* SPDX-License-Identifier: Apache-2.0
 * test_identity.c - ids are what others compute too (community id), and depend on content only.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "event.h"

static struct flow_info flow4(const uint8_t client[4], uint16_t client_port,
                              const uint8_t server[4], uint16_t server_port)
{
    struct flow_info flow = { .ip_version = 4,
                              .client_port = client_port,
                              .server_port = server_port };
    memcpy(flow.client.bytes, client, 4);
    memcpy(flow.server.bytes, server, 4);
    return flow;
}

/* The first two are of the specification's baseline, the others of our own documentation. */
static void test_community_id_vectors(void **state)
{
    (void)state;
    static const struct {
        uint8_t client[4], server[4];
        uint16_t client_port, server_port;
        const char *id;
    } cases[] = {
        { { 1, 2, 3, 4 }, { 5, 6, 7, 8 }, 1122, 3344, "1:wCb3OG7yAFWelaUydu0D+125CLM=" },
        { { 5, 6, 7, 8 }, { 1, 2, 3, 4 }, 3344, 1122, "1:wCb3OG7yAFWelaUydu0D+125CLM=" },
        { { 192, 0, 2, 45 }, { 198, 51, 100, 25 }, 51544, 587, "1:IP+9De+h5a8ejzJxqjG6v4ZJPsg=" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct flow_info flow =
            flow4(cases[i].client, cases[i].client_port, cases[i].server, cases[i].server_port);
        char id[IDENTITY_COMMUNITY_SIZE];
        identity_community(&flow, id);
        assert_string_equal(id, cases[i].id);
    }
}

static void test_community_id_v6(void **state)
{
    (void)state;
    struct flow_info flow = { .ip_version = 6, .client_port = 51544, .server_port = 993 };
    static const uint8_t client[16] = { 0x20, 0x01, 0x0d, 0xb8, [15] = 0x45 };
    static const uint8_t server[16] = { 0x20, 0x01, 0x0d, 0xb8, 0, 1, [15] = 0x25 };
    memcpy(flow.client.bytes, client, 16);
    memcpy(flow.server.bytes, server, 16);
    char id[IDENTITY_COMMUNITY_SIZE];
    identity_community(&flow, id);
    assert_string_equal(id, "1:pe9W4H0R4lblR2nni9zivnZVWEA=");
}

static void session_id(struct flow_info *flow, char out[IDENTITY_SIZE])
{
    const uint32_t numbers[SIDE_COUNT] = { session_first_number(flow, SIDE_CLIENT),
                                           session_first_number(flow, SIDE_SERVER) };
    char community[IDENTITY_COMMUNITY_SIZE];
    identity_community(flow, community);
    identity_session(flow, community, numbers, out);
}

static void test_session_id_depends_on_numbers_and_second(void **state)
{
    (void)state;
    static const uint8_t client[4] = { 192, 0, 2, 1 }, server[4] = { 192, 0, 2, 2 };
    struct flow_info flow = flow4(client, 40000, server, 25);
    flow.first.time_ns = INT64_C(1795331813123456789);
    flow.sides[SIDE_CLIENT] = (struct flow_side){ .isn = 7, .isn_known = true };
    char one[IDENTITY_SIZE], two[IDENTITY_SIZE];
    session_id(&flow, one);
    assert_int_equal(strlen(one), 20);

    flow.first.time_ns += 800000000; /* the same second: 813.923 */
    flow.sides[SIDE_CLIENT].packets = 99;
    session_id(&flow, two);
    assert_string_equal(one, two);

    flow.first.time_ns += 200000000;
    session_id(&flow, two);
    assert_string_not_equal(one, two);

    flow.first.time_ns -= 1000000000;
    flow.sides[SIDE_SERVER] = (struct flow_side){ .isn = 8, .isn_known = true };
    session_id(&flow, two);
    assert_string_not_equal(one, two);
}

static void test_event_ids_differ_by_each_part(void **state)
{
    (void)state;
    char ids[5][IDENTITY_SIZE];
    event_id("aaaa", DATASET_SESSION, "", "", 0, ids[0]);
    event_id("aaaa", DATASET_SESSION, "", "open", 0, ids[1]);
    event_id("aaaa", DATASET_FINDING, "", "", 0, ids[2]);
    event_id("aaaa", DATASET_SESSION, "", "", 1, ids[3]);
    event_id("bbbb", DATASET_SESSION, "", "", 0, ids[4]);
    for (size_t i = 0; i < 5; i++)
        for (size_t j = 0; j < i; j++)
            assert_string_not_equal(ids[i], ids[j]);
}

static void test_order_is_total(void **state)
{
    (void)state;
    struct event_key a = { .time_ns = 5, .client_port = 2 }, b = a;
    assert_int_equal(event_key_compare(&a, &b), 0);
    b.client_port = 1;
    assert_true(event_key_compare(&a, &b) > 0);
    b.time_ns = 6;
    assert_true(event_key_compare(&a, &b) < 0);
    b = a;
    b.id[0] = 'x';
    assert_true(event_key_compare(&a, &b) < 0);
}

/* They may be asked for twice before the clock of the run has moved. */
static void test_counters_of_one_instant(void **state)
{
    (void)state;
    const struct event_options options = { 0 };
    struct event_stats stats = { .start_ns = 1, .end_ns = 2 };
    struct event *first = event_of_stats(&options, &stats),
                 *same = event_of_stats(&options, &stats);
    stats.told++;
    struct event *second = event_of_stats(&options, &stats);
    assert_true(first != NULL && same != NULL && second != NULL);
    assert_string_equal(first->key.id, same->key.id);
    assert_string_not_equal(first->key.id, second->key.id);
    event_free(first);
    event_free(same);
    event_free(second);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_community_id_vectors),
        cmocka_unit_test(test_community_id_v6),
        cmocka_unit_test(test_session_id_depends_on_numbers_and_second),
        cmocka_unit_test(test_event_ids_differ_by_each_part),
        cmocka_unit_test(test_counters_of_one_instant),
        cmocka_unit_test(test_order_is_total),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
