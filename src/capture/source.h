/* SPDX-License-Identifier: Apache-2.0
 * source.h - the bytes of one file, unpacked if it is compressed. Knows nothing of captures.
 *
 * A file that grows can be read on: 0 means that there is nothing now, and `unfinished` that this
 * cannot be the end.
 */
#ifndef SOURCE_H
#define SOURCE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct source;

/* A compression. Each lives in its own file and reads by source_stored(). */
struct codec {
    const char *name;
    void *(*new)(void); /* NULL: out of memory */
    void (*free)(void *state);
    ssize_t (*read)(struct source *source, uint8_t *to, size_t cap); /* as source_read() */
};
extern const struct codec codec_gzip, codec_zstd;

struct source {
    int fd;
    bool live;                 /* a pipe or terminal: reading may wait, and there is no size */
    const atomic_bool *stop;   /* waiting ends when it becomes true; may be NULL */
    uint64_t stored;           /* bytes read from the file */
    uint64_t size;             /* of the file as stored; 0 if unknown */
    size_t held;               /* of them, not yet unpacked when an error was met */
    bool unfinished;           /* with a result of 0: the compressed data goes on */
    const char *error;         /* with a result of -1; a constant */
    int error_number;          /* errno if it was the system's, else 0 */
    bool decided;              /* the first bytes were looked at */
    const struct codec *codec; /* NULL: not compressed */
    void *state;               /* the codec's */
    uint8_t head[4];           /* the first bytes, until they are handed on */
    size_t head_len, head_at;
};

/* "-" is standard input. False: errno says why. */
bool source_open(struct source *source, const char *path, const atomic_bool *stop);
void source_close(struct source *source); /* accepts one that failed to open */

/* At least one byte unless there is none now (0) or an error (-1). */
__attribute__((warn_unused_result)) ssize_t source_read(struct source *source, uint8_t *to,
                                                        size_t cap);

/* Reading would not wait. */
bool source_ready(const struct source *source);

/* For codecs: bytes as stored, with the result of source_read(). */
ssize_t source_stored(struct source *source, uint8_t *to, size_t cap);

#endif
