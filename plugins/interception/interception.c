/* SPDX-License-Identifier: Apache-2.0
 * interception.c - whose certificate is this? One row of the decision table for each session; the
 * first that fits counts (README.md has the table).
 *
 * Judged on certificates in clear only: not with TLS 1.3, not with resumed sessions. A name is a
 * claim; keys outrank names, and what a public authority signed outranks both.
 */
#include <string.h>

#include "interception.h"

enum { CERTAIN = 99 };

/* --- what findings tell --- */

static const char *source_of(const struct starttap_name *name)
{
    static const char *const words[] = {
        [STARTTAP_NAME_SNI] = "the client asked for it",
        [STARTTAP_NAME_CONFIGURED] = "the configuration says so",
        [STARTTAP_NAME_DNS] = "a DNS answer said so",
        [STARTTAP_NAME_BANNER] = "the server calls itself that",
        [STARTTAP_NAME_ADDRESS] = "its address",
    };
    return words[name->source];
}

/* An alert by which the client says that it does not trust whoever issued the certificate, or may
 * say so: an expired or revoked one is refused for another reason. */
static const char *refusal_of(const struct scene *at)
{
    enum { BAD_CERTIFICATE = 42, CERTIFICATE_UNKNOWN = 46, UNKNOWN_CA = 48 };
    const struct starttap_tls *tls = at->session->tls;
    for (size_t i = 0; tls != NULL && i < tls->alert_count; i++) {
        const struct starttap_alert *alert = &tls->alerts[i];
        bool fits = alert->code == BAD_CERTIFICATE || alert->code == CERTIFICATE_UNKNOWN ||
                    alert->code == UNKNOWN_CA;
        if (alert->side == STARTTAP_CLIENT && !alert->encrypted && fits)
            return at->core->alert_name(alert->code);
    }
    return "";
}

void interception_tell_certificate(const struct scene *at, struct starttap_draft *draft)
{
    const struct starttap_certificate *leaf = at->leaf;
    const char *subject = leaf->subject[0] != '\0' ? leaf->subject : "(empty)",
               *issuer = leaf->issuer[0] != '\0' ? leaf->issuer : "(empty)";
    starttap_draft_value(draft, "subject", subject);
    starttap_draft_value(draft, "issuer", issuer);
    if (at->chain->verify_code > 0) {
        starttap_draft_number(draft, "code", (uint64_t)at->chain->verify_code);
        starttap_draft_value(draft, "verify", at->chain->verify_text);
    }
    const char *refusal = refusal_of(at);
    if (refusal[0] != '\0')
        starttap_draft_value(draft, "refusal", refusal);
    starttap_draft_evidence(draft, (struct starttap_evidence){ .kind = "certificate",
                                                               .side = STARTTAP_SERVER,
                                                               .where = at->chain->where,
                                                               .text = issuer });
}

static const char *field_word(const struct product *product)
{
    static const char *const words[] = {
        [ISSUER_CN] = "issuer CN",          [ISSUER_O] = "issuer O",
        [ISSUER_OU] = "issuer OU",          [ISSUER_MAIL] = "issuer emailAddress",
        [SPKI] = "SHA-256 of a public key", [CERTIFICATE] = "SHA-256 of a certificate",
        [SUBJECT_CN] = "subject CN",        [SUBJECT_O] = "subject O",
    };
    return words[product->field];
}

static void tell_product(const struct scene *at, struct starttap_draft *draft)
{
    static const struct {
        const char *vendor, *word; /* of fix@word */
    } advised[] = {
        { "Avast", "avast" },           { "AVG", "avg" },           { "Norton", "norton" },
        { "Gen Digital", "avast" },     { "ESET", "eset" },         { "Kaspersky", "kaspersky" },
        { "Doctor Web", "drweb" },      { "Fortinet", "fortinet" }, { "Sophos", "sophos" },
        { "WatchGuard", "watchguard" },
    };
    const struct product *product = at->signs->product;
    if (product == NULL)
        return;
    const char *const tool[] = { product->vendor, product->name };
    bool twice = strncmp(product->name, product->vendor, strlen(product->vendor)) == 0;
    starttap_draft_list(draft, "tool", twice ? tool + 1 : tool, twice ? 1 : 2);
    starttap_draft_value(draft, "list_row", product->id);
    const char *upstream = strstr(product->name, "upstream");
    if (upstream != NULL)
        starttap_draft_value(draft, "upstream", upstream);
    for (size_t i = 0; i < sizeof advised / sizeof advised[0]; i++)
        if (strncmp(product->vendor, advised[i].vendor, strlen(advised[i].vendor)) == 0)
            starttap_draft_value(draft, "product", advised[i].word);
}

void interception_tell_signs(const struct scene *at, struct starttap_draft *draft, const char *row)
{
    static const struct {
        enum sign sign;
        const char *word;
    } known[] = {
        { S1, "S1" },   { S2, "S2" },   { S3, "S3" },   { S4, "S4" },
        { S11, "S11" }, { S12, "S12" }, { S13, "S13" }, { S14, "S14" },
    };
    const struct product *product = at->signs->product;
    const char *words[5 + sizeof known / sizeof known[0]];
    size_t count = 0;
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if ((at->signs->found & (unsigned)known[i].sign) != 0)
            words[count++] = known[i].word;
    tell_product(at, draft);
    starttap_draft_list(draft, "signals", words, count);
    starttap_draft_value(draft, "row", row);
    starttap_draft_value(draft, "list_version", at->lists->version);
    char row_word[8] = "row ";
    strncat(row_word, row, sizeof row_word - sizeof "row ");
    words[count++] = row_word;
    words[count++] = at->lists->version;
    if (product != NULL) {
        words[count++] = product->id;
        starttap_draft_value(draft, "entry", product->id);
        words[count++] = field_word(product);
    }
    /* So that the verdict can be computed again. */
    const char *decision = starttap_draft_list(draft, "decision", words, count);
    starttap_draft_evidence(draft, (struct starttap_evidence){ .kind = "certificate",
                                                               .side = STARTTAP_SERVER,
                                                               .where = at->chain->where,
                                                               .text = decision });
    if (at->signs->provider != NULL) {
        starttap_draft_value(draft, "provider", at->signs->provider->name);
        starttap_draft_value(draft, "asked", at->signs->name->name);
        starttap_draft_value(draft, "asked_source", source_of(at->signs->name));
    }
}

/* --- rows 2 to 11 --- */

/* Where it sits and how to stop it differs: the texts have a variant for each. */
static const char *variant_of(const struct scene *at)
{
    static const struct {
        const char *category, *variant;
    } known[] = {
        { "antivirus-mail-shield", "antivirus" },
        { "antivirus-web", "antivirus" },
        { "enterprise-proxy", "gateway" },
        { "firewall-utm", "gateway" },
        { "parental-control", "software" },
        { "adware", "software" },
        { "developer-tool", "tool" },
        { "attack-tool", "tool" },
        { "state", "state" },
    };
    const struct product *product = at->signs->product;
    for (size_t i = 0; product != NULL && i < sizeof known / sizeof known[0]; i++)
        if (strcmp(product->category, known[i].category) == 0)
            return known[i].variant;
    return at->chain->anchor == STARTTAP_ANCHOR_NAME_COLLISION ||
                   at->chain->anchor == STARTTAP_ANCHOR_PUBLIC_INCOMPLETE
               ? "impersonated"
               : "unlisted";
}

/* The operator trusts this authority, but never said that it inspects: most likely his own doing.
 */
static int own_steps(const struct scene *at)
{
    return at->chain->anchor == STARTTAP_ANCHOR_CONFIGURED ? -2 : 0;
}

/* Why the entry of policy.inspection does not cover it. */
static const char *problem_of(const struct scene *at)
{
    static const struct {
        const char *word, *sentence;
    } problems[] = {
        { "expired", "the entry has ended" },
        { "client", "the client is in none of its networks" },
        { "port", "the port is none of its ports" },
    };
    for (size_t i = 0; i < sizeof problems / sizeof problems[0]; i++)
        if (strcmp(at->session->policy->sanctioned_problem, problems[i].word) == 0)
            return problems[i].sentence;
    return "it says itself that it did not trust the real server";
}

static void report_issuer(const struct scene *at, struct starttap_draft *draft, const char *row,
                          uint8_t confidence)
{
    draft->finding.variant = at->signs->outside ? "outside" : variant_of(at);
    draft->finding.severity = starttap_severity_step(STARTTAP_HIGH, own_steps(at));
    draft->finding.confidence = confidence;
    if ((at->signs->found & S1) != 0 && interception_is_appliance(at->signs->product))
        draft->finding.attribution = STARTTAP_ATTRIBUTION_APPLIANCE;
    if (at->signs->outside)
        starttap_draft_value(draft, "problem", problem_of(at));
    interception_tell_certificate(at, draft);
    interception_tell_signs(at, draft, row);
    if (at->chain->anchor == STARTTAP_ANCHOR_PUBLIC)
        starttap_draft_value(draft, "trusted", "x509.ca_bundle");
    starttap_draft_report(draft, at->core, at->session);
}

static void report_suspected(const struct scene *at, struct starttap_draft *draft, const char *row,
                             uint8_t confidence)
{
    draft->finding.variant = at->signs->provider == NULL ? "listed" : NULL;
    draft->finding.severity =
        starttap_severity_step(confidence >= 50 ? STARTTAP_MEDIUM : STARTTAP_LOW, own_steps(at));
    draft->finding.confidence = confidence;
    interception_tell_certificate(at, draft);
    interception_tell_signs(at, draft, row);
    starttap_draft_report(draft, at->core, at->session);
}

/* Its names are no proof of anything on a port where nobody checks them, or when only the server
 * says them; and with marks of public certificates our list of authorities may just be old. */
static uint8_t suspicion(const struct scene *at)
{
    bool weak = !at->signs->strong_name || at->session->role == STARTTAP_ROLE_MX ||
                (at->leaf->flags & STARTTAP_CERT_HAS_SCT) != 0;
    return weak ? 30 : 60;
}

static bool is_impersonated(const struct scene *at)
{
    return at->chain->anchor == STARTTAP_ANCHOR_NAME_COLLISION ||
           at->chain->anchor == STARTTAP_ANCHOR_PUBLIC_INCOMPLETE;
}

static void judge_sanctioned(const struct scene *at, struct starttap_draft *draft)
{
    draft->finding.severity = STARTTAP_INFO;
    draft->finding.confidence = CERTAIN;
    draft->finding.attribution = STARTTAP_ATTRIBUTION_POLICY;
    starttap_draft_value(draft, "label", at->session->policy->sanctioned);
    interception_tell_certificate(at, draft);
    interception_tell_signs(at, draft, "2");
    starttap_draft_report(draft, at->core, at->session);
}

static void judge_by_key(const struct scene *at, struct starttap_draft *draft)
{
    report_issuer(at, draft, "3", 98);
}

static void judge_by_name_and_host(const struct scene *at, struct starttap_draft *draft)
{
    report_issuer(at, draft, "4", 97);
}

static void judge_by_name(const struct scene *at, struct starttap_draft *draft)
{
    report_issuer(at, draft, "5", 90);
}

static void judge_impersonated(const struct scene *at, struct starttap_draft *draft)
{
    report_issuer(at, draft, "6", 90);
}

static void judge_unmarked(const struct scene *at, struct starttap_draft *draft)
{
    report_issuer(at, draft, "8", 80);
}

static void judge_host_only(const struct scene *at, struct starttap_draft *draft)
{
    report_suspected(at, draft, "9", suspicion(at));
}

/* A product whose name nobody has seen in a certificate yet, or a fake server that names itself. */
static void judge_by_memory(const struct scene *at, struct starttap_draft *draft)
{
    report_suspected(at, draft, "5", 50);
}

static void judge_own(const struct scene *at, struct starttap_draft *draft)
{
    draft->finding.severity = STARTTAP_INFO;
    draft->finding.confidence = 90;
    interception_tell_certificate(at, draft);
    interception_tell_signs(at, draft, "11");
    starttap_draft_report(draft, at->core, at->session);
}

static bool is_strong_host(const struct scene *at)
{
    return (at->signs->found & S4) != 0 && at->signs->strong_name &&
           at->session->role != STARTTAP_ROLE_MX;
}

static bool is_sanctioned(const struct scene *at)
{
    return at->session->policy->sanctioned[0] != '\0' && !at->signs->outside;
}
static bool is_key(const struct scene *at)
{
    return (at->signs->found & S1) != 0 || at->signs->outside;
}
static bool is_name_and_host(const struct scene *at)
{
    return (at->signs->found & S2) != 0 && (at->signs->found & S4) != 0 &&
           !at->signs->product->from_memory;
}
static bool is_name(const struct scene *at)
{
    return (at->signs->found & S2) != 0 && !at->signs->product->risky &&
           !at->signs->product->from_memory && (at->leaf->flags & STARTTAP_CERT_SELF_ISSUED) == 0;
}
static bool is_stolen_name(const struct scene *at)
{
    return is_strong_host(at) && is_impersonated(at);
}
static bool is_unmarked(const struct scene *at)
{
    return is_strong_host(at) && (at->signs->found & S12) != 0;
}
static bool is_host(const struct scene *at) { return (at->signs->found & S4) != 0; }
static bool is_remembered(const struct scene *at)
{
    return (at->signs->found & S2) != 0 && !at->signs->product->risky;
}
static bool is_own(const struct scene *at) { return (at->signs->found & S3) != 0; }
static bool is_self_signed(const struct scene *at)
{
    bool unchecked = at->chain->anchor == STARTTAP_ANCHOR_NOT_VERIFIED;
    return at->chain->anchor == STARTTAP_ANCHOR_SELF_SIGNED_LEAF ||
           (unchecked && (at->leaf->flags & STARTTAP_CERT_SELF_SIGNED) != 0);
}
static bool is_untrusted(const struct scene *at)
{
    return at->chain->anchor == STARTTAP_ANCHOR_PRIVATE ||
           at->chain->anchor == STARTTAP_ANCHOR_NAME_COLLISION;
}

/* clang-format off */
static const struct row {
    const char *rule;
    bool (*fits)(const struct scene *at);
    void (*judge)(const struct scene *at, struct starttap_draft *draft);
} rows[] = {
    /*  2 */ { "cert.interception_sanctioned", is_sanctioned, judge_sanctioned },
    /*  3 */ { "cert.interception_issuer", is_key, judge_by_key },
    /*  4 */ { "cert.interception_issuer", is_name_and_host, judge_by_name_and_host },
    /*  5 */ { "cert.interception_issuer", is_name, judge_by_name },
    /*  6 */ { "cert.interception_issuer", is_stolen_name, judge_impersonated },
    /*  8 */ { "cert.interception_issuer", is_unmarked, judge_unmarked },
    /*  9 */ { "cert.interception_suspected", is_host, judge_host_only },
    /*  5 */ { "cert.interception_suspected", is_remembered, judge_by_memory },
    /* 11 */ { "cert.gateway_own", is_own, judge_own },
    /* 12 */ { "cert.self_signed", is_self_signed, interception_judge_self_signed },
    /* 12 */ { "cert.untrusted", is_untrusted, interception_judge_untrusted },
};
/* clang-format on */

static const void *prepare(const struct starttap_core *core) { return interception_read(core); }

static void release(const void *prepared) { interception_free((struct lists *)prepared); }

static void judge(void *state, const void *prepared, const struct starttap_session *session,
                  const struct starttap_core *core)
{
    const struct starttap_chain *chain = session->chain;
    (void)state;
    if (prepared == NULL || chain == NULL || chain->count == 0 || !chain->certificates[0].parsed)
        return; /* row 1 */

    const struct signs signs = interception_signs_read(prepared, session);
    const struct scene at = { .core = core,
                              .session = session,
                              .chain = chain,
                              .leaf = &chain->certificates[0],
                              .lists = prepared,
                              .signs = &signs };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (rows[i].fits(&at)) {
            struct starttap_draft draft = { .finding = { .rule = rows[i].rule } };
            rows[i].judge(&at, &draft);
            break;
        }
    struct starttap_draft draft = { .finding = { .rule = "cert.national_ca" } };
    interception_judge_national(&at, &draft); /* row 13 */
}

STARTTAP_EXPORT(interception)
{
    static const char *const ids[] = {
        "cert.interception_sanctioned",
        "cert.interception_issuer",
        "cert.interception_suspected",
        "cert.gateway_own",
        "cert.self_signed",
        "cert.untrusted",
        "cert.national_ca",
        NULL,
    };
    static const struct starttap_detector detector = {
        .abi = STARTTAP_PLUGIN_ABI,
        .size = sizeof detector,
        .name = "interception",
        .scope = STARTTAP_SCOPE_SESSION,
        .rules = ids,
        .prepare = prepare,
        .release = release,
        .judge = judge,
    };
    return &detector;
}
