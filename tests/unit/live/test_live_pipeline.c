/* SPDX-License-Identifier: Apache-2.0
 * test_live_pipeline.c - the threads of a live run, between readers without sockets and an output
 * that looks at what it gets. Workers are made up too: each packet gives one event.
 *
 * The linker lets the capture's and the output's functions come here (--wrap).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "clock.h"
#include "limits.h"
#include "live_pipeline.h"

enum { READERS = 3, WORKERS = 2, FRAME = 40, FRAMES = 20, FILLS = 1500, RAW_IP = 101 };
#define STEP_NS NS_PER_MS /* from one frame to the next */
#define BASE_NS (INT64_C(1700000000) * NS_PER_S)
#define BEHIND_NS (200 * NS_PER_MS)

static struct {
    bool stuck;        /* the output takes nothing until the readers have come to a stop */
    atomic_bool over;  /* enough was seen */
    atomic_uint fills; /* of all readers */
    atomic_ullong delivered;
    _Atomic int64_t clock_ns[READERS];
    atomic_uint ended; /* readers */
    /* The ordered thread's: */
    uint64_t written;
    int64_t written_ns, tick_ns;
    unsigned ticks;
    struct pipeline *asked; /* to switch */
    bool switched;
    atomic_uint broken;
} seen;

static void expect(bool good) { seen.broken += good ? 0 : 1; }

static void nap(void)
{
    const struct timespec some = { .tv_nsec = 200000 };
    nanosleep(&some, NULL);
}

/* --- readers: frame k has the time k, and comes through reader k % READERS or so --- */

static void write_frame(uint8_t *at, uint32_t k)
{
    memset(at, 0, FRAME);
    at[0] = 0x45;
    at[3] = FRAME;
    at[9] = 6;
    at[12] = at[16] = 10;
    at[15] = 1;
    at[19] = 2;
    at[20] = (uint8_t)(k % 251); /* ports */
    at[23] = 25;
    at[32] = 0x50;
}

bool __wrap_capture_fill_part(struct capture *capture, unsigned reader, struct block *block);
bool __wrap_capture_fill_part(struct capture *capture, unsigned reader, struct block *block)
{
    static _Thread_local uint32_t turn;
    (void)capture;
    if (seen.stuck ? turn == FILLS : (bool)seen.over) {
        seen.ended++;
        turn = 0;
        return false;
    }
    block->count = block->used = 0;
    for (uint32_t i = 0, k = turn * FRAMES; i < FRAMES; i++, k++) {
        if (k * 7 / 3 % READERS != reader)
            continue;
        write_frame(block->bytes + block->used, k);
        block->frames[block->count++] = (struct frame){ .time_ns = BASE_NS + k * STEP_NS,
                                                        .number = k,
                                                        .data = block->bytes + block->used,
                                                        .captured = FRAME,
                                                        .wire = FRAME,
                                                        .link_type = RAW_IP };
        block->used += FRAME;
    }
    turn++;
    seen.fills++;
    seen.delivered += block->count;
    block->clock_ns = BASE_NS + (turn * FRAMES - 1) * STEP_NS;
    seen.clock_ns[reader] = block->clock_ns;
    if (!seen.stuck)
        nap();
    return true;
}

bool __wrap_capture_begin_anew(struct capture *capture);
bool __wrap_capture_begin_anew(struct capture *capture)
{
    (void)capture;
    return false;
}

struct capture_counters __wrap_capture_counters(const struct capture *capture);
struct capture_counters __wrap_capture_counters(const struct capture *capture)
{
    (void)capture;
    return (struct capture_counters){ .frames = seen.delivered };
}

/* --- workers --- */

struct worker {
    const struct worker_options *options;
    struct event *events;
    uint64_t packets;
    int64_t clock_ns;
    bool finished;
};

struct worker *worker_new(const struct worker_options *options, unsigned index, unsigned count)
{
    (void)index;
    (void)count;
    struct worker *worker = calloc(1, sizeof *worker);
    assert_non_null(worker);
    worker->options = options;
    worker->clock_ns = INT64_MIN;
    return worker;
}

void worker_free(struct worker *worker) { free(worker); }

void worker_packet(struct worker *worker, unsigned shard, const struct packet *packet)
{
    struct event *event = calloc(1, sizeof *event);
    if (event == NULL)
        abort();
    expect(packet->clock_ns >= worker->clock_ns && packet->clock_ns == packet->time_ns);
    worker->clock_ns = packet->clock_ns;
    worker->packets++;
    event->key.time_ns = packet->clock_ns;
    event->key.ordinal = shard;
    event->update = (uint32_t)worker->options->new_chains;
    event->next = worker->events;
    worker->events = event;
}

void worker_advance(struct worker *worker, int64_t clock_ns)
{
    expect(clock_ns >= worker->clock_ns);
    worker->clock_ns = clock_ns;
}

void worker_finish(struct worker *worker, int64_t clock_ns)
{
    worker_advance(worker, clock_ns);
    expect(!worker->finished);
    worker->finished = true;
}

void worker_switch(struct worker *worker, const struct worker_options *next)
{
    expect(next != worker->options);
    worker->options = next;
}

struct event *worker_take_events(struct worker *worker)
{
    struct event *events = worker->events;
    worker->events = NULL;
    return events;
}

void worker_count(const struct worker *worker, struct event_stats *stats)
{
    stats->flows.packets += worker->packets;
}

void worker_add_counts(struct event_stats *sum, const struct event_stats *more)
{
    sum->flows.packets += more->flows.packets;
}

/* --- the output, on the ordered thread --- */

static void wait_until_readers_stand_still(void)
{
    unsigned still = 0, fills = seen.fills;
    while (still < 200 && seen.ended == 0) {
        nap();
        still = seen.fills == fills ? still + 1 : 0;
        fills = seen.fills;
    }
    expect(seen.ended == 0); /* all would have been read, and kept somewhere */
}

bool __wrap_output_is_open(const struct output *output);
bool __wrap_output_is_open(const struct output *output)
{
    (void)output;
    return true;
}

void __wrap_output_flush(struct output *output);
void __wrap_output_flush(struct output *output) { (void)output; }

void __wrap_output_write(struct output *output, const struct event *event, uint64_t sequence);
void __wrap_output_write(struct output *output, const struct event *event, uint64_t sequence)
{
    (void)output;
    if (seen.stuck && seen.written == 0)
        wait_until_readers_stand_still();
    expect(sequence == ++seen.written);
    expect(event->key.time_ns >= seen.written_ns);
    expect(!seen.switched || event->update == 2);
    seen.switched = seen.switched || (seen.asked != NULL && pipeline_switched(seen.asked));
    seen.written_ns = event->key.time_ns;
    for (unsigned i = 0; i < READERS && seen.ended == 0; i++)
        expect(event->key.time_ns < seen.clock_ns[i] - BEHIND_NS || seen.ended > 0);
}

static void tick(void *to, struct pipeline *pipeline, int64_t clock_ns)
{
    struct event_stats stats = { 0 };
    const struct worker_options *next = to;
    seen.ticks++;
    expect(clock_ns >= seen.tick_ns);
    seen.tick_ns = clock_ns;
    pipeline_snapshot(pipeline, &stats);
    expect(stats.queues.live && stats.queues.blocks_room == LIMIT_RING_BLOCKS);
    expect(stats.flows.packets <= stats.capture.frames);
    expect(stats.packets.verdicts[PACKET_TCP] <= stats.capture.frames);
    expect(seen.written + stats.queues.events_waiting <= stats.capture.frames);
    if (seen.asked == NULL && seen.written > 0) {
        pipeline_switch(pipeline, next);
        seen.asked = pipeline;
    }
    seen.over = seen.switched;
}

static void run(bool stuck)
{
    memset(&seen, 0, sizeof seen);
    seen.stuck = stuck;
    seen.tick_ns = INT64_MIN;
    static int any;
    struct output *outputs[] = { (struct output *)&any };
    struct order *order = order_new(outputs, 1, UINT32_MAX);
    assert_non_null(order);
    struct worker_options next = { .new_chains = 2 };
    struct pipeline_options options = { .workers = WORKERS,
                                        .readers = READERS,
                                        .worker = { .new_chains = 1 },
                                        .tick = tick,
                                        .tick_to = &next };
    struct event_stats stats = { 0 };
    assert_true(live_pipeline_run(&options, NULL, order, &stats));
    assert_int_equal(seen.broken, 0);
    assert_true(seen.delivered > 0);
    assert_int_equal(seen.written, seen.delivered);
    assert_int_equal(stats.flows.packets, seen.delivered);
    assert_int_equal(stats.packets.verdicts[PACKET_TCP], seen.delivered);
    assert_int_equal(stats.capture.frames, seen.delivered);
    assert_int_equal(stats.queues.events_waiting, 0);
    assert_int_equal(stats.queues.blocks_waiting, 0);
    assert_int_equal(stats.start_ns, BASE_NS);
    assert_true(stats.end_ns >= stats.last_packet_ns);
    if (stuck)
        assert_true(stats.queues.stalls > 0);
    else
        assert_true(seen.switched);
    order_free(order);
}

static void test_order_ticks_and_switch(void **state)
{
    (void)state;
    run(false);
}

/* Workers, then readers come to a stop, and nothing is lost when it goes on. */
static void test_output_that_hangs(void **state)
{
    (void)state;
    run(true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order_ticks_and_switch),
        cmocka_unit_test(test_output_that_hangs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
