/* SPDX-License-Identifier: Apache-2.0
 * input.c - reading, parsing, and naming the place where a file breaks.
 */
#include "input.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "text.h"
#include "unknown.h"

/* Between files frames are copied anyway, and many may be open: smaller reads cost less memory. */
#define OWN_READ_BYTES ((size_t)64 * 1024)
/* Nearly every file's first frame lies in its first page. */
#define PEEK_BYTES ((size_t)4096)
#define LABEL_BYTES 512

/* A file's name may hold anything, and a line of the log must stay one. */
static void label_of(const struct entry *entry, char label[LABEL_BYTES])
{
    text_clean(text_of(entry->path), label, LABEL_BYTES);
}

void entry_error(const struct entry *entry, struct tally *tally, uint64_t offset, const char *why)
{
    char label[LABEL_BYTES];
    label_of(entry, label);
    tally->failed = true;
    log_error("%s: byte %" PRIu64 ": %s", label, offset, why);
}

static void input_error(const struct input *input, uint64_t offset, const char *why)
{
    if (input->peeking)
        return;
    if (input->source.codec != NULL) {
        char text[256];
        (void)snprintf(text, sizeof text, "%s (counted in the data unpacked from %s)", why,
                       input->source.codec->name);
        entry_error(input->entry, input->tally, offset, text);
        return;
    }
    entry_error(input->entry, input->tally, offset, why);
}

static void source_failed(const struct input *input)
{
    const struct source *source = &input->source;
    char text[256];
    (void)snprintf(text, sizeof text, "%s%s%s", source->error,
                   source->error_number != 0 ? ": " : "",
                   source->error_number != 0 ? strerror(source->error_number) : "");
    if (source->codec != NULL && !input->peeking)
        entry_error(input->entry, input->tally, source->stored - source->held, text);
    else
        input_error(input, input->offset + (input->own.end - input->own.start), text);
}

void input_close(struct input *input)
{
    if (input == NULL)
        return;
    source_close(&input->source);
    parser_free(&input->parser);
    libpcap_file_free(input->libpcap);
    free(input->own.bytes);
    free(input);
}

/* Enough bytes to tell the format. */
static enum input_opened read_magic(struct input *input, const char **why)
{
    struct window *own = &input->own;
    while (own->end < FORMAT_MAGIC_BYTES) {
        ssize_t n = source_read(&input->source, own->bytes + own->end, PEEK_BYTES);
        if (n < 0) {
            source_failed(input);
            return INPUT_FAILED;
        }
        if (n == 0) {
            bool empty = own->end == 0 && !input->source.unfinished;
            *why = empty ? "the file is empty" : "the file is too short to be a capture";
            return INPUT_SHORT;
        }
        own->end += (size_t)n;
    }
    return INPUT_OPENED;
}

/* Our formats, or whatever else libpcap can read. */
static enum input_opened choose_format(struct input *input, const char **why)
{
    struct reader start = reader_of(input->own.bytes, input->own.end);
    if (parser_init(&input->parser, start))
        return INPUT_OPENED;

    *why = unknown_describe(start);
    if (input->source.live || input->source.codec != NULL)
        return INPUT_FOREIGN;
    char reason[256], label[LABEL_BYTES];
    input->libpcap = libpcap_file_new(input->entry->path, reason, sizeof reason);
    if (input->libpcap != NULL)
        return INPUT_OPENED;
    label_of(input->entry, label);
    log_debug("%s: libpcap: %s", label, reason);
    return INPUT_FOREIGN;
}

enum input_opened input_open(struct entry *entry, struct tally *tally, struct input **out,
                             const char **why)
{
    char label[LABEL_BYTES];
    label_of(entry, label);
    struct input *input = calloc(1, sizeof *input);
    if (input == NULL) {
        tally->failed = true;
        log_error("%s: out of memory", label);
        return INPUT_FAILED;
    }
    input->entry = entry;
    input->tally = tally;
    input->own.cap = INPUT_WINDOW_BYTES;

    enum input_opened result = INPUT_FAILED;
    if (!source_open(&input->source, entry->path, tally->stop)) {
        tally->failed = true;
        log_error("%s: cannot be opened: %s", label, strerror(errno));
    } else if ((input->own.bytes = malloc(input->own.cap)) == NULL) {
        tally->failed = true;
        log_error("%s: out of memory", label);
    } else {
        result = read_magic(input, why);
        if (result == INPUT_OPENED)
            result = choose_format(input, why);
    }
    if (result != INPUT_OPENED) {
        input_close(input);
        return result;
    }
    *out = input;
    return INPUT_OPENED;
}

static enum step libpcap_step(struct input *input, struct frame *frame)
{
    enum libpcap_result result;
    while ((result = libpcap_file_next(input->libpcap, frame)) == LIBPCAP_FRAME) {
        frame->number = ++input->libpcap_number;
        frame->file = input->entry->index;
        if (frame->captured <= LIMIT_FRAME_BYTES)
            return STEP_FRAME;
        if (!input->peeking)
            input->tally->counters.frames_skipped++;
    }
    /* libpcap does not tell where; the frames that were read do. */
    if (result == LIBPCAP_ERROR && !input->peeking) {
        char label[LABEL_BYTES];
        label_of(input->entry, label);
        input->tally->failed = true;
        log_error("%s: after frame %" PRIu64 ": %s", label, input->libpcap_number,
                  libpcap_file_error(input->libpcap));
    }
    return STEP_END;
}

enum step input_step(struct input *input, struct window *window, struct frame *frame)
{
    if (input->libpcap != NULL)
        return libpcap_step(input, frame);

    for (;;) {
        size_t left = window->end - window->start;
        struct reader bytes = reader_of(window->bytes + window->start, left);
        if (input->parser.skip == 0)
            input->record_offset = input->offset;
        enum parsed parsed = parser_next(&input->parser, &bytes, frame);
        window->start += left - bytes.left;
        input->offset += left - bytes.left;
        switch (parsed) {
        case PARSED_FRAME: frame->file = input->entry->index; return STEP_FRAME;
        case PARSED_MORE: return STEP_MORE;
        case PARSED_OTHER: break;
        case PARSED_SKIPPED:
            if (!input->peeking)
                input->tally->counters.frames_skipped++;
            break;
        case PARSED_SECRETS:
            if (!input->peeking)
                secrets_add(&input->tally->secrets, input->parser.secrets,
                            input->parser.secrets_begin);
            break;
        case PARSED_DAMAGED:
            if (!input->peeking)
                input->tally->counters.frames_skipped++;
            if (!input->damaged)
                input_error(input, input->record_offset, input->parser.why);
            input->damaged = true;
            break;
        case PARSED_BROKEN:
            input_error(input, input->record_offset, input->parser.why);
            return STEP_END;
        }
    }
}

/* The source gave nothing: a good end, a bad one, or, for a file that grows, none yet. */
static enum step at_end(struct input *input, const struct window *window)
{
    const struct entry *entry = input->entry;
    bool clean =
        window->start == window->end && parser_between(&input->parser) && !input->source.unfinished;
    bool stopped = input->tally->stop != NULL && *input->tally->stop;
    if (stopped || (clean && (entry->folder == 0 || entry->superseded || input->final)))
        return STEP_END;
    if (entry->folder != 0 && !input->final && !input->peeking)
        return STEP_WAIT;

    if (!input->parser.begun)
        input_error(input, input->offset + (window->end - window->start),
                    "the file ends inside its header");
    else if (window->start == window->end && input->parser.skip == 0)
        input_error(input, input->offset, "the compressed data ends too early");
    else
        input_error(input, input->record_offset,
                    "the file ends inside the record that begins here");
    return STEP_END;
}

enum step input_read(struct input *input, struct window *window, size_t to)
{
    assert(to > window->end && to <= window->cap);
    uint64_t before = input->source.stored;
    ssize_t n = source_read(&input->source, window->bytes + window->end, to - window->end);
    if (!input->peeking)
        input->tally->counters.input_bytes += input->source.stored - before;
    if (n > 0) {
        window->end += (size_t)n;
        return STEP_MORE;
    }
    if (n == 0)
        return at_end(input, window);
    source_failed(input);
    return STEP_END;
}

enum step input_advance(struct input *input)
{
    struct window *own = &input->own;
    input->has_head = false;
    for (;;) {
        enum step step = input_step(input, own, &input->head);
        input->has_head = step == STEP_FRAME;
        if (step != STEP_MORE)
            return step;

        if (own->start > 0) {
            memmove(own->bytes, own->bytes + own->start, own->end - own->start);
            own->end -= own->start;
            own->start = 0;
        }
        size_t to = own->end + (input->peeking ? PEEK_BYTES : OWN_READ_BYTES);
        step = input_read(input, own, to < own->cap ? to : own->cap);
        if (step != STEP_MORE)
            return step;
    }
}

void input_keep(struct input *input, const struct window *window, const struct frame *head)
{
    size_t from = head != NULL ? (size_t)(head->data - window->bytes) : window->start;
    memcpy(input->own.bytes, window->bytes + from, window->end - from);
    input->own.start = window->start - from;
    input->own.end = window->end - from;
    input->has_head = head != NULL;
    if (head != NULL) {
        input->head = *head;
        input->head.data = input->own.bytes;
    }
}

int64_t input_first_ns(struct input *input)
{
    input->peeking = true;
    return input_advance(input) == STEP_FRAME ? input->head.time_ns : INT64_MIN;
}
