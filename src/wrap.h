/* SPDX-License-Identifier: Apache-2.0
 * wrap.h - prose broken into lines of a terminal.
 */
#ifndef WRAP_H
#define WRAP_H

#include <stdio.h>

#define WRAP_COLUMNS 79

/* Prints the words of `text`, at most WRAP_COLUMNS bytes a line, each line behind `lead`. A word
 * that does not fit stands alone. */
void wrap_print(FILE *out, const char *lead, const char *text);

/* The same, but the first line is already begun: `column` bytes of it are used. */
void wrap_print_from(FILE *out, size_t column, const char *lead, const char *text);

#endif
