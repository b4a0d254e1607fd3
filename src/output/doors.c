/* SPDX-License-Identifier: Apache-2.0
 * doors.c - the table of outputs, and opening one more.
 */
#include "doors.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

#include "file.h"
#include "limits.h"
#include "log.h"

struct doors {
    const struct starttap_output *own[LIMIT_OUTPUT_KINDS];
    size_t own_count; /* and the built-in ones */
    struct {
        const struct starttap_output *door;
        void *library;
    } loaded[LIMIT_OUTPUT_KINDS];
    size_t loaded_count;
};

static bool accept(const struct starttap_output *door, const char *name)
{
    if (door == NULL) {
        log_error("%s: starttap_output() returned nothing", name);
        return false;
    }
    if (door->abi != STARTTAP_OUTPUT_ABI) {
        log_error("%s: made for output ABI %u, this program has %d: build it again with this "
                  "version's <starttap/output.h>",
                  name, door->abi, STARTTAP_OUTPUT_ABI);
        return false;
    }
    if (door->size < sizeof *door || door->kind == NULL || *door->kind == '\0' ||
        door->check == NULL || door->open == NULL || door->send == NULL || door->close == NULL) {
        log_error("%s: its struct starttap_output has %u bytes (wanted: %zu), or lacks its kind or "
                  "a hook",
                  name, door->size, sizeof *door);
        return false;
    }
    return true;
}

struct doors *doors_new(void)
{
    struct doors *doors = calloc(1, sizeof *doors);
    if (doors == NULL)
        return NULL;
    doors->own[doors->own_count++] = file_door_standard();
    doors->own[doors->own_count++] = file_door();
    for (const struct door_built_in *row = outputs_built_in; row->kind != NULL; row++)
        if (row->open != NULL && doors->own_count < LIMIT_OUTPUT_KINDS &&
            accept(row->open(), row->kind))
            doors->own[doors->own_count++] = row->open();
    return doors;
}

void doors_free(struct doors *doors)
{
    if (doors == NULL)
        return;
    for (size_t i = 0; i < doors->loaded_count; i++)
        dlclose(doors->loaded[i].library);
    free(doors);
}

static enum doors_loaded take(struct doors *doors, void *library, const char *path)
{
    void *symbol = dlsym(library, "starttap_output");
    if (symbol == NULL)
        return DOORS_NO_OUTPUT;
    output_export export;
    memcpy(&export, &symbol, sizeof export); /* ISO C has no cast for this; POSIX says it works */
    const struct starttap_output *door = export();
    if (!accept(door, path))
        return DOORS_FAILED;
    if (doors->loaded_count == LIMIT_OUTPUT_KINDS) {
        log_error("%s: more than %u outputs were loaded", path, LIMIT_OUTPUT_KINDS);
        return DOORS_FAILED;
    }
    doors->loaded[doors->loaded_count].door = door;
    doors->loaded[doors->loaded_count++].library = library;
    return DOORS_LOADED;
}

enum doors_loaded doors_load(struct doors *doors, const char *path)
{
    /* Without a slash dlopen() would search the system's libraries. */
    char local[4096];
    if (strchr(path, '/') == NULL && strlen(path) + 3 <= sizeof local) {
        memcpy(local, "./", 2);
        memcpy(local + 2, path, strlen(path) + 1);
        path = local;
    }
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (library == NULL) {
        log_error("%s", dlerror());
        return DOORS_FAILED;
    }
    enum doors_loaded result = take(doors, library, path);
    if (result != DOORS_LOADED)
        dlclose(library);
    return result;
}

const struct starttap_output *doors_find(const struct doors *doors, const char *kind,
                                         const char **lacks)
{
    *lacks = NULL;
    for (size_t i = doors->loaded_count; i-- > 0;)
        if (strcmp(doors->loaded[i].door->kind, kind) == 0)
            return doors->loaded[i].door;
    for (size_t i = 0; i < doors->own_count; i++)
        if (strcmp(doors->own[i]->kind, kind) == 0)
            return doors->own[i];
    for (const struct door_built_in *row = outputs_built_in; row->kind != NULL; row++)
        if (row->open == NULL && strcmp(row->kind, kind) == 0)
            *lacks = row->needs;
    return NULL;
}

const char *doors_kind(const struct doors *doors, size_t index)
{
    if (index < doors->own_count)
        return doors->own[index]->kind;
    index -= doors->own_count;
    return index < doors->loaded_count ? doors->loaded[index].door->kind : NULL;
}
