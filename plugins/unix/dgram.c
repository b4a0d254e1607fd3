/* SPDX-License-Identifier: Apache-2.0
 * dgram.c - the output "unix-dgram": one event a datagram to a unix socket of this machine. What
 * the receiver has read counts as delivered.
 */
#include <stdio.h>
#include <stdlib.h>

#include "datagrams.h"
#include "option.h"

static bool dgram_check(const struct starttap_output_options *options, char *why, size_t why_size)
{
    struct link_target target = { .tls = NULL };

    return options_check(options, NULL, 0, why, why_size) &&
           link_target_path(&target, options->target, why, why_size);
}

static void *dgram_open(const struct starttap_output_options *options, char *why, size_t why_size)
{
    struct link_target target = { .tls = NULL };
    struct datagrams *datagrams;

    if (!link_target_path(&target, options->target, why, why_size))
        return NULL;
    datagrams = malloc(sizeof(*datagrams));
    if (datagrams)
        datagrams_init(datagrams, &target);
    else
        snprintf(why, why_size, "no memory");
    return datagrams;
}

static bool bare_frame(void *self, const struct starttap_message *message, struct buffer *out,
                       char *why, size_t why_size)
{
    (void)self, (void)why, (void)why_size;
    buffer_add(out, message->bytes, message->len);
    return true;
}

static void dgram_send(void *self, const struct starttap_message *messages, size_t count,
                       unsigned wait_ms, struct starttap_sent *sent)
{
    datagrams_send(self, bare_frame, NULL, messages, count, wait_ms, sent);
}

static void dgram_close(void *self)
{
    if (!self)
        return;
    datagrams_close(self);
    free(self);
}

static const struct starttap_output door = {
    .abi = STARTTAP_OUTPUT_ABI,
    .size = sizeof(struct starttap_output),
    .kind = "unix-dgram",
    .help = "datagrams to a unix socket",
    .most_messages = 256,
    .most_bytes = 1u << 20,
    .check = dgram_check,
    .open = dgram_open,
    .send = dgram_send,
    .close = dgram_close,
};

STARTTAP_OUTPUT_EXPORT(unix_dgram) { return &door; }
