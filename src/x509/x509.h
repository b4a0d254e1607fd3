/* SPDX-License-Identifier: Apache-2.0
 * x509.h - certificate chains as facts: parsed once, judged at the packet's time.
 *
 * Facts depend on the chain's bytes only; verdicts on chain, store and time. Both are cached; the
 * cache changes cost, never content. A cache belongs to one worker; the trust store is shared and
 * immutable. RFC 5280, 9525.
 */
#ifndef X509_H
#define X509_H

#include "crypto_x509.h"

struct x509_chain {           /* immutable; lives as long as it is held */
    uint8_t key[SHA256_SIZE]; /* SHA-256 over (length, DER) of each certificate */
    size_t count;
    const struct certificate *certificates; /* in the order sent */
    bool order_ok;       /* each is issued by the next, by names and key identifiers */
    bool refused;        /* over a maximum, or unparsed: hashes only */
    bool over_budget;    /* unparsed: see x509_chain_hold_unparsed() */
    unsigned references; /* private */
};

/* Where the path of a chain ends. In the order of the plugin header. */
enum session_anchor {
    ANCHOR_NOT_VISIBLE,
    ANCHOR_NOT_VERIFIED, /* no store, a maximum or a budget: the verification's text says which */
    ANCHOR_PUBLIC,
    ANCHOR_PUBLIC_INCOMPLETE, /* a public authority's organization, but its certificate is missing
                               */
    ANCHOR_NATIONAL,
    ANCHOR_CONFIGURED,
    ANCHOR_PRIVATE,
    ANCHOR_SELF_SIGNED_LEAF,
    ANCHOR_NAME_COLLISION, /* a public root's name whose key did not sign; or an unknown root that
                              bears a public organization's name, over a leaf without any of the
                              marks (SCT, AIA, CRL, policies) that public certificates carry */
    ANCHOR_COUNT
};

/* Dates do not matter. Pure. */
enum session_anchor x509_chain_anchor(const struct x509_chain *chain,
                                      const struct verification *verification);

struct x509_cache;

struct x509_cache *x509_cache_new(struct trust_store *store /* may be NULL */, size_t max_chains);
void x509_cache_free(struct x509_cache *cache);
/* From now on chains are judged by this store: facts stay, verdicts of the former one are not used
 * any more, and nothing refers to it. */
void x509_cache_switch(struct x509_cache *cache, struct trust_store *store /* may be NULL */);

/* The chain of these certificates, held for the caller until x509_chain_release(). `key` is that of
 * the chain, or NULL if it has not been computed yet (crypto_sha256_framed()). NULL when out of
 * memory. */
const struct x509_chain *x509_chain_hold(struct x509_cache *cache, const uint8_t *key,
                                         const struct reader *ders, size_t count);
/* Likewise, but with hashes only, whatever the cache has: for what no budget was granted
 * (budget.h). Its verdict is code -1, "budget". */
const struct x509_chain *x509_chain_hold_unparsed(struct x509_cache *cache, const uint8_t *key,
                                                  const struct reader *ders, size_t count);
void x509_chain_release(struct x509_cache *cache, const struct x509_chain *chain);

/* Does the first certificate carry this DNS name or IP address (crypto_chain_matches())? The
 * last few answers of a chain are remembered. */
bool x509_chain_matches(struct x509_cache *cache, const struct x509_chain *chain,
                        const struct reader *ders, struct text name, bool cn_too);

/* The verdict at an instant. Without a store: code -1. `ders` are those the chain was made of. */
struct verification x509_chain_verify(struct x509_cache *cache, const struct x509_chain *chain,
                                      const struct reader *ders, int64_t at_s, bool as_client);

struct x509_counters {
    uint64_t chains, chain_hits, verifications, verification_hits, refused, evicted;
    uint64_t bytes; /* of the facts remembered now */
};
struct x509_counters x509_cache_counters(const struct x509_cache *cache);

#endif
