/* SPDX-License-Identifier: Apache-2.0
 * load.h - the certificates of this folder for tests; each in memory of its exact size.
 */
#ifndef LOAD_H
#define LOAD_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reader.h"
#include "text.h"

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

#define MOST_LOADED 40

/* A chain as it is sent, of those files: "leaf inter cross". To be given to sent_unload(). */
struct sent {
    struct reader ders[MOST_LOADED];
    size_t count;
};

static inline struct sent sent_load(const char *names)
{
    struct sent sent = { 0 };
    struct text rest = text_of(names);
    while (rest.len > 0) {
        struct text token = text_token(&rest, " ");
        char name[64];
        assert_true(sent.count < MOST_LOADED && token.len < sizeof name);
        memcpy(name, token.at, token.len);
        name[token.len] = '\0';
        sent.ders[sent.count++] = certificate_load(name);
    }
    return sent;
}

static inline void sent_unload(struct sent *sent)
{
    for (size_t i = 0; i < sent->count; i++)
        certificate_unload(sent->ders[i]);
}

#endif
