/* SPDX-License-Identifier: Apache-2.0
 * options_table.h - the rows of data/options.def, for options.c and options_help.c only.
 */
#ifndef OPTIONS_TABLE_H
#define OPTIONS_TABLE_H

#include <stddef.h>
#include <stdio.h>

#include "options.h"

enum options_group {
    OPTIONS_GROUP_INPUT,
    OPTIONS_GROUP_OUTPUT,
    OPTIONS_GROUP_SETTINGS,
    OPTIONS_GROUP_OTHER,
    OPTIONS_GROUPS
};
enum options_action {
    OPTIONS_ADDS,
    OPTIONS_KEEPS,
    OPTIONS_TURNS_ON,
    OPTIONS_SETS,
    OPTIONS_SETS_YES,
    OPTIONS_CALLS
};

struct options_parsing; /* where options_parse() stands */

/* Does what an option asks for; OPTIONS_RUN goes on to the next one. */
typedef enum options_result options_take(struct options_parsing *parsing, const char *argument);

struct options_row {
    enum options_group group;
    enum options_action action;
    const char *short_form, *long_form, *argument;
    size_t offset;          /* ADDS, KEEPS, TURNS_ON: of the member of struct options */
    const char *key;        /* SETS, SETS_YES */
    options_take *function; /* CALLS */
    const char *later, *help;
};

extern const struct options_row options_rows[];
extern const size_t options_row_count;

static inline const char *options_row_name(const struct options_row *row)
{
    return row->long_form != NULL ? row->long_form : row->short_form;
}

void options_help_print(FILE *out);
void options_help_print_short(FILE *out);

#endif
