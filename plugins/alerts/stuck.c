/* SPDX-License-Identifier: Apache-2.0
 * stuck.c - handshakes that came to a halt without an alert: no answer, lengths that contradict one
 * another, bytes that are neither TLS nor text.
 */
#include "alerts.h"

static const int64_t stall_ns = INT64_C(10000000000);
enum { ONE_PACKET = 1400 };

/* --- no answer --- */

/* What the server has said ends where it agreed to TLS; without STARTTLS it has said nothing. */
static bool server_is_silent(const struct scene *at)
{
    const struct starttap_mail *mail = at->session->mail;
    uint64_t said = at->session->streams[STARTTAP_SERVER]->stream_bytes;
    if (mail == NULL)
        return said == 0;
    return mail->accepted == STARTTAP_YES && said == mail->reply_end;
}

static int64_t last_known_ns(const struct starttap_session *session)
{
    return session->how == STARTTAP_TIMEOUT ? session->now_ns : session->end_ns;
}

/* The server's TCP took the hello, so the path and the machine are alive. A large hello of which
 * only a part was taken is lost on the way again and again. */
void alerts_stall(const struct scene *at, struct starttap_draft *draft)
{
    const struct starttap_stream *client = at->session->streams[STARTTAP_CLIENT];
    const struct starttap_stream *server = at->session->streams[STARTTAP_SERVER];

    if (!at->session->ended || at->client == NULL || at->tls->began[STARTTAP_SERVER] ||
        !client->whole || !server->whole || at->session->guessed || !server_is_silent(at))
        return;
    int64_t waited_ns = last_known_ns(at->session) - at->client->where.time_ns;
    bool taken = client->acked_bytes >= client->stream_bytes;
    bool dropped = !taken && at->client->wire_len > ONE_PACKET;
    if (waited_ns < stall_ns || (!taken && !dropped))
        return;
    draft->finding.severity = starttap_severity_for(at->session, STARTTAP_LOW, 0);
    draft->finding.variant = dropped ? "large_hello_drop" : NULL;
    starttap_draft_number(draft, "seconds", (uint64_t)(waited_ns / 1000000000));
    starttap_draft_number(draft, "hello_len", at->client->wire_len);
    starttap_draft_number(draft, "sent", client->stream_bytes);
    starttap_draft_number(draft, "acked", client->acked_bytes);
    starttap_draft_value(draft, "closed",
                         !at->session->ended_by_known               ? ""
                         : at->session->ended_by == STARTTAP_CLIENT ? "client"
                                                                    : "server");
    alerts_offers(at, draft);
    starttap_draft_report(draft, at->core, at->session);
}

/* --- lengths that contradict one another --- */

/* The capture has all bytes of that side, so it is not the tap that cut something. */
static bool is_sound(const struct starttap_session *session, enum starttap_side side)
{
    const struct starttap_stream *stream = session->streams[side];
    return stream->whole && stream->truncated == 0 && !session->midstream;
}

static void report_malformed(const struct scene *at, struct starttap_draft *draft,
                             const char *variant, enum starttap_side side,
                             struct starttap_mark where, size_t count)
{
    draft->finding.severity =
        starttap_severity_for(at->session, count > 1 ? STARTTAP_MEDIUM : STARTTAP_LOW, 0);
    draft->finding.variant = variant;
    starttap_draft_value(draft, "side", side == STARTTAP_CLIENT ? "client" : "server");
    starttap_draft_number(draft, "count", count);
    alerts_record(draft, side, where, "malformed");
    alerts_offers(at, draft);
    starttap_draft_report(draft, at->core, at->session);
}

/* A side that begins with a record of something else; the server's only beside a client's hello. */
static bool starts_wrong(const struct scene *at, enum starttap_side side)
{
    return at->tls->no_hello[side] && is_sound(at->session, side) &&
           (side == STARTTAP_CLIENT || at->client != NULL);
}

void alerts_malformed(const struct scene *at, struct starttap_draft *draft)
{
    const struct starttap_tls_note *first = NULL;
    size_t count = 0;

    for (size_t i = 0; i < at->tls->note_count; i++) {
        const struct starttap_tls_note *note = &at->tls->notes[i];
        if (note->kind != STARTTAP_TLS_MALFORMED || !is_sound(at->session, note->side))
            continue;
        first = first == NULL ? note : first;
        count++;
    }
    if (first != NULL) {
        starttap_draft_number(draft, "type", first->code);
        report_malformed(at, draft, "record", first->side, first->where, count);
    } else if (at->client != NULL && at->client->malformed &&
               is_sound(at->session, STARTTAP_CLIENT)) {
        report_malformed(at, draft, "hello", STARTTAP_CLIENT, at->client->where, 1);
    } else if (at->server != NULL && at->server->malformed &&
               is_sound(at->session, STARTTAP_SERVER)) {
        report_malformed(at, draft, "hello", STARTTAP_SERVER, at->server->where, 1);
    } else if (starts_wrong(at, STARTTAP_CLIENT)) {
        report_malformed(at, draft, "no_hello", STARTTAP_CLIENT, at->tls->began_at[STARTTAP_CLIENT],
                         1);
    } else if (starts_wrong(at, STARTTAP_SERVER)) {
        report_malformed(at, draft, "no_hello", STARTTAP_SERVER, at->tls->began_at[STARTTAP_SERVER],
                         1);
    }
}

/* --- neither TLS nor text --- */

void alerts_unknown(const struct scene *at, struct starttap_draft *draft)
{
    const struct starttap_session *session = at->session;
    const struct starttap_stream *client = session->streams[STARTTAP_CLIENT];
    const struct starttap_stream *server = session->streams[STARTTAP_SERVER];
    bool over =
        session->ended && session->how != STARTTAP_CAPTURE_END && session->how != STARTTAP_EVICTED;
    bool sound = is_sound(session, STARTTAP_CLIENT) && is_sound(session, STARTTAP_SERVER);
    bool first = session->mail == NULL && session->tls == NULL && session->application[0] == '\0' &&
                 (session->binary[STARTTAP_CLIENT] || session->binary[STARTTAP_SERVER]);
    bool after = session->mail != NULL && session->mail->binary &&
                 session->mail->accepted == STARTTAP_YES && !at->tls->began[STARTTAP_CLIENT];

    if (!over || !sound || (!first && !after))
        return;
    draft->finding.severity = STARTTAP_INFO;
    draft->finding.variant = after ? "after_accept" : NULL;
    starttap_draft_number(draft, "client_bytes", client->stream_bytes);
    starttap_draft_number(draft, "server_bytes", server->stream_bytes);
    if (after)
        starttap_draft_value(draft, "reply", session->mail->reply);
    alerts_record(draft,
                  first && !session->binary[STARTTAP_CLIENT] ? STARTTAP_SERVER : STARTTAP_CLIENT,
                  after ? session->mail->accepted_at : session->end_at, "bytes");
    starttap_draft_report(draft, at->core, session);
}
