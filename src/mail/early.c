/* SPDX-License-Identifier: Apache-2.0
 * early.c - positions decide: what its sender had acknowledged tells whether it knew the go-ahead.
 */
#include "early.h"

#include "common.h"
#include "facts.h"

void early_reset(struct mail *mail)
{
    mail->early = (struct early){ .command_note = NOTE_NONE,
                                  .response_note = NOTE_NONE,
                                  .hello_note = NOTE_NONE };
}

void early_accepted(struct mail *mail, const struct line *reply)
{
    mail->early.waiting = true;
    mail->facts.starttls_reply_end = reply->end;
    mail->side[SIDE_CLIENT].phase = MAIL_TLS;
    mail->side[SIDE_SERVER].phase = MAIL_TLS;
    pipeline_clear(mail);
}

static struct mail_note *note_at(struct mail *mail, uint8_t index)
{
    return index == NOTE_NONE ? NULL : &mail->facts.notes[index];
}

/* Adds a line's bytes to a note that exists, or begins it. */
static void grow(struct mail *mail, uint8_t *index, enum mail_note_kind kind,
                 const struct line *line, struct text word, uint32_t bits)
{
    uint32_t len = (uint32_t)(line->end - line->offset);
    struct mail_note *note = note_at(mail, *index);
    if (note == NULL) {
        *index = facts_note(mail, kind, line, word, bits, len);
        return;
    }
    note->len += len;
    note->code |= bits;
    if (note->word.len == 0)
        note->word = facts_keep(mail, word, LIMIT_CAPABILITY_BYTES, note->word);
}

static bool is_blank(struct text text) { return text_trim(text).len == 0; }

/* RFC 3207 section 4.2: a stray CRLF behind STARTTLS is careless, not an injection. */
static void judge_newlines(struct mail_note *note, bool blank)
{
    enum { CARELESS = 2 };
    if (note == NULL)
        return;
    if (!blank || note->len > CARELESS)
        note->code &= ~(uint32_t)EARLY_ONLY_NEWLINES;
}

static void client_line(struct mail *mail, const struct line *line)
{
    struct early *early = &mail->early;
    const struct verb_row *row = mail->protocol->verb_of(line->text);
    bool blank = is_blank(line->text);
    struct text word = row->verb == VERB_UNKNOWN ? (struct text){ 0 } : text_of(row->name);
    uint32_t bits = row->clear ? EARLY_LOGIN_OR_MAIL : 0;
    bool before = mail->marks_known && line->first.acked < mail->facts.starttls_reply_end;

    if (before) {
        bool first = early->command_note == NOTE_NONE;
        grow(mail, &early->command_note, MAIL_NOTE_COMMAND_BEFORE_TLS, line, word,
             bits | EARLY_BEFORE_REPLY | (first && blank ? EARLY_ONLY_NEWLINES : 0));
        judge_newlines(note_at(mail, early->command_note), blank);
    } else {
        if (!early->after_seen) {
            early->after = *line;
            early->after.text = (struct text){ 0 }; /* only positions outlive the call */
        }
        early->after_word = early->after_word.len > 0 ? early->after_word : word;
        early->after_seen = true;
        early->after_bits |= bits;
        early->after_len += (uint32_t)(line->end - line->offset);
        early->after_blank = (early->after_len <= 2 || early->after_blank) && blank;
        early->after_more |= !blank && row->verb != VERB_QUIT;
    }
    early->clear |= row->clear;
    if (early->plain_end == 0)
        early->plain_first_end = line->end;
    early->plain_end = line->end;

    if (!machine_held(mail))
        common_client_line(mail, line);
    if (early->waiting)
        mail->side[SIDE_CLIENT].phase = MAIL_TLS;
}

/* Both go on in clear: the server answered what the client said after the go-ahead. */
static void resume(struct mail *mail)
{
    struct early *early = &mail->early;
    early->waiting = false;
    mail->side[SIDE_CLIENT].phase = MAIL_TEXT;
    mail->side[SIDE_SERVER].phase = MAIL_TEXT;
    if (early->after_seen && early->after_more)
        facts_note(mail, MAIL_NOTE_PLAINTEXT_AFTER_ACCEPT, &early->after, early->after_word,
                   early->after_bits, early->after_len);
    if (early->after_seen && early->clear)
        facts_clear_command(mail, early->after_word, &early->after);
}

static void server_line(struct mail *mail, const struct line *line)
{
    struct early *early = &mail->early;
    uint64_t acked = line->where.acked, hello = early->tls_at[SIDE_CLIENT];
    struct text word = mail->protocol->reply_of(line->text);
    bool knew_hello = early->began[SIDE_CLIENT] && (!mail->marks_known || acked > hello);
    bool knew_plain =
        early->plain_end > 0 && (!mail->marks_known || acked >= early->plain_first_end);
    bool plain_after_hello = early->began[SIDE_CLIENT] && early->plain_end > hello;

    /* Who answers what is missing may answer anything. */
    bool knew_missing = early->hole && !early->began[SIDE_CLIENT] && mail->marks_known &&
                        acked > early->command_end;
    if (word.len > 0 && ((knew_plain && (!knew_hello || plain_after_hello)) || knew_missing)) {
        mail->lost |= knew_missing;
        resume(mail);
        mail->protocol->server_line(mail, line);
        return;
    }
    struct reader digits = reader_of(word.at, word.len);
    uint32_t code = common_code(&digits);
    if (knew_hello) {
        if (early->hello_note == NOTE_NONE)
            early->hello_note = facts_note(mail, MAIL_NOTE_PLAINTEXT_REPLY_TO_HELLO, line, word,
                                           code, (uint32_t)(line->end - line->offset));
    } else if (code != 421 && !text_same(word, TEXT("BYE"))) {
        /* A server that gives up waiting says so; anything else is out of place. */
        grow(mail, &early->response_note, MAIL_NOTE_RESPONSE_BEFORE_TLS, line, word, 0);
    }
    mail->side[SIDE_SERVER].phase = MAIL_TLS;
}

void early_line(struct mail *mail, const struct line *line)
{
    mail->side[line->side].plain = false;
    if (mail->early.waiting && line->side == SIDE_CLIENT)
        client_line(mail, line);
    else if (mail->early.waiting)
        server_line(mail, line);
    else if (line->side == SIDE_CLIENT)
        common_client_line(mail, line);
    else
        mail->protocol->server_line(mail, line);
}

/* The commands behind STARTTLS were followed by TLS: what was said after the go-ahead was injected
 * too. */
static void client_began(struct mail *mail, struct mark where)
{
    struct early *early = &mail->early;
    struct mail_facts *facts = &mail->facts;
    uint64_t at = mail->side[SIDE_CLIENT].offset;

    if (early->waiting && early->after_seen) {
        uint32_t bits = early->after_bits | EARLY_AFTER_REPLY;
        if (early->after_blank && early->command_note == NOTE_NONE)
            bits |= EARLY_ONLY_NEWLINES;
        struct line all = early->after;
        all.end = all.offset + early->after_len;
        grow(mail, &early->command_note, MAIL_NOTE_COMMAND_BEFORE_TLS, &all, early->after_word,
             bits);
        judge_newlines(note_at(mail, early->command_note), early->after_blank);
        early->after_seen = false;
    }
    struct mail_note *note = note_at(mail, early->command_note);
    if (note != NULL)
        note->code |= EARLY_TLS_FOLLOWED;

    bool unanswered = where.acked < facts->starttls_reply_end;
    if (early->waiting && mail->marks_known && unanswered && at == early->command_end) {
        struct line hello = { .offset = at, .end = at, .where = where, .side = SIDE_CLIENT };
        facts_note(mail, MAIL_NOTE_PIPELINED_HELLO, &hello, (struct text){ 0 }, 0, 0);
    }
}

/* TLS proves a go-ahead that was not seen. */
static void infer_acceptance(struct mail *mail, enum side side, struct mark where)
{
    struct mail_facts *facts = &mail->facts;
    const struct early *early = &mail->early;
    bool server_only = mail->only_known && mail->only == SIDE_SERVER;
    if (side == SIDE_SERVER && server_only && facts->starttls_requested == TRI_UNKNOWN &&
        mail->ready_end == mail->side[SIDE_SERVER].offset && mail->ready_end > 0) {
        facts->starttls_requested = TRI_YES;
        facts->starttls_reply = facts->last_reply;
        facts->starttls_reply_end = mail->ready_end;
    }
    bool unseen = facts->gap || mail->only_known;
    if (side == SIDE_SERVER && !server_only &&
        !machine_knows(mail, early->command_end, facts->starttls_requested_at, where))
        return;
    if (!unseen || facts->starttls_requested != TRI_YES || facts->starttls_accepted == TRI_YES)
        return;
    if (facts->starttls_accepted == TRI_NO) /* it asked again, unseen */
        facts->starttls_reply = (struct text){ 0 };
    facts->starttls_accepted = TRI_YES;
    facts->starttls_accepted_at = where;
    if (side == SIDE_CLIENT && facts->gap) { /* the server's next bytes may begin anywhere */
        mail->side[SIDE_SERVER].phase = MAIL_TLS;
        mail->side[SIDE_SERVER].partial = false;
    }
}

void early_tls_began(struct mail *mail, enum side side, struct mark where)
{
    struct early *early = &mail->early;
    if (early->began[side])
        return;
    infer_acceptance(mail, side, where);
    early->began[side] = true;
    early->tls_at[side] = mail->side[side].offset;
    mail->side[side].phase = MAIL_TLS;
    if (side == SIDE_CLIENT)
        client_began(mail, where);
}
