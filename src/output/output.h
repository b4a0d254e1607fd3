/* SPDX-License-Identifier: Apache-2.0
 * output.h - where events go, each output with its own format and filter. Used by one thread, but
 * for output_counts() and output_reopen().
 *
 * A receiver that went away (a closed pipe) ends its output quietly; any other failed write is an
 * error, told once.
 */
#ifndef OUTPUT_H
#define OUTPUT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "spec.h"

struct output;
struct channel;
struct process_user;

struct output_options {
    bool lossy;   /* packets do not wait: nor may we, see channel.h */
    bool at_once; /* the input goes on for long: what is ready is not kept back */
    const char *sensor;
    const struct process_user *user; /* as whom is sent, where no file is written; NULL: as now */
    const atomic_bool *stop;         /* becomes true when the user has had enough; may be NULL */
};

/* The spec is borrowed. NULL with a message logged when it cannot be opened. */
struct output *output_open(const struct output_spec *spec, const struct output_options *options);
/* The process that delivers is the caller's to start (keeper.h); NULL: there is none. */
struct channel *output_channel(struct output *output);
void output_write(struct output *output, const struct event *event, uint64_t sequence);
void output_flush(struct output *output);
bool output_is_open(const struct output *output);
/* Any thread: files are opened again, because somebody moved them away. */
void output_reopen(struct output *output);
/* What became of its events. Any thread where it has a process, else the one that writes. The texts
 * live as long as the output. `place` counts from 1.
 */
void output_counts(const struct output *output, size_t place, struct event_output *out);
/* Nothing more will be written. Then the keeper is ended, then the output is closed. */
void output_end(struct output *output);
/* False: something could not be written, and that was logged. Accepts NULL. */
bool output_close(struct output *output);

#endif
