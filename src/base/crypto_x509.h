/* SPDX-License-Identifier: Apache-2.0
 * crypto_x509.h - one certificate as facts, and a chain's verification, by libcrypto behind our own
 * types.
 *
 * Input comes from strangers: the caller has already bounded lengths (limits.h). Results are plain
 * memory of the caller's arena.
 */
#ifndef CRYPTO_X509_H
#define CRYPTO_X509_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "arena.h"
#include "crypto.h"
#include "limits.h"
#include "reader.h"
#include "text.h"

enum certificate_flag {
    CERTIFICATE_SELF_ISSUED = 1 << 0, /* subject equals issuer */
    CERTIFICATE_SELF_SIGNED = 1 << 1, /* and its signature verifies with its own key */
    CERTIFICATE_CA = 1 << 2,
    CERTIFICATE_V1 = 1 << 3,
    CERTIFICATE_INVALID_EXTENSIONS = 1 << 4,
    CERTIFICATE_KEY_OUT_OF_RANGE = 1 << 5, /* RSA outside 512-8192 bits or e over 64 bits, or a
                                              curve that is not named: never verified with */
    CERTIFICATE_NAME_EMBEDDED_NUL = 1 << 6,
    CERTIFICATE_NO_SERVER_AUTH = 1
                                 << 7, /* has an extended key usage that lacks serverAuth and any */
    CERTIFICATE_MUST_STAPLE = 1 << 8,
    CERTIFICATE_HAS_SCT = 1 << 9,
    CERTIFICATE_HAS_AIA_ISSUERS = 1 << 10,
    CERTIFICATE_SERIAL_ODD = 1 << 11, /* zero, negative or over 20 octets */
    CERTIFICATE_NAMES_CUT = 1 << 12,  /* more than LIMIT_CERTIFICATE_NAMES alternative names */
    CERTIFICATE_HAS_CRL_POINTS = 1 << 13,
    CERTIFICATE_HAS_POLICIES = 1 << 14,
    /* Of a chain only, by crypto_chain_decode(): */
    CERTIFICATE_UNUSED = 1 << 15,        /* no issuer of the first one, nor an issuer's issuer */
    CERTIFICATE_REPEATED = 1 << 16,      /* the same certificate stands before it */
    CERTIFICATE_WEAK_EXPONENT = 1 << 17, /* RSA: even, 1 or 3 */
};

struct certificate {
    bool parsed;                 /* false: only sha256 and len are valid */
    uint8_t sha256[SHA256_SIZE]; /* of the DER */
    uint8_t spki_sha256[SHA256_SIZE];
    uint32_t len;                /* of the DER */
    struct text subject, issuer; /* RFC 4514 with most specific first as in ECS:
                                    "CN=mx.example.org,O=Example,C=DE"; UTF-8, cleaned */
    struct text subject_cn, issuer_cn, subject_o, issuer_o,
        issuer_ou;      /* the first of each; empty if none */
    struct text serial; /* upper-case hex without leading zeros, "-" in front if negative */
    int64_t not_before_s, not_after_s; /* seconds since 1970; INT64_MIN and MAX when unreadable */
    struct text not_before, not_after; /* RFC 3339, UTC */
    uint8_t version;                   /* 1, 2 or 3 */
    struct text key_type;              /* "rsa" "ec" "dsa" "ed25519" "ed448" "other" */
    struct text key_curve;             /* "P-256" …; empty if none */
    uint32_t key_bits;
    uint64_t rsa_exponent;      /* 0 if none or over 64 bits */
    struct text signature;      /* OpenSSL's long name, "sha256WithRSAEncryption" */
    struct text signature_hash; /* "sha256" "sha1" "md5"; empty if the scheme has none of its own */
    struct text names[LIMIT_CERTIFICATE_NAMES]; /* subjectAltName: dNSName as is, iPAddress as text;
                                                   e-mail and others left out */
    size_t name_count;
    unsigned flags;
};

/* Reads one DER certificate that must fill the reader. Texts go to the arena. False when it cannot
 * be parsed; out->sha256 and len are set in any case. */
bool crypto_certificate_decode(struct reader der, struct arena *arena, struct certificate *out);

/* Certificates as they were sent, taken apart once for all that is asked about them. Used by one
 * thread at a time; some times as large as what it was made from. */
struct parsed_chain;

/* Authorities that were taken apart lately: thousands of chains share some dozens of them, and this
 * is most of the work. One thread at a time. */
struct authority_shelf;
struct authority_shelf *authority_shelf_new(void);        /* NULL: out of memory */
void authority_shelf_free(struct authority_shelf *shelf); /* accepts NULL; chains live on */

/* count is at most LIMIT_CHAIN_CERTIFICATES. NULL: out of memory. The bytes are not kept. All but
 * the first come from the shelf, or go there; it may be NULL. */
struct parsed_chain *crypto_chain_parse(struct authority_shelf *shelf, const struct reader *ders,
                                        size_t count);
void parsed_chain_free(struct parsed_chain *chain); /* accepts NULL */

/* Reads each as above (`ders` as they were parsed), and how they belong together. Returns whether
 * each is issued by the next, by names and key identifiers; for CERTIFICATE_UNUSED signatures count
 * too. */
bool crypto_chain_decode(const struct parsed_chain *chain, const struct reader *ders,
                         struct arena *arena, struct certificate *out);

struct trust_store; /* opaque: public roots, and the operator's own */

/* bundle: PEM file of public roots (NULL: none). extra: PEM of the operator's own roots (NULL:
 * none). NULL with a message logged when a file cannot be read. All certificates of the bundle are
 * taken apart at the first use, or by trust_store_prepare(). */
struct trust_store *trust_store_load(const char *bundle, const char *extra);
/* Adds authorities of states (PEM), before the store's first use: trusted, and told apart. An
 * intermediate may end a path too. False with a message logged when the file cannot be read. */
__attribute__((warn_unused_result)) bool trust_store_add_national(struct trust_store *store,
                                                                  const char *path);
void trust_store_free(struct trust_store *store);
/* Now, so that the first chain need not wait (milliseconds). Thread-safe. False, with a message
 * logged: nothing can be verified. */
bool trust_store_prepare(struct trust_store *store);
size_t trust_store_count(struct trust_store *store);

struct verification {
    int code; /* X509_V_* of OpenSSL; 0 ok; -1: not verified, see text; 21 is derived: 20 at depth 0
                 with one certificate */
    int depth;            /* of the failing certificate */
    const char *text;     /* OpenSSL's or ours; valid forever */
    bool anchor_extra;    /* the path ends in one of the operator's own roots */
    bool anchor_national; /* or in one of a state's */
    bool anchored;        /* a trusted root was reached, ignoring dates and purpose */
    unsigned top;         /* not anchored: the last certificate of the path, by its place */
    bool public_operator; /* not anchored: the organization that issued it has a public root */
    bool forged_issuer;   /* not anchored: names a public root as its issuer, whose key did not sign
                             it */
    int64_t valid_from_s, valid_until_s; /* the same verdict holds for instants in this interval
                                            (dates of chain and path) */
};

/* Verifies the first as a server (or client) certificate with the rest as untrusted helpers, at an
 * instant. No callback that continues, no network. More than LIMIT_CHAIN_VERIFY_CERTIFICATES are
 * not verified. Thread-safe for one store. */
void crypto_chain_verify(struct trust_store *store, const struct parsed_chain *chain, int64_t at_s,
                         bool as_client, struct verification *out);

/* RFC 9525: does the first carry this DNS name (or IP address in text form)? Common name only if
 * cn_too. */
bool crypto_chain_matches(const struct parsed_chain *chain, struct text name, bool cn_too);

#endif
