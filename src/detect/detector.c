/* SPDX-License-Identifier: Apache-2.0
 * detector.c - opening a detector and checking that both sides of the door mean the same.
 */
#include "detector.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"

bool detector_accept(struct detector *out, const struct starttap_detector *door, const char *name)
{
    if (door == NULL) {
        log_error("%s: starttap_export() returned nothing", name);
        return false;
    }
    if (door->abi != STARTTAP_PLUGIN_ABI) {
        log_error("%s: made for plugin ABI %u, this program has %d: build it again with this "
                  "version's <starttap/plugin.h>",
                  name, door->abi, STARTTAP_PLUGIN_ABI);
        return false;
    }
    if (door->size < offsetof(struct starttap_detector, judge) + sizeof door->judge) {
        log_error("%s: its struct starttap_detector has %u bytes, at least %zu are wanted", name,
                  door->size, sizeof *door);
        return false;
    }
    if (door->name == NULL || door->judge == NULL || door->rules == NULL ||
        (door->scope != STARTTAP_SCOPE_SESSION && door->scope != STARTTAP_SCOPE_NEIGHBOURS)) {
        log_error("%s: it has no name, no rules or no judge(), or an unknown scope", name);
        return false;
    }
    *out = (struct detector){ .door = door };
    if (door->state_size > 0 && (out->state = calloc(1, door->state_size)) == NULL) {
        log_error("%s: no memory for its state of %zu bytes", name, door->state_size);
        return false;
    }
    return true;
}

bool detector_open(struct detector *out, const char *path)
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
        return false;
    }
    void *symbol = dlsym(library, "starttap_export");
    if (symbol == NULL) {
        log_error("%s: not a starttap plugin (it exports no starttap_export)", path);
        dlclose(library);
        return false;
    }
    detector_export export;
    memcpy(&export, &symbol, sizeof export); /* ISO C has no cast for this; POSIX says it works */
    if (!detector_accept(out, export(), path)) {
        dlclose(library);
        return false;
    }
    out->library = library;
    return true;
}

void detector_close(struct detector *detector)
{
    free(detector->state);
    if (detector->library != NULL)
        dlclose(detector->library);
    *detector = (struct detector){ 0 };
}
