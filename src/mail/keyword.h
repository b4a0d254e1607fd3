/* SPDX-License-Identifier: Apache-2.0
 * keyword.h - words that somebody on the way may have overwritten.
 *
 * Cisco's ESMTP inspection keeps the length and writes X over keywords and commands it does not
 * know ("250-XXXXXXXA", "XXXXXXXX"); others change a letter or two of STARTTLS.
 */
#ifndef KEYWORD_H
#define KEYWORD_H

#include "text.h"

/* One repeated filler (X, x, * or #) three times or more, and at most one other letter at the end.
 * Registered words such as XCLIENT are none of these. */
bool keyword_masked(struct text token);
/* A command of four or more X. */
bool keyword_masked_command(struct text token);
/* The first such word of four or more X in a text, or an empty one. */
struct text keyword_masked_within(struct text text);

/* A near miss of `wanted` at the start of the line: as long, and one or two letters differ (one,
 * where it has only four), or the same with NUL or blanks in between. An exact match is none. */
bool keyword_near(struct text line, struct text wanted);

/* The first blank-separated word. */
struct text keyword_first(struct text line);
/* Any word of the line is this one, in any case. */
bool keyword_among(struct text line, struct text wanted);

#endif
