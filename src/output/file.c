/* SPDX-License-Identifier: Apache-2.0
 * file.c - appending to a file, and putting it aside.
 */
#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "limits.h"
#include "quantity.h"
#include "rotate.h"
#include "suggest.h"

struct file {
    int fd;
    char *path; /* NULL: standard output */
    bool regular, lines, gone, reopen;
    bool stuck; /* it could not be put aside, which was said */
    uint64_t size;
    int64_t begun_s; /* the interval it belongs to began then or later */
    uint64_t rotate_size, rotate_interval_s, rotate_keep;
    size_t halfway; /* bytes of the next message that are written already */
    void (*log)(int level, const char *line);
};

static const struct {
    const char *name;
    const struct quantity_unit *units;
    size_t offset;
    uint64_t least;
    const char *wanted;
} rows[] = {
    { "rotate_size", quantity_sizes, offsetof(struct file, rotate_size), 1,
      "a size such as 100MiB" },
    { "rotate_interval", quantity_times, offsetof(struct file, rotate_interval_s), 1,
      "a time such as 1h" },
    { "rotate_keep", quantity_counts, offsetof(struct file, rotate_keep), 1, "a number" },
};
enum { ROWS = sizeof rows / sizeof rows[0] };

/* --- options --- */

static bool take_option(struct file *file, const struct starttap_output_option *option, char *why,
                        size_t why_size)
{
    struct suggest suggest;
    suggest_init(&suggest, option->name);
    for (size_t i = 0; i < ROWS; i++) {
        suggest_add(&suggest, rows[i].name);
        if (strcmp(rows[i].name, option->name) != 0)
            continue;
        uint64_t *member = (uint64_t *)(void *)((char *)file + rows[i].offset);
        if (quantity_read(option->value, rows[i].units, member) && *member >= rows[i].least)
            return true;
        (void)snprintf(why, why_size, "%s: found \"%s\", wanted is %s", option->name, option->value,
                       rows[i].wanted);
        return false;
    }
    const char *best = suggest_best(&suggest);
    (void)snprintf(why, why_size, "a file has no option \"%s\"%s%s%s", option->name,
                   best != NULL ? "; did you mean " : "", best != NULL ? best : "",
                   best != NULL ? "?" : "");
    return false;
}

static bool take_options(struct file *file, const struct starttap_output_options *options,
                         char *why, size_t why_size)
{
    for (size_t i = 0; i < options->option_count; i++)
        if (!take_option(file, &options->options[i], why, why_size))
            return false;
    if (file->rotate_keep > 0 && file->rotate_size == 0 && file->rotate_interval_s == 0) {
        (void)snprintf(why, why_size, "rotate_keep needs rotate_size or rotate_interval");
        return false;
    }
    return true;
}

static bool check(const struct starttap_output_options *options, char *why, size_t why_size)
{
    struct file file = { 0 };
    return take_options(&file, options, why, why_size);
}

static bool check_standard(const struct starttap_output_options *options, char *why,
                           size_t why_size)
{
    if (options->option_count == 0)
        return true;
    (void)snprintf(why, why_size, "standard output has no option \"%s\"", options->options[0].name);
    return false;
}

/* --- opening --- */

static int64_t now_s(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return now.tv_sec;
}

static void look_at(struct file *file)
{
    struct stat stat;
    bool known = fstat(file->fd, &stat) == 0;
    file->regular = known && S_ISREG(stat.st_mode);
    file->size = file->regular ? (uint64_t)stat.st_size : 0;
    file->begun_s = file->size > 0 ? stat.st_mtim.tv_sec : now_s();
}

/* Another program, or we, died in the middle of a line: what follows must not become part of it. */
static void end_line(struct file *file)
{
    char last = '\n';
    int fd = file->size > 0 && file->lines ? open(file->path, O_RDONLY | O_CLOEXEC) : -1;
    if (fd < 0)
        return;
    if (pread(fd, &last, 1, (off_t)file->size - 1) == 1 && last != '\n' &&
        write(file->fd, "\n", 1) == 1)
        file->size++;
    close(fd);
}

static bool open_path(struct file *file)
{
    int fd =
        open(file->path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, S_IRUSR | S_IWUSR | S_IRGRP);
    if (fd < 0)
        return false;
    if (file->fd >= 0)
        close(file->fd);
    file->fd = fd;
    look_at(file);
    end_line(file);
    return true;
}

static void close_file(void *self)
{
    struct file *file = self;
    if (file == NULL)
        return;
    if (file->halfway > 0 && file->regular)
        (void)!ftruncate(file->fd, (off_t)(file->size - file->halfway));
    if (file->path != NULL && file->fd >= 0)
        close(file->fd);
    free(file->path);
    free(file);
}

static struct file *file_new(const struct starttap_output_options *options)
{
    struct file *file = calloc(1, sizeof *file);
    if (file != NULL) {
        file->fd = -1;
        file->lines = strcmp(options->format, "text") != 0;
        file->log = options->log;
    }
    return file;
}

static void *open_standard(const struct starttap_output_options *options, char *why,
                           size_t why_size)
{
    struct file *file = file_new(options);
    if (file == NULL) {
        (void)snprintf(why, why_size, "out of memory");
        return NULL;
    }
    file->fd = STDOUT_FILENO;
    look_at(file);
    return file;
}

static void *open_file(const struct starttap_output_options *options, char *why, size_t why_size)
{
    struct file *file = file_new(options);
    if (file == NULL || (file->path = strdup(options->target)) == NULL) {
        (void)snprintf(why, why_size, "out of memory");
        close_file(file);
        return NULL;
    }
    if (take_options(file, options, why, why_size)) {
        if (open_path(file))
            return file;
        (void)snprintf(why, why_size, "cannot be written: %s", strerror(errno));
    }
    close_file(file);
    return NULL;
}

/* --- writing --- */

static void complain(const struct file *file, const char *what)
{
    char line[256];
    (void)snprintf(line, sizeof line, "%s: %s", what, strerror(errno));
    file->log(0, line);
}

/* Between two lines only. */
static void change_file(struct file *file, uint64_t more)
{
    bool grown = file->rotate_size > 0 && file->size + more > file->rotate_size;
    int64_t interval = (int64_t)file->rotate_interval_s;
    bool over = interval > 0 && now_s() / interval != file->begun_s / interval;
    if (file->path == NULL || file->halfway > 0 || !file->regular)
        return;
    if (file->size > 0 && (grown || over)) {
        bool done = rotate_aside(file->path, file->rotate_keep);
        if (!done && !file->stuck) /* tried before each batch, said once */
            complain(file, "cannot be put aside, so it grows");
        file->stuck = !done;
        file->reopen = file->reopen || done;
    }
    if (!file->reopen)
        return;
    file->reopen = false;
    if (!open_path(file))
        complain(file, "cannot be opened again, so the old file is written on");
}

/* How many messages go into one write: to the end of the file's size, at least one. */
static size_t fill(const struct file *file, const struct starttap_message *messages, size_t count,
                   struct iovec *vectors, size_t *vector_count, size_t *bytes)
{
    static char newline[] = "\n";
    size_t taken = 0, skip = file->halfway, used = 0;
    *bytes = 0;
    for (; taken < count && taken < LIMIT_OUTPUT_BATCH; taken++) {
        const struct starttap_message *message = &messages[taken];
        size_t len = message->len + (file->lines ? 1 : 0);
        if (taken > 0 && file->rotate_size > 0 && file->size + *bytes + len > file->rotate_size)
            break;
        *bytes += len - skip;
        if (skip < message->len)
            vectors[used++] =
                (struct iovec){ .iov_base = (char *)(uintptr_t)(message->bytes + skip),
                                .iov_len = message->len - skip };
        if (file->lines)
            vectors[used++] = (struct iovec){ .iov_base = newline, .iov_len = 1 };
        skip = 0;
    }
    *vector_count = used;
    return taken;
}

/* Which of the messages are out, and how far the next one is. */
static size_t settle(struct file *file, const struct starttap_message *messages, size_t written)
{
    size_t done = 0;
    file->size += written;
    written += file->halfway;
    for (;; done++) {
        size_t len = messages[done].len + (file->lines ? 1 : 0);
        if (written < len)
            break;
        written -= len;
        if (written == 0) {
            done++;
            break;
        }
    }
    file->halfway = written;
    return done;
}

static void send(void *self, const struct starttap_message *messages, size_t count,
                 unsigned wait_ms, struct starttap_sent *sent)
{
    struct file *file = self;
    (void)wait_ms;
    while (sent->delivered < count) {
        struct iovec vectors[2 * LIMIT_OUTPUT_BATCH];
        size_t used, bytes;
        const struct starttap_message *next = &messages[sent->delivered];
        change_file(file, next->len + 1);
        (void)fill(file, next, count - sent->delivered, vectors, &used, &bytes);
        ssize_t written = writev(file->fd, vectors, (int)used);
        if (written < 0 && errno == EINTR)
            continue;
        if (written > 0)
            sent->delivered += settle(file, next, (size_t)written);
        if (written < 0 || (size_t)written < bytes) {
            if (written >= 0) /* the next write tells why */
                continue;
            file->gone = errno == EPIPE;
            sent->failed = true;
            (void)snprintf(sent->why, sizeof sent->why, "cannot be written: %s", strerror(errno));
            return;
        }
    }
}

void file_reopen(void *self) { ((struct file *)self)->reopen = true; }
bool file_is_gone(const void *self) { return ((const struct file *)self)->gone; }
bool file_is_watched(const void *self) { return isatty(((const struct file *)self)->fd) == 1; }
bool file_can_wait(const void *self) { return ((const struct file *)self)->regular; }

const struct starttap_output *file_door(void)
{
    static const struct starttap_output door = { .abi = STARTTAP_OUTPUT_ABI,
                                                 .size = sizeof door,
                                                 .kind = "file",
                                                 .help = "a file",
                                                 .most_messages = LIMIT_OUTPUT_BATCH,
                                                 .check = check,
                                                 .open = open_file,
                                                 .send = send,
                                                 .close = close_file };
    return &door;
}

const struct starttap_output *file_door_standard(void)
{
    static const struct starttap_output door = { .abi = STARTTAP_OUTPUT_ABI,
                                                 .size = sizeof door,
                                                 .kind = "-",
                                                 .help = "standard output",
                                                 .most_messages = LIMIT_OUTPUT_BATCH,
                                                 .check = check_standard,
                                                 .open = open_standard,
                                                 .send = send,
                                                 .close = close_file };
    return &door;
}
