/* SPDX-License-Identifier: Apache-2.0
 * anchor.c - where the path of a chain ends, from its verification and the facts of its
 * certificates.
 *
 * Names are claims: only what was verified counts as public. What is not is sorted by what it
 * claims, because a forgotten intermediate, a company's own authority and a stolen name need
 * different answers.
 */
#include "x509.h"

/* OpenSSL's X509_V_ERR_*: verification codes are numbers in our events, and keep their meaning. */
enum {
    NO_ISSUER = 2,
    SELF_SIGNED_LEAF = 18,
    SELF_SIGNED_AT_THE_TOP = 19,
    NO_ISSUER_HERE = 20,
    ONLY_A_LEAF = 21
};

static bool is_known_operator(struct text organization)
{
#define OPERATOR(name) { (name), sizeof(name) - 1 },
    static const struct text operators[] = {
#include "public_operators.def"
    };
    for (size_t i = 0; organization.len > 0 && i < sizeof operators / sizeof operators[0]; i++)
        if (text_same_nocase(organization, operators[i]))
            return true;
    return false;
}

/* Public authorities have put at least one of these into every certificate for many years. */
static bool has_marks(const struct certificate *leaf)
{
    const unsigned marks = CERTIFICATE_HAS_AIA_ISSUERS | CERTIFICATE_HAS_CRL_POINTS |
                           CERTIFICATE_HAS_POLICIES | CERTIFICATE_HAS_SCT;
    return (leaf->flags & marks) != 0;
}

enum session_anchor x509_chain_anchor(const struct x509_chain *chain,
                                      const struct verification *verification)
{
    int code = verification->code;
    if (chain == NULL)
        return ANCHOR_NOT_VISIBLE;
    if (code == -1 || chain->count == 0 || verification->top >= chain->count)
        return ANCHOR_NOT_VERIFIED;
    if (verification->anchored || code == 0)
        return verification->anchor_extra      ? ANCHOR_CONFIGURED
               : verification->anchor_national ? ANCHOR_NATIONAL
                                               : ANCHOR_PUBLIC;
    if (verification->forged_issuer)
        return ANCHOR_NAME_COLLISION;
    if (code == SELF_SIGNED_LEAF)
        return ANCHOR_SELF_SIGNED_LEAF;

    bool claims_public = verification->public_operator ||
                         is_known_operator(chain->certificates[verification->top].issuer_o);
    if (claims_public && (code == NO_ISSUER || code == NO_ISSUER_HERE || code == ONLY_A_LEAF))
        return ANCHOR_PUBLIC_INCOMPLETE;
    if (claims_public && code == SELF_SIGNED_AT_THE_TOP && !has_marks(&chain->certificates[0]))
        return ANCHOR_NAME_COLLISION;
    return ANCHOR_PRIVATE;
}
