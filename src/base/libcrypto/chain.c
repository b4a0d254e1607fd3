/* SPDX-License-Identifier: Apache-2.0
 * chain.c - the certificates that a peer sends: taken apart once, who issued whom, and for which
 * names (RFC 9525). What was read before is kept in x509.c, authorities here.
 */
#include <arpa/inet.h>
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "parts.h"

/* An issuer that may not sign certificates is still the one that is named. */
static bool is_issued_by(X509 *x, X509 *issuer)
{
    if (x == NULL || issuer == NULL)
        return false;
    int answer = X509_check_issued(issuer, x);
    return answer == X509_V_OK || answer == X509_V_ERR_KEYUSAGE_NO_CERTSIGN;
}

/* Whoever sends a chain can put a stranger's certificate into it, of the right name. Signatures are
 * checked with keys of the usual sizes only, and few of them, because it is the sender who chooses
 * them: an unusual key is taken at its name, and what is behind too many checks is not. */
static bool is_signed_by(X509 *x, X509 *issuer, unsigned *checks_left)
{
    EVP_PKEY *key = X509_get0_pubkey(issuer);
    bool usual = key != NULL && key_in_range(key) && EVP_PKEY_get_bits(key) <= 4096 &&
                 (EVP_PKEY_get_base_id(key) != EVP_PKEY_RSA || rsa_exponent(key) <= UINT32_MAX);
    if (!usual)
        return true;
    if (*checks_left == 0)
        return false;
    (*checks_left)--;
    return X509_verify(x, key) == 1;
}

/* Marks what cannot be reached from the first one by going from issued to issuer. */
static void mark_unused(X509 *const *all, size_t count, struct certificate *out)
{
    bool reached[LIMIT_CHAIN_CERTIFICATES] = { true };
    size_t queue[LIMIT_CHAIN_CERTIFICATES] = { 0 }, queued = 1;
    unsigned checks_left = LIMIT_CHAIN_SIGNATURES;
    for (size_t at = 0; at < queued; at++)
        for (size_t i = 1; i < count; i++)
            if (!reached[i] && (out[i].flags & CERTIFICATE_REPEATED) == 0 &&
                is_issued_by(all[queue[at]], all[i]) &&
                is_signed_by(all[queue[at]], all[i], &checks_left)) {
                reached[i] = true;
                queue[queued++] = i;
            }
    for (size_t i = 0; i < count; i++) {
        for (size_t first = 0; first < i; first++) /* a repeated one is what the first one is */
            if (memcmp(out[first].sha256, out[i].sha256, SHA256_SIZE) == 0)
                reached[i] = reached[first];
        out[i].flags |= reached[i] ? 0 : CERTIFICATE_UNUSED;
    }
}

struct authority_shelf {
    struct {
        uint8_t sha256[SHA256_SIZE];
        X509 *x; /* NULL: free */
    } places[LIMIT_AUTHORITIES_KEPT];
    unsigned next; /* to be used next */
};

struct authority_shelf *authority_shelf_new(void)
{
    return calloc(1, sizeof(struct authority_shelf));
}

void authority_shelf_free(struct authority_shelf *shelf)
{
    for (unsigned i = 0; shelf != NULL && i < LIMIT_AUTHORITIES_KEPT; i++)
        X509_free(shelf->places[i].x);
    free(shelf);
}

static X509 *authority_parse(struct authority_shelf *shelf, struct reader der)
{
    uint8_t key[SHA256_SIZE];
    crypto_sha256(der.at, der.left, key);
    for (unsigned i = 0; i < LIMIT_AUTHORITIES_KEPT && shelf->places[i].x != NULL; i++)
        if (memcmp(shelf->places[i].sha256, key, sizeof key) == 0) {
            (void)X509_up_ref(shelf->places[i].x);
            return shelf->places[i].x;
        }
    X509 *x = certificate_parse(der);
    if (x == NULL)
        return NULL;
    X509_free(shelf->places[shelf->next].x);
    (void)X509_up_ref(x);
    memcpy(shelf->places[shelf->next].sha256, key, sizeof key);
    shelf->places[shelf->next].x = x;
    shelf->next = (shelf->next + 1) % LIMIT_AUTHORITIES_KEPT;
    return x;
}

struct parsed_chain *crypto_chain_parse(struct authority_shelf *shelf, const struct reader *ders,
                                        size_t count)
{
    assert(count <= LIMIT_CHAIN_CERTIFICATES);
    struct parsed_chain *chain = calloc(1, sizeof *chain + count * sizeof(X509 *));
    if (chain == NULL)
        return NULL;
    chain->count = count;
    for (size_t i = 0; i < count; i++)
        chain->all[i] =
            i > 0 && shelf != NULL ? authority_parse(shelf, ders[i]) : certificate_parse(ders[i]);
    ERR_clear_error();
    return chain;
}

void parsed_chain_free(struct parsed_chain *chain)
{
    for (size_t i = 0; chain != NULL && i < chain->count; i++)
        X509_free(chain->all[i]);
    free(chain);
}

bool crypto_chain_decode(const struct parsed_chain *chain, const struct reader *ders,
                         struct arena *arena, struct certificate *out)
{
    for (size_t i = 0; i < chain->count; i++) {
        certificate_decode(ders[i], chain->all[i], arena, &out[i]);
        for (size_t before = 0; before < i; before++)
            if (memcmp(out[before].sha256, out[i].sha256, SHA256_SIZE) == 0)
                out[i].flags |= CERTIFICATE_REPEATED;
    }
    mark_unused(chain->all, chain->count, out);
    bool in_order = true;
    for (size_t i = 0; i + 1 < chain->count; i++)
        in_order = in_order && is_issued_by(chain->all[i], chain->all[i + 1]);
    ERR_clear_error();
    return in_order;
}

bool crypto_chain_matches(const struct parsed_chain *chain, struct text name, bool cn_too)
{
    char terminated[LIMIT_TEXT_BYTES];
    if (name.len > 0 && name.at[name.len - 1] == '.') /* the root of the DNS */
        name.len--;
    /* A leading dot would ask OpenSSL for any name below, a length of zero for strlen(). */
    if (name.len == 0 || name.len >= sizeof terminated || *name.at == '.' || has_nul(name) ||
        chain->count == 0 || chain->all[0] == NULL)
        return false;
    memcpy(terminated, name.at, name.len);
    terminated[name.len] = '\0';

    struct in6_addr address;
    bool is_address = inet_pton(AF_INET, terminated, &address) == 1 ||
                      inet_pton(AF_INET6, terminated, &address) == 1;
    unsigned flags = X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS;
    if (!cn_too)
        flags |= X509_CHECK_FLAG_NEVER_CHECK_SUBJECT;
    int matched = is_address ? X509_check_ip_asc(chain->all[0], terminated, 0)
                             : X509_check_host(chain->all[0], terminated, name.len, flags, NULL);
    ERR_clear_error();
    return matched == 1;
}
