/* SPDX-License-Identifier: Apache-2.0
 * settings.c - options of the output "http".
 */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "http.h"

#define URL_BYTES 8192
#define PARAMETER "param."

static const struct option_rule rules[] = {
    { "style", OPTION_WORD, 0, 0, "jsonl bulk hec" },
    { "index", OPTION_TEXT, 0, 0, NULL },
    { "sourcetype", OPTION_TEXT, 0, 0, NULL },
    { "user", OPTION_TEXT, 0, 0, NULL },
    { "password_file", OPTION_FILE, 0, 0, NULL },
    { "token_file", OPTION_FILE, 0, 0, NULL },
    { "token_type", OPTION_WORD, 0, 0, "Splunk ApiKey Bearer" },
    { "gzip", OPTION_FLAG, 0, 0, NULL },
    { "proxy", OPTION_TEXT, 0, 0, NULL },
    { "ca", OPTION_FILE, 0, 0, NULL },
    { "cert", OPTION_FILE, 0, 0, NULL },
    { "key", OPTION_FILE, 0, 0, NULL },
    { "tls_verify", OPTION_FLAG, 0, 0, NULL },
    { PARAMETER, OPTION_TEXT, 0, 0, NULL },
};

static const struct {
    const char *word, *token_type;
    const char *path; /* that the URL gets when it has none */
} styles[] = {
    [HTTP_JSONL] = { "jsonl", "Bearer", "/" },
    [HTTP_BULK] = { "bulk", "ApiKey", "/_bulk" },
    [HTTP_HEC] = { "hec", "Splunk", "/services/collector/event" },
};

static bool text_copy(const struct starttap_output_options *options, const char *name,
                      const char *otherwise, char *out, size_t size, char *why, size_t why_size)
{
    const char *text = option_text(options, name);

    text = text ? text : otherwise;
    if (strlen(text) >= size) {
        snprintf(why, why_size, "%s= is longer than %zu bytes", name, size - 1);
        return false;
    }
    memcpy(out, text, strlen(text) + 1);
    return true;
}

/* RFC 3986 section 2: all but the unreserved characters. */
static void add_encoded(struct buffer *url, const char *text)
{
    for (; *text; text++) {
        if (isalnum((unsigned char)*text) || strchr("-._~", *text))
            buffer_add(url, text, 1);
        else
            buffer_printf(url, "%%%02X", (unsigned)(unsigned char)*text);
    }
}

static void add_parameters(struct http_settings *settings,
                           const struct starttap_output_options *options)
{
    struct buffer *url = &settings->url;
    char mark = '?';

    if (settings->style == HTTP_BULK) { /* of the answer only what is looked at */
        buffer_text(url, "?filter_path=items.*.status,items.*.error.type");
        mark = '&';
    }
    for (size_t i = 0; i < options->option_count; i++) {
        const struct starttap_output_option *option = &options->options[i];

        if (strncmp(option->name, PARAMETER, strlen(PARAMETER)) != 0)
            continue;
        buffer_add(url, &mark, 1);
        add_encoded(url, option->name + strlen(PARAMETER));
        buffer_text(url, "=");
        add_encoded(url, option->value);
        mark = '&';
    }
}

static bool url_decode(struct http_settings *settings,
                       const struct starttap_output_options *options, char *why, size_t why_size)
{
    const char *target = options->target, *host = strstr(target, "://"), *path;
    size_t len = strlen(target);

    if (!host || (strncmp(target, "http://", 7) != 0 && strncmp(target, "https://", 8) != 0) ||
        host[3] == '\0' || host[3] == '/') {
        snprintf(why, why_size, "expected http://HOST[:PORT]/PATH or https://HOST[:PORT]/PATH");
        return false;
    }
    for (const char *at = target; *at; at++)
        if (*at <= ' ' || *at == 127 || *at == '?' || *at == '#') {
            snprintf(why, why_size, "a URL has no blanks; its parameters are given as param.NAME=");
            return false;
        }
    if (strchr(target, '@')) {
        snprintf(why, why_size, "a password does not belong here; use user= and password_file=");
        return false;
    }
    path = strchr(host + 3, '/');
    buffer_text(&settings->url, target);
    if (!path || !path[1]) {
        settings->url.len -= path ? 1 : 0;
        buffer_text(&settings->url, styles[settings->style].path);
    }
    if (settings->style == HTTP_BULK && path && path[1] &&
        (len < 6 || strcmp(target + len - 6, "/_bulk") != 0)) {
        snprintf(why, why_size, "for style=bulk the path ends in /_bulk");
        return false;
    }
    if (settings->style == HTTP_BULK && !settings->index[0] &&
        (!path || !path[1] || strcmp(path, "/_bulk") == 0)) {
        snprintf(why, why_size, "style=bulk needs index=, or a path /INDEX/_bulk");
        return false;
    }
    if (settings->style != HTTP_BULK && len > 6 && strcmp(target + len - 6, "/_bulk") == 0) {
        snprintf(why, why_size, "a path that ends in /_bulk wants style=bulk");
        return false;
    }
    add_parameters(settings, options);
    buffer_add(&settings->url, "", 1);
    if (settings->url.failed)
        snprintf(why, why_size, "the URL is longer than %d bytes", URL_BYTES);
    return !settings->url.failed;
}

static bool secrets_read(struct http_settings *settings,
                         const struct starttap_output_options *options, char *why, size_t why_size)
{
    bool user = settings->user[0], password = option_text(options, "password_file");

    if (user != password || (user && option_text(options, "token_file"))) {
        snprintf(why, why_size,
                 user != password ? "user= and password_file= belong together"
                                  : "either user= or token_file=");
        return false;
    }
    if (strchr(settings->user, ':')) { /* RFC 7617 section 2 */
        snprintf(why, why_size, "user= cannot hold a colon");
        return false;
    }
    return option_secret(options, "password_file", settings->password, sizeof(settings->password),
                         why, why_size) &&
           option_secret(options, "token_file", settings->token, sizeof(settings->token), why,
                         why_size);
}

bool http_settings_read(struct http_settings *settings,
                        const struct starttap_output_options *options, char *why, size_t why_size)
{
    static const char *const json[] = { "ecs", "eve", "ocsf" };
    const char *style;

    *settings = (struct http_settings){ .style = HTTP_JSONL };
    buffer_init(&settings->url, URL_BYTES);
    if (!options_check(options, rules, sizeof(rules) / sizeof(rules[0]), why, why_size))
        return false;
    style = option_text(options, "style");
    for (size_t i = 0; style && i < sizeof(styles) / sizeof(styles[0]); i++)
        if (strcmp(styles[i].word, style) == 0)
            settings->style = (enum http_style)i;
    for (size_t i = 0; i < sizeof(json) / sizeof(json[0]); i++)
        settings->json = settings->json || strcmp(json[i], options->format) == 0;
    if (settings->style == HTTP_BULK && !settings->json) {
        snprintf(why, why_size, "style=bulk takes JSON, not format=%s", options->format);
        return false;
    }
    settings->whole_answer = settings->style == HTTP_BULK;
    settings->ca = option_text(options, "ca");
    settings->cert = option_text(options, "cert");
    settings->key = option_text(options, "key");
    settings->proxy = option_text(options, "proxy");
    settings->verify = option_flag(options, "tls_verify", true);
    settings->gzip = option_flag(options, "gzip", false);
    if (!settings->cert != !settings->key) {
        snprintf(why, why_size, "cert= and key= belong together");
        return false;
    }
    if (settings->proxy && strchr(settings->proxy, '@')) {
        snprintf(why, why_size, "a password does not belong into proxy=");
        return false;
    }
    return text_copy(options, "index", "", settings->index, sizeof(settings->index), why,
                     why_size) &&
           text_copy(options, "user", "", settings->user, sizeof(settings->user), why, why_size) &&
           text_copy(options, "sourcetype", settings->json ? "starttap:json" : "starttap",
                     settings->sourcetype, sizeof(settings->sourcetype), why, why_size) &&
           text_copy(options, "token_type", styles[settings->style].token_type,
                     settings->token_type, sizeof(settings->token_type), why, why_size) &&
           (snprintf(settings->host, sizeof(settings->host), "%s", options->sensor), true) &&
           secrets_read(settings, options, why, why_size) &&
           url_decode(settings, options, why, why_size);
}

void http_settings_free(struct http_settings *settings)
{
    buffer_free(&settings->url);
    option_forget(settings->password, sizeof(settings->password));
    option_forget(settings->token, sizeof(settings->token));
}
