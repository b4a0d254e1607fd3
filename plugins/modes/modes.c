/* SPDX-License-Identifier: Apache-2.0
 * modes.c - a client and a port that do not speak the same way: TLS where a greeting comes first, a
 * greeting where TLS comes first, nobody beginning, or no mail at all.
 *
 * RFC 8314 sections 3 and 7.3: 465, 993 and 995 begin with TLS; 25, 587, 110, 143 and 4190 begin
 * with a greeting and change to TLS when asked (STARTTLS, STLS).
 */
#include <string.h>

#include "plugin.h"

/* Reports what it finds; `rule` is the id of its row. */
typedef void mode_rule(const char *rule, const struct starttap_session *session,
                       const struct starttap_core *core);

static const struct service { /* a port and where the same service is spoken the other way */
    uint16_t port, other;
    bool implicit;
    const char *what;
} services[] = {
    { 25, 465, false, "SMTP" },        { 26, 465, false, "SMTP" },
    { 587, 465, false, "submission" }, { 2525, 465, false, "submission" },
    { 110, 995, false, "POP3" },       { 143, 993, false, "IMAP" },
    { 4190, 0, false, "ManageSieve" }, { 24, 0, false, "LMTP" },
    { 465, 587, true, "submission" },  { 993, 143, true, "IMAP" },
    { 995, 110, true, "POP3" },
};

static const struct service *service_of(const struct starttap_session *session)
{
    for (size_t i = 0; i < sizeof services / sizeof services[0]; i++)
        if (services[i].port == session->service_port)
            return &services[i];
    return NULL;
}

/* From its first byte on: a hole may have held the greeting, or the request for TLS. */
static bool all_seen(const struct starttap_session *session)
{
    return session->streams[STARTTAP_CLIENT]->whole && session->streams[STARTTAP_SERVER]->whole &&
           !session->guessed;
}

static bool is_implicit(const struct starttap_session *session)
{
    const struct service *service = service_of(session);
    return service != NULL && service->implicit;
}

/* --- what every finding of these says --- */

static struct starttap_draft draft_of(const char *rule, const struct starttap_session *session,
                                      enum starttap_severity severity)
{
    const struct service *service = service_of(session);
    struct starttap_draft draft = { .finding = {
                                        .rule = rule, .severity = severity, .confidence = 99 } };
    if (service != NULL)
        starttap_draft_value(&draft, "service", service->what);
    return draft;
}

/* "465": the port on which the same service begins the other way. */
static void add_other_port(struct starttap_draft *draft, const struct starttap_session *session)
{
    const struct service *service = service_of(session);
    if (service != NULL && service->other != 0)
        starttap_draft_number(draft, "other_port", service->other);
}

/* RFC 9051 section 7.1: an untagged response. */
static const char *imap_greeting(const char *word)
{
    static const char *const greetings[] = { "* OK", "* PREAUTH", "* BYE" };
    for (size_t i = 0; i < sizeof greetings / sizeof greetings[0]; i++)
        if (strcmp(greetings[i] + 2, word) == 0)
            return greetings[i];
    return word;
}

/* How the server's text began: "220", "+OK", "* OK" … */
static void add_greeting(struct starttap_draft *draft, const struct starttap_mail *mail)
{
    if (!mail->greeting_seen)
        starttap_draft_value(draft, "greeting", mail->last_reply);
    else if (mail->greeting_code != 0)
        starttap_draft_number(draft, "greeting", mail->greeting_code);
    else if (mail->protocol == STARTTAP_IMAP)
        starttap_draft_value(draft, "greeting", imap_greeting(mail->greeting_word));
    else
        starttap_draft_value(draft, "greeting", mail->greeting_word);
    starttap_draft_evidence(draft, (struct starttap_evidence){
                                       .kind = "reply",
                                       .side = STARTTAP_SERVER,
                                       .where = mail->greeting_at,
                                       .text = draft->values[draft->finding.value_count - 1].value,
                                   });
}

static void add_hello(struct starttap_draft *draft, const struct starttap_session *session)
{
    starttap_draft_evidence(draft, (struct starttap_evidence){
                                       .kind = "record",
                                       .side = STARTTAP_CLIENT,
                                       .where = session->tls->began_at[STARTTAP_CLIENT],
                                       .text = "ClientHello",
                                   });
}

static void add_end(struct starttap_draft *draft, const struct starttap_session *session)
{
    starttap_draft_evidence(draft, (struct starttap_evidence){ .kind = "end",
                                                               .side = session->ended_by,
                                                               .where = session->end_at });
}

/* --- rules --- */

/* A ClientHello at byte 0, and a greeting for an answer. */
/* The server's TLS can still come: not where it had time enough, or where the session is over. */
static bool may_go_on(const struct starttap_session *session)
{
    const int64_t patience_ns = INT64_C(10) * 1000000000;
    bool over = session->ended && session->how != STARTTAP_CAPTURE_END;
    return !over && session->now_ns - session->tls->client_hello->where.time_ns < patience_ns;
}

static void judge_tls_on_starttls_port(const char *rule, const struct starttap_session *session,
                                       const struct starttap_core *core)
{
    const struct starttap_mail *mail = session->mail;
    if (!session->tls_first || mail == NULL || is_implicit(session) || !all_seen(session) ||
        session->tls->client_hello == NULL || session->tls->began[STARTTAP_SERVER] ||
        mail->server_lines == 0 || may_go_on(session))
        return;
    struct starttap_draft draft = draft_of(rule, session, STARTTAP_LOW);
    draft.finding.attribution = STARTTAP_ATTRIBUTION_MISCONFIGURATION;
    add_hello(&draft, session);
    add_greeting(&draft, mail);
    starttap_draft_value(&draft, "version",
                         core->version_name(session->tls->client_hello->version_max));
    starttap_draft_value(&draft, "last_reply", mail->last_reply);
    add_other_port(&draft, session);
    starttap_draft_report(&draft, core, session);
}

/* Commands to a server that waits for a ClientHello: it never greets. */
static void judge_plaintext_on_implicit_port(const char *rule,
                                             const struct starttap_session *session,
                                             const struct starttap_core *core)
{
    const struct starttap_mail *mail = session->mail;
    const struct starttap_stream *server = session->streams[STARTTAP_SERVER];
    bool silent = mail != NULL && !mail->greeting_seen && mail->server_lines == 0;
    if (!silent || !is_implicit(session) || mail->client_lines == 0 || !session->ended ||
        !server->whole || session->guessed || session->how == STARTTAP_CAPTURE_END)
        return;
    bool secret = false;
    const struct starttap_login *login = mail->login_count > 0 ? &mail->logins[0] : NULL;
    for (size_t i = 0; i < mail->login_count; i++)
        secret = secret || mail->logins[i].secret_sent;
    struct starttap_draft draft = draft_of(rule, session, secret ? STARTTAP_MEDIUM : STARTTAP_LOW);
    draft.finding.variant = secret ? "secret" : "";
    draft.finding.attribution = STARTTAP_ATTRIBUTION_MISCONFIGURATION;
    const char *command = mail->clear_commands       ? mail->clear_command
                          : *mail->helo_verb != '\0' ? mail->helo_verb
                                                     : "";
    starttap_draft_value(&draft, "command", command);
    if (login != NULL)
        starttap_draft_value(&draft, "mechanism",
                             strcmp(login->mechanism, "LOGIN-COMMAND") == 0 ? "the command LOGIN"
                                                                            : login->mechanism);
    starttap_draft_number(&draft, "lines", mail->client_lines);
    if (server->stream_bytes > 0)
        starttap_draft_number(&draft, "answered", server->stream_bytes);
    add_other_port(&draft, session);
    starttap_draft_evidence(&draft,
                            (struct starttap_evidence){
                                .kind = "command",
                                .side = STARTTAP_CLIENT,
                                .where = login != NULL ? login->where : mail->clear_command_at,
                                .offset = login != NULL ? login->offset : 0,
                                .text = command,
                            });
    add_end(&draft, session);
    starttap_draft_report(&draft, core, session);
}

/* A connection on which nobody began. The core hands over those that were open for ten seconds, and
 * were seen from their first packet to their last. */
static void judge_deadlock(const char *rule, const struct starttap_session *session,
                           const struct starttap_core *core)
{
    if (!session->nothing_said || service_of(session) == NULL || session->midstream ||
        !session->streams[STARTTAP_CLIENT]->whole || !session->streams[STARTTAP_SERVER]->whole)
        return;
    struct starttap_draft draft = draft_of(rule, session, STARTTAP_LOW);
    draft.finding.confidence = is_implicit(session) ? 70 : 40;
    draft.finding.variant = is_implicit(session) ? "" : "no_greeting";
    starttap_draft_number(&draft, "seconds",
                          (uint64_t)(session->end_ns - session->start_ns) / 1000000000);
    const char *end = session->how == STARTTAP_TIMEOUT       ? ""
                      : !session->ended_by_known             ? ""
                      : session->ended_by == STARTTAP_CLIENT ? "client"
                                                             : "server";
    starttap_draft_value(&draft, "ended_by", end);
    add_other_port(&draft, session);
    add_end(&draft, session);
    starttap_draft_report(&draft, core, session);
}

static void judge_clear_service_on_implicit_port(const char *rule,
                                                 const struct starttap_session *session,
                                                 const struct starttap_core *core)
{
    const struct starttap_mail *mail = session->mail;
    if (mail == NULL || !mail->greeting_seen || !is_implicit(session) || session->guessed)
        return;
    struct starttap_draft draft = draft_of(rule, session, STARTTAP_MEDIUM);
    draft.finding.attribution = STARTTAP_ATTRIBUTION_MISCONFIGURATION;
    draft.finding.variant = session->tls_first && all_seen(session) ? "tls_client" : "";
    add_greeting(&draft, mail);
    if (session->tls_first)
        add_hello(&draft, session);
    if (mail->ever_offered)
        starttap_draft_value(&draft, "offered",
                             mail->protocol == STARTTAP_POP3 ? "STLS" : "STARTTLS");
    add_other_port(&draft, session);
    starttap_draft_report(&draft, core, session);
}

static void judge_implicit_tls_on_starttls_port(const char *rule,
                                                const struct starttap_session *session,
                                                const struct starttap_core *core)
{
    const struct service *service = service_of(session);
    if (service == NULL || service->implicit || !session->tls_first || session->mail != NULL ||
        !all_seen(session) || session->tls->established != STARTTAP_YES ||
        session->tls->server_hello == NULL)
        return;
    struct starttap_draft draft = draft_of(rule, session, STARTTAP_INFO);
    starttap_draft_value(&draft, "version",
                         core->version_name(session->tls->server_hello->version));
    add_other_port(&draft, session);
    add_hello(&draft, session);
    starttap_draft_report(&draft, core, session);
}

/* nDPI's name of it, or what the mail follower saw of it. */
/* A proxy, if its answer is only missing: what follows is said to somebody else. */
static bool may_be_tunnel(const struct starttap_session *session, const struct starttap_note *note)
{
    return note != NULL && strcmp(note->word, "CONNECT") == 0 &&
           !session->streams[STARTTAP_SERVER]->whole;
}

static void judge_http(const char *rule, const struct starttap_session *session,
                       const struct starttap_core *core)
{
    const struct starttap_note *note = starttap_note_find(session->mail, STARTTAP_NOTE_HTTP);
    bool foreign = session->mode == STARTTAP_FOREIGN && session->mail_port &&
                   strncmp(session->application, "http", 4) == 0;
    if ((note == NULL && !(foreign && session->ended)) || !session->streams[STARTTAP_CLIENT]->whole)
        return; /* a line that is not the first may be a message's */
    if (may_be_tunnel(session, note))
        return;
    bool commands = note != NULL && note->code == 1;
    struct starttap_draft draft =
        draft_of(rule, session, commands ? STARTTAP_MEDIUM : STARTTAP_LOW);
    draft.finding.variant = commands ? "commands" : note == NULL ? "foreign" : "";
    starttap_draft_value(&draft, "method", note != NULL ? note->word : "HTTP");
    if (note != NULL)
        starttap_draft_evidence(&draft, (struct starttap_evidence){ .kind = "command",
                                                                    .side = STARTTAP_CLIENT,
                                                                    .where = note->where,
                                                                    .offset = note->offset,
                                                                    .text = note->word });
    else
        add_end(&draft, session);
    if (session->mail != NULL)
        starttap_draft_value(&draft, "last_reply", session->mail->last_reply);
    starttap_draft_report(&draft, core, session);
}

/* A port that the operator does not list is a breach; without a list it is a remark. */
static void judge_mail_on_other_port(const char *rule, const struct starttap_session *session,
                                     const struct starttap_core *core)
{
    bool breach = session->policy->port_list && !session->policy->port_allowed;
    bool usual = session->policy->port_list ? session->policy->port_allowed : session->mail_port;
    if (session->mail == NULL || usual || session->mail->protocol == STARTTAP_NO_MAIL ||
        session->guessed || session->mail->server_lines == 0)
        return;
    struct starttap_draft draft = draft_of(rule, session, breach ? STARTTAP_LOW : STARTTAP_INFO);
    draft.finding.variant = breach ? "policy" : "";
    if (breach)
        draft.finding.attribution = STARTTAP_ATTRIBUTION_POLICY;
    starttap_draft_number(&draft, "port", session->service_port);
    add_greeting(&draft, session->mail);
    starttap_draft_report(&draft, core, session);
}

/* The web's protocols in ALPN (RFC 7301 section 6, IANA), or a name that only a web server has. */
static const char *web_mark(const struct starttap_client_hello *hello)
{
    static const char *const marks[] = { "h2", "http/1.1", "http/1.0", "h3", "spdy/3.1" };
    for (size_t i = 0; i < hello->alpn_count; i++)
        for (size_t m = 0; m < sizeof marks / sizeof marks[0]; m++)
            if (strcmp(hello->alpn[i], marks[m]) == 0)
                return marks[m];
    return strncmp(hello->server_name, "www.", 4) == 0 ? hello->server_name : NULL;
}

static void judge_tls_other_protocol(const char *rule, const struct starttap_session *session,
                                     const struct starttap_core *core)
{
    if (!session->tls_first || !session->mail_port || session->tls->client_hello == NULL ||
        session->midstream || !session->streams[STARTTAP_CLIENT]->whole)
        return;
    const char *mark = web_mark(session->tls->client_hello);
    if (mark == NULL)
        return;
    struct starttap_draft draft = draft_of(rule, session, STARTTAP_INFO);
    starttap_draft_value(&draft, "mark", mark);
    if (session->tls->server_hello != NULL)
        starttap_draft_value(&draft, "chosen", session->tls->server_hello->alpn);
    add_hello(&draft, session);
    starttap_draft_report(&draft, core, session);
}

/* --- the detector --- */

/* clang-format off */
static const struct rule {
    const char *id;
    mode_rule *judge;
} rules[] = {
    { "mode.tls_on_starttls_port",           judge_tls_on_starttls_port },
    { "mode.plaintext_on_implicit_port",     judge_plaintext_on_implicit_port },
    { "mode.deadlock",                       judge_deadlock },
    { "mode.clear_service_on_implicit_port", judge_clear_service_on_implicit_port },
    { "mode.implicit_tls_on_starttls_port",  judge_implicit_tls_on_starttls_port },
    { "mode.http_on_mail_port",              judge_http },
    { "mode.mail_on_other_port",             judge_mail_on_other_port },
    { "mode.tls_other_protocol",             judge_tls_other_protocol },
};

static const char *const ids[] = {
    "mode.tls_on_starttls_port",
    "mode.plaintext_on_implicit_port",
    "mode.deadlock",
    "mode.clear_service_on_implicit_port",
    "mode.implicit_tls_on_starttls_port",
    "mode.http_on_mail_port",
    "mode.mail_on_other_port",
    "mode.tls_other_protocol",
    NULL,
};
/* clang-format on */

static void judge(void *state, const void *prepared, const struct starttap_session *session,
                  const struct starttap_core *core)
{
    (void)state;
    (void)prepared;
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++)
        rules[i].judge(rules[i].id, session, core);
}

STARTTAP_EXPORT(modes)
{
    static const struct starttap_detector detector = {
        .abi = STARTTAP_PLUGIN_ABI,
        .size = sizeof detector,
        .name = "modes",
        .scope = STARTTAP_SCOPE_SESSION,
        .rules = ids,
        .judge = judge,
    };
    return &detector;
}
