/* SPDX-License-Identifier: Apache-2.0
 * facts_chain.c - the certificates of the facts.
 */
#include "facts_parts.h"

#define SAME(ours, theirs)                                                                         \
    _Static_assert((int)(ours) == (int)(theirs), "plugin.h and the stage differ")
SAME(CERTIFICATE_SELF_ISSUED, STARTTAP_CERT_SELF_ISSUED);
SAME(CERTIFICATE_SELF_SIGNED, STARTTAP_CERT_SELF_SIGNED);
SAME(CERTIFICATE_CA, STARTTAP_CERT_CA);
SAME(CERTIFICATE_V1, STARTTAP_CERT_V1);
SAME(CERTIFICATE_INVALID_EXTENSIONS, STARTTAP_CERT_INVALID_EXTENSIONS);
SAME(CERTIFICATE_KEY_OUT_OF_RANGE, STARTTAP_CERT_KEY_OUT_OF_RANGE);
SAME(CERTIFICATE_NAME_EMBEDDED_NUL, STARTTAP_CERT_NAME_EMBEDDED_NUL);
SAME(CERTIFICATE_NO_SERVER_AUTH, STARTTAP_CERT_NO_SERVER_AUTH);
SAME(CERTIFICATE_MUST_STAPLE, STARTTAP_CERT_MUST_STAPLE);
SAME(CERTIFICATE_HAS_SCT, STARTTAP_CERT_HAS_SCT);
SAME(CERTIFICATE_HAS_AIA_ISSUERS, STARTTAP_CERT_HAS_AIA_ISSUERS);
SAME(CERTIFICATE_SERIAL_ODD, STARTTAP_CERT_SERIAL_ODD);
SAME(CERTIFICATE_NAMES_CUT, STARTTAP_CERT_NAMES_CUT);
SAME(CERTIFICATE_HAS_CRL_POINTS, STARTTAP_CERT_HAS_CRL_POINTS);
SAME(CERTIFICATE_HAS_POLICIES, STARTTAP_CERT_HAS_POLICIES);
SAME(CERTIFICATE_UNUSED, STARTTAP_CERT_UNUSED);
SAME(CERTIFICATE_REPEATED, STARTTAP_CERT_REPEATED);
SAME(CERTIFICATE_WEAK_EXPONENT, STARTTAP_CERT_WEAK_EXPONENT);
SAME(ANCHOR_NOT_VISIBLE, STARTTAP_ANCHOR_NOT_VISIBLE);
SAME(ANCHOR_NOT_VERIFIED, STARTTAP_ANCHOR_NOT_VERIFIED);
SAME(ANCHOR_PUBLIC, STARTTAP_ANCHOR_PUBLIC);
SAME(ANCHOR_PUBLIC_INCOMPLETE, STARTTAP_ANCHOR_PUBLIC_INCOMPLETE);
SAME(ANCHOR_NATIONAL, STARTTAP_ANCHOR_NATIONAL);
SAME(ANCHOR_CONFIGURED, STARTTAP_ANCHOR_CONFIGURED);
SAME(ANCHOR_PRIVATE, STARTTAP_ANCHOR_PRIVATE);
SAME(ANCHOR_SELF_SIGNED_LEAF, STARTTAP_ANCHOR_SELF_SIGNED_LEAF);
SAME(ANCHOR_NAME_COLLISION, STARTTAP_ANCHOR_NAME_COLLISION);
SAME(NAME_SNI, STARTTAP_NAME_SNI);
SAME(NAME_CONFIGURED, STARTTAP_NAME_CONFIGURED);
SAME(NAME_DNS, STARTTAP_NAME_DNS);
SAME(NAME_BANNER, STARTTAP_NAME_BANNER);
SAME(NAME_ADDRESS, STARTTAP_NAME_ADDRESS);
SAME(NAME_DIFFERS, STARTTAP_NAME_DIFFERS);
SAME(NAME_MATCHES, STARTTAP_NAME_MATCHES);
SAME(NAME_ONLY_IN_CN, STARTTAP_NAME_ONLY_IN_CN);

static struct starttap_certificate certificate_of(struct arena *arena, const struct certificate *c)
{
    const char **names = facts_alloc(arena, c->name_count * sizeof *names);
    struct starttap_certificate out = {
        .parsed = c->parsed,
        .sha256 = facts_hex(arena, c->sha256, SHA256_SIZE),
        .spki_sha256 = c->parsed ? facts_hex(arena, c->spki_sha256, SHA256_SIZE) : "",
        .subject = facts_text(arena, c->subject),
        .issuer = facts_text(arena, c->issuer),
        .subject_cn = facts_text(arena, c->subject_cn),
        .subject_o = facts_text(arena, c->subject_o),
        .issuer_cn = facts_text(arena, c->issuer_cn),
        .issuer_o = facts_text(arena, c->issuer_o),
        .issuer_ou = facts_text(arena, c->issuer_ou),
        .serial = facts_text(arena, c->serial),
        .not_before_s = c->not_before_s,
        .not_after_s = c->not_after_s,
        .not_before = facts_text(arena, c->not_before),
        .not_after = facts_text(arena, c->not_after),
        .version = c->version,
        .key_type = facts_text(arena, c->key_type),
        .key_curve = facts_text(arena, c->key_curve),
        .key_bits = c->key_bits,
        .signature = facts_text(arena, c->signature),
        .signature_hash = facts_text(arena, c->signature_hash),
        .names = names,
        .flags = c->flags,
    };
    for (size_t i = 0; names != NULL && i < c->name_count; i++, out.name_count++)
        names[i] = facts_text(arena, c->names[i]);
    return out;
}

static struct starttap_chain *chain_of(struct arena *arena, const struct x509_chain *chain)
{
    struct starttap_chain *out = facts_alloc(arena, sizeof *out);
    struct starttap_certificate *list = facts_alloc(arena, chain->count * sizeof *list);
    if (out == NULL || list == NULL)
        return NULL;
    for (size_t i = 0; i < chain->count; i++)
        list[i] = certificate_of(arena, &chain->certificates[i]);
    *out = (struct starttap_chain){
        .certificates = list,
        .count = chain->count,
        .order_ok = chain->order_ok,
        .refused = chain->refused,
        .verify_code = -1,
        .verify_text = "",
    };
    return out;
}

static void add_names(struct arena *arena, const struct session_record *r,
                      struct starttap_chain *out)
{
    struct starttap_name *names = facts_alloc(arena, r->name_count * sizeof *names);
    for (size_t i = 0; names != NULL && i < r->name_count; i++)
        names[i] = (struct starttap_name){
            .source = (enum starttap_name_source)r->names[i].source,
            .name = facts_text(arena, r->names[i].name),
            .match = (enum starttap_name_match)r->names[i].match,
        };
    out->names = names;
    out->name_count = names == NULL ? 0 : r->name_count;
}

const struct starttap_chain *facts_chain(struct arena *arena, const struct session_record *r)
{
    struct starttap_chain *out = chain_of(arena, r->chain);
    if (out == NULL)
        return NULL;
    out->anchor = (enum starttap_anchor)r->anchor;
    out->verify_code = r->verification.code;
    out->verify_depth = r->verification.depth;
    out->verify_text = facts_text(arena, text_of(r->verification.text));
    add_names(arena, r, out);
    out->where = facts_mark(r->tls->server_chain.where);
    return out;
}

const struct starttap_chain *facts_client_chain(struct arena *arena, const struct session_record *r)
{
    struct starttap_chain *out = chain_of(arena, r->client_chain);
    if (out != NULL)
        out->where = facts_mark(r->tls->client_chain.where);
    return out;
}
