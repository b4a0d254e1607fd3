/* SPDX-License-Identifier: Apache-2.0
 * siem_text.h - a text as part of a CEF or LEEF line.
 */
#ifndef SIEM_TEXT_H
#define SIEM_TEXT_H

#include <stdio.h>

#include "clock.h"
#include "formats.h"

/* Bytes of a value, before its escapes; the dictionary of CEF gives msg 1023. */
enum { SIEM_TEXT_VALUE = LIMIT_TEXT_BYTES, SIEM_TEXT_LONG = 1023 };

/* Writes the text as clean UTF-8 in at most `most` bytes (cut at a character's border) and without
 * U+2028 and U+2029, which some readers take for the end of a line. Each of `specials` gets a
 * backslash in front when `mark` is one, otherwise it becomes `mark`. */
void siem_text_put(FILE *out, const char *text, size_t most, const char *specials, char mark);

#endif
