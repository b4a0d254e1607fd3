/* SPDX-License-Identifier: Apache-2.0
 * spool_open.c - the memory of a spool, and taking over what a run before left. Nothing of what
 * lies on disk is believed: it may be cut, torn or anybody's.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "log.h"
#include "spool_parts.h"

static const char magic[16] = "starttap spool1";
enum { LOCK_TRIES = 60, LOCK_PAUSE_MS = 50 };

static bool fail(char *why, size_t why_size, const char *what, const char *name)
{
    (void)snprintf(why, why_size, "%s: %s%s%s", name, what, errno != 0 ? ": " : "",
                   errno != 0 ? strerror(errno) : "");
    return false;
}

/* --- the file --- */

/* The sender of a run that was killed may hold it for a moment more. */
static bool lock(struct spool *spool, const char *folder, char *why, size_t why_size)
{
    char path[4096];
    (void)snprintf(path, sizeof path, "%s/lock", folder);
    spool->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, S_IRUSR | S_IWUSR);
    if (spool->lock < 0)
        return fail(why, why_size, "cannot be opened", path);
    struct timespec pause = { .tv_nsec = LOCK_PAUSE_MS * 1000000L };
    for (int i = 0; i < LOCK_TRIES; i++) {
        if (flock(spool->lock, LOCK_EX | LOCK_NB) == 0)
            return true;
        nanosleep(&pause, NULL);
    }
    errno = 0;
    return fail(why, why_size, "another run uses this spool", folder);
}

static bool is_head(const struct head *head, off_t size)
{
    return memcmp(head->magic, magic, sizeof magic) == 0 && head->slot_count == LIMIT_SPOOL_SLOTS &&
           head->slot_bytes % 4096 == 0 && head->slot_bytes > 0 &&
           (uint64_t)head->slot_bytes * head->slot_count <= LIMIT_SPOOL_MOST_BYTES && size > 0;
}

/* What is there keeps its size; what is no spool is put aside. */
static bool look_at_old(struct spool *spool, const char *path)
{
    struct head head;
    struct stat stat;
    if (fstat(spool->file, &stat) != 0 || stat.st_size == 0)
        return true;
    if (pread(spool->file, &head, sizeof head, 0) == (ssize_t)sizeof head &&
        is_head(&head, stat.st_size)) {
        uint64_t whole = HEAD_BYTES + (uint64_t)head.slot_bytes * head.slot_count;
        if ((uint64_t)stat.st_size < whole) /* it is taken as a whole: somebody cut it */
            spool->damaged += whole - (uint64_t)stat.st_size;
        if (head.slot_bytes != spool->slot_bytes)
            log_warn(
                "%s: it keeps the size that it was made with, %llu MiB (spool_size); for another "
                "one, remove it when it is empty",
                path, (unsigned long long)(whole >> 20));
        spool->slot_bytes = head.slot_bytes;
        return true;
    }
    char aside[4200];
    (void)snprintf(aside, sizeof aside, "%s.damaged", path);
    log_error("%s: its beginning is damaged; it is kept as %s", path, aside);
    if (rename(path, aside) != 0)
        return false;
    close(spool->file);
    spool->file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, S_IRUSR | S_IWUSR);
    return spool->file >= 0;
}

static bool open_file(struct spool *spool, const char *folder, char *why, size_t why_size)
{
    char path[4096];
    errno = 0;
    if (mkdir(folder, S_IRWXU) != 0 && errno != EEXIST)
        return fail(why, why_size, "cannot be made", folder);
    if (!lock(spool, folder, why, why_size))
        return false;
    (void)snprintf(path, sizeof path, "%s/events", folder);
    spool->file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, S_IRUSR | S_IWUSR);
    if (spool->file < 0 || !look_at_old(spool, path))
        return fail(why, why_size, "cannot be opened", path);
    spool->map_len = HEAD_BYTES + (size_t)spool->slot_bytes * spool->slot_count;
    /* All of it now: a page that the disk has no room for later would end the program. */
    errno = posix_fallocate(spool->file, 0, (off_t)spool->map_len);
    return errno == 0 || fail(why, why_size, "the disk has no room for it", path);
}

/* --- what is in it --- */

/* How many bytes of records are good; the first bad one ends it. */
static uint32_t good_bytes(struct spool *spool, struct slot *slot, uint32_t written)
{
    struct record record;
    uint32_t at = 0;
    for (; record_read(slot, at, written, &record, NULL); at += record.size)
        if (record.sequence >= spool->next_sequence)
            spool->next_sequence = record.sequence + 1;
    return at;
}

static void take_over(struct spool *spool, uint32_t index)
{
    struct slot *slot = slot_at(spool, index);
    uint32_t state = atomic_load(&slot->state), written = atomic_load(&slot->written);
    uint32_t done = atomic_load(&slot->done), lane = atomic_load(&slot->lane);
    uint64_t number = atomic_load(&slot->number);
    if (state == SLOT_FREE)
        return;
    bool sound = lane < LANE_COUNT && slot->check == slot_check(slot) &&
                 written <= slot_room(spool) && number < UINT64_MAX / 2;
    uint32_t good = sound ? good_bytes(spool, slot, written) : 0;
    if (sound && good < written)
        spool->damaged += written - good;
    if (!sound && state <= SLOT_GOING)
        spool->damaged += written <= slot_room(spool) ? written : slot_room(spool);
    if (!sound || state > SLOT_PINNED || done >= good) {
        atomic_store(&slot->state, SLOT_FREE);
        return;
    }
    if (number >= spool->next_number)
        spool->next_number = number + 1;
    atomic_store(&slot->written, good);
    atomic_store(&slot->sealed, 1);
    atomic_store(&slot->state, SLOT_READY);
    int active = spool->active[lane];
    if (active < 0 || atomic_load(&slot_at(spool, (uint32_t)active)->number) < number)
        spool->active[lane] = (int)index;
}

/* `done` must be the beginning of a record; else all of the slot is sent again. */
static void align(struct spool *spool, uint32_t index)
{
    struct slot *slot = slot_at(spool, index);
    struct record record;
    uint32_t at = 0, done = atomic_load(&slot->done), written = atomic_load(&slot->written);
    if (atomic_load(&slot->state) != SLOT_READY)
        return;
    while (at < done && record_read(slot, at, written, &record, NULL))
        at += record.size;
    if (at != done)
        atomic_store(&slot->done, 0);
}

static void recover(struct spool *spool)
{
    for (uint32_t i = 0; i < spool->slot_count; i++) {
        take_over(spool, i);
        align(spool, i);
    }
    /* The newest slot of each lane is written on, so that many short runs do not fill the spool. */
    for (int lane = 0; lane < LANE_COUNT; lane++)
        if (spool->active[lane] >= 0)
            atomic_store(&slot_at(spool, (uint32_t)spool->active[lane])->sealed, 0);
    atomic_store(&spool->head->end, spool->next_sequence);
}

struct spool *spool_open(const char *folder, uint64_t bytes, char *why, size_t why_size)
{
    struct spool *spool = calloc(1, sizeof *spool);
    errno = 0;
    if (spool == NULL) {
        (void)fail(why, why_size, "out of memory", "spool");
        return NULL;
    }
    spool->file = spool->lock = -1;
    spool->slot_count = LIMIT_SPOOL_SLOTS;
    spool->slot_bytes = (uint32_t)(bytes / LIMIT_SPOOL_SLOTS) & ~4095u;
    for (int lane = 0; lane < LANE_COUNT; lane++)
        spool->active[lane] = -1;
    if (folder != NULL && !open_file(spool, folder, why, why_size))
        goto bad;
    spool->map_len = HEAD_BYTES + (size_t)spool->slot_bytes * spool->slot_count;
    int flags = folder != NULL ? MAP_SHARED : MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE;
    void *map = mmap(NULL, spool->map_len, PROT_READ | PROT_WRITE, flags, spool->file, 0);
    if (map == MAP_FAILED) {
        (void)fail(why, why_size, "cannot be mapped", folder != NULL ? folder : "spool");
        goto bad;
    }
    spool->map = map;
    spool->head = map;
    recover(spool);
    memcpy(spool->head->magic, magic, sizeof magic);
    spool->head->slot_count = spool->slot_count;
    spool->head->slot_bytes = spool->slot_bytes;
    return spool;

bad:
    spool_close(spool);
    return NULL;
}

void spool_close(struct spool *spool)
{
    if (spool == NULL)
        return;
    if (spool->map != NULL)
        munmap(spool->map, spool->map_len);
    if (spool->file >= 0)
        close(spool->file);
    if (spool->lock >= 0)
        close(spool->lock);
    free(spool);
}
