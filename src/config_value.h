/* SPDX-License-Identifier: Apache-2.0
 * config_value.h - one value of the configuration between its text and its type.
 *
 * Private to config*.c. A value comes from the file as a scalar or a list of scalars; a list may
 * also be one scalar with commas, a list of texts one with semicolons. Reading never half-changes
 * the target.
 */
#ifndef CONFIG_VALUE_H
#define CONFIG_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "config.h"

enum config_kind {
    CONFIG_KIND_TEXT,
    CONFIG_KIND_PATH,
    CONFIG_KIND_FLAG,
    CONFIG_KIND_COUNT,
    CONFIG_KIND_SIZE,
    CONFIG_KIND_SECONDS,
    CONFIG_KIND_WORD,
    CONFIG_KIND_WORDS,
    CONFIG_KIND_PORTS,
    CONFIG_KIND_TEXTS
};

struct config_word {
    const char *word;
    const char *later; /* NULL, or why it cannot be used yet */
};

/* A row of data/config_keys.def. */
struct config_key {
    const char *name;
    enum config_kind kind;
    uint64_t minimum, maximum; /* of numbers and ports; of WORDS: minimum 1 forbids none */
    const char *standard;
    size_t offset;                   /* of the member in struct config */
    const struct config_word *words; /* ends with a NULL word */
    const char *later;
    const char *help;
};

extern const struct config_key config_keys[CONFIG_IDS];

enum config_shape {
    CONFIG_SHAPE_NOTHING, /* a key with nothing behind it */
    CONFIG_SHAPE_SCALAR,  /* one item */
    CONFIG_SHAPE_LIST,    /* any number of items */
    CONFIG_SHAPE_MAPPING  /* keys below this one */
};

struct config_item {
    const char *text;
    struct config_place place;
};

struct config_value {
    enum config_shape shape;
    struct config_place place;
    const struct config_item *items;
    size_t count;
};

/* What is wrong with a value. */
struct config_problem {
    const char *later;         /* set: it is known, but not in this version */
    bool memory;               /* out of memory; the rest is not set */
    enum config_shape shape;   /* found, when it is not what is wanted; then text is "" */
    char text[48];             /* what was found, cut and fit for a terminal */
    const char *suggestion;    /* the nearest word, or NULL */
    struct config_place place; /* of the item */
};

/* Reads `value` into the key's member of the config. */
__attribute__((warn_unused_result)) bool config_value_read(const struct config_key *key,
                                                           const struct config_value *value,
                                                           struct config *config,
                                                           struct config_problem *problem);

/* Prints the key's value as YAML, in one way for each value. */
void config_value_print(const struct config_key *key, const struct config *config, FILE *out);
bool config_value_same(const struct config_key *key, const struct config *a,
                       const struct config *b);

/* "a whole number from 1 to 1024": what a key wants, to follow "wanted is" or "#". */
void config_value_describe(const struct config_key *key, FILE *out);

/* Frees what a key's member owns. */
void config_value_free(const struct config_key *key, struct config *config);

#endif
