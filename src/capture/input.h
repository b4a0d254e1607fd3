/* SPDX-License-Identifier: Apache-2.0
 * input.h - one open file: its bytes, its format, and what is said when it is broken.
 *
 * Frames are parsed where the bytes lie, in a window that is the input's own or a caller's.
 */
#ifndef INPUT_H
#define INPUT_H

#include "format.h"
#include "libpcap.h"
#include "secrets.h"
#include "source.h"

/* A file of the run; open or not. */
struct entry {
    char *path;
    const char *name;    /* the last part of the path */
    uint32_t index;      /* in the order of arguments, in a folder by name */
    uint32_t folder;     /* 1 + index of the followed folder it was found in; 0: none */
    int64_t first_ns;    /* time of the first frame; INT64_MIN: unknown */
    uint64_t scan;       /* of that folder, in which it was found */
    struct input *input; /* opened ahead of its time, as a pipe must be */
    bool superseded;     /* a newer file of its folder is known */
};

/* What all inputs of a run share. */
struct tally {
    struct capture_counters counters;
    struct secrets secrets;
    const atomic_bool *stop; /* may be NULL */
    bool failed;
};

/* Bytes [start, end) are read and not parsed; what lies before start may be pointed to by frames.
 */
struct window {
    uint8_t *bytes;
    size_t cap, start, end;
};

#define INPUT_WINDOW_BYTES ((size_t)LIMIT_BLOCK_BYTES + RECORD_VIEW_BYTES)

struct input {
    struct entry *entry;
    struct tally *tally;
    struct source source;
    struct parser parser;
    struct libpcap_file *libpcap; /* reads in place of the two above */
    uint64_t libpcap_number;
    struct window own;      /* INPUT_WINDOW_BYTES */
    uint64_t offset;        /* in the unpacked file, of the next byte to parse */
    uint64_t record_offset; /* of the record that is being parsed or passed */
    struct frame head;      /* the next frame, when it was needed before its turn */
    bool has_head;
    bool peeking;         /* looking for the first frame only: nothing is counted or logged */
    bool damaged;         /* said once a file */
    bool final;           /* a followed file that will not grow any more */
    unsigned quiet_polls; /* since it was superseded */
};

enum input_opened {
    INPUT_OPENED,
    INPUT_FAILED,  /* logged */
    INPUT_FOREIGN, /* no capture; `why` is set, nothing logged */
    INPUT_SHORT,   /* too short to tell; `why` is set, nothing logged */
};

/* On INPUT_OPENED the caller owns *out. */
enum input_opened input_open(struct entry *entry, struct tally *tally, struct input **out,
                             const char **why);
void input_close(struct input *input); /* accepts NULL */

enum step {
    STEP_FRAME,
    STEP_MORE, /* bytes are needed: input_read() */
    STEP_WAIT, /* a followed file has no more as yet */
    STEP_END,  /* logged if it is not a good one */
};

/* The next frame out of the window. Only an input without libpcap is read in another's window. */
enum step input_step(struct input *input, struct window *window, struct frame *frame);

/* Reads to the window's end, at most up to `to`: STEP_MORE when there are new bytes. */
enum step input_read(struct input *input, struct window *window, size_t to);

/* Sets the head, from the input's own window. STEP_FRAME, STEP_WAIT or STEP_END. */
enum step input_advance(struct input *input);

/* Takes over what the window holds unparsed; the frame, if not NULL, is made the head. */
void input_keep(struct input *input, const struct window *window, const struct frame *head);

/* One line: the file as given, the offset, what is wrong. The run has failed. */
void entry_error(const struct entry *entry, struct tally *tally, uint64_t offset, const char *why);

/* Time of the first frame; INT64_MIN if there is none or it cannot be reached. */
int64_t input_first_ns(struct input *input);

#endif
