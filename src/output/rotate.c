/* SPDX-License-Identifier: Apache-2.0
 * rotate.c - names with a time in them.
 */
#include "rotate.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const char shape[] = ".dddddddd"
                            "Tdddddd"
                            "."
                            "ddddddZ";
enum { TRIES = 1000, ENDING_SIZE = 64 };

static bool is_ending(const char *text)
{
    for (size_t i = 0; i < sizeof shape; i++) {
        bool digit = text[i] >= '0' && text[i] <= '9';
        if (shape[i] == 'd' ? !digit : text[i] != shape[i])
            return false;
    }
    return true;
}

struct names {
    char **at;
    size_t count, cap;
};

static bool names_add(struct names *names, const char *text)
{
    if (names->count == names->cap) {
        size_t cap = names->cap == 0 ? 64 : names->cap * 2;
        char **at = realloc(names->at, cap * sizeof *at);
        if (at == NULL)
            return false;
        names->at = at;
        names->cap = cap;
    }
    names->at[names->count] = strdup(text);
    return names->at[names->count] != NULL && ++names->count > 0;
}

static int compare(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void remove_oldest(const char *path, uint64_t keep)
{
    const char *slash = strrchr(path, '/');
    const char *base = slash == NULL ? path : slash + 1;
    char *folder = slash == NULL ? strdup(".") : strndup(path, (size_t)(slash - path) + 1);
    DIR *dir = folder == NULL ? NULL : opendir(folder);
    struct names names = { 0 };
    const struct dirent *entry;
    while (dir != NULL && (entry = readdir(dir)) != NULL)
        if (strncmp(entry->d_name, base, strlen(base)) == 0 &&
            is_ending(entry->d_name + strlen(base)) && !names_add(&names, entry->d_name))
            break;
    if (names.count > 1)
        qsort(names.at, names.count, sizeof *names.at, compare);
    for (size_t i = 0; i < names.count; i++) {
        if (names.count - i > keep)
            (void)unlinkat(dirfd(dir), names.at[i], 0);
        free(names.at[i]);
    }
    free(names.at);
    if (dir != NULL)
        closedir(dir);
    free(folder);
}

bool rotate_aside(const char *path, uint64_t keep)
{
    struct timespec now;
    struct tm parts;
    size_t len = strlen(path);
    char *name = malloc(len + ENDING_SIZE);
    bool done = false;
    if (name == NULL)
        return false;
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &parts);
    long us = now.tv_nsec / 1000;
    for (int i = 0; i < TRIES && us + i < 1000000 && !done; i++) {
        char when[32];
        memcpy(name, path, len);
        (void)strftime(when, sizeof when, "%Y%m%dT%H%M%S", &parts);
        (void)snprintf(name + len, ENDING_SIZE, ".%s.%06ldZ", when, us + i);
        if (access(name, F_OK) == 0)
            continue;
        done = rename(path, name) == 0;
        if (!done)
            break;
    }
    free(name);
    if (done && keep > 0) {
        int why = errno;
        remove_oldest(path, keep);
        errno = why;
    }
    return done;
}
