/* SPDX-License-Identifier: Apache-2.0
 * keys.c - what the certificates are made of: keys, signatures, form (RFC 9325 section 4.5, 5280).
 */
#include <string.h>

#include "certificates.h"

enum { DECENT_RSA = 2048, BROKEN_RSA = 1024, TOY_RSA = 512, DECENT_EC = 224 };

static bool is(const char *text, const char *word) { return strcmp(text, word) == 0; }

/* --- keys --- */

struct weakness {
    const char *variant;
    enum starttap_severity severity;
};

static struct weakness weakness_of(const struct starttap_certificate *c)
{
    const struct weakness none = { 0 };
    bool too_small = is(c->key_type, "rsa") && c->key_bits < TOY_RSA;
    if (certificates_has(c, STARTTAP_CERT_KEY_OUT_OF_RANGE) && !too_small)
        return (struct weakness){ "unusual", STARTTAP_LOW };
    if (is(c->key_type, "rsa") && c->key_bits > 0 && c->key_bits < DECENT_RSA)
        return (struct weakness){ "rsa", c->key_bits <= TOY_RSA      ? STARTTAP_HIGH
                                         : c->key_bits <= BROKEN_RSA ? STARTTAP_MEDIUM
                                                                     : STARTTAP_LOW };
    if (is(c->key_type, "dsa"))
        return (struct weakness){ "dsa", STARTTAP_MEDIUM };
    if (is(c->key_type, "ec") && c->key_bits > 0 && c->key_bits < DECENT_EC)
        return (struct weakness){ "ec", STARTTAP_MEDIUM };
    if (certificates_has(c, STARTTAP_CERT_WEAK_EXPONENT))
        return (struct weakness){ "exponent", STARTTAP_LOW };
    return none;
}

/* As administrators write it. */
static const char *kind_of(const char *key_type)
{
    static const char *const kinds[][2] = { { "rsa", "RSA" }, { "ec", "EC" }, { "dsa", "DSA" } };
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (is(key_type, kinds[i][0]))
            return kinds[i][1];
    return key_type;
}

/* The server's own key, self-signed or not, else the first of those that vouch for it. */
void certificates_weak_key(const struct scene *at, struct starttap_draft *draft)
{
    for (size_t i = 0; i < at->chain->count; i++) {
        const struct starttap_certificate *c = &at->chain->certificates[i];
        if (!c->parsed || (i > 0 && !certificates_counts(c)))
            continue;
        struct weakness weakness = weakness_of(c);
        if (weakness.variant == NULL)
            continue;
        draft->finding.variant = weakness.variant;
        draft->finding.severity = certificates_severity(at, weakness.severity);
        certificates_tell(at, draft, i);
        starttap_draft_value(draft, "key", kind_of(c->key_type));
        starttap_draft_value(draft, "curve", c->key_curve);
        starttap_draft_number(draft, "bits", c->key_bits);
        starttap_draft_value(draft, "wanted", "RSA 2048 or P-256");
        starttap_draft_report(draft, at->core, at->session);
        return;
    }
}

/* --- signatures --- */

/* In 2017 clients began to refuse SHA-1; before, it was merely old. */
static enum starttap_severity severity_of(const struct scene *at, const char *hash)
{
    static const char *const broken[] = { "md5", "md4", "md2" };
    const int64_t year_2017_s = 1483228800;
    for (size_t i = 0; i < sizeof broken / sizeof broken[0]; i++)
        if (is(hash, broken[i]))
            return STARTTAP_HIGH;
    if (!is(hash, "sha1"))
        return STARTTAP_INFO;
    return at->at_s < year_2017_s ? STARTTAP_LOW : STARTTAP_MEDIUM;
}

/* What signs itself proves nothing by it, so its hash does not matter. */
void certificates_weak_sig(const struct scene *at, struct starttap_draft *draft)
{
    for (size_t i = 0; i < at->chain->count; i++) {
        const struct starttap_certificate *c = &at->chain->certificates[i];
        enum starttap_severity severity = severity_of(at, c->signature_hash);
        if (!certificates_counts(c) || severity == STARTTAP_INFO)
            continue;
        draft->finding.severity = certificates_severity(at, severity);
        certificates_tell(at, draft, i);
        starttap_draft_value(draft, "signature", c->signature);
        starttap_draft_value(draft, "hash", c->signature_hash);
        starttap_draft_report(draft, at->core, at->session);
        return;
    }
}

/* --- form --- */

/* clang-format off */
static const struct fault {
    enum starttap_certificate_flag flag;
    const char *variant;
    enum starttap_severity severity;
    bool self_made_too; /* worth saying of a certificate that signs itself */
} faults[] = {
    { STARTTAP_CERT_NAME_EMBEDDED_NUL, "nul", STARTTAP_HIGH, true },
    { STARTTAP_CERT_INVALID_EXTENSIONS, "extensions", STARTTAP_LOW, true },
    { STARTTAP_CERT_V1, "version", STARTTAP_LOW, false },
    { STARTTAP_CERT_SERIAL_ODD, "serial", STARTTAP_LOW, false },
};
/* clang-format on */

static void report_fault(const struct scene *at, const struct starttap_draft *draft,
                         const char *variant, enum starttap_severity severity)
{
    struct starttap_draft own = *draft;
    own.finding.key = own.finding.variant = variant;
    own.finding.severity = certificates_severity(at, severity);
    certificates_tell(at, &own, 0);
    starttap_draft_value(&own, "serial", at->leaf->serial);
    starttap_draft_number(&own, "version", at->leaf->version);
    starttap_draft_value(&own, "sha256", at->leaf->sha256);
    starttap_draft_report(&own, at->core, at->session);
}

void certificates_malformed(const struct scene *at, struct starttap_draft *draft)
{
    const struct starttap_certificate *leaf = at->leaf;
    if (!leaf->parsed) {
        report_fault(at, draft, "unreadable", STARTTAP_MEDIUM);
        return;
    }
    bool self_made = certificates_has(leaf, STARTTAP_CERT_SELF_ISSUED);
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++)
        if (certificates_has(leaf, faults[i].flag) && (!self_made || faults[i].self_made_too))
            report_fault(at, draft, faults[i].variant, faults[i].severity);
}
