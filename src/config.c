/* SPDX-License-Identifier: Apache-2.0
 * config.c - from the table of keys, a file and the command line to one struct config, and back.
 */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "config_value.h"
#include "config_yaml.h"
#include "log.h"
#include "suggest.h"
#include "text.h"
#include "version.h"
#include "wrap.h"

static void place_print(struct config_place place, FILE *out)
{
    fputs(place.source, out);
    if (place.line > 0)
        fprintf(out, ":%zu:%zu", place.line, place.column);
}

static const struct config_key *key_find(const char *name)
{
    for (size_t i = 0; i < CONFIG_IDS; i++)
        if (strcmp(config_keys[i].name, name) == 0)
            return &config_keys[i];
    return NULL;
}

static size_t key_id(const struct config_key *key) { return (size_t)(key - config_keys); }

/* Whether keys begin with `name` and a dot. */
static bool is_section(const char *name)
{
    size_t len = strlen(name);
    for (size_t i = 0; i < CONFIG_IDS; i++)
        if (strncmp(config_keys[i].name, name, len) == 0 && config_keys[i].name[len] == '.')
            return true;
    return false;
}

static void unknown_print(const char *name, struct config_place place, FILE *err)
{
    char clean[LIMIT_CONFIG_NAME];
    struct suggest suggest;

    suggest_init(&suggest, name);
    for (size_t i = 0; i < CONFIG_IDS; i++)
        suggest_add(&suggest, config_keys[i].name);
    text_clean(text_of(name), clean, sizeof clean);
    fputs("starttap: ", err);
    place_print(place, err);
    fprintf(err, ": there is no key \"%s\"", clean);
    if (suggest_best(&suggest) != NULL)
        fprintf(err, "; did you mean %s?", suggest_best(&suggest));
    else
        fputs("; --dump-config shows all keys", err);
    fputc('\n', err);
}

static void problem_print(const struct config_key *key, const struct config_problem *problem,
                          FILE *err)
{
    static const char *const shapes[] = { [CONFIG_SHAPE_NOTHING] = "nothing",
                                          [CONFIG_SHAPE_LIST] = "a list",
                                          [CONFIG_SHAPE_MAPPING] = "keys below it" };
    fputs("starttap: ", err);
    place_print(problem->place, err);
    fputs(": ", err);
    /* An option of its own, such as --format, says by itself what it sets. */
    if (problem->place.line > 0 || strcmp(problem->place.source, "--set") == 0)
        fprintf(err, "%s: ", key->name);
    if (problem->memory) {
        fputs("out of memory\n", err);
        return;
    }
    if (problem->later != NULL) {
        fprintf(err, "\"%s\" is not available in this version (" VERSION_TEXT "): %s\n",
                problem->text, problem->later);
        return;
    }
    if (problem->shape == CONFIG_SHAPE_SCALAR)
        fprintf(err, "found \"%s\", wanted is ", problem->text);
    else
        fprintf(err, "found %s, wanted is ", shapes[problem->shape]);
    config_value_describe(key, err);
    if (problem->suggestion != NULL)
        fprintf(err, "; did you mean %s?", problem->suggestion);
    if (problem->shape == CONFIG_SHAPE_NOTHING &&
        (key->kind == CONFIG_KIND_TEXT || key->kind == CONFIG_KIND_PATH))
        fputs(" (an empty one is \"\")", err);
    fputc('\n', err);
}

/* A key without effect yet may only repeat its default: whoever sets it would be misled. */
static bool later_refused(const struct config_key *key, const struct config *config,
                          struct config_place place, FILE *err)
{
    struct config standard = { 0 };
    bool refused =
        key->later != NULL && config_init(&standard) && !config_value_same(key, config, &standard);
    if (refused) {
        fputs("starttap: ", err);
        place_print(place, err);
        fprintf(err, ": %s is not available in this version (" VERSION_TEXT "): %s\n", key->name,
                key->later);
    }
    config_free(&standard);
    return refused;
}

static bool key_set(struct config *config, const struct config_key *key,
                    const struct config_value *value, struct config_place place, FILE *err)
{
    struct config_problem problem;
    if (!config_value_read(key, value, config, &problem)) {
        problem_print(key, &problem, err);
        return false;
    }
    config->places[key_id(key)] = place;
    return !later_refused(key, config, place, err);
}

bool config_init(struct config *config)
{
    struct config_problem problem;
    *config = (struct config){ 0 };
    for (size_t i = 0; i < CONFIG_IDS; i++) {
        struct config_item item = { .text = config_keys[i].standard };
        struct config_value value = { CONFIG_SHAPE_SCALAR, { 0 }, &item, 1 };
        if (!config_value_read(&config_keys[i], &value, config, &problem))
            return false;
    }
    return true;
}

void config_free(struct config *config)
{
    for (size_t i = 0; i < CONFIG_IDS; i++)
        config_value_free(&config_keys[i], config);
}

bool config_set(struct config *config, const struct config_setting *setting, FILE *err)
{
    struct config_place place = { .source = setting->source };
    struct config_item item = { setting->value, place };
    struct config_value value = { CONFIG_SHAPE_SCALAR, place, &item, 1 };
    const struct config_key *key = key_find(setting->key);

    if (key == NULL) {
        unknown_print(setting->key, place, err);
        return false;
    }
    return key_set(config, key, &value, place, err);
}

struct reading {
    struct config *config;
    const char *source;
    bool seen[CONFIG_IDS]; /* in this file: by a dotted name or inside its section */
    bool good;
    FILE *err;
};

static bool reading_visit(void *context, const char *name, struct config_place place,
                          const struct config_value *value)
{
    struct reading *reading = context;
    const struct config_key *key = key_find(name);

    if (key == NULL && is_section(name)) {
        if (value->shape == CONFIG_SHAPE_MAPPING || value->shape == CONFIG_SHAPE_NOTHING)
            return true; /* a section whose keys are all commented out has nothing in it */
        fputs("starttap: ", reading->err);
        place_print(value->place, reading->err);
        fprintf(reading->err, ": %s: found a value, wanted are keys below it\n", name);
    } else if (key == NULL) {
        unknown_print(name, place, reading->err);
    } else if (reading->seen[key_id(key)]) {
        fputs("starttap: ", reading->err);
        place_print(place, reading->err);
        fprintf(reading->err, ": %s is already set on line %zu\n", name,
                reading->config->places[key_id(key)].line);
    } else {
        if (!key_set(reading->config, key, value, place, reading->err))
            reading->good = false;
        else
            reading->seen[key_id(key)] = true;
        return false;
    }
    reading->good = false;
    return false;
}

bool config_read(struct config *config, FILE *file, const char *source, FILE *err)
{
    struct reading reading = { .config = config, .source = source, .good = true, .err = err };
    struct config_yaml_visitor visitor = { reading_visit, &reading };
    return config_yaml_read(file, source, &visitor, err) && reading.good;
}

static bool read_path(struct config *config, const char *path, FILE *err)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        fprintf(err, "starttap: %s: %s\n", path, strerror(errno));
        return false;
    }
    bool good = config_read(config, file, path, err);
    fclose(file);
    return good;
}

bool config_load(struct config *config, const char *path, const struct config_setting *settings,
                 size_t count, FILE *err)
{
    if (!config_init(config)) {
        fputs("starttap: out of memory\n", err);
        return false;
    }
    bool good = path == NULL || read_path(config, path, err);
    for (size_t i = 0; i < count; i++)
        good = config_set(config, &settings[i], err) && good;
    return good;
}

void config_print(const struct config *config, FILE *out)
{
    char section[LIMIT_CONFIG_NAME] = "";

    wrap_print(out, "# ",
               "The configuration of starttap " VERSION_TEXT
               ", every key with its value. A key that "
               "is left out keeps its default. Keys may also be written with their section, as in "
               "\"flow.max_flows: 1000\". Check a file with: starttap -T -c FILE");
    for (size_t i = 0; i < CONFIG_IDS; i++) {
        const struct config_key *key = &config_keys[i];
        const char *dot = strchr(key->name, '.');
        const char *name = dot == NULL ? key->name : dot + 1;
        const char *indent = dot == NULL ? "" : "  ";
        size_t len = dot == NULL ? 0 : (size_t)(dot - key->name);

        fputc('\n', out);
        if (strlen(section) != len || strncmp(section, key->name, len) != 0) {
            snprintf(section, sizeof section, "%.*s", (int)len, key->name);
            if (dot != NULL)
                fprintf(out, "%s:\n", section);
        }
        wrap_print(out, dot == NULL ? "# " : "  # ", key->help);
        if (key->later != NULL)
            fprintf(out, "%s# Not available in this version.\n", indent);
        fprintf(out, "%s# Wanted: ", indent);
        config_value_describe(key, out);
        fprintf(out, ".\n%s%s: ", indent, name);
        config_value_print(key, config, out);
        fputc('\n', out);
    }
}

bool config_print_default(FILE *out)
{
    struct config config;
    bool good = config_init(&config);
    if (good)
        config_print(&config, out);
    config_free(&config);
    return good;
}

const char *config_next_fixed(const struct config *a, const struct config *b, size_t *id)
{
    static const bool reloaded[CONFIG_IDS] = {
#define RELOADED(member) [CONFIG_ID_##member] = true,
#include "data/config_reload.def"
    };
    while (*id < CONFIG_IDS) {
        const struct config_key *key = &config_keys[(*id)++];
        if (!reloaded[key_id(key)] && !config_value_same(key, a, b))
            return key->name;
    }
    return NULL;
}

void config_tell_place(const struct config *config, unsigned id)
{
    const struct config_place *place = &config->places[id];
    if (place->source != NULL && place->line > 0)
        log_error("%s:%zu:%zu: %s is set there", place->source, place->line, place->column,
                  config_keys[id].name);
}

void config_print_changes(const struct config *config, FILE *out)
{
    struct config standard;
    fputs("configuration is good\n", out);
    if (config_init(&standard))
        for (size_t i = 0; i < CONFIG_IDS; i++) {
            const struct config_key *key = &config_keys[i];
            if (config_value_same(key, config, &standard))
                continue;
            fprintf(out, "  %s: ", key->name);
            config_value_print(key, config, out);
            fputs("  (default ", out);
            config_value_print(key, &standard, out);
            fputs("; set by ", out);
            place_print(config->places[i], out);
            fputs(")\n", out);
        }
    config_free(&standard);
}
