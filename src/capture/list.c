/* SPDX-License-Identifier: Apache-2.0
 * list.c - which files there are and when each begins.
 *
 * Every file of a run of several is opened once to see its first frame, and closed again, so that
 * ten thousand rotated files need one descriptor at a time. What cannot be read twice (standard
 * input, pipes) stays open. Folders inside folders are not entered.
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "log.h"
#include "run.h"
#include "text.h"
#include "unknown.h"

#define LABEL_BYTES 512

struct entry *run_entry(const struct capture *capture, uint32_t index)
{
    return index < capture->entry_count
               ? &capture->chunks[index / ENTRIES_PER_CHUNK][index % ENTRIES_PER_CHUNK]
               : NULL;
}

/* Takes the path over. NULL: no memory, or no index left; logged. */
static struct entry *entry_new(struct capture *capture, char *path)
{
    uint32_t index = capture->entry_count;
    struct entry **chunk = &capture->chunks[index / ENTRIES_PER_CHUNK % ENTRY_CHUNKS];
    if (path != NULL && index < LIMIT_FILES && *chunk == NULL)
        *chunk = calloc(ENTRIES_PER_CHUNK, sizeof **chunk);
    if (path == NULL || index >= LIMIT_FILES || *chunk == NULL) {
        log_error("%s", index >= LIMIT_FILES ? "too many capture files" : "out of memory");
        capture->tally.failed = true;
        free(path);
        return NULL;
    }
    struct entry *entry = &(*chunk)[index % ENTRIES_PER_CHUNK];
    const char *slash = strrchr(path, '/');
    *entry = (struct entry){ .path = path,
                             .name = slash != NULL ? slash + 1 : path,
                             .index = index,
                             .first_ns = INT64_MIN };
    capture->entry_count++;
    return entry;
}

/* The entry made last turned out to be no file of the run. */
static void entry_drop(struct capture *capture, struct entry *entry)
{
    free(entry->path);
    *entry = (struct entry){ 0 };
    capture->entry_count--;
}

static bool queue_add(struct capture *capture, struct entry *entry)
{
    if (capture->queue_count == capture->queue_cap) {
        size_t cap = capture->queue_cap == 0 ? 64 : capture->queue_cap * 2;
        struct entry **grown = realloc(capture->queue, cap * sizeof(struct entry *));
        if (grown == NULL) {
            log_error("out of memory for the list of files");
            capture->tally.failed = true;
            return false;
        }
        capture->queue = grown;
        capture->queue_cap = cap;
    }
    capture->queue[capture->queue_count++] = entry;
    return true;
}

static int compare_entries(const void *a, const void *b)
{
    const struct entry *left = *(struct entry *const *)a;
    const struct entry *right = *(struct entry *const *)b;
    if (left->first_ns != right->first_ns)
        return left->first_ns < right->first_ns ? -1 : 1;
    return left->index < right->index ? -1 : left->index > right->index;
}

static void queue_sort(struct capture *capture)
{
    size_t count = capture->queue_count - capture->queue_next;
    if (count > 1)
        qsort(capture->queue + capture->queue_next, count, sizeof(struct entry *), compare_entries);
}

/* Of two files found in the same scan; one without frames has just been begun. */
static bool begins_later(const struct entry *entry, const struct entry *than)
{
    if (entry->first_ns == INT64_MIN || than->first_ns == INT64_MIN)
        return entry->first_ns == INT64_MIN;
    return entry->first_ns >= than->first_ns;
}

/* Of the files of a followed folder only the newest may still grow. */
static void folder_newest(struct folder *folder, struct entry *entry)
{
    struct entry *before = folder->newest;
    entry->scan = folder->scans;
    bool newer = before == NULL || before->scan < entry->scan || begins_later(entry, before);
    if (before != NULL)
        *(newer ? &before->superseded : &entry->superseded) = true;
    if (newer)
        folder->newest = entry;
}

/* Opens the file to see whether it is a capture, and when it begins unless it is alone. */
static enum input_opened entry_look(struct capture *capture, struct entry *entry, bool alone,
                                    const char **why)
{
    struct input *input = NULL;
    enum input_opened result = input_open(entry, &capture->tally, &input, why);
    if (result != INPUT_OPENED)
        return result;

    capture->tally.counters.files++;
    capture->tally.counters.input_total += input->source.size;
    if (alone || input->source.live) {
        entry->input = input;
        return result;
    }
    entry->first_ns = input_first_ns(input);
    input_close(input);
    return result;
}

static void add_file(struct capture *capture, const char *path, bool alone)
{
    const char *why = NULL;
    struct entry *entry = entry_new(capture, strdup(path));
    if (entry == NULL)
        return;
    switch (entry_look(capture, entry, alone, &why)) {
    case INPUT_OPENED: queue_add(capture, entry); return;
    case INPUT_FOREIGN:
    case INPUT_SHORT: {
        char text[256];
        (void)snprintf(text, sizeof text, "not a capture: %s", why);
        entry_error(entry, &capture->tally, 0, text);
        break;
    }
    case INPUT_FAILED: break;
    }
    entry_drop(capture, entry);
}

/* True if the name was dealt with; else it is looked at again when the folder is scanned next. */
static bool add_found(struct capture *capture, struct folder *folder, const char *name,
                      size_t *added)
{
    size_t size = strlen(folder->path) + strlen(name) + 2;
    char *path = malloc(size);
    if (path != NULL)
        (void)snprintf(path, size, "%s%s%s", folder->path,
                       folder->path[strlen(folder->path) - 1] == '/' ? "" : "/", name);
    struct stat status;
    if (path != NULL && (stat(path, &status) != 0 || !S_ISREG(status.st_mode))) {
        free(path);
        return true;
    }

    struct entry *entry = entry_new(capture, path);
    if (entry == NULL)
        return true;
    if (capture->options.follow)
        entry->folder = 1 + (uint32_t)(folder - capture->folders);

    const char *why = NULL;
    enum input_opened result = entry_look(capture, entry, false, &why);
    if (result == INPUT_OPENED && queue_add(capture, entry)) {
        folder_newest(folder, entry);
        (*added)++;
        return true;
    }
    bool wanted = unknown_named_capture(name);
    bool young = result == INPUT_SHORT && capture->options.follow;
    if (wanted && !young && (result == INPUT_FOREIGN || result == INPUT_SHORT)) {
        char text[256];
        (void)snprintf(text, sizeof text, "not a capture: %s", why);
        entry_error(entry, &capture->tally, 0, text);
    } else if (result == INPUT_FOREIGN) {
        char label[LABEL_BYTES];
        text_clean(text_of(entry->path), label, sizeof label);
        log_info("%s: left out: %s", label, why);
    }
    entry_drop(capture, entry);
    return !young;
}

static int not_hidden(const struct dirent *entry) { return entry->d_name[0] != '.'; }

static int compare_names(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static int compare_strings(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool folder_knows(const struct folder *folder, const char *name)
{
    return folder->count > 0 &&
           bsearch(&name, folder->names, folder->count, sizeof(char *), compare_strings) != NULL;
}

static void names_free(char **names, size_t count)
{
    for (size_t i = 0; i < count; i++)
        free(names[i]);
    free(names);
}

/* Adds what is new. The names remembered are those present now, so they do not pile up. */
static bool folder_scan(struct capture *capture, struct folder *folder, size_t *added)
{
    struct dirent **found = NULL;
    int count = scandir(folder->path, &found, not_hidden, compare_names);
    if (count < 0) {
        char label[LABEL_BYTES];
        text_clean(text_of(folder->path), label, sizeof label);
        capture->tally.failed = true;
        if (!folder->unreadable) /* it is tried again while it is followed */
            log_error("%s: cannot be read: %s", label, strerror(errno));
        folder->unreadable = true;
        return false;
    }
    folder->unreadable = false;
    folder->scans++;
    char **names = calloc((size_t)count + 1, sizeof *names);
    size_t kept = 0;
    for (int i = 0; i < count; i++) {
        const char *name = found[i]->d_name;
        bool done = folder_knows(folder, name) || (names != NULL && !run_stopped(capture) &&
                                                   add_found(capture, folder, name, added));
        if (done && names != NULL && (names[kept] = strdup(name)) != NULL)
            kept++;
        free(found[i]);
    }
    free(found);
    if (names == NULL)
        return true; /* nothing was added; the next scan tries again */
    names_free(folder->names, folder->count);
    folder->names = names;
    folder->count = kept;
    return true;
}

static void add_folder(struct capture *capture, const char *path)
{
    struct folder *folder = &capture->folders[capture->folder_count++];
    *folder = (struct folder){ .path = path };
    bool failed_before = capture->tally.failed;
    size_t added = 0;
    capture->tally.failed = false;
    bool ok = folder_scan(capture, folder, &added);
    if (ok && added == 0 && !capture->options.follow && !capture->tally.failed) {
        char label[LABEL_BYTES];
        text_clean(text_of(path), label, sizeof label);
        capture->tally.failed = true;
        log_error("%s: there are no captures in this folder (folders inside it are not read)",
                  label);
    }
    capture->tally.failed = capture->tally.failed || failed_before;
}

static bool is_folder(const char *path)
{
    struct stat status;
    return strcmp(path, "-") != 0 && stat(path, &status) == 0 && S_ISDIR(status.st_mode);
}

bool list_paths(struct capture *capture, const char *const *paths, size_t count)
{
    capture->folders = calloc(count + 1, sizeof *capture->folders);
    if (capture->folders == NULL)
        return false;
    for (size_t i = 0; i < count; i++)
        if (is_folder(paths[i]))
            add_folder(capture, paths[i]);
        else
            add_file(capture, paths[i], count == 1);
    queue_sort(capture);
    return true;
}

size_t list_scan(struct capture *capture)
{
    size_t added = 0;
    for (size_t i = 0; i < capture->folder_count; i++)
        folder_scan(capture, &capture->folders[i], &added);
    if (added > 0)
        queue_sort(capture);
    return added;
}

void list_free(struct capture *capture)
{
    for (size_t i = capture->queue_next; i < capture->queue_count; i++)
        input_close(capture->queue[i]->input);
    free(capture->queue);
    for (uint32_t i = 0; i < capture->entry_count; i++)
        free(run_entry(capture, i)->path);
    for (size_t i = 0; i < ENTRY_CHUNKS; i++)
        free(capture->chunks[i]);
    for (size_t i = 0; i < capture->folder_count; i++)
        names_free(capture->folders[i].names, capture->folders[i].count);
    free(capture->folders);
}
