/* SPDX-License-Identifier: Apache-2.0
 * certificates.c - judges the certificates that a server sends in clear: dates, names, the chain,
 * keys, form. Who issued them is judged by plugins/interception.
 *
 * RFC 5280, 9525 (names), 9325 section 4.5 (keys), 7633 (must-staple), CA/Browser Forum Baseline
 * Requirements (validity). All of it at the time of the packet. Never with TLS 1.3 or resumption:
 * there are no certificates to be seen then.
 */
#include "certificates.h"

enum { CERTAIN = 99 };

void certificates_tell_which(struct starttap_draft *draft, size_t number)
{
    static const char *const words[] = { "the server's certificate", "certificate 2 of the chain",
                                         "certificate 3 of the chain",
                                         "certificate 4 of the chain" };
    const size_t known = sizeof words / sizeof words[0];
    starttap_draft_value(draft, "which",
                         number < known ? words[number] : "a certificate of the chain");
}

static void tell(const struct scene *at, struct starttap_draft *draft, size_t number, int code,
                 const char *verify)
{
    const struct starttap_certificate *c = &at->chain->certificates[number];
    const char *subject = c->subject[0] != '\0' ? c->subject : "(empty)";
    certificates_tell_which(draft, number);
    starttap_draft_value(draft, "subject", subject);
    starttap_draft_value(draft, "issuer", c->issuer[0] != '\0' ? c->issuer : "(empty)");
    if (code > 0) {
        starttap_draft_number(draft, "code", (uint64_t)code);
        starttap_draft_value(draft, "verify", verify);
    }
    starttap_draft_evidence(draft, (struct starttap_evidence){ .kind = "certificate",
                                                               .side = STARTTAP_SERVER,
                                                               .where = at->chain->where,
                                                               .text = subject });
}

void certificates_tell(const struct scene *at, struct starttap_draft *draft, size_t number)
{
    tell(at, draft, number, at->chain->verify_code, at->chain->verify_text);
}

void certificates_tell_as(const struct scene *at, struct starttap_draft *draft, size_t number,
                          int code, const char *verify)
{
    tell(at, draft, number, code, verify);
}

/* clang-format off */
static const struct row {
    const char *rule;
    certificates_rule *judge;
} rows[] = {
    { "cert.expired", certificates_expired },
    { "cert.not_yet_valid", certificates_not_yet_valid },
    { "cert.validity_too_long", certificates_too_long },
    { "cert.chain_incomplete", certificates_incomplete },
    { "cert.chain_order", certificates_order },
    { "cert.chain_extra", certificates_extra },
    { "cert.must_staple_missing", certificates_must_staple },
    { "cert.not_for_servers", certificates_not_for_servers },
    { "cert.name_mismatch", certificates_name_mismatch },
    { "cert.name_cn_only", certificates_name_cn_only },
    { "cert.weak_key", certificates_weak_key },
    { "cert.weak_sig", certificates_weak_sig },
    { "cert.malformed", certificates_malformed },
};
/* clang-format on */

static void judge(void *state, const void *prepared, const struct starttap_session *session,
                  const struct starttap_core *core)
{
    const struct starttap_chain *chain = session->chain;
    (void)state;
    (void)prepared;
    if (chain == NULL || chain->count == 0 || chain->refused)
        return;
    const int64_t ns_per_s = 1000000000;
    const struct scene at = { .core = core,
                              .session = session,
                              .chain = chain,
                              .leaf = &chain->certificates[0],
                              .at_s = chain->where.time_ns / ns_per_s };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct starttap_draft draft = { .finding = { .rule = rows[i].rule,
                                                     .confidence = CERTAIN } };
        rows[i].judge(&at, &draft);
    }
}

STARTTAP_EXPORT(certificates)
{
    static const char *const ids[] = {
        "cert.expired",
        "cert.not_yet_valid",
        "cert.validity_too_long",
        "cert.chain_incomplete",
        "cert.chain_order",
        "cert.chain_extra",
        "cert.must_staple_missing",
        "cert.not_for_servers",
        "cert.name_mismatch",
        "cert.name_cn_only",
        "cert.weak_key",
        "cert.weak_sig",
        "cert.malformed",
        NULL,
    };
    static const struct starttap_detector detector = {
        .abi = STARTTAP_PLUGIN_ABI,
        .size = sizeof detector,
        .name = "certificates",
        .scope = STARTTAP_SCOPE_SESSION,
        .rules = ids,
        .judge = judge,
    };
    return &detector;
}
