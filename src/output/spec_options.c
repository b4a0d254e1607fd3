/* SPDX-License-Identifier: Apache-2.0
 * spec_options.c - the options that every output has: one row each.
 */
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "limits.h"
#include "quantity.h"
#include "spec.h"
#include "suggest.h"
#include "text.h"

enum kind { FORMAT, EVENTS, SEVERITY, SIZE, SECONDS, TEXT_VALUE };

static const struct row {
    const char *name;
    enum kind kind;
    size_t offset;
    uint64_t minimum, maximum;
    const char *wanted; /* in words */
} rows[] = {
    { "format", FORMAT, 0, 0, 0, "" },
    { "events", EVENTS, 0, 0, 0, "" },
    { "min_severity", SEVERITY, 0, 0, 0, "" },
    { "spool", TEXT_VALUE, offsetof(struct output_spec, spool), 0, 0, "a folder" },
    { "spool_size", SIZE, offsetof(struct output_spec, spool_bytes), LIMIT_SPOOL_LEAST_BYTES,
      LIMIT_SPOOL_MOST_BYTES, "a size such as 1GiB, 4MiB to 64GiB" },
    { "drain", SECONDS, offsetof(struct output_spec, drain_s), 0, 86400,
      "a time such as 30s, 0s to 1d" },
    { "max_bytes", SIZE, offsetof(struct output_spec, max_bytes), LIMIT_OUTPUT_EVENT_LEAST,
      UINT64_C(1) << 30, "the most bytes of an event, such as 8000, at least 512" },
    { "wait", SECONDS, offsetof(struct output_spec, wait_s), 1, 600,
      "a time such as 10s, 1s to 10m" },
};
enum { ROWS = sizeof rows / sizeof rows[0] };

/* --- words --- */

static const char *format_word(unsigned i)
{
    return i < FORMAT_COUNT ? event_format_name((enum event_format)i) : NULL;
}
static const char *dataset_word(unsigned i)
{
    return i < DATASET_COUNT ? event_dataset_name((enum event_dataset)i) : NULL;
}
static const char *severity_word(unsigned i)
{
    return i <= STARTTAP_CRITICAL ? event_severity_name((enum starttap_severity)i) : NULL;
}

static bool word_read(const struct output_spec *spec, const char *option, const char *value,
                      const char *(*word)(unsigned), unsigned *out)
{
    struct suggest suggest;
    char list[128] = "", clean[80];
    suggest_init(&suggest, value);
    for (unsigned i = 0; word(i) != NULL; i++) {
        if (strcmp(word(i), value) == 0) {
            *out = i;
            return true;
        }
        suggest_add(&suggest, word(i));
        size_t len = strlen(list);
        (void)snprintf(list + len, sizeof list - len, "%s%s", i > 0 ? ", " : "", word(i));
    }
    const char *best = suggest_best(&suggest);
    text_clean(text_of(value), clean, sizeof clean);
    spec_wrong(spec, "%s: found \"%s\", wanted is one of %s%s%s%s", option, clean, list,
               best != NULL ? "; did you mean " : "", best != NULL ? best : "",
               best != NULL ? "?" : "");
    return false;
}

static bool events_read(struct output_spec *spec, const char *option, const char *value)
{
    char *copy = strdup(value), *rest = copy;
    unsigned bits = 0, bit;
    bool good = copy != NULL;
    while (good && rest != NULL) {
        char *next = strchr(rest, ',');
        if (next != NULL)
            *next++ = '\0';
        good = word_read(spec, option, rest, dataset_word, &bit);
        bits |= good ? 1u << bit : 0;
        rest = next;
    }
    spec->datasets = bits;
    free(copy);
    return good;
}

static bool take(struct output_spec *spec, const struct row *row, const char *value)
{
    void *member = (char *)spec + row->offset;
    char clean[80];
    unsigned index = 0;
    switch (row->kind) {
    case FORMAT:
        if (!word_read(spec, row->name, value, format_word, &index))
            return false;
        spec->format = (enum event_format)index;
        return true;
    case SEVERITY:
        if (!word_read(spec, row->name, value, severity_word, &index))
            return false;
        spec->least = (enum starttap_severity)index;
        return true;
    case EVENTS: return events_read(spec, row->name, value);
    case TEXT_VALUE:
        free(*(char **)member);
        *(char **)member = strdup(value);
        if (*value != '\0')
            return *(char **)member != NULL;
        break;
    case SIZE:
    case SECONDS:
        if (quantity_read(value, row->kind == SIZE ? quantity_sizes : quantity_times, member) &&
            *(uint64_t *)member >= row->minimum && *(uint64_t *)member <= row->maximum)
            return true;
        break;
    }
    text_clean(text_of(value), clean, sizeof clean);
    spec_wrong(spec, "%s: found \"%s\", wanted is %s", row->name, clean, row->wanted);
    return false;
}

enum spec_taken spec_take_option(struct output_spec *spec, const char *name, const char *value)
{
    for (size_t i = 0; i < ROWS; i++)
        if (strcmp(rows[i].name, name) == 0)
            return take(spec, &rows[i], value) ? SPEC_TAKEN : SPEC_WRONG;
    return SPEC_NOT_OURS;
}

const char *spec_nearest_option(const char *name)
{
    struct suggest suggest;
    suggest_init(&suggest, name);
    for (size_t i = 0; i < ROWS; i++)
        suggest_add(&suggest, rows[i].name);
    return suggest_best(&suggest);
}
