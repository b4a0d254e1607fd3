/* SPDX-License-Identifier: Apache-2.0
 * texts_state.h - private to texts*.c: how texts lie in memory.
 */
#ifndef TEXTS_STATE_H
#define TEXTS_STATE_H

#include "texts.h"

struct texts_line { /* a field of a rule */
    char *name, *value;
};

struct texts_rule {
    char *id;
    struct texts_line *lines; /* in order of the file */
    size_t line_count;
    char **references;
    size_t reference_count;
};

struct texts {
    struct texts_rule **rules; /* ascending by id */
    size_t count;
};

/* What is wrong with the braces of a text, or NULL. */
const char *texts_mistake(const char *text);

#endif
