/* SPDX-License-Identifier: Apache-2.0
 * texts.c - reads the files of texts and finds a rule in them. texts_render.c fills in the values.
 */
#include "texts.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "text.h"
#include "texts_state.h"

/* Fields of a section. `variants`, `products`: may have ".VARIANT", "@WORD" behind. */
static const struct field {
    const char *name;
    bool needed, template, variants, products;
} fields[] = {
    { .name = "name", .needed = true },
    { .name = "severity" },
    { .name = "when", .needed = true },
    { .name = "not_when", .needed = true },
    { .name = "explain", .needed = true, .template = true, .variants = true },
    { .name = "fix", .needed = true, .template = true, .variants = true, .products = true },
    { .name = "references" },
    { .name = "attack", .variants = true },
    { .name = "tlsrpt", .variants = true },
    { .name = "verdict", .variants = true },
    { .name = "counts_from" }, /* the least severity at which the verdict counts; low */
};
#define FIELDS (sizeof fields / sizeof fields[0])

static const char *const verdicts[] = { "tampered", "exposed", "failed", "weak", "-" };

/* Where the parser stands. */
struct parsing {
    const char *source;
    unsigned line, section_line;
    struct texts_rule *rule;      /* of the section at hand; NULL before the first */
    struct texts_line *continued; /* what a line that begins with a blank goes on with */
    const struct field *field;    /* of that */
    bool failed;
};

__attribute__((format(printf, 3, 4))) static bool mistake(struct parsing *parsing, unsigned line,
                                                          const char *format, ...)
{
    char words[256];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(words, sizeof words, format, arguments);
    va_end(arguments);
    log_error("%s:%u: %s", parsing->source, line, words);
    parsing->failed = true;
    return false;
}

static bool out_of_memory(struct parsing *parsing)
{
    return mistake(parsing, parsing->line, "out of memory");
}

/* --- rules in memory --- */

static void rule_free(struct texts_rule *rule)
{
    if (rule == NULL)
        return;
    for (size_t i = 0; i < rule->line_count; i++) {
        free(rule->lines[i].name);
        free(rule->lines[i].value);
    }
    for (size_t i = 0; i < rule->reference_count; i++)
        free(rule->references[i]);
    free(rule->lines);
    free(rule->references);
    free(rule->id);
    free(rule);
}

static char *text_copy(struct text text)
{
    char *copy = malloc(text.len + 1);
    if (copy == NULL)
        return NULL;
    if (text.len > 0)
        memcpy(copy, text.at, text.len);
    copy[text.len] = '\0';
    return copy;
}

static const struct texts_line *line_find(const struct texts_rule *rule, const char *name)
{
    for (size_t i = 0; i < rule->line_count; i++)
        if (strcmp(rule->lines[i].name, name) == 0)
            return &rule->lines[i];
    return NULL;
}

/* The place of an id among the rules, or where it would go. */
static size_t rule_place(const struct texts *texts, const char *id, bool *found)
{
    size_t low = 0, high = texts->count;

    *found = false;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(texts->rules[middle]->id, id);
        if (order == 0) {
            *found = true;
            return middle;
        }
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool rule_keep(struct texts *texts, struct texts_rule *rule)
{
    bool found;
    size_t place = rule_place(texts, rule->id, &found);

    if (found) {
        rule_free(texts->rules[place]);
        texts->rules[place] = rule;
        return true;
    }
    struct texts_rule **grown =
        realloc(texts->rules, (texts->count + 1) * sizeof(struct texts_rule *));
    if (grown == NULL)
        return false;
    memmove(grown + place + 1, grown + place, (texts->count - place) * sizeof(struct texts_rule *));
    grown[place] = rule;
    texts->rules = grown;
    texts->count++;
    return true;
}

/* --- what a section must be --- */

static bool references_split(struct texts_rule *rule)
{
    struct text rest = text_of(texts_field(rule, "references"));

    while (rest.len > 0) {
        struct text one = text_trim(text_token(&rest, ";"));
        if (one.len == 0)
            continue;
        char **grown =
            realloc(rule->references, (rule->reference_count + 1) * sizeof rule->references[0]);
        if (grown == NULL)
            return false;
        rule->references = grown;
        if ((grown[rule->reference_count] = text_copy(one)) == NULL)
            return false;
        rule->reference_count++;
    }
    return true;
}

static bool verdict_known(const char *word)
{
    for (size_t i = 0; i < sizeof verdicts / sizeof verdicts[0]; i++)
        if (strcmp(word, verdicts[i]) == 0)
            return true;
    return *word == '\0';
}

/* Several blanks are one: what fills the texts in counts on it. */
static void join_blanks(char *text)
{
    char *to = text;
    for (const char *at = text; *at != '\0'; at++)
        if (*at != ' ' || at[1] != ' ')
            *to++ = *at;
    *to = '\0';
}

static void section_end(struct texts *texts, struct parsing *parsing, bool replaces)
{
    struct texts_rule *rule = parsing->rule;
    bool there;

    parsing->rule = NULL;
    parsing->continued = NULL;
    if (rule == NULL)
        return;
    for (size_t i = 0; i < FIELDS; i++)
        if (fields[i].needed && *texts_field(rule, fields[i].name) == '\0')
            mistake(parsing, parsing->section_line, "[%s] has no %s", rule->id, fields[i].name);
    for (size_t i = 0; i < rule->line_count; i++) {
        const char *wrong = NULL;
        join_blanks(rule->lines[i].value);
        if (strncmp(rule->lines[i].name, "explain", 7) == 0 ||
            strncmp(rule->lines[i].name, "fix", 3) == 0)
            wrong = texts_mistake(rule->lines[i].value);
        if (wrong != NULL)
            mistake(parsing, parsing->section_line, "[%s] %s: %s", rule->id, rule->lines[i].name,
                    wrong);
    }
    for (size_t i = 0; i < rule->line_count; i++)
        if (strncmp(rule->lines[i].name, "verdict", 7) == 0 && !verdict_known(rule->lines[i].value))
            mistake(parsing, parsing->section_line,
                    "[%s] %s: wanted is tampered, exposed, failed, weak or -", rule->id,
                    rule->lines[i].name);
    rule_place(texts, rule->id, &there);
    if (there && !replaces)
        mistake(parsing, parsing->section_line, "[%s] is there twice", rule->id);
    if (!parsing->failed && (!references_split(rule) || !rule_keep(texts, rule)))
        out_of_memory(parsing);
    if (parsing->failed)
        rule_free(rule);
}

/* --- lines --- */

static bool id_sound(struct text id)
{
    for (size_t i = 0; i < id.len; i++)
        if (strchr("abcdefghijklmnopqrstuvwxyz0123456789._", id.at[i]) == NULL || id.at[i] == '\0')
            return false;
    return id.len > 0;
}

static void take_section(struct texts *texts, struct parsing *parsing, struct text line,
                         bool replaces)
{
    section_end(texts, parsing, replaces);
    parsing->section_line = parsing->line;
    if (line.at[line.len - 1] != ']') {
        mistake(parsing, parsing->line, "found [ without ] at the end of the line");
        return;
    }
    struct text id = { .at = line.at + 1, .len = line.len - 2 };
    if (!id_sound(id)) {
        mistake(parsing, parsing->line, "a rule id is of a-z 0-9 . and _");
        return;
    }
    parsing->rule = calloc(1, sizeof *parsing->rule);
    if (parsing->rule == NULL || (parsing->rule->id = text_copy(id)) == NULL)
        out_of_memory(parsing);
}

static const struct field *field_of(struct text name)
{
    size_t base = 0;
    while (base < name.len && name.at[base] != '.' && name.at[base] != '@')
        base++;
    for (size_t i = 0; i < FIELDS; i++) {
        const struct field *field = &fields[i];
        if (!text_same((struct text){ name.at, base }, text_of(field->name)))
            continue;
        if (base == name.len)
            return field;
        bool allowed = name.at[base] == '.' ? field->variants : field->products;
        return allowed && base + 1 < name.len ? field : NULL;
    }
    return NULL;
}

static void take_field(struct parsing *parsing, struct text line)
{
    struct text rest = line;
    struct text name = text_trim(text_token(&rest, ":"));
    struct texts_rule *rule = parsing->rule;

    if (name.len == line.len || rule == NULL) {
        mistake(parsing, parsing->line, "wanted is %s",
                rule == NULL ? "[rule.id] before anything else" : "FIELD: TEXT");
        return;
    }
    parsing->field = field_of(name);
    if (parsing->field == NULL) {
        mistake(parsing, parsing->line, "there is no field %.*s",
                (int)(name.len < 60 ? name.len : 60), name.at);
        return;
    }
    struct texts_line *grown = realloc(rule->lines, (rule->line_count + 1) * sizeof grown[0]);
    if (grown == NULL) {
        out_of_memory(parsing);
        return;
    }
    rule->lines = grown;
    parsing->continued = &grown[rule->line_count];
    *parsing->continued = (struct texts_line){ text_copy(name), text_copy(text_trim(rest)) };
    rule->line_count++;
    if (parsing->continued->name == NULL || parsing->continued->value == NULL)
        out_of_memory(parsing);
    else if (line_find(rule, parsing->continued->name) != parsing->continued)
        mistake(parsing, parsing->line, "[%s] has %s twice", rule->id, parsing->continued->name);
}

static void take_continuation(struct parsing *parsing, struct text more)
{
    if (parsing->continued == NULL) {
        mistake(parsing, parsing->line, "a line that begins with a blank continues nothing");
        return;
    }
    size_t len = strlen(parsing->continued->value);
    char *grown = realloc(parsing->continued->value, len + more.len + 2);
    if (grown == NULL) {
        out_of_memory(parsing);
        return;
    }
    if (len > 0)
        grown[len++] = ' ';
    memcpy(grown + len, more.at, more.len);
    grown[len + more.len] = '\0';
    parsing->continued->value = grown;
}

static bool parse(struct texts *texts, const char *source, const char *text, bool replaces)
{
    struct parsing parsing = { .source = source };
    struct text rest = text_of(text);

    while (rest.len > 0 && !parsing.failed) {
        struct text line = text_token(&rest, "\n");
        parsing.line++;
        if (line.len > 0 && line.at[line.len - 1] == '\r')
            line.len--;
        struct text words = text_trim(line);
        if (words.len == 0)
            parsing.continued = NULL;
        else if (line.at[0] == '#')
            continue;
        else if (line.at[0] == ' ' || line.at[0] == '\t')
            take_continuation(&parsing, words);
        else if (line.at[0] == '[')
            take_section(texts, &parsing, words, replaces);
        else
            take_field(&parsing, words);
    }
    section_end(texts, &parsing, replaces);
    return !parsing.failed;
}

/* --- the header's functions --- */

struct texts *texts_new(const struct lists *lists)
{
    static const char folder[] = "findings/";
    struct texts *texts = calloc(1, sizeof *texts);
    const char *name;

    if (texts == NULL)
        log_error("texts: out of memory");
    for (size_t i = 0; texts != NULL && lists != NULL && (name = lists_name(lists, i)) != NULL; i++)
        if (strncmp(name, folder, sizeof folder - 1) == 0 &&
            !parse(texts, name, lists_get(lists, name, NULL), false)) {
            texts_free(texts);
            return NULL;
        }
    return texts;
}

void texts_free(struct texts *texts)
{
    if (texts == NULL)
        return;
    for (size_t i = 0; i < texts->count; i++)
        rule_free(texts->rules[i]);
    free(texts->rules);
    free(texts);
}

bool texts_add(struct texts *texts, const char *source, const char *text)
{
    return parse(texts, source, text, true);
}

const struct texts_rule *texts_find(const struct texts *texts, const char *rule)
{
    bool found;
    size_t place = rule_place(texts, rule, &found);
    return found ? texts->rules[place] : NULL;
}

const struct texts_rule *texts_at(const struct texts *texts, size_t index)
{
    return index < texts->count ? texts->rules[index] : NULL;
}

const char *texts_id(const struct texts_rule *rule) { return rule->id; }

const char *texts_field(const struct texts_rule *rule, const char *field)
{
    const struct texts_line *line = line_find(rule, field);
    return line != NULL ? line->value : "";
}

const char *texts_field_at(const struct texts_rule *rule, size_t index, const char **value)
{
    if (index >= rule->line_count)
        return NULL;
    *value = rule->lines[index].value;
    return rule->lines[index].name;
}

const char *texts_reference(const struct texts_rule *rule, size_t index)
{
    return index < rule->reference_count ? rule->references[index] : NULL;
}
