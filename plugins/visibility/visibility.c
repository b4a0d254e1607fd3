/* SPDX-License-Identifier: Apache-2.0
 * visibility.c - where the tap or the followers lost sight of a session, so that what is missing
 * from its findings has a reason. Remarks only: nothing here says anything about the mail servers.
 */
#include "plugin.h"

/* Reports what it finds; `rule` is the id of its row. */
typedef void sight_rule(const char *rule, const struct starttap_session *session,
                        const struct starttap_core *core);

static const char *side_word(enum starttap_side side)
{
    return side == STARTTAP_CLIENT ? "client" : "server";
}

static void report_note(const char *rule, const struct starttap_session *session,
                        const struct starttap_core *core, const struct starttap_note *note)
{
    struct starttap_draft draft = { .finding = { .rule = rule, .confidence = 99 } };
    starttap_draft_value(&draft, "side", side_word(note->side));
    starttap_draft_number(&draft, "offset", note->offset);
    starttap_draft_number(&draft, "client_lines", session->mail->client_lines);
    starttap_draft_number(&draft, "server_lines", session->mail->server_lines);
    starttap_draft_evidence(&draft, (struct starttap_evidence){ .kind = "copy",
                                                                .side = note->side,
                                                                .where = note->where,
                                                                .offset = note->offset });
    starttap_draft_report(&draft, core, session);
}

static void judge_desync(const char *rule, const struct starttap_session *session,
                         const struct starttap_core *core)
{
    const struct starttap_note *note = starttap_note_find(session->mail, STARTTAP_NOTE_DESYNC);
    if (note != NULL)
        report_note(rule, session, core, note);
}

static void judge_overflow(const char *rule, const struct starttap_session *session,
                           const struct starttap_core *core)
{
    const struct starttap_note *note =
        starttap_note_find(session->mail, STARTTAP_NOTE_LINE_OVERFLOW);
    if (note != NULL)
        report_note(rule, session, core, note);
}

/* One of a side: it is not in the capture, or it has holes, or its packets were cut. */
static void judge_gap(const char *rule, const struct starttap_session *session,
                      const struct starttap_core *core)
{
    bool concerns = session->ended && (session->mail != NULL || session->tls != NULL);
    for (int side = 0; concerns && side < 2; side++) {
        const struct starttap_stream *stream = session->streams[side];
        if (stream->seen && stream->gaps == 0 && stream->truncated == 0)
            continue;
        const char *word = side_word((enum starttap_side)side);
        struct starttap_draft draft = { .finding = {
                                            .rule = rule, .confidence = 99, .key = word } };
        draft.finding.variant = !stream->seen           ? "missing"
                                : stream->truncated > 0 ? "truncated"
                                                        : "";
        starttap_draft_value(&draft, "side", word);
        starttap_draft_number(&draft, "gaps", stream->gaps);
        starttap_draft_number(&draft, "truncated", stream->truncated);
        starttap_draft_number(&draft, "bytes", stream->stream_bytes);
        starttap_draft_evidence(&draft, (struct starttap_evidence){
                                            .kind = "end",
                                            .side = (enum starttap_side)side,
                                            .where = session->end_at,
                                            .offset = stream->stream_bytes,
                                        });
        starttap_draft_report(&draft, core, session);
    }
}

/* clang-format off */
static const struct rule {
    const char *id;
    sight_rule *judge;
} rules[] = {
    { "proto.desync",        judge_desync },
    { "proto.line_overflow", judge_overflow },
    { "proto.gap",           judge_gap },
};

static const char *const ids[] = {
    "proto.desync",
    "proto.line_overflow",
    "proto.gap",
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

STARTTAP_EXPORT(visibility)
{
    static const struct starttap_detector detector = {
        .abi = STARTTAP_PLUGIN_ABI,
        .size = sizeof detector,
        .name = "visibility",
        .scope = STARTTAP_SCOPE_SESSION,
        .rules = ids,
        .judge = judge,
    };
    return &detector;
}
