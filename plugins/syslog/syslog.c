/* SPDX-License-Identifier: Apache-2.0
 * syslog.c - the output "syslog": RFC 5424 messages over UDP (RFC 5426), TCP with octet counting
 * (RFC 6587 section 3.4.1), TLS (RFC 5425) and the local socket. See README.md for what each of
 * them can lose.
 */
#include "syslog.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "datagrams.h"
#include "option.h"
#include "tls.h"

#define RESEND_BYTES (1u << 20)

static const struct option_rule rules[] = {
    { "facility", OPTION_WORD, 0, 0, syslog_facilities },
    { "header", OPTION_WORD, 0, 0, "rfc5424 local" },
    { "bom", OPTION_FLAG, 0, 0, NULL },
    { "path", OPTION_TEXT, 0, 0, NULL },
    { "resend", OPTION_NUMBER, 0, 64u << 20, NULL },
    TLS_OPTIONS,
};

static const struct {
    const char *prefix, *port;
    enum syslog_transport transport;
} transports[] = {
    { "udp://", "514", SYSLOG_UDP },
    { "tcp://", "514", SYSLOG_TCP },
    { "tls://", "6514", SYSLOG_TLS },
};

struct syslog_output {
    enum syslog_transport transport;
    struct syslog_style style;
    struct datagrams datagrams;
    struct stream *stream;
    struct tls_context *tls;
    struct buffer one; /* a message before its length is known */
};

static bool target_decode(const struct starttap_output_options *options,
                          enum syslog_transport *transport, struct link_target *target, char *why,
                          size_t why_size)
{
    const char *path = option_text(options, "path");

    *target = (struct link_target){ .tls = NULL };
    if (strcmp(options->target, "local") == 0) {
        *transport = SYSLOG_LOCAL;
        return link_target_path(target, path ? path : "/dev/log", why, why_size);
    }
    if (path) {
        snprintf(why, why_size, "path= belongs to syslog:local");
        return false;
    }
    for (size_t i = 0; i < sizeof(transports) / sizeof(transports[0]); i++) {
        size_t len = strlen(transports[i].prefix);

        if (strncmp(options->target, transports[i].prefix, len) != 0)
            continue;
        *transport = transports[i].transport;
        return link_target_decode(target, options->target + len, strlen(options->target + len),
                                  transports[i].port, why, why_size);
    }
    snprintf(why, why_size, "expected udp://HOST:PORT, tcp://HOST:PORT, tls://HOST:PORT or local");
    return false;
}

static void syslog_close(void *self)
{
    struct syslog_output *output = self;

    if (!output)
        return;
    stream_free(output->stream);
    tls_context_free(output->tls);
    buffer_free(&output->one);
    datagrams_close(&output->datagrams);
    free(output);
}

static void *syslog_open(const struct starttap_output_options *options, char *why, size_t why_size)
{
    struct syslog_output *output = calloc(1, sizeof(*output));
    struct link_target target = { .tls = NULL };

    if (!output) {
        snprintf(why, why_size, "no memory");
        return NULL;
    }
    datagrams_init(&output->datagrams, &target);
    buffer_init(&output->one, 64u << 20);
    if (!options_check(options, rules, sizeof(rules) / sizeof(rules[0]), why, why_size) ||
        !target_decode(options, &output->transport, &target, why, why_size))
        goto out;
    syslog_style_init(&output->style, options);
    datagrams_init(&output->datagrams, &target);
    if (output->transport == SYSLOG_TLS) {
        target.tls = output->tls = tls_context_new(options, why, why_size);
        if (!output->tls)
            goto out;
    }
    if (output->transport == SYSLOG_TCP || output->transport == SYSLOG_TLS) {
        output->stream =
            stream_new(&target, (size_t)option_number(options, "resend", RESEND_BYTES));
        if (!output->stream) {
            snprintf(why, why_size, "no memory");
            goto out;
        }
    }
    return output;
out:
    syslog_close(output);
    return NULL;
}

static bool tls_option_given(const struct starttap_output_options *options)
{
    static const struct option_rule tls_rules[] = { TLS_OPTIONS };

    for (size_t i = 0; i < sizeof(tls_rules) / sizeof(tls_rules[0]); i++)
        if (option_text(options, tls_rules[i].name))
            return true;
    return false;
}

/* Nothing is connected by open(), so what it refuses is what is wrong. */
static bool syslog_check(const struct starttap_output_options *options, char *why, size_t why_size)
{
    struct syslog_output *output = syslog_open(options, why, why_size);
    bool good = output != NULL;

    if (good && output->transport != SYSLOG_TLS && tls_option_given(options)) {
        snprintf(why, why_size, "ca=, cert=, key= and tls_…= need a tls:// target");
        good = false;
    }
    syslog_close(output);
    return good;
}

static bool short_enough(const struct syslog_output *output, const struct starttap_message *message,
                         char *why, size_t why_size)
{
    if (message->len <= output->style.max_bytes)
        return true;
    snprintf(why, why_size, "%zu bytes are more than max_bytes=%zu", message->len,
             output->style.max_bytes);
    return false;
}

/* RFC 5425 section 4.3: the length in octets, a space, the message. */
static bool counted_frame(void *self, const struct starttap_message *message, struct buffer *out,
                          char *why, size_t why_size)
{
    struct syslog_output *output = self;

    if (!short_enough(output, message, why, why_size))
        return false;
    buffer_clear(&output->one);
    syslog_write(&output->style, message, &output->one);
    out->failed = out->failed || output->one.failed;
    buffer_printf(out, "%zu ", output->one.len);
    buffer_add(out, output->one.bytes, output->one.len);
    return true;
}

static bool plain_frame(void *self, const struct starttap_message *message, struct buffer *out,
                        char *why, size_t why_size)
{
    const struct syslog_output *output = self;

    if (!short_enough(output, message, why, why_size))
        return false;
    syslog_write(&output->style, message, out);
    return true;
}

static void syslog_send(void *self, const struct starttap_message *messages, size_t count,
                        unsigned wait_ms, struct starttap_sent *sent)
{
    struct syslog_output *output = self;

    if (output->stream)
        stream_send(output->stream, counted_frame, output, messages, count, wait_ms, sent);
    else
        datagrams_send(&output->datagrams, plain_frame, output, messages, count, wait_ms, sent);
}

static const struct starttap_output door = {
    .abi = STARTTAP_OUTPUT_ABI,
    .size = sizeof(struct starttap_output),
    .kind = "syslog",
    .help = "syslog, RFC 5424, over UDP, TCP, TLS or the local socket",
    .most_messages = 1024,
    .most_bytes = 1u << 20,
    .check = syslog_check,
    .open = syslog_open,
    .send = syslog_send,
    .close = syslog_close,
    .max_bytes = SYSLOG_LINE_BYTES,
};

STARTTAP_OUTPUT_EXPORT(syslog) { return &door; }
