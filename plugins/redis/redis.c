/* SPDX-License-Identifier: Apache-2.0
 * redis.c - the output "redis": events into a stream (XADD), a list (RPUSH) or a channel (PUBLISH),
 * by the Redis protocol itself. This file: what the operator said of it.
 */
#include "redis.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tls.h"

#define REDIS_STREAM_MAXLEN 100000 /* some 150 MB; who wants more says so */

static const struct option_rule rules[] = {
    { "mode", OPTION_WORD, 0, 0, "stream list channel" },
    { "name", OPTION_TEXT, 0, 0, NULL },
    { "stream_maxlen", OPTION_NUMBER, 0, UINT64_C(1000000000000), NULL },
    { "db", OPTION_NUMBER, 0, 65535, NULL },
    { "username", OPTION_TEXT, 0, 0, NULL },
    { "password_file", OPTION_FILE, 0, 0, NULL },
    { "tls", OPTION_FLAG, 0, 0, NULL },
    TLS_OPTIONS,
};

/* HOST:PORT/KEY, or the path of a socket with name= */
static bool target_decode(struct redis_output *output,
                          const struct starttap_output_options *options, char *why, size_t why_size)
{
    const char *text = options->target, *key = option_text(options, "name");
    size_t len = strcspn(text, "/");

    if (strchr(text, '@')) {
        snprintf(why, why_size,
                 "a password does not belong here; use username= and password_file=");
        return false;
    }
    if (text[0] == '/') {
        if (!link_target_path(&output->target, text, why, why_size))
            return false;
    } else {
        if (!link_target_decode(&output->target, text, len, "6379", why, why_size))
            return false;
        if (text[len] && text[len + 1]) {
            if (key) {
                snprintf(why, why_size, "the key is given twice, behind the / and as name=");
                return false;
            }
            key = text + len + 1;
        }
    }
    key = key ? key : "starttap";
    if (!*key || strlen(key) >= sizeof(output->key)) {
        snprintf(why, why_size, "the key has 1 to %zu bytes", sizeof(output->key) - 1);
        return false;
    }
    snprintf(output->key, sizeof(output->key), "%s", key);
    return true;
}

static void redis_close(void *self)
{
    struct redis_output *output = self;

    if (!output)
        return;
    link_close(&output->link);
    tls_context_free(output->tls);
    buffer_free(&output->in);
    buffer_free(&output->out);
    option_forget(output->password, sizeof(output->password));
    free(output);
}

static bool settings_read(struct redis_output *output,
                          const struct starttap_output_options *options, char *why, size_t why_size)
{
    const char *mode = option_text(options, "mode"), *user = option_text(options, "username");

    if (!options_check(options, rules, sizeof(rules) / sizeof(rules[0]), why, why_size) ||
        !target_decode(output, options, why, why_size))
        return false;
    if (user && (strlen(user) >= sizeof(output->user) || !option_text(options, "password_file"))) {
        snprintf(why, why_size, "username= is too long, or lacks its password_file=");
        return false;
    }
    snprintf(output->user, sizeof(output->user), "%s", user ? user : "");
    output->mode = !mode || strcmp(mode, "stream") == 0 ? REDIS_STREAM
                   : strcmp(mode, "list") == 0          ? REDIS_LIST
                                                        : REDIS_CHANNEL;
    snprintf(output->maxlen, sizeof(output->maxlen), "%llu",
             (unsigned long long)option_number(options, "stream_maxlen", REDIS_STREAM_MAXLEN));
    output->database = option_number(options, "db", 0);
    if (!option_secret(options, "password_file", output->password, sizeof(output->password), why,
                       why_size))
        return false;
    if (option_flag(options, "tls", false))
        return (output->target.tls = output->tls = tls_context_new(options, why, why_size)) != NULL;
    if (option_text(options, "ca") || option_text(options, "cert")) {
        snprintf(why, why_size, "ca= and cert= need tls=yes");
        return false;
    }
    return true;
}

static void *redis_open(const struct starttap_output_options *options, char *why, size_t why_size)
{
    struct redis_output *output = calloc(1, sizeof(*output));

    if (!output) {
        snprintf(why, why_size, "no memory");
        return NULL;
    }
    link_init(&output->link);
    buffer_init(&output->out, 256u << 20);
    buffer_init(&output->in, 1u << 20);
    if (settings_read(output, options, why, why_size))
        return output;
    redis_close(output);
    return NULL;
}

static bool redis_check(const struct starttap_output_options *options, char *why, size_t why_size)
{
    struct redis_output *output = redis_open(options, why, why_size);

    redis_close(output);
    return output != NULL;
}

static const struct starttap_output door = {
    .abi = STARTTAP_OUTPUT_ABI,
    .size = sizeof(struct starttap_output),
    .kind = "redis",
    .help = "a Redis stream, list or channel",
    .most_messages = 4096,
    .most_bytes = 8u << 20,
    .check = redis_check,
    .open = redis_open,
    .send = redis_send,
    .close = redis_close,
};

STARTTAP_OUTPUT_EXPORT(redis) { return &door; }
