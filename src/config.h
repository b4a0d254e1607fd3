/* SPDX-License-Identifier: Apache-2.0
 * config.h - all that can be set, with its values.
 *
 * A value is the default of data/config_keys.def, else what the YAML file says, else what the
 * command line says: the last one wins. Members are named after their keys ("flow.max_flows" is
 * flow_max_flows) with the unit behind. Nothing here looks into the files that a PATH names.
 *
 * Errors are a user's to correct: each goes to `err` as one line with the file, line and column (or
 * the option), the key, what was found, what is wanted and the nearest known word.
 */
#ifndef CONFIG_H
#define CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "limits.h"

enum config_discovery { CONFIG_DISCOVERY_ALL, CONFIG_DISCOVERY_PORTS };
enum config_addresses { CONFIG_ADDRESSES_OMIT, CONFIG_ADDRESSES_HASH, CONFIG_ADDRESSES_CLEAR };
enum config_format {
    CONFIG_FORMAT_ECS,
    CONFIG_FORMAT_TEXT,
    CONFIG_FORMAT_EVE,
    CONFIG_FORMAT_CEF,
    CONFIG_FORMAT_LEEF,
    CONFIG_FORMAT_OCSF
};
enum config_severity {
    CONFIG_SEVERITY_INFO,
    CONFIG_SEVERITY_LOW,
    CONFIG_SEVERITY_MEDIUM,
    CONFIG_SEVERITY_HIGH,
    CONFIG_SEVERITY_CRITICAL
};
enum config_vantage {
    CONFIG_VANTAGE_UNKNOWN,
    CONFIG_VANTAGE_CLIENT,
    CONFIG_VANTAGE_SERVER,
    CONFIG_VANTAGE_BOTH
};
/* Bits of output_events and of flow_key. */
enum config_events {
    CONFIG_EVENT_SESSION = 1 << 0,
    CONFIG_EVENT_FINDING = 1 << 1,
    CONFIG_EVENT_CERTIFICATE = 1 << 2,
    CONFIG_EVENT_STATS = 1 << 3
};
enum config_flow_key {
    CONFIG_FLOW_KEY_VLAN = 1 << 0,
    CONFIG_FLOW_KEY_TUNNEL = 1 << 1,
    CONFIG_FLOW_KEY_INTERFACE = 1 << 2
};

struct config_ports {
    uint16_t at[LIMIT_CONFIG_PORTS]; /* ascending, each once */
    size_t count;
};

/* Where a value was set: "starttap.yaml" with line and column from 1, or an option with line 0.
 * A source of NULL is the default. */
struct config_place {
    const char *source;
    size_t line, column;
};

/* A list of texts, each with its own place: what a text means is judged by whoever uses it. */
struct config_text {
    char *text;
    struct config_place place;
};
struct config_texts {
    struct config_text *at;
    size_t count;
};

/* The types of the kinds in the table. Texts are owned by the config and never NULL; words are
 * enumerators of the enums above, sets of words their bits. */
#define CONFIG_TYPE_TEXT char *
#define CONFIG_TYPE_PATH char *
#define CONFIG_TYPE_FLAG bool
#define CONFIG_TYPE_COUNT uint64_t
#define CONFIG_TYPE_SIZE uint64_t
#define CONFIG_TYPE_SECONDS uint64_t
#define CONFIG_TYPE_WORD unsigned
#define CONFIG_TYPE_WORDS unsigned
#define CONFIG_TYPE_PORTS struct config_ports
#define CONFIG_TYPE_TEXTS struct config_texts

enum config_id {
#define KEY(name, kind, minimum, maximum, standard, member, words, later, help) CONFIG_ID_##member,
#include "data/config_keys.def"
    CONFIG_IDS
};

struct config {
#define KEY(name, kind, minimum, maximum, standard, member, words, later, help)                    \
    CONFIG_TYPE_##kind member;
#include "data/config_keys.def"
    struct config_place places[CONFIG_IDS]; /* of the values; their sources are borrowed */
};

/* One key set on the command line. */
struct config_setting {
    const char *key;
    const char *value;  /* as in the file; a list may be written "a,b", one of texts "a;b" */
    const char *source; /* "--set", "--format": what an error names */
};

/* The defaults. False: out of memory. */
__attribute__((warn_unused_result)) bool config_init(struct config *config);
void config_free(struct config *config); /* accepts a zeroed one */

/* Sets one key. False: the reason went to err, and the config is not to be used. */
__attribute__((warn_unused_result)) bool
config_set(struct config *config, const struct config_setting *setting, FILE *err);

/* Reads a file; all its errors are reported, not only the first. An empty file is good. */
__attribute__((warn_unused_result)) bool config_read(struct config *config, FILE *file,
                                                     const char *source, FILE *err);

/* config_init(), then the file at `path` unless it is NULL, then the settings in their order. On
 * false all reasons went to err; the config is to be freed in either case. */
__attribute__((warn_unused_result)) bool config_load(struct config *config, const char *path,
                                                     const struct config_setting *settings,
                                                     size_t count, FILE *err);

/* The whole configuration as a commented YAML file that reads back to the same values. */
void config_print(const struct config *config, FILE *out);
bool config_print_default(FILE *out); /* false: out of memory */

/* The next key from *id on whose values differ and that a run cannot change, with *id behind it;
 * NULL: there is none. */
const char *config_next_fixed(const struct config *a, const struct config *b, size_t *id);

/* For an error that was logged without it: where the value of a key (CONFIG_ID_…) stands in the
 * file, if it does. */
void config_tell_place(const struct config *config, unsigned id);

/* For -T, of a config that was loaded: "configuration is good", and the values that differ from
 * their defaults, a line each, with where they were set. */
void config_print_changes(const struct config *config, FILE *out);

const char *config_severity_name(enum config_severity severity);
bool config_severity_read(const char *word, enum config_severity *severity); /* false: no such */

#endif
