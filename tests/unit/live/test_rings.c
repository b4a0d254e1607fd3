/* SPDX-License-Identifier: Apache-2.0
 * test_rings.c - what a worker gets of several readers, and when; all on one thread.
 */
#include "rings_fixture.h"

#define END (-1)

static struct rings *rings;

static void open_rings(unsigned readers, unsigned workers, unsigned room)
{
    rings = rings_new(readers, workers, room);
    assert_non_null(rings);
}

static int close_rings(void **state)
{
    (void)state;
    rings_free(rings);
    rings = NULL;
    return 0;
}

/* One batch with packets of shard 0 at these times, up to END. */
static void put(unsigned reader, const int *times)
{
    uint64_t number, passed;
    struct batch *batch = rings_take(rings, reader, &number, &passed);
    batch_empty(batch);
    for (; *times != END; times++)
        batch_add(batch, *times, 0);
    rings_put(rings, reader);
}
#define PUT(reader, ...) put(reader, (const int[]){ __VA_ARGS__, END })

static void pass_time(unsigned reader, int64_t clock_ns)
{
    uint64_t number, passed;
    struct batch *batch = rings_take(rings, reader, &number, &passed);
    batch_empty(batch);
    batch->block.clock_ns = clock_ns;
    rings_put(rings, reader);
}

static struct event_queues count(void)
{
    struct event_queues queues = { 0 };
    rings_count(rings, &queues);
    return queues;
}

/* What this worker gets now is what is expected, by time; returns its clock then. */
static int64_t take(unsigned worker, const int *times)
{
    const struct packet *packet;
    unsigned shard;
    bool last;
    int64_t clock_ns = INT64_MIN;
    assert_true(rings_wait(rings, worker));
    while ((packet = rings_next(rings, worker, &shard)) != NULL) {
        assert_int_equal(packet->time_ns, *times++);
        assert_true(packet->clock_ns >= clock_ns);
        clock_ns = packet->clock_ns;
    }
    assert_int_equal(*times, END);
    int64_t done_ns = rings_done(rings, worker, &last);
    assert_true(done_ns >= clock_ns);
    assert_false(last);
    return done_ns;
}
#define TAKE(worker, ...) take(worker, (const int[]){ __VA_ARGS__, END })
#define TAKE_NONE(worker) take(worker, (const int[]){ END })

static void test_merged_up_to_the_slowest(void **state)
{
    (void)state;
    open_rings(3, 1, 8);
    PUT(0, 10, 30, 50);
    PUT(1, 20, 40, 45);
    assert_int_equal(TAKE_NONE(0), INT64_MIN); /* nobody knows what reader 2 has */
    PUT(2, 5, 25);
    assert_int_equal(TAKE(0, 5, 10, 20, 25), 25);
    pass_time(2, 41);
    assert_int_equal(TAKE(0, 30, 40), 41);
    pass_time(2, 100);
    assert_int_equal(TAKE(0, 45), 45); /* reader 1 may have something before 50 */
    PUT(1, 47);
    PUT(1, 49, 60);
    assert_int_equal(TAKE(0, 47, 49, 50), 50);
    rings_leave(rings, 0); /* it no longer holds anybody back */
    assert_int_equal(TAKE(0, 60), 60);
}

static void test_equal_times(void **state)
{
    (void)state;
    open_rings(2, 1, 8);
    PUT(0, 10, 10, 20);
    PUT(1, 10, 20, 20);
    assert_int_equal(TAKE(0, 10, 10, 10, 20, 20, 20), 20);
}

/* A reader that hears nothing needs no room. */
static void test_idle_readers(void **state)
{
    (void)state;
    open_rings(2, 1, 2);
    for (int i = 1; i <= 1000; i++)
        pass_time(1, i);
    PUT(0, 500);
    assert_int_equal(count().blocks_waiting, 1);
    assert_int_equal(TAKE(0, 500), 500);
    assert_int_equal(count().blocks_waiting, 0);
    assert_int_equal(count().stalls, 0);
}

/* What comes behind a clock that was promised is worked on at that clock. */
static void test_a_promise_is_kept(void **state)
{
    (void)state;
    open_rings(2, 1, 8);
    pass_time(0, 100);
    pass_time(1, 100);
    assert_int_equal(TAKE_NONE(0), 100);
    uint64_t number, passed;
    struct batch *batch = rings_take(rings, 0, &number, &passed);
    batch_empty(batch);
    batch_add(batch, 90, 0);
    batch_add(batch, 95, 0);
    batch_add(batch, 120, 0);
    rings_put(rings, 0);
    pass_time(1, 130);
    const struct packet *packet;
    unsigned shard;
    const int64_t clocks[] = { 100, 100, 120 };
    assert_true(rings_wait(rings, 0));
    unsigned got = 0;
    for (; (packet = rings_next(rings, 0, &shard)) != NULL; got++)
        assert_int_equal(packet->clock_ns, clocks[got]);
    assert_int_equal(got, 3);
}

static void test_own_shards_only(void **state)
{
    (void)state;
    enum { WORKERS = 3 };
    open_rings(2, WORKERS, 4);
    for (unsigned reader = 0; reader < 2; reader++) {
        uint64_t number, passed;
        struct batch *batch = rings_take(rings, reader, &number, &passed);
        batch_empty(batch);
        for (unsigned i = 0; i < LIMIT_SHARDS; i++) {
            struct packet *packet = batch_add(batch, 2 * (int64_t)i + reader, LIMIT_SHARDS - 1 - i);
            packet->via = i % 2 == 0 ? VIA_FRAGMENTS | VIA_VLAN : VIA_VLAN;
        }
        batch->block.clock_ns = 1000;
        rings_put(rings, reader);
    }
    unsigned all = 0;
    for (unsigned worker = 0; worker < WORKERS; worker++) {
        const struct packet *packet;
        unsigned shard;
        bool last;
        int64_t time_ns = -1;
        assert_int_equal(count().blocks_waiting, 1); /* as long as one has not passed it */
        assert_true(rings_wait(rings, worker));
        for (; (packet = rings_next(rings, worker, &shard)) != NULL; all++) {
            assert_int_equal(shard % WORKERS, worker);
            assert_int_equal(shard, LIMIT_SHARDS - 1 - packet->time_ns / 2);
            assert_true(packet->time_ns > time_ns);
            time_ns = packet->time_ns;
        }
        assert_int_equal(rings_done(rings, worker, &last), 1000);
    }
    assert_int_equal(all, 2 * LIMIT_SHARDS);
    struct event_queues queues = count();
    assert_int_equal(queues.blocks_waiting, 0);
    assert_int_equal(queues.handed_over, 2 * LIMIT_SHARDS - 22 - 21); /* shards 0, 3, …; 1, 4, … */
    assert_int_equal(queues.copied, 64 - 11 - 11);
}

/* A batch whose frames hold no TCP takes room until all are past it: its number is the decoder's.
 */
static void test_frames_without_packets(void **state)
{
    (void)state;
    open_rings(1, 1, 2);
    for (uint64_t i = 0; i < 5; i++) {
        uint64_t number, passed;
        struct batch *batch = rings_take(rings, 0, &number, &passed);
        assert_int_equal(number, i);
        assert_int_equal(passed, i);
        batch_empty(batch);
        batch->block.count = 7;
        batch->block.clock_ns = 10; /* the same each time: news nevertheless */
        rings_put(rings, 0);
        assert_int_equal(count().blocks_waiting, 1);
        assert_int_equal(TAKE_NONE(0), 10);
    }
}

static void test_turns_are_bounded(void **state)
{
    (void)state;
    enum { EXTRA = 10 };
    open_rings(1, 1, 2);
    const unsigned sizes[] = { LIMIT_TURN_PACKETS, EXTRA };
    for (int64_t from = 0, batch_no = 0; batch_no < 2; from += sizes[batch_no++]) {
        uint64_t number, passed;
        struct batch *batch = rings_take(rings, 0, &number, &passed);
        batch_empty(batch);
        for (int64_t i = 0; i < sizes[batch_no]; i++)
            batch_add(batch, from + i, 0);
        rings_put(rings, 0);
    }
    for (unsigned turn = 0; turn < 2; turn++) {
        unsigned shard, got = 0;
        bool last;
        assert_true(rings_wait(rings, 0)); /* without a wait */
        while (rings_next(rings, 0, &shard) != NULL)
            got++;
        assert_int_equal(got, sizes[turn]);
        assert_int_equal(rings_done(rings, 0, &last),
                         turn == 0 ? LIMIT_TURN_PACKETS - 1 : LIMIT_TURN_PACKETS + EXTRA - 1);
        assert_int_equal(count().blocks_waiting, turn == 0 ? 1 : 0);
    }
}

/* The machine's clock was set back: what a part of them saw before does not hold the rest up. */
static void test_clock_set_back(void **state)
{
    (void)state;
    open_rings(2, 1, 64);
    PUT(0, 1000);
    PUT(1, 1005);
    assert_int_equal(TAKE(0, 1000), 1000);
    for (unsigned i = 0; i < RING_STUCK; i++)
        pass_time(0, 1000);
    PUT(1, 300); /* its time is far behind by now, its clock is not */
    assert_int_equal(take(0, (const int[]){ 1005, 300, END }), 1005);
}

static void test_the_end(void **state)
{
    (void)state;
    open_rings(2, 1, 4);
    PUT(0, 10, 20);
    PUT(1, 70, 90);
    rings_leave(rings, 0);
    rings_leave(rings, 1);
    const int times[] = { 10, 20, 70, 90 };
    const struct packet *packet;
    unsigned shard, got = 0;
    bool last;
    assert_true(rings_wait(rings, 0));
    for (; (packet = rings_next(rings, 0, &shard)) != NULL; got++)
        assert_int_equal(packet->time_ns, times[got]);
    assert_int_equal(got, 4);
    assert_int_equal(rings_done(rings, 0, &last), 90);
    assert_true(last);
    assert_false(rings_wait(rings, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_merged_up_to_the_slowest, close_rings),
        cmocka_unit_test_teardown(test_equal_times, close_rings),
        cmocka_unit_test_teardown(test_idle_readers, close_rings),
        cmocka_unit_test_teardown(test_a_promise_is_kept, close_rings),
        cmocka_unit_test_teardown(test_own_shards_only, close_rings),
        cmocka_unit_test_teardown(test_frames_without_packets, close_rings),
        cmocka_unit_test_teardown(test_turns_are_bounded, close_rings),
        cmocka_unit_test_teardown(test_clock_set_back, close_rings),
        cmocka_unit_test_teardown(test_the_end, close_rings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
