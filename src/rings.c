/* SPDX-License-Identifier: Apache-2.0
 * rings.c - see rings.h.
 */
#include "rings.h"

#include <pthread.h>
#include <stdlib.h>

#include "limits.h"
#include "stock.h"

#define NOTHING INT64_MAX        /* the head of a ring in which nothing is left */
#define FOR_EVER (INT64_MAX - 1) /* the clock of a ring whose reader has left */

struct ring {
    struct stock stock;
    /* Under the lock: */
    uint64_t published; /* batches, since the beginning */
    int64_t clock_ns;
    bool left;
    unsigned stuck; /* batches since the clock rose */
    uint64_t stalls, handed_over, copied;
};

struct head {               /* of a ring, as one worker sees it */
    uint64_t number, limit; /* the batch it stands in, and where those that it knows end */
    uint32_t at;            /* in its part of the batch */
    int64_t clock_ns;       /* of the packet there, or NOTHING */
    uint64_t passed;        /* under the lock: batches that it is done with */
};

struct view { /* of a worker */
    struct head *heads;
    int64_t bound_ns; /* how far it may go */
    int64_t until_ns; /* the head of the next ring: up to there the current one goes first */
    int64_t taken_ns; /* the clock of the last packet */
    unsigned current;
    unsigned turn; /* packets it may still take before rings_done() */
    bool cut;      /* the turn was over before the work */
    bool over;     /* nothing more comes */
    uint64_t seen; /* of rings.news */
};

struct rings {
    unsigned readers, workers, room;
    struct ring *rings;
    struct view *views;

    pthread_mutex_t lock;
    pthread_cond_t came, freed;
    uint64_t news; /* counts what workers wait for */
    int64_t highest_ns;
};

/* --- opening and closing --- */

static bool open_parts(struct rings *r)
{
    r->rings = calloc(r->readers, sizeof *r->rings);
    r->views = calloc(r->workers, sizeof *r->views);
    if (r->rings == NULL || r->views == NULL)
        return false;
    for (unsigned i = 0; i < r->readers; i++) {
        r->rings[i].clock_ns = INT64_MIN;
        if (!stock_init(&r->rings[i].stock, r->room, r->workers))
            return false;
    }
    for (unsigned i = 0; i < r->workers; i++) {
        r->views[i].heads = calloc(r->readers, sizeof *r->views[i].heads);
        r->views[i].bound_ns = r->views[i].taken_ns = INT64_MIN;
        if (r->views[i].heads == NULL)
            return false;
    }
    return true;
}

struct rings *rings_new(unsigned readers, unsigned workers, unsigned room)
{
    struct rings *r = calloc(1, sizeof *r);
    if (r == NULL)
        return NULL;
    r->readers = readers;
    r->workers = workers;
    r->room = room;
    r->highest_ns = INT64_MIN;
    pthread_mutex_init(&r->lock, NULL);
    pthread_cond_init(&r->came, NULL);
    pthread_cond_init(&r->freed, NULL);
    if (!open_parts(r)) {
        rings_free(r);
        return NULL;
    }
    return r;
}

void rings_free(struct rings *r)
{
    if (r == NULL)
        return;
    for (unsigned i = 0; r->rings != NULL && i < r->readers; i++)
        stock_free(&r->rings[i].stock);
    for (unsigned i = 0; r->views != NULL && i < r->workers; i++)
        free(r->views[i].heads);
    free(r->rings);
    free(r->views);
    pthread_cond_destroy(&r->freed);
    pthread_cond_destroy(&r->came);
    pthread_mutex_destroy(&r->lock);
    free(r);
}

/* --- a reader's side --- */

/* Batches of the ring that all workers are past. With the lock held. */
static uint64_t passed_by_all(const struct rings *r, unsigned reader)
{
    uint64_t passed = r->rings[reader].published;
    for (unsigned i = 0; i < r->workers; i++)
        if (r->views[i].heads[reader].passed < passed)
            passed = r->views[i].heads[reader].passed;
    return passed;
}

struct batch *rings_take(struct rings *r, unsigned reader, uint64_t *number, uint64_t *passed)
{
    struct ring *ring = &r->rings[reader];
    pthread_mutex_lock(&r->lock);
    *passed = passed_by_all(r, reader);
    if (ring->published - *passed == r->room)
        ring->stalls++;
    while (ring->published - *passed == r->room) {
        pthread_cond_wait(&r->freed, &r->lock);
        *passed = passed_by_all(r, reader);
    }
    *number = ring->published;
    pthread_mutex_unlock(&r->lock);
    return &stock_take(&ring->stock, *number, *passed)->batch;
}

struct sorted { /* what was learnt while a batch was sorted */
    uint64_t handed_over, copied;
    int64_t clock_ns;
};

/* Lists the packets by worker, so that each walks over its own only, and sees to it that none is
 * before the clock that the ring has promised. */
static void sort_packets(const struct rings *r, struct slot *slot, unsigned reader,
                         int64_t floor_ns, struct sorted *sorted)
{
    struct batch *batch = &slot->batch;
    uint32_t next[LIMIT_SHARDS + 1] = { 0 };
    for (size_t i = 0; i < batch->count; i++)
        next[batch->shards[i] % r->workers + 1]++;
    slot->starts[0] = 0;
    for (unsigned i = 1; i <= r->workers; i++)
        slot->starts[i] = next[i] += next[i - 1];
    for (size_t i = 0; i < batch->count; i++) {
        struct packet *packet = &batch->packets[i];
        unsigned worker = batch->shards[i] % r->workers;
        slot->mine[next[worker]++] = (uint16_t)i;
        if (packet->clock_ns > floor_ns)
            floor_ns = packet->clock_ns;
        packet->clock_ns = floor_ns;
        if (worker != reader % r->workers) {
            sorted->handed_over++;
            sorted->copied += (packet->via & VIA_FRAGMENTS) != 0;
        }
    }
    sorted->clock_ns = batch->block.clock_ns > floor_ns ? batch->block.clock_ns : floor_ns;
}

static int64_t lowest(const struct rings *r)
{
    int64_t clock_ns = FOR_EVER;
    for (unsigned i = 0; i < r->readers; i++)
        if (!r->rings[i].left && r->rings[i].clock_ns < clock_ns)
            clock_ns = r->rings[i].clock_ns;
    return clock_ns;
}

static void raise_clock(struct rings *r, struct ring *ring, int64_t clock_ns)
{
    ring->stuck = clock_ns > ring->clock_ns ? 0 : ring->stuck + 1;
    if (ring->stuck >= RING_STUCK)
        clock_ns = r->highest_ns;
    if (clock_ns > ring->clock_ns)
        ring->clock_ns = clock_ns;
    if (clock_ns > r->highest_ns)
        r->highest_ns = clock_ns;
}

void rings_put(struct rings *r, unsigned reader)
{
    struct ring *ring = &r->rings[reader];
    struct slot *slot = ring->stock.at[ring->published % r->room]; /* only this thread changes it */
    struct sorted sorted = { .clock_ns = ring->clock_ns };
    sort_packets(r, slot, reader, ring->clock_ns, &sorted);

    pthread_mutex_lock(&r->lock);
    int64_t before_ns = lowest(r);
    raise_clock(r, ring, sorted.clock_ns);
    ring->handed_over += sorted.handed_over;
    ring->copied += sorted.copied;
    bool frames = slot->batch.block.count > 0; /* the decoder may keep something for this number */
    if (frames)
        stock_give(&ring->stock, ring->published);
    ring->published += frames ? 1 : 0;
    if (frames || lowest(r) != before_ns) {
        r->news++;
        pthread_cond_broadcast(&r->came);
    }
    pthread_mutex_unlock(&r->lock);
}

void rings_leave(struct rings *r, unsigned reader)
{
    pthread_mutex_lock(&r->lock);
    r->rings[reader].left = true;
    r->news++;
    pthread_cond_broadcast(&r->came);
    pthread_mutex_unlock(&r->lock);
}

/* --- a worker's side --- */

static struct slot *slot_at(const struct rings *r, unsigned reader, uint64_t number)
{
    return r->rings[reader].stock.at[number % r->room];
}

/* Lets the head stand at the next packet of this worker from where it stands on. */
static void find_head(const struct rings *r, unsigned worker, unsigned reader)
{
    struct head *head = &r->views[worker].heads[reader];
    for (; head->number < head->limit; head->number++, head->at = 0) {
        const struct slot *slot = slot_at(r, reader, head->number);
        uint32_t at = slot->starts[worker] + head->at;
        if (at < slot->starts[worker + 1]) {
            head->clock_ns = slot->batch.packets[slot->mine[at]].clock_ns;
            return;
        }
    }
    head->clock_ns = NOTHING;
}

/* The ring whose head comes first, and the head of the second. */
static void choose_ring(const struct rings *r, struct view *view)
{
    int64_t first_ns = NOTHING;
    view->current = 0;
    view->until_ns = NOTHING;
    for (unsigned i = 0; i < r->readers; i++) {
        int64_t clock_ns = view->heads[i].clock_ns;
        if (clock_ns < first_ns) {
            view->until_ns = first_ns;
            first_ns = clock_ns;
            view->current = i;
        } else if (clock_ns < view->until_ns) {
            view->until_ns = clock_ns;
        }
    }
}

bool rings_wait(struct rings *r, unsigned worker)
{
    struct view *view = &r->views[worker];
    if (view->over)
        return false;
    pthread_mutex_lock(&r->lock);
    while (view->seen == r->news && !view->cut)
        pthread_cond_wait(&r->came, &r->lock);
    view->seen = r->news;
    view->bound_ns = lowest(r);
    for (unsigned i = 0; i < r->readers; i++)
        view->heads[i].limit = r->rings[i].published;
    pthread_mutex_unlock(&r->lock);

    for (unsigned i = 0; i < r->readers; i++)
        find_head(r, worker, i);
    choose_ring(r, view);
    view->turn = LIMIT_TURN_PACKETS;
    view->cut = false;
    return true;
}

const struct packet *rings_next(struct rings *r, unsigned worker, unsigned *shard)
{
    struct view *view = &r->views[worker];
    if (view->heads[view->current].clock_ns > view->until_ns)
        choose_ring(r, view);
    struct head *head = &view->heads[view->current];
    if (head->clock_ns > view->bound_ns)
        return NULL;
    if (view->turn == 0) {
        view->cut = true;
        return NULL;
    }
    view->turn--;
    view->taken_ns = head->clock_ns;
    const struct slot *slot = slot_at(r, view->current, head->number);
    uint16_t index = slot->mine[slot->starts[worker] + head->at++];
    find_head(r, worker, view->current);
    *shard = slot->batch.shards[index];
    return &slot->batch.packets[index];
}

int64_t rings_done(struct rings *r, unsigned worker, bool *last)
{
    struct view *view = &r->views[worker];
    bool freed = false;
    pthread_mutex_lock(&r->lock);
    for (unsigned i = 0; i < r->readers; i++) {
        struct head *head = &view->heads[i];
        freed = freed || head->passed != head->number;
        head->passed = head->number;
    }
    if (freed)
        pthread_cond_broadcast(&r->freed);
    view->over = *last = !view->cut && view->bound_ns == FOR_EVER;
    int64_t clock_ns = view->cut ? view->taken_ns : *last ? r->highest_ns : view->bound_ns;
    pthread_mutex_unlock(&r->lock);
    return clock_ns;
}

void rings_count(struct rings *r, struct event_queues *queues)
{
    pthread_mutex_lock(&r->lock);
    queues->blocks_room = r->room;
    for (unsigned i = 0; i < r->readers; i++) {
        const struct ring *ring = &r->rings[i];
        uint64_t waiting = ring->published - passed_by_all(r, i);
        if (waiting > queues->blocks_waiting)
            queues->blocks_waiting = waiting;
        queues->stalls += ring->stalls;
        queues->handed_over += ring->handed_over;
        queues->copied += ring->copied;
    }
    pthread_mutex_unlock(&r->lock);
}
