/* SPDX-License-Identifier: Apache-2.0
 * progress.c - one line that is written over.
 */
#include "progress.h"

#include <stdio.h>
#include <time.h>
#include <unistd.h>

static int64_t now_ms(void)
{
    struct timespec now;
    if (clock_gettime(CLOCK_MONOTONIC, &now) != 0)
        return 0;
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void progress_init(struct progress *progress, bool quiet)
{
    *progress = (struct progress){ .enabled = !quiet && isatty(STDERR_FILENO) == 1 };
    progress->started_ms = progress->last_ms = progress->enabled ? now_ms() : 0;
}

void progress_step(void *to, const struct capture_counters *counters)
{
    struct progress *progress = to;
    if (!progress->enabled)
        return;
    int64_t now = now_ms();
    if (now - progress->started_ms < 1000 || now - progress->last_ms < 200)
        return;
    progress->last_ms = now;
    progress->shown = true;
    unsigned long long frames = counters->frames, mib = counters->input_bytes >> 20;
    if (counters->input_total > 0)
        fprintf(stderr, "\r%3llu %% read, %llu packets, %llu MiB",
                (unsigned long long)(counters->input_bytes * 100 / counters->input_total), frames,
                mib);
    else
        fprintf(stderr, "\r%llu packets, %llu MiB", frames, mib);
}

void progress_end(struct progress *progress)
{
    if (progress->shown)
        fputs("\r\033[K", stderr);
    progress->shown = false;
}
