/* SPDX-License-Identifier: Apache-2.0
 * unix.c - the output "unix": one event a line to a stream socket of this machine.
 *
 * What the receiver has read counts as delivered. Nothing is kept after that: the system tells
 * exactly what was not read yet, so a receiver that reads before it dies is all that can lose.
 */
#include <stdio.h>

#include "option.h"
#include "stream.h"

static bool unix_check(const struct starttap_output_options *options, char *why, size_t why_size)
{
    struct link_target target = { .tls = NULL };

    return options_check(options, NULL, 0, why, why_size) &&
           link_target_path(&target, options->target, why, why_size);
}

static void *unix_open(const struct starttap_output_options *options, char *why, size_t why_size)
{
    struct link_target target = { .tls = NULL };
    struct stream *stream;

    if (!link_target_path(&target, options->target, why, why_size))
        return NULL;
    stream = stream_new(&target, 0);
    if (!stream)
        snprintf(why, why_size, "no memory");
    return stream;
}

static bool line_frame(void *self, const struct starttap_message *message, struct buffer *out,
                       char *why, size_t why_size)
{
    (void)self, (void)why, (void)why_size;
    buffer_add(out, message->bytes, message->len);
    buffer_add(out, "\n", 1);
    return true;
}

static void unix_send(void *self, const struct starttap_message *messages, size_t count,
                      unsigned wait_ms, struct starttap_sent *sent)
{
    stream_send(self, line_frame, NULL, messages, count, wait_ms, sent);
}

static void unix_close(void *self) { stream_free(self); }

static const struct starttap_output door = {
    .abi = STARTTAP_OUTPUT_ABI,
    .size = sizeof(struct starttap_output),
    .kind = "unix",
    .help = "lines to a unix stream socket",
    .most_messages = 1024,
    .most_bytes = 1u << 20,
    .check = unix_check,
    .open = unix_open,
    .send = unix_send,
    .close = unix_close,
};

STARTTAP_OUTPUT_EXPORT(unix) { return &door; }
