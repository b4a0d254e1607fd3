/* SPDX-License-Identifier: Apache-2.0
 * dialogue.c - a small stand-in for the flow and session stages.
 */
#include "dialogue.h"

#include <stdlib.h>
#include <string.h>

struct play {
    const struct dialogue *dialogue;
    struct mail *mail;
    size_t offered[SIDE_COUNT], consumed[SIDE_COUNT];
    bool tls[SIDE_COUNT], done[DIALOGUE_EVENTS];
    uint64_t *tls_at;
};

static struct mark mark_at(const void *marks, uint64_t offset)
{
    const struct dialogue_stream *stream = marks;
    return (struct mark){ .time_ns = (int64_t)stream->line[offset] + 1,
                          .frame = stream->line[offset] + 1,
                          .acked = stream->acked[offset] };
}

/* What tls_start() of the session does, as far as dialogues need it. Returns bytes used. */
static size_t enter_tls(struct play *play, enum side side, const struct mail_input *input)
{
    uint8_t first = input->bytes.at[0];
    if (first == 0x16 || first == 0x15 || (first & 0x80) != 0) {
        if (input->bytes.left < 6)
            return 0;
        play->tls[side] = true;
        play->tls_at[side] = input->offset;
        mail_tls_began(play->mail, side, mark_at(input->marks, input->offset));
        return input->bytes.left;
    }
    mail_not_tls(play->mail, input);
    return mail_phase(play->mail, side) == MAIL_TEXT ? mail_feed(play->mail, input)
                                                     : input->bytes.left;
}

static bool advance(struct play *play, enum side side)
{
    const struct dialogue_stream *stream = &play->dialogue->side[side];
    size_t at = play->consumed[side], left = play->offered[side] - at, used = 0;
    if (left == 0)
        return false;

    uint8_t *exact = malloc(left); /* to size, so that a sanitizer sees an overrun */
    if (exact == NULL)
        abort();
    memcpy(exact, stream->bytes + at, left);
    struct mail_input input = { .side = side,
                                .bytes = reader_of(exact, left),
                                .offset = at,
                                .mark_at = play->dialogue->no_marks ? NULL : mark_at,
                                .marks = stream };
    if (play->tls[side]) {
        used = left;
    } else {
        switch (mail_phase(play->mail, side)) {
        case MAIL_TEXT: used = mail_feed(play->mail, &input); break;
        case MAIL_WAIT: break;
        case MAIL_TLS:
            input.mark_at = mark_at;
            used = enter_tls(play, side, &input);
            break;
        case MAIL_OPAQUE: used = left; break;
        }
    }
    free(exact);
    if (used > left)
        abort();
    play->consumed[side] += used;
    return used > 0;
}

/* Offers to both sides in turn until neither gets on: twice, since being asked in vain can release
 * the other side too. */
static void pump(struct play *play, enum side side)
{
    for (int idle = 0; idle < 4; side = side_other(side)) {
        bool was_tls = play->tls[side];
        enum mail_phase phase = mail_phase(play->mail, side);
        bool moved = advance(play, side) || was_tls != play->tls[side] ||
                     phase != mail_phase(play->mail, side);
        idle = moved ? 0 : idle + 1;
    }
}

static void happen(struct play *play, size_t index)
{
    const struct dialogue_event *event = &play->dialogue->events[index];
    play->done[index] = true;
    if (play->tls[event->side]) {
        play->consumed[event->side] = event->at;
    } else if (event->what == EVENT_GAP) {
        mail_gap(play->mail, event->side, event->at, event->len);
        play->consumed[event->side] = event->at + event->len;
    } else {
        struct mark where = { .frame = 1 };
        mail_finished(play->mail, event->side, where);
    }
    if (event->what == EVENT_GAP)
        play->offered[event->side] = (size_t)(event->at + event->len);
    pump(play, event->side);
    pump(play, side_other(event->side));
}

/* Events of the side that are due; true if any happened. */
static bool happen_due(struct play *play, enum side side)
{
    bool any = false;
    for (size_t i = 0; i < play->dialogue->event_count; i++) {
        const struct dialogue_event *event = &play->dialogue->events[i];
        bool due = !play->done[i] && event->side == side && event->at == play->offered[side] &&
                   event->acked <= play->offered[side_other(side)];
        if (due) {
            happen(play, i);
            any = true;
        }
    }
    return any;
}

static size_t next_event(const struct play *play, enum side side)
{
    size_t at = play->dialogue->side[side].len;
    for (size_t i = 0; i < play->dialogue->event_count; i++)
        if (!play->done[i] && play->dialogue->events[i].side == side &&
            play->dialogue->events[i].at < at)
            at = (size_t)play->dialogue->events[i].at;
    return at;
}

/* How many bytes of the side may be offered now in one piece. */
static size_t piece(const struct play *play, enum side side, enum dialogue_cut cut, size_t *odd)
{
    const struct dialogue_stream *stream = &play->dialogue->side[side];
    size_t from = play->offered[side], to = from, end = next_event(play, side);
    size_t most = cut == CUT_BYTES ? 1 : cut == CUT_ODD ? *odd + 1 : SIZE_MAX;
    while (to < end && to - from < most && stream->acked[to] <= play->offered[side_other(side)] &&
           (cut != CUT_LINES || stream->line[to] == stream->line[from]))
        to++;
    if (cut == CUT_ODD && to > from + *odd) {
        to = from + *odd;
        *odd = *odd % 13 + 1;
    }
    return to - from;
}

/* The side whose next byte was written first, where both may go on. */
static enum side written_first(const struct play *play)
{
    const struct dialogue_stream *client = &play->dialogue->side[SIDE_CLIENT],
                                 *server = &play->dialogue->side[SIDE_SERVER];
    size_t c = play->offered[SIDE_CLIENT], s = play->offered[SIDE_SERVER];
    if (c == client->len)
        return SIDE_SERVER;
    return s < server->len && server->line[s] < client->line[c] ? SIDE_SERVER : SIDE_CLIENT;
}

struct mail *dialogue_play(const struct dialogue *dialogue, enum dialogue_cut cut,
                           struct arena *arena, uint64_t tls_at[SIDE_COUNT])
{
    struct play *play = calloc(1, sizeof *play);
    if (play == NULL)
        abort();
    tls_at[SIDE_CLIENT] = tls_at[SIDE_SERVER] = UINT64_MAX;
    play->dialogue = dialogue;
    play->tls_at = tls_at;
    play->mail = mail_new(arena, dialogue->protocol, dialogue->port);
    if (play->mail == NULL)
        abort();
    if (dialogue->midstream)
        mail_midstream(play->mail);
    if (dialogue->only_known)
        mail_one_sided(play->mail, dialogue->only);

    size_t odd = 1;
    for (bool moved = true; moved;) {
        enum side first = cut == CUT_CLIENT_FIRST   ? SIDE_CLIENT
                          : cut == CUT_SERVER_FIRST ? SIDE_SERVER
                                                    : written_first(play);
        enum side side = piece(play, first, cut, &odd) > 0 ? first : side_other(first);
        size_t len = piece(play, side, cut, &odd);
        play->offered[side] += len;
        if (len > 0)
            pump(play, side);
        moved = len > 0;
        moved |= happen_due(play, SIDE_CLIENT);
        moved |= happen_due(play, SIDE_SERVER);
    }
    struct mail *mail = play->mail;
    free(play);
    return mail;
}
