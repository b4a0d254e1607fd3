/* SPDX-License-Identifier: Apache-2.0
 * load.h - the certificates of this folder for tests; each in memory of its exact size.
 */
#ifndef LOAD_H
#define LOAD_H

#include <stdio.h>
#include <stdlib.h>

#include "reader.h"

#define CHAINS "tests/unit/x509/data/"

/* The file CHAINS name ".der"; the memory is the caller's, through certificate_unload(). */
static inline struct reader certificate_load(const char *name)
{
    char path[256];
    unsigned char bytes[8192];
    (void)snprintf(path, sizeof path, CHAINS "%s.der", name);
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        perror(path);
        abort();
    }
    size_t len = fread(bytes, 1, sizeof bytes, file);
    (void)fclose(file);
    unsigned char *exact = malloc(len > 0 ? len : 1);
    if (exact == NULL)
        abort();
    for (size_t i = 0; i < len; i++)
        exact[i] = bytes[i];
    return reader_of(exact, len);
}

static inline void certificate_unload(struct reader der) { free((void *)der.at); }

#endif
