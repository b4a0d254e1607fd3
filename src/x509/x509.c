/* SPDX-License-Identifier: Apache-2.0
 * x509.c - the cache of chains: a hash table, and a list by time of use from which the oldest goes.
 *
 * An entry that is held when it leaves the cache lives on until it is released. Keys are SHA-256;
 * their first bytes are the hash. Whoever makes chains that fall into one bucket has us compare 32
 * bytes for each, which is nothing against having parsed them.
 */
#include "x509.h"

#include <arpa/inet.h>
#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct verdict {
    uint64_t generation; /* of the store that it was made with; 0: there is none */
    bool as_client;
    struct verification verification; /* with the interval in which it holds */
};

struct name_answer {
    bool used, cn_too, matches;
    char name[LIMIT_TEXT_BYTES];
    size_t len;
};

struct entry {
    struct x509_chain chain; /* first, so that the public pointer is the entry's */
    struct arena arena;      /* of the facts */
    size_t bytes;
    bool cached;                      /* in the table and the list */
    struct entry *same_bucket;        /* next in its bucket */
    struct entry *newer, *older;      /* by time of use */
    unsigned next_verdict, next_name; /* to be overwritten next */
    struct verdict verdicts[LIMIT_CHAIN_VERDICTS];
    struct name_answer names[LIMIT_CHAIN_NAMES];
};

/* A new chain is asked about three times within one session: its facts, its verdict, its names. */
enum { PARSED_KEPT = 4 };
struct parsed_slot {
    uint8_t key[SHA256_SIZE];
    struct parsed_chain *chain; /* NULL: free */
};

struct x509_cache {
    struct trust_store *store;
    uint64_t generation; /* of the store: from 1, one more for each */
    struct authority_shelf *shelf;
    struct parsed_slot parsed[PARSED_KEPT];
    unsigned next_parsed; /* to be overwritten next */
    size_t max_chains, count, bucket_mask;
    struct entry **buckets;
    struct entry *newest, *oldest;
    struct x509_counters counters;
};

struct x509_cache *x509_cache_new(struct trust_store *store, size_t max_chains)
{
    size_t buckets = 16;
    while (buckets < max_chains && buckets <= SIZE_MAX / 4)
        buckets *= 2;

    struct x509_cache *cache = calloc(1, sizeof *cache);
    if (cache == NULL)
        return NULL;
    cache->buckets = calloc(buckets, sizeof(struct entry *));
    cache->shelf = authority_shelf_new();
    if (cache->buckets == NULL || cache->shelf == NULL) {
        authority_shelf_free(cache->shelf);
        free(cache->buckets);
        free(cache);
        return NULL;
    }
    cache->store = store;
    cache->generation = 1;
    cache->max_chains = max_chains;
    cache->bucket_mask = buckets - 1;
    return cache;
}

void x509_cache_switch(struct x509_cache *cache, struct trust_store *store)
{
    cache->store = store;
    cache->generation++;
}

static void entry_free(struct entry *entry)
{
    arena_free(&entry->arena);
    free(entry);
}

static struct entry **bucket_of(const struct x509_cache *cache, const uint8_t key[SHA256_SIZE])
{
    uint64_t hash;
    memcpy(&hash, key, sizeof hash);
    return &cache->buckets[hash & cache->bucket_mask];
}

static void list_remove(struct x509_cache *cache, struct entry *entry)
{
    *(entry->newer == NULL ? &cache->newest : &entry->newer->older) = entry->older;
    *(entry->older == NULL ? &cache->oldest : &entry->older->newer) = entry->newer;
    entry->newer = entry->older = NULL;
}

static void list_add_newest(struct x509_cache *cache, struct entry *entry)
{
    entry->older = cache->newest;
    *(cache->newest == NULL ? &cache->oldest : &cache->newest->newer) = entry;
    cache->newest = entry;
}

static void cache_remove_oldest(struct x509_cache *cache)
{
    struct entry *entry = cache->oldest;
    struct entry **link = bucket_of(cache, entry->chain.key);
    while (*link != entry)
        link = &(*link)->same_bucket;
    *link = entry->same_bucket;
    cache->oldest = entry->newer;
    *(entry->newer == NULL ? &cache->newest : &entry->newer->older) = NULL;
    entry->cached = false;
    cache->count--;
    cache->counters.bytes -= entry->bytes;
    if (entry->chain.references == 0)
        entry_free(entry);
}

static void cache_add(struct x509_cache *cache, struct entry *entry)
{
    struct entry **bucket = bucket_of(cache, entry->chain.key);
    entry->same_bucket = *bucket;
    *bucket = entry;
    list_add_newest(cache, entry);
    entry->cached = true;
    cache->count++;
    cache->counters.bytes += entry->bytes;
    while (cache->oldest != NULL &&
           (cache->count > cache->max_chains || cache->counters.bytes > LIMIT_CHAIN_CACHE_BYTES)) {
        cache->counters.evicted++;
        cache_remove_oldest(cache);
    }
}

static struct entry *cache_find(const struct x509_cache *cache, const uint8_t key[SHA256_SIZE])
{
    struct entry *entry = *bucket_of(cache, key);
    while (entry != NULL && memcmp(entry->chain.key, key, SHA256_SIZE) != 0)
        entry = entry->same_bucket;
    return entry;
}

void x509_cache_free(struct x509_cache *cache)
{
    if (cache == NULL)
        return;
    while (cache->oldest != NULL) {
        assert(cache->oldest->chain.references == 0);
        cache_remove_oldest(cache);
    }
    for (size_t i = 0; i < PARSED_KEPT; i++)
        parsed_chain_free(cache->parsed[i].chain);
    authority_shelf_free(cache->shelf);
    free(cache->buckets);
    free(cache);
}

/* NULL: out of memory. Lives until PARSED_KEPT others were asked for. */
static const struct parsed_chain *parsed_of(struct x509_cache *cache,
                                            const uint8_t key[SHA256_SIZE],
                                            const struct reader *ders, size_t count)
{
    for (size_t i = 0; i < PARSED_KEPT; i++)
        if (cache->parsed[i].chain != NULL && memcmp(cache->parsed[i].key, key, SHA256_SIZE) == 0)
            return cache->parsed[i].chain;
    struct parsed_slot *slot = &cache->parsed[cache->next_parsed];
    cache->next_parsed = (cache->next_parsed + 1) % PARSED_KEPT;
    parsed_chain_free(slot->chain);
    memcpy(slot->key, key, SHA256_SIZE);
    slot->chain = crypto_chain_parse(cache->shelf, ders, count);
    return slot->chain;
}

static struct entry *entry_new(struct x509_cache *cache, const uint8_t key[SHA256_SIZE],
                               const struct reader *ders, size_t count, bool over_budget)
{
    struct entry *entry = calloc(1, sizeof *entry);
    if (entry == NULL)
        return NULL;
    arena_init_tight(&entry->arena, LIMIT_CHAIN_BYTES);
    memcpy(entry->chain.key, key, SHA256_SIZE);

    bool refused = over_budget || count > LIMIT_CHAIN_CERTIFICATES;
    size_t kept = count > LIMIT_CHAIN_CERTIFICATES ? LIMIT_CHAIN_CERTIFICATES : count;
    for (size_t i = 0; i < count; i++)
        refused = refused || ders[i].left > LIMIT_CERTIFICATE_BYTES;
    struct certificate *certificates = NULL;
    if (kept > 0) {
        certificates = arena_alloc(&entry->arena, kept * sizeof *certificates);
        if (certificates == NULL) {
            entry_free(entry);
            return NULL;
        }
    }
    for (size_t i = 0; refused && i < kept; i++) {
        certificates[i] = (struct certificate){ .len = (uint32_t)ders[i].left,
                                                .not_before_s = INT64_MIN,
                                                .not_after_s = INT64_MAX };
        crypto_sha256(ders[i].at, ders[i].left, certificates[i].sha256);
    }
    const struct parsed_chain *parsed = refused ? NULL : parsed_of(cache, key, ders, kept);
    if (!refused && parsed == NULL) {
        entry_free(entry);
        return NULL;
    }
    entry->chain.order_ok =
        !refused && crypto_chain_decode(parsed, ders, &entry->arena, certificates);
    entry->chain.count = kept;
    entry->chain.certificates = certificates;
    entry->chain.refused = refused;
    entry->chain.over_budget = over_budget;
    entry->bytes = sizeof *entry + entry->arena.used;
    return entry;
}

static const uint8_t *key_of(const struct reader *ders, size_t count, uint8_t key[SHA256_SIZE])
{
    crypto_sha256_framed(ders, count, key);
    return key;
}

const struct x509_chain *x509_chain_hold(struct x509_cache *cache, const uint8_t *key,
                                         const struct reader *ders, size_t count)
{
    uint8_t computed[SHA256_SIZE];
    if (key == NULL)
        key = key_of(ders, count, computed);
    cache->counters.chains++;

    struct entry *entry = cache_find(cache, key);
    if (entry != NULL) {
        cache->counters.chain_hits++;
        list_remove(cache, entry);
        list_add_newest(cache, entry);
        entry->chain.references++;
        return &entry->chain;
    }
    entry = entry_new(cache, key, ders, count, false);
    if (entry == NULL)
        return NULL;
    cache->counters.refused += entry->chain.refused ? 1 : 0;
    entry->chain.references = 1; /* held before it is added, which may push it out at once */
    cache_add(cache, entry);
    return &entry->chain;
}

const struct x509_chain *x509_chain_hold_unparsed(struct x509_cache *cache, const uint8_t *key,
                                                  const struct reader *ders, size_t count)
{
    uint8_t computed[SHA256_SIZE];
    if (key == NULL)
        key = key_of(ders, count, computed);
    cache->counters.chains++;
    struct entry *entry = entry_new(cache, key, ders, count, true);
    if (entry == NULL)
        return NULL;
    entry->chain.references = 1;
    return &entry->chain;
}

/* The caller's view is constant, ours is not: verdicts are added, references are counted. */
static struct entry *entry_of(const struct x509_chain *chain) { return (struct entry *)chain; }

void x509_chain_release(struct x509_cache *cache, const struct x509_chain *chain)
{
    (void)cache;
    if (chain == NULL)
        return;
    struct entry *entry = entry_of(chain);
    assert(entry->chain.references > 0);
    entry->chain.references--;
    if (entry->chain.references == 0 && !entry->cached)
        entry_free(entry);
}

struct verification x509_chain_verify(struct x509_cache *cache, const struct x509_chain *chain,
                                      const struct reader *ders, int64_t at_s, bool as_client)
{
    struct entry *entry = entry_of(chain);
    for (size_t i = 0; i < LIMIT_CHAIN_VERDICTS; i++) {
        const struct verdict *verdict = &entry->verdicts[i];
        if (verdict->generation == cache->generation && verdict->as_client == as_client &&
            verdict->verification.valid_from_s <= at_s &&
            at_s <= verdict->verification.valid_until_s) {
            cache->counters.verification_hits++;
            cache->counters.verifications++;
            return verdict->verification;
        }
    }

    struct verification verification = { .code = -1,
                                         .text =
                                             chain->over_budget ? "budget" : "chain over a maximum",
                                         .valid_from_s = INT64_MIN,
                                         .valid_until_s = INT64_MAX };
    cache->counters.verifications++;
    const struct parsed_chain *parsed =
        chain->refused ? NULL : parsed_of(cache, chain->key, ders, chain->count);
    if (parsed != NULL)
        crypto_chain_verify(cache->store, parsed, at_s, as_client, &verification);
    else if (!chain->refused)
        verification.text = "out of memory";
    entry->verdicts[entry->next_verdict] = (struct verdict){ .generation = cache->generation,
                                                             .as_client = as_client,
                                                             .verification = verification };
    entry->next_verdict = (entry->next_verdict + 1) % LIMIT_CHAIN_VERDICTS;
    return verification;
}

/* An address that is not among the certificate's names: no reason to take it apart. Servers of
 * large providers have one certificate and hundreds of addresses. */
static bool is_strange_address(const struct certificate *leaf, struct text name)
{
    struct in6_addr address;
    char text[INET6_ADDRSTRLEN] = "", same[INET6_ADDRSTRLEN];
    if (name.len >= sizeof text || (leaf->flags & CERTIFICATE_NAMES_CUT) != 0)
        return false;
    memcpy(text, name.at, name.len);
    int family = inet_pton(AF_INET, text, &address) == 1    ? AF_INET
                 : inet_pton(AF_INET6, text, &address) == 1 ? AF_INET6
                                                            : AF_UNSPEC;
    if (family == AF_UNSPEC || inet_ntop(family, &address, same, sizeof same) == NULL)
        return false;
    for (size_t i = 0; i < leaf->name_count; i++)
        if (text_same(leaf->names[i], text_of(same)))
            return false;
    return true;
}

bool x509_chain_matches(struct x509_cache *cache, const struct x509_chain *chain,
                        const struct reader *ders, struct text name, bool cn_too)
{
    struct entry *entry = entry_of(chain);
    if (chain->refused || chain->count == 0 || name.len == 0 || name.len > LIMIT_TEXT_BYTES ||
        is_strange_address(&chain->certificates[0], name))
        return false;
    for (size_t i = 0; i < LIMIT_CHAIN_NAMES; i++) {
        const struct name_answer *answer = &entry->names[i];
        if (answer->used && answer->cn_too == cn_too &&
            text_same(name, (struct text){ .at = answer->name, .len = answer->len }))
            return answer->matches;
    }

    struct name_answer *answer = &entry->names[entry->next_name];
    entry->next_name = (entry->next_name + 1) % LIMIT_CHAIN_NAMES;
    answer->used = true;
    answer->cn_too = cn_too;
    const struct parsed_chain *parsed = parsed_of(cache, chain->key, ders, chain->count);
    answer->matches = parsed != NULL && crypto_chain_matches(parsed, name, cn_too);
    memcpy(answer->name, name.at, name.len);
    answer->len = name.len;
    return answer->matches;
}

struct x509_counters x509_cache_counters(const struct x509_cache *cache) { return cache->counters; }
