/* SPDX-License-Identifier: Apache-2.0
 * live.c - polls the interfaces and copies what came into the block.
 *
 * Not here yet: several readers (PACKET_FANOUT), a filter in the kernel.
 */
#include "live.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "clock.h"
#include "log.h"

#define LIVE_POLL_MS 100
#define LIVE_RETRY_NS NS_PER_S
/* Packets may wait in the ring for this long: the silent clock stays so far behind. */
#define LIVE_BEHIND_NS (200 * NS_PER_MS)

struct line { /* one interface */
    const char *name;
    struct libpcap_live *pcap; /* NULL while it is away */
    struct frame pending;      /* taken, and there was no room in the block */
    bool has_pending;
    uint64_t number;
    int64_t retry_ns;
    uint64_t kernel_drops, interface_drops; /* of earlier times that it was open */
};

struct live {
    struct libpcap_live_options options;
    size_t count;
    struct line lines[];
};

static int64_t now_ns(void)
{
    struct timespec now;
    return clock_gettime(CLOCK_REALTIME, &now) == 0 ? now.tv_sec * NS_PER_S + now.tv_nsec : 0;
}

struct live *live_new(const char *const *names, size_t count, const struct capture_options *options)
{
    struct live *live = calloc(1, sizeof *live + count * sizeof(struct line));
    if (live == NULL) {
        log_error("out of memory");
        return NULL;
    }
    live->options =
        (struct libpcap_live_options){ .snaplen = options->snaplen, .ring = options->ring };
    live->count = count;
    for (size_t i = 0; i < count; i++) {
        char why[256];
        live->lines[i].name = names[i];
        live->lines[i].pcap = libpcap_live_new(names[i], &live->options, why, sizeof why);
        if (live->lines[i].pcap == NULL) {
            log_error("%s: cannot be watched: %s", names[i], why);
            live_free(live);
            return NULL;
        }
    }
    return live;
}

void live_free(struct live *live)
{
    if (live == NULL)
        return;
    for (size_t i = 0; i < live->count; i++)
        libpcap_live_free(live->lines[i].pcap);
    free(live);
}

const char *live_name(const struct live *live, uint32_t file)
{
    return file < live->count ? live->lines[file].name : "";
}

static void add_drops(const struct line *line, uint64_t *kernel, uint64_t *interface)
{
    uint64_t now_kernel = 0, now_interface = 0;
    *kernel += line->kernel_drops;
    *interface += line->interface_drops;
    if (line->pcap == NULL || !libpcap_live_drops(line->pcap, &now_kernel, &now_interface))
        return;
    *kernel += now_kernel;
    *interface += now_interface;
}

void live_count(const struct live *live, struct capture_counters *counters)
{
    for (size_t i = 0; i < live->count; i++)
        add_drops(&live->lines[i], &counters->kernel_drops, &counters->interface_drops);
}

static void line_lost(struct line *line)
{
    uint64_t kernel = 0, interface = 0;
    log_warn("%s: %s; waiting for it", line->name, libpcap_live_error(line->pcap));
    add_drops(line, &kernel, &interface);
    line->kernel_drops = kernel;
    line->interface_drops = interface;
    libpcap_live_free(line->pcap);
    line->pcap = NULL;
    line->has_pending = false;
    line->retry_ns = now_ns() + LIVE_RETRY_NS;
}

static void line_retry(struct live *live, struct line *line)
{
    char why[256];
    if (line->pcap != NULL || now_ns() < line->retry_ns)
        return;
    line->pcap = libpcap_live_new(line->name, &live->options, why, sizeof why);
    if (line->pcap != NULL)
        log_warn("%s: is back", line->name);
    else
        line->retry_ns = now_ns() + LIVE_RETRY_NS;
}

/* False: there is no room in the block; the frame waits. */
static bool add_frame(struct capture *capture, struct block *block, struct line *line)
{
    struct frame *frame = &line->pending;
    struct tally *tally = &capture->tally;
    if (frame->captured > LIMIT_FRAME_BYTES) {
        tally->counters.frames_skipped++;
        return true;
    }
    if (block->count == block->frames_cap || frame->captured > block->cap - block->used)
        return false;
    tally->counters.frames++;
    tally->counters.bytes += frame->captured;
    if (capture->filter != NULL && filter_match(capture->filter, frame) != FILTER_YES)
        return true;
    memcpy(block->bytes + block->used, frame->data, frame->captured);
    frame->data = block->bytes + block->used;
    block->used += frame->captured;
    block->frames[block->count++] = *frame;
    if (frame->time_ns > capture->clock_ns)
        capture->clock_ns = frame->time_ns;
    return true;
}

static void take_line(struct capture *capture, struct block *block, struct line *line,
                      uint32_t index)
{
    while (line->pcap != NULL) {
        enum libpcap_result result =
            line->has_pending ? LIBPCAP_FRAME : libpcap_live_next(line->pcap, &line->pending);
        if (result == LIBPCAP_END)
            return;
        if (result == LIBPCAP_ERROR) {
            line_lost(line);
            return;
        }
        if (!line->has_pending) {
            line->pending.number = ++line->number;
            line->pending.file = line->pending.interface = index;
        }
        line->has_pending = !add_frame(capture, block, line);
        if (line->has_pending)
            return;
    }
}

static int by_time(const void *a, const void *b)
{
    const struct frame *left = a, *right = b;
    if (left->time_ns != right->time_ns)
        return left->time_ns < right->time_ns ? -1 : 1;
    return left->data < right->data ? -1 : left->data > right->data;
}

static void wait_for_frames(const struct live *live)
{
    struct pollfd fds[LIMIT_INTERFACES];
    nfds_t count = 0;
    for (size_t i = 0; i < live->count; i++)
        if (live->lines[i].pcap != NULL)
            fds[count++] = (struct pollfd){ .fd = libpcap_live_descriptor(live->lines[i].pcap),
                                            .events = POLLIN };
    (void)poll(fds, count, LIVE_POLL_MS); /* a signal is as good as a frame */
}

bool live_fill(struct capture *capture, struct block *block)
{
    struct live *live = capture->live;
    block->used = block->count = block->parsed = 0;
    for (int round = 0; round < 2 && block->count == 0; round++) {
        if (run_stopped(capture))
            return false;
        if (round == 1)
            wait_for_frames(live);
        for (size_t i = 0; i < live->count; i++) {
            line_retry(live, &live->lines[i]);
            take_line(capture, block, &live->lines[i], (uint32_t)i);
        }
    }
    if (live->count > 1)
        qsort(block->frames, block->count, sizeof block->frames[0], by_time);
    int64_t silent_ns = now_ns() - LIVE_BEHIND_NS;
    if (block->count == 0 && silent_ns > capture->clock_ns)
        capture->clock_ns = silent_ns;
    block->clock_ns = capture->clock_ns;
    block->sequence = capture->sequence++;
    return true;
}
