/* SPDX-License-Identifier: Apache-2.0
 * config_value.c - the kinds of values: reading, printing and describing each.
 */
#include "config_value.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "quantity.h"
#include "suggest.h"
#include "text.h"

#define ADDRESSES_LATER "this comes with a later release; leave it at omit"

static const struct config_word words_DISCOVERY[] = {
    [CONFIG_DISCOVERY_ALL] = { "all", NULL }, [CONFIG_DISCOVERY_PORTS] = { "ports", NULL }, { 0 }
};
static const struct config_word words_ADDRESSES[] = {
    [CONFIG_ADDRESSES_OMIT] = { "omit", NULL },
    [CONFIG_ADDRESSES_HASH] = { "hash", ADDRESSES_LATER },
    [CONFIG_ADDRESSES_CLEAR] = { "clear", ADDRESSES_LATER },
    { 0 }
};
static const struct config_word words_FORMAT[] = { [CONFIG_FORMAT_ECS] = { "ecs", NULL },
                                                   [CONFIG_FORMAT_TEXT] = { "text", NULL },
                                                   [CONFIG_FORMAT_EVE] = { "eve", NULL },
                                                   [CONFIG_FORMAT_CEF] = { "cef", NULL },
                                                   [CONFIG_FORMAT_LEEF] = { "leef", NULL },
                                                   [CONFIG_FORMAT_OCSF] = { "ocsf", NULL },
                                                   { 0 } };
static const struct config_word words_SEVERITY[] = {
    [CONFIG_SEVERITY_INFO] = { "info", NULL },         [CONFIG_SEVERITY_LOW] = { "low", NULL },
    [CONFIG_SEVERITY_MEDIUM] = { "medium", NULL },     [CONFIG_SEVERITY_HIGH] = { "high", NULL },
    [CONFIG_SEVERITY_CRITICAL] = { "critical", NULL }, { 0 }
};
static const struct config_word words_VANTAGE[] = {
    [CONFIG_VANTAGE_UNKNOWN] = { "unknown", NULL },
    [CONFIG_VANTAGE_CLIENT] = { "client-side", NULL },
    [CONFIG_VANTAGE_SERVER] = { "server-side", NULL },
    [CONFIG_VANTAGE_BOTH] = { "both", NULL },
    { 0 }
};
/* Sets: the bit of a word is its place. */
static const struct config_word words_EVENTS[] = {
    { "session", NULL }, { "finding", NULL }, { "certificate", NULL }, { "stats", NULL }, { 0 }
};
_Static_assert(CONFIG_EVENT_STATS == 1 << 3, "the bits follow words_EVENTS");
static const struct config_word words_FLOW_KEY[] = {
    { "vlan", NULL }, { "tunnel", NULL }, { "interface", NULL }, { 0 }
};
_Static_assert(CONFIG_FLOW_KEY_INTERFACE == 1 << 2, "the bits follow words_FLOW_KEY");
static const struct config_word words_FLAG[] = { { "no", NULL },
                                                 { "yes", NULL },
                                                 { "false", NULL },
                                                 { "true", NULL },
                                                 { "off", NULL },
                                                 { "on", NULL },
                                                 { 0 } };
static const struct config_word words_NONE[] = { { 0 } };

const struct config_key config_keys[CONFIG_IDS] = {
#define KEY(name, kind, minimum, maximum, standard, member, words, later, help)                    \
    [CONFIG_ID_##member] = { name,          CONFIG_KIND_##kind,                                    \
                             minimum,       maximum,                                               \
                             standard,      offsetof(struct config, member),                       \
                             words_##words, later,                                                 \
                             help },
#include "data/config_keys.def"
};

static const struct quantity_unit *units_of(enum config_kind kind)
{
    if (kind == CONFIG_KIND_SIZE)
        return quantity_sizes;
    return kind == CONFIG_KIND_SECONDS ? quantity_times : quantity_counts;
}

static void *member_of(const struct config_key *key, struct config *config)
{
    return (char *)config + key->offset;
}

static const void *member_in(const struct config_key *key, const struct config *config)
{
    return (const char *)config + key->offset;
}

static bool in_range(const struct config_key *key, uint64_t number)
{
    return number >= key->minimum && number <= key->maximum;
}

static bool problem_at(struct config_problem *problem, const char *text, struct config_place place)
{
    text_clean(text_of(text), problem->text, sizeof problem->text);
    problem->shape = CONFIG_SHAPE_SCALAR;
    problem->place = place;
    return false;
}

static bool word_read(const struct config_word *words, const struct config_item *item,
                      unsigned *index, struct config_problem *problem)
{
    struct suggest suggest;
    suggest_init(&suggest, item->text);
    for (unsigned i = 0; words[i].word != NULL; i++) {
        suggest_add(&suggest, words[i].word);
        if (strcmp(words[i].word, item->text) != 0)
            continue;
        *index = i;
        problem->later = words[i].later;
        return words[i].later == NULL || problem_at(problem, item->text, item->place);
    }
    problem->suggestion = suggest_best(&suggest);
    return problem_at(problem, item->text, item->place);
}

static bool words_read(const struct config_key *key, const struct config_value *value,
                       unsigned *target, struct config_problem *problem)
{
    unsigned bits = 0;
    for (size_t i = 0; i < value->count; i++) {
        unsigned index;
        if (!word_read(key->words, &value->items[i], &index, problem))
            return false;
        bits |= 1u << index;
    }
    if (bits == 0 && key->minimum > 0)
        return problem_at(problem, "", value->place);
    *target = bits;
    return true;
}

static bool ports_read(const struct config_key *key, const struct config_value *value,
                       struct config_ports *target, struct config_problem *problem)
{
    struct config_ports ports = { .count = 0 };
    for (size_t i = 0; i < value->count; i++) {
        const struct config_item *item = &value->items[i];
        uint64_t port;
        if (!quantity_read(item->text, quantity_counts, &port) || !in_range(key, port))
            return problem_at(problem, item->text, item->place);
        size_t at = 0;
        while (at < ports.count && ports.at[at] < port)
            at++;
        if (at < ports.count && ports.at[at] == port)
            continue;
        memmove(&ports.at[at + 1], &ports.at[at], (ports.count - at) * sizeof ports.at[0]);
        ports.at[at] = (uint16_t)port;
        ports.count++;
    }
    *target = ports;
    return true;
}
_Static_assert(LIMIT_CONFIG_PORTS >= LIMIT_CONFIG_LIST, "every list of ports has room");

static void texts_free(struct config_texts *texts)
{
    for (size_t i = 0; i < texts->count; i++)
        free(texts->at[i].text);
    free(texts->at);
    *texts = (struct config_texts){ 0 };
}

static bool texts_read(const struct config_value *value, struct config_texts *target,
                       struct config_problem *problem)
{
    struct config_texts texts = { calloc(value->count + 1, sizeof *texts.at), 0 };
    for (size_t i = 0; texts.at != NULL && i < value->count; i++) {
        char *copy = strdup(value->items[i].text);
        if (copy == NULL)
            break;
        texts.at[texts.count++] = (struct config_text){ copy, value->items[i].place };
    }
    if (texts.count < value->count || texts.at == NULL) {
        texts_free(&texts);
        problem->memory = true;
        return false;
    }
    texts_free(target);
    *target = texts;
    return true;
}

/* Takes "a, b" or "[a, b]" apart; `copy` is its text and is cut into the items. What is over
 * LIMIT_CONFIG_LIST stays together as the last item, which then is no good value. */
static size_t list_split(char *copy, const char *separator, struct config_place place,
                         struct config_item items[LIMIT_CONFIG_LIST])
{
    size_t len = strlen(copy), count = 0;
    if (len >= 2 && copy[0] == '[' && copy[len - 1] == ']') {
        copy[len - 1] = '\0';
        copy++;
    }
    copy += strspn(copy, " ");
    while (*copy != '\0' && count < LIMIT_CONFIG_LIST) {
        const char *stop = count + 1 < LIMIT_CONFIG_LIST ? separator : "";
        char *end = copy + strcspn(copy, stop);
        char *next = *end == '\0' ? end : end + 1 + strspn(end + 1, " ");
        while (end > copy && end[-1] == ' ')
            end--;
        *end = '\0';
        items[count++] = (struct config_item){ copy, place };
        copy = next;
    }
    return count;
}

static bool list_read(const struct config_key *key, const struct config_value *value,
                      struct config *config, struct config_problem *problem)
{
    if (key->kind == CONFIG_KIND_PORTS)
        return ports_read(key, value, member_of(key, config), problem);
    if (key->kind == CONFIG_KIND_TEXTS)
        return texts_read(value, member_of(key, config), problem);
    return words_read(key, value, member_of(key, config), problem);
}

/* A list that was written as one text. */
static bool list_text_read(const struct config_key *key, const struct config_value *value,
                           struct config *config, struct config_problem *problem)
{
    struct config_item items[LIMIT_CONFIG_LIST];
    char *copy = strdup(value->items[0].text);
    if (copy == NULL) {
        problem->memory = true;
        return false;
    }
    const char *separator = key->kind == CONFIG_KIND_TEXTS ? ";" : ",";
    struct config_value list = { CONFIG_SHAPE_LIST, value->place, items,
                                 list_split(copy, separator, value->items[0].place, items) };
    bool good = list_read(key, &list, config, problem);
    free(copy);
    return good;
}

static bool string_read(const struct config_item *item, char **target,
                        struct config_problem *problem)
{
    char *copy = strdup(item->text);
    if (copy == NULL) {
        problem->memory = true;
        return false;
    }
    free(*target);
    *target = copy;
    return true;
}

static bool scalar_read(const struct config_key *key, const struct config_item *item,
                        struct config *config, struct config_problem *problem)
{
    uint64_t number;
    unsigned index = 0;

    switch (key->kind) {
    case CONFIG_KIND_TEXT:
    case CONFIG_KIND_PATH: return string_read(item, member_of(key, config), problem);
    case CONFIG_KIND_FLAG:
        if (!word_read(words_FLAG, item, &index, problem))
            return false;
        *(bool *)member_of(key, config) = index % 2 == 1;
        return true;
    case CONFIG_KIND_WORD:
        if (!word_read(key->words, item, &index, problem))
            return false;
        *(unsigned *)member_of(key, config) = index;
        return true;
    default:
        if (!quantity_read(item->text, units_of(key->kind), &number) || !in_range(key, number))
            return problem_at(problem, item->text, item->place);
        *(uint64_t *)member_of(key, config) = number;
        return true;
    }
}

bool config_value_read(const struct config_key *key, const struct config_value *value,
                       struct config *config, struct config_problem *problem)
{
    bool list = key->kind == CONFIG_KIND_WORDS || key->kind == CONFIG_KIND_PORTS ||
                key->kind == CONFIG_KIND_TEXTS;

    *problem = (struct config_problem){ .shape = value->shape, .place = value->place };
    if (list && value->shape == CONFIG_SHAPE_LIST)
        return list_read(key, value, config, problem);
    if (value->shape != CONFIG_SHAPE_SCALAR)
        return false;
    if (list)
        return list_text_read(key, value, config, problem);
    return scalar_read(key, &value->items[0], config, problem);
}

static void string_print(const char *text, FILE *out)
{
    fputc('"', out);
    for (; *text != '\0'; text++) {
        unsigned char byte = (unsigned char)*text;
        if (byte == '"' || byte == '\\')
            fprintf(out, "\\%c", byte);
        else if (byte < ' ' || byte == 0x7f)
            fprintf(out, "\\x%02x", byte);
        else
            fputc(byte, out);
    }
    fputc('"', out);
}

static void number_print(uint64_t number, const struct quantity_unit *units, FILE *out)
{
    while (units->name != NULL && (number == 0 || number % units->factor != 0))
        units++;
    if (units->name != NULL)
        fprintf(out, "%" PRIu64 "%s", number / units->factor, units->name);
    else
        fprintf(out, "%" PRIu64, number);
}

void config_value_print(const struct config_key *key, const struct config *config, FILE *out)
{
    const void *member = member_in(key, config);
    const struct config_ports *ports = member;
    const struct config_texts *texts = member;
    const char *comma = "";

    switch (key->kind) {
    case CONFIG_KIND_TEXT:
    case CONFIG_KIND_PATH: string_print(*(char *const *)member, out); return;
    case CONFIG_KIND_FLAG: fputs(words_FLAG[*(const bool *)member].word, out); return;
    case CONFIG_KIND_WORD: fputs(key->words[*(const unsigned *)member].word, out); return;
    case CONFIG_KIND_COUNT:
    case CONFIG_KIND_SIZE:
    case CONFIG_KIND_SECONDS:
        number_print(*(const uint64_t *)member, units_of(key->kind), out);
        return;
    case CONFIG_KIND_WORDS:
        fputc('[', out);
        for (unsigned i = 0; key->words[i].word != NULL; i++)
            if ((*(const unsigned *)member & 1u << i) != 0) {
                fprintf(out, "%s%s", comma, key->words[i].word);
                comma = ", ";
            }
        fputc(']', out);
        return;
    case CONFIG_KIND_PORTS:
        fputc('[', out);
        for (size_t i = 0; i < ports->count; i++)
            fprintf(out, "%s%u", i > 0 ? ", " : "", ports->at[i]);
        fputc(']', out);
        return;
    case CONFIG_KIND_TEXTS:
        fputc('[', out);
        for (size_t i = 0; i < texts->count; i++) {
            fputs(i > 0 ? ", " : "", out);
            string_print(texts->at[i].text, out);
        }
        fputc(']', out);
        return;
    }
}

static bool texts_same(const struct config_texts *a, const struct config_texts *b)
{
    bool same = a->count == b->count;
    for (size_t i = 0; same && i < a->count; i++)
        same = strcmp(a->at[i].text, b->at[i].text) == 0;
    return same;
}

bool config_value_same(const struct config_key *key, const struct config *a, const struct config *b)
{
    const void *one = member_in(key, a), *other = member_in(key, b);
    const struct config_ports *p = one, *q = other;

    switch (key->kind) {
    case CONFIG_KIND_TEXT:
    case CONFIG_KIND_PATH: return strcmp(*(char *const *)one, *(char *const *)other) == 0;
    case CONFIG_KIND_FLAG: return *(const bool *)one == *(const bool *)other;
    case CONFIG_KIND_WORD:
    case CONFIG_KIND_WORDS: return *(const unsigned *)one == *(const unsigned *)other;
    case CONFIG_KIND_PORTS:
        return p->count == q->count && memcmp(p->at, q->at, p->count * sizeof p->at[0]) == 0;
    case CONFIG_KIND_TEXTS: return texts_same(one, other);
    default: return *(const uint64_t *)one == *(const uint64_t *)other;
    }
}

void config_value_describe(const struct config_key *key, FILE *out)
{
    static const char *const leads[] = {
        [CONFIG_KIND_TEXT] = "a text",           [CONFIG_KIND_PATH] = "a path",
        [CONFIG_KIND_FLAG] = "yes or no",        [CONFIG_KIND_COUNT] = "a whole number",
        [CONFIG_KIND_SIZE] = "a size",           [CONFIG_KIND_SECONDS] = "a time",
        [CONFIG_KIND_WORD] = "one of",           [CONFIG_KIND_WORDS] = "a list of",
        [CONFIG_KIND_PORTS] = "a list of ports", [CONFIG_KIND_TEXTS] = "a list of texts"
    };
    const struct quantity_unit *units = units_of(key->kind);

    fputs(leads[key->kind], out);
    if (key->kind == CONFIG_KIND_WORD || key->kind == CONFIG_KIND_WORDS)
        for (size_t i = 0; key->words[i].word != NULL; i++)
            fprintf(out, "%s %s", i > 0 ? "," : "", key->words[i].word);
    else if (key->maximum > 0) {
        fputs(" from ", out);
        number_print(key->minimum, units, out);
        fputs(" to ", out);
        number_print(key->maximum, units, out);
    }
    if (key->kind == CONFIG_KIND_WORDS && key->minimum > 0)
        fputs(", at least one", out);
    if (key->kind == CONFIG_KIND_SIZE)
        fputs(", such as 65536, 64KiB or 1GiB", out);
    if (key->kind == CONFIG_KIND_SECONDS)
        fputs(", such as 300 (seconds), 5m or 1h", out);
}

void config_value_free(const struct config_key *key, struct config *config)
{
    if (key->kind == CONFIG_KIND_TEXTS)
        texts_free(member_of(key, config));
    if (key->kind != CONFIG_KIND_TEXT && key->kind != CONFIG_KIND_PATH)
        return;
    char **text = member_of(key, config);
    free(*text);
    *text = NULL;
}

const char *config_severity_name(enum config_severity severity)
{
    return words_SEVERITY[severity].word;
}

bool config_severity_read(const char *word, enum config_severity *severity)
{
    for (unsigned i = 0; words_SEVERITY[i].word != NULL; i++)
        if (strcmp(words_SEVERITY[i].word, word) == 0) {
            *severity = (enum config_severity)i;
            return true;
        }
    return false;
}
