/* SPDX-License-Identifier: Apache-2.0
 * chain.c - which certificates were sent and in what order (RFC 5246 section 7.4.2), and what they
 * may be used for.
 */
#include <string.h>

#include "certificates.h"

enum {
    NO_ISSUER_HERE = 20,
    ONLY_A_LEAF = 21,
    STATUS_REQUEST = 5,
    LIKELY = 90,
    MAYBE = 60,
    EVEN = 50
};

static void tell_chain(const struct scene *at, struct starttap_draft *draft)
{
    const char *subjects[6];
    size_t count = 0;
    for (size_t i = 0; i < at->chain->count && count < 6; i++)
        subjects[count++] =
            at->chain->certificates[i].parsed ? at->chain->certificates[i].subject : "(unreadable)";
    starttap_draft_number(draft, "sent", at->chain->count);
    starttap_draft_list(draft, "chain", subjects, count);
}

static const struct starttap_certificate *last_of_path(const struct scene *at)
{
    const struct starttap_certificate *last = at->leaf;
    for (size_t i = 0; i < at->chain->count; i++)
        if (certificates_counts(&at->chain->certificates[i]))
            last = &at->chain->certificates[i];
    return last;
}

static bool is_marked(const struct starttap_certificate *leaf)
{
    const unsigned marks = STARTTAP_CERT_HAS_SCT | STARTTAP_CERT_HAS_AIA_ISSUERS |
                           STARTTAP_CERT_HAS_CRL_POINTS | STARTTAP_CERT_HAS_POLICIES;
    return (leaf->flags & marks) != 0;
}

/* Where only the server's own was sent, its issuer is missing. Behind an intermediate it may as
 * well be the root that our list does not have (any more, or yet). An unknown authority's
 * certificate may say where its issuer's is to be had: then it may be no more than that, but most
 * likely is. */
static const char *gap_of(const struct scene *at, const struct starttap_certificate *last)
{
    if (at->chain->anchor != STARTTAP_ANCHOR_PUBLIC_INCOMPLETE)
        return "unknown_issuer";
    if (last != at->leaf)
        return "or_root";
    return is_marked(at->leaf) ? NULL : "unmarked";
}

void certificates_incomplete(const struct scene *at, struct starttap_draft *draft)
{
    const struct starttap_certificate *last = last_of_path(at);
    bool claims = at->chain->anchor == STARTTAP_ANCHOR_PUBLIC_INCOMPLETE;
    bool open_end =
        at->chain->verify_code == NO_ISSUER_HERE || at->chain->verify_code == ONLY_A_LEAF;
    bool fetchable = certificates_has(last, STARTTAP_CERT_HAS_AIA_ISSUERS);
    if (!claims && !(at->chain->anchor == STARTTAP_ANCHOR_PRIVATE && open_end && fetchable))
        return;
    draft->finding.variant = gap_of(at, last);
    draft->finding.severity =
        !claims ? certificates_severity(at, last == at->leaf ? STARTTAP_LOW : STARTTAP_INFO)
                : certificates_severity(at, last == at->leaf ? STARTTAP_MEDIUM : STARTTAP_LOW);
    draft->finding.confidence = last != at->leaf ? EVEN : fetchable ? LIKELY : MAYBE;
    certificates_tell(at, draft, 0);
    tell_chain(at, draft);
    starttap_draft_value(draft, "missing", last->issuer);
    starttap_draft_report(draft, at->core, at->session);
}

/* By names, among those that belong to the path: what does not is told by the next rule. */
void certificates_order(const struct scene *at, struct starttap_draft *draft)
{
    const struct starttap_certificate *before = NULL;
    bool in_order = true;
    if (at->chain->order_ok)
        return;
    for (size_t i = 0; i < at->chain->count; i++) {
        const struct starttap_certificate *c = &at->chain->certificates[i];
        if (!c->parsed || certificates_has(c, STARTTAP_CERT_UNUSED) ||
            certificates_has(c, STARTTAP_CERT_REPEATED))
            continue;
        in_order = in_order && (before == NULL || strcmp(before->issuer, c->subject) == 0);
        before = c;
    }
    if (in_order)
        return;
    draft->finding.severity = certificates_severity(at, STARTTAP_LOW);
    certificates_tell(at, draft, 0);
    tell_chain(at, draft);
    starttap_draft_report(draft, at->core, at->session);
}

void certificates_extra(const struct scene *at, struct starttap_draft *draft)
{
    const char *extra[6];
    size_t count = 0, repeated = 0;
    for (size_t i = 1; i < at->chain->count && count < 6; i++) {
        const struct starttap_certificate *c = &at->chain->certificates[i];
        if (certificates_has(c, STARTTAP_CERT_REPEATED))
            repeated++;
        else if (!c->parsed || !certificates_has(c, STARTTAP_CERT_UNUSED))
            continue;
        extra[count++] = c->subject;
    }
    if (count == 0)
        return;
    draft->finding.variant = repeated == count ? "repeated" : NULL;
    draft->finding.severity = STARTTAP_INFO;
    certificates_tell(at, draft, 0);
    tell_chain(at, draft);
    starttap_draft_list(draft, "extra", extra, count);
    starttap_draft_report(draft, at->core, at->session);
}

static bool asked_for_status(const struct starttap_client_hello *hello)
{
    for (size_t i = 0; hello != NULL && i < hello->extensions.count; i++)
        if (hello->extensions.at[i] == STATUS_REQUEST)
            return true;
    return false;
}

/* The answer comes before ServerHelloDone (RFC 6066 section 8), so that its absence is certain. */
void certificates_must_staple(const struct scene *at, struct starttap_draft *draft)
{
    const struct starttap_tls *tls = at->session->tls;
    if (!at->leaf->parsed || !certificates_has(at->leaf, STARTTAP_CERT_MUST_STAPLE) ||
        tls == NULL || !asked_for_status(tls->client_hello) || !tls->server_hello_done ||
        tls->ocsp_staple || tls->lost[STARTTAP_SERVER])
        return;
    draft->finding.severity = certificates_severity(at, STARTTAP_MEDIUM);
    certificates_tell(at, draft, 0);
    starttap_draft_value(draft, "wanted", "status_request");
    starttap_draft_report(draft, at->core, at->session);
}

/* An authority's own certificate is normal where it is self-signed: tools make them so. */
void certificates_not_for_servers(const struct scene *at, struct starttap_draft *draft)
{
    const struct starttap_certificate *leaf = at->leaf;
    bool usage = certificates_has(leaf, STARTTAP_CERT_NO_SERVER_AUTH);
    bool authority = certificates_has(leaf, STARTTAP_CERT_CA) &&
                     !certificates_has(leaf, STARTTAP_CERT_SELF_ISSUED);
    if (!leaf->parsed || (!usage && !authority))
        return;
    draft->finding.variant = usage ? NULL : "authority";
    draft->finding.severity = certificates_severity(at, usage ? STARTTAP_MEDIUM : STARTTAP_LOW);
    certificates_tell(at, draft, 0);
    if (usage)
        starttap_draft_value(draft, "lacks", "serverAuth");
    starttap_draft_report(draft, at->core, at->session);
}
