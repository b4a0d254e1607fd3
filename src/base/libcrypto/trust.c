/* SPDX-License-Identifier: Apache-2.0
 * trust.c - the authorities that are trusted, out of PEM files. Nothing is fetched.
 */
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "parts.h"

enum { NOT_YET, READY, FAILED };

/* The whole file in memory; NULL, with a message logged, if it cannot be read. */
static BIO *file_read(const char *path)
{
    BIO *memory = BIO_new(BIO_s_mem());
    FILE *file = fopen(path, "re");
    char block[16 * 1024];
    size_t len = 0;
    errno = file == NULL ? errno : 0;
    bool good = memory != NULL && file != NULL;
    while (good && (len = fread(block, 1, sizeof block, file)) > 0)
        good = BIO_write(memory, block, (int)len) == (int)len;
    good = good && !ferror(file);
    if (!good) {
        log_error("%s: %s", path, errno != 0 ? strerror(errno) : "out of memory");
        BIO_free(memory);
    }
    if (file != NULL)
        (void)fclose(file);
    return good ? memory : NULL;
}

/* SEQUENCE { SEQUENCE, SEQUENCE, BIT STRING }: RFC 5280 4.1. */
static bool has_shape(struct reader der)
{
    static const uint8_t tags[] = { DER_SEQUENCE, DER_SEQUENCE, DER_BIT_STRING };
    struct reader inner = der_value(&der, DER_SEQUENCE);
    for (size_t i = 0; i < sizeof tags; i++)
        (void)der_value(&inner, tags[i]);
    return reader_ok(&inner) && inner.left == 0;
}

static bool parse_into(STACK_OF(X509) * found, struct reader der, bool trusted)
{
    const unsigned char *at = der.at;
    X509 *x =
        trusted ? d2i_X509_AUX(NULL, &at, (long)der.left) : d2i_X509(NULL, &at, (long)der.left);
    if (x == NULL)
        return false;
    (void)X509_check_purpose(x, -1, 0); /* extensions are read now, not by workers at first use */
    if (sk_X509_push(found, x) > 0)
        return true;
    X509_free(x);
    return false;
}

/* Every certificate in it, RFC 7468; into `found`, or only looked at, as far as that costs little,
 * where that is NULL. How many; 0 where there is none, or something is broken. */
static size_t pem_walk(BIO *bio, STACK_OF(X509) * found)
{
    char *name, *header;
    unsigned char *data;
    long len;
    size_t count = 0;
    bool good = bio != NULL;
    while (good && PEM_read_bio(bio, &name, &header, &data, &len) == 1) {
        struct reader der = reader_of(data, (size_t)len);
        bool trusted = strcmp(name, PEM_STRING_X509_TRUSTED) == 0;
        if (trusted || strcmp(name, PEM_STRING_X509) == 0 ||
            strcmp(name, PEM_STRING_X509_OLD) == 0) {
            good = has_shape(der) && (found == NULL || parse_into(found, der, trusted));
            count++;
        }
        OPENSSL_free(name);
        OPENSSL_free(header);
        OPENSSL_free(data);
    }
    good = good && ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
    ERR_clear_error();
    return good ? count : 0;
}

static bool no_certificate(const char *path)
{
    log_error("%s: no certificate in PEM form can be read from it", path);
    return false;
}

/* NULL: there is none. */
static STACK_OF(X509) * pem_parse(BIO *bio)
{
    STACK_OF(X509) *found = sk_X509_new_null();
    if (found != NULL && pem_walk(bio, found) > 0)
        return found;
    sk_X509_pop_free(found, X509_free);
    return NULL;
}

static bool pem_load(const char *path, STACK_OF(X509) * *out)
{
    BIO *bio = file_read(path);
    if (bio == NULL)
        return false;
    *out = pem_parse(bio);
    BIO_free(bio);
    return *out != NULL || no_certificate(path);
}

static bool bundle_load(const char *path, BIO **out)
{
    char *bytes = NULL;
    *out = file_read(path);
    if (*out == NULL)
        return false;
    long len = BIO_get_mem_data(*out, &bytes);
    BIO *look = len > 0 && len <= INT32_MAX ? BIO_new_mem_buf(bytes, (int)len) : NULL;
    bool good = pem_walk(look, NULL) > 0;
    BIO_free(look);
    return good || no_certificate(path);
}

bool stack_has(STACK_OF(X509) * stack, X509 *x)
{
    for (int i = 0; i < sk_X509_num(stack); i++)
        if (X509_cmp(sk_X509_value(stack, i), x) == 0)
            return true;
    return false;
}

static bool store_add_all(X509_STORE *store, STACK_OF(X509) * stack)
{
    for (int i = 0; i < sk_X509_num(stack); i++)
        if (X509_STORE_add_cert(store, sk_X509_value(stack, i)) != 1)
            return false;
    return true;
}

size_t borders_add(int64_t *borders, size_t count, STACK_OF(X509) * stack)
{
    for (int i = 0; i < sk_X509_num(stack); i++) {
        const X509 *x = sk_X509_value(stack, i);
        count += instant(X509_get0_notBefore(x), &borders[count]) ? 1 : 0;
        count += instant(X509_get0_notAfter(x), &borders[count]) ? 1 : 0;
    }
    return count;
}

struct trust_store *trust_store_load(const char *bundle, const char *extra)
{
    struct trust_store *store = calloc(1, sizeof *store);
    if (store == NULL || pthread_mutex_init(&store->lock, NULL) != 0) {
        log_error("out of memory for the trust store");
        free(store);
        return NULL;
    }
    if ((bundle == NULL || bundle_load(bundle, &store->bundle)) &&
        (extra == NULL || pem_load(extra, &store->owned)))
        return store;
    trust_store_free(store);
    return NULL;
}

bool trust_store_add_national(struct trust_store *store, const char *path)
{
    STACK_OF(X509) *more = NULL;
    if (!pem_load(path, &more))
        return false;
    assert(atomic_load(&store->readiness) == NOT_YET);
    bool ok = store->national != NULL || (store->national = sk_X509_new_null()) != NULL;
    while (ok && sk_X509_num(more) > 0) /* they move */
        ok = sk_X509_push(store->national, sk_X509_value(more, 0)) > 0 &&
             sk_X509_shift(more) != NULL;
    if (!ok)
        log_error("out of memory for the trust store");
    sk_X509_pop_free(more, X509_free);
    return ok;
}

static bool take_apart(struct trust_store *store)
{
    if (store->bundle != NULL && (store->roots = pem_parse(store->bundle)) == NULL)
        return false;
    BIO_free(store->bundle);
    store->bundle = NULL;
    STACK_OF(X509) * stacks[] = { store->roots, store->owned, store->national };
    size_t borders = 1;
    for (size_t i = 0; i < 3; i++)
        borders += stacks[i] == NULL ? 0 : 2 * (size_t)sk_X509_num(stacks[i]);
    /* OpenSSL counts -1 in a stack that is not there. */
    if (store->national == NULL && (store->national = sk_X509_new_null()) == NULL)
        return false;
    if ((store->all = X509_STORE_new()) == NULL || (store->own = X509_STORE_new()) == NULL ||
        (store->extra = sk_X509_new_null()) == NULL ||
        (store->borders = calloc(borders, sizeof *store->borders)) == NULL)
        return false;
    for (size_t i = 0; i < 3; i++) {
        if (!store_add_all(store->all, stacks[i]) ||
            (i > 0 && !store_add_all(store->own, stacks[i])))
            return false;
        store->border_count = borders_add(store->borders, store->border_count, stacks[i]);
    }
    for (int i = 0; i < sk_X509_num(store->owned); i++) {
        X509 *x = sk_X509_value(store->owned, i);
        if (!stack_has(store->roots, x) &&
            (X509_up_ref(x) != 1 || sk_X509_push(store->extra, x) <= 0))
            return false;
    }
    return true;
}

bool trust_store_prepare(struct trust_store *store)
{
    int readiness = atomic_load(&store->readiness);
    if (readiness == NOT_YET) {
        (void)pthread_mutex_lock(&store->lock);
        readiness = atomic_load(&store->readiness);
        if (readiness == NOT_YET) {
            readiness = take_apart(store) ? READY : FAILED;
            if (readiness == FAILED)
                log_error("the authorities cannot be taken apart, so chains are not verified: a "
                          "broken certificate among them, or no memory");
            atomic_store(&store->readiness, readiness);
        }
        (void)pthread_mutex_unlock(&store->lock);
    }
    return readiness == READY;
}

void trust_store_free(struct trust_store *store)
{
    if (store == NULL)
        return;
    free(store->borders);
    BIO_free(store->bundle);
    (void)pthread_mutex_destroy(&store->lock);
    sk_X509_pop_free(store->roots, X509_free);
    sk_X509_pop_free(store->owned, X509_free);
    sk_X509_pop_free(store->extra, X509_free);
    sk_X509_pop_free(store->national, X509_free);
    X509_STORE_free(store->own);
    X509_STORE_free(store->all);
    free(store);
}

size_t trust_store_count(struct trust_store *store)
{
    if (!trust_store_prepare(store))
        return 0;
    return (size_t)sk_X509_OBJECT_num(X509_STORE_get0_objects(store->all));
}
