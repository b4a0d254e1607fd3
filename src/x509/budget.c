/* SPDX-License-Identifier: Apache-2.0
 * budget.c - one instant a rate: until when what was granted so far is paid for at that rate. What
 * lies further ahead of the clock than the rate's reserve is refused.
 */
#include "budget.h"

#include <stdlib.h>
#include <string.h>

#include "limits.h"
#include "seen.h"

#define NS_PER_S INT64_C(1000000000)

struct sender {
    uint64_t hash;
    int64_t paid_until_ns;
};

struct x509_budget {
    int64_t interval_ns; /* of this shard's grants; 0: no bound */
    int64_t paid_until_ns;
    struct seen granted;
    struct sender senders[LIMIT_CHAIN_SENDERS]; /* by hash; those that share a place share a rate */
};

static size_t power_of_two(size_t least)
{
    size_t power = 1;
    while (power < least)
        power *= 2;
    return power;
}

struct x509_budget *x509_budget_new(uint64_t chains_per_second, size_t remembered)
{
    struct x509_budget *budget = calloc(1, sizeof *budget);
    if (budget == NULL)
        return NULL;
    if (chains_per_second > 0)
        budget->interval_ns = (int64_t)((uint64_t)NS_PER_S * LIMIT_SHARDS / chains_per_second);
    budget->paid_until_ns = INT64_MIN;
    for (size_t i = 0; i < LIMIT_CHAIN_SENDERS; i++)
        budget->senders[i].paid_until_ns = INT64_MIN;
    (void)seen_init(&budget->granted, power_of_two(remembered));
    return budget;
}

void x509_budget_free(struct x509_budget *budget)
{
    if (budget == NULL)
        return;
    seen_free(&budget->granted);
    free(budget);
}

static bool is_affordable(int64_t paid_until_ns, int64_t now_ns, int64_t reserve_ns)
{
    return paid_until_ns <= now_ns || paid_until_ns - now_ns <= reserve_ns;
}

static int64_t later_of(int64_t a, int64_t b) { return a > b ? a : b; }

/* The place of a sender is taken over from one whose rate is whole again. */
static struct sender *sender_of(struct x509_budget *budget, uint64_t hash, int64_t now_ns)
{
    struct sender *sender = &budget->senders[hash % LIMIT_CHAIN_SENDERS];
    if (sender->hash != hash && sender->paid_until_ns <= now_ns)
        sender->hash = hash;
    return sender;
}

bool x509_budget_grant(struct x509_budget *budget, const uint8_t *key, uint64_t sender,
                       int64_t now_ns)
{
    if (budget->interval_ns == 0)
        return true;
    uint64_t hash;
    memcpy(&hash, key, sizeof hash);
    if (seen_has(&budget->granted, hash))
        return true;

    struct sender *from = sender_of(budget, sender, now_ns);
    if (!is_affordable(budget->paid_until_ns, now_ns, LIMIT_CHAIN_RESERVE_NS) ||
        !is_affordable(from->paid_until_ns, now_ns, LIMIT_CHAIN_SENDER_RESERVE_NS))
        return false;
    budget->paid_until_ns = later_of(budget->paid_until_ns, now_ns) + budget->interval_ns;
    from->paid_until_ns = later_of(from->paid_until_ns, now_ns) +
                          budget->interval_ns * (int64_t)LIMIT_CHAIN_SENDER_PART;
    (void)seen_first(&budget->granted, hash);
    return true;
}
