/* SPDX-License-Identifier: Apache-2.0
 * reading.h - what the tests of the configuration share: reading a text, setting a key, and seeing
 * what is said.
 */
#ifndef READING_H
#define READING_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "config.h"

/* Reads `yaml` over the defaults; *said is what went to the user, to be freed. */
static inline bool read_yaml(struct config *config, const char *yaml, size_t len, char **said)
{
    size_t said_len = 0;
    FILE *err = open_memstream(said, &said_len);
    FILE *file = tmpfile();

    assert_non_null(file);
    assert_true(config_init(config));
    fwrite(yaml, 1, len, file);
    rewind(file);
    bool good = config_read(config, file, "t.yaml", err);
    fclose(file);
    fclose(err);
    return good;
}

static inline bool set(struct config *config, const char *key, const char *value, char **said)
{
    size_t said_len = 0;
    FILE *err = open_memstream(said, &said_len);
    struct config_setting setting = { key, value, "--set" };
    bool good = config_set(config, &setting, err);
    fclose(err);
    return good;
}

static inline void assert_says(const char *said, const char *wanted)
{
    if (strstr(said, wanted) == NULL)
        fail_msg("wanted: %s\nsaid: %s", wanted, said);
}

#endif
