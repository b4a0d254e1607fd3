/* SPDX-License-Identifier: Apache-2.0
 * test_spool_race.c - writer and reader at the same time, in a spool that is always full: slots
 * change hands all the time. Each event is delivered or counted as given up, and order is kept.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "limits.h"
#include "spool.h"

enum { SIZE = 4096 * LIMIT_SPOOL_SLOTS, BODY = 1200, EVENTS = 150000 };

struct race {
    struct spool *spool;
    uint64_t put, refused; /* the writer's */
    atomic_bool over;
};

static void *write_all(void *argument)
{
    static const uint8_t datasets[] = { STARTTAP_DATASET_STATS, STARTTAP_DATASET_SESSION,
                                        STARTTAP_DATASET_CERTIFICATE, STARTTAP_DATASET_FINDING };
    struct race *race = argument;
    char body[BODY];
    memset(body, 'x', sizeof body);
    uint32_t chance = 7;
    for (unsigned i = 0; i < EVENTS; i++) {
        char id[16], *room;
        snprintf(id, sizeof id, "%u", i);
        chance = chance * 1664525u + 1013904223u;
        unsigned kind = chance >> 28;
        struct starttap_message message = { .len = BODY,
                                            .id = id,
                                            .key = "",
                                            .dataset = datasets[kind < 7    ? 0
                                                                : kind < 14 ? 1
                                                                            : 3] };
        if (spool_room(race->spool, &message, true, &room) == SPOOL_PUT) {
            memcpy(room, body, BODY);
            spool_commit(race->spool);
            race->put++;
        } else {
            race->refused++;
        }
    }
    atomic_store(&race->over, true);
    return NULL;
}

static void test_race(void **state)
{
    (void)state;
    char why[200];
    struct race race = { .spool = spool_open(NULL, SIZE, why, sizeof why) };
    assert_non_null(race.spool);
    struct starttap_message messages[16];
    pthread_t writer;
    assert_int_equal(pthread_create(&writer, NULL, write_all, &race), 0);
    uint64_t delivered = 0, disorder = 0, readers = 0;
    long last = -1;
    struct spool_reader *reader = spool_reader_new(race.spool);
    for (unsigned round = 0;; round++) {
        bool over = atomic_load(&race.over);
        size_t count = spool_reader_next(reader, messages, 1 + round % 16, SIZE);
        for (size_t i = 0; i < count; i++) {
            long number = strtol(messages[i].id, NULL, 10);
            disorder += number <= last;
            last = number;
        }
        delivered += count;
        (void)spool_reader_done(reader, count);
        if (over && count == 0)
            break;
        if (round % 64 == 0) { /* it died and another one came */
            spool_reader_free(reader);
            reader = spool_reader_new(race.spool);
            readers++;
        }
    }
    pthread_join(writer, NULL);
    uint64_t given_up = 0;
    for (int i = 0; i < SPOOL_DATASETS; i++)
        given_up += spool_given_up(race.spool, i);
    print_message("%llu delivered, %llu given up, %llu refused, %llu readers\n",
                  (unsigned long long)delivered, (unsigned long long)given_up,
                  (unsigned long long)race.refused, (unsigned long long)readers);
    assert_int_equal(disorder, 0);
    assert_int_equal(spool_bytes_waiting(race.spool), 0);
    assert_int_equal(delivered + given_up, race.put);
    assert_true(given_up > 0 && delivered > 0);
    spool_reader_free(reader);
    spool_close(race.spool);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_race) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
