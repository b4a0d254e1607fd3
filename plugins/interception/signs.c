/* SPDX-License-Identifier: Apache-2.0
 * signs.c - what one session shows of somebody between client and server. Each sign alone may be
 * honest; interception.c weighs them.
 */
#include <stdlib.h>
#include <string.h>

#include "interception.h"

enum { DAY = 86400 };

/* --- whose certificate --- */

static bool looks_like_a_host(const char *name)
{
    const char *dot = strchr(name, '.');
    size_t letters = 0;
    for (const char *c = name; *c != '\0'; c++)
        letters += (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z');
    return dot != NULL && dot[1] != '\0' && letters > 0 && strchr(name, ':') == NULL &&
           strchr(name, ' ') == NULL;
}

/* "FortiMail", "Fortinet" and fortinet.com: the first five letters tell. */
static bool names_the_vendor(const char *host, const char *vendor)
{
    enum { ENOUGH = 5 };
    if (strlen(vendor) < ENOUGH)
        return false;
    for (; *host != '\0'; host++) {
        size_t same = 0;
        while (same < ENOUGH && host[same] != '\0' && (host[same] | 0x20) == (vendor[same] | 0x20))
            same++;
        if (same == ENOUGH)
            return true;
    }
    return false;
}

/* The certificate is for a host, and that host is not the vendor's. */
static bool is_for_somebody_else(const struct starttap_certificate *leaf, const char *vendor)
{
    if (leaf->name_count == 0)
        return looks_like_a_host(leaf->subject_cn) && !names_the_vendor(leaf->subject_cn, vendor);
    for (size_t i = 0; i < leaf->name_count; i++)
        if (looks_like_a_host(leaf->names[i]) && !names_the_vendor(leaf->names[i], vendor))
            return true;
    return false;
}

static bool is_public(enum starttap_anchor anchor)
{
    return anchor == STARTTAP_ANCHOR_PUBLIC || anchor == STARTTAP_ANCHOR_NATIONAL;
}

/* Where nobody could check it, or the list of public authorities itself trusts it (products add
 * theirs to the system's list), a name must be beyond doubt. */
static bool name_counts(const struct product *product, enum starttap_anchor anchor)
{
    bool unchecked = is_public(anchor) || anchor == STARTTAP_ANCHOR_NOT_VERIFIED;
    return !unchecked || (product->low_risk && !product->from_memory && product->field != ISSUER_O);
}

static unsigned product_signs(const struct starttap_session *session, const struct signs *signs)
{
    const struct product *product = signs->product;
    const struct starttap_certificate *leaf = &session->chain->certificates[0];
    if (product == NULL)
        return 0;
    unsigned found = strstr(product->name, "upstream") != NULL ? S14 : 0;
    if (interception_is_key_or_hash(product))
        return found | S1;
    if (!name_counts(product, session->chain->anchor))
        return 0;
    bool own = (leaf->flags & STARTTAP_CERT_SELF_ISSUED) != 0 ||
               !is_for_somebody_else(leaf, product->vendor);
    if (own && interception_is_appliance(product))
        return S3;
    return found | S2;
}

/* --- a provider's host --- */

/* Gmail answers a client that names no server with a certificate that says so. */
static bool complains_about_no_name(const struct starttap_certificate *leaf)
{
    return strcmp(leaf->subject_cn, "invalid2.invalid") == 0 ||
           strstr(leaf->issuer_ou, "No SNI provided") != NULL;
}

static bool has_none_of_the_marks(const struct starttap_certificate *leaf)
{
    const unsigned marks = STARTTAP_CERT_HAS_SCT | STARTTAP_CERT_HAS_AIA_ISSUERS |
                           STARTTAP_CERT_HAS_CRL_POINTS | STARTTAP_CERT_HAS_POLICIES;
    return (leaf->flags & marks) == 0;
}

/* The path does not end where a large provider's must. One that only lacks an intermediate does not
 * count, unless nothing else speaks for it. */
static bool is_not_public(const struct starttap_chain *chain)
{
    switch (chain->anchor) {
    case STARTTAP_ANCHOR_PRIVATE:
    case STARTTAP_ANCHOR_SELF_SIGNED_LEAF:
    case STARTTAP_ANCHOR_NAME_COLLISION: return true;
    case STARTTAP_ANCHOR_PUBLIC_INCOMPLETE: return has_none_of_the_marks(&chain->certificates[0]);
    case STARTTAP_ANCHOR_NOT_VISIBLE:
    case STARTTAP_ANCHOR_NOT_VERIFIED:
    case STARTTAP_ANCHOR_PUBLIC:
    case STARTTAP_ANCHOR_NATIONAL:
    case STARTTAP_ANCHOR_CONFIGURED: break;
    }
    return false;
}

static void find_provider(const struct lists *lists, const struct starttap_session *session,
                          struct signs *signs)
{
    const struct starttap_chain *chain = session->chain;
    bool bridge = session->policy->loopback; /* Proton's and the like: meant to be there */
    if (bridge || !is_not_public(chain) || complains_about_no_name(&chain->certificates[0]))
        return;
    for (size_t i = 0; i < chain->name_count && signs->provider == NULL; i++) {
        const struct starttap_name *name = &chain->names[i];
        bool unheard = session->tls == NULL || session->tls->client_hello == NULL;
        if (name->source == STARTTAP_NAME_ADDRESS ||
            (name->source == STARTTAP_NAME_BANNER && unheard))
            continue; /* what the client asked for weighs more, and is missing */
        signs->provider = interception_provider(lists, name->name);
        signs->name = signs->provider == NULL ? NULL : name;
        signs->strong_name = name->source != STARTTAP_NAME_BANNER;
    }
}

/* --- how it was made --- */

/* Five days, fourteen, ninety and an hour, 199, or 1995 to 2055: seen of one product each. */
static bool has_odd_validity(const struct starttap_certificate *leaf)
{
    static const int64_t lengths_s[] = { INT64_C(5) * DAY, INT64_C(14) * DAY,
                                         INT64_C(90) * DAY + 3600, INT64_C(199) * DAY };
    if (leaf->not_before_s == INT64_MIN || leaf->not_after_s == INT64_MAX)
        return false;
    int64_t length_s = leaf->not_after_s - leaf->not_before_s;
    for (size_t i = 0; i < sizeof lengths_s / sizeof lengths_s[0]; i++)
        if (length_s == lengths_s[i])
            return true;
    return strncmp(leaf->not_before, "1995", 4) == 0 && strncmp(leaf->not_after, "2055", 4) == 0;
}

/* unix time * 10000 near the day it was made, as old mitmproxy and Selenium Wire number theirs. */
static bool has_clock_serial(const struct starttap_certificate *leaf)
{
    size_t digits = strlen(leaf->serial);
    if (digits < 11 || digits > 12 || leaf->not_before_s == INT64_MIN)
        return false;
    const int64_t near_s = INT64_C(4) * DAY;
    char *end;
    long long number = strtoll(leaf->serial, &end, 16);
    int64_t off_s = number / 10000 - leaf->not_before_s;
    return *end == '\0' && off_s > -near_s && off_s < near_s;
}

struct signs interception_signs_read(const struct lists *lists,
                                     const struct starttap_session *session)
{
    const struct starttap_chain *chain = session->chain;
    const struct starttap_certificate *leaf = &chain->certificates[0];
    struct signs signs = { 0 };
    signs.product = interception_product(lists, chain, &signs.where);
    signs.found = product_signs(session, &signs);
    if (signs.found == 0)
        signs.product = NULL;
    find_provider(lists, session, &signs);
    if (signs.provider != NULL)
        signs.found |= S4 | (has_none_of_the_marks(leaf) ? S12 : 0u);
    if ((signs.found & (S1 | S2 | S4)) != 0)
        signs.found |= (has_odd_validity(leaf) ? S11 : 0u) | (has_clock_serial(leaf) ? S13 : 0u);
    signs.outside = session->policy->sanctioned_problem[0] != '\0' ||
                    (session->policy->sanctioned[0] != '\0' && (signs.found & S14) != 0);
    return signs;
}
