/* SPDX-License-Identifier: Apache-2.0
 * capture.c - the life of a run: its options, its files, what it has counted.
 */
#include "capture.h"

#include <stdlib.h>

#include "live.h"
#include "log.h"

bool run_stopped(const struct capture *capture)
{
    return capture->tally.stop != NULL && *capture->tally.stop;
}

struct capture *capture_open(const char *const *paths, size_t count,
                             const struct capture_options *options)
{
    struct capture *capture = calloc(1, sizeof *capture);
    if (capture == NULL) {
        log_error("out of memory");
        return NULL;
    }
    if (options != NULL)
        capture->options = *options;
    capture->tally.stop = capture->options.stop;
    capture->clock_ns = INT64_MIN;
    pthread_mutex_init(&capture->lock, NULL);

    bool ok = true;
    if (capture->options.filter != NULL) {
        capture->filter = capture_filter_new(capture->options.filter);
        ok = capture->filter != NULL;
    }
    if (ok && !list_paths(capture, paths, count)) {
        log_error("out of memory");
        ok = false;
    }
    bool following = capture->options.follow && capture->folder_count > 0;
    if (ok && capture->options.follow && !following)
        log_warn("there is nothing to follow: none of the inputs is a folder");
    if (ok && capture->queue_count == 0 && !following)
        ok = false; /* the reasons were logged where they were met */
    if (!ok) {
        capture_close(capture);
        return NULL;
    }
    capture->told = capture->tally.counters;
    return capture;
}

struct capture *capture_open_live(const char *const *interfaces, size_t count,
                                  const struct capture_options *options)
{
    struct capture *capture = calloc(1, sizeof *capture);
    if (capture == NULL) {
        log_error("out of memory");
        return NULL;
    }
    capture->options = *options;
    capture->tally.stop = options->stop;
    pthread_mutex_init(&capture->lock, NULL);
    if (count > LIMIT_INTERFACES)
        log_error("more than %u interfaces", LIMIT_INTERFACES);
    else
        capture->live = live_new(interfaces, count, options);
    if (capture->live == NULL) {
        capture_close(capture);
        return NULL;
    }
    return capture;
}

void capture_close(struct capture *capture)
{
    if (capture == NULL)
        return;
    for (size_t i = 0; i < capture->open_count; i++)
        input_close(capture->open[i]);
    for (size_t i = 0; i < capture->idle_count; i++)
        input_close(capture->idle[i]);
    list_free(capture);
    live_free(capture->live);
    secrets_free(&capture->tally.secrets);
    capture_filter_free(capture->filter);
    pthread_mutex_destroy(&capture->lock);
    free(capture);
}

bool capture_filter_valid(const char *expression)
{
    struct capture_filter *filter = capture_filter_new(expression);
    capture_filter_free(filter);
    return filter != NULL;
}

bool capture_failed(const struct capture *capture) { return capture->tally.failed; }

const char *capture_file_name(const struct capture *capture, uint32_t file)
{
    if (capture->live != NULL)
        return live_name(capture->live, file);
    /* Without a look at how many there are: that number may be changing on another thread. */
    const struct entry *chunk =
        file < LIMIT_FILES ? capture->chunks[file / ENTRIES_PER_CHUNK] : NULL;
    const char *name = chunk != NULL ? chunk[file % ENTRIES_PER_CHUNK].name : NULL;
    return name != NULL ? name : "";
}

struct capture_counters capture_counters(const struct capture *capture)
{
    if (capture->live != NULL)
        return live_counters(capture->live);
    /* To take a lock is no change that a caller sees. */
    struct capture *open = (struct capture *)capture;
    pthread_mutex_lock(&open->lock);
    struct capture_counters counters = open->told;
    pthread_mutex_unlock(&open->lock);
    return counters;
}

bool capture_begin_anew(struct capture *capture)
{
    return capture->live != NULL && live_begin_anew(capture->live);
}

size_t capture_lines(const struct capture *capture, struct capture_line *lines, size_t cap)
{
    return capture->live != NULL ? live_lines(capture->live, lines, cap) : 0;
}

size_t capture_secrets(const struct capture *capture, const char **text)
{
    *text = secrets_text(&capture->tally.secrets);
    return capture->tally.secrets.len;
}
