/* SPDX-License-Identifier: Apache-2.0
 * stock.h - the batches of one reader: those that wait in its ring, and the spare ones.
 *
 * The batch that was freed last is filled next: a few are used over and over and stay in the
 * processor's cache. Now and then the spare ones give their memory back, so what the program holds
 * says what it needs now, not what a burst once needed.
 */
#ifndef STOCK_H
#define STOCK_H

#include "batch.h"

struct slot {
    struct batch batch;
    uint16_t *mine;   /* its packets' indices, those of worker 0 first */
    uint32_t *starts; /* of each worker in `mine`, and the end */
    bool touched;     /* filled since it gave its memory back */
};

/* The reader's own, but for `at`: whoever was told of batch n reads at[n % room]. */
struct stock {
    unsigned room;
    struct slot *slots;
    struct slot **at;
    struct slot **spare; /* the one that was freed last at the end */
    unsigned spare_count;
    unsigned takes;    /* since the spare ones gave back their memory */
    uint64_t returned; /* batches before this one are spare again */
    bool taken;        /* the next one stands in its place */
};

bool stock_init(struct stock *stock, unsigned room, unsigned workers); /* as batch_init() */
void stock_free(struct stock *stock);

/* For batch `number`, which is less than `room` behind `passed`; nobody uses those before `passed`
 * any more. The same one until stock_give(). */
struct slot *stock_take(struct stock *stock, uint64_t number, uint64_t passed);
/* It was filled, and is in the ring now. */
void stock_give(struct stock *stock, uint64_t number);

#endif
