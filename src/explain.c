/* SPDX-License-Identifier: Apache-2.0
 * explain.c - the texts of rules as paragraphs, as a list, and as the reference page FINDINGS.md.
 */
#include "explain.h"

#include <stdlib.h>
#include <string.h>

#include "suggest.h"
#include "text.h"
#include "wrap.h"

/* The fields in the order in which they are read. */
static const struct part {
    const char *field, *title;
} parts[] = {
    { "severity", "Severity" },
    { "when", "When" },
    { "not_when", "Not when" },
    { "explain", "What it says" },
    { "fix", "What to do" },
    { "references", "References" },
    { "attack", "MITRE ATT&CK" },
    { "tlsrpt", "TLS report result" },
    { "verdict", "Verdict of the session, at least" },
};

static bool is_empty(const char *value) { return *value == '\0' || strcmp(value, "-") == 0; }

/* "explain.hidden" is of "explain": what is behind the dot or the @, or NULL if it is not of it. */
static const char *behind(const char *name, const char *field)
{
    size_t len = strlen(field);
    if (strncmp(name, field, len) != 0)
        return NULL;
    return name[len] == '\0' || strchr(".@", name[len]) != NULL ? name + len : NULL;
}

/* The texts of a part: first the general one, then those for variants and products, in order of the
 * file. *more is "" or ".hidden" or "@postfix". NULL behind the last. */
static const char *text_at(const struct texts_rule *rule, const struct part *part, size_t index,
                           const char **more)
{
    const char *name, *value;
    for (int variants = 0; variants < 2; variants++)
        for (size_t line = 0; (name = texts_field_at(rule, line, &value)) != NULL; line++) {
            *more = behind(name, part->field);
            if (*more == NULL || (**more != '\0') != (variants == 1) || is_empty(value))
                continue;
            if (index-- == 0)
                return value;
        }
    return NULL;
}

/* --- on a terminal --- */

static void paragraph(FILE *out, const char *lead, const char *before, const char *value)
{
    char *plain = texts_plain(value, TEXTS_TERMINAL);
    size_t size = strlen(before) + (plain != NULL ? strlen(plain) : 0) + 1;
    char *whole = malloc(size);
    if (plain != NULL && whole != NULL) {
        snprintf(whole, size, "%s%s", before, plain);
        wrap_print(out, lead, whole);
    }
    free(whole);
    free(plain);
}

static void rule_print(const struct texts_rule *rule, FILE *out)
{
    fprintf(out, "%s\n", texts_id(rule));
    wrap_print(out, "  ", texts_field(rule, "name"));
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        const char *value, *more;
        for (size_t n = 0; (value = text_at(rule, &parts[i], n, &more)) != NULL; n++) {
            char before[80] = "";
            if (n == 0)
                fprintf(out, "\n%s\n", parts[i].title);
            if (*more != '\0')
                snprintf(before, sizeof before, "%s %.60s: ", *more == '@' ? "At" : "Variant",
                         more + 1);
            paragraph(out, "  ", before, value);
        }
    }
}

static void list_print(const struct texts *texts, FILE *out)
{
    const struct texts_rule *rule;
    size_t width = 0;

    for (size_t i = 0; (rule = texts_at(texts, i)) != NULL; i++)
        if (strlen(texts_id(rule)) > width)
            width = strlen(texts_id(rule));
    for (size_t i = 0; (rule = texts_at(texts, i)) != NULL; i++)
        fprintf(out, "%-*s  %s\n", (int)width, texts_id(rule), texts_field(rule, "name"));
}

/* --- the reference page --- */

static const char page_head[] =
    "# Findings\n\n"
    "What starttap can say about a mail session beside the plain record of it, and what to do "
    "then. Made with\n"
    "`starttap explain markdown` from the texts in `src/data/findings`; `starttap explain RULE` "
    "prints one of them.\n\n"
    "Words in *italics* are values of the session. Severities are `info` `low` `medium` `high` "
    "`critical`; `info` is written\n"
    "into the session record (`mailtls.notes`) and not as a finding, unless `--min-severity info` "
    "asks for it.\n";

static void escaped(FILE *out, const char *value)
{
    char *plain = texts_plain(value, TEXTS_MARKDOWN);
    fputs(plain != NULL ? plain : "", out);
    free(plain);
}

/* Ids of one family stand together: what is before the first dot. */
static size_t family(const char *id) { return strcspn(id, "."); }

static void rule_page(const struct texts_rule *rule, FILE *out)
{
    fprintf(out, "\n### %s\n\n**", texts_id(rule));
    escaped(out, texts_field(rule, "name"));
    fputs("**\n", out);
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        const char *value, *more;
        for (size_t n = 0; (value = text_at(rule, &parts[i], n, &more)) != NULL; n++) {
            if (n == 0)
                fprintf(out, "\n*%s:*%s", parts[i].title, *more == '\0' ? " " : "\n");
            if (*more != '\0')
                fprintf(out, "\n- %s `%s`: ", *more == '@' ? "at" : "variant", more + 1);
            escaped(out, value);
            fputc('\n', out);
        }
    }
}

static void page_print(const struct texts *texts, FILE *out)
{
    const struct texts_rule *rule;
    const char *last = "";

    fputs(page_head, out);
    fputs("\n| id | name |\n|---|---|\n", out);
    for (size_t i = 0; (rule = texts_at(texts, i)) != NULL; i++) {
        fprintf(out, "| `%s` | ", texts_id(rule));
        escaped(out, texts_field(rule, "name"));
        fputs(" |\n", out);
    }
    for (size_t i = 0; (rule = texts_at(texts, i)) != NULL; i++) {
        const char *id = texts_id(rule);
        if (!text_same((struct text){ last, family(last) }, (struct text){ id, family(id) }))
            fprintf(out, "\n## %.*s\n", (int)family(id), id);
        last = id;
        rule_page(rule, out);
    }
}

/* --- */

static bool unknown_rule(const struct texts *texts, const char *id, FILE *err)
{
    const struct texts_rule *rule;
    struct suggest suggest;
    char clean[80];

    suggest_init(&suggest, id);
    for (size_t i = 0; (rule = texts_at(texts, i)) != NULL; i++)
        suggest_add(&suggest, texts_id(rule));
    text_clean(text_of(id), clean, sizeof clean);
    fprintf(err, "starttap: there is no finding \"%s\"", clean);
    if (suggest_best(&suggest) != NULL)
        fprintf(err, "; did you mean %s?\n", suggest_best(&suggest));
    else
        fputs("; starttap explain lists all\n", err);
    return false;
}

bool explain_print(const struct texts *texts, const char *const *rules, size_t count, FILE *out,
                   FILE *err)
{
    bool good = true;

    if (count == 0)
        list_print(texts, out);
    for (size_t i = 0; i < count; i++) {
        const struct texts_rule *rule = texts_find(texts, rules[i]);
        if (i > 0 && rule != NULL)
            fputc('\n', out);
        if (rule != NULL)
            rule_print(rule, out);
        else if (strcmp(rules[i], "markdown") == 0)
            page_print(texts, out);
        else
            good = unknown_rule(texts, rules[i], err);
    }
    return good;
}
