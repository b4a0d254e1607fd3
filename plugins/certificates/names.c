/* SPDX-License-Identifier: Apache-2.0
 * names.c - is it the certificate of the server that the client wanted? RFC 9525 section 6, 7817
 * (mail), 8314 section 4.
 *
 * What the client wanted is known for certain only when it said so (SNI) or the operator did. What
 * the server calls itself is its own claim and worth a remark at most.
 */
#include "certificates.h"

enum { SURE = 99, GUESS = 50, LIKELY = 80, BAD_CERTIFICATE = 42, CERTIFICATE_UNKNOWN = 46 };

static const char *source_of(const struct starttap_name *name)
{
    static const char *const words[] = {
        [STARTTAP_NAME_SNI] = "the client asked for it by name (SNI)",
        [STARTTAP_NAME_CONFIGURED] = "the configuration of this sensor says so",
        [STARTTAP_NAME_DNS] = "a DNS answer seen earlier said so",
        [STARTTAP_NAME_BANNER] = "the server's greeting says so",
        [STARTTAP_NAME_ADDRESS] = "the address of the server",
    };
    return words[name->source];
}

static const struct starttap_name *first_of(const struct scene *at,
                                            enum starttap_name_source source)
{
    for (size_t i = 0; i < at->chain->name_count; i++)
        if (at->chain->names[i].source == source)
            return &at->chain->names[i];
    return NULL;
}

/* Of several names that the operator gave, one that is there will do. */
static const struct starttap_name *best_of(const struct scene *at, enum starttap_name_source source)
{
    const struct starttap_name *best = NULL;
    for (size_t i = 0; i < at->chain->name_count; i++) {
        const struct starttap_name *name = &at->chain->names[i];
        if (name->source == source && (best == NULL || best->match == STARTTAP_NAME_DIFFERS))
            best = name;
    }
    return best;
}

/* The name by which the certificate is to be judged, the weightiest there is. */
static const struct starttap_name *reference(const struct scene *at)
{
    static const enum starttap_name_source order[] = {
        STARTTAP_NAME_SNI,
        STARTTAP_NAME_CONFIGURED,
        STARTTAP_NAME_DNS,
    };
    for (size_t i = 0; i < sizeof order / sizeof order[0]; i++) {
        const struct starttap_name *name = best_of(at, order[i]);
        if (name != NULL)
            return name;
    }
    return NULL;
}

static const char *refusal_of(const struct scene *at)
{
    const struct starttap_tls *tls = at->session->tls;
    for (size_t i = 0; tls != NULL && i < tls->alert_count; i++)
        if (tls->alerts[i].side == STARTTAP_CLIENT && !tls->alerts[i].encrypted &&
            (tls->alerts[i].code == BAD_CERTIFICATE || tls->alerts[i].code == CERTIFICATE_UNKNOWN))
            return at->core->alert_name(tls->alerts[i].code);
    return "";
}

static bool was_refused(const struct scene *at) { return refusal_of(at)[0] != '\0'; }

static void report(const struct scene *at, struct starttap_draft *draft,
                   const struct starttap_name *name)
{
    const struct starttap_certificate *leaf = at->leaf;
    certificates_tell(at, draft, 0);
    starttap_draft_value(draft, "asked", name->name);
    starttap_draft_value(draft, "asked_source", source_of(name));
    if (leaf->name_count > 0)
        starttap_draft_list(draft, "names", leaf->names,
                            leaf->name_count < 8 ? leaf->name_count : 8);
    else
        starttap_draft_value(draft, "names",
                             leaf->subject_cn[0] != '\0' ? leaf->subject_cn : "(none)");
    if (was_refused(at))
        starttap_draft_value(draft, "refused", refusal_of(at));
    starttap_draft_report(draft, at->core, at->session);
}

/* A client that knows extensions sends a name, unless it was told an address. */
static bool was_told_an_address(const struct scene *at)
{
    const struct starttap_session *s = at->session;
    const struct starttap_client_hello *hello = s->tls == NULL ? NULL : s->tls->client_hello;
    bool for_users = s->role == STARTTAP_ROLE_ACCESS || s->role == STARTTAP_ROLE_SUBMISSION ||
                     s->role == STARTTAP_ROLE_SIEVE;
    return for_users && hello != NULL && !hello->server_name_sent &&
           (hello->extensions.count > 0 || was_refused(at));
}

/* What the client asked for may be in bytes that are missing, or be encrypted. */
static bool is_known_what_it_asked_for(const struct scene *at)
{
    const struct starttap_tls *tls = at->session->tls;
    return tls != NULL && tls->client_hello != NULL && !tls->client_hello->ech;
}

void certificates_name_mismatch(const struct scene *at, struct starttap_draft *draft)
{
    if (!is_known_what_it_asked_for(at))
        return;
    const struct starttap_name *name = reference(at),
                               *address = first_of(at, STARTTAP_NAME_ADDRESS),
                               *banner = first_of(at, STARTTAP_NAME_BANNER);
    if (name != NULL) {
        if (name->match != STARTTAP_NAME_DIFFERS)
            return;
        draft->finding.severity = starttap_opportunistic(at->session)
                                      ? STARTTAP_INFO
                                      : certificates_severity(at, STARTTAP_MEDIUM);
        draft->finding.confidence = SURE;
        report(at, draft, name);
    } else if (was_told_an_address(at) && address != NULL &&
               address->match == STARTTAP_NAME_DIFFERS) {
        draft->finding.variant = "ip_reference";
        draft->finding.severity = was_refused(at) ? STARTTAP_LOW : STARTTAP_INFO;
        draft->finding.confidence = was_refused(at) ? LIKELY : GUESS;
        report(at, draft, address);
    } else if (banner != NULL && banner->match == STARTTAP_NAME_DIFFERS) {
        draft->finding.variant = "banner";
        draft->finding.severity = STARTTAP_INFO;
        draft->finding.confidence = GUESS;
        report(at, draft, banner);
    }
}

void certificates_name_cn_only(const struct scene *at, struct starttap_draft *draft)
{
    const struct starttap_name *name = reference(at);
    if (!is_known_what_it_asked_for(at) || name == NULL || name->match != STARTTAP_NAME_ONLY_IN_CN)
        return;
    draft->finding.severity = certificates_severity(at, STARTTAP_LOW);
    report(at, draft, name);
}
