/* SPDX-License-Identifier: Apache-2.0
 * logins.c - logins outside TLS: what each mechanism gives away, what came of it, and how many.
 */
#include <string.h>

#include "rules.h"

/* What a listener gets, by mechanism; the last row is for names that nobody knows. A variant picks
 * the words. RFC 4616, 6331, 7628, 5802, 2195, 1939 section 7, 4505, 4422 appendix A. */
static const struct exposed {
    const char *mechanism;
    enum starttap_severity severity;
    const char *variant;
} exposures[] = {
    { "PLAIN", STARTTAP_CRITICAL, "password" },
    { "LOGIN", STARTTAP_CRITICAL, "password" },
    { "LOGIN-COMMAND", STARTTAP_CRITICAL, "password" },
    { "USER", STARTTAP_CRITICAL, "password" },
    { "XOAUTH2", STARTTAP_CRITICAL, "token" },
    { "OAUTHBEARER", STARTTAP_CRITICAL, "token" },
    { "XOAUTH", STARTTAP_CRITICAL, "token" },
    { "XYMPKI", STARTTAP_CRITICAL, "token" },
    { "CRAM-MD5", STARTTAP_HIGH, "response" },
    { "APOP", STARTTAP_HIGH, "response" },
    { "DIGEST-MD5", STARTTAP_HIGH, "response" },
    { "NTLM", STARTTAP_HIGH, "ntlm" },
    { "MSN", STARTTAP_HIGH, "ntlm" },
    { "GSS-SPNEGO", STARTTAP_HIGH, "ntlm" },
    { "SCRAM-SHA-1", STARTTAP_MEDIUM, "scram" },
    { "SCRAM-SHA-1-PLUS", STARTTAP_MEDIUM, "scram" },
    { "SCRAM-SHA-256", STARTTAP_MEDIUM, "scram" },
    { "SCRAM-SHA-256-PLUS", STARTTAP_MEDIUM, "scram" },
    { "SCRAM-SHA-512", STARTTAP_MEDIUM, "scram" },
    { "SCRAM-SHA-512-PLUS", STARTTAP_MEDIUM, "scram" },
    { "SRP", STARTTAP_MEDIUM, "scram" },
    { "GSSAPI", STARTTAP_LOW, "names" },
    { "GS2-KRB5", STARTTAP_LOW, "names" },
    { "GS2-KRB5-PLUS", STARTTAP_LOW, "names" },
    { "KERBEROS_V4", STARTTAP_LOW, "names" },
    { "KERBEROS_V5", STARTTAP_LOW, "names" },
    { "EXTERNAL", STARTTAP_LOW, "names" },
    { "ANONYMOUS", STARTTAP_INFO, "names" },
    { "", STARTTAP_MEDIUM, "other" },
};

static const struct exposed *exposed_by(const struct starttap_login *login)
{
    const struct exposed *row = exposures;
    while (*row->mechanism != '\0' && strcmp(row->mechanism, login->mechanism) != 0)
        row++;
    return row;
}

/* The server turned it down before anything secret was said. Whoever only broke off (an answer of
 * "*") was not turned down, and gave nothing away. RFC 4954 section 6. */
static bool was_rejected(const struct starttap_mail *mail, const struct starttap_login *login)
{
    static const uint32_t codes[] = { 500, 502, 503, 504, 530, 534, 538, 550, 554 };
    if (login->secret_sent || login->succeeded != STARTTAP_NO)
        return false;
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++)
        if (login->code == codes[i])
            return true;
    bool one_step = strcmp(login->mechanism, "USER") == 0 ||
                    strcmp(login->mechanism, "APOP") == 0 ||
                    strcmp(login->mechanism, "LOGIN-COMMAND") == 0;
    if (one_step)
        return true;
    const struct starttap_note *note = starttap_note_find(mail, STARTTAP_NOTE_STARTTLS_REQUIRED);
    return note != NULL && note->where.time_ns >= login->where.time_ns;
}

static bool same_mechanism(const struct starttap_login *a, const struct starttap_login *b)
{
    return strcmp(a->mechanism, b->mechanism) == 0;
}

/* The login that stands for all of its mechanism: the first that gave the secret away, else the
 * first that was turned down. NULL if `at` is not the first of its mechanism, or none is worth it.
 */
static const struct starttap_login *first_of(const struct starttap_mail *mail, size_t at)
{
    for (size_t i = 0; i < at; i++)
        if (same_mechanism(&mail->logins[i], &mail->logins[at]))
            return NULL;
    const struct starttap_login *rejected = NULL;
    for (size_t i = at; i < mail->login_count; i++) {
        const struct starttap_login *login = &mail->logins[i];
        if (!same_mechanism(login, &mail->logins[at]))
            continue;
        if (login->secret_sent)
            return login;
        if (rejected == NULL && was_rejected(mail, login))
            rejected = login;
    }
    return rejected;
}

static size_t attempts_of(const struct starttap_mail *mail, const struct starttap_login *login)
{
    size_t count = 0;
    for (size_t i = 0; i < mail->login_count; i++)
        count += same_mechanism(&mail->logins[i], login) ? 1 : 0;
    return count;
}

static void add_login(struct starttap_draft *draft, const struct starttap_login *login)
{
    starttap_draft_value(draft, "mechanism", mechanism_word(login->mechanism));
    if (login->code != 0)
        starttap_draft_number(draft, "code", login->code);
    starttap_draft_evidence(draft, (struct starttap_evidence){ .kind = "command",
                                                               .side = STARTTAP_CLIENT,
                                                               .where = login->where,
                                                               .offset = login->offset,
                                                               .text = login->mechanism });
}

/* Where the same protocol is spoken under TLS, for the reader. */
static void add_ports(struct starttap_draft *draft, const struct starttap_mail *mail)
{
    static const struct {
        const char *tls, *starttls;
    } ports[] = {
        [STARTTAP_SMTP] = { "465", "587" }, [STARTTAP_POP3] = { "995", "110" },
        [STARTTAP_IMAP] = { "993", "143" }, [STARTTAP_SIEVE] = { "", "4190" },
        [STARTTAP_LMTP] = { "", "" },
    };
    if ((size_t)mail->protocol >= sizeof ports / sizeof ports[0] ||
        ports[mail->protocol].tls == NULL)
        return;
    bool both = *ports[mail->protocol].tls != '\0';
    starttap_draft_value(draft, "tls_port", ports[mail->protocol].tls);
    starttap_draft_value(draft, both ? "starttls_port" : "only_port",
                         ports[mail->protocol].starttls);
}

/* A line of a message can look like a login. Where the command before it may be missing, only an
 * answer to it proves that it is none; 250 is for messages (RFC 4954 section 6: 235).
 */
static bool may_be_content(const struct starttap_session *session,
                           const struct starttap_login *login)
{
    bool answered = login->succeeded != STARTTAP_UNKNOWN && login->code != 250;
    return (session->midstream || !session->streams[STARTTAP_CLIENT]->whole) && !answered &&
           session->streams[STARTTAP_SERVER]->seen;
}

/* The client had seen the offer, and had not asked for TLS: all that it said was seen. */
static bool passed_over_tls(const struct starttap_session *session,
                            const struct starttap_login *login)
{
    const struct starttap_mail *mail = session->mail;
    if (!session->streams[STARTTAP_CLIENT]->whole || session->guessed || mail->gap ||
        is_list_doubtful(session))
        return false;
    return (mail->logins_passed_over >> (login - mail->logins) & 1) != 0;
}

/* A masked or altered command stands where STARTTLS was. */
static bool was_rewritten(const struct starttap_mail *mail)
{
    return starttap_note_find(mail, STARTTAP_NOTE_COMMAND_MASKED) != NULL ||
           starttap_note_find(mail, STARTTAP_NOTE_COMMAND_ALTERED) != NULL;
}

/* Whether exposure_before_starttls() tells of this one: whose setting it is, and which. */
static bool is_told_elsewhere(const struct starttap_session *session,
                              const struct starttap_login *login)
{
    return login->secret_sent && exposed_by(login)->severity >= STARTTAP_MEDIUM &&
           passed_over_tls(session, login) && !was_rewritten(session->mail);
}

void exposure_login(const char *rule, const struct starttap_session *session,
                    const struct starttap_core *core)
{
    const struct starttap_mail *mail = session->mail;
    for (size_t i = 0; i < mail->login_count; i++) {
        const struct starttap_login *login = first_of(mail, i);
        if (login == NULL || (!login->secret_sent && !session->ended) ||
            may_be_content(session, login))
            continue;
        const struct exposed *row = exposed_by(login);
        struct starttap_draft draft = {
            .finding = { .rule = rule, .confidence = 99, .key = login->mechanism }
        };
        draft.finding.variant = login->secret_sent ? row->variant : "rejected";
        draft.finding.severity = with_policy(
            session, starttap_severity_step(row->severity, login->secret_sent ? 0 : -1));
        add_login(&draft, login);
        starttap_draft_number(&draft, "attempts", attempts_of(mail, login));
        add_offer(&draft, session, login->offset);
        if (!is_told_elsewhere(session, login))
            add_ports(&draft, mail);
        starttap_draft_report(&draft, core, session);
    }
}

/* What came of the logins of one mechanism, the best of them. */
static const char *result_of(const struct starttap_mail *mail, const struct starttap_login *of)
{
    const char *result = "unknown";
    for (size_t i = 0; i < mail->login_count; i++) {
        const struct starttap_login *login = &mail->logins[i];
        if (!same_mechanism(login, of))
            continue;
        if (login->succeeded == STARTTAP_YES)
            return "success";
        if (login->succeeded == STARTTAP_NO)
            result = login->code == 454 || was_rejected(mail, login) ? "refused" : "failure";
    }
    return result;
}

void exposure_result(const char *rule, const struct starttap_session *session,
                     const struct starttap_core *core)
{
    const struct starttap_mail *mail = session->mail;
    for (size_t i = 0; session->ended && i < mail->login_count; i++) {
        const struct starttap_login *login = first_of(mail, i);
        if (login == NULL || may_be_content(session, login))
            continue;
        struct starttap_draft draft = {
            .finding = { .rule = rule, .confidence = 99, .key = login->mechanism }
        };
        draft.finding.variant = result_of(mail, login);
        starttap_draft_value(&draft, "result", draft.finding.variant);
        add_login(&draft, login);
        starttap_draft_number(&draft, "attempts", attempts_of(mail, login));
        starttap_draft_report(&draft, core, session);
    }
}

void exposure_before_starttls(const char *rule, const struct starttap_session *session,
                              const struct starttap_core *core)
{
    const struct starttap_mail *mail = session->mail;
    const struct starttap_login *worst = NULL;
    enum starttap_severity severity = STARTTAP_INFO;
    for (size_t i = 0; i < mail->login_count; i++) {
        const struct starttap_login *login = &mail->logins[i];
        enum starttap_severity given = exposed_by(login)->severity;
        bool turned_down = session->ended && session->how != STARTTAP_CAPTURE_END &&
                           mail->requested != STARTTAP_YES && was_rejected(mail, login);
        if (given < STARTTAP_MEDIUM || !passed_over_tls(session, login) || was_rewritten(mail) ||
            (!login->secret_sent && !turned_down))
            continue;
        enum starttap_severity now =
            login->secret_sent && given >= STARTTAP_HIGH ? STARTTAP_CRITICAL : STARTTAP_HIGH;
        if (now <= severity)
            continue;
        severity = now;
        worst = login;
    }
    if (worst == NULL)
        return;
    struct starttap_draft draft = { .finding = { .rule = rule, .confidence = 99 } };
    draft.finding.variant = worst->secret_sent ? exposed_by(worst)->variant : "rejected";
    draft.finding.severity = with_policy(session, severity);
    add_login(&draft, worst);
    add_offer(&draft, session, worst->offset);
    add_ports(&draft, mail);
    starttap_draft_report(&draft, core, session);
}

/* Ten failures within a minute; here of one connection. */
void exposure_bruteforce(const char *rule, const struct starttap_session *session,
                         const struct starttap_core *core)
{
    enum { FAILURES = 10 };
    const int64_t minute_ns = INT64_C(60) * 1000000000;
    const struct starttap_mail *mail = session->mail;
    const struct starttap_login *failed[FAILURES] = { NULL }; /* the last ones, as a ring */
    size_t count = 0;
    for (size_t i = 0; i < mail->login_count; i++) {
        const struct starttap_login *login = &mail->logins[i];
        if (!login->secret_sent || login->succeeded != STARTTAP_NO)
            continue;
        failed[count++ % FAILURES] = login;
        const struct starttap_login *first = count < FAILURES ? NULL : failed[count % FAILURES];
        if (first == NULL || login->where.time_ns - first->where.time_ns > minute_ns)
            continue;
        struct starttap_draft draft = { .finding = { .rule = rule, .confidence = 90 } };
        draft.finding.severity = with_policy(session, STARTTAP_MEDIUM);
        starttap_draft_number(&draft, "failures", FAILURES);
        starttap_draft_number(&draft, "seconds",
                              (uint64_t)(login->where.time_ns - first->where.time_ns) / 1000000000 +
                                  1);
        add_login(&draft, first);
        starttap_draft_report(&draft, core, session);
        return;
    }
}
