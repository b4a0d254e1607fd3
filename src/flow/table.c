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

static struct entry **bucket_of(const struct shard *shard, const struct flow_key *key)
{
    return &shard->buckets[key_hash(key, shard->options.hash_key) & (shard->bucket_count - 1)];
}

/* Of flows with the same addresses in different tunnels the one in this tunnel; a flow that is
 * alone takes all. */
struct entry *table_find(const struct shard *shard, const struct flow_key *key,
                         const struct packet *packet)
{
    struct entry *any = NULL;
    if (shard->bucket_count == 0)
        return NULL;
    for (struct entry *entry = *bucket_of(shard, key); entry != NULL; entry = entry->bucket_next) {
        if (!key_same(&entry->key, key))
            continue;
        if (entry->outer == packet->outer)
            return entry;
        if (any == NULL && !entry->outer_split)
            any = entry;
    }
    return any;
}

static void list_remove(struct flow_list *list, struct entry *entry)
{
    *(entry->older != NULL ? &entry->older->newer : &list->oldest) = entry->newer;
    *(entry->newer != NULL ? &entry->newer->older : &list->newest) = entry->older;
    entry->older = entry->newer = NULL;
    list->count--;
}

static void list_append(struct flow_list *list, struct entry *entry)
{
    entry->older = list->newest;
    entry->newer = NULL;
    *(list->newest != NULL ? &list->newest->newer : &list->oldest) = entry;
    list->newest = entry;
    list->count++;
}

void table_touch(struct shard *shard, struct entry *entry, enum flow_life life)
{
    list_remove(&shard->lists[entry->life], entry);
    entry->life = life;
    entry->active_ns = shard->now_ns;
    list_append(&shard->lists[life], entry);
}

static bool grow(struct shard *shard)
{
    size_t count = shard->bucket_count == 0 ? FIRST_BUCKETS : shard->bucket_count * 2;
    struct entry **old = shard->buckets, **buckets = calloc(count, sizeof(struct entry *));
    size_t old_count = shard->bucket_count;
    if (buckets == NULL)
        return old_count > 0; /* slower, not wrong */
    shard->buckets = buckets;
    shard->bucket_count = count;
    for (size_t i = 0; i < old_count; i++) {
        for (struct entry *entry = old[i]; entry != NULL;) {
            struct entry *next = entry->bucket_next;
            struct entry **bucket = bucket_of(shard, &entry->key);
            entry->bucket_next = *bucket;
            *bucket = entry;
            entry = next;
        }
    }
    free(old);
    return true;
}

static void evict(struct shard *shard, struct entry *victim)
{
    if (victim->life == LIFE_REPORTED) {
        table_remove(shard, victim);
        return;
    }
    if (victim->life == LIFE_OPENING || victim->life == LIFE_OPEN)
        shard->counters.evicted++;
    flow_end(flow_of(victim), FLOW_END_EVICTED, shard->now_ns);
}

/* Closed ones first, then attempts without an answer, then whoever was silent longest. */
static const enum flow_life eviction_order[] = { LIFE_REPORTED, LIFE_CLOSED, LIFE_OPENING,
                                                 LIFE_OPEN };
enum { EVICTION_RANKS = sizeof eviction_order / sizeof eviction_order[0] };

static struct entry *victim_of_shard(const struct shard *shard)
{
    for (int i = 0; i < EVICTION_RANKS; i++)
        if (shard->lists[eviction_order[i]].oldest != NULL)
            return shard->lists[eviction_order[i]].oldest;
    return NULL;
}

static int eviction_rank(const struct entry *entry)
{
    int rank = 0;
    while (rank + 1 < EVICTION_RANKS && eviction_order[rank] != entry->life)
        rank++;
    return rank;
}

/* By chance no bucket holds this many. Whoever knows the hash key, or opens connections with the
 * same addresses in one tunnel after the other, must not make every packet walk a long chain. */
static struct entry *victim_of_bucket(struct entry *chain)
{
    struct entry *victim = chain;
    unsigned count = 0;
    for (struct entry *entry = chain; entry != NULL; entry = entry->bucket_next) {
        int rank = eviction_rank(entry), lowest = eviction_rank(victim);
        bool silent_longer =
            entry->active_ns < victim->active_ns ||
            (entry->active_ns == victim->active_ns && entry->number < victim->number);
        if (rank < lowest || (rank == lowest && silent_longer))
            victim = entry;
        count++;
    }
    return count >= LIMIT_BUCKET_FLOWS ? victim : NULL;
}

struct flow *table_add(struct shard *shard, const struct flow_key *key, uint64_t outer)
{
    if (shard->flow_count >= shard->options.max_flows)
        evict(shard, victim_of_shard(shard));
    if (shard->flow_count >= shard->bucket_count && !grow(shard))
        return NULL;
    struct entry *victim = victim_of_bucket(*bucket_of(shard, key));
    if (victim != NULL)
        evict(shard, victim);
    struct flow *flow = calloc(1, sizeof *flow);
    if (flow == NULL)
        return NULL;
    struct entry **bucket = bucket_of(shard, key);
    flow->shard = shard;
    flow->entry = (struct entry){ .key = *key,
                                  .bucket_next = *bucket,
                                  .number = ++shard->flow_number,
                                  .active_ns = shard->now_ns,
                                  .outer = outer,
                                  .life = LIFE_OPENING };
    *bucket = &flow->entry;
    list_append(&shard->lists[LIFE_OPENING], &flow->entry);
    shard->flow_count++;
    shard->counters.flows++;
    return flow;
}

/* What points to it in its bucket. */
static struct entry **link_of(const struct shard *shard, const struct entry *entry)
{
    struct entry **link = bucket_of(shard, &entry->key);
    while (*link != entry)
        link = &(*link)->bucket_next;
    return link;
}

static void release(struct entry *entry)
{
    if (entry->life != LIFE_REPORTED) {
        struct flow *flow = flow_of(entry);
        timers_set(flow, 0);
        free(flow->conflicts);
    }
    free(entry);
}

void table_remove(struct shard *shard, struct entry *entry)
{
    *link_of(shard, entry) = entry->bucket_next;
    list_remove(&shard->lists[entry->life], entry);
    shard->flow_count--;
    release(entry);
}

void table_replace(struct flow *flow, struct past *past)
{
    struct shard *shard = flow->shard;
    *link_of(shard, &flow->entry) = &past->entry;
    list_remove(&shard->lists[flow->entry.life], &flow->entry);
    release(&flow->entry);
    past->entry.life = LIFE_REPORTED;
    past->entry.active_ns = shard->now_ns;
    list_append(&shard->lists[LIFE_REPORTED], &past->entry);
}
