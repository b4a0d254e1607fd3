/* SPDX-License-Identifier: Apache-2.0
 * lists.c - the embedded data files, or what the operator put in their place.
 */
#include "lists.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crypto.h"
#include "data_lists.h"
#include "limits.h"
#include "log.h"
#include "text.h"

#define VERSION_SIZE 65
/* A version stands in the comments on top. */
#define VERSION_LINES 40
static const char version_mark[] = "# version:";

struct list {
    const char *name, *text;
    char *own; /* the text, when it was read from a file */
    char version[VERSION_SIZE];
};

struct lists {
    struct list *at;
    size_t count;
};

static void version_from_hash(struct list *list)
{
    uint8_t digest[SHA256_SIZE];
    char hex[2 * SHA256_SIZE + 1];

    crypto_sha256(list->text, strlen(list->text), digest);
    text_hex(digest, sizeof digest, hex);
    snprintf(list->version, sizeof list->version, "%.12s", hex);
}

static void version_find(struct list *list)
{
    struct text rest = text_of(list->text);

    for (int line = 0; line < VERSION_LINES && rest.len > 0; line++) {
        struct text words = text_token(&rest, "\n");
        if (!text_starts_nocase(words, text_of(version_mark)))
            continue;
        words.at += sizeof version_mark - 1;
        words.len -= sizeof version_mark - 1;
        words = text_trim(words);
        if (text_clean(text_token(&words, " \t\r"), list->version, sizeof list->version) > 0)
            return;
    }
    version_from_hash(list);
}

/* The whole file as a terminated text. NULL with *absent, or with a message. */
static char *file_read(const char *path, bool *absent)
{
    FILE *file = fopen(path, "rb");
    *absent = file == NULL && errno == ENOENT;
    if (file == NULL) {
        if (!*absent)
            log_error("%s: %s", path, strerror(errno));
        return NULL;
    }
    char *text = malloc(LIMIT_LIST_BYTES + 1u), *kept = NULL;
    size_t len = text == NULL ? 0 : fread(text, 1, LIMIT_LIST_BYTES + 1u, file);
    if (text == NULL)
        log_error("%s: out of memory", path);
    else if (ferror(file))
        log_error("%s: %s", path, strerror(errno));
    else if (len > LIMIT_LIST_BYTES)
        log_error("%s: larger than %u bytes, which no list is", path, LIMIT_LIST_BYTES);
    else if (memchr(text, '\0', len) != NULL)
        log_error("%s: holds a byte of zero, so it is no text", path);
    else {
        text[len] = '\0';
        kept = realloc(text, len + 1);
        if (kept == NULL)
            kept = text;
        text = NULL;
    }
    free(text);
    fclose(file);
    return kept;
}

/* True when there is nothing to replace, too. */
static bool list_replace(struct list *list, const char *dir)
{
    char path[4096];
    bool absent;

    int len = snprintf(path, sizeof path, "%s/%s", dir, list->name);
    if (len < 0 || (size_t)len >= sizeof path) {
        log_error("%s: the name of this folder is too long", dir);
        return false;
    }
    list->own = file_read(path, &absent);
    if (list->own == NULL)
        return absent;
    list->text = list->own;
    log_info("%s replaces the built-in list", path);
    return true;
}

static bool folder_exists(const char *dir)
{
    FILE *folder = fopen(dir, "rb"); /* opens a folder too; only reading it would fail */
    if (folder == NULL) {
        log_error("lists.dir: %s: %s", dir, strerror(errno));
        return false;
    }
    fclose(folder);
    return true;
}

struct lists *lists_new(const char *dir)
{
    if (dir != NULL && !folder_exists(dir))
        return NULL;
    struct lists *lists = calloc(1, sizeof *lists);
    size_t count = 0;
    while (data_lists[count].name != NULL)
        count++;
    if (lists != NULL)
        lists->at = calloc(count + 1, sizeof lists->at[0]);
    if (lists == NULL || lists->at == NULL) {
        log_error("lists: out of memory");
        goto failed;
    }
    for (; lists->count < count; lists->count++) {
        struct list *list = &lists->at[lists->count];
        list->name = data_lists[lists->count].name;
        list->text = data_lists[lists->count].text;
        if (dir != NULL && !list_replace(list, dir))
            goto failed;
        version_find(list);
    }
    return lists;

failed:
    lists_free(lists);
    return NULL;
}

void lists_free(struct lists *lists)
{
    if (lists == NULL)
        return;
    for (size_t i = 0; i < lists->count; i++)
        free(lists->at[i].own);
    free(lists->at);
    free(lists);
}

const char *lists_get(const struct lists *lists, const char *name, const char **version)
{
    for (size_t i = 0; i < lists->count; i++)
        if (strcmp(lists->at[i].name, name) == 0) {
            if (version != NULL)
                *version = lists->at[i].version;
            return lists->at[i].text;
        }
    return NULL;
}

const char *lists_name(const struct lists *lists, size_t index)
{
    return index < lists->count ? lists->at[index].name : NULL;
}
