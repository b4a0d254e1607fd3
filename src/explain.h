/* SPDX-License-Identifier: Apache-2.0
 * explain.h - `starttap explain`: the reference texts of findings, for people.
 */
#ifndef EXPLAIN_H
#define EXPLAIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "texts.h"

/* Each rule's text; without any, all ids with their names; the word "markdown" makes the whole
 * reference page. False: an id is unknown, which was said on err with the nearest one. */
bool explain_print(const struct texts *texts, const char *const *rules, size_t count, FILE *out,
                   FILE *err);

#endif
