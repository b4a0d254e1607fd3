/* SPDX-License-Identifier: Apache-2.0
 * table.c - flows by key: chained buckets under a keyed hash, and a list for each life, ordered by
 * last activity.
 */
#include <stdlib.h>
#include <string.h>

#include "flow_state.h"
#include "hash.h"

enum { FIRST_BUCKETS = 64 };

static bool is_low(const struct packet *p)
{
    int order = memcmp(&p->source, &p->target, sizeof p->source);
    return order < 0 || (order == 0 && p->source_port < p->target_port);
}

static void key_ends(const struct packet *packet, struct flow_key *key)
{
    bool low = is_low(packet);
    key->low = low ? packet->source : packet->target;
    key->high = low ? packet->target : packet->source;
    key->low_port = low ? packet->source_port : packet->target_port;
    key->high_port = low ? packet->target_port : packet->source_port;
    key->ip_version = packet->ip_version;
}

/* Padding bytes would make equal keys differ, so the hash is taken over a packed copy. */
static uint64_t key_hash(const struct flow_key *key, uint64_t seed)
{
    uint8_t bytes[16 + 16 + 2 + 2 + 1 + 8];
    memcpy(bytes, key->low.bytes, 16);
    memcpy(bytes + 16, key->high.bytes, 16);
    memcpy(bytes + 32, &key->low_port, 2);
    memcpy(bytes + 34, &key->high_port, 2);
    bytes[36] = key->ip_version;
    memcpy(bytes + 37, &key->extra, 8);
    return hash_bytes(bytes, sizeof bytes, seed);
}

static bool key_same(const struct flow_key *a, const struct flow_key *b)
{
    return a->low_port == b->low_port && a->high_port == b->high_port &&
           a->ip_version == b->ip_version && a->extra == b->extra &&
           memcmp(&a->low, &b->low, sizeof a->low) == 0 &&
           memcmp(&a->high, &b->high, sizeof a->high) == 0;
}

unsigned packet_shard(const struct packet *packet, uint64_t hash_key)
{
    struct flow_key key = { 0 };
    key_ends(packet, &key);
    return (unsigned)(key_hash(&key, hash_key ^ UINT64_C(0x9e3779b97f4a7c15)) % LIMIT_SHARDS);
}

struct flow_key table_key(const struct shard *shard, const struct packet *packet)
{
    struct flow_key key = { 0 };
    key_ends(packet, &key);
    if (shard->options.key_vlan)
        key.extra = hash_bytes(&packet->vlan, sizeof packet->vlan, key.extra + 1);
    if (shard->options.key_outer)
        key.extra = hash_bytes(&packet->outer, sizeof packet->outer, key.extra + 2);
    if (shard->options.key_interface)
        key.extra = hash_bytes(&packet->interface, sizeof packet->interface, key.extra + 3);
    return key;
}

static struct flow **bucket_of(const struct shard *shard, const struct flow_key *key)
{
    return &shard->buckets[key_hash(key, shard->options.hash_key) & (shard->bucket_count - 1)];
}

/* Of flows with the same addresses in different tunnels the one in this tunnel; a flow that is
 * alone takes all. */
struct flow *table_find(const struct shard *shard, const struct flow_key *key,
                        const struct packet *packet)
{
    struct flow *any = NULL;
    if (shard->bucket_count == 0)
        return NULL;
    for (struct flow *flow = *bucket_of(shard, key); flow != NULL; flow = flow->bucket_next) {
        if (!key_same(&flow->key, key))
            continue;
        if (flow->info.outer == packet->outer)
            return flow;
        if (any == NULL && !flow->outer_split)
            any = flow;
    }
    return any;
}

static void list_remove(struct flow_list *list, struct flow *flow)
{
    *(flow->older != NULL ? &flow->older->newer : &list->oldest) = flow->newer;
    *(flow->newer != NULL ? &flow->newer->older : &list->newest) = flow->older;
    flow->older = flow->newer = NULL;
    list->count--;
}

static void list_append(struct flow_list *list, struct flow *flow)
{
    flow->older = list->newest;
    flow->newer = NULL;
    *(list->newest != NULL ? &list->newest->newer : &list->oldest) = flow;
    list->newest = flow;
    list->count++;
}

void table_touch(struct flow *flow, enum flow_life life)
{
    struct shard *shard = flow->shard;
    list_remove(&shard->lists[flow->life], flow);
    flow->life = life;
    flow->active_ns = shard->now_ns;
    list_append(&shard->lists[life], flow);
}

static bool grow(struct shard *shard)
{
    size_t count = shard->bucket_count == 0 ? FIRST_BUCKETS : shard->bucket_count * 2;
    struct flow **old = shard->buckets, **buckets = calloc(count, sizeof(struct flow *));
    size_t old_count = shard->bucket_count;
    if (buckets == NULL)
        return old_count > 0; /* slower, not wrong */
    shard->buckets = buckets;
    shard->bucket_count = count;
    for (size_t i = 0; i < old_count; i++) {
        for (struct flow *flow = old[i]; flow != NULL;) {
            struct flow *next = flow->bucket_next;
            struct flow **bucket = bucket_of(shard, &flow->key);
            flow->bucket_next = *bucket;
            *bucket = flow;
            flow = next;
        }
    }
    free(old);
    return true;
}

static void evict(struct flow *victim)
{
    struct shard *shard = victim->shard;
    if (victim->life == LIFE_OPENING || victim->life == LIFE_OPEN)
        shard->counters.evicted++;
    flow_end(victim, FLOW_END_EVICTED, shard->now_ns);
}

/* Closed ones first, then attempts without an answer, then whoever was silent longest. */
static const enum flow_life eviction_order[] = { LIFE_REPORTED, LIFE_CLOSED, LIFE_OPENING,
                                                 LIFE_OPEN };
enum { EVICTION_RANKS = sizeof eviction_order / sizeof eviction_order[0] };

static struct flow *victim_of_shard(const struct shard *shard)
{
    for (int i = 0; i < EVICTION_RANKS; i++)
        if (shard->lists[eviction_order[i]].oldest != NULL)
            return shard->lists[eviction_order[i]].oldest;
    return NULL;
}

static int eviction_rank(const struct flow *flow)
{
    int rank = 0;
    while (rank + 1 < EVICTION_RANKS && eviction_order[rank] != flow->life)
        rank++;
    return rank;
}

/* By chance no bucket holds this many. Whoever knows the hash key, or opens connections with the
 * same addresses in one tunnel after the other, must not make every packet walk a long chain. */
static struct flow *victim_of_bucket(struct flow *chain)
{
    struct flow *victim = chain;
    unsigned count = 0;
    for (struct flow *flow = chain; flow != NULL; flow = flow->bucket_next) {
        int rank = eviction_rank(flow), lowest = eviction_rank(victim);
        bool silent_longer =
            flow->active_ns < victim->active_ns ||
            (flow->active_ns == victim->active_ns && flow->number < victim->number);
        if (rank < lowest || (rank == lowest && silent_longer))
            victim = flow;
        count++;
    }
    return count >= LIMIT_BUCKET_FLOWS ? victim : NULL;
}

struct flow *table_add(struct shard *shard, const struct flow_key *key)
{
    if (shard->flow_count >= shard->options.max_flows)
        evict(victim_of_shard(shard));
    if (shard->flow_count >= shard->bucket_count && !grow(shard))
        return NULL;
    struct flow *victim = victim_of_bucket(*bucket_of(shard, key));
    if (victim != NULL)
        evict(victim);
    struct flow *flow = calloc(1, sizeof *flow);
    if (flow == NULL)
        return NULL;
    flow->key = *key;
    flow->shard = shard;
    flow->number = ++shard->flow_number;
    flow->active_ns = shard->now_ns;
    struct flow **bucket = bucket_of(shard, key);
    flow->bucket_next = *bucket;
    *bucket = flow;
    list_append(&shard->lists[LIFE_OPENING], flow);
    shard->flow_count++;
    shard->counters.flows++;
    return flow;
}

void table_remove(struct shard *shard, struct flow *flow)
{
    struct flow **link = bucket_of(shard, &flow->key);
    while (*link != flow)
        link = &(*link)->bucket_next;
    *link = flow->bucket_next;
    list_remove(&shard->lists[flow->life], flow);
    timers_set(flow, 0);
    shard->flow_count--;
    free(flow->conflicts);
    free(flow);
}
