/* SPDX-License-Identifier: Apache-2.0
 * tls_cipher.c - judges the cipher suite that was chosen, by the classes that it belongs to.
 *
 * Only a choice is a fault; what a client merely offers is a remark. RFC 9325 sections 4.1 and 4.2,
 * 7465 (RC4), 7366 (encrypt-then-MAC), 5246 appendix F. In SSL 2.0 it is the client that chooses.
 */
#include <string.h>

#include "plugin.h"

enum { TLS10 = 0x0301, TLS12 = 0x0303 };
enum { SCSV_RENEGOTIATION = 0x00ff, SCSV_FALLBACK = 0x5600 }; /* signals, not suites */

enum {
    BROKEN = STARTTAP_CIPHER_NULL | STARTTAP_CIPHER_ANON | STARTTAP_CIPHER_EXPORT |
             STARTTAP_CIPHER_RC4 | STARTTAP_CIPHER_DES | STARTTAP_CIPHER_3DES |
             STARTTAP_CIPHER_RC2 | STARTTAP_CIPHER_IDEA | STARTTAP_CIPHER_SEED |
             STARTTAP_CIPHER_MD5_MAC,
    WITHOUT_SECRECY =
        STARTTAP_CIPHER_STATIC_RSA | STARTTAP_CIPHER_STATIC_DH | STARTTAP_CIPHER_STATIC_ECDH,
};
/* Blocks of 8 bytes repeat by chance after about that much (SWEET32). */
static const uint64_t block_birthday_bytes = UINT64_C(32000000000);

struct scene {
    const struct starttap_core *core;
    const struct starttap_session *session;
    const struct starttap_tls *tls;
};

struct rule {
    const char *id;
    void (*judge)(const struct scene *at, struct starttap_draft *draft, const struct rule *rule);
    unsigned classes;
    enum starttap_severity severity;
    int relay_steps; /* on a relay where TLS is optional */
};

static void give_record(struct starttap_draft *draft, enum starttap_side side,
                        struct starttap_mark where, const char *text)
{
    starttap_draft_evidence(
        draft,
        (struct starttap_evidence){ .kind = "record", .side = side, .where = where, .text = text });
}

/* --- values --- */

/* A suite that the server could have taken instead: of none of these classes, and known to the
 * version that was agreed on. */
static bool is_better(const struct starttap_core *core, uint16_t suite, unsigned classes,
                      uint16_t version)
{
    unsigned is = core->cipher_classes(suite);
    const char *name = core->cipher_name(suite);
    bool of_12 = (is & STARTTAP_CIPHER_AEAD) != 0 || strstr(name, "_SHA256") != NULL ||
                 strstr(name, "_SHA384") != NULL;
    if (suite == SCSV_RENEGOTIATION || suite == SCSV_FALLBACK || name[0] == '\0')
        return false;
    if (suite >> 8 == 0x13 || (version < TLS12 && of_12))
        return false;
    return (is & (classes | BROKEN)) == 0;
}

static size_t suite_count(const struct starttap_client_hello *hello)
{
    size_t count = hello->ssl2_kind_count;
    for (size_t i = 0; i < hello->ciphers.count; i++)
        count +=
            hello->ciphers.at[i] != SCSV_RENEGOTIATION && hello->ciphers.at[i] != SCSV_FALLBACK;
    return count;
}

static void give_better(const struct scene *at, struct starttap_draft *draft, unsigned classes)
{
    const struct starttap_tls *tls = at->tls;
    const struct starttap_client_hello *hello = tls->client_hello;
    uint16_t found[64]; /* to count them; three are named */
    size_t count = 0;

    for (size_t i = 0; i < hello->ciphers.count && count < sizeof found / sizeof found[0]; i++)
        if (is_better(at->core, hello->ciphers.at[i], classes, tls->server_hello->version))
            found[count++] = hello->ciphers.at[i];
    draft->finding.variant = count > 0 ? "server_limit" : "client_limit";
    starttap_draft_names(draft, "better", (struct starttap_u16s){ found, count }, 3,
                         at->core->cipher_name);
    starttap_draft_number(draft, "offered_count", suite_count(hello));
    give_record(draft, STARTTAP_CLIENT, hello->where, "ClientHello");
}

static void give_suite(const struct scene *at, struct starttap_draft *draft)
{
    const struct starttap_tls *tls = at->tls;
    const struct starttap_server_hello *hello = tls->server_hello;

    starttap_draft_value(draft, "suite", hello->cipher_name);
    if (!hello->ssl2)
        starttap_draft_hex(draft, "code", hello->cipher, 4);
    starttap_draft_names(draft, "version", (struct starttap_u16s){ &hello->version, 1 }, 1,
                         at->core->version_name);
    starttap_draft_value(draft, "failed", tls->established == STARTTAP_NO ? "no" : "");
    give_record(draft, hello->ssl2 ? STARTTAP_CLIENT : STARTTAP_SERVER, hello->where,
                hello->cipher_name);
}

static uint64_t encrypted_bytes(const struct starttap_tls *tls)
{
    uint64_t sum = 0;
    for (int side = 0; side < 2; side++)
        if (tls->encrypted[side] != NULL)
            sum += tls->encrypted[side]->application_bytes;
    return sum;
}

/* --- rules --- */

static void report_chosen(const struct scene *at, struct starttap_draft *draft,
                          const struct rule *rule, enum starttap_severity severity)
{
    const struct starttap_tls *tls = at->tls;
    draft->finding.severity = starttap_severity_for(at->session, severity, rule->relay_steps);
    give_suite(at, draft);
    if (tls->client_hello != NULL)
        give_better(at, draft, rule->classes);
    starttap_draft_report(draft, at->core, at->session);
}

static bool is_chosen(const struct starttap_tls *tls, unsigned classes)
{
    return tls->server_hello != NULL && (tls->server_hello->cipher_classes & classes) != 0;
}

static void judge_chosen(const struct scene *at, struct starttap_draft *draft,
                         const struct rule *rule)
{
    const struct starttap_tls *tls = at->tls;
    if (!is_chosen(tls, rule->classes))
        return;
    if ((rule->classes & STARTTAP_CIPHER_ANON) != 0)
        starttap_draft_number(draft,
                              starttap_opportunistic(at->session) ? "relay_port" : "login_port",
                              at->session->server.port);
    report_chosen(at, draft, rule, rule->severity);
}

static void judge_3des(const struct scene *at, struct starttap_draft *draft,
                       const struct rule *rule)
{
    const struct starttap_tls *tls = at->tls;
    if (!is_chosen(tls, rule->classes))
        return;
    uint64_t bytes = encrypted_bytes(tls);
    starttap_draft_number(draft, "bytes", bytes);
    report_chosen(at, draft, rule, bytes >= block_birthday_bytes ? STARTTAP_HIGH : rule->severity);
}

/* RFC 7366. In TLS 1.0 and before, the first block of a record can be foretold as well. */
static void judge_cbc(const struct scene *at, struct starttap_draft *draft, const struct rule *rule)
{
    const struct starttap_tls *tls = at->tls;
    if (!is_chosen(tls, rule->classes) || tls->server_hello->etm)
        return;
    bool old = tls->server_hello->version <= TLS10;
    if (tls->client_hello != NULL)
        starttap_draft_value(draft, "etm_offered",
                             tls->client_hello->etm ? "encrypt_then_mac" : "");
    report_chosen(at, draft, rule, old ? STARTTAP_LOW : rule->severity);
}

/* SSL 2.0 knows no other key exchange than that with the server's RSA key. What anybody can read
 * now, without encryption or with an export key, is no matter of a key that is lost some day. */
static void judge_secrecy(const struct scene *at, struct starttap_draft *draft,
                          const struct rule *rule)
{
    const struct starttap_tls *tls = at->tls;
    bool ssl2 = tls->server_hello != NULL && tls->server_hello->ssl2;
    if (!ssl2 && is_chosen(tls, STARTTAP_CIPHER_NULL | STARTTAP_CIPHER_EXPORT))
        return;
    if (is_chosen(tls, ssl2 ? STARTTAP_CIPHER_NO_PFS : rule->classes))
        report_chosen(at, draft, rule, rule->severity);
}

static void give_classes(struct starttap_draft *draft, unsigned offered)
{
    static const struct {
        unsigned bit;
        const char *word;
    } rows[] = {
        { STARTTAP_CIPHER_NULL, "NULL" },     { STARTTAP_CIPHER_ANON, "anon" },
        { STARTTAP_CIPHER_EXPORT, "EXPORT" }, { STARTTAP_CIPHER_DES, "DES" },
        { STARTTAP_CIPHER_RC2, "RC2" },       { STARTTAP_CIPHER_RC4, "RC4" },
        { STARTTAP_CIPHER_3DES, "3DES" },     { STARTTAP_CIPHER_IDEA, "IDEA" },
        { STARTTAP_CIPHER_SEED, "SEED" },     { STARTTAP_CIPHER_MD5_MAC, "MD5" },
    };
    const char *words[sizeof rows / sizeof rows[0]];
    size_t count = 0;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if ((offered & rows[i].bit) != 0)
            words[count++] = rows[i].word;
    (void)starttap_draft_list(draft, "classes", words, count);
}

static void judge_offered(const struct scene *at, struct starttap_draft *draft,
                          const struct rule *rule)
{
    const struct starttap_tls *tls = at->tls;
    const struct starttap_client_hello *hello = tls->client_hello;
    uint16_t weak[16];
    size_t count = 0;

    if (hello == NULL || (hello->cipher_classes & rule->classes) == 0)
        return;
    draft->finding.severity = starttap_severity_for(at->session, rule->severity, rule->relay_steps);
    give_classes(draft, hello->cipher_classes & rule->classes);
    for (size_t i = 0; i < hello->ciphers.count && count < sizeof weak / sizeof weak[0]; i++)
        if ((at->core->cipher_classes(hello->ciphers.at[i]) & rule->classes) != 0)
            weak[count++] = hello->ciphers.at[i];
    starttap_draft_names(draft, "weak", (struct starttap_u16s){ weak, count }, 8,
                         at->core->cipher_name);
    starttap_draft_number(draft, "offered_count", suite_count(hello));
    if (tls->server_hello != NULL)
        starttap_draft_value(draft, "suite", tls->server_hello->cipher_name);
    give_record(draft, STARTTAP_CLIENT, hello->where, "ClientHello");
    starttap_draft_report(draft, at->core, at->session);
}

#define CLASS(name) STARTTAP_CIPHER_##name

/* clang-format off */
static const struct rule rows[] = {
    { "tls.cipher.null", judge_chosen, CLASS(NULL), STARTTAP_CRITICAL, 0 },
    { "tls.cipher.anon", judge_chosen, CLASS(ANON), STARTTAP_HIGH, -2 },
    { "tls.cipher.export", judge_chosen, CLASS(EXPORT), STARTTAP_CRITICAL, 0 },
    { "tls.cipher.des", judge_chosen, CLASS(DES), STARTTAP_HIGH, -1 },
    { "tls.cipher.rc2", judge_chosen, CLASS(RC2), STARTTAP_HIGH, -1 },
    { "tls.cipher.idea", judge_chosen, CLASS(IDEA), STARTTAP_LOW, -1 },
    { "tls.cipher.seed", judge_chosen, CLASS(SEED), STARTTAP_LOW, -1 },
    { "tls.cipher.rc4", judge_chosen, CLASS(RC4), STARTTAP_HIGH, -1 },
    { "tls.cipher.3des", judge_3des, CLASS(3DES), STARTTAP_MEDIUM, -1 },
    { "tls.cipher.cbc_no_etm", judge_cbc, CLASS(CBC), STARTTAP_INFO, -1 },
    { "tls.cipher.no_pfs", judge_secrecy, WITHOUT_SECRECY, STARTTAP_LOW, -1 },
    { "tls.cipher.md5_mac", judge_chosen, CLASS(MD5_MAC), STARTTAP_LOW, -1 },
    { "tls.cipher.offered_weak", judge_offered, BROKEN, STARTTAP_INFO, 0 },
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
        rows[i].judge(&at, &draft, &rows[i]);
    }
}

STARTTAP_EXPORT(tls_cipher)
{
    static const char *const ids[] = {
        "tls.cipher.null",         "tls.cipher.anon",
        "tls.cipher.export",       "tls.cipher.des",
        "tls.cipher.rc2",          "tls.cipher.idea",
        "tls.cipher.seed",         "tls.cipher.rc4",
        "tls.cipher.3des",         "tls.cipher.cbc_no_etm",
        "tls.cipher.no_pfs",       "tls.cipher.md5_mac",
        "tls.cipher.offered_weak", NULL,
    };
    static const struct starttap_detector detector = {
        .abi = STARTTAP_PLUGIN_ABI,
        .size = sizeof detector,
        .name = "tls_cipher",
        .scope = STARTTAP_SCOPE_SESSION,
        .rules = ids,
        .judge = judge,
    };
    return &detector;
}
