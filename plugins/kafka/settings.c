/* SPDX-License-Identifier: Apache-2.0
 * settings.c - options of the output "kafka".
 */
#include "settings.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "option.h"

#define PROPERTY "kafka."
#define LINE_BYTES 8192 /* of conf_file=; certificates in one line are the longest */

static const struct option_rule rules[] = {
    { "compression", OPTION_WORD, 0, 0, "zstd lz4 gzip snappy none" },
    { "conf_file", OPTION_FILE, 0, 0, NULL },
    { "topic.session", OPTION_TEXT, 0, 0, NULL },
    { "topic.finding", OPTION_TEXT, 0, 0, NULL },
    { "topic.certificate", OPTION_TEXT, 0, 0, NULL },
    { "topic.stats", OPTION_TEXT, 0, 0, NULL },
    { PROPERTY, OPTION_TEXT, 0, 0, NULL },
};

static const char *const topic_options[] = { [STARTTAP_DATASET_SESSION] = "topic.session",
                                             [STARTTAP_DATASET_FINDING] = "topic.finding",
                                             [STARTTAP_DATASET_CERTIFICATE] = "topic.certificate",
                                             [STARTTAP_DATASET_STATS] = "topic.stats" };

/* In conf_file= only: a command line can be read by every user of the machine. */
static const char *const secrets[] = { "sasl.password",
                                       "ssl.key.password",
                                       "ssl.keystore.password",
                                       "ssl.key.pem",
                                       "sasl.oauthbearer.client.secret",
                                       "sasl.oauthbearer.config" };

static bool topic_decode(char *topic, const char *text, char *why, size_t why_size)
{
    size_t len = strlen(text);
    bool good =
        len > 0 && len < KAFKA_TOPIC_BYTES && strcmp(text, ".") != 0 && strcmp(text, "..") != 0;

    for (size_t i = 0; good && i < len; i++)
        good = isalnum((unsigned char)text[i]) || strchr("._-", text[i]);
    if (!good) {
        snprintf(why, why_size,
                 "a topic has 1 to 249 letters, digits, points, hyphens and underscores");
        return false;
    }
    memcpy(topic, text, len + 1);
    return true;
}

static bool target_decode(struct kafka_settings *settings, const char *target, kafka_property *set,
                          void *conf, char *why, size_t why_size)
{
    const char *slash = strrchr(target, '/');
    char brokers[4096];

    if (!slash || slash == target || (size_t)(slash - target) >= sizeof(brokers)) {
        snprintf(why, why_size, "expected BROKER[:PORT][,BROKER...]/TOPIC");
        return false;
    }
    if (strchr(target, '@')) {
        snprintf(why, why_size, "a password does not belong here; see conf_file=");
        return false;
    }
    for (size_t i = 0; i < 4; i++)
        if (!topic_decode(settings->topics[i], slash + 1, why, why_size))
            return false;
    snprintf(brokers, sizeof(brokers), "%.*s", (int)(slash - target), target);
    return set(conf, "bootstrap.servers", brokers, why, why_size);
}

static char *trim(char *text)
{
    size_t len;

    text += strspn(text, " \t");
    len = strlen(text);
    while (len && strchr(" \t\r\n", text[len - 1]))
        text[--len] = '\0';
    return text;
}

static bool line_decode(char *line, kafka_property *set, void *conf, char *why, size_t why_size)
{
    char *name = trim(line), *equals = strchr(name, '=');

    if (*name == '\0' || *name == '#')
        return true;
    if (!equals || equals == name) {
        snprintf(why, why_size, "expected NAME=VALUE");
        return false;
    }
    *equals = '\0';
    return set(conf, trim(name), trim(equals + 1), why, why_size);
}

static bool file_read(const char *path, kafka_property *set, void *conf, char *why, size_t why_size)
{
    char line[LINE_BYTES], reason[200] = "";
    unsigned number = 0;
    bool good = true;
    FILE *file = fopen(path, "re");

    if (!file) {
        snprintf(why, why_size, "conf_file=%s: %s", path, strerror(errno));
        return false;
    }
    while (good && fgets(line, sizeof(line), file)) {
        number++;
        if (strlen(line) == sizeof(line) - 1) {
            snprintf(reason, sizeof(reason), "the line is too long");
            good = false;
        } else {
            good = line_decode(line, set, conf, reason, sizeof(reason));
        }
    }
    option_forget(line, sizeof(line));
    fclose(file);
    if (!good)
        snprintf(why, why_size, "line %u of conf_file=: %s", number, reason);
    return good;
}

static bool is_secret(const char *property)
{
    for (size_t i = 0; i < sizeof(secrets) / sizeof(secrets[0]); i++)
        if (strcmp(secrets[i], property) == 0)
            return true;
    return false;
}

bool kafka_settings_read(struct kafka_settings *settings,
                         const struct starttap_output_options *options, kafka_property *set,
                         void *conf, char *why, size_t why_size)
{
    const char *file, *compression;

    if (!options_check(options, rules, sizeof(rules) / sizeof(rules[0]), why, why_size) ||
        !target_decode(settings, options->target, set, conf, why, why_size))
        return false;
    compression = option_text(options, "compression");
    if (compression && !set(conf, "compression.type", compression, why, why_size))
        return false;
    for (size_t i = 0; i < sizeof(topic_options) / sizeof(topic_options[0]); i++) {
        const char *topic = option_text(options, topic_options[i]);

        if (topic && !topic_decode(settings->topics[i], topic, why, why_size))
            return false;
    }
    file = option_text(options, "conf_file");
    if (file && !file_read(file, set, conf, why, why_size))
        return false;
    for (size_t i = 0; i < options->option_count; i++) {
        const char *name = options->options[i].name;

        if (strncmp(name, PROPERTY, strlen(PROPERTY)) != 0)
            continue;
        name += strlen(PROPERTY);
        if (is_secret(name)) {
            snprintf(why, why_size, "%s belongs into the file of conf_file=, not here", name);
            return false;
        }
        if (!set(conf, name, options->options[i].value, why, why_size))
            return false;
    }
    return true;
}

const char *kafka_settings_topic(const struct kafka_settings *settings, uint8_t dataset)
{
    return settings->topics[dataset < 4 ? dataset : 0];
}
