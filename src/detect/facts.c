/* SPDX-License-Identifier: Apache-2.0
 * facts.c - copies a record into the structs of the plugin door; facts_tls.c and facts_chain.c do
 * their parts.
 */
#include "facts.h"

#include <arpa/inet.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "facts_parts.h"

struct facts {
    atomic_uint holders;
    struct arena arena;
    struct starttap_session session;
};

/* --- pieces --- */

void *facts_alloc(struct arena *arena, size_t len)
{
    void *memory = arena_alloc(arena, len > 0 ? len : 1);
    if (memory != NULL)
        memset(memory, 0, len);
    return memory;
}

const char *facts_text(struct arena *arena, struct text text)
{
    if (text.len == 0)
        return "";
    char clean[LIMIT_CERTIFICATE_NAME_BYTES];
    size_t len = text_clean(text, clean, sizeof clean);
    char *copy = arena_alloc(arena, len + 1);
    if (copy == NULL)
        return "";
    memcpy(copy, clean, len + 1);
    return copy;
}

const char *facts_hex(struct arena *arena, const uint8_t *bytes, size_t len)
{
    char *out = arena_alloc(arena, 2 * len + 1);
    if (out == NULL)
        return "";
    text_hex(bytes, len, out);
    return out;
}

struct starttap_mark facts_mark(struct mark mark)
{
    return (
        struct starttap_mark){ .time_ns = mark.time_ns, .frame = mark.frame, .file = mark.file };
}

/* Enumerators that mean the same have the same numbers on both sides of the door. */
#define SAME(ours, theirs)                                                                         \
    _Static_assert((int)(ours) == (int)(theirs), "plugin.h and the stage differ")
SAME(SIDE_SERVER, STARTTAP_SERVER);
SAME(TRI_NO, STARTTAP_NO);
SAME(TRI_YES, STARTTAP_YES);
SAME(ROLE_LMTP, STARTTAP_ROLE_LMTP);
SAME(ROLE_MX, STARTTAP_ROLE_MX);
SAME(MODE_FOREIGN, STARTTAP_FOREIGN);
SAME(MODE_MIXED, STARTTAP_MIXED);
SAME(MAIL_SIEVE, STARTTAP_SIEVE);
SAME(MAIL_NOTE_GREETING_MASKED, STARTTAP_NOTE_GREETING_MASKED);
SAME(MAIL_NOTE_STARTTLS_REFUSED, STARTTAP_NOTE_STARTTLS_REFUSED);
SAME(MAIL_NOTE_PREAUTH, STARTTAP_NOTE_PREAUTH);
SAME(MAIL_NOTE_AUTH_OFFERED_CLEAR, STARTTAP_NOTE_AUTH_OFFERED_CLEAR);
SAME(MAIL_NOTE_PIPELINED_HELLO, STARTTAP_NOTE_PIPELINED_HELLO);
SAME(EARLY_BEFORE_REPLY, STARTTAP_EARLY_BEFORE_REPLY);
SAME(EARLY_TLS_FOLLOWED, STARTTAP_EARLY_TLS_FOLLOWED);

/* --- the connection --- */

static struct starttap_end end_of(struct arena *arena, const struct flow_info *flow,
                                  const struct address *address, uint16_t port)
{
    struct starttap_end end = { .ip = "", .port = port, .family = flow->ip_version };
    char *printed = arena_alloc(arena, INET6_ADDRSTRLEN);
    memcpy(end.address, address->bytes, sizeof end.address);
    if (printed != NULL && inet_ntop(flow->ip_version == 4 ? AF_INET : AF_INET6, address->bytes,
                                     printed, INET6_ADDRSTRLEN) != NULL)
        end.ip = printed;
    return end;
}

static const struct starttap_stream *stream_of(struct arena *arena, const struct session_record *r,
                                               enum side side)
{
    const struct flow_side *s = &r->flow->sides[side];
    struct starttap_stream *stream = facts_alloc(arena, sizeof *stream);
    if (stream == NULL)
        return NULL;
    *stream = (struct starttap_stream){
        .seen = s->seen,
        .whole = s->seen && s->gaps == 0 && !r->flow->midstream,
        .fin = s->fin,
        .rst = s->rst,
        .ttl = s->ttl,
        .gaps = s->gaps,
        .truncated = s->truncated,
        .bytes = s->bytes,
        .packets = s->packets,
        .stream_bytes = s->stream_bytes,
        .acked_bytes = s->acked_bytes,
    };
    return stream;
}

static enum starttap_how how_of(const struct session_record *r)
{
    static const enum starttap_how hows[] = {
        [FLOW_END_FIN] = STARTTAP_FIN,
        [FLOW_END_RST] = STARTTAP_RST,
        [FLOW_END_TIMEOUT] = STARTTAP_TIMEOUT,
        [FLOW_END_EVICTED] = STARTTAP_EVICTED,
        [FLOW_END_CAPTURE] = STARTTAP_CAPTURE_END,
        [FLOW_END_REUSED] = STARTTAP_TIMEOUT,
    };
    return r->open || r->early ? STARTTAP_OPEN : hows[r->flow->how];
}

static void add_conflicts(struct starttap_session *out, struct arena *arena,
                          const struct flow_info *flow)
{
    size_t count = flow->conflict_count < FLOW_CONFLICTS ? flow->conflict_count : FLOW_CONFLICTS;
    if (flow->conflicts == NULL || count == 0)
        return;
    struct starttap_conflict *list = facts_alloc(arena, count * sizeof *list);
    if (list == NULL)
        return;
    for (size_t i = 0; i < count; i++) {
        const struct flow_conflict *c = &flow->conflicts[i];
        list[i] = (struct starttap_conflict){
            .side = (enum starttap_side)c->side,
            .offset = c->offset,
            .len = c->len,
            .first_hash = c->first_hash,
            .second_hash = c->second_hash,
            .first = facts_mark(c->first),
            .second = facts_mark(c->second),
            .first_ttl = c->first_ttl,
            .second_ttl = c->second_ttl,
            .text = c->text,
        };
    }
    out->conflicts = list;
    out->conflict_count = count;
}

/* --- the dialogue --- */

static void add_notes(struct starttap_mail *out, struct arena *arena, const struct mail_facts *mail)
{
    struct starttap_note *notes = facts_alloc(arena, mail->note_count * sizeof *notes);
    if (notes == NULL)
        return;
    for (size_t i = 0; i < mail->note_count; i++) {
        const struct mail_note *note = &mail->notes[i];
        notes[i] = (struct starttap_note){
            .kind = (enum starttap_note_kind)note->kind,
            .side = (enum starttap_side)note->side,
            .code = note->code,
            .len = note->len,
            .offset = note->offset,
            .where = facts_mark(note->where),
            .word = facts_text(arena, note->word),
        };
    }
    out->notes = notes;
    out->note_count = mail->note_count;
}

_Static_assert(LIMIT_AUTH_ATTEMPTS <= 32, "bits of logins_passed_over");
static void add_logins(struct starttap_mail *out, struct arena *arena,
                       const struct mail_facts *mail)
{
    struct starttap_login *logins = facts_alloc(arena, mail->auth_count * sizeof *logins);
    if (logins == NULL)
        return;
    for (size_t i = 0; i < mail->auth_count; i++) {
        const struct mail_auth *auth = &mail->auth[i];
        logins[i] = (struct starttap_login){
            .mechanism = facts_text(arena, auth->mechanism),
            .secret_sent = auth->secret_sent,
            .succeeded = (enum starttap_tri)auth->succeeded,
            .code = auth->code,
            .offset = auth->offset,
            .where = facts_mark(auth->where),
        };
        out->logins_passed_over |= (uint32_t)(auth->passed_over ? 1 : 0) << i;
    }
    out->logins = logins;
    out->login_count = mail->auth_count;
}

static void add_capabilities(struct starttap_mail *out, struct arena *arena,
                             const struct mail_capabilities *list)
{
    const char **names = facts_alloc(arena, list->count * sizeof *names);
    if (names == NULL)
        return;
    for (size_t i = 0; i < list->count; i++)
        names[i] = facts_text(arena, list->names[i]);
    out->capabilities = names;
    out->capability_count = list->count;
    out->capabilities_complete = list->complete;
    out->capabilities_at = facts_mark(list->where);
    out->capabilities_offset = list->offset;
}

static const struct starttap_mail *mail_of(struct arena *arena, const struct mail_facts *mail)
{
    struct starttap_mail *out = facts_alloc(arena, sizeof *out);
    if (out == NULL)
        return NULL;
    *out = (struct starttap_mail){
        .protocol = (enum starttap_protocol)mail->protocol,
        .greeting_code = mail->greeting_code,
        .greeting_word = facts_text(arena, mail->greeting_word),
        .banner_host = facts_text(arena, mail->banner_host),
        .banner_software = facts_text(arena, mail->banner_software),
        .helo = facts_text(arena, mail->helo),
        .helo_verb = facts_text(arena, mail->helo_verb),
        .greeting_seen = mail->greeting_seen,
        .greeting_complete = mail->greeting_complete,
        .capabilities_asked = mail->capabilities_asked,
        .login_disabled = mail->login_disabled,
        .clear_commands = mail->clear_commands,
        .quit = mail->quit,
        .gap = mail->gap,
        .binary = mail->binary,
        .bare_lf = mail->bare_lf,
        .unknown_commands = mail->unknown_commands,
        .offered = (enum starttap_tri)mail->starttls_offered,
        .requested = (enum starttap_tri)mail->starttls_requested,
        .accepted = (enum starttap_tri)mail->starttls_accepted,
        .reply = facts_text(arena, mail->starttls_reply),
        .requested_at = facts_mark(mail->starttls_requested_at),
        .accepted_at = facts_mark(mail->starttls_accepted_at),
        .clear_command_at = facts_mark(mail->clear_command_at),
        .reply_end = mail->starttls_reply_end,
        .requested_end = mail->starttls_requested_end,
        .ever_offered = mail->starttls_ever_offered,
        .clear_command_offset = mail->clear_command_offset,
        .greeting_at = facts_mark(mail->greeting_at),
        .clear_command = facts_text(arena, mail->clear_command),
        .messages = mail->messages,
        .recipients = mail->recipients,
        .recipients_refused = mail->recipients_refused,
        .content_bytes = mail->content_bytes,
        .client_lines = mail->client_lines,
        .server_lines = mail->server_lines,
        .last_reply = facts_text(arena, mail->last_reply),
    };
    add_capabilities(out, arena, &mail->capabilities);
    add_logins(out, arena, mail);
    add_notes(out, arena, mail);
    return out;
}

/* No command of the client is known from before. */
static bool said_nothing(const struct starttap_mail *mail)
{
    return mail->requested != STARTTAP_YES && !mail->clear_commands && !mail->capabilities_asked &&
           *mail->helo_verb == '\0' && !mail->quit;
}

/* --- all of it --- */

static void fill(struct facts *facts, const struct session_record *r, const struct policy *policy)
{
    struct arena *arena = &facts->arena;
    const struct flow_info *flow = r->flow;
    facts->session = (struct starttap_session){
        .size = sizeof facts->session,
        .id = facts_text(arena, text_of(r->id)),
        .ended = !r->open && !r->early,
        .now_ns = r->now_ns,
        .start_ns = flow->first.time_ns,
        .end_ns = flow->last.time_ns,
        .client = end_of(arena, flow, &flow->client, flow->client_port),
        .server = end_of(arena, flow, &flow->server, flow->server_port),
        .streams = { stream_of(arena, r, SIDE_CLIENT), stream_of(arena, r, SIDE_SERVER) },
        .midstream = flow->midstream,
        .guessed = flow->guessed,
        .how = how_of(r),
        .ended_by_known = flow->ended_by_known,
        .ended_by = (enum starttap_side)flow->ended_by,
        .end_at = facts_mark(flow->end),
        .end_ttl = flow->end_ttl,
        .protocol_name = r->protocol,
        .application = r->application != NULL ? r->application : "",
        .proxy = r->proxy != NULL ? r->proxy : "",
        .service_port = r->proxy_port != 0 ? r->proxy_port : flow->server_port,
        .mail_port = r->mail_port,
        .nothing_said = r->silent,
        .role = (enum starttap_role)r->role,
        .mode = (enum starttap_mode)r->mode,
        .binary = { r->binary[SIDE_CLIENT], r->binary[SIDE_SERVER] },
    };
    struct starttap_session *out = &facts->session;
    add_conflicts(out, arena, flow);
    if (r->mail != NULL)
        out->mail = mail_of(arena, r->mail);
    if (r->tls != NULL)
        out->tls = facts_tls(arena, r->tls);
    out->tls_first = out->tls != NULL && out->tls->began[STARTTAP_CLIENT] && !flow->midstream &&
                     (out->mail == NULL || said_nothing(out->mail));
    if (r->chain != NULL)
        out->chain = facts_chain(arena, r);
    if (r->client_chain != NULL)
        out->client_chain = facts_client_chain(arena, r);
    struct starttap_policy *said = facts_alloc(arena, sizeof *said);
    if (said != NULL)
        policy_fill(policy, out, arena, said);
    out->policy = said;
}

static bool is_whole(const struct facts *facts)
{
    return !facts->arena.exhausted && facts->session.policy != NULL;
}

struct facts *facts_new(const struct session_record *record, const struct policy *policy)
{
    struct facts *facts = calloc(1, sizeof *facts);
    if (facts == NULL)
        return NULL;
    atomic_init(&facts->holders, 1);
    arena_init(&facts->arena, LIMIT_FACTS_BYTES);
    fill(facts, record, policy);
    if (is_whole(facts))
        return facts;
    facts_release(facts); /* half of the facts would be other facts */
    return NULL;
}

struct facts *facts_hold(struct facts *facts)
{
    atomic_fetch_add(&facts->holders, 1);
    return facts;
}

void facts_release(struct facts *facts)
{
    if (facts == NULL || atomic_fetch_sub(&facts->holders, 1) > 1)
        return;
    arena_free(&facts->arena);
    free(facts);
}

const struct starttap_session *facts_session(const struct facts *facts) { return &facts->session; }
