/* SPDX-License-Identifier: Apache-2.0
 * run.h - what one run of capture holds, and the steps between its files.
 *
 *     paths -> list.c: entries, their first times -> queue, sorted
 *           -> merge.c: a heap of the files that overlap now -> blocks
 *           -> follow.c: files that may still grow wait aside
 */
#ifndef RUN_H
#define RUN_H

#include <pthread.h>

#include "input.h"

#define ENTRIES_PER_CHUNK 1024u
#define ENTRY_CHUNKS (LIMIT_FILES / ENTRIES_PER_CHUNK)

/* A folder and the names in it that were dealt with, sorted. */
struct folder {
    const char *path; /* borrowed from the caller */
    char **names;
    size_t count;
    struct entry *newest; /* of its files: the one that began last */
    uint64_t scans;
    bool unreadable; /* by the last scan */
};

struct live;

struct capture {
    struct capture_options options;
    struct capture_filter *filter; /* NULL for none */
    struct tally tally;
    struct live *live; /* interfaces instead of files; NULL for none */
    int64_t clock_ns;
    uint32_t clock_interface; /* of the frame that set it */
    uint64_t sequence;

    pthread_mutex_t lock;         /* of what follows */
    struct capture_counters told; /* the counters as of the last block */

    /* In chunks that never move: other threads ask for names while files are added. */
    struct entry *chunks[ENTRY_CHUNKS];
    uint32_t entry_count;

    struct folder *folders; /* in the order of arguments */
    size_t folder_count;

    struct entry **queue; /* not opened yet, by first time, from queue_next on */
    size_t queue_next, queue_count, queue_cap;

    struct input *open[LIMIT_FILES_OPEN]; /* a heap: the one whose head comes next is first */
    size_t open_count;
    struct input *idle[LIMIT_FILES_OPEN]; /* followed files at their end */
    size_t idle_count;
    bool crowded; /* said once: more files overlap than may be open */
};

struct entry *run_entry(const struct capture *capture, uint32_t index);
bool run_stopped(const struct capture *capture);

/* list.c: makes entries of the paths and queues what can be read. False: out of memory. */
bool list_paths(struct capture *capture, const char *const *paths, size_t count);
/* Queues files that came into the followed folders; returns their number. */
size_t list_scan(struct capture *capture);
void list_free(struct capture *capture);

/* merge.c */
bool merge_push(struct capture *capture, struct input *input); /* false: no room in the heap */

/* follow.c */
void follow_park(struct capture *capture, struct input *input); /* ownership moves */
/* Waits until there is something to read; false: there will never be, or the run was stopped. */
bool follow_wait(struct capture *capture);

#endif
