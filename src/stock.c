/* SPDX-License-Identifier: Apache-2.0
 * stock.c - see stock.h.
 */
#include "stock.h"

#include <assert.h>
#include <stdlib.h>

/* A reader takes some fifty batches a second when little comes, and hundreds when much comes: often
 * enough for a burst to be forgotten within a minute, too seldom to cost anything. */
#define PERIOD 2048u

static bool slot_init(struct slot *slot, unsigned workers)
{
    if (!batch_init(&slot->batch))
        return false;
    slot->mine = malloc(slot->batch.block.frames_cap * sizeof *slot->mine);
    slot->starts = calloc(workers + 1, sizeof *slot->starts);
    return slot->mine != NULL && slot->starts != NULL;
}

bool stock_init(struct stock *stock, unsigned room, unsigned workers)
{
    *stock = (struct stock){ .room = room,
                             .slots = calloc(room, sizeof *stock->slots),
                             .at = calloc(room, sizeof(struct slot *)),
                             .spare = calloc(room, sizeof(struct slot *)) };
    if (stock->slots == NULL || stock->at == NULL || stock->spare == NULL)
        return false;
    for (; stock->spare_count < room; stock->spare_count++) {
        stock->spare[stock->spare_count] = &stock->slots[stock->spare_count];
        if (!slot_init(&stock->slots[stock->spare_count], workers))
            return false;
    }
    return true;
}

void stock_free(struct stock *stock)
{
    for (unsigned i = 0; stock->slots != NULL && i < stock->room; i++) {
        batch_free(&stock->slots[i].batch);
        free(stock->slots[i].mine);
        free(stock->slots[i].starts);
    }
    free(stock->slots);
    free(stock->at);
    free(stock->spare);
}

static void rest(struct stock *stock)
{
    for (unsigned i = 0; i < stock->spare_count; i++) {
        if (stock->spare[i]->touched)
            batch_rest(&stock->spare[i]->batch);
        stock->spare[i]->touched = false;
    }
    stock->takes = 0;
}

struct slot *stock_take(struct stock *stock, uint64_t number, uint64_t passed)
{
    for (; stock->returned < passed; stock->returned++)
        stock->spare[stock->spare_count++] = stock->at[stock->returned % stock->room];
    if (++stock->takes == PERIOD)
        rest(stock);
    if (!stock->taken) {
        assert(stock->spare_count > 0);
        stock->at[number % stock->room] = stock->spare[--stock->spare_count];
        stock->taken = true;
    }
    return stock->at[number % stock->room];
}

void stock_give(struct stock *stock, uint64_t number)
{
    stock->at[number % stock->room]->touched = true;
    stock->taken = false;
}
