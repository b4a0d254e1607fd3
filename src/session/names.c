/* SPDX-License-Identifier: Apache-2.0
 * names.c - the words that stand in events for the session's enums.
 */
#include "session.h"

const char *session_role_name(enum session_role role)
{
    static const char *const names[ROLE_COUNT] = {
        [ROLE_OTHER] = "other",   [ROLE_MX] = "mx",       [ROLE_SUBMISSION] = "submission",
        [ROLE_ACCESS] = "access", [ROLE_SIEVE] = "sieve", [ROLE_LMTP] = "lmtp",
    };
    return names[role];
}

const char *session_mode_name(enum session_mode mode)
{
    static const char *const names[MODE_COUNT] = {
        [MODE_PLAINTEXT] = "plaintext", [MODE_STARTTLS] = "starttls", [MODE_IMPLICIT] = "implicit",
        [MODE_MIXED] = "mixed",         [MODE_OPAQUE] = "opaque",     [MODE_FOREIGN] = "foreign",
    };
    return names[mode];
}

const char *session_verdict_name(enum session_verdict verdict)
{
    static const char *const names[VERDICT_COUNT] = {
        [VERDICT_PROTECTED] = "protected", [VERDICT_WEAK] = "weak",
        [VERDICT_EXPOSED] = "exposed",     [VERDICT_TAMPERED] = "tampered",
        [VERDICT_FAILED] = "failed",       [VERDICT_UNKNOWN] = "unknown",
    };
    return names[verdict];
}

const char *session_outcome_name(enum session_outcome outcome)
{
    static const char *const names[] = {
        [OUTCOME_SUCCESS] = "success",
        [OUTCOME_FAILURE] = "failure",
        [OUTCOME_UNKNOWN] = "unknown",
    };
    return names[outcome];
}

const char *session_anchor_name(enum session_anchor anchor)
{
    static const char *const names[ANCHOR_COUNT] = {
        [ANCHOR_NOT_VISIBLE] = "not_visible",
        [ANCHOR_NOT_VERIFIED] = "not_verified",
        [ANCHOR_PUBLIC] = "public",
        [ANCHOR_PUBLIC_INCOMPLETE] = "public_incomplete",
        [ANCHOR_NATIONAL] = "national",
        [ANCHOR_CONFIGURED] = "configured",
        [ANCHOR_PRIVATE] = "private",
        [ANCHOR_SELF_SIGNED_LEAF] = "self_signed_leaf",
        [ANCHOR_NAME_COLLISION] = "name_collision",
    };
    return names[anchor];
}

const char *session_reason_name(unsigned index)
{
    static const char *const names[REASON_COUNT] = {
        "client_missing", "server_missing", "midstream", "gap",
        "truncated",      "capture_ended",  "evicted",   "certificates_encrypted",
        "resumed",        "compressed",     "tls_lost",  "limit",
        "guessed_sides",  "file_border",
    };
    return names[index];
}
