/* SPDX-License-Identifier: Apache-2.0
 * parts.h - the one file that includes OpenSSL's headers, and what the files of this folder, the
 * only ones that know its libcrypto, have in common. Others include crypto.h and crypto_x509.h.
 */
#ifndef LIBCRYPTO_PARTS_H
#define LIBCRYPTO_PARTS_H

#include <openssl/bio.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/pem.h>
#include <openssl/sha.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "crypto.h"
#include "crypto_x509.h"

/* certificate.c */
enum { DER_BIT_STRING = 0x03, DER_SEQUENCE = 0x30 };
/* The value of the next element, of this tag and a definite length; else `from` fails. */
struct reader der_value(struct reader *from, uint8_t tag);
X509 *certificate_parse(struct reader der); /* NULL if it is none, or too long */
/* x: of `der`; NULL if it could not be parsed. */
void certificate_decode(struct reader der, X509 *x, struct arena *arena, struct certificate *out);
struct text asn1_text(const ASN1_STRING *string);    /* as it stands there, not cleaned */
bool instant(const ASN1_TIME *time, int64_t *out_s); /* false: it is none */
bool key_in_range(const EVP_PKEY *key);              /* computing with it costs little */
uint64_t rsa_exponent(const EVP_PKEY *key);          /* 0: not RSA, or out of range */
static inline bool has_nul(struct text text)
{
    return text.len > 0 && memchr(text.at, 0, text.len) != NULL;
}

/* chain.c */
struct parsed_chain {
    size_t count;
    X509 *all[]; /* NULL for what cannot be parsed */
};

/* trust.c */
/* The certificates of the public bundle are taken apart when the first chain asks for them: many
 * captures hold none, and a bundle costs more than all else at the start. */
struct trust_store {
    BIO *bundle;            /* as it was read; NULL once it was taken apart, or where none is */
    pthread_mutex_t lock;   /* for taking it apart */
    _Atomic int readiness;  /* READY or FAILED once the following are there */
    X509_STORE *all;        /* all that are trusted; complete paths only */
    X509_STORE *own;        /* the operator's own and states', whose intermediates end a path too */
    STACK_OF(X509) * roots; /* the public ones */
    STACK_OF(X509) * owned; /* the operator's own */
    STACK_OF(X509) * extra; /* of these the ones that are not public roots as well */
    STACK_OF(X509) * national; /* states' */
    int64_t *borders; /* every instant at which one of them becomes valid or ceases to be */
    size_t border_count;
};
bool stack_has(STACK_OF(X509) * stack, X509 *x);
/* Appends both dates of each; returns the new count. */
size_t borders_add(int64_t *borders, size_t count, STACK_OF(X509) * stack);

#endif
