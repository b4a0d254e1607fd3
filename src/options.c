/* SPDX-License-Identifier: Apache-2.0
 * options.c - the command line, by the table of data/options.def.
 */
#include "options.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "options_table.h"
#include "suggest.h"
#include "text.h"
#include "version.h"

#define OPTIONS_MAX 64u

struct options_parsing {
    struct options *options;
    const struct options_row *row; /* of the option at hand */
    size_t cap; /* of every list: no option occurs more often than there are arguments */
    FILE *out, *err;
};

/* The subcommands that are known and not there yet. */
static const struct {
    const char *name, *later;
} commands[] = {
    { "state", "looking into the memory of --state comes with a later release" },
};

static void later_print(FILE *err, const char *name, const char *later)
{
    fprintf(err, "starttap: %s is not available in this version (" VERSION_TEXT "): %s\n", name,
            later);
}

/* What a user typed may hold anything, control characters too. */
static void quoted_print(FILE *err, const char *before, const char *word, const char *after)
{
    char clean[80];
    text_clean(text_of(word), clean, sizeof clean);
    fprintf(err, "starttap: %s\"%s\"%s", before, clean, after);
}

static enum options_result usage(FILE *err)
{
    fputs("Try: starttap --help\n", err);
    return OPTIONS_USAGE;
}

static enum options_result out_of_memory(FILE *err)
{
    fputs("starttap: out of memory\n", err);
    return OPTIONS_USAGE;
}

static bool list_add(struct options_list *list, size_t cap, const char *text)
{
    if (list->at == NULL)
        list->at = calloc(cap, sizeof list->at[0]);
    if (list->at == NULL)
        return false;
    list->at[list->count++] = text;
    return true;
}

/* Keeps a setting, and judges it now: an error of the command line is reported before any file is
 * opened. */
static enum options_result setting_add(struct options_parsing *parsing, const char *key,
                                       const char *value)
{
    struct options *options = parsing->options;
    struct config_setting setting = { key, value, options_row_name(parsing->row) };
    struct config scratch;

    if (options->settings == NULL)
        options->settings = calloc(parsing->cap, sizeof options->settings[0]);
    if (options->settings == NULL)
        return out_of_memory(parsing->err);
    options->settings[options->setting_count++] = setting;

    bool good = config_init(&scratch) && config_set(&scratch, &setting, parsing->err);
    config_free(&scratch);
    return good ? OPTIONS_RUN : OPTIONS_USAGE;
}

static enum options_result take_set(struct options_parsing *parsing, const char *argument)
{
    struct options *options = parsing->options;
    const char *equals = strchr(argument, '=');

    if (equals == NULL || equals == argument) {
        quoted_print(parsing->err, "--set: found ", argument,
                     ", wanted is KEY=VALUE, such as workers=2\n");
        return usage(parsing->err);
    }
    if (options->split == NULL)
        options->split = calloc(parsing->cap, sizeof options->split[0]);
    char *key = options->split == NULL ? NULL : strdup(argument);
    if (key == NULL)
        return out_of_memory(parsing->err);
    options->split[options->split_count++] = key;
    key[equals - argument] = '\0';
    return setting_add(parsing, key, equals + 1);
}

static enum options_result take_fail_on(struct options_parsing *parsing, const char *argument)
{
    struct suggest suggest;
    const char *comma = " ";

    if (config_severity_read(argument, &parsing->options->fail_on)) {
        parsing->options->fail_on_given = true;
        return OPTIONS_RUN;
    }
    suggest_init(&suggest, argument);
    quoted_print(parsing->err, "--fail-on: found ", argument, ", wanted is one of");
    for (int i = CONFIG_SEVERITY_INFO; i <= CONFIG_SEVERITY_CRITICAL; i++) {
        const char *name = config_severity_name((enum config_severity)i);
        suggest_add(&suggest, name);
        fprintf(parsing->err, "%s%s", comma, name);
        comma = ", ";
    }
    if (suggest_best(&suggest) != NULL)
        fprintf(parsing->err, "; did you mean %s?", suggest_best(&suggest));
    fputc('\n', parsing->err);
    return usage(parsing->err);
}

static enum options_result take_quiet(struct options_parsing *parsing, const char *argument)
{
    (void)argument;
    parsing->options->log_level = LOG_ERROR;
    return OPTIONS_RUN;
}

static enum options_result take_verbose(struct options_parsing *parsing, const char *argument)
{
    enum log_level *level = &parsing->options->log_level;
    (void)argument;
    *level = *level < LOG_INFO ? LOG_INFO : LOG_DEBUG;
    return OPTIONS_RUN;
}

static enum options_result take_help(struct options_parsing *parsing, const char *argument)
{
    (void)argument;
    options_help_print(parsing->out);
    return OPTIONS_EXIT_OK;
}

static enum options_result take_version(struct options_parsing *parsing, const char *argument)
{
    (void)argument;
    fputs("starttap " VERSION_TEXT "\n", parsing->out);
    return OPTIONS_EXIT_OK;
}

static enum options_result take_dump_config(struct options_parsing *parsing, const char *argument)
{
    (void)argument;
    return config_print_default(parsing->out) ? OPTIONS_EXIT_OK : out_of_memory(parsing->err);
}

/* The actions of data/options.def. */
#define ADDS(member) .action = OPTIONS_ADDS, .offset = offsetof(struct options, member)
#define KEEPS(member) .action = OPTIONS_KEEPS, .offset = offsetof(struct options, member)
#define TURNS_ON(member) .action = OPTIONS_TURNS_ON, .offset = offsetof(struct options, member)
#define SETS(name) .action = OPTIONS_SETS, .key = (name)
#define SETS_YES(name) .action = OPTIONS_SETS_YES, .key = (name)
#define CALLS(name) .action = OPTIONS_CALLS, .function = (name)

const struct options_row options_rows[] = {
#define OPTION(row_group, short_text, long_text, argument_text, row_action, later_text, help_text) \
    { .group = OPTIONS_GROUP_##row_group,                                                          \
      .short_form = (short_text),                                                                  \
      .long_form = (long_text),                                                                    \
      .argument = (argument_text),                                                                 \
      row_action,                                                                                  \
      .later = (later_text),                                                                       \
      .help = (help_text) },
#include "data/options.def"
};
const size_t options_row_count = sizeof options_rows / sizeof options_rows[0];
_Static_assert(sizeof options_rows / sizeof options_rows[0] < OPTIONS_MAX, "getopt's tables");

static enum options_result take(struct options_parsing *parsing, const char *argument)
{
    const struct options_row *row = parsing->row;
    void *member = (char *)parsing->options + row->offset;

    if (row->later != NULL) {
        later_print(parsing->err, options_row_name(row), row->later);
        return OPTIONS_USAGE;
    }
    switch (row->action) {
    case OPTIONS_ADDS:
        return list_add(member, parsing->cap, argument) ? OPTIONS_RUN : out_of_memory(parsing->err);
    case OPTIONS_KEEPS: *(const char **)member = argument; return OPTIONS_RUN;
    case OPTIONS_TURNS_ON: *(bool *)member = true; return OPTIONS_RUN;
    case OPTIONS_SETS: return setting_add(parsing, row->key, argument);
    case OPTIONS_SETS_YES: return setting_add(parsing, row->key, "yes");
    case OPTIONS_CALLS: return row->function(parsing, argument);
    }
    return OPTIONS_USAGE;
}

static enum options_result unknown_option(FILE *err, const char *word)
{
    struct suggest suggest;
    char name[64];
    bool is_long = strncmp(word, "--", 2) == 0;

    snprintf(name, sizeof name, "%.*s", (int)(is_long ? strcspn(word, "=") : strlen(word)), word);
    suggest_init(&suggest, name);
    for (size_t i = 0; i < options_row_count; i++)
        if (options_rows[i].long_form != NULL)
            suggest_add(&suggest, options_rows[i].long_form);
    quoted_print(err, "there is no option ", name, "");
    if (suggest_best(&suggest) != NULL)
        fprintf(err, "; did you mean %s?", suggest_best(&suggest));
    fputc('\n', err);
    return usage(err);
}

/* A word that is no option: another file of -r, a subcommand, what belongs to it, or a mistake. */
static enum options_result take_word(struct options_parsing *parsing, const char *word)
{
    struct options *options = parsing->options;

    if (options->reads.count > 0)
        return list_add(&options->reads, parsing->cap, word) ? OPTIONS_RUN
                                                             : out_of_memory(parsing->err);
    if (options->explain)
        return list_add(&options->rules, parsing->cap, word) ? OPTIONS_RUN
                                                             : out_of_memory(parsing->err);
    options->explain = strcmp(word, "explain") == 0;
    if (options->explain)
        return OPTIONS_RUN;
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
        if (strcmp(word, commands[i].name) == 0) {
            later_print(parsing->err, word, commands[i].later);
            return OPTIONS_USAGE;
        }
    quoted_print(parsing->err, "", word, " is no option; a capture is read with -r FILE\n");
    return usage(parsing->err);
}

/* getopt's tables out of ours. The value of a long option is its row behind the letters. */
struct getopt_tables {
    char letters[3 * OPTIONS_MAX];
    struct option names[OPTIONS_MAX];
};
enum { LONG_FIRST = 0x100, WORD = 1 };

static void tables_make(struct getopt_tables *tables)
{
    char *letter = tables->letters;
    struct option *name = tables->names;

    *letter++ = '-'; /* words come in their place, as WORD; */
    *letter++ = ':'; /* a missing argument is told apart, and we do the talking */
    for (size_t i = 0; i < options_row_count; i++) {
        const struct options_row *row = &options_rows[i];
        if (row->short_form != NULL) {
            *letter++ = row->short_form[1];
            if (row->argument != NULL)
                *letter++ = ':';
        }
        if (row->long_form != NULL)
            *name++ = (struct option){ row->long_form + 2,
                                       row->argument != NULL ? required_argument : no_argument,
                                       NULL, LONG_FIRST + (int)i };
    }
    *letter = '\0';
    *name = (struct option){ 0 };
}

static const struct options_row *row_of(int value)
{
    if (value >= LONG_FIRST)
        return &options_rows[value - LONG_FIRST];
    for (size_t i = 0; i < options_row_count; i++)
        if (options_rows[i].short_form != NULL && options_rows[i].short_form[1] == value)
            return &options_rows[i];
    return NULL;
}

static enum options_result missing_argument(FILE *err, const struct options_row *row)
{
    fprintf(err, "starttap: %s needs %.*s behind it\n", options_row_name(row),
            (int)strcspn(row->argument, "."), row->argument);
    return usage(err);
}

/* What getopt_long() found: `value`, with `word` the argument of the command line it found it in.
 */
static enum options_result take_found(struct options_parsing *parsing, int value, const char *word)
{
    const struct options_row *row = row_of(value == ':' || value == '?' ? optopt : value);

    if (value == WORD)
        return take_word(parsing, word);
    if (value == ':' && row != NULL)
        return missing_argument(parsing->err, row);
    if (value == '?' && row != NULL && strncmp(word, "--", 2) == 0) {
        fprintf(parsing->err, "starttap: %s takes nothing behind =\n", options_row_name(row));
        return usage(parsing->err);
    }
    if (value == '?' && strncmp(word, "--", 2) != 0) {
        char short_form[] = { '-', (char)optopt, '\0' };
        return unknown_option(parsing->err, short_form);
    }
    if (value == '?' || row == NULL)
        return unknown_option(parsing->err, word);

    /* getopt takes --form for --format; a script that relies on it breaks when --formula comes. */
    if (value >= LONG_FIRST && strcspn(word, "=") != strlen(row->long_form))
        return unknown_option(parsing->err, word);
    /* "-r --format text": the file was forgotten. One with such a name is written ./--format. */
    if (optarg != NULL && strncmp(optarg, "--", 2) == 0)
        return missing_argument(parsing->err, row);
    parsing->row = row;
    return take(parsing, optarg);
}

static enum options_result take_all(struct options_parsing *parsing, int argc, char **argv)
{
    struct getopt_tables tables;
    int value;

    tables_make(&tables);
    optind = 0; /* glibc: begin anew */
    opterr = 0;
    while (optarg = NULL, optopt = 0,
           (value = getopt_long(argc, argv, tables.letters, tables.names, NULL)) != -1) {
        /* An option whose argument is a word of its own lies one before it. */
        int at = optind - 1;
        if (value != WORD && optarg != NULL && optarg == argv[at])
            at--;
        enum options_result result = take_found(parsing, value, argv[at]);
        if (result != OPTIONS_RUN)
            return result;
    }
    for (int i = optind; i < argc; i++) { /* behind "--" */
        enum options_result result = take_word(parsing, argv[i]);
        if (result != OPTIONS_RUN)
            return result;
    }
    return OPTIONS_RUN;
}

/* What is watched twice would be counted and judged twice. */
static enum options_result judge_interfaces(const struct options *options, FILE *err)
{
    const struct options_list *names = &options->interfaces;
    if (names->count > 0 && options->follow) {
        fputs("starttap: --follow is for folders (-r); an interface is watched until a signal\n",
              err);
        return usage(err);
    }
    for (size_t i = 0; i < names->count; i++) {
        if (*names->at[i] == '\0') {
            fputs("starttap: -i needs the name of an interface\n", err);
            return usage(err);
        }
        if (names->count > 1 && strcmp(names->at[i], "any") == 0) {
            fputs("starttap: -i any watches every interface, and no other beside it\n", err);
            return usage(err);
        }
        for (size_t k = 0; k < i; k++)
            if (strcmp(names->at[i], names->at[k]) == 0) {
                quoted_print(err, "-i ", names->at[i], " is there twice\n");
                return usage(err);
            }
    }
    return OPTIONS_RUN;
}

enum options_result options_parse(struct options *options, int argc, char **argv, FILE *out,
                                  FILE *err)
{
    struct options_parsing parsing = {
        .options = options, .cap = (size_t)argc + 1, .out = out, .err = err
    };
    *options = (struct options){ .log_level = LOG_WARN };
    if (argc < 2) {
        options_help_print_short(err);
        return OPTIONS_USAGE;
    }

    enum options_result result = take_all(&parsing, argc, argv);
    if (result != OPTIONS_RUN)
        return result;
    if (options->reads.count > 0 && options->interfaces.count > 0) {
        fputs("starttap: -r and -i exclude one another\n", err);
        return usage(err);
    }
    if (judge_interfaces(options, err) != OPTIONS_RUN)
        return OPTIONS_USAGE;
    if (options->reads.count == 0 && options->interfaces.count == 0 && !options->check &&
        !options->explain) {
        fputs("starttap: nothing to read: give captures with -r FILE, or watch with -i IFACE\n",
              err);
        return usage(err);
    }
    return OPTIONS_RUN;
}

void options_free(struct options *options)
{
    for (size_t i = 0; i < options->split_count; i++)
        free(options->split[i]);
    free(options->split);
    free(options->settings);
    free((void *)options->rules.at);
    free((void *)options->plugins.at);
    free((void *)options->outputs.at);
    free((void *)options->interfaces.at);
    free((void *)options->reads.at);
    *options = (struct options){ 0 };
}
