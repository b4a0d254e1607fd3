/* SPDX-License-Identifier: Apache-2.0
 * budget.h - how many new chains a second are worth parsing and verifying.
 *
 * A stranger may send as many new certificates as there are packets, and each costs some hundred
 * microseconds. A shard has its part of the rate, and of that each sender of chains a smaller one.
 * What a chain is granted depends on the shard's own packets and the capture's clock: never on the
 * cache of the worker that runs the shard, nor on how many workers there are. So a chain is new
 * here when this shard has not been granted it lately, whoever else knows it.
 */
#ifndef X509_BUDGET_H
#define X509_BUDGET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct x509_budget; /* of one shard */

/* `chains_per_second` is the rate of all shards together; 0: without a bound. `remembered` is how
 * many granted chains of this shard are known again; those of all shards should fit into a cache,
 * or what is free here has its cost all the same. NULL when out of memory. */
struct x509_budget *x509_budget_new(uint64_t chains_per_second, size_t remembered);
void x509_budget_free(struct x509_budget *budget);

/* May the chain with this key (x509.h), sent by `sender` (a hash of its address), be parsed at this
 * instant of the shard's clock, which never falls? */
bool x509_budget_grant(struct x509_budget *budget, const uint8_t *key, uint64_t sender,
                       int64_t now_ns);

#endif
