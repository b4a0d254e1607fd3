/* SPDX-License-Identifier: Apache-2.0
 * crypto.h - all that the program asks of OpenSSL's libcrypto: digests here, certificates in
 * crypto_x509.h. libcrypto/parts.h is the only file that includes its headers.
 */
#ifndef CRYPTO_H
#define CRYPTO_H

#include <stddef.h>
#include <stdint.h>

#include "reader.h"

#define MD5_SIZE 16
#define SHA1_SIZE 20
#define SHA256_SIZE 32

/* One-shot digests; thread-safe. MD5 and SHA-1 serve fingerprints (JA3, community id), never
 * security. */
void crypto_md5(const void *data, size_t len, uint8_t out[MD5_SIZE]);
void crypto_sha1(const void *data, size_t len, uint8_t out[SHA1_SIZE]);
void crypto_sha256(const void *data, size_t len, uint8_t out[SHA256_SIZE]);

/* SHA-256 over the length (three bytes, big-endian) and the bytes of each item, one after another.
 */
void crypto_sha256_framed(const struct reader *items, size_t count, uint8_t out[SHA256_SIZE]);

#endif
