/* SPDX-License-Identifier: Apache-2.0
 * output.c - standard output and files.
 */
#include "output.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "log.h"
#include "paragraphs.h"
#include "text_format.h"

struct output {
    struct output_options options;
    FILE *stream;
    char *name; /* for messages */
    bool open;  /* false: the receiver went away, or a write failed */
    bool failed;
    bool headed; /* the heading of the table was written */
    bool follow; /* somebody watches: flush what is ready at once */
    struct paragraphs paragraphs;
};

static FILE *open_file(const char *path)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, S_IRUSR | S_IWUSR | S_IRGRP);
    FILE *stream = fd < 0 ? NULL : fdopen(fd, "a");
    if (stream == NULL) {
        log_error("%s: cannot be written: %s", path, strerror(errno));
        if (fd >= 0)
            close(fd);
    }
    return stream;
}

struct output *output_open(const char *spec, const struct output_options *options)
{
    static const char file[] = "file:";
    struct output *output = calloc(1, sizeof *output);
    if (output == NULL)
        return NULL;
    output->options = *options;
    bool is_file = strncmp(spec, file, sizeof file - 1) == 0;
    output->name = strdup(is_file ? spec + sizeof file - 1 : "standard output");
    output->stream = is_file ? open_file(spec + sizeof file - 1) : stdout;
    if (output->stream == NULL || output->name == NULL) {
        free(output->name);
        free(output);
        return NULL;
    }
    output->open = true;
    output->follow = options->at_once || isatty(fileno(output->stream)) == 1;
    return output;
}

static void give_up(struct output *output)
{
    if (!output->open)
        return;
    output->open = false;
    if (errno == EPIPE)
        return;
    output->failed = true;
    log_error("%s: cannot be written: %s", output->name, strerror(errno));
}

static void put(struct output *output, const char *bytes, size_t len)
{
    if (output->open && len > 0 && fwrite(bytes, 1, len, output->stream) != len)
        give_up(output);
}

static void write_ecs(struct output *output, const struct event *event, uint64_t sequence)
{
    char number[40];
    int len = snprintf(number, sizeof number, "\"sequence\":%llu,", (unsigned long long)sequence);
    const char *body = event->body[FORMAT_ECS];
    put(output, body, event->sequence_at);
    put(output, number, (size_t)len);
    put(output, body + event->sequence_at, event->len[FORMAT_ECS] - event->sequence_at);
    put(output, "\n", 1);
}

static void write_lines(struct output *output, const struct event *event)
{
    enum event_format format = output->options.format;
    put(output, event->body[format], event->len[format]);
    put(output, "\n", 1);
}

static void put_text(void *to, const char *text, size_t len) { put(to, text, len); }

static void write_text(struct output *output, const struct event *event)
{
    if (!output->headed)
        put(output, text_heading(), strlen(text_heading()));
    output->headed = true;
    if (!paragraphs_continue(&output->paragraphs, event))
        paragraphs_flush(&output->paragraphs, put_text, output);
    if (event->key.dataset != DATASET_FINDING || !paragraphs_hold(&output->paragraphs, event))
        put(output, event->body[FORMAT_TEXT], event->len[FORMAT_TEXT]);
}

void output_write(struct output *output, const struct event *event, uint64_t sequence)
{
    if ((output->options.datasets & 1u << event->key.dataset) == 0 ||
        event->body[output->options.format] == NULL)
        return;
    if (output->options.format == FORMAT_ECS)
        write_ecs(output, event, sequence);
    else if (output->options.format == FORMAT_TEXT)
        write_text(output, event);
    else
        write_lines(output, event);
}

void output_flush(struct output *output)
{
    paragraphs_flush(&output->paragraphs, put_text, output);
    if (output->open && output->follow && fflush(output->stream) != 0)
        give_up(output);
}

bool output_is_open(const struct output *output) { return output->open; }

bool output_close(struct output *output)
{
    if (output == NULL)
        return true;
    bool standard = output->stream == stdout;
    paragraphs_flush(&output->paragraphs, put_text, output);
    if (output->open && (standard ? fflush(output->stream) : fclose(output->stream)) != 0)
        give_up(output);
    else if (!output->open && !standard)
        fclose(output->stream);
    bool ok = !output->failed;
    free(output->name);
    free(output);
    return ok;
}
