/* SPDX-License-Identifier: Apache-2.0
 * follow.c - a recognised session's bytes go to the mail follower, to TLS, or from one to the
 * other.
 */
#include <assert.h>

#include "session_state.h"

static struct mark chunk_mark(const void *chunk, uint64_t offset)
{
    return flow_mark_at(chunk, offset);
}

static struct mail_input mail_input_of(const struct flow_chunk *chunk, size_t used)
{
    return (struct mail_input){ .side = chunk->side,
                                .bytes = chunk_rest(chunk, used),
                                .offset = chunk->offset + used,
                                .final = chunk->final,
                                .mark_at = chunk_mark,
                                .marks = chunk };
}

static size_t feed_tls(struct session *s, const struct flow_chunk *chunk, size_t used)
{
    struct tls_input input = { .side = chunk->side,
                               .bytes = chunk_rest(chunk, used),
                               .offset = chunk->offset + used,
                               .final = chunk->final,
                               .mark_at = chunk_mark,
                               .marks = chunk };
    size_t taken = tls_feed(s->tls, &input);
    if (!tls_lost(s->tls, chunk->side))
        return taken;

    struct reader rest = chunk_rest(chunk, used + taken);
    bool text = rest.left > 0 && rest.at[0] >= ' ' && rest.at[0] < 0x7f;
    if (s->mail != NULL && text) {
        s->tls_began[chunk->side] = false;
        return taken;
    }
    return input.bytes.left;
}

/* The bytes where TLS was agreed. */
static size_t enter_tls(struct session *s, const struct flow_chunk *chunk, size_t used)
{
    enum side side = chunk->side;
    struct mail_input input = mail_input_of(chunk, used);
    bool was_lost = s->tls != NULL && tls_lost(s->tls, side);

    switch (was_lost ? TLS_START_NO : tls_start(input.bytes, side, chunk->final)) {
    case TLS_START_MORE: return 0;
    case TLS_START_NO:
        mail_not_tls(s->mail, &input);
        return mail_phase(s->mail, side) == MAIL_TEXT ? mail_feed(s->mail, &input)
                                                      : input.bytes.left;
    case TLS_START_HELLO:
    case TLS_START_SSL2:
    case TLS_START_ALERT:
    case TLS_START_RECORD: break;
    }
    mail_tls_began(s->mail, side, flow_mark_at(chunk, input.offset));
    if (!recognise_begin_tls(s))
        return input.bytes.left;
    s->tls_began[side] = true;
    return feed_tls(s, chunk, used);
}

/* TLS from the first byte, and the server answers in clear: a mail service that expected no TLS
 * yet. */
static size_t follow_without_mail(struct session *s, const struct flow_chunk *chunk, size_t used)
{
    struct reader rest = chunk_rest(chunk, used);
    if (!s->tls_began[chunk->side]) {
        enum tls_started start = tls_start(rest, chunk->side, chunk->final);
        if (start == TLS_START_MORE)
            return 0;
        enum mail_protocol protocol = MAIL_NONE;
        struct reader none = { 0 };
        if (start == TLS_START_NO && chunk->side == SIDE_SERVER && s->mail_port) {
            enum mail_recognised is =
                mail_recognise(none, false, rest, chunk->final, s->server_port, &protocol);
            if (is == MAIL_RECOGNISED_MORE && !chunk->final)
                return 0;
            if (is == MAIL_RECOGNISED_YES &&
                (s->mail = mail_new(&s->arena, protocol, s->server_port)) != NULL)
                return 0; /* comes round again as text */
        }
        s->tls_began[chunk->side] = true;
    }
    return feed_tls(s, chunk, used);
}

static size_t follow_some(struct session *s, const struct flow_chunk *chunk, size_t used)
{
    if (s->mail == NULL) {
        size_t taken = follow_without_mail(s, chunk, used);
        if (taken > 0 || s->mail == NULL)
            return taken;
    }
    if (s->tls_began[chunk->side])
        return feed_tls(s, chunk, used);

    struct mail_input input = mail_input_of(chunk, used);
    if (mail_phase(s->mail, chunk->side) == MAIL_WAIT)
        session_tell_missing(s);
    switch (mail_phase(s->mail, chunk->side)) {
    case MAIL_TEXT: return mail_feed(s->mail, &input);
    case MAIL_WAIT: return 0;
    case MAIL_TLS: return enter_tls(s, chunk, used);
    case MAIL_OPAQUE: break;
    }
    return input.bytes.left;
}

/* What decides who takes the next bytes of a side. */
static unsigned reader_of_side(const struct session *s, enum side side)
{
    unsigned phase = s->mail == NULL ? MAIL_OPAQUE + 1u : (unsigned)mail_phase(s->mail, side);
    return phase * 2 + (s->tls_began[side] ? 1 : 0);
}

size_t follow(struct session *s, const struct flow_chunk *chunk)
{
    size_t used = 0;
    while (used < chunk->bytes.left) {
        unsigned before = reader_of_side(s, chunk->side);
        size_t taken = follow_some(s, chunk, used);
        assert(taken <= chunk->bytes.left - used);
        used += taken;
        if (taken == 0 && before == reader_of_side(s, chunk->side))
            break; /* nobody can use them yet */
    }
    return used;
}
