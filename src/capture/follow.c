/* SPDX-License-Identifier: Apache-2.0
 * follow.c - folders to which files are added while they are read.
 *
 * The newest file of a folder is read on as it grows; a record whose end has not been written yet
 * is not an error. When a newer file has appeared, the older one may end as any file does; if it
 * ends inside a record, it is given a few more polls before that is an error. A folder is always
 * looked at before the files that wait, so a file that was complete before the next one was made is
 * read to its end before that one begins.
 */
#include <time.h>

#include "run.h"

#define POLL_MS 200
/* A second: writers flush their last bytes before or soon after they open the next file. */
#define QUIET_POLLS 5u

void follow_park(struct capture *capture, struct input *input)
{
    if (capture->idle_count == LIMIT_FILES_OPEN) {
        input->final = true; /* too many folders: what is there now is all of it */
        if (input_advance(input) != STEP_FRAME || !merge_push(capture, input))
            input_close(input);
        return;
    }
    capture->idle[capture->idle_count++] = input;
}

/* True if the input left the waiting ones. */
static bool retry(struct capture *capture, struct input *input, bool *readable)
{
    if (input->entry->superseded && ++input->quiet_polls >= QUIET_POLLS)
        input->final = true;
    enum step step = input_advance(input);
    if (step == STEP_WAIT)
        return false;
    if (step == STEP_FRAME && merge_push(capture, input)) {
        input->quiet_polls = 0;
        *readable = true;
        return true;
    }
    input_close(input);
    return true;
}

static bool retry_all(struct capture *capture)
{
    bool readable = false;
    size_t kept = 0;
    for (size_t i = 0; i < capture->idle_count; i++) {
        struct input *input = capture->idle[i];
        if (!retry(capture, input, &readable))
            capture->idle[kept++] = input;
    }
    capture->idle_count = kept;
    return readable;
}

bool follow_wait(struct capture *capture)
{
    static const struct timespec step = { .tv_nsec = POLL_MS * 1000000L };
    if (!capture->options.follow || capture->folder_count == 0)
        return false;
    while (!run_stopped(capture)) {
        nanosleep(&step, NULL);
        size_t added = list_scan(capture);
        bool readable = retry_all(capture);
        if (added > 0 || readable)
            return true;
    }
    return false;
}
