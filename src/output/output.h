/* SPDX-License-Identifier: Apache-2.0
 * output.h - where events go: standard output and files. Used by one thread.
 *
 * A receiver that went away (a closed pipe) ends its output quietly; any other failed write is an
 * error, told once.
 */
#ifndef OUTPUT_H
#define OUTPUT_H

#include <stdbool.h>
#include <stdint.h>

#include "event.h"

struct output;

struct output_options {
    enum event_format format;
    unsigned datasets; /* bits 1 << enum event_dataset */
    bool at_once;      /* the input goes on for long: what is ready is not kept back */
};

/* spec: "-" or "file:PATH" (appended to, made with mode 0640). NULL with a message logged when it
 * cannot be opened. */
struct output *output_open(const char *spec, const struct output_options *options);
void output_write(struct output *output, const struct event *event, uint64_t sequence);
void output_flush(struct output *output);
bool output_is_open(const struct output *output);
bool output_close(
    struct output *output); /* false: something could not be written, and that was logged */

#endif
