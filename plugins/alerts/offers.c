/* SPDX-License-Identifier: Apache-2.0
 * offers.c - the two sides of a handshake beside one another, and what cannot have been shared.
 *
 * A server that refuses a hello shows nothing of what it would have taken. So what can be said is
 * what the client's offer lacks that servers of today ask for: each value here is empty unless it
 * holds.
 */
#include "alerts.h"

enum { SCSV_RENEGOTIATION = 0x00ff, SCSV_FALLBACK = 0x5600, ONE_PACKET = 1400 };
enum {
    REFUSED_TODAY = STARTTAP_CIPHER_NULL | STARTTAP_CIPHER_ANON | STARTTAP_CIPHER_EXPORT |
                    STARTTAP_CIPHER_RC4 | STARTTAP_CIPHER_DES | STARTTAP_CIPHER_3DES |
                    STARTTAP_CIPHER_RC2 | STARTTAP_CIPHER_IDEA | STARTTAP_CIPHER_SEED |
                    STARTTAP_CIPHER_MD5_MAC,
};

void alerts_record(struct starttap_draft *draft, enum starttap_side side,
                   struct starttap_mark where, const char *text)
{
    starttap_draft_evidence(
        draft,
        (struct starttap_evidence){ .kind = "record", .side = side, .where = where, .text = text });
}

static void give_version(const struct scene *at, struct starttap_draft *draft, const char *name,
                         uint16_t version)
{
    starttap_draft_names(draft, name, (struct starttap_u16s){ &version, 1 }, 1,
                         at->core->version_name);
}

/* Suites without the signals that are written among them. */
static void give_suites(const struct scene *at, struct starttap_draft *draft)
{
    const struct starttap_u16s *all = &at->client->ciphers;
    uint16_t suites[256]; /* to count them; eleven are named */
    size_t shown = 0, count = at->client->ssl2_kind_count;

    for (size_t i = 0; i < all->count; i++) {
        if (all->at[i] == SCSV_RENEGOTIATION || all->at[i] == SCSV_FALLBACK)
            continue;
        count++;
        if (shown < sizeof suites / sizeof suites[0])
            suites[shown++] = all->at[i];
    }
    starttap_draft_names(draft, "suites", (struct starttap_u16s){ suites, shown }, 11,
                         at->core->cipher_name);
    starttap_draft_number(draft, "suite_count", count);
}

/* Every suite of the client has one of these classes. */
static bool offers_only(const struct scene *at, unsigned classes)
{
    size_t suites = 0;
    for (size_t i = 0; i < at->client->ciphers.count; i++) {
        uint16_t suite = at->client->ciphers.at[i];
        if (suite == SCSV_RENEGOTIATION || suite == SCSV_FALLBACK)
            continue;
        suites++;
        if ((at->core->cipher_classes(suite) & classes) == 0)
            return false;
    }
    return suites > 0;
}

static void give_classes(struct starttap_draft *draft, unsigned classes)
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
        if ((classes & rows[i].bit) != 0)
            words[count++] = rows[i].word;
    (void)starttap_draft_list(draft, "only_weak", words, count);
}

static uint16_t lowest_version(const struct starttap_client_hello *hello)
{
    uint16_t lowest = UINT16_MAX;
    for (size_t i = 0; i < hello->versions.count; i++)
        if (hello->versions.at[i] < lowest)
            lowest = hello->versions.at[i];
    return lowest;
}

static bool lists_versions(const struct starttap_client_hello *hello)
{
    enum { SUPPORTED_VERSIONS = 43 };
    for (size_t i = 0; i < hello->extensions.count; i++)
        if (hello->extensions.at[i] == SUPPORTED_VERSIONS)
            return true;
    return false;
}

static void give_client(const struct scene *at, struct starttap_draft *draft)
{
    const struct starttap_client_hello *hello = at->client;
    uint16_t lowest = lowest_version(hello);

    give_version(at, draft, "client_max", hello->version_max);
    starttap_draft_names(draft, "offered", hello->versions, 8, at->core->version_name);
    give_suites(at, draft);
    starttap_draft_names(draft, "groups", hello->groups, 8, at->core->group_name);
    starttap_draft_names(draft, "signatures", hello->signature_algorithms, 8,
                         at->core->signature_name);
    starttap_draft_value(draft, "asked_name", hello->server_name);
    starttap_draft_value(draft, "no_sni", hello->server_name_sent || hello->ech ? "" : "none");
    if (hello->version_max < TLS12)
        give_version(at, draft, "old_client", hello->version_max);
    if (lists_versions(hello) && lowest >= TLS12)
        give_version(at, draft, "nothing_below", lowest);
    else if (hello->version_max == TLS12)
        give_version(at, draft, "at_most", hello->version_max);
    if (offers_only(at, REFUSED_TODAY))
        give_classes(draft, hello->cipher_classes & REFUSED_TODAY);
    else if (offers_only(at, STARTTAP_CIPHER_NO_PFS))
        starttap_draft_value(draft, "only_static", "TLS_RSA");
    if (hello->wire_len > ONE_PACKET)
        starttap_draft_number(draft, "large", hello->wire_len);
    alerts_record(draft, STARTTAP_CLIENT, hello->where, "ClientHello");
}

static void give_server(const struct scene *at, struct starttap_draft *draft)
{
    give_version(at, draft, "negotiated", at->server->version);
    starttap_draft_value(draft, "suite", at->server->cipher_name);
    if (at->tls->group != 0)
        starttap_draft_names(draft, "group", (struct starttap_u16s){ &at->tls->group, 1 }, 1,
                             at->core->group_name);
    if (at->tls->dh_bits > 0)
        starttap_draft_number(draft, "dh_bits", at->tls->dh_bits);
    starttap_draft_value(draft, "sentinel",
                         at->server->sentinel == STARTTAP_SENTINEL_NONE ? "" : "DOWNGRD");
    alerts_record(draft, STARTTAP_SERVER, at->server->where, "ServerHello");
}

static void give_chain(const struct starttap_chain *chain, struct starttap_draft *draft)
{
    if (chain == NULL || chain->count == 0 || !chain->certificates[0].parsed)
        return;
    starttap_draft_value(draft, "subject", chain->certificates[0].subject);
    starttap_draft_value(draft, "issuer", chain->certificates[0].issuer);
    starttap_draft_value(draft, "not_after", chain->certificates[0].not_after);
    (void)starttap_draft_list(draft, "names", chain->certificates[0].names,
                              chain->certificates[0].name_count);
    starttap_draft_number(draft, "chain_count", chain->count);
}

void alerts_offers(const struct scene *at, struct starttap_draft *draft)
{
    if (at->client != NULL)
        give_client(at, draft);
    if (at->server != NULL)
        give_server(at, draft);
    else if (at->tls->hello_retry)
        starttap_draft_value(draft, "retried", "HelloRetryRequest");
    else
        starttap_draft_value(draft, "no_answer", "none");
    give_chain(at->session->chain, draft);
    if (at->tls->client_certificate_requested)
        starttap_draft_value(draft, "certificate_asked",
                             at->tls->client_certificate_sent ? "" : "CertificateRequest");
}
