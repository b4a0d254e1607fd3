/* SPDX-License-Identifier: Apache-2.0
 * fuzz_certificate.c - arbitrary bytes as a certificate: facts are clean texts within their limits,
 * equal when read twice; a chain of it and itself is judged, and the verdict's interval has the
 * instant in it.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "x509.h"

#define REQUIRE(condition)                                                                         \
    do {                                                                                           \
        if (!(condition))                                                                          \
            abort();                                                                               \
    } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_text(struct text text, size_t max)
{
    char clean[LIMIT_CERTIFICATE_NAME_BYTES + 1];
    REQUIRE(text.len <= max);
    REQUIRE(text_clean(text, clean, sizeof clean) == text.len);
    REQUIRE(text.len == 0 || memcmp(clean, text.at, text.len) == 0);
}

static void check_certificate(const struct certificate *c)
{
    check_text(c->subject, LIMIT_CERTIFICATE_NAME_BYTES);
    check_text(c->issuer, LIMIT_CERTIFICATE_NAME_BYTES);
    const struct text texts[] = { c->subject_cn, c->issuer_cn,  c->subject_o, c->issuer_o,
                                  c->issuer_ou,  c->serial,     c->key_type,  c->key_curve,
                                  c->signature,  c->not_before, c->not_after, c->signature_hash };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        check_text(texts[i], LIMIT_TEXT_BYTES);
    REQUIRE(c->name_count <= LIMIT_CERTIFICATE_NAMES);
    for (size_t i = 0; i < c->name_count; i++)
        check_text(c->names[i], LIMIT_TEXT_BYTES);
    REQUIRE(!c->parsed || (c->serial.len > 0 && c->key_type.len > 0 && c->version > 0));
    REQUIRE((c->flags & CERTIFICATE_SELF_SIGNED) == 0 || (c->flags & CERTIFICATE_SELF_ISSUED) != 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct trust_store *store; /* empty: verdicts are about the chain alone */
    if (store == NULL)
        REQUIRE((store = trust_store_load(NULL, NULL)) != NULL);

    const struct reader ders[2] = { reader_of(data, size), reader_of(data, size) };
    struct x509_cache *cache = x509_cache_new(store, 1);
    REQUIRE(cache != NULL);
    const struct x509_chain *chain = x509_chain_hold(cache, NULL, ders, 2);
    REQUIRE(chain != NULL && chain->count == 2);
    check_certificate(&chain->certificates[0]);
    REQUIRE(chain->certificates[0].parsed == chain->certificates[1].parsed);
    REQUIRE(text_same(chain->certificates[0].subject, chain->certificates[1].subject));
    REQUIRE((chain->certificates[0].flags | CERTIFICATE_REPEATED) == chain->certificates[1].flags);
    REQUIRE((chain->certificates[0].flags & (CERTIFICATE_REPEATED | CERTIFICATE_UNUSED)) == 0);

    struct verification verification = x509_chain_verify(cache, chain, ders, 1600000000, false);
    REQUIRE(verification.code != 0 && verification.text != NULL && !verification.anchored);
    enum session_anchor anchor = x509_chain_anchor(chain, &verification);
    REQUIRE(anchor < ANCHOR_COUNT && anchor != ANCHOR_PUBLIC && anchor != ANCHOR_NOT_VISIBLE);
    REQUIRE(verification.valid_from_s <= 1600000000 && verification.valid_until_s >= 1600000000);
    x509_chain_matches(cache, chain, ders, TEXT("mail.example.org"), true);
    x509_chain_matches(cache, chain, ders, TEXT("192.0.2.25"), false);
    x509_chain_release(cache, chain);
    x509_cache_free(cache);
    return 0;
}
