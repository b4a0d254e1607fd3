/* SPDX-License-Identifier: Apache-2.0
 * mail.c - the dialogue as its caller sees it: bytes, gaps and ends in; phases and facts out.
 */
#include "mail.h"

#include <string.h>

#include "capabilities.h"
#include "doubt.h"
#include "early.h"
#include "facts.h"
#include "lines.h"
#include "machine.h"

static const struct protocol *const protocols[] = {
    [MAIL_SMTP] = &protocol_smtp, [MAIL_LMTP] = &protocol_lmtp,   [MAIL_POP3] = &protocol_pop3,
    [MAIL_IMAP] = &protocol_imap, [MAIL_SIEVE] = &protocol_sieve,
};

const char *mail_protocol_name(enum mail_protocol protocol)
{
    return protocol == MAIL_NONE ? "" : protocols[protocol]->name;
}

struct mail *mail_new(struct arena *arena, enum mail_protocol protocol, uint16_t port)
{
    struct mail *mail = arena_alloc(arena, sizeof *mail);
    if (mail == NULL)
        return NULL;
    memset(mail, 0, sizeof *mail);
    mail->arena = arena;
    mail->protocol = protocols[protocol];
    mail->facts.protocol = protocol;
    mail->port = port;
    mail->http_note = mail->login = NOTE_NONE;
    early_reset(mail);
    if (!pipeline_init(mail) || !facts_init(mail))
        return NULL;
    pipeline_push(mail, VERB_GREETING, NULL); /* connecting is answered by the greeting */
    return mail;
}

size_t mail_feed(struct mail *mail, const struct mail_input *input)
{
    if (input->side == SIDE_CLIENT)
        mail->released = false;
    if (input->side != mail->only) {
        bool later = mail->only_known && input->mark_at != NULL && !mail->early.began[mail->only];
        mail->spoke |= mail->only_known;
        if (later && !input->final)
            return 0; /* see machine_hear() */
        if (later)
            machine_hear(mail);
        mail->heard = false;
    }
    return lines_feed(mail, input);
}

enum mail_phase mail_phase(const struct mail *mail, enum side side)
{
    const struct channel *channel = &mail->side[side];
    /* A logical line that goes on behind a literal is not held back, unless that literal is. */
    bool within = channel->skip > 0 || channel->overflow ||
                  (channel->continues && !machine_is(mail, STATE_LITERAL));
    bool held = side == SIDE_CLIENT && machine_held(mail) && !mail->early.waiting;
    if (within && channel->phase != MAIL_OPAQUE)
        return MAIL_TEXT;
    return channel->phase == MAIL_TEXT && held ? MAIL_WAIT : channel->phase;
}

void mail_not_tls(struct mail *mail, const struct mail_input *input)
{
    struct channel *channel = &mail->side[input->side];
    struct reader bytes = input->bytes;
    uint8_t first = reader_u8(&bytes);
    bool text = (first >= ' ' && first < 0x7f) || first == '\r' || first == '\n' || first == '\t';
    channel->offset = input->offset;
    channel->plain = text;
    channel->phase = text ? MAIL_TEXT : MAIL_OPAQUE;
    if (input->side == SIDE_CLIENT && !text)
        mail->facts.binary = true;
    if (input->side == SIDE_CLIENT)
        mail->released = false;
}

void mail_tls_began(struct mail *mail, enum side side, struct mark where)
{
    early_tls_began(mail, side, where);
    if (side == SIDE_CLIENT)
        mail->released = false;
}

/* The bytes that are missing lay wholly within a literal, a chunk or a message. */
static bool passes_over(struct mail *mail, enum side side, uint64_t len)
{
    struct channel *channel = &mail->side[side];
    if (channel->skip >= len && len > 0) {
        channel->skip -= len;
        return true;
    }
    if (side == SIDE_CLIENT && channel->body) {
        channel->dot = DOT_MIDDLE; /* if its end is missing too, the server's reply ends it */
        return true;
    }
    return false;
}

void mail_gap(struct mail *mail, enum side side, uint64_t offset, uint64_t len)
{
    struct channel *channel = &mail->side[side];
    channel->offset = offset + len;
    channel->scanned = 0;
    mail->facts.gap = true;
    if (side == SIDE_CLIENT)
        mail->released = false;
    if (mail->only_known && side != mail->only)
        machine_hear(mail);
    mail->heard = false;
    mail->early.hole |= side == SIDE_CLIENT && mail->early.waiting;
    if (channel->phase != MAIL_TEXT || passes_over(mail, side, len))
        return;

    channel->skip = 0;
    channel->body = channel->overflow = channel->continues = channel->plain = false;
    channel->mid_line = false;
    channel->partial = true;
    mail->lost = true;
    doubt_gap(mail, side);
    if (side == SIDE_SERVER) {
        capabilities_end(mail, NULL);
        mail->reply = (struct reply){ .active = false };
        pipeline_clear(mail);
        machine_missing(mail);
    } else if (!machine_held(mail)) {
        if (machine_is(mail, STATE_RESPONSE))
            mail->state = STATE_MAYBE_RESPONSE;
        pipeline_clear(mail);
    }
}

void mail_finished(struct mail *mail, enum side side, struct mark where)
{
    (void)where;
    mail->side[side].finished = true;
    if (mail->only_known)
        machine_hear(mail);
    mail->heard = false;
    if (side == SIDE_SERVER)
        machine_missing(mail);
    else
        mail->released = false;
}

void mail_one_sided(struct mail *mail, enum side present)
{
    mail->only_known = true;
    mail->only = present;
    if (present == SIDE_CLIENT)
        machine_missing(mail);
}

void mail_midstream(struct mail *mail)
{
    pipeline_clear(mail);
    mail->lost = true;
    mail->facts.gap = true;
    mail->maybe_authenticated = true;
    doubt_midstream(mail);
}

void mail_proxied(struct mail *mail, struct text address, uint16_t port)
{
    mail->facts.proxied_address =
        facts_keep(mail, address, LIMIT_NAME_BYTES, mail->facts.proxied_address);
    mail->facts.proxied_port = port;
}

const struct mail_facts *mail_facts(const struct mail *mail) { return &mail->facts; }

void mail_note(struct mail *mail, const struct mail_note *note)
{
    struct line at = { .side = note->side, .offset = note->offset, .where = note->where };
    facts_note(mail, note->kind, &at, note->word, note->code, note->len);
}

const char *mail_note_name(enum mail_note_kind kind)
{
    static const char *const names[] = {
        [MAIL_NOTE_LINE_OVERFLOW] = "line-overflow",
        [MAIL_NOTE_DESYNC] = "desync",
        [MAIL_NOTE_BARE_LF] = "bare-lf",
        [MAIL_NOTE_GREETING_MASKED] = "greeting-masked",
        [MAIL_NOTE_CAPABILITY_MASKED] = "capability-masked",
        [MAIL_NOTE_CAPABILITY_ALTERED] = "capability-altered",
        [MAIL_NOTE_COMMAND_MASKED] = "command-masked",
        [MAIL_NOTE_COMMAND_ALTERED] = "command-altered",
        [MAIL_NOTE_OFFER_MALFORMED] = "offer-malformed",
        [MAIL_NOTE_STARTTLS_REQUIRED] = "starttls-required",
        [MAIL_NOTE_STARTTLS_REFUSED] = "starttls-refused",
        [MAIL_NOTE_COMMAND_BEFORE_TLS] = "command-before-tls",
        [MAIL_NOTE_RESPONSE_BEFORE_TLS] = "response-before-tls",
        [MAIL_NOTE_PLAINTEXT_AFTER_ACCEPT] = "plaintext-after-accept",
        [MAIL_NOTE_PLAINTEXT_REPLY_TO_HELLO] = "plaintext-reply-to-hello",
        [MAIL_NOTE_PREAUTH] = "preauth",
        [MAIL_NOTE_DATA_BEFORE_TLS] = "data-before-tls",
        [MAIL_NOTE_ALERT_BEFORE_TLS] = "alert-before-tls",
        [MAIL_NOTE_REFERRAL_BEFORE_TLS] = "referral-before-tls",
        [MAIL_NOTE_UI_TEXT_BEFORE_TLS] = "ui-text-before-tls",
        [MAIL_NOTE_EHLO_REJECTED] = "ehlo-rejected",
        [MAIL_NOTE_HELO_ONLY] = "helo-only",
        [MAIL_NOTE_AUTH_OFFERED_CLEAR] = "auth-offered-clear",
        [MAIL_NOTE_LOGIN_DESPITE_DISABLED] = "login-despite-disabled",
        [MAIL_NOTE_CONTENT] = "content",
        [MAIL_NOTE_SCRIPT] = "script",
        [MAIL_NOTE_REQUIRETLS] = "requiretls",
        [MAIL_NOTE_HTTP] = "http",
        [MAIL_NOTE_PIPELINED_HELLO] = "pipelined-hello",
    };
    return names[kind];
}
