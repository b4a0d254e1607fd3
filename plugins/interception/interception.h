/* SPDX-License-Identifier: Apache-2.0
 * interception.h - what the files of this detector share: the lists, the signs that one session
 * gives, and the rules that are made of them.
 */
#ifndef INTERCEPTION_H
#define INTERCEPTION_H

#include <regex.h>

#include "plugin.h"

/* --- lists.c: src/data/interceptors.tsv and providers.tsv --- */

enum field {
    ISSUER_CN,
    ISSUER_O,
    ISSUER_OU,
    ISSUER_MAIL,
    SPKI,
    CERTIFICATE,
    SUBJECT_CN,
    SUBJECT_O
};

struct product {
    const char *id, *vendor, *name, *category;
    enum field field;
    enum { EXACT, PREFIX, REGEX } how;
    const char *pattern;
    size_t literal; /* how many of the first bytes are fixed; a regular expression is asked only
                       then */
    regex_t regex;
    bool from_memory, risky, low_risk; /* columns confidence and fp_risk */
};

struct provider {
    const char *host; /* "imap.example.net", or ".example.net" for all below it */
    const char *name, *issuers;
};

struct lists {
    char *product_text, *provider_text; /* owned; the rows point into them */
    struct product *products;
    struct provider *providers;
    size_t product_count, provider_count;
    const char *version, *provider_version;
};

struct lists *interception_read(const struct starttap_core *core); /* NULL: out of memory */
void interception_free(struct lists *lists);

/* The row that says most about these certificates, and the certificate that shows it; NULL: none.
 */
const struct product *interception_product(const struct lists *lists,
                                           const struct starttap_chain *chain, size_t *where);
const struct provider *interception_provider(const struct lists *lists, const char *host);
bool interception_is_key_or_hash(const struct product *product);
bool interception_is_appliance(const struct product *product);

/* --- signs.c --- */

enum sign {
    S1 = 1 << 0,  /* a listed key or certificate */
    S2 = 1 << 1,  /* a listed name issued a certificate for somebody else's host */
    S3 = 1 << 2,  /* a listed name on what looks like the product's own certificate */
    S4 = 1 << 3,  /* a large provider's host, and not a public authority */
    S11 = 1 << 4, /* a validity that products use */
    S12 = 1 << 5, /* none of the marks of public certificates */
    S13 = 1 << 6, /* a serial number made of the clock */
    S14 = 1 << 7  /* the product says that it did not trust the server either */
};

struct signs {
    unsigned found;
    const struct product *product; /* NULL: none is listed */
    size_t where;                  /* the certificate that shows it */
    const struct provider *provider;
    const struct starttap_name *name; /* that belongs to the provider */
    bool strong_name;                 /* it was asked for, or learnt; not the server's own claim */
    bool outside;                     /* sanctioned inspection, but not here */
};

struct signs interception_signs_read(const struct lists *lists,
                                     const struct starttap_session *session);

/* --- the rules --- */

struct scene {
    const struct starttap_core *core;
    const struct starttap_session *session;
    const struct starttap_chain *chain;
    const struct starttap_certificate *leaf;
    const struct lists *lists;
    const struct signs *signs;
};

/* What all of them tell: who issued it and for whom; what was found, and in which lists. A draft
 * has room for 16 values: these are 15. */
void interception_tell_certificate(const struct scene *at, struct starttap_draft *draft);
void interception_tell_signs(const struct scene *at, struct starttap_draft *draft, const char *row);

void interception_judge_self_signed(const struct scene *at, struct starttap_draft *draft);
void interception_judge_untrusted(const struct scene *at, struct starttap_draft *draft);
void interception_judge_national(const struct scene *at, struct starttap_draft *draft);

#endif
