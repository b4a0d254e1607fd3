/* SPDX-License-Identifier: Apache-2.0
 * lines.c - the line splitter. An overlong line is handed over as its beginning, once, and then
 * skipped up to its end.
 */
#include "lines.h"

#include <string.h>

#include "early.h"
#include "facts.h"

#define LITERAL_MAX (UINT64_C(1) << 32)

static struct mark mark_of(const struct mail_input *input, uint64_t offset)
{
    return input->mark_at != NULL ? input->mark_at(input->marks, offset) : (struct mark){ 0 };
}

/* --- octets that are no lines --- */

void lines_skip(struct mail *mail, enum side side, uint64_t len, bool content)
{
    mail->side[side].skip = len;
    mail->side[side].content = content;
}

static size_t take_skipped(struct mail *mail, const struct mail_input *input, size_t used)
{
    struct channel *channel = &mail->side[input->side];
    size_t left = input->bytes.left - used;
    size_t len = channel->skip < left ? (size_t)channel->skip : left;
    if (channel->content)
        facts_content(mail, input->side, channel->offset, mark_of(input, channel->offset), len);
    channel->skip -= len;
    return len;
}

void lines_body(struct mail *mail, enum side side, bool content)
{
    mail->side[side].content = content;
    mail->side[side].dot = DOT_START;
    mail->side[side].body = true;
    mail->side[side].body_counted = false;
}

/* One byte of the search for CRLF . CRLF (RFC 5321 section 4.1.1.4); true at its end. */
static bool dot_step(enum dot *dot, uint8_t byte)
{
    enum dot before = *dot;
    *dot = byte == '\r' ? DOT_CR : DOT_MIDDLE;
    if (before == DOT_CR && byte == '\n')
        *dot = DOT_START;
    else if (before == DOT_START && byte == '.')
        *dot = DOT_DOT;
    else if (before == DOT_DOT && byte == '\r')
        *dot = DOT_DOT_CR;
    return before == DOT_DOT_CR && byte == '\n';
}

/* Bytes that may be the beginning of the end are not counted before that is known. */
static size_t perhaps_end(const struct channel *channel)
{
    return channel->dot == DOT_DOT ? 1 : channel->dot == DOT_DOT_CR ? 2 : 0;
}

static void count_body(struct mail *mail, enum side side, size_t len)
{
    const struct channel *channel = &mail->side[side];
    if (channel->content)
        facts_content(mail, side, channel->body_offset, channel->body_mark, len);
}

void lines_body_given_up(struct mail *mail, enum side side)
{
    struct channel *channel = &mail->side[side];
    count_body(mail, side, perhaps_end(channel));
    channel->body = false;
    channel->mid_line = channel->dot != DOT_START;
}

static size_t take_body(struct mail *mail, const struct mail_input *input, size_t used)
{
    struct channel *channel = &mail->side[input->side];
    struct reader rest = input->bytes;
    reader_take(&rest, used);
    struct reader bytes = rest;
    size_t held_before = perhaps_end(channel);
    bool over = false;

    if (!channel->body_counted) {
        channel->body_offset = channel->offset;
        channel->body_mark = mark_of(input, channel->offset);
        channel->body_counted = true;
    }
    while (bytes.left > 0 && !over) {
        if (channel->dot == DOT_MIDDLE) { /* straight to the next end of a line */
            const uint8_t *cr = memchr(bytes.at, '\r', bytes.left);
            reader_take(&bytes, cr == NULL ? bytes.left : (size_t)(cr - bytes.at));
            if (cr == NULL)
                break;
        }
        over = dot_step(&channel->dot, reader_u8(&bytes));
    }
    size_t taken = rest.left - bytes.left;
    size_t held = over ? 3 : perhaps_end(channel);
    count_body(mail, input->side, held_before + taken - held);
    if (over) {
        uint64_t end = channel->offset + taken;
        struct mark where = mark_of(input, end - 1);
        struct line last = {
            .offset = end - 3, .end = end, .first = where, .where = where, .side = input->side
        };
        channel->body = false;
        mail->message_open = false;
        if (input->side == SIDE_CLIENT) {
            mail->state = STATE_COMMAND;
            pipeline_push(mail, VERB_CONTENT, &last);
        }
    }
    return taken;
}

struct literal lines_literal(struct text line)
{
    struct literal literal = { .found = false };
    size_t at = line.len;
    if (at < 3 || line.at[--at] != '}')
        return literal;
    if (line.at[at - 1] == '+') {
        literal.unasked = true;
        at--;
    }
    uint64_t value = 0, scale = 1;
    size_t digits = 0;
    for (; at > 0 && line.at[at - 1] >= '0' && line.at[at - 1] <= '9' && digits < 11; digits++) {
        value += scale * (uint64_t)(line.at[--at] - '0');
        scale *= 10;
    }
    literal.found = digits > 0 && at > 0 && line.at[at - 1] == '{' && value <= LITERAL_MAX;
    literal.len = value;
    return literal;
}

/* --- lines --- */

/* Lines that most likely are a message's. */
static bool is_message(const struct mail *mail, enum side side)
{
    return side == SIDE_CLIENT &&
           (machine_is(mail, STATE_DOUBT) || machine_is(mail, STATE_MAYBE_CONTENT));
}

static void deliver(struct mail *mail, struct line *line)
{
    struct channel *channel = &mail->side[line->side];
    struct mail_facts *facts = &mail->facts;
    channel->started = true;
    channel->newest = line->where;
    if (is_message(mail, line->side) && !machine_answers_late(mail, line) &&
        !machine_crosses_content(mail,
                                 line)) { /* a protocol's line only if it turns out a command */
        early_line(mail, line);
        return;
    }
    if (line->side == SIDE_CLIENT)
        facts->client_lines++;
    else
        facts->server_lines++;
    if (line->bare_lf) {
        facts->bare_lf = true;
        facts_note_once(mail, MAIL_NOTE_BARE_LF, line);
    }
    if (line->cut)
        facts_note_once(mail, MAIL_NOTE_LINE_OVERFLOW, line);
    early_line(mail, line);
}

/* A TLS record where a line should begin: there is no line of text like it. */
enum peek { PEEK_TEXT, PEEK_TLS, PEEK_MORE };

static enum peek peek_tls(const struct channel *channel, struct reader bytes, bool final)
{
    enum { ALERT = 0x15, HANDSHAKE = 0x16 };
    if (channel->plain || channel->continues || channel->overflow || channel->partial)
        return PEEK_TEXT;
    uint8_t type = reader_u8(&bytes);
    if (type != HANDSHAKE && type != ALERT)
        return PEEK_TEXT;
    if (!reader_more(&bytes))
        return final ? PEEK_TEXT : PEEK_MORE;
    return reader_u8(&bytes) == 3 ? PEEK_TLS : PEEK_TEXT;
}

/* Of the end of an overlong line only what may announce a literal is remembered: "{", digits, "+",
 * "}" and the end of the line. */
static void remember_tail(struct channel *channel, struct reader bytes)
{
    while (bytes.left > 0) {
        char c = (char)reader_u8(&bytes);
        bool fits = (c >= '0' && c <= '9') || c == '+' || c == '}' || c == '\r' || c == '\n';
        bool room = channel->tail_len < sizeof channel->tail;
        if (c == '{')
            channel->tail_len = 0;
        else if (channel->tail_len == 0 || !fits || !room)
            c = '\0';
        if (c == '\0')
            channel->tail_len = 0;
        else
            channel->tail[channel->tail_len++] = c;
    }
}

/* Positions that were taken from the beginning of an overlong line are those of its end. */
static void overflow_ended(struct mail *mail, enum side side, uint64_t end)
{
    struct channel *channel = &mail->side[side];
    struct text tail = { .at = channel->tail, .len = channel->tail_len };
    while (tail.len > 0 && (tail.at[tail.len - 1] == '\n' || tail.at[tail.len - 1] == '\r'))
        tail.len--;
    channel->overflow = false;
    if (side == SIDE_SERVER && mail->facts.starttls_reply_end == channel->cut_end)
        mail->facts.starttls_reply_end = end;
    if (side == SIDE_CLIENT && mail->early.command_end == channel->cut_end)
        mail->early.command_end = mail->facts.starttls_requested_end = end;
    if (mail->protocol->line_tail != NULL)
        mail->protocol->line_tail(mail, side, tail);
    channel->tail_len = 0;
}

static size_t take_overflow(struct mail *mail, enum side side, struct reader rest)
{
    const uint8_t *lf = rest.at != NULL ? memchr(rest.at, '\n', rest.left) : NULL;
    size_t len = lf != NULL ? (size_t)(lf - rest.at) + 1 : rest.left;
    remember_tail(&mail->side[side], reader_take(&rest, len));
    if (is_message(mail, side) || mail->side[side].body)
        mail->facts.content_bytes += len;
    if (lf != NULL)
        overflow_ended(mail, side, mail->side[side].offset + len);
    return len;
}

/* The server saw client bytes that are still held here: its line may be an answer to them. */
static bool must_wait(const struct mail *mail, const struct line *line)
{
    return line->side == SIDE_SERVER && mail->released && mail->marks_known &&
           !mail->reply.active && line->where.acked > mail->side[SIDE_CLIENT].offset;
}

/* The line's sender knows what the side said that was called missing: it is read before. */
static bool must_hear(struct mail *mail, const struct line *line, bool final)
{
    if (line->side != mail->only || !mail->marks_known || final)
        return false;
    if (mail->only_known && mail->spoke && line->where.acked > 0)
        machine_hear(mail);
    return mail->heard;
}

static size_t take_line(struct mail *mail, const struct mail_input *input, size_t used)
{
    struct channel *channel = &mail->side[input->side];
    struct reader rest = input->bytes;
    reader_take(&rest, used);

    bool message = input->side == SIDE_CLIENT && machine_is(mail, STATE_DOUBT) &&
                   mail->marks_known && mark_of(input, channel->offset).acked < mail->doubt_from;
    switch (message ? PEEK_TEXT : peek_tls(channel, rest, input->final)) {
    case PEEK_TLS: channel->phase = MAIL_TLS; return 0;
    case PEEK_MORE: return 0;
    case PEEK_TEXT: break;
    }
    if (channel->overflow)
        return take_overflow(mail, input->side, rest);

    struct reader unscanned = rest;
    reader_take(&unscanned, channel->scanned < rest.left ? channel->scanned : rest.left);
    const uint8_t *lf = unscanned.left > 0 ? memchr(unscanned.at, '\n', unscanned.left) : NULL;
    size_t len = lf != NULL ? (size_t)(lf - rest.at) + 1 : rest.left;

    if (channel->partial) {
        channel->partial = lf == NULL;
        struct line rest_of_one = { .where = mark_of(input, channel->offset + len - 1) };
        if (lf != NULL && input->side == SIDE_SERVER)
            pipeline_forget(mail, &rest_of_one);
        return len;
    }
    bool cut = len > LIMIT_LINE_BYTES + 1 || (lf == NULL && len > LIMIT_LINE_BYTES);
    if (lf == NULL && !cut) {
        channel->scanned = rest.left;
        return input->final ? rest.left : 0; /* what never ended was not said */
    }
    if (cut)
        len = LIMIT_LINE_BYTES;

    uint64_t end = channel->offset + len;
    struct reader window = reader_take(&rest, len);
    struct line line = { .text = text_of_reader(&window),
                         .offset = channel->offset,
                         .end = end,
                         .first = mark_of(input, channel->offset),
                         .where = mark_of(input, end - 1),
                         .side = input->side,
                         .cut = cut };
    if (must_wait(mail, &line) || must_hear(mail, &line, input->final))
        return 0;
    if (!cut) {
        line.text.len--;
        line.bare_lf = line.text.len == 0 || line.text.at[line.text.len - 1] != '\r';
        line.text.len -= !line.bare_lf;
    }
    channel->scanned = 0;
    channel->overflow = cut;
    channel->tail_len = 0;
    if (cut)
        remember_tail(channel, window);
    channel->cut_end = cut ? end : 0;
    deliver(mail, &line);
    return len;
}

size_t lines_feed(struct mail *mail, const struct mail_input *input)
{
    struct channel *channel = &mail->side[input->side];
    size_t used = 0;

    if (channel->offset != input->offset)
        channel->scanned = 0;
    channel->offset = input->offset;
    if (input->mark_at != NULL)
        mail->marks_known = true;
    while (used < input->bytes.left && mail_phase(mail, input->side) == MAIL_TEXT) {
        size_t taken;
        if (channel->skip > 0)
            taken = take_skipped(mail, input, used);
        else if (channel->body && !channel->overflow)
            taken = take_body(mail, input, used);
        else
            taken = take_line(mail, input, used);
        if (taken == 0)
            break;
        used += taken;
        channel->offset += taken;
    }
    return used;
}
