/* SPDX-License-Identifier: Apache-2.0
 * machine.c - rows, states and the pipeline of commands whose replies are outstanding (RFC 2920).
 */
#include "machine.h"

#include <assert.h>
#include <string.h>

#include "doubt.h"
#include "facts.h"

static bool is_before(struct mark a, struct mark b)
{
    return a.time_ns != b.time_ns ? a.time_ns < b.time_ns : a.frame < b.frame;
}

bool machine_knows(const struct mail *mail, uint64_t end, struct mark sent, struct mark reply)
{
    if (!mail->marks_known || reply.acked >= end)
        return true;
    return reply.acked == 0 && sent.acked == 0 && is_before(sent, reply);
}

/* Applies the first row that fits. */
static bool apply(struct mail *mail, enum verb verb, const struct step *step)
{
    const struct protocol *protocol = mail->protocol;
    for (size_t i = 0; i < protocol->row_count; i++) {
        const struct transition *row = &protocol->rows[i];
        bool fits = (row->from & IN(mail->state)) != 0 && (row->on & (unsigned)step->event) != 0 &&
                    (row->verb == verb || row->verb == VERB_ANY);
        if (!fits)
            continue;

        bool was_held = machine_held(mail);
        bool challenged =
            machine_is(mail, STATE_RESPONSE) || machine_is(mail, STATE_MAYBE_RESPONSE);
        if (challenged && row->to == STATE_COMMAND && step->line != NULL &&
            step->line->side == SIDE_SERVER)
            mail->challenge = (struct challenge){ .until = step->line->end,
                                                  .state = mail->state,
                                                  .login = mail->login };
        if (row->to != STATE_SAME)
            mail->state = row->to;
        if (row->act != NULL)
            row->act(mail, step);
        if (was_held && !machine_held(mail))
            mail->released = true;
        return true;
    }
    return false;
}

bool machine_step(struct mail *mail, enum verb verb, const struct step *step)
{
    if (verb == VERB_AUTH && step->event == ON_MORE &&
        (!pipeline_covers(mail, step->line) || mail->side[SIDE_CLIENT].continues))
        return false; /* a challenge that does not know the last answer asks for no other one */
    bool client_only = mail->only_known && mail->only == SIDE_CLIENT;
    bool applied = apply(mail, verb, step);
    if (client_only || mail->side[SIDE_SERVER].finished)
        machine_missing(mail);
    return applied;
}

void machine_hear(struct mail *mail)
{
    mail->only_known = false;
    mail->heard = true;
    mail->lost = true;
}

void machine_missing(struct mail *mail)
{
    struct step step = { .event = ON_MISSING };
    if (machine_held(mail))
        apply(mail, VERB_ANY, &step);
}

static bool has_room(struct mail *mail)
{
    struct pending *pipeline = arena_grow(mail->arena, mail->pipeline, mail->pending_count,
                                          &mail->pending_cap, LIMIT_PIPELINE, sizeof *pipeline);
    if (pipeline != NULL)
        mail->pipeline = pipeline;
    return pipeline != NULL;
}

bool pipeline_init(struct mail *mail) { return has_room(mail); }

struct pending *pipeline_push(struct mail *mail, enum verb verb, const struct line *line)
{
    if (!has_room(mail)) {
        if (mail->side[SIDE_SERVER].started)
            facts_note_once(mail, MAIL_NOTE_DESYNC, line);
        pipeline_clear(mail);
        mail->lost = true;
    }
    struct pending *pending = &mail->pipeline[mail->pending_count++];
    *pending = (struct pending){ .verb = verb, .login = NOTE_NONE, .note = NOTE_NONE };
    if (line != NULL) {
        pending->end = line->end;
        pending->where = line->where;
    }
    return pending;
}

static bool answers_pending(const struct mail *mail, const struct pending *pending,
                            const struct line *reply)
{
    return machine_knows(mail, pending->end, pending->where, reply->where);
}

struct pending *pipeline_oldest(struct mail *mail, const struct line *reply)
{
    if (mail->pending_count == 0 || !answers_pending(mail, &mail->pipeline[0], reply))
        return NULL;
    return &mail->pipeline[0];
}

/* RFC 3501 section 2.2.1 wants tags unique, clients do not: the oldest of its tag is answered. */
struct pending *pipeline_tagged(struct mail *mail, uint64_t tag, const struct line *reply)
{
    for (size_t i = 0; i < mail->pending_count; i++)
        if (mail->pipeline[i].tag == tag && mail->pipeline[i].verb != VERB_GREETING &&
            answers_pending(mail, &mail->pipeline[i], reply))
            return &mail->pipeline[i];
    return NULL;
}

bool pipeline_covers(const struct mail *mail, const struct line *reply)
{
    const struct channel *client = &mail->side[SIDE_CLIENT];
    return machine_knows(mail, client->offset, client->newest, reply->where);
}

bool pipeline_has(const struct mail *mail, enum verb verb, uint64_t acked)
{
    for (size_t i = 0; i < mail->pending_count; i++)
        if (mail->pipeline[i].verb == verb &&
            (!mail->marks_known || mail->pipeline[i].end <= acked))
            return true;
    return false;
}

void pipeline_remove(struct mail *mail, struct pending *pending)
{
    size_t i = (size_t)(pending - mail->pipeline);
    assert(i < mail->pending_count);
    memmove(pending, pending + 1, (mail->pending_count - i - 1) * sizeof *pending);
    mail->pending_count--;
}

void pipeline_clear(struct mail *mail) { mail->pending_count = 0; }

void pipeline_forget(struct mail *mail, const struct line *reply)
{
    bool any = false;
    if (doubt_request(mail))
        doubt_unread(mail, VERB_CAPABILITIES);
    for (; pipeline_oldest(mail, reply) != NULL; any = true) {
        doubt_unread(mail, mail->pipeline[0].verb);
        pipeline_remove(mail, &mail->pipeline[0]);
    }
    if (any)
        machine_missing(mail);
}

void machine_sent(struct mail *mail, const struct verb_row *row, const struct line *line,
                  struct text rest, uint64_t tag)
{
    struct pending *pending = pipeline_push(mail, row->verb, line);
    pending->tag = tag;
    pending->parameters = rest.len > 0;
    struct step step = {
        .line = line, .rest = rest, .word = text_of(row->name), .command = pending, .event = ON_SENT
    };
    if (row->clear)
        facts_clear_command(mail, step.word, line);
    machine_step(mail, row->verb, &step);
}

bool machine_answers_late(const struct mail *mail, const struct line *line)
{
    const struct challenge *challenge = &mail->challenge;
    return line->side == SIDE_CLIENT && mail->marks_known && line->where.acked < challenge->until &&
           (challenge->state == STATE_RESPONSE ||
            mail->protocol->verb_of(line->text)->verb == VERB_UNKNOWN);
}

bool machine_crosses_content(const struct mail *mail, const struct line *line)
{
    return line->side == SIDE_CLIENT && machine_is(mail, STATE_MAYBE_CONTENT) &&
           mail->marks_known && line->where.acked < mail->unasked_end;
}

void machine_desync(struct mail *mail, const struct line *line)
{
    bool spoken = mail->side[SIDE_CLIENT].started && (!mail->marks_known || line->where.acked > 0);
    if (!mail->lost && spoken)
        facts_note_once(mail, MAIL_NOTE_DESYNC, line);
}

void machine_unmatched(struct mail *mail, const struct step *step)
{
    doubt_reply(mail, step);
    if (!machine_step(mail, VERB_NONE, step))
        machine_desync(mail, step->line);
}
