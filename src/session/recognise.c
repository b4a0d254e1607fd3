/* SPDX-License-Identifier: Apache-2.0
 * recognise.c - what is spoken, from the first bytes of both sides; what is not ours gets its name
 * from nDPI, or is let go.
 */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "session_state.h"

void recognise_forget(struct session *s)
{
    free(s->first);
    s->first = NULL;
}

static void ignore(struct session *s)
{
    s->stage = IGNORED;
    recognise_forget(s);
    s->context->counters.let_go++;
    flow_let_go(s->flow);
}

static struct reader beginning_of(const struct session *s, enum side side)
{
    return reader_of(s->first[side].bytes, s->first[side].len);
}

void recognise_keep(struct session *s, const struct flow_chunk *chunk)
{
    struct beginning *first = &s->first[chunk->side];
    uint64_t have_end = s->base[chunk->side] + first->len;
    if (first->len == 0 && !s->spoke[chunk->side])
        s->client_first |= chunk->side == SIDE_CLIENT && !s->spoke[SIDE_SERVER];
    s->spoke[chunk->side] = true;
    if (first->final || chunk->offset > have_end)
        return;
    struct reader fresh = chunk_rest(chunk, (size_t)(have_end - chunk->offset));
    if (fresh.left > sizeof first->bytes - first->len)
        fresh.left = sizeof first->bytes - first->len;
    else
        first->final = chunk->final;
    if (fresh.left > 0)
        memcpy(first->bytes + first->len, fresh.at, fresh.left);
    first->len += fresh.left;
}

bool recognise_begin_tls(struct session *s)
{
    if (s->tls == NULL)
        s->tls = tls_new(&s->arena, s->context->intern);
    return s->tls != NULL;
}

static enum tls_started start_of(const struct session *s, enum side side)
{
    const struct beginning *first = &s->first[side];
    if (first->len == 0)
        return first->final ? TLS_START_NO : TLS_START_MORE;
    return tls_start(beginning_of(s, side), side, first->final);
}

/* TLS from the first byte matters on mail ports, and everywhere when asked for. */
static void recognised_tls(struct session *s)
{
    if (!s->mail_port && !s->context->options->all_tls) {
        ignore(s);
        return;
    }
    s->stage = recognise_begin_tls(s) ? FOLLOWING : IGNORED;
    s->context->counters.recognised[MAIL_NONE]++;
    recognise_forget(s);
}

static void recognised_mail(struct session *s, enum mail_protocol protocol)
{
    s->mail = mail_new(&s->arena, protocol, s->server_port);
    s->stage = s->mail != NULL ? FOLLOWING : IGNORED;
    s->context->counters.recognised[protocol]++;
    if (s->mail == NULL)
        return;
    struct flow_info info;
    flow_info_get(s->flow, &info);
    if (info.midstream || s->beginning_lost[SIDE_SERVER])
        mail_midstream(s->mail);
    if (s->proxied_address.len > 0)
        mail_proxied(s->mail, s->proxied_address, s->proxied_port);
    session_tell_missing(s);
}

void recognise(struct session *s)
{
    bool over = s->first[SIDE_CLIENT].final && s->first[SIDE_SERVER].final;
    if (s->tunnel_pending && !over && s->first[SIDE_CLIENT].len < FOREIGN_BYTES &&
        s->first[SIDE_SERVER].len < FOREIGN_BYTES)
        return; /* a proxy's dialogue so far */
    enum tls_started client = start_of(s, SIDE_CLIENT), server = start_of(s, SIDE_SERVER);
    bool client_spoke = s->first[SIDE_CLIENT].len > 0, server_spoke = s->first[SIDE_SERVER].len > 0;

    if (client == TLS_START_HELLO || client == TLS_START_SSL2 || server == TLS_START_HELLO ||
        server == TLS_START_SSL2) {
        recognised_tls(s);
        return;
    }
    if ((client_spoke && client == TLS_START_MORE) || (server_spoke && server == TLS_START_MORE))
        return;
    if ((client_spoke && client != TLS_START_NO) || (server_spoke && server != TLS_START_NO)) {
        recognised_tls(s);
        return;
    }

    enum mail_protocol protocol = MAIL_NONE;
    switch (mail_recognise(beginning_of(s, SIDE_CLIENT), s->first[SIDE_CLIENT].final,
                           beginning_of(s, SIDE_SERVER), s->first[SIDE_SERVER].final,
                           s->server_port, &protocol)) {
    case MAIL_RECOGNISED_MORE: return;
    case MAIL_RECOGNISED_YES: recognised_mail(s, protocol); return;
    case MAIL_RECOGNISED_NO:
        if (s->mail_port)
            s->stage = FOREIGN;
        else
            ignore(s);
        return;
    }
}

/* The header's word for it is anybody's; what stands in an event has to be an address. */
static bool is_address(struct text text)
{
    char terminated[INET6_ADDRSTRLEN];
    unsigned char bytes[16];
    if (text.len == 0 || text.len >= sizeof terminated)
        return false;
    memcpy(terminated, text.at, text.len);
    terminated[text.len] = '\0';
    return inet_pton(AF_INET, terminated, bytes) == 1 ||
           inet_pton(AF_INET6, terminated, bytes) == 1;
}

/* The first `len` bytes of a side are not part of the dialogue. */
static void skip_beginning(struct session *s, enum side side, size_t len)
{
    struct beginning *first = &s->first[side];
    memmove(first->bytes, first->bytes + len, first->len - len);
    first->len -= len;
    s->base[side] += len;
}

static void take_proxy_header(struct session *s)
{
    struct text address = { 0 };
    uint16_t port = 0;
    size_t len = mail_proxy_header(beginning_of(s, SIDE_CLIENT), &address, &port, &s->arena);
    if (len == 0 || len == SIZE_MAX || len > s->first[SIDE_CLIENT].len)
        return;
    skip_beginning(s, SIDE_CLIENT, len);
    if (!is_address(address))
        return;
    s->proxied_address = address;
    s->proxied_port = port;
}

void recognise_preamble(struct session *s)
{
    struct tunnel tunnel;
    s->tunnel_pending = false;
    if (s->base[SIDE_CLIENT] > 0)
        return;
    take_proxy_header(s);
    if (s->base[SIDE_CLIENT] > 0 || s->base[SIDE_SERVER] > 0)
        return;
    switch (tunnel_find(beginning_of(s, SIDE_CLIENT), beginning_of(s, SIDE_SERVER), &tunnel)) {
    case TUNNEL_NONE: return;
    case TUNNEL_MORE: s->tunnel_pending = true; return;
    case TUNNEL_OPEN: break;
    }
    s->proxy = tunnel.name;
    s->server_port = tunnel.port;
    s->mail_port = s->mail_port || session_is_mail_port(s->context->options, tunnel.port);
    skip_beginning(s, SIDE_CLIENT, tunnel.client);
    skip_beginning(s, SIDE_SERVER, tunnel.server);
}

static bool is_binary(const struct beginning *first)
{
    uint8_t byte = first->len > 0 ? first->bytes[0] : ' ';
    return (byte < ' ' && byte != '\r' && byte != '\n' && byte != '\t') || byte > '~';
}

void recognise_name(struct session *s)
{
    struct session_context *c = s->context;
    for (int side = 0; s->first != NULL && side < SIDE_COUNT; side++)
        s->binary[side] = is_binary(&s->first[side]);
    if (s->first == NULL || c->foreign == NULL)
        return;
    c->counters.foreign_asked++;
    s->application =
        foreign_name(c->foreign, s->first[SIDE_CLIENT].bytes, s->first[SIDE_CLIENT].len,
                     s->first[SIDE_SERVER].bytes, s->first[SIDE_SERVER].len, s->client_first,
                     s->client_port, s->server_port);
    recognise_forget(s);
}

/* nDPI is asked once, with beginnings that no longer grow, so that its answer does not depend on
 * cuts. */
void recognise_collect(struct session *s)
{
    for (int side = 0; side < SIDE_COUNT; side++)
        if (s->first[side].len < FOREIGN_BYTES)
            return;
    recognise_name(s);
    flow_skip(s->flow, SIDE_CLIENT);
    flow_skip(s->flow, SIDE_SERVER);
}
