/* SPDX-License-Identifier: Apache-2.0
 * silence.c - the server said yes to TLS, and then one side went away, stayed silent, or went on in
 * clear (RFC 3207 section 4: the client starts TLS or ends the session).
 */
#include <string.h>

#include "rules.h"

#define SILENT_NS (INT64_C(60) * 1000000000)

static bool was_accepted(const struct starttap_session *s)
{
    return s->mail != NULL && s->mail->accepted == STARTTAP_YES && all_seen(s);
}

static bool client_said_hello(const struct starttap_session *s)
{
    return s->tls != NULL && (s->tls->client_hello != NULL || s->tls->ssl2);
}

/* Text where TLS belongs, which other rules tell of. */
static bool went_on_in_text(const struct starttap_session *s)
{
    return has_note(s->mail, STARTTAP_NOTE_PLAINTEXT_AFTER_ACCEPT) ||
           (has_note(s->mail, STARTTAP_NOTE_PLAINTEXT_REPLY_TO_HELLO) && client_said_hello(s)) ||
           has_note(s->mail, STARTTAP_NOTE_COMMAND_BEFORE_TLS) ||
           has_note(s->mail, STARTTAP_NOTE_RESPONSE_BEFORE_TLS);
}

static const struct starttap_alert *first_alert(const struct starttap_session *s,
                                                enum starttap_side side)
{
    for (size_t i = 0; s->tls != NULL && i < s->tls->alert_count; i++)
        if (s->tls->alerts[i].side == side)
            return &s->tls->alerts[i];
    return NULL;
}

static bool closed_by(const struct starttap_session *s, enum starttap_side side)
{
    return s->ended && (s->how == STARTTAP_FIN || s->how == STARTTAP_RST) && s->ended_by_known &&
           s->ended_by == side;
}

/* Up to the last packet of all: what comes later may be lost, or not captured. */
static int64_t waited_ns(const struct starttap_session *s)
{
    return s->end_ns - s->mail->accepted_at.time_ns;
}

static void add_end(struct starttap_draft *draft, const struct starttap_session *s)
{
    add_seconds(draft, "after_s", s->mail->accepted_at.time_ns, s->end_ns);
    if (s->how == STARTTAP_FIN || s->how == STARTTAP_RST)
        starttap_draft_evidence(
            draft, (struct starttap_evidence){ .kind = "end",
                                               .side = s->ended_by,
                                               .where = s->end_at,
                                               .text = s->how == STARTTAP_RST ? "RST" : "FIN" });
}

/* How the client let the chance pass; NULL if it did not, or not certainly. */
static const char *client_way(const struct starttap_session *s)
{
    const struct starttap_mail *mail = s->mail;
    if (first_alert(s, STARTTAP_CLIENT) != NULL)
        return "alert";
    if (mail->quit)
        return "quit";
    if (s->streams[STARTTAP_CLIENT]->stream_bytes > mail->requested_end)
        return NULL; /* neither TLS nor text: nobody knows what */
    if (closed_by(s, STARTTAP_CLIENT))
        return s->how == STARTTAP_RST ? "reset" : "closed";
    return waited_ns(s) >= SILENT_NS ? "silent" : NULL;
}

bool starttls_client_aborted(const struct starttap_session *s, const struct starttap_core *core,
                             struct starttap_draft *draft)
{
    if (!was_accepted(s) || !s->ended || client_said_hello(s) || went_on_in_text(s))
        return false;
    const char *way = client_way(s);
    if (way == NULL)
        return false;

    const struct starttap_alert *alert = first_alert(s, STARTTAP_CLIENT);
    draft->finding.severity = with_policy(s, STARTTAP_LOW);
    draft->finding.variant = way;
    starttap_draft_value(draft, "keyword", upgrade_word(s->mail));
    starttap_draft_value(draft, "reply", s->mail->reply);
    add_reply_evidence(draft, s->mail);
    if (alert != NULL) {
        starttap_draft_value(draft, "alert", core->alert_name(alert->code));
        starttap_draft_number(draft, "alert_code", alert->code);
        starttap_draft_evidence(draft, (struct starttap_evidence){ .kind = "record",
                                                                   .side = STARTTAP_CLIENT,
                                                                   .where = alert->where,
                                                                   .text = "Alert" });
    }
    add_end(draft, s);
    return true;
}

/* A reset that comes from elsewhere than the server's other packets has another distance. */
static unsigned ttl_difference(const struct starttap_session *s)
{
    unsigned usual = s->streams[STARTTAP_SERVER]->ttl, last = s->end_ttl;
    if (s->how != STARTTAP_RST || usual == 0 || last == 0)
        return 0;
    return usual > last ? usual - last : last - usual;
}

/* An alert of a client that had not begun says that it cannot. Behind its hello, where nothing came
 * back, it is about the end of the connection, unless it says that the user gave up. */
static bool gave_up_first(const struct starttap_session *s)
{
    enum { USER_CANCELED = 90 };
    const struct starttap_alert *alert = first_alert(s, STARTTAP_CLIENT);
    return alert != NULL && (!client_said_hello(s) || alert->code == USER_CANCELED);
}

/* A client that ends below TLS 1.2, which few servers still take. */
static void add_old_version(struct starttap_draft *draft, const struct starttap_session *s,
                            const struct starttap_core *core)
{
    enum { TLS12 = 0x0303 };
    const struct starttap_client_hello *hello = s->tls != NULL ? s->tls->client_hello : NULL;
    if (hello != NULL && hello->version_max != 0 && hello->version_max < TLS12)
        starttap_draft_value(draft, "old_version", core->version_name(hello->version_max));
}

bool starttls_server_closed(const struct starttap_session *s, const struct starttap_core *core,
                            struct starttap_draft *draft)
{
    enum { TTL_NOISE = 2 };
    if (!was_accepted(s) || !closed_by(s, STARTTAP_SERVER) || went_on_in_text(s))
        return false;
    const struct starttap_mail *mail = s->mail;
    bool spoke = s->streams[STARTTAP_SERVER]->stream_bytes > mail->reply_end;
    bool goodbye = strcmp(mail->last_reply, "421") == 0 || strcmp(mail->last_reply, "BYE") == 0;
    if (spoke && !goodbye)
        return false;
    bool tired = !client_said_hello(s) && waited_ns(s) >= SILENT_NS;
    if (tired || mail->quit || gave_up_first(s))
        return false; /* the client's doing: see above */

    bool elsewhere = ttl_difference(s) > TTL_NOISE;
    draft->finding.severity = with_policy(s, STARTTAP_MEDIUM);
    draft->finding.variant = elsewhere ? "other_ttl" : client_said_hello(s) ? "after_hello" : "";
    starttap_draft_value(draft, "keyword", upgrade_word(mail));
    starttap_draft_value(draft, "reply", mail->reply);
    starttap_draft_value(draft, "end", s->how == STARTTAP_RST ? "RST" : "FIN");
    add_old_version(draft, s, core);
    if (elsewhere) {
        starttap_draft_number(draft, "rst_ttl", s->end_ttl);
        starttap_draft_number(draft, "usual_ttl", s->streams[STARTTAP_SERVER]->ttl);
        starttap_draft_number(draft, "rst_ttl_delta", ttl_difference(s));
    }
    add_reply_evidence(draft, mail);
    if (client_said_hello(s))
        starttap_draft_evidence(
            draft, (struct starttap_evidence){ .kind = "record",
                                               .side = STARTTAP_CLIENT,
                                               .where = s->tls->began_at[STARTTAP_CLIENT],
                                               .text = "ClientHello" });
    add_end(draft, s);
    return true;
}

bool starttls_plaintext_reply(const struct starttap_session *s, const struct starttap_core *core,
                              struct starttap_draft *draft)
{
    const struct starttap_note *note =
        starttap_note_find(s->mail, STARTTAP_NOTE_PLAINTEXT_REPLY_TO_HELLO);
    (void)core;
    if (note == NULL || !was_accepted(s) || !client_said_hello(s))
        return false;
    draft->finding.severity = with_policy(s, STARTTAP_MEDIUM);
    starttap_draft_value(draft, "keyword", upgrade_word(s->mail));
    starttap_draft_value(draft, "reply", s->mail->reply);
    starttap_draft_value(draft, "answer", note->word);
    starttap_draft_number(draft, "answer_len", note->len);
    add_reply_evidence(draft, s->mail);
    starttap_draft_evidence(draft, (struct starttap_evidence){ .kind = "reply",
                                                               .side = STARTTAP_SERVER,
                                                               .where = note->where,
                                                               .offset = note->offset,
                                                               .text = note->word });
    return true;
}

bool starttls_plaintext_after_accept(const struct starttap_session *s,
                                     const struct starttap_core *core, struct starttap_draft *draft)
{
    const struct starttap_note *note =
        starttap_note_find(s->mail, STARTTAP_NOTE_PLAINTEXT_AFTER_ACCEPT);
    (void)core;
    if (note == NULL || !was_accepted(s) || has_note(s->mail, STARTTAP_NOTE_DESYNC))
        return false;
    const struct starttap_login *login = secret_between(s->mail, note->offset, UINT64_MAX);
    bool exposed = exposed_since(s->mail, note->offset);
    draft->finding.severity = with_policy(s, exposed ? STARTTAP_CRITICAL : STARTTAP_HIGH);
    draft->finding.confidence = LIKELY;
    draft->finding.variant = client_said_hello(s) ? "after_hello" : "";
    starttap_draft_value(draft, "keyword", upgrade_word(s->mail));
    starttap_draft_value(draft, "reply", s->mail->reply);
    starttap_draft_value(draft, "verb", note->word);
    starttap_draft_number(draft, "offset", note->offset);
    starttap_draft_value(draft, "mechanism", login != NULL ? mechanism_word(login) : "");
    if (message_between(s->mail, note->offset, UINT64_MAX))
        starttap_draft_number(draft, "messages", s->mail->messages);
    add_reply_evidence(draft, s->mail);
    starttap_draft_evidence(draft, (struct starttap_evidence){ .kind = "command",
                                                               .side = STARTTAP_CLIENT,
                                                               .where = note->where,
                                                               .offset = note->offset,
                                                               .text = note->word });
    return true;
}
