/* SPDX-License-Identifier: Apache-2.0
 * merge.c - the frames of all files in one order, in blocks.
 *
 * Between files the earlier frame comes first, of equal ones that of the earlier argument; within a
 * file the order stays as it is, even where its clock goes back. A file is opened when the merge
 * reaches its first frame. While only one file is open, it is read and parsed in the block itself,
 * up to the time at which the next one begins; frames are copied only where files overlap.
 */
#include <stdlib.h>
#include <string.h>

#include "filter.h"
#include "live.h"
#include "log.h"
#include "pages.h"

bool block_init(struct block *block)
{
    *block = (struct block){ .cap = INPUT_WINDOW_BYTES, .frames_cap = LIMIT_BLOCK_FRAMES };
    block->bytes = malloc(block->cap);
    block->frames = malloc(block->frames_cap * sizeof *block->frames);
    if (block->bytes != NULL && block->frames != NULL)
        return true;
    block_free(block);
    return false;
}

void block_free(struct block *block)
{
    free(block->bytes);
    free(block->frames);
    *block = (struct block){ 0 };
}

void block_rest(struct block *block)
{
    block->used = block->count = block->parsed = 0;
    pages_forget(block->bytes, block->cap);
    pages_forget(block->frames, block->frames_cap * sizeof *block->frames);
}

static bool comes_before(const struct input *a, const struct input *b)
{
    if (a->head.time_ns != b->head.time_ns)
        return a->head.time_ns < b->head.time_ns;
    return a->entry->index < b->entry->index;
}

static void heap_swap(struct capture *capture, size_t i, size_t j)
{
    struct input *input = capture->open[i];
    capture->open[i] = capture->open[j];
    capture->open[j] = input;
}

static void heap_sink(struct capture *capture)
{
    for (size_t at = 0, child; (child = 2 * at + 1) < capture->open_count; at = child) {
        if (child + 1 < capture->open_count &&
            comes_before(capture->open[child + 1], capture->open[child]))
            child++;
        if (!comes_before(capture->open[child], capture->open[at]))
            return;
        heap_swap(capture, at, child);
    }
}

bool merge_push(struct capture *capture, struct input *input)
{
    if (capture->open_count == LIMIT_FILES_OPEN)
        return false;
    size_t at = capture->open_count++;
    capture->open[at] = input;
    for (; at > 0 && comes_before(capture->open[at], capture->open[(at - 1) / 2]);
         at = (at - 1) / 2)
        heap_swap(capture, at, (at - 1) / 2);
    return true;
}

static struct input *heap_pop(struct capture *capture)
{
    struct input *first = capture->open[0];
    capture->open[0] = capture->open[--capture->open_count];
    heap_sink(capture);
    return first;
}

/* The first of the heap has given what it had. */
static void first_ends(struct capture *capture, enum step step)
{
    struct input *input = heap_pop(capture);
    if (step == STEP_WAIT)
        follow_park(capture, input);
    else
        input_close(input);
}

/* Gives the first of the heap its next frame and its new place. */
static void first_advance(struct capture *capture)
{
    enum step step = input_advance(capture->open[0]);
    if (step == STEP_FRAME)
        heap_sink(capture);
    else
        first_ends(capture, step);
}

static void open_entry(struct capture *capture, struct entry *entry)
{
    const char *why = NULL;
    struct input *input = entry->input;
    entry->input = NULL;
    if (input == NULL) {
        enum input_opened result = input_open(entry, &capture->tally, &input, &why);
        if (result == INPUT_FOREIGN || result == INPUT_SHORT)
            entry_error(entry, &capture->tally, 0, "the file has changed since it was listed");
        if (result != INPUT_OPENED)
            return;
    }
    capture->tally.counters.input_bytes += input->source.stored;
    enum step step = input_advance(input);
    if (step == STEP_FRAME)
        merge_push(capture, input);
    else if (step == STEP_WAIT)
        follow_park(capture, input);
    else
        input_close(input);
}

static int64_t next_opening_ns(const struct capture *capture)
{
    if (capture->queue_next == capture->queue_count)
        return INT64_MAX;
    return capture->queue[capture->queue_next]->first_ns;
}

/* An input whose bytes can be parsed where they are read, and that needs no copy for its order. */
static bool alone(const struct capture *capture)
{
    return capture->open_count == 1 && capture->open[0]->libpcap == NULL;
}

static void open_due(struct capture *capture)
{
    while (capture->queue_next < capture->queue_count && !run_stopped(capture)) {
        if (capture->open_count > 0) {
            const struct input *first = capture->open[0];
            if (!first->has_head || first->head.time_ns < next_opening_ns(capture))
                return;
        }
        if (capture->open_count == LIMIT_FILES_OPEN) {
            if (!capture->crowded)
                log_warn("more than %u files overlap in time: the order between them is not kept",
                         LIMIT_FILES_OPEN);
            capture->crowded = true;
            return;
        }
        open_entry(capture, capture->queue[capture->queue_next++]);
    }
}

/* Counts the frame; false if it is not to be delivered. */
static bool accept(struct capture *capture, const struct frame *frame)
{
    if (frame->time_ns < capture->clock_ns && frame->interface != capture->clock_interface)
        capture->tally.counters.backwards++;
    if (frame->time_ns > capture->clock_ns) {
        capture->clock_ns = frame->time_ns;
        capture->clock_interface = frame->interface;
    }
    if (capture->filter != NULL) {
        enum filter_result result = capture_filter_match(capture->filter, frame);
        if (result == FILTER_UNFIT)
            capture->tally.failed = true;
        if (result != FILTER_YES) {
            capture->tally.counters.frames_filtered++;
            return false;
        }
    }
    capture->tally.counters.frames++;
    capture->tally.counters.bytes += frame->captured;
    return true;
}

static void copy_head(struct capture *capture, struct block *block, const struct frame *head)
{
    if (!accept(capture, head))
        return;
    struct frame *frame = &block->frames[block->count++];
    *frame = *head;
    frame->data = block->bytes + block->used;
    if (head->captured > 0)
        memcpy(block->bytes + block->used, head->data, head->captured);
    block->used += head->captured;
}

/* The order is by heads; stops early rather than wait for a pipe. */
static void fill_merged(struct capture *capture, struct block *block)
{
    while (block->count < block->frames_cap && block->used < LIMIT_BLOCK_BYTES &&
           !run_stopped(capture)) {
        open_due(capture);
        if (capture->open_count == 0 || alone(capture))
            return;
        struct input *first = capture->open[0];
        if (first->has_head) {
            copy_head(capture, block, &first->head);
            first->has_head = false;
        }
        if (block->count > 0 && first->source.live && !source_ready(&first->source))
            return;
        first_advance(capture);
    }
}

/* More bytes behind the unparsed ones, which may move as long as no frame lies in the block. */
static enum step read_in_place(struct input *input, struct window *window,
                               const struct block *block)
{
    if (block->count == 0 && window->start > 0) {
        memmove(window->bytes, window->bytes + window->start, window->end - window->start);
        window->end -= window->start;
        window->start = 0;
    }
    /* Past the usual size only for a record that is larger than what is left of it. */
    size_t to = window->end < LIMIT_BLOCK_BYTES ? LIMIT_BLOCK_BYTES : window->cap;
    return input_read(input, window, to);
}

static void fill_in_place(struct capture *capture, struct block *block)
{
    struct input *input = capture->open[0];
    bool bounded = capture->queue_next < capture->queue_count;
    int64_t until_ns = next_opening_ns(capture);
    if (input->has_head)
        copy_head(capture, block, &input->head);
    input->has_head = false;

    struct window window = {
        .bytes = block->bytes, .cap = block->cap, .start = block->used, .end = block->used
    };
    size_t left = input->own.end - input->own.start;
    memcpy(window.bytes + window.end, input->own.bytes + input->own.start, left);
    window.end += left;
    input->own.start = input->own.end = 0;

    bool has_read = false;
    enum step step = STEP_FRAME;
    const struct frame *head = NULL;
    while (block->count < block->frames_cap && head == NULL) {
        struct frame *frame = &block->frames[block->count];
        step = input_step(input, &window, frame);
        if (step == STEP_FRAME && bounded && frame->time_ns >= until_ns) {
            head = frame;
        } else if (step == STEP_FRAME) {
            if (accept(capture, frame))
                block->count++;
        } else if (step == STEP_MORE) {
            bool enough = has_read || input->source.live || window.end >= LIMIT_BLOCK_BYTES;
            if (block->count > 0 && enough)
                break;
            step = read_in_place(input, &window, block);
            has_read = true;
            if (run_stopped(capture))
                break;
        }
        if (step == STEP_END || step == STEP_WAIT)
            break;
    }
    block->used = window.start;
    block->parsed = window.start;
    input_keep(input, &window, head);
    if (step == STEP_END || step == STEP_WAIT)
        first_ends(capture, step);
}

static bool fill(struct capture *capture, struct block *block)
{
    block->used = block->count = block->parsed = 0;
    while (block->count == 0 && !run_stopped(capture)) {
        if (capture->open_count > 0 && !capture->open[0]->has_head && !alone(capture))
            first_advance(capture);
        open_due(capture);
        if (capture->open_count == 0 && !follow_wait(capture))
            break;
        if (alone(capture))
            fill_in_place(capture, block);
        else
            fill_merged(capture, block);
    }
    if (block->count == 0)
        return false;
    block->clock_ns = capture->clock_ns;
    block->sequence = capture->sequence++;
    return true;
}

bool capture_fill(struct capture *capture, struct block *block)
{
    if (capture->live != NULL)
        return live_fill(capture->live, 0, block);
    bool filled = fill(capture, block);
    pthread_mutex_lock(&capture->lock);
    capture->told = capture->tally.counters;
    pthread_mutex_unlock(&capture->lock);
    return filled;
}

bool capture_fill_part(struct capture *capture, unsigned part, struct block *block)
{
    if (capture->live == NULL)
        return part == 0 && capture_fill(capture, block);
    return live_fill(capture->live, part, block);
}

unsigned capture_parts(const struct capture *capture)
{
    return capture->live != NULL ? live_parts(capture->live) : 0;
}
