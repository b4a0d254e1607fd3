/* SPDX-License-Identifier: Apache-2.0
 * trust.c - rows 12 and 13 of the decision table: nobody stands between, as far as anybody can see,
 * and still no client can tell so, because it does not know the authority.
 */
#include <string.h>

#include "interception.h"

enum {
    SURE = 99,
    BY_NAME = 50,
    DOUBTFUL = 50,
    SELF_SIGNED_AT_THE_TOP = 19,
    NO_ISSUER_HERE = 20,
    ONLY_A_LEAF = 21
};

static bool has(const struct scene *at, enum starttap_certificate_flag flag)
{
    return (at->leaf->flags & (unsigned)flag) != 0;
}

static void tell_sent(const struct scene *at, struct starttap_draft *draft)
{
    const char *subjects[4];
    size_t count = 0;
    for (size_t i = 0; i < at->chain->count && count < 4; i++)
        if (at->chain->certificates[i].parsed)
            subjects[count++] = at->chain->certificates[i].subject;
    starttap_draft_number(draft, "sent", at->chain->count);
    starttap_draft_list(draft, "chain", subjects, count);
}

void interception_judge_self_signed(const struct scene *at, struct starttap_draft *draft)
{
    /* Gmail, asked without a name. */
    bool wants_a_name = strstr(at->leaf->issuer_ou, "No SNI provided") != NULL;
    draft->finding.variant = wants_a_name ? "no_sni" : NULL;
    draft->finding.severity =
        starttap_severity_for(at->session, wants_a_name ? STARTTAP_LOW : STARTTAP_MEDIUM, -1);
    draft->finding.confidence = SURE;
    interception_tell_certificate(at, draft);
    tell_sent(at, draft);
    starttap_draft_value(draft, "sha256", at->leaf->sha256);
    starttap_draft_report(draft, at->core, at->session);
}

static const struct starttap_certificate *last_of_path(const struct scene *at)
{
    const struct starttap_certificate *last = at->leaf;
    for (size_t i = 1; i < at->chain->count; i++) {
        const struct starttap_certificate *c = &at->chain->certificates[i];
        const unsigned aside = STARTTAP_CERT_UNUSED | STARTTAP_CERT_REPEATED;
        if (c->parsed && (c->flags & aside) == 0)
            last = c;
    }
    return last;
}

/* As public authorities mark theirs, and private ones seldom: then it may be our list of
 * authorities that is too old, or too new for an old capture. */
static bool is_marked(const struct scene *at)
{
    return has(at, STARTTAP_CERT_HAS_SCT) ||
           (has(at, STARTTAP_CERT_HAS_POLICIES) &&
            (has(at, STARTTAP_CERT_HAS_CRL_POINTS) || has(at, STARTTAP_CERT_HAS_AIA_ISSUERS)));
}

/* What a client lacks: the authority itself, or only the way to it. */
static const char *kind_of(const struct scene *at)
{
    int code = at->chain->verify_code;
    if (at->chain->anchor == STARTTAP_ANCHOR_NAME_COLLISION)
        return "name_collision";
    if (is_marked(at))
        return "other_list";
    if (code == SELF_SIGNED_AT_THE_TOP)
        return "root_sent";
    if (code == NO_ISSUER_HERE || code == ONLY_A_LEAF)
        return NULL;
    return "broken";
}

void interception_judge_untrusted(const struct scene *at, struct starttap_draft *draft)
{
    const struct starttap_certificate *last = last_of_path(at);
    draft->finding.variant = kind_of(at);
    bool doubtful =
        draft->finding.variant != NULL && strcmp(draft->finding.variant, "other_list") == 0;
    draft->finding.severity =
        starttap_severity_for(at->session, doubtful ? STARTTAP_LOW : STARTTAP_MEDIUM, -1);
    draft->finding.confidence = doubtful ? DOUBTFUL : SURE;
    interception_tell_certificate(at, draft);
    tell_sent(at, draft);
    starttap_draft_value(draft, "missing", last->issuer);
    starttap_draft_report(draft, at->core, at->session);
}

void interception_judge_national(const struct scene *at, struct starttap_draft *draft)
{
    const struct product *product = at->signs->product;
    bool anchored = at->chain->anchor == STARTTAP_ANCHOR_NATIONAL;
    bool named = product != NULL && product->risky && strcmp(product->category, "state") == 0;
    if (!anchored && !named)
        return;
    draft->finding.severity = STARTTAP_INFO;
    draft->finding.confidence = anchored ? SURE : BY_NAME;
    draft->finding.variant = anchored ? NULL : "by_name";
    interception_tell_certificate(at, draft);
    if (named) {
        starttap_draft_value(draft, "list_row", product->id);
        starttap_draft_value(draft, "list_version", at->lists->version);
    }
    starttap_draft_report(draft, at->core, at->session);
}
