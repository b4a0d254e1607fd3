/* SPDX-License-Identifier: Apache-2.0
 * test_rings_threads.c - readers and workers as threads: whatever way each packet came, a flow's
 * packets are worked on in order of time, all of them, and nobody waits for ever.
 *
 * Packet k has the time k. It belongs to one of some flows, and comes through a reader that a hash
 * of k picks, as if its tunnel's outer ports were random. All readers walk over all k, as the clock
 * does, and see theirs.
 */
#include "rings_fixture.h"

#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

enum { PACKETS = 60000, FLOWS = 97, READERS = 4, WORKERS = 3, ROOM = 4 };

struct race {
    struct rings *rings;
    unsigned readers, workers;
    bool slow_reader; /* the last one begins only when another found its ring full */
    bool slow_worker; /* the last one */
    unsigned silent;  /* readers, from 0, to which nothing comes */
    atomic_uint broken;
    atomic_uint worked;
};

struct thread {
    struct race *race;
    unsigned index;
    pthread_t thread;
};

static uint32_t mix(uint32_t x)
{
    x = (x ^ x >> 16) * 0x45d9f3bu;
    x = (x ^ x >> 16) * 0x45d9f3bu;
    return x ^ x >> 16;
}

static void nap(void)
{
    const struct timespec some = { .tv_nsec = 200000 };
    nanosleep(&some, NULL);
}

static unsigned reader_for(const struct race *race, uint32_t k)
{
    return race->silent + mix(k) % (race->readers - race->silent);
}

static void wait_until_one_stalls(struct race *race)
{
    struct event_queues queues = { 0 };
    while (queues.stalls == 0) {
        queues = (struct event_queues){ 0 };
        rings_count(race->rings, &queues);
        nap();
    }
}

static void *run_reader(void *argument)
{
    const struct thread *self = argument;
    struct race *race = self->race;
    if (race->slow_reader && self->index == race->readers - 1)
        wait_until_one_stalls(race);
    for (uint32_t k = 0; k < PACKETS;) {
        uint64_t number, passed;
        struct batch *batch = rings_take(race->rings, self->index, &number, &passed);
        batch_empty(batch);
        uint32_t end = k + 1 + mix(k ^ self->index << 20) % 400;
        for (; k < end && k < PACKETS; k++) {
            if (reader_for(race, k) != self->index)
                continue;
            unsigned flow = mix(k + PACKETS) % FLOWS;
            batch_add(batch, k, flow % LIMIT_SHARDS)->source_port = (uint16_t)flow;
        }
        batch->block.clock_ns = k - 1;
        rings_put(race->rings, self->index);
        if (mix(k) % 64 == 0)
            nap();
    }
    rings_leave(race->rings, self->index);
    return NULL;
}

static void *run_worker(void *argument)
{
    const struct thread *self = argument;
    struct race *race = self->race;
    int64_t clock_ns = INT64_MIN, times[FLOWS];
    for (unsigned i = 0; i < FLOWS; i++)
        times[i] = -1;
    while (rings_wait(race->rings, self->index)) {
        const struct packet *packet;
        unsigned shard;
        bool last;
        while ((packet = rings_next(race->rings, self->index, &shard)) != NULL) {
            bool right = shard % race->workers == self->index && packet->clock_ns >= clock_ns &&
                         packet->time_ns > times[packet->source_port];
            race->broken += right ? 0 : 1;
            race->worked++;
            clock_ns = packet->clock_ns;
            times[packet->source_port] = packet->time_ns;
        }
        if (race->slow_worker && self->index == race->workers - 1)
            nap();
        int64_t done_ns = rings_done(race->rings, self->index, &last);
        race->broken += done_ns >= clock_ns ? 0 : 1;
        clock_ns = done_ns;
    }
    race->broken += clock_ns == PACKETS - 1 ? 0 : 1;
    return NULL;
}

static void run_race(struct race *race)
{
    struct thread readers[READERS], workers[WORKERS];
    struct event_queues queues = { 0 };
    race->rings = rings_new(race->readers, race->workers, ROOM);
    assert_non_null(race->rings);
    for (unsigned i = 0; i < race->workers; i++) {
        workers[i] = (struct thread){ .race = race, .index = i };
        assert_int_equal(pthread_create(&workers[i].thread, NULL, run_worker, &workers[i]), 0);
    }
    for (unsigned i = 0; i < race->readers; i++) {
        readers[i] = (struct thread){ .race = race, .index = i };
        assert_int_equal(pthread_create(&readers[i].thread, NULL, run_reader, &readers[i]), 0);
    }
    for (unsigned i = 0; i < race->readers; i++)
        assert_int_equal(pthread_join(readers[i].thread, NULL), 0);
    for (unsigned i = 0; i < race->workers; i++)
        assert_int_equal(pthread_join(workers[i].thread, NULL), 0);
    rings_count(race->rings, &queues);
    assert_int_equal(race->broken, 0);
    assert_int_equal(race->worked, PACKETS);
    assert_int_equal(queues.blocks_waiting, 0);
    if (race->slow_reader)
        assert_true(queues.stalls > 0);
    rings_free(race->rings);
}

static void test_every_number_of_threads(void **state)
{
    (void)state;
    for (unsigned readers = 1; readers <= READERS; readers++)
        for (unsigned workers = 1; workers <= WORKERS; workers++)
            run_race(&(struct race){ .readers = readers, .workers = workers });
}

static void test_idle_readers(void **state)
{
    (void)state;
    run_race(&(struct race){ .readers = READERS, .workers = WORKERS, .silent = 2 });
}

static void test_full_rings(void **state)
{
    (void)state;
    run_race(&(struct race){ .readers = READERS, .workers = WORKERS, .slow_reader = true });
}

static void test_slow_worker(void **state)
{
    (void)state;
    run_race(&(struct race){ .readers = READERS, .workers = WORKERS, .slow_worker = true });
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_number_of_threads),
        cmocka_unit_test(test_idle_readers),
        cmocka_unit_test(test_full_rings),
        cmocka_unit_test(test_slow_worker),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
