/* SPDX-License-Identifier: Apache-2.0
 * tls_exchange.c - judges how the keys were agreed: the size and origin of a Diffie-Hellman prime,
 * the group, and the hash under the signature.
 *
 * RFC 9325 section 4.5, 7919 (named primes), 8422 (curves), 9155 (MD5 and SHA-1 in TLS 1.2), 5114
 * (primes with a small subgroup). Certificates are judged elsewhere.
 */
#include <string.h>

#include "plugin.h"

enum { TLS12 = 0x0303, HASH_MD5 = 1, HASH_SHA1 = 2, SMALL_PRIME_BITS = 1024 };

struct scene {
    const struct starttap_core *core;
    const struct starttap_session *session;
    const struct starttap_tls *tls;
};

struct rule {
    const char *id;
    void (*judge)(const struct scene *at, struct starttap_draft *draft);
};

static void report(const struct scene *at, struct starttap_draft *draft)
{
    const struct starttap_server_hello *hello = at->tls->server_hello;

    if (hello != NULL) {
        starttap_draft_value(draft, "suite", hello->cipher_name);
        starttap_draft_names(draft, "version", (struct starttap_u16s){ &hello->version, 1 }, 1,
                             at->core->version_name);
        starttap_draft_evidence(draft, (struct starttap_evidence){ .kind = "record",
                                                                   .side = STARTTAP_SERVER,
                                                                   .where = hello->where,
                                                                   .text = hello->cipher_name });
    }
    starttap_draft_report(draft, at->core, at->session);
}

/* --- primes --- */

static bool is_shared(const struct starttap_tls *tls) { return tls->dh_prime[0] != '\0'; }

/* What the client could do instead, so that the reader sees whose choice it was. */
static void give_groups(const struct scene *at, struct starttap_draft *draft)
{
    const struct starttap_client_hello *hello = at->tls->client_hello;
    if (hello != NULL)
        starttap_draft_names(draft, "groups", hello->groups, 8, at->core->group_name);
}

static void judge_weak_prime(const struct scene *at, struct starttap_draft *draft)
{
    static const struct {
        uint32_t bits; /* up to these, these included */
        enum starttap_severity severity;
    } rows[] = {
        { 512, STARTTAP_CRITICAL }, { 768, STARTTAP_HIGH }, { 1023, STARTTAP_HIGH },
        { 1024, STARTTAP_MEDIUM },  { 2047, STARTTAP_LOW },
    };
    const struct starttap_tls *tls = at->tls;
    size_t i = 0;

    while (i < sizeof rows / sizeof rows[0] && rows[i].bits < tls->dh_bits)
        i++;
    if (tls->dh_bits == 0 || i == sizeof rows / sizeof rows[0])
        return;
    bool shared = is_shared(tls) && tls->dh_bits <= SMALL_PRIME_BITS;
    enum starttap_severity severity = starttap_severity_step(rows[i].severity, shared ? 1 : 0);
    draft->finding.severity = starttap_severity_for(at->session, severity, 0);
    draft->finding.variant = shared ? "shared" : NULL;
    starttap_draft_number(draft, "bits", tls->dh_bits);
    starttap_draft_value(draft, "prime", tls->dh_prime);
    starttap_draft_value(draft, "prime_sha256", tls->dh_prime_sha256);
    give_groups(at, draft);
    report(at, draft);
}

/* A large prime that many use is a good one; a small one is what the weak_prime finding is about,
 * and gets a remark here. */
static void judge_common_prime(const struct scene *at, struct starttap_draft *draft)
{
    const struct starttap_tls *tls = at->tls;
    bool subgroup = strncmp(tls->dh_prime, "RFC 5114", 8) == 0;

    if (!is_shared(tls))
        return;
    draft->finding.severity =
        starttap_severity_for(at->session, subgroup ? STARTTAP_LOW : STARTTAP_INFO, 0);
    draft->finding.variant = subgroup                           ? "subgroup"
                             : tls->dh_bits <= SMALL_PRIME_BITS ? "small"
                                                                : NULL;
    starttap_draft_number(draft, "bits", tls->dh_bits);
    starttap_draft_value(draft, "prime", tls->dh_prime);
    starttap_draft_value(draft, "prime_sha256", tls->dh_prime_sha256);
    report(at, draft);
}

/* --- groups --- */

struct range {
    uint16_t first, last;
    unsigned bits;
};

static const struct range *range_of(const struct range *ranges, size_t count, uint16_t group)
{
    for (size_t i = 0; i < count; i++)
        if (ranges[i].first <= group && group <= ranges[i].last)
            return &ranges[i];
    return NULL;
}

static void judge_weak_group(const struct scene *at, struct starttap_draft *draft)
{
    static const struct range weak[] = {
        { 1, 3, 163 },   /* sect163 */
        { 4, 5, 193 },   /* sect193 */
        { 15, 17, 160 }, /* secp160 */
        { 18, 19, 192 }, /* secp192 */
    };
    const struct starttap_tls *tls = at->tls;
    const struct range *is = range_of(weak, sizeof weak / sizeof weak[0], tls->group);

    if (is == NULL && !tls->explicit_curve)
        return;
    draft->finding.severity = starttap_severity_for(at->session, STARTTAP_MEDIUM, 0);
    if (is != NULL) {
        starttap_draft_value(draft, "group", tls->group_name);
        starttap_draft_number(draft, "bits", is->bits);
    } else {
        draft->finding.variant = "explicit";
    }
    give_groups(at, draft);
    report(at, draft);
}

static void report_quantum(const struct scene *at, struct starttap_draft *draft)
{
    draft->finding.severity = STARTTAP_INFO;
    starttap_draft_names(draft, "group", (struct starttap_u16s){ &at->tls->group, 1 }, 1,
                         at->core->group_name);
    starttap_draft_hex(draft, "number", at->tls->group, 4);
    give_groups(at, draft);
    report(at, draft);
}

static void judge_pq(const struct scene *at, struct starttap_draft *draft)
{
    static const struct range ranges[] = {
        { 0x0200, 0x0202, 0 }, /* ML-KEM alone */
        { 0x11eb, 0x11ee, 0 }, /* ML-KEM beside a curve */
    };
    if (range_of(ranges, sizeof ranges / sizeof ranges[0], at->tls->group) != NULL)
        report_quantum(at, draft);
}

static void judge_pq_draft(const struct scene *at, struct starttap_draft *draft)
{
    static const struct range ranges[] = {
        { 0x4138, 0x4138, 0 }, /* CECPQ2 */
        { 0x6399, 0x639a, 0 }, /* Kyber before it was ML-KEM */
    };
    if (range_of(ranges, sizeof ranges / sizeof ranges[0], at->tls->group) != NULL)
        report_quantum(at, draft);
}

/* --- signatures --- */

static void signature(const struct scene *at, enum starttap_side side, uint16_t scheme)
{
    const struct starttap_client_hello *hello = at->tls->client_hello;
    unsigned hash = scheme >> 8; /* RFC 5246 section 7.4.1.4.1 */
    struct starttap_draft draft = { .finding = { .rule = "tls.sig.weak", .confidence = 99 } };

    if (hash != HASH_MD5 && hash != HASH_SHA1)
        return;
    draft.finding.severity =
        starttap_severity_for(at->session, hash == HASH_MD5 ? STARTTAP_HIGH : STARTTAP_LOW, 0);
    draft.finding.key = side == STARTTAP_SERVER ? "server" : "client";
    draft.finding.variant = draft.finding.key;
    starttap_draft_names(&draft, "scheme", (struct starttap_u16s){ &scheme, 1 }, 1,
                         at->core->signature_name);
    starttap_draft_value(&draft, "hash", hash == HASH_MD5 ? "MD5" : "SHA-1");
    if (hello != NULL)
        starttap_draft_names(&draft, "signatures", hello->signature_algorithms, 8,
                             at->core->signature_name);
    report(at, &draft);
}

static void judge_signature(const struct scene *at, struct starttap_draft *draft)
{
    (void)draft; /* there may be one of each side */
    if (at->tls->server_hello == NULL || at->tls->server_hello->version != TLS12)
        return;
    signature(at, STARTTAP_SERVER, at->tls->signature_algorithm);
    signature(at, STARTTAP_CLIENT, at->tls->certificate_verify_algorithm);
}

/* clang-format off */
static const struct rule rows[] = {
    { "tls.dh.weak", judge_weak_prime },
    { "tls.dh.common_prime", judge_common_prime },
    { "tls.group.weak", judge_weak_group },
    { "tls.group.pq", judge_pq },
    { "tls.group.pq_draft", judge_pq_draft },
    { "tls.sig.weak", judge_signature },
};
/* clang-format on */

static void judge(void *state, const void *prepared, const struct starttap_session *session,
                  const struct starttap_core *core)
{
    struct scene at = { .core = core, .session = session, .tls = session->tls };
    (void)state;
    (void)prepared;
    for (size_t i = 0; at.tls != NULL && i < sizeof rows / sizeof rows[0]; i++) {
        struct starttap_draft draft = { .finding = { .rule = rows[i].id, .confidence = 99 } };
        rows[i].judge(&at, &draft);
    }
}

STARTTAP_EXPORT(tls_exchange)
{
    static const char *const ids[] = {
        "tls.dh.weak",  "tls.dh.common_prime", "tls.group.weak",
        "tls.group.pq", "tls.group.pq_draft",  "tls.sig.weak",
        NULL,
    };
    static const struct starttap_detector detector = {
        .abi = STARTTAP_PLUGIN_ABI,
        .size = sizeof detector,
        .name = "tls_exchange",
        .scope = STARTTAP_SCOPE_SESSION,
        .rules = ids,
        .judge = judge,
    };
    return &detector;
}
