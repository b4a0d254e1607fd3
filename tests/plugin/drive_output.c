/* SPDX-License-Identifier: Apache-2.0
 * drive_output.c - an output plugin without the program around it, for its tests.
 *
 *   drive_output KIND TARGET [NAME=VALUE...] [--batch N] [--wait MS] [--tries N] [--pause MS]
 *                [--check] < LINES
 *
 * Each line of the input is a message: "ID KEY DATASET SEVERITY LINE" with - for an empty id or
 * key. They are handed over in batches as the host would, what is left again and again; after each
 * call a line "delivered refused failed why" is printed. Exit status 0: all dealt with; 1: not
 * within the tries; 2: refused by check() or open().
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "doors.h"

#define MOST 2000000

static struct starttap_message *messages;
static size_t message_count;

static void log_line(int level, const char *line) { fprintf(stderr, "log %d %s\n", level, line); }

static char *cut(char **rest)
{
    char *word = *rest, *space = strchr(word, ' ');

    if (space)
        *space = '\0';
    *rest = space ? space + 1 : word + strlen(word);
    return word;
}

static void read_messages(void)
{
    char *line = NULL;
    size_t room = 0;
    ssize_t len;

    messages = calloc(MOST, sizeof(*messages));
    while (messages && message_count < MOST && (len = getline(&line, &room, stdin)) > 0) {
        struct starttap_message *message = &messages[message_count++];
        char *rest;

        if (line[len - 1] == '\n')
            line[--len] = '\0';
        rest = line;
        message->id = cut(&rest);
        message->key = cut(&rest);
        message->dataset = (uint8_t)strtoul(cut(&rest), NULL, 10);
        message->severity = (uint8_t)strtoul(cut(&rest), NULL, 10);
        message->id = strcmp(message->id, "-") == 0 ? "" : message->id;
        message->key = strcmp(message->key, "-") == 0 ? "" : message->key;
        message->bytes = rest;
        message->len = strlen(rest);
        message->time_us = INT64_C(1777852800123456) + (int64_t)message_count;
        line = NULL; /* kept: the message points into it */
        room = 0;
    }
    free(line);
}

static const struct starttap_output *find(const char *kind)
{
    for (const struct door_built_in *row = outputs_built_in; row->kind; row++)
        if (strcmp(row->kind, kind) == 0)
            return row->open ? row->open() : NULL;
    return NULL;
}

static int drive(const struct starttap_output *door, void *self, size_t batch, unsigned wait_ms,
                 unsigned tries, unsigned pause_ms)
{
    struct timespec rest = { .tv_sec = 0 };
    size_t from = 0;

    while (from < message_count && tries > 0) {
        struct starttap_sent sent = { .delivered = 0 };
        size_t count = 0, bytes = 0;

        for (; from + count < message_count && count < batch; count++) {
            bytes += messages[from + count].len;
            if (count && door->most_bytes && bytes > door->most_bytes)
                break;
        }
        door->send(self, messages + from, count, wait_ms, &sent);
        printf("%zu %zu %d %s\n", sent.delivered, sent.refused, sent.failed, sent.why);
        fflush(stdout);
        if (sent.delivered > count || sent.refused > sent.delivered ||
            (sent.delivered == count && sent.failed))
            abort();
        from += sent.delivered;
        tries -= sent.failed;
        rest.tv_nsec = 1000000L * (sent.failed ? 100 : pause_ms);
        nanosleep(&rest, NULL);
    }
    return from < message_count;
}

int main(int argc, char **argv)
{
    struct starttap_output_option given[64];
    struct starttap_output_options options = { .size = sizeof(options),
                                               .format = "ecs",
                                               .sensor = "tap.example.net",
                                               .options = given,
                                               .log = log_line };
    const struct starttap_output *door = argc > 2 ? find(argv[1]) : NULL;
    size_t batch = 0;
    unsigned wait_ms = 10000, tries = 100, pause_ms = 0;
    bool check_only = false;
    char why[256] = "";
    void *self;
    int status;

    if (!door) {
        fprintf(stderr, "no such output\n");
        return 77;
    }
    batch = door->most_messages ? door->most_messages : 512;
    options.target = argv[2];
    options.max_bytes = door->max_bytes;
    for (int i = 3; i < argc; i++) {
        char *equals = strchr(argv[i], '=');

        if (strcmp(argv[i], "--check") == 0)
            check_only = true;
        else if (strcmp(argv[i], "--batch") == 0 && i + 1 < argc)
            batch = strtoul(argv[++i], NULL, 10);
        else if (strcmp(argv[i], "--wait") == 0 && i + 1 < argc)
            wait_ms = (unsigned)strtoul(argv[++i], NULL, 10);
        else if (strcmp(argv[i], "--tries") == 0 && i + 1 < argc)
            tries = (unsigned)strtoul(argv[++i], NULL, 10);
        else if (strcmp(argv[i], "--pause") == 0 && i + 1 < argc)
            pause_ms = (unsigned)strtoul(argv[++i], NULL, 10);
        else if (equals && options.option_count < 64) {
            *equals = '\0';
            if (strcmp(argv[i], "max_bytes") == 0)
                options.max_bytes = strtoul(equals + 1, NULL, 10);
            else if (strcmp(argv[i], "format") == 0)
                options.format = equals + 1;
            else
                given[options.option_count++] =
                    (struct starttap_output_option){ argv[i], equals + 1 };
        }
    }
    signal(SIGPIPE, SIG_IGN); /* as the host does */
    if (!door->check(&options, why, sizeof(why))) {
        fprintf(stderr, "check: %s\n", why);
        return 2;
    }
    if (check_only)
        return 0;
    self = door->open(&options, why, sizeof(why));
    if (!self) {
        fprintf(stderr, "open: %s\n", why);
        return 2;
    }
    read_messages();
    status = drive(door, self, batch, wait_ms, tries, pause_ms);
    door->close(self);
    for (size_t i = 0; i < message_count; i++)
        free((void *)(uintptr_t)messages[i].id);
    free(messages);
    return status;
}
