/* SPDX-License-Identifier: Apache-2.0
 * source.c - plain files, and the choice of a compression by the first bytes.
 */
#include "source.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define STOP_POLL_MS 200

static const struct {
    const struct codec *codec;
    uint8_t magic[4];
    uint8_t mask[4];
} codecs[] = {
    { &codec_gzip, { 0x1f, 0x8b }, { 0xff, 0xff } },                         /* RFC 1952 */
    { &codec_zstd, { 0x28, 0xb5, 0x2f, 0xfd }, { 0xff, 0xff, 0xff, 0xff } }, /* RFC 8878 */
    { &codec_zstd, { 0x50, 0x2a, 0x4d, 0x18 }, { 0xf0, 0xff, 0xff, 0xff } }, /* skippable frame */
};

bool source_open(struct source *source, const char *path, const atomic_bool *stop)
{
    *source = (struct source){ .fd = -1, .stop = stop };
    source->fd = strcmp(path, "-") == 0 ? dup(STDIN_FILENO) : open(path, O_RDONLY | O_CLOEXEC);
    if (source->fd < 0)
        return false;

    struct stat status;
    if (fstat(source->fd, &status) != 0 || S_ISDIR(status.st_mode)) {
        errno = S_ISDIR(status.st_mode) ? EISDIR : errno;
        source_close(source);
        return false;
    }
    source->live = !S_ISREG(status.st_mode);
    if (!source->live) {
        source->size = (uint64_t)status.st_size;
        (void)posix_fadvise(source->fd, 0, 0, POSIX_FADV_SEQUENTIAL);
    }
    return true;
}

void source_close(struct source *source)
{
    if (source->codec != NULL)
        source->codec->free(source->state);
    if (source->fd >= 0)
        close(source->fd);
    *source = (struct source){ .fd = -1 };
}

static bool stopped(const struct source *source) { return source->stop != NULL && *source->stop; }

bool source_ready(const struct source *source)
{
    struct pollfd wanted = { .fd = source->fd, .events = POLLIN };
    return !source->live || poll(&wanted, 1, 0) != 0;
}

/* Waits in steps, because a signal may set *stop just before read() goes to sleep. */
static bool wait_for_bytes(const struct source *source)
{
    struct pollfd wanted = { .fd = source->fd, .events = POLLIN };
    while (!stopped(source))
        if (poll(&wanted, 1, STOP_POLL_MS) > 0)
            return true;
    return false;
}

static ssize_t read_file(struct source *source, uint8_t *to, size_t cap)
{
    for (;;) {
        if (source->live && !wait_for_bytes(source))
            return 0;
        ssize_t n = read(source->fd, to, cap);
        if (n >= 0) {
            source->stored += (uint64_t)n;
            return n;
        }
        if (errno == EINTR || errno == EAGAIN)
            continue;
        source->error = "cannot be read";
        source->error_number = errno;
        return -1;
    }
}

ssize_t source_stored(struct source *source, uint8_t *to, size_t cap)
{
    size_t held = source->head_len - source->head_at;
    if (held == 0)
        return read_file(source, to, cap);

    size_t n = held < cap ? held : cap;
    memcpy(to, source->head + source->head_at, n);
    source->head_at += n;
    return (ssize_t)n;
}

static bool magic_matches(const uint8_t *bytes, const uint8_t *magic, const uint8_t *mask)
{
    for (size_t i = 0; i < 4; i++)
        if ((bytes[i] & mask[i]) != magic[i])
            return false;
    return true;
}

/* 1: decided; 0: too few bytes as yet; -1: an error. */
static int decide(struct source *source)
{
    while (source->head_len < sizeof source->head) {
        ssize_t n = read_file(source, source->head + source->head_len,
                              sizeof source->head - source->head_len);
        if (n <= 0)
            return (int)n;
        source->head_len += (size_t)n;
    }
    for (size_t i = 0; i < sizeof codecs / sizeof codecs[0]; i++)
        if (magic_matches(source->head, codecs[i].magic, codecs[i].mask)) {
            source->state = codecs[i].codec->new ();
            if (source->state == NULL) {
                source->error = "out of memory for unpacking";
                return -1;
            }
            source->codec = codecs[i].codec;
            break;
        }
    source->decided = true;
    return 1;
}

ssize_t source_read(struct source *source, uint8_t *to, size_t cap)
{
    source->unfinished = false;
    if (!source->decided) {
        int result = decide(source);
        if (result <= 0) {
            source->unfinished = source->head_len > 0;
            return result;
        }
    }
    if (source->codec != NULL)
        return source->codec->read(source, to, cap);
    return source_stored(source, to, cap);
}
