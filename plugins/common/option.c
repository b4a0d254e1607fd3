/* SPDX-License-Identifier: Apache-2.0
 * option.c - options of outputs by name. Lists are short: they are walked.
 */
#include "option.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool rule_fits(const struct option_rule *rule, const char *name)
{
    size_t len = strlen(rule->name);

    if (rule->name[len - 1] == '.')
        return strncmp(rule->name, name, len) == 0 && name[len];
    return strcmp(rule->name, name) == 0;
}

/* All digits, so no sign and no blank. */
static bool number_decode(const char *text, uint64_t *number)
{
    char *end;

    if (!*text || strspn(text, "0123456789") != strlen(text))
        return false;
    errno = 0;
    *number = strtoull(text, &end, 10);
    return errno == 0;
}

static bool word_is_one_of(const char *word, const char *words)
{
    size_t len = strlen(word);

    for (const char *at = words; *at; at += strcspn(at, " "), at += *at == ' ')
        if (len && strcspn(at, " ") == len && memcmp(at, word, len) == 0)
            return true;
    return false;
}

static bool value_fits(const struct option_rule *rule, const char *name, const char *value,
                       char *why, size_t why_size)
{
    uint64_t number;
    FILE *file;

    switch (rule->kind) {
    case OPTION_TEXT: return true;
    case OPTION_FLAG:
        if (word_is_one_of(value, "yes no"))
            return true;
        snprintf(why, why_size, "%s= is yes or no", name);
        return false;
    case OPTION_WORD:
        if (word_is_one_of(value, rule->words))
            return true;
        snprintf(why, why_size, "%s= is one of: %s", name, rule->words);
        return false;
    case OPTION_NUMBER:
        if (number_decode(value, &number) && number >= rule->least && number <= rule->most)
            return true;
        snprintf(why, why_size, "%s= is a number from %llu to %llu", name,
                 (unsigned long long)rule->least, (unsigned long long)rule->most);
        return false;
    case OPTION_FILE:
        file = fopen(value, "re");
        if (!file) {
            snprintf(why, why_size, "%s=%s: %s", name, value, strerror(errno));
            return false;
        }
        fclose(file);
        return true;
    }
    return false;
}

static void list_names(const struct option_rule *rules, size_t count, char *out, size_t size)
{
    size_t len = 0;

    for (size_t i = 0; i < count && len < size; i++) {
        int more = snprintf(out + len, size - len, "%s%s%s", i ? ", " : "", rules[i].name,
                            rules[i].name[strlen(rules[i].name) - 1] == '.' ? "NAME" : "");

        len += more > 0 ? (size_t)more : 0;
    }
}

bool options_check(const struct starttap_output_options *options, const struct option_rule *rules,
                   size_t count, char *why, size_t why_size)
{
    for (size_t i = 0; i < options->option_count; i++) {
        const struct starttap_output_option *option = &options->options[i];
        size_t row = 0;

        while (row < count && !rule_fits(&rules[row], option->name))
            row++;
        if (row == count) {
            char names[512] = "";

            list_names(rules, count, names, sizeof(names));
            snprintf(why, why_size, "no option %.64s; there %s%s", option->name,
                     count ? "are: " : "is none", names);
            return false;
        }
        for (size_t other = 0; other < i; other++)
            if (strcmp(options->options[other].name, option->name) == 0) {
                snprintf(why, why_size, "%s= is given twice", option->name);
                return false;
            }
        if (!value_fits(&rules[row], option->name, option->value, why, why_size))
            return false;
    }
    return true;
}

const char *option_text(const struct starttap_output_options *options, const char *name)
{
    for (size_t i = 0; i < options->option_count; i++)
        if (strcmp(options->options[i].name, name) == 0)
            return options->options[i].value;
    return NULL;
}

uint64_t option_number(const struct starttap_output_options *options, const char *name,
                       uint64_t otherwise)
{
    const char *text = option_text(options, name);
    uint64_t number;

    return text && number_decode(text, &number) ? number : otherwise;
}

bool option_flag(const struct starttap_output_options *options, const char *name, bool otherwise)
{
    const char *text = option_text(options, name);

    return text ? strcmp(text, "yes") == 0 : otherwise;
}

bool option_secret(const struct starttap_output_options *options, const char *name, char *secret,
                   size_t size, char *why, size_t why_size)
{
    const char *path = option_text(options, name);
    FILE *file;
    bool good;

    secret[0] = '\0';
    if (!path)
        return true;
    file = fopen(path, "re");
    if (!file) {
        snprintf(why, why_size, "%s=%s: %s", name, path, strerror(errno));
        return false;
    }
    good = fgets(secret, (int)size, file) != NULL;
    fclose(file);
    if (good && strlen(secret) == size - 1) {
        snprintf(why, why_size, "%s=%s: the first line is too long", name, path);
        return false;
    }
    secret[good ? strcspn(secret, "\r\n") : 0] = '\0';
    if (!secret[0]) {
        snprintf(why, why_size, "%s=%s: the first line is empty", name, path);
        return false;
    }
    return true;
}

void option_forget(char *secret, size_t size) { explicit_bzero(secret, size); }
