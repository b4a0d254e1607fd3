/* SPDX-License-Identifier: Apache-2.0
 * fuzz_config.c - a configuration file of any bytes is read or refused; one that was read is
 * printed in a form that reads back.
 */
#include <stdint.h>
#include <stdlib.h>

#include "config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static FILE *bytes_open(const void *bytes, size_t len)
{
    FILE *file = tmpfile();
    if (file == NULL || fwrite(bytes, 1, len, file) != len)
        abort();
    rewind(file);
    return file;
}

static bool reads(struct config *config, const void *bytes, size_t len, FILE *err)
{
    FILE *file = bytes_open(bytes, len);
    if (!config_init(config))
        abort();
    bool good = config_read(config, file, "fuzz.yaml", err);
    fclose(file);
    return good;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct config config, again;
    char *said = NULL, *text = NULL;
    size_t said_len = 0, text_len = 0;
    FILE *err = open_memstream(&said, &said_len), *out = open_memstream(&text, &text_len);

    if (err == NULL || out == NULL)
        abort();
    if (reads(&config, data, size, err)) {
        config_print(&config, out);
        fclose(out);
        if (!reads(&again, text, text_len, err))
            abort();
        config_free(&again);
    } else {
        fclose(out);
    }
    config_free(&config);
    fclose(err);
    free(said);
    free(text);
    return 0;
}
