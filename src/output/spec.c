/* SPDX-License-Identifier: Apache-2.0
 * spec.c - the grammar of an output's specification.
 */
#include "spec.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "limits.h"
#include "log.h"
#include "suggest.h"
#include "text.h"

/* The word before the colon. Others are outputs too, but named by plugin:NAME. */
static const struct word {
    const char *word;
    bool path;   /* its target is a path, and needed */
    bool target; /* it has one */
} words[] = {
    { "-", false, false },  { "file", true, true },       { "syslog", false, true },
    { "unix", true, true }, { "unix-dgram", true, true }, { "plugin", false, true },
};

/* --- messages --- */

void spec_wrong(const struct output_spec *spec, const char *format, ...)
{
    char why[512], clean[160];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(why, sizeof why, format, arguments);
    va_end(arguments);
    /* Options may hold a password, and so may a target: only its name is shown. */
    text_clean(text_of(spec->name != NULL ? spec->name : spec->text), clean, sizeof clean);
    log_error("%s: \"%s\": %s", spec->place, clean, why);
}

/* "redis://user:secret@host" without what stands before the @. */
static char *name_of(const char *text)
{
    size_t len = strcspn(text, "?");
    char *name = strndup(text, len);
    char *from = name == NULL ? NULL : strstr(name, "://");
    if (from == NULL)
        return name;
    from += 3;
    char *at = NULL;
    for (char *c = from; *c != '\0' && *c != '/'; c++)
        at = *c == '@' ? c : at;
    if (at != NULL)
        memmove(from, at + 1, strlen(at + 1) + 1);
    return name;
}

/* --- bytes --- */

static int hex(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* In place. What is no code stays as it is. False: a code for the byte 0. */
static bool decode(char *text)
{
    char *to = text;
    for (; *text != '\0'; text++) {
        bool code = *text == '%' && hex(text[1]) >= 0 && hex(text[2]) >= 0;
        *to++ = (char)(code ? hex(text[1]) << 4 | hex(text[2]) : *text);
        if (code && to[-1] == '\0')
            return false;
        text += code ? 2 : 0;
    }
    *to = '\0';
    return true;
}

/* --- the kind --- */

static bool unknown_kind(const struct output_spec *spec, const char *kind,
                         const struct doors *doors)
{
    struct suggest suggest;
    char clean[80];
    text_clean(text_of(kind), clean, sizeof clean);
    const char *lacks;
    bool ours = strcmp(kind, "file") == 0;
    if (!ours && (doors_find(doors, kind, &lacks) != NULL || lacks != NULL)) {
        spec_wrong(spec, "there is no output \"%s:\"; did you mean plugin:%s:?", clean, clean);
        return false;
    }
    if (strchr(spec->text, ':') == NULL && *spec->text != '\0') {
        spec_wrong(spec,
                   "wanted is - (standard output), file:PATH, syslog:, unix:PATH, "
                   "unix-dgram:PATH or plugin:NAME:TARGET; did you mean file:%s?",
                   clean);
        return false;
    }
    suggest_init(&suggest, kind);
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        suggest_add(&suggest, words[i].word);
    const char *best = suggest_best(&suggest);
    spec_wrong(spec,
               "there is no output \"%s:\"; wanted is - (standard output), file:PATH, syslog:, "
               "unix:PATH, unix-dgram:PATH or plugin:NAME:TARGET%s%s%s",
               clean, best != NULL ? "; did you mean " : "", best != NULL ? best : "",
               best != NULL ? ":?" : "");
    return false;
}

static bool find_door(struct output_spec *spec, const char *kind, const struct doors *doors)
{
    struct suggest suggest;
    const char *lacks, *known;
    char clean[80];
    spec->door = doors_find(doors, kind, &lacks);
    if (spec->door != NULL)
        return true;
    text_clean(text_of(kind), clean, sizeof clean);
    if (lacks != NULL) {
        spec_wrong(spec, "this build lacks the output %s: %s was not there when it was built",
                   clean, lacks);
        return false;
    }
    suggest_init(&suggest, kind);
    for (size_t i = 0; (known = doors_kind(doors, i)) != NULL; i++)
        suggest_add(&suggest, known);
    const char *best = suggest_best(&suggest);
    spec_wrong(spec, "there is no output plugin \"%s\"%s%s%s (--plugin PATH loads one)", clean,
               best != NULL ? "; did you mean " : "", best != NULL ? best : "",
               best != NULL ? "?" : "");
    return false;
}

/* Cuts `copy`, which is the text before the options. */
static bool read_kind(struct output_spec *spec, char *copy, const struct doors *doors)
{
    char *colon = strchr(copy, ':');
    const struct word *word = NULL;
    if (colon != NULL)
        *colon = '\0';
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (strcmp(words[i].word, copy) == 0)
            word = &words[i];
    if (word == NULL || (word->target && colon == NULL && word->path))
        return unknown_kind(spec, copy, doors);
    if (!word->target && colon != NULL) {
        spec_wrong(spec, "nothing stands behind \"-\"");
        return false;
    }
    char *target = colon != NULL ? colon + 1 : copy + strlen(copy), *kind = copy;
    if (strcmp(word->word, "plugin") == 0) {
        kind = target;
        char *second = strchr(kind, ':');
        target = second != NULL ? second + 1 : kind + strlen(kind);
        if (second != NULL)
            *second = '\0';
    }
    if (word->path && (*target == '\0' || !decode(target))) {
        spec_wrong(spec, "wanted is %s:PATH", word->word);
        return false;
    }
    spec->target = strdup(target);
    return spec->target != NULL && find_door(spec, kind, doors);
}

/* --- options --- */

static bool add_option(struct output_spec *spec, const char *name, const char *value)
{
    for (size_t i = 0; i < spec->option_count; i++)
        if (strcmp(spec->options[i].name, name) == 0) {
            spec_wrong(spec, "%s is given twice", name);
            return false;
        }
    if (spec->option_count == LIMIT_OUTPUT_OPTIONS) {
        spec_wrong(spec, "more than %u options", LIMIT_OUTPUT_OPTIONS);
        return false;
    }
    char *text = malloc(strlen(name) + strlen(value) + 2);
    if (text == NULL)
        return false;
    memcpy(text, name, strlen(name) + 1);
    char *behind = text + strlen(name) + 1;
    memcpy(behind, value, strlen(value) + 1);
    spec->options[spec->option_count++] = (struct starttap_output_option){ text, behind };
    return true;
}

static bool read_option(struct output_spec *spec, char *text)
{
    char clean[80], *equals = strchr(text, '=');
    text_clean(text_of(text), clean, sizeof clean);
    if (equals == NULL || equals == text) {
        spec_wrong(spec, "behind the ? stand options such as format=cef, found is \"%s\"%s", clean,
                   spec->door == NULL || !output_spec_is_local(spec)
                       ? ""
                       : "; in a file's name a question mark is written %3F");
        return false;
    }
    *equals = '\0';
    if (!decode(equals + 1)) {
        spec_wrong(spec, "%s: a value cannot hold the byte 0", text);
        return false;
    }
    switch (spec_take_option(spec, text, equals + 1)) {
    case SPEC_TAKEN: return true;
    case SPEC_WRONG: return false;
    case SPEC_NOT_OURS: break;
    }
    return add_option(spec, text, equals + 1);
}

static bool read_options(struct output_spec *spec, char *rest)
{
    spec->options = calloc(LIMIT_OUTPUT_OPTIONS, sizeof *spec->options);
    if (spec->options == NULL)
        return false;
    while (rest != NULL && *rest != '\0') {
        char *next = strchr(rest, '&');
        if (next != NULL)
            *next++ = '\0';
        if (!read_option(spec, rest))
            return false;
        rest = next;
    }
    return true;
}

bool output_spec_read(struct output_spec *spec, const char *text, const char *place,
                      const struct output_defaults *defaults, const struct doors *doors)
{
    *spec = (struct output_spec){ .text = text,
                                  .place = place,
                                  .name = name_of(text),
                                  .format = defaults->format,
                                  .datasets = defaults->datasets,
                                  .least = defaults->least,
                                  .drain_s = LIMIT_OUTPUT_DRAIN_S,
                                  .wait_s = LIMIT_OUTPUT_WAIT_S };
    char *copy = strdup(text), *mark = copy == NULL ? NULL : strchr(copy, '?');
    if (mark != NULL)
        *mark++ = '\0';
    bool good = copy != NULL && spec->name != NULL && read_kind(spec, copy, doors) &&
                read_options(spec, mark);
    if (good && spec->max_bytes == 0)
        spec->max_bytes = spec->door->max_bytes;
    free(copy);
    return good;
}

void output_spec_free(struct output_spec *spec)
{
    for (size_t i = 0; i < spec->option_count; i++)
        free((void *)spec->options[i].name);
    free(spec->options);
    free(spec->name);
    free(spec->target);
    free(spec->spool);
    *spec = (struct output_spec){ 0 };
}

/* --- what the output is asked --- */

static void log_of_output(int level, const char *line)
{
    char clean[512];
    text_clean(text_of(line), clean, sizeof clean);
    if (level <= 0)
        log_error("%s", clean);
    else if (level == 1)
        log_warn("%s", clean);
    else
        log_info("%s", clean);
}

struct starttap_output_options output_spec_options(const struct output_spec *spec,
                                                   const char *sensor)
{
    return (struct starttap_output_options){ .size = sizeof(struct starttap_output_options),
                                             .target = spec->target,
                                             .format = event_format_name(spec->format),
                                             .sensor = sensor,
                                             .options = spec->options,
                                             .option_count = spec->option_count,
                                             .log = log_of_output,
                                             .max_bytes = spec->max_bytes };
}

bool output_spec_check(const struct output_spec *spec, const char *sensor)
{
    struct starttap_output_options options = output_spec_options(spec, sensor);
    char why[256] = "", clean[256];
    if (spec->door->check(&options, why, sizeof why))
        return true;
    why[sizeof why - 1] = '\0';
    text_clean(text_of(why), clean, sizeof clean);
    /* A word of the host that was mistyped comes here too: the output does not know it. */
    const char *near = NULL;
    for (size_t i = 0; near == NULL && i < spec->option_count; i++)
        if (strstr(why, spec->options[i].name) != NULL && strstr(why, "mean") == NULL)
            near = spec_nearest_option(spec->options[i].name);
    spec_wrong(spec, "%s%s%s%s", clean, near != NULL ? "; did you mean " : "",
               near != NULL ? near : "", near != NULL ? "?" : "");
    return false;
}

bool output_spec_is_local(const struct output_spec *spec)
{
    return strcmp(spec->door->kind, "-") == 0 || strcmp(spec->door->kind, "file") == 0;
}
