/* SPDX-License-Identifier: Apache-2.0
 * session.c - the consumer of a flow: recognise, follow, report.
 *
 *   first bytes --recognise--> mail (text) --STARTTLS--> TLS
 *                          \-> TLS from the first byte
 *                          \-> something else: named on a mail port, let go elsewhere
 *
 * Bytes that cannot be judged yet are left with the flow, which offers them again; only the
 * beginnings are copied, because both sides' are needed at once to recognise a protocol, and for
 * its name.
 */
#include <stdlib.h>
#include <string.h>

#include "crypto.h"
#include "hash.h"
#include "judge.h"
#include "session_state.h"

bool session_is_mail_port(const struct session_options *options, uint16_t port)
{
    for (size_t i = 0; i < options->port_count; i++)
        if (options->ports[i] == port)
            return true;
    return false;
}

/* --- opening and forgetting --- */

static void *session_open(void *context, struct flow *flow, const struct flow_info *info)
{
    struct session_context *c = context;
    struct session *s = calloc(1, sizeof *s);
    if (s == NULL)
        return NULL;
    s->first = calloc(SIDE_COUNT, sizeof *s->first);
    if (s->first == NULL) {
        free(s);
        return NULL;
    }
    s->context = c;
    s->flow = flow;
    s->client_port = info->client_port;
    s->server_port = info->server_port;
    s->mail_port = session_is_mail_port(c->options, info->server_port) ||
                   (info->guessed && session_is_mail_port(c->options, info->client_port));
    arena_init_tight(&s->arena, LIMIT_SESSION_BYTES);
    return s;
}

static void session_free(struct session *s)
{
    if (s == NULL)
        return;
    tls_free(s->tls);
    arena_free(&s->arena);
    recognise_forget(s);
    free(s);
}

/* --- reporting --- */

static const struct tls_chain *chain_of(const struct session *s, enum side side)
{
    const struct tls_facts *tls = tls_facts(s->tls);
    return side == SIDE_SERVER ? &tls->server_chain : &tls->client_chain;
}

/* When a chain is there, not when it is reported: many sessions may be reported at one instant. */
static void ask_budget(struct session *s, enum side side, const struct flow_info *info)
{
    const struct tls_chain *chain = chain_of(s, side);
    const struct address *sender = side == SIDE_SERVER ? &info->server : &info->client;
    if (s->chain_asked[side] || chain->count == 0)
        return;
    uint8_t key[SHA256_SIZE];
    crypto_sha256_framed(chain->certificates, chain->count, key);
    uint8_t *kept = arena_alloc(&s->arena, sizeof key);
    if (kept != NULL)
        memcpy(kept, key, sizeof key);
    s->chain_key[side] = kept;
    s->chain_asked[side] = true;
    s->chain_granted[side] = x509_budget_grant(
        s->context->budget, key, hash_bytes(sender->bytes, sizeof sender->bytes, 0), info->now_ns);
    s->context->counters.chains_over_budget += s->chain_granted[side] ? 0 : 1;
}

static void watch_chains(struct session *s, enum side side)
{
    if (s->tls == NULL || s->chain_asked[side] || chain_of(s, side)->count == 0)
        return;
    struct flow_info info;
    flow_info_get(s->flow, &info);
    ask_budget(s, side, &info);
}

static const struct x509_chain *hold_chain(struct session *s, enum side side,
                                           struct session_record *record)
{
    const struct tls_chain *chain = chain_of(s, side);
    if (chain->count == 0)
        return NULL;
    ask_budget(s, side, record->flow);
    if (s->chain_granted[side])
        return x509_chain_hold(s->context->cache, s->chain_key[side], chain->certificates,
                               chain->count);
    return x509_chain_hold_unparsed(s->context->cache, s->chain_key[side], chain->certificates,
                                    chain->count);
}

static void add_certificates(struct session *s, struct session_record *record)
{
    const struct session_context *context = s->context;
    struct x509_cache *cache = context->cache;
    const struct tls_chain *server = chain_of(s, SIDE_SERVER);
    record->chain = hold_chain(s, SIDE_SERVER, record);
    record->client_chain = hold_chain(s, SIDE_CLIENT, record);
    if (record->chain == NULL)
        return;
    int64_t at_s = server->where.time_ns / INT64_C(1000000000);
    record->verification =
        x509_chain_verify(cache, record->chain, server->certificates, at_s, false);
    record->anchor = x509_chain_anchor(record->chain, &record->verification);
    server_names_fill(record, context);
}

static void count_record(struct session_counters *counters, const struct session_record *record)
{
    if (record->early)
        return;
    if (record->open) {
        counters->open_records++;
        return;
    }
    counters->records++;
    counters->protocols[record->mail == NULL ? MAIL_NONE : record->mail->protocol]++;
    counters->modes[record->mode]++;
    counters->verdicts[record->verdict]++;
    for (unsigned i = 0; i < REASON_COUNT; i++)
        if ((record->reasons & 1u << i) != 0)
            counters->reasons[i]++;
    if (record->tls != NULL && record->tls->server_hello.seen) {
        uint16_t version = record->tls->server_hello.version;
        size_t slot = version < 0x0301 ? 0 : version > 0x0304 ? 4 : (size_t)(version - 0x0300);
        counters->tls_versions[slot]++;
    }
}

uint32_t session_first_number(const struct flow_info *flow, enum side side)
{
    return flow->sides[side].isn_known ? flow->sides[side].isn : flow->first_seq[side];
}

static void identify(struct session *s, const struct flow_info *info, struct session_record *record)
{
    if (!s->told) /* by what is known now; more may be known later, the id stays */
        for (int side = 0; side < SIDE_COUNT; side++)
            s->numbers[side] = session_first_number(info, (enum side)side);
    s->told = true;
    identity_community(info, record->community);
    identity_session(info, record->community, s->numbers, record->id);
}

static void report(struct session *s, const struct flow_info *info, enum report_kind kind)
{
    struct session_context *c = s->context;
    struct session_record record = {
        .early = kind == REPORT_EARLY,
        .open = kind == REPORT_OPEN,
        .memory = &s->memory,
        .now_ns = info->now_ns, /* bytes may have waited: what is told comes behind what was told */
        .flow = info,
        .mail = s->mail != NULL ? mail_facts(s->mail) : NULL,
        .tls = s->tls != NULL ? tls_facts(s->tls) : NULL,
        .application = s->application,
        .binary = { s->binary[SIDE_CLIENT], s->binary[SIDE_SERVER] },
        .proxy = s->proxy,
        .proxy_port = s->proxy != NULL ? s->server_port : 0,
        .proxied_address = s->proxied_address,
        .mail_port = s->mail_port,
        .beginning_lost = { s->beginning_lost[SIDE_CLIENT], s->beginning_lost[SIDE_SERVER] },
    };
    identify(s, info, &record);
    if (record.tls != NULL)
        add_certificates(s, &record);
    judge_session(&record, s->stage == FOREIGN, kind == REPORT_END);
    if (s->arena.exhausted)
        record.reasons |= REASON_LIMIT;
    c->report(c->to, &record);
    count_record(&c->counters, &record);
    if (record.chain != NULL)
        x509_chain_release(c->cache, record.chain);
    if (record.client_chain != NULL)
        x509_chain_release(c->cache, record.client_chain);
}

/* Not a byte was sent, as far as anybody can know. */
static bool said_nothing(const struct flow_side *side)
{
    return side->syn && side->bytes == 0 && side->gaps == 0 && side->acked_bytes == 0 &&
           (!side->end_known || side->end_bytes == 0);
}

/* Nobody said a word though the connection stood for a while: that may be two sides waiting for one
 * another. How the client ends it says that nothing of it is missing. */
static void report_silence(struct session_context *c, const struct flow_info *info)
{
    const struct flow_side *client = &info->sides[SIDE_CLIENT];
    bool whole = info->how != FLOW_END_CAPTURE && info->how != FLOW_END_EVICTED;
    if (!session_is_mail_port(c->options, info->server_port) || !whole || !said_nothing(client) ||
        !client->end_known || !said_nothing(&info->sides[SIDE_SERVER]) ||
        info->now_ns - info->first.time_ns < LIMIT_SILENCE_NS)
        return;
    void *memory = NULL;
    struct session_record record = {
        .silent = true, .memory = &memory, .now_ns = info->now_ns, .flow = info, .mail_port = true
    };
    const uint32_t numbers[SIDE_COUNT] = { session_first_number(info, SIDE_CLIENT),
                                           session_first_number(info, SIDE_SERVER) };
    identity_community(info, record.community);
    identity_session(info, record.community, numbers, record.id);
    judge_session(&record, false, true);
    if (c->report(c->to, &record))
        count_record(&c->counters, &record);
}

/* Changes whenever something became known that a finding may be made of. */
static uint64_t knowledge(const struct session *s)
{
    uint64_t known = 0;
    if (s->mail != NULL) {
        const struct mail_facts *mail = mail_facts(s->mail);
        known += mail->note_count + mail->messages + (mail->content_bytes > 0) +
                 (uint64_t)mail->clear_commands + (uint64_t)mail->quit +
                 (uint64_t)mail->starttls_accepted;
        for (size_t i = 0; i < mail->auth_count; i++)
            known += 1 + (uint64_t)mail->auth[i].secret_sent + (uint64_t)mail->auth[i].succeeded;
    }
    if (s->tls != NULL) {
        const struct tls_facts *tls = tls_facts(s->tls);
        known += tls->note_count + tls->alert_count + (uint64_t)tls->established +
                 tls->server_chain.seen;
    }
    return known;
}

/* Its fate is known when TLS is up or clear text was chosen. A session that stays open long after
 * that is reported early; where a line is watched, findings do not wait even that
 * long. */
static void watch_fate(struct session *s, struct mark where)
{
    bool fate = (s->tls != NULL && tls_facts(s->tls)->established == TRI_YES) ||
                (s->mail != NULL && mail_facts(s->mail)->clear_commands);
    if (!fate)
        return;
    if (!s->timer_set)
        flow_set_timer(s->flow, where.time_ns + s->context->options->report_after_ns);
    s->timer_set = true;
    if (!s->context->options->early)
        return;
    uint64_t known = knowledge(s) + 1;
    if (known == s->known)
        return;
    s->known = known;
    struct flow_info info;
    flow_info_get(s->flow, &info);
    report(s, &info, REPORT_EARLY);
}

/* --- what the flow tells --- */

void session_tell_missing(struct session *s)
{
    struct flow_info info;
    if (s->told_missing)
        return;
    flow_info_get(s->flow, &info);
    for (int side = 0; side < SIDE_COUNT; side++) {
        if (info.sides[side].seen)
            continue;
        s->told_missing = true;
        mail_one_sided(s->mail, side_other((enum side)side));
    }
}

static size_t take(struct session *s, const struct flow_chunk *chunk)
{
    if (s->stage == RECOGNISING || (s->stage == FOREIGN && s->first != NULL))
        recognise_keep(s, chunk);
    if (s->stage == RECOGNISING) {
        recognise_preamble(s);
        recognise(s);
    }
    if (chunk->offset <
        s->base[chunk->side]) { /* what went before the dialogue; the rest is offered again */
        uint64_t before = s->base[chunk->side] - chunk->offset;
        return before < chunk->bytes.left ? (size_t)before : chunk->bytes.left;
    }
    if (s->stage == RECOGNISING)
        return 0;
    switch (s->stage) {
    case FOLLOWING: {
        recognise_forget(s);
        size_t used = follow(s, chunk);
        watch_chains(s, chunk->side);
        if (used > 0)
            watch_fate(s, flow_mark_at(chunk, chunk->offset + used - 1));
        return used;
    }
    case FOREIGN:
        if (s->first != NULL)
            recognise_collect(s);
        return chunk->bytes.left;
    case RECOGNISING:
    case IGNORED: break;
    }
    return chunk->bytes.left;
}

/* Of connections that are not ours there are many, and nothing is told of them. */
static size_t session_data(void *state, const struct flow_chunk *chunk)
{
    struct session *s = state;
    size_t used = take(s, chunk);
    if (s->stage == IGNORED) {
        flow_forget(s->flow);
        session_free(s);
    }
    return used;
}

static void session_gap(void *state, enum side side, uint64_t offset, uint64_t len,
                        enum flow_gap why, struct mark where)
{
    struct session *s = state;
    (void)why;
    (void)where;

    if (s->stage == RECOGNISING && s->first[side].len == 0) {
        s->base[side] = offset + len; /* begin behind it */
        s->beginning_lost[side] = true;
    } else if (s->stage == RECOGNISING) {
        s->first[side].final = true;
        recognise(s);
    }
    if (s->stage == FOREIGN && s->first != NULL)
        s->first[side].final = true;
    if (s->stage != FOLLOWING)
        return;
    if (s->tls != NULL && s->tls_began[side])
        tls_gap(s->tls, side, offset, len);
    else if (s->mail != NULL)
        mail_gap(s->mail, side, offset, len);
}

static void session_finished(void *state, enum side side, struct mark where)
{
    struct session *s = state;
    if (s->stage == RECOGNISING) {
        s->first[side].final = true;
        recognise(s);
    }
    if (s->stage != FOLLOWING)
        return;
    if (s->tls != NULL)
        tls_finished(s->tls, side, where, false);
    if (s->mail != NULL)
        mail_finished(s->mail, side, where);
}

static void session_timer(void *state, struct mark now)
{
    struct session *s = state;
    (void)now; /* as in the flow's information */
    if (s->stage != FOLLOWING)
        return;
    struct flow_info info;
    flow_info_get(s->flow, &info);
    report(s, &info, REPORT_OPEN);
}

/* What was never decided: the beginnings are all there is. */
static void settle(struct session *s, const struct flow_info *info)
{
    if (s->stage == RECOGNISING) {
        s->first[SIDE_CLIENT].final = s->first[SIDE_SERVER].final = true;
        recognise(s);
        if (s->stage == RECOGNISING)
            s->stage = s->mail_port ? FOREIGN : IGNORED;
    }
    if (s->stage == FOREIGN && s->first != NULL)
        recognise_name(s);
    if (s->stage != FOLLOWING)
        return;
    for (int side = 0; side < SIDE_COUNT && info->how == FLOW_END_RST; side++)
        if (s->tls != NULL && info->ended_by_known && info->ended_by == (enum side)side)
            tls_finished(s->tls, (enum side)side, info->end, true);
    bool complete = !info->midstream;
    for (int side = 0; side < SIDE_COUNT; side++)
        complete = complete && info->sides[side].seen && info->sides[side].gaps == 0;
    if (s->tls != NULL)
        tls_end(s->tls, complete && info->how != FLOW_END_CAPTURE && info->how != FLOW_END_EVICTED);
}

static void session_end(void *context, void *state, const struct flow_info *info)
{
    struct session *s = state;
    if (s == NULL) {
        report_silence(context, info);
        return;
    }
    if (s->stage != IGNORED)
        settle(s, info);
    if (s->stage != IGNORED && s->stage != RECOGNISING)
        report(s, info, REPORT_END);
    session_free(s);
}

const struct flow_sink *session_sink(void)
{
    static const struct flow_sink sink = {
        .open = session_open,
        .data = session_data,
        .gap = session_gap,
        .finished = session_finished,
        .timer = session_timer,
        .end = session_end,
    };
    return &sink;
}
