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
    arena_init(&s->arena, LIMIT_SESSION_BYTES);
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

/* Its fate is known when TLS is up or clear text was chosen; a session that stays open long after
 * that is reported early. */
static void watch_fate(struct session *s, struct mark where)
{
    bool known = (s->tls != NULL && tls_facts(s->tls)->established == TRI_YES) ||
                 (s->mail != NULL && mail_facts(s->mail)->clear_commands);
    if (s->timer_set || !known)
        return;
    s->timer_set = true;
    flow_set_timer(s->flow, where.time_ns + s->context->options->report_after_ns);
}

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

static size_t session_data(void *state, const struct flow_chunk *chunk)
{
    struct session *s = state;

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

static void session_gap(void *state, enum side side, uint64_t offset, uint64_t len,
                        enum flow_gap why, struct mark where)
{
    struct session *s = state;
    (void)why;
    (void)where;

    if (s->stage == RECOGNISING && s->first[side].len == 0) {
        s->base[side] = offset + len; /* begin behind it */
        s->beginning_lost |= side == SIDE_SERVER;
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

/* --- reporting --- */

static void add_certificates(struct session_record *record, struct x509_cache *cache)
{
    const struct tls_chain *server = &record->tls->server_chain,
                           *client = &record->tls->client_chain;
    if (server->count > 0)
        record->chain = x509_chain_hold(cache, server->certificates, server->count);
    if (client->count > 0)
        record->client_chain = x509_chain_hold(cache, client->certificates, client->count);
    if (record->chain == NULL)
        return;
    int64_t at_s = server->where.time_ns / INT64_C(1000000000);
    record->verification =
        x509_chain_verify(cache, record->chain, server->certificates, at_s, false);
}

static void count_record(struct session_counters *counters, const struct session_record *record)
{
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

static void report(struct session *s, const struct flow_info *info, bool open, int64_t now_ns)
{
    struct session_context *c = s->context;
    struct session_record record = {
        .open = open,
        .now_ns = now_ns,
        .flow = info,
        .mail = s->mail != NULL ? mail_facts(s->mail) : NULL,
        .tls = s->tls != NULL ? tls_facts(s->tls) : NULL,
        .application = s->application,
        .proxy = s->proxy,
        .proxy_port = s->proxy != NULL ? s->server_port : 0,
        .proxied_address = s->proxied_address,
        .mail_port = s->mail_port,
    };
    if (open) {
        s->reported = true;
        for (int side = 0; side < SIDE_COUNT; side++)
            s->numbers[side] = session_first_number(info, (enum side)side);
    }
    record.numbers = s->reported ? s->numbers : NULL;
    if (record.tls != NULL)
        add_certificates(&record, c->cache);
    judge_session(&record, s->stage == FOREIGN, !open);
    if (s->arena.exhausted)
        record.reasons |= REASON_LIMIT;
    count_record(&c->counters, &record);
    c->report(c->to, &record);
    if (record.chain != NULL)
        x509_chain_release(c->cache, record.chain);
    if (record.client_chain != NULL)
        x509_chain_release(c->cache, record.client_chain);
}

static void session_timer(void *state, struct mark now)
{
    struct session *s = state;
    if (s->stage != FOLLOWING)
        return;
    struct flow_info info;
    flow_info_get(s->flow, &info);
    report(s, &info, true, now.time_ns);
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
    (void)context;
    struct session *s = state;
    if (s == NULL)
        return; /* it carried no data */
    if (s->stage != IGNORED)
        settle(s, info);
    if (s->stage != IGNORED && s->stage != RECOGNISING)
        report(s, info, false, info->now_ns);
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
