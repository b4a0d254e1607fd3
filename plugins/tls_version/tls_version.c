/* SPDX-License-Identifier: Apache-2.0
 * tls_version.c - judges the protocol version of one session: what was offered, what was chosen,
 * and whether the server says that it was made to choose less.
 *
 * RFC 8996 and 8997 (TLS 1.0 and 1.1), 7568 (SSL 3.0), 6176 (SSL 2.0), 9325 section 3.1, 8446
 * section 4.1.3 (sentinel), 7507 (SCSV). What relates several sessions is not judged here.
 */
#include "plugin.h"

enum { SSL2 = 0x0002, SSL3 = 0x0300, TLS11 = 0x0302, TLS12 = 0x0303, TLS13 = 0x0304 };
enum { ALERT_ILLEGAL_PARAMETER = 47, ALERT_INAPPROPRIATE_FALLBACK = 86 };

struct scene {
    const struct starttap_core *core;
    const struct starttap_session *session;
    const struct starttap_tls *tls;
};

struct rule {
    const char *id;
    void (*judge)(const struct scene *at, struct starttap_draft *draft);
};

static bool is_obsolete(uint16_t version)
{
    return version == SSL2 || (version >= SSL3 && version <= TLS11);
}

static bool lists(struct starttap_u16s list, uint16_t value)
{
    for (size_t i = 0; i < list.count; i++)
        if (list.at[i] == value)
            return true;
    return false;
}

static void give_record(struct starttap_draft *draft, enum starttap_side side,
                        struct starttap_mark where, const char *text)
{
    starttap_draft_evidence(
        draft,
        (struct starttap_evidence){ .kind = "record", .side = side, .where = where, .text = text });
}

/* --- values that more than one rule gives --- */

static void give_version(const struct scene *at, struct starttap_draft *draft, const char *name,
                         uint16_t version)
{
    starttap_draft_names(draft, name, (struct starttap_u16s){ &version, 1 }, 1,
                         at->core->version_name);
}

static void give_offer(const struct scene *at, struct starttap_draft *draft,
                       const struct starttap_client_hello *hello)
{
    if (hello == NULL)
        return;
    give_version(at, draft, "client_max", hello->version_max);
    starttap_draft_names(draft, "offered", hello->versions, 8, at->core->version_name);
    give_record(draft, STARTTAP_CLIENT, hello->where, "ClientHello");
}

static void give_choice(const struct scene *at, struct starttap_draft *draft)
{
    const struct starttap_tls *tls = at->tls;
    const struct starttap_server_hello *hello = tls->server_hello;
    if (hello == NULL)
        return;
    give_version(at, draft, "negotiated", hello->version);
    starttap_draft_value(draft, "cipher", hello->cipher_name);
    starttap_draft_value(draft, "completed", tls->established == STARTTAP_YES ? "yes" : "");
    starttap_draft_value(draft, "failed", tls->established == STARTTAP_NO ? "no" : "");
    give_record(draft, STARTTAP_SERVER, hello->where, "ServerHello");
}

/* --- rules --- */

static void judge_negotiated(const struct scene *at, struct starttap_draft *draft)
{
    const struct starttap_tls *tls = at->tls;
    static const struct {
        uint16_t version;
        enum starttap_severity severity;
    } rows[] = {
        { SSL2, STARTTAP_CRITICAL },
        { SSL3, STARTTAP_HIGH },
        { 0x0301, STARTTAP_MEDIUM },
        { TLS11, STARTTAP_MEDIUM },
    };
    for (size_t i = 0; tls->server_hello != NULL && i < sizeof rows / sizeof rows[0]; i++) {
        if (rows[i].version != tls->server_hello->version)
            continue;
        draft->finding.severity = starttap_severity_for(at->session, rows[i].severity, -1);
        if (tls->client_hello != NULL)
            draft->finding.variant =
                is_obsolete(tls->client_hello->version_max) ? "client_limit" : "server_limit";
        give_choice(at, draft);
        give_offer(at, draft, tls->client_hello);
        starttap_draft_report(draft, at->core, at->session);
    }
}

static void judge_offered(const struct scene *at, struct starttap_draft *draft)
{
    const struct starttap_tls *tls = at->tls;
    const struct starttap_client_hello *hello = tls->client_hello;
    uint16_t lowest = UINT16_MAX;

    for (size_t i = 0; hello != NULL && i < hello->versions.count; i++)
        if (is_obsolete(hello->versions.at[i]) && hello->versions.at[i] < lowest)
            lowest = hello->versions.at[i];
    if (lowest == UINT16_MAX || is_obsolete(hello->version_max))
        return;
    draft->finding.severity = starttap_severity_for(at->session, STARTTAP_INFO, 0);
    give_version(at, draft, "client_min", lowest);
    give_offer(at, draft, hello);
    starttap_draft_report(draft, at->core, at->session);
}

/* A client that says itself that it tries again with less is another matter: fallback_scsv. */
static void judge_client_max(const struct scene *at, struct starttap_draft *draft)
{
    const struct starttap_tls *tls = at->tls;
    const struct starttap_client_hello *hello = tls->client_hello;
    enum starttap_role role = at->session->role;

    if (hello == NULL || !is_obsolete(hello->version_max) || hello->fallback_scsv)
        return;
    bool people = role == STARTTAP_ROLE_SUBMISSION || role == STARTTAP_ROLE_ACCESS;
    draft->finding.severity =
        starttap_severity_for(at->session, people ? STARTTAP_MEDIUM : STARTTAP_LOW, 0);
    give_offer(at, draft, hello);
    give_choice(at, draft);
    starttap_draft_value(draft, "no_sni", hello->server_name_sent ? "" : "no");
    starttap_draft_report(draft, at->core, at->session);
}

static void judge_ssl2_hello(const struct scene *at, struct starttap_draft *draft)
{
    const struct starttap_tls *tls = at->tls;
    const struct starttap_client_hello *hello = tls->client_hello;

    if (hello == NULL || !hello->ssl2)
        return;
    draft->finding.severity =
        starttap_severity_for(at->session, tls->ssl2 ? STARTTAP_HIGH : STARTTAP_MEDIUM, 0);
    draft->finding.variant = tls->ssl2 ? "answered" : NULL;
    give_offer(at, draft, hello);
    starttap_draft_number(draft, "kinds", hello->ssl2_kind_count);
    give_choice(at, draft);
    starttap_draft_report(draft, at->core, at->session);
}

/* What the hello allowed, as the server's last eight bytes are read against it. */
enum ability { OLDER, UP_TO_12, UP_TO_13 };

/* The first row that fits decides; where none does the bytes are as they should be. Drafts of TLS
 * 1.3 do not count: a server of the final version does not speak them, and says so. */
static const struct sentinel_row {
    enum ability client;
    bool negotiated_12; /* else older */
    enum starttap_sentinel tail;
    enum starttap_severity severity, caught; /* caught: the client saw it and gave up */
    const char *variant;
} sentinel_rows[] = {
    { UP_TO_13, true, STARTTAP_SENTINEL_TLS12, STARTTAP_CRITICAL, STARTTAP_HIGH, NULL },
    { UP_TO_13, false, STARTTAP_SENTINEL_TLS11, STARTTAP_CRITICAL, STARTTAP_CRITICAL, NULL },
    { UP_TO_13, true, STARTTAP_SENTINEL_TLS11, STARTTAP_HIGH, STARTTAP_HIGH, "inconsistent" },
    { UP_TO_13, false, STARTTAP_SENTINEL_TLS12, STARTTAP_HIGH, STARTTAP_HIGH, "inconsistent" },
    { UP_TO_12, false, STARTTAP_SENTINEL_TLS11, STARTTAP_HIGH, STARTTAP_HIGH, "below_12" },
};

static const struct starttap_alert *alert_of(const struct starttap_tls *tls,
                                             enum starttap_side side, uint8_t code)
{
    for (size_t i = 0; i < tls->alert_count; i++)
        if (!tls->alerts[i].encrypted && tls->alerts[i].side == side && tls->alerts[i].code == code)
            return &tls->alerts[i];
    return NULL;
}

/* Which hello a server answers is not in doubt as long as there was one, or a retry was asked for;
 * and none is missing.
 */
static bool is_answer(const struct starttap_tls *tls)
{
    return tls->client_hellos <= (tls->hello_retry ? 2 : 1) && tls->client_hello != NULL &&
           tls->server_hello != NULL && !tls->server_hello->ssl2;
}

static void judge_sentinel(const struct scene *at, struct starttap_draft *draft)
{
    const struct starttap_tls *tls = at->tls;
    if (!is_answer(tls) || !at->session->streams[STARTTAP_CLIENT]->whole ||
        tls->server_hello->version > TLS12 || tls->server_hello->version < SSL3)
        return;
    /* Else the hello that was answered may be another one. */
    if (at->session->midstream || !at->session->streams[STARTTAP_CLIENT]->whole)
        return;
    const struct starttap_client_hello *hello = tls->client_hello;
    enum ability client = lists(hello->versions, TLS13) ? UP_TO_13
                          : hello->version_max == TLS12 ? UP_TO_12
                                                        : OLDER;
    bool negotiated_12 = tls->server_hello->version == TLS12;
    const struct starttap_alert *caught = alert_of(tls, STARTTAP_CLIENT, ALERT_ILLEGAL_PARAMETER);

    for (size_t i = 0; i < sizeof sentinel_rows / sizeof sentinel_rows[0]; i++) {
        const struct sentinel_row *row = &sentinel_rows[i];
        if (row->client != client || row->negotiated_12 != negotiated_12 ||
            row->tail != tls->server_hello->sentinel)
            continue;
        bool up = tls->established == STARTTAP_YES;
        draft->finding.severity =
            starttap_severity_for(at->session, up ? row->severity : row->caught, 0);
        draft->finding.variant = row->variant;
        give_choice(at, draft);
        give_offer(at, draft, hello);
        starttap_draft_value(draft, "tail",
                             row->tail == STARTTAP_SENTINEL_TLS12 ? "44 4f 57 4e 47 52 44 01"
                                                                  : "44 4f 57 4e 47 52 44 00");
        starttap_draft_value(draft, "caught", caught != NULL ? "illegal_parameter (47)" : "");
        if (caught != NULL)
            give_record(draft, STARTTAP_CLIENT, caught->where, "illegal_parameter");
        starttap_draft_report(draft, at->core, at->session);
        return;
    }
}

static void judge_fallback_scsv(const struct scene *at, struct starttap_draft *draft)
{
    const struct starttap_tls *tls = at->tls;
    if (tls->client_hello == NULL || !tls->client_hello->fallback_scsv)
        return;
    draft->finding.severity = starttap_severity_for(at->session, STARTTAP_LOW, 0);
    give_offer(at, draft, tls->client_hello);
    give_choice(at, draft);
    starttap_draft_report(draft, at->core, at->session);
}

static void judge_inappropriate(const struct scene *at, struct starttap_draft *draft)
{
    const struct starttap_tls *tls = at->tls;
    const struct starttap_alert *alert =
        alert_of(tls, STARTTAP_SERVER, ALERT_INAPPROPRIATE_FALLBACK);
    if (alert == NULL)
        return;
    draft->finding.severity = starttap_severity_for(at->session, STARTTAP_MEDIUM, 0);
    if (tls->client_hello != NULL)
        draft->finding.variant = "offer_seen";
    give_offer(at, draft, tls->client_hello);
    starttap_draft_value(draft, "alert", "inappropriate_fallback (86)");
    give_record(draft, STARTTAP_SERVER, alert->where, "inappropriate_fallback");
    starttap_draft_report(draft, at->core, at->session);
}

static void judge_hello_retry(const struct scene *at, struct starttap_draft *draft)
{
    const struct starttap_tls *tls = at->tls;
    if (!tls->hello_retry)
        return;
    draft->finding.severity = starttap_severity_for(at->session, STARTTAP_INFO, 0);
    if (tls->hello_retry_group != 0)
        starttap_draft_names(draft, "group", (struct starttap_u16s){ &tls->hello_retry_group, 1 },
                             1, at->core->group_name);
    if (tls->client_hello != NULL) {
        give_offer(at, draft, tls->client_hello);
        starttap_draft_names(draft, "groups", tls->client_hello->groups, 12, at->core->group_name);
    } else {
        give_record(draft, STARTTAP_SERVER, tls->began_at[STARTTAP_SERVER], "HelloRetryRequest");
    }
    starttap_draft_report(draft, at->core, at->session);
}

/* clang-format off */
static const struct rule rows[] = {
    { "tls.version.negotiated_obsolete", judge_negotiated },
    { "tls.version.offered_obsolete", judge_offered },
    { "tls.version.client_max_obsolete", judge_client_max },
    { "tls.ssl2_hello", judge_ssl2_hello },
    { "tls.downgrade.sentinel", judge_sentinel },
    { "tls.downgrade.fallback_scsv", judge_fallback_scsv },
    { "tls.downgrade.inappropriate_fallback", judge_inappropriate },
    { "tls.hrr", judge_hello_retry },
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

STARTTAP_EXPORT(tls_version)
{
    static const char *const ids[] = {
        "tls.version.negotiated_obsolete",
        "tls.version.offered_obsolete",
        "tls.version.client_max_obsolete",
        "tls.ssl2_hello",
        "tls.downgrade.sentinel",
        "tls.downgrade.fallback_scsv",
        "tls.downgrade.inappropriate_fallback",
        "tls.hrr",
        NULL,
    };
    static const struct starttap_detector detector = {
        .abi = STARTTAP_PLUGIN_ABI,
        .size = sizeof detector,
        .name = "tls_version",
        .scope = STARTTAP_SCOPE_SESSION,
        .rules = ids,
        .judge = judge,
    };
    return &detector;
}
