/* SPDX-License-Identifier: Apache-2.0
 * verify.c - whether a chain ends in an authority that is trusted, and for how long that holds.
 * RFC 5280 section 6. No revocation: CRL, OCSP and AIA are never fetched.
 */

#include "parts.h"

struct question {
    X509 *leaf;
    STACK_OF(X509) * helpers;
    int64_t at_s;
    int purpose;
};

struct answer {
    int code, depth;
    bool extra, national; /* verified, and whose root ends the path */
    unsigned top;         /* not verified: see struct verification */
    bool public_operator, forged_issuer;
};

static struct text name_organization(const X509_NAME *name)
{
    int index = X509_NAME_get_index_by_NID(name, NID_organizationName, -1);
    return index < 0 ? (struct text){ 0 }
                     : asn1_text(X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, index)));
}

static bool is_public_operator(const struct trust_store *trust, const X509_NAME *issuer)
{
    struct text organization = name_organization(issuer);
    for (int i = 0; organization.len > 0 && i < sk_X509_num(trust->roots); i++)
        if (text_same_nocase(organization, name_organization(X509_get_subject_name(
                                               sk_X509_value(trust->roots, i)))))
            return true;
    return false;
}

/* The roots' keys are ours, so that the cost of a signature check is too. */
static bool borrows_a_roots_name(const struct trust_store *trust, X509 *x)
{
    bool named = false;
    for (int i = 0; i < sk_X509_num(trust->roots); i++) {
        X509 *root = sk_X509_value(trust->roots, i);
        if (X509_NAME_cmp(X509_get_issuer_name(x), X509_get_subject_name(root)) != 0)
            continue;
        named = true;
        if (X509_verify(x, X509_get0_pubkey(root)) == 1)
            return false;
    }
    return named;
}

/* How far the path came that does not end in a trusted root. */
static void look_at_path(const struct trust_store *trust, X509_STORE_CTX *context,
                         const struct question *question, struct answer *answer)
{
    STACK_OF(X509) *path = X509_STORE_CTX_get0_chain(context);
    X509 *top = question->leaf;
    for (int i = 0; i < sk_X509_num(path); i++)
        for (int sent = 0; sent < sk_X509_num(question->helpers); sent++)
            if (sk_X509_value(path, i) == sk_X509_value(question->helpers, sent)) {
                top = sk_X509_value(path, i);
                answer->top = (unsigned)sent;
                answer->forged_issuer |= borrows_a_roots_name(trust, top);
            }
    answer->public_operator = is_public_operator(trust, X509_get_issuer_name(top));
}

/* No callback: one that goes on after a failure would have the signatures of unanchored chains
 * checked, at the attacker's choice of cost. The security level stays 0: weak keys and hashes are
 * facts, not errors. */
static struct answer ask(const struct trust_store *trust, X509_STORE *store,
                         const struct question *question, unsigned long flags)
{
    struct answer answer = { .code = X509_V_ERR_OUT_OF_MEM };
    X509_STORE_CTX *context = X509_STORE_CTX_new();
    bool only_the_path = (flags & X509_V_FLAG_NO_CHECK_TIME) != 0;
    if (context == NULL ||
        X509_STORE_CTX_init(context, store, question->leaf, question->helpers) != 1 ||
        (!only_the_path && X509_STORE_CTX_set_purpose(context, question->purpose) != 1))
        goto out;

    X509_VERIFY_PARAM *param = X509_STORE_CTX_get0_param(context);
    if (!only_the_path) /* a time that is set wins over the flag */
        X509_VERIFY_PARAM_set_time(param, (time_t)question->at_s);
    X509_VERIFY_PARAM_set_depth(param, 8);
    X509_VERIFY_PARAM_set_flags(param, flags);
    bool verified = X509_verify_cert(context) == 1;
    answer.code = X509_STORE_CTX_get_error(context);
    answer.depth = X509_STORE_CTX_get_error_depth(context);
    if (!verified && answer.code == X509_V_OK)
        answer.code = X509_V_ERR_UNSPECIFIED;
    if (verified) {
        STACK_OF(X509) *path = X509_STORE_CTX_get0_chain(context);
        X509 *anchor = sk_X509_value(path, sk_X509_num(path) - 1);
        answer.depth = 0;
        answer.extra = stack_has(trust->extra, anchor);
        answer.national = stack_has(trust->national, anchor);
    } else {
        look_at_path(trust, context, question, &answer);
    }
out:
    X509_STORE_CTX_free(context);
    return answer;
}

/* The path may well end in a trusted root. */
static bool is_not_about_the_path(int code)
{
    return code == X509_V_ERR_CERT_NOT_YET_VALID || code == X509_V_ERR_CERT_HAS_EXPIRED ||
           code == X509_V_ERR_INVALID_PURPOSE;
}

/* The public store speaks first; the operator's own intermediates are asked where it has no path.
 */
static struct answer ask_both(const struct trust_store *trust, const struct question *question,
                              unsigned long flags)
{
    struct answer answer = ask(trust, trust->all, question, flags);
    if (answer.code == X509_V_OK || is_not_about_the_path(answer.code) ||
        sk_X509_num(trust->extra) + sk_X509_num(trust->national) == 0)
        return answer;
    struct answer own = ask(trust, trust->own, question, flags | X509_V_FLAG_PARTIAL_CHAIN);
    return own.code == X509_V_OK || is_not_about_the_path(own.code) ? own : answer;
}

/* Narrows the interval to the side of the border on which the instant lies. A certificate is valid
 * from notBefore on and, to X509_verify_cert(), no longer at notAfter itself: both change the
 * answer at the border. */
static void narrow(struct verification *out, int64_t at_s, int64_t border_s)
{
    if (border_s <= at_s && border_s > out->valid_from_s)
        out->valid_from_s = border_s;
    if (border_s > at_s && border_s <= out->valid_until_s)
        out->valid_until_s = border_s - 1;
}

/* All dates count, also those of roots outside the path: another root of the same name that becomes
 * valid would be chosen instead. */
static void narrow_all(const struct trust_store *trust, const struct question *question,
                       struct verification *out)
{
    for (size_t i = 0; i < trust->border_count; i++)
        narrow(out, question->at_s, trust->borders[i]);
    int64_t border_s[2 * LIMIT_CHAIN_VERIFY_CERTIFICATES];
    size_t count = borders_add(border_s, 0, question->helpers);
    for (size_t i = 0; i < count; i++)
        narrow(out, question->at_s, border_s[i]);
}

static void verify(const struct trust_store *trust, const struct question *question,
                   struct verification *out)
{
    struct answer answer = ask_both(trust, question, 0);
    out->code = answer.code;
    out->depth = answer.depth;
    if (is_not_about_the_path(answer.code))
        answer = ask_both(trust, question, X509_V_FLAG_NO_CHECK_TIME);
    out->anchored = answer.code == X509_V_OK;
    out->anchor_extra = answer.extra;
    out->anchor_national = answer.national;
    out->top = answer.top;
    out->public_operator = answer.public_operator;
    out->forged_issuer = answer.forged_issuer;
    if (out->code == X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY && out->depth == 0 &&
        sk_X509_num(question->helpers) == 1)
        out->code = X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE;
    out->text = X509_verify_cert_error_string(out->code);
    narrow_all(trust, question, out);
}

void crypto_chain_verify(struct trust_store *store, const struct parsed_chain *chain, int64_t at_s,
                         bool as_client, struct verification *out)
{
    *out =
        (struct verification){ .code = -1, .valid_from_s = INT64_MIN, .valid_until_s = INT64_MAX };
    if (store == NULL || chain->count == 0 || chain->count > LIMIT_CHAIN_VERIFY_CERTIFICATES) {
        out->text = store == NULL       ? "no trust store"
                    : chain->count == 0 ? "no certificate"
                                        : "too many certificates";
        return;
    }
    if (!trust_store_prepare(store)) {
        out->text = "the trust store is broken";
        return;
    }

    struct question question = {
        .helpers = sk_X509_new_null(), /* the leaf is among them: OpenSSL skips it */
        .leaf = chain->all[0],
        .at_s = at_s,
        .purpose = as_client ? X509_PURPOSE_SSL_CLIENT : X509_PURPOSE_SSL_SERVER,
    };
    out->text = "out of memory";
    bool ok = question.helpers != NULL;
    for (size_t i = 0; ok && i < chain->count; i++) {
        X509 *x = chain->all[i];
        ok =
            x != NULL && key_in_range(X509_get0_pubkey(x)) && sk_X509_push(question.helpers, x) > 0;
        if (!ok) {
            out->depth = (int)i;
            out->text = x == NULL ? "certificate cannot be parsed" : "key out of range";
        }
    }
    if (ok)
        verify(store, &question, out);
    sk_X509_free(question.helpers);
    ERR_clear_error();
}
