/* SPDX-License-Identifier: Apache-2.0
 * digest.c - MD5, SHA-1 and SHA-256.
 */
#define OPENSSL_SUPPRESS_DEPRECATED /* crypto_sha1() and crypto_sha256() say why */
#include "parts.h"

#include <stdlib.h>

/* A digest that cannot be computed is a broken libcrypto (a FIPS provider without MD5, say):
 * nothing works then. */
static void digest(const EVP_MD *method, const void *data, size_t len, uint8_t *out)
{
    if (EVP_Digest(data, len, out, NULL, method, NULL) != 1)
        abort();
}

void crypto_md5(const void *data, size_t len, uint8_t out[MD5_SIZE])
{
    digest(EVP_md5(), data, len, out);
}

/* Ids are made of these, several a session, of a hundred bytes each: through EVP the look-up of the
 * method costs five times the hash. */
void crypto_sha1(const void *data, size_t len, uint8_t out[SHA1_SIZE])
{
    SHA_CTX context;
    if (SHA1_Init(&context) != 1 || SHA1_Update(&context, data, len) != 1 ||
        SHA1_Final(out, &context) != 1)
        abort();
}
void crypto_sha256(const void *data, size_t len, uint8_t out[SHA256_SIZE])
{
    SHA256_CTX context;
    if (SHA256_Init(&context) != 1 || SHA256_Update(&context, data, len) != 1 ||
        SHA256_Final(out, &context) != 1)
        abort();
}

void crypto_sha256_framed(const struct reader *items, size_t count, uint8_t out[SHA256_SIZE])
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool ok = context != NULL && EVP_DigestInit_ex(context, EVP_sha256(), NULL) == 1;
    for (size_t i = 0; ok && i < count; i++) {
        size_t len = items[i].left;
        uint8_t u24[3] = { (uint8_t)(len >> 16), (uint8_t)(len >> 8), (uint8_t)len };
        ok = EVP_DigestUpdate(context, u24, sizeof u24) == 1 &&
             EVP_DigestUpdate(context, items[i].at, len) == 1;
    }
    if (!ok || EVP_DigestFinal_ex(context, out, NULL) != 1)
        abort();
    EVP_MD_CTX_free(context);
}
