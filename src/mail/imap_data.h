/* SPDX-License-Identifier: Apache-2.0
 * imap_data.h - what an IMAP server says: status texts with their codes, untagged data, literals.
 */
#ifndef IMAP_DATA_H
#define IMAP_DATA_H

#include "machine.h"

/* OK, NO, BAD, BYE or PREAUTH as a literal; empty if the word is none of these. */
struct text imap_status(struct text word);
/* The text behind a response code "[…] ". */
struct text imap_without_code(struct text text);
/* The text of a status response: capability list, ALERT, REFERRAL, PRIVACYREQUIRED. */
void imap_status_text(struct mail *mail, const struct line *line, struct text text);

/* The kind of untagged data as a literal ("EXISTS", "FETCH", "CAPABILITY" …), or empty. */
struct text imap_data_word(struct text rest);
/* An untagged line behind "* ", and what follows a literal in it. */
void imap_data(struct mail *mail, const struct line *line, struct text rest);
void imap_data_continued(struct mail *mail, const struct line *line);
void imap_data_tail(struct mail *mail, struct text tail);

#endif
