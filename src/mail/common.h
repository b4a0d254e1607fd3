/* SPDX-License-Identifier: Apache-2.0
 * common.h - what the protocols have in common: actions of their tables, and reading of words.
 */
#ifndef COMMON_H
#define COMMON_H

#include "machine.h"

/* A client line of the ordinary dialogue. */
void common_client_line(struct mail *mail, const struct line *line);
/* If the state wants an answer to a challenge, the line is one; true then. */
bool common_answer(struct mail *mail, const struct line *line);

const struct verb_row *common_verb(const struct verb_row *rows, size_t count, struct text word);
extern const struct verb_row common_unknown;

/* Three digits at the start, the first 1 to 5; 0 if there are none. */
uint32_t common_code(struct reader *line);

/* It mentions TLS or SSL. */
bool common_says_tls(struct text text);

/* Removes one pair of double quotes. */
struct text common_unquote(struct text text);

/* Actions. */
void act_greeting(struct mail *mail, const struct step *step);
void act_asked(struct mail *mail, const struct step *step); /* for capabilities */
void act_starttls_sent(struct mail *mail, const struct step *step);
void act_starttls_accepted(struct mail *mail, const struct step *step);
void act_starttls_refused(struct mail *mail, const struct step *step);
void act_starttls_unanswered(struct mail *mail, const struct step *step);
void act_login_sent(struct mail *mail, const struct step *step); /* rest: mechanism [answer] */
void act_login_answered(struct mail *mail, const struct step *step);
void act_login_ended(struct mail *mail, const struct step *step);
void act_unknown_sent(struct mail *mail, const struct step *step);
void act_unknown_answered(struct mail *mail, const struct step *step);
void act_quit_sent(struct mail *mail, const struct step *step);
/* What may be the go-ahead to a STARTTLS that is not in the capture. */
void act_ready_unasked(struct mail *mail, const struct step *step);
void act_opaque(struct mail *mail, const struct step *step);

#define ROWS(table) .rows = (table), .row_count = sizeof(table) / sizeof(table)[0]

#endif
