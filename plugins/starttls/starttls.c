/* SPDX-License-Identifier: Apache-2.0
 * starttls.c - the life of STARTTLS and STLS in one session: offered, used, refused, failed, left.
 *
 * Judged by what this session shows alone. Whether a missing offer was taken away, and whether a
 * failure was followed by clear text in another connection, needs neighbours and is not judged
 * here. RFC 3207, 2595, 9051 section 6.2.1, 5804 section 2.2.
 */
#include "rules.h"

/* clang-format off */
static const struct rule {
    const char *id;
    starttls_rule *holds;
} rules[] = {
    { "starttls.upgraded",                      starttls_upgraded },
    { "starttls.not_offered",                   starttls_not_offered },
    { "starttls.offered_not_used",              starttls_offered_not_used },
    { "starttls.accepted_unadvertised",         starttls_accepted_unadvertised },
    { "starttls.offer_malformed",               starttls_offer_malformed },
    { "starttls.required_by_server",            starttls_required_by_server },
    { "starttls.helo_only",                     starttls_helo_only },
    { "starttls.refused",                       starttls_refused },
    { "starttls.handshake_failed",              starttls_handshake_failed },
    { "starttls.client_aborted",                starttls_client_aborted },
    { "starttls.server_closed",                 starttls_server_closed },
    { "starttls.plaintext_reply_to_clienthello", starttls_plaintext_reply },
    { "starttls.plaintext_after_accept",        starttls_plaintext_after_accept },
    { "starttls.pipelined",                     starttls_pipelined },
    { "tls.client_left_after_handshake",        starttls_client_left },
};

static const char *const ids[] = {
    "starttls.upgraded",
    "starttls.not_offered",
    "starttls.offered_not_used",
    "starttls.accepted_unadvertised",
    "starttls.offer_malformed",
    "starttls.required_by_server",
    "starttls.helo_only",
    "starttls.refused",
    "starttls.handshake_failed",
    "starttls.client_aborted",
    "starttls.server_closed",
    "starttls.plaintext_reply_to_clienthello",
    "starttls.plaintext_after_accept",
    "starttls.pipelined",
    "tls.client_left_after_handshake",
    NULL,
};
/* clang-format on */

static void judge(void *state, const void *prepared, const struct starttap_session *session,
                  const struct starttap_core *core)
{
    (void)state;
    (void)prepared;
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++) {
        struct starttap_draft draft = { .finding = { .rule = rules[i].id, .confidence = SURE } };
        if (rules[i].holds(session, core, &draft))
            starttap_draft_report(&draft, core, session);
    }
}

STARTTAP_EXPORT(starttls)
{
    static const struct starttap_detector detector = {
        .abi = STARTTAP_PLUGIN_ABI,
        .size = sizeof detector,
        .name = "starttls",
        .scope = STARTTAP_SCOPE_SESSION,
        .rules = ids,
        .judge = judge,
    };
    return &detector;
}
