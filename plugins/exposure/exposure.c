/* SPDX-License-Identifier: Apache-2.0
 * exposure.c - passwords, tokens, messages and scripts that crossed the wire readable, and what
 * invites them to.
 *
 * Everything here is about the dialogue outside TLS: that is all that the facts hold of logins and
 * messages. No secret reaches a detector; mechanisms, verbs, codes and counts do. RFC 4954, 5034,
 * 9051 section 6.2, 5804, 8314 section 4, 8689.
 */
#include "rules.h"

/* clang-format off */
static const struct rule {
    const char *id;
    exposure_rule *judge;
} rules[] = {
    { "auth.cleartext",                  exposure_login },
    { "auth.cleartext_offered",          exposure_offered },
    { "auth.login_despite_logindisabled", exposure_despite_disabled },
    { "auth.before_starttls",            exposure_before_starttls },
    { "auth.result",                     exposure_result },
    { "auth.bruteforce_cleartext",       exposure_bruteforce },
    { "mail.content_cleartext",          exposure_content },
    { "mail.metadata_cleartext",         exposure_metadata },
    { "sieve.script_cleartext",          exposure_script },
    { "policy.requiretls_cleartext",     exposure_requiretls },
};

static const char *const ids[] = {
    "auth.cleartext",
    "auth.cleartext_offered",
    "auth.login_despite_logindisabled",
    "auth.before_starttls",
    "auth.result",
    "auth.bruteforce_cleartext",
    "mail.content_cleartext",
    "mail.metadata_cleartext",
    "sieve.script_cleartext",
    "policy.requiretls_cleartext",
    NULL,
};
/* clang-format on */

static void judge(void *state, const void *prepared, const struct starttap_session *session,
                  const struct starttap_core *core)
{
    (void)state;
    (void)prepared;
    if (session->mail == NULL)
        return;
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++)
        rules[i].judge(rules[i].id, session, core);
}

STARTTAP_EXPORT(exposure)
{
    static const struct starttap_detector detector = {
        .abi = STARTTAP_PLUGIN_ABI,
        .size = sizeof detector,
        .name = "exposure",
        .scope = STARTTAP_SCOPE_SESSION,
        .rules = ids,
        .judge = judge,
    };
    return &detector;
}
