/* SPDX-License-Identifier: Apache-2.0
 * config_yaml.h - a YAML file as a run of dotted names with their values and places.
 *
 * Private to config*.c. Nested mappings become dotted names, anchors are followed, tags are
 * ignored. What is no YAML, is larger than LIMIT_CONFIG_BYTES, holds a name twice in one mapping, a
 * name that is no plain text, or more than one document is an error with line and column. Contents
 * are never quoted in messages, only names.
 */
#ifndef CONFIG_YAML_H
#define CONFIG_YAML_H

#include <stdbool.h>
#include <stdio.h>

#include "config_value.h"

struct config_yaml_visitor {
    /* A name and its value, in the order of the file; borrowed for the call. Of a mapping it says
     * whether its names are to be visited too, else the result has no meaning. */
    bool (*visit)(void *context, const char *name, struct config_place place,
                  const struct config_value *value);
    void *context;
};

/* False: the file is not fit to be read and err was told; names before the error may have been
 * visited. `source` is what messages and places call the file; borrowed by the places. */
__attribute__((warn_unused_result)) bool config_yaml_read(FILE *file, const char *source,
                                                          const struct config_yaml_visitor *visitor,
                                                          FILE *err);

#endif
