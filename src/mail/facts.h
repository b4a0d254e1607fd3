/* SPDX-License-Identifier: Apache-2.0
 * facts.h - writing down what a dialogue says: texts, notes, logins. All of it is bounded.
 */
#ifndef FACTS_H
#define FACTS_H

#include "machine.h"

/* A copy in the arena of at most max bytes; empty when the maximum of the session is reached. If
 * the text equals `old`, that one is returned. */
struct text facts_keep(struct mail *mail, struct text text, size_t max, struct text old);

/* Room for the first notes; false: none was given. */
bool facts_init(struct mail *mail);

/* Adds a note about the line (of which only positions are used) and returns its index, or NOTE_NONE
 * if it was dropped. A note that is there already, in all but its position, is not repeated. The
 * word is copied, LIMIT_CAPABILITY_BYTES at most; it must be one that may be kept. */
uint8_t facts_note(struct mail *mail, enum mail_note_kind kind, const struct line *line,
                   struct text word, uint32_t code, uint32_t len);
/* Unless the side has such a note. */
uint8_t facts_note_once(struct mail *mail, enum mail_note_kind kind, const struct line *line);
bool facts_noted(const struct mail *mail, enum mail_note_kind kind);
/* Forgets notes of the kind at or behind an offset. */
void facts_unnote(struct mail *mail, enum mail_note_kind kind, uint64_t from);

/* A command that means going on without TLS. */
void facts_clear_command(struct mail *mail, struct text verb, const struct line *line);

/* len bytes of a message crossed in clear. */
void facts_content(struct mail *mail, enum side side, uint64_t offset, struct mark where,
                   uint64_t len);

/* The words of the greeting's text. */
/* software: what follows the host is kept too; where it may name a user it is not. */
void facts_banner(struct mail *mail, struct text text, bool software);

void facts_last_reply(struct mail *mail, struct text word);

/* A login begins; `mechanism` is a literal or the wire's word, which is kept only if known. */
void facts_login(struct mail *mail, struct text mechanism, const struct line *line);
/* The reply to this command will decide the login that is going on. */
void facts_login_awaits(struct mail *mail, struct pending *command);
void facts_login_secret(struct mail *mail);
/* `command` may be NULL: the last one. */
void facts_login_ended(struct mail *mail, const struct pending *command, enum tri succeeded,
                       uint32_t code);
/* The client's answer to a challenge: "*" cancels and "=" is empty, anything else is secret. */
void facts_login_answer(struct mail *mail, struct text answer);

/* The host of the first http or https URL (or of `scheme` alone, if given) in the text. */
struct text facts_url_host(struct text text, struct text scheme);
/* Text for people before TLS, if it holds a URL or is long. */
void facts_ui_text(struct mail *mail, const struct line *line, struct text text);

#endif
