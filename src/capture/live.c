/* SPDX-License-Identifier: Apache-2.0
 * live.c - polls an interface and copies what came into the block.
 */
#include "live.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "clock.h"
#include "device.h"
#include "line.h"
#include "log.h"
#include "reader.h"

#define POLL_MS 30
/* The kernel hands packets over in blocks after 20 ms, and the reader has to wake: the silent clock
 * stays so far behind. */
#define BEHIND_NS (80 * NS_PER_MS)
/* After the last packet was let in, at the end of the run and of an interface that is gone, the
 * block that holds it is waited for. The kernel's counters tell when nothing is left; that they
 * come to something else (packets of the moment in which it was opened) does not hold up the end
 * for longer. */
#define ENDING_NS NS_PER_S
/* A ring has at least four blocks, which libpcap makes as large as the largest frame: with few
 * packets one is closed every 20 ms, and a reader may have to wait for its turn that long. */
#define RING_MIN (4 * (uint64_t)LIMIT_FRAME_BYTES)
#define TAG_BYTES 4u
#define LABELS_MOST 16u
/* What a clock has to be set back by. Less is waited for: the clock of a run never falls. */
#define SET_BACK_NS NS_PER_S

struct part { /* what one reader has */
    struct live *live;
    struct capture_filter *filter; /* NULL for none */
    struct line line;
    uint32_t index; /* of the interface */
    int64_t clock_ns;
    int64_t clock_most_ns; /* that a frame can have, where the clock was set back */
    bool was_set_back;
    uint64_t sequence;
    int64_t leaving_ns; /* since when its interface is gone, by that clock; 0: it is there */
    int64_t ending_ns;  /* when it was stopped, by the machine's steady clock; 0: not yet */
    struct capture_counters counters;
    pthread_mutex_t lock;         /* of the line, and of what follows */
    struct capture_counters told; /* the counters as of the last block */
};

struct live {
    struct libpcap_live_options options;
    struct kernel_filter want;
    const atomic_bool *stop; /* may be NULL */
    size_t count;            /* of interfaces */
    struct interface *interfaces;
    unsigned parts_each; /* readers of one interface */
    unsigned part_count;
    struct part *parts;       /* those of the first interface first */
    atomic_llong offset_ns;   /* the most that the machine's clock was ahead of its steady one */
    atomic_llong set_back_ns; /* what it was set back by; 0: it was not. All readers end. */
};

/* --- opening and closing --- */

static bool make_parts(struct live *live, const char *const *names, const char *filter)
{
    for (size_t i = 0; i < live->count; i++) {
        struct interface *interface = &live->interfaces[i];
        interface->name = names[i];
        struct capture_line begin = { 0 };
        device_look(names[i], &begin);
        interface->received = begin.received;
        interface->shared = live->parts_each > 1;
        atomic_init(&interface->given, 0);
        pthread_mutex_init(&interface->lock, NULL);
    }
    for (unsigned p = 0; p < live->part_count; p++) {
        struct part *part = &live->parts[p];
        pthread_mutex_init(&part->lock, NULL);
        part->live = live;
        part->clock_ns = INT64_MIN;
        part->clock_most_ns = INT64_MAX;
        part->index = p / live->parts_each;
        part->line.interface = &live->interfaces[part->index];
        if (filter != NULL && (part->filter = capture_filter_new(filter)) == NULL)
            return false;
    }
    return true;
}

/* One that can match no frame of the interface is a mistake, and a costly one in a run of months.
 */
static bool filter_is_of_use(struct part *part)
{
    return part->filter == NULL ||
           capture_filter_fits(part->filter, libpcap_live_link_type(part->line.pcap));
}

/* All sockets share the packets before the first one takes any. */
static bool open_lines(struct live *live)
{
    char why[512];
    for (int begin = 0; begin < 2; begin++)
        for (unsigned p = 0; p < live->part_count; p++) {
            struct line *line = &live->parts[p].line;
            bool ok = begin ? line_begin(line, &live->want, why, sizeof why)
                            : line_open(line, &live->options, why, sizeof why);
            if (!ok) {
                log_error("%s: cannot be watched: %s", line->interface->name, why);
                return false;
            }
            if (!begin && !filter_is_of_use(&live->parts[p]))
                return false;
        }
    return true;
}

/* In this order: who is interrupted between the two finds it smaller, never larger. */
static int64_t offset_ns(void)
{
    int64_t now_ns = line_now_ns();
    return now_ns - line_steady_ns();
}

struct live *live_new(const char *const *names, size_t count, const struct capture_options *options)
{
    struct live *live = calloc(1, sizeof *live);
    if (live != NULL) {
        live->stop = options->stop;
        live->count = count;
        live->parts_each = options->readers > 0 ? options->readers : 1;
        live->part_count = live->parts_each * (unsigned)count;
        live->interfaces = calloc(count, sizeof *live->interfaces);
        live->parts = calloc(live->part_count, sizeof *live->parts);
    }
    if (live == NULL || live->interfaces == NULL || live->parts == NULL) {
        log_error("out of memory");
        if (live != NULL) {
            free(live->interfaces);
            free(live->parts);
        }
        free(live);
        return NULL;
    }
    atomic_init(&live->offset_ns, offset_ns());
    atomic_init(&live->set_back_ns, 0);
    uint64_t ring = options->ring / live->parts_each;
    if (ring > INT32_MAX)
        log_warn("capture.ring: %llu MiB for each of %u workers is more than the 2048 that libpcap "
                 "takes, so it is 2048",
                 (unsigned long long)(ring >> 20), live->parts_each);
    live->options = (struct libpcap_live_options){ .snaplen = options->snaplen,
                                                   .ring = ring > RING_MIN ? ring : RING_MIN };
    live->want = (struct kernel_filter){ .filter = options->filter,
                                         .ports = options->ports,
                                         .port_count = options->port_count };
    if (!make_parts(live, names, options->filter) || !open_lines(live)) {
        live_free(live);
        return NULL;
    }
    return live;
}

void live_free(struct live *live)
{
    if (live == NULL)
        return;
    for (unsigned p = 0; p < live->part_count; p++) {
        line_close(&live->parts[p].line);
        capture_filter_free(live->parts[p].filter);
    }
    free(live->parts);
    free(live->interfaces);
    free(live);
}

size_t live_lines(struct live *live, struct capture_line *lines, size_t cap)
{
    size_t count = live->count < cap ? live->count : cap;
    for (size_t i = 0; i < count; i++) {
        struct interface *interface = &live->interfaces[i];
        lines[i] = (struct capture_line){ .name = interface->name };
        device_look(interface->name, &lines[i]);
        if (lines[i].counts && lines[i].received >= interface->received)
            lines[i].received -= interface->received; /* made anew it counts from 0 */
        pthread_mutex_lock(&interface->lock);
        if (interface->away > 0)
            lines[i].state = CAPTURE_LINE_AWAY;
        pthread_mutex_unlock(&interface->lock);
    }
    for (unsigned p = 0; p < live->part_count; p++) {
        struct part *part = &live->parts[p];
        if (part->index >= count)
            continue;
        pthread_mutex_lock(&part->lock);
        lines[part->index].frames += part->told.frames;
        pthread_mutex_unlock(&part->lock);
    }
    return count;
}

unsigned live_parts(const struct live *live) { return live->part_count; }

const char *live_name(const struct live *live, uint32_t file)
{
    return file < live->count ? live->interfaces[file].name : "";
}

/* --- counting --- */

static void add_line(const struct line *line, bool first, struct capture_counters *sum)
{
    struct libpcap_counts now = { 0 };
    if (line->pcap != NULL)
        now = libpcap_live_counts(line->pcap);
    sum->kernel_passed += line->earlier.passed + now.passed;
    sum->kernel_drops += line->earlier.dropped + now.dropped;
    if (first) /* every socket is told of all that the interface lost */
        sum->interface_drops += line->earlier.interface_dropped + now.interface_dropped;
}

struct capture_counters live_counters(struct live *live)
{
    struct capture_counters sum = { .live = true };
    for (unsigned p = 0; p < live->part_count; p++) {
        struct part *part = &live->parts[p];
        pthread_mutex_lock(&part->lock);
        sum.frames += part->told.frames;
        sum.bytes += part->told.bytes;
        sum.frames_skipped += part->told.frames_skipped;
        sum.frames_filtered += part->told.frames_filtered;
        sum.frames_over_mtu += part->told.frames_over_mtu;
        sum.frames_vlan += part->told.frames_vlan;
        add_line(&part->line, p % live->parts_each == 0, &sum);
        pthread_mutex_unlock(&part->lock);
    }
    return sum;
}

/* Bytes of VLAN tags in front of the EtherType. */
static uint32_t tags_of(const struct frame *frame, uint32_t type_at)
{
    struct reader r = reader_of(frame->data, frame->captured);
    uint32_t bytes = 0;
    (void)reader_take(&r, type_at);
    for (;; bytes += TAG_BYTES) {
        uint16_t type = reader_u16(&r);
        if (type != 0x8100 && type != 0x88a8 && type != 0x9100)
            return bytes;
        (void)reader_u16(&r);
    }
}

/* With several readers the kernel joins the fragments of IPv4. They had no flag against it, which
 * TCP nearly always has: so a long packet without it says nothing about the network card. */
static bool is_joined(const struct line *line, const struct frame *frame, uint32_t tags)
{
    struct reader r = reader_of(frame->data, frame->captured);
    (void)reader_take(&r, ETHERNET_HEADER - 2 + tags);
    if (!line->interface->shared || reader_u16(&r) != 0x0800)
        return false;
    (void)reader_take(&r, 6);
    return (reader_u8(&r) & 0x40) == 0;
}

/* Bytes of MPLS labels behind the tags (RFC 3032): they too come on top of the MTU. */
static uint32_t labels_of(const struct line *line, const struct frame *frame, uint32_t tags)
{
    struct reader r = reader_of(frame->data, frame->captured);
    uint32_t bytes = 0;
    bool last = false;
    (void)reader_take(&r, line->type_at + tags);
    uint16_t type = reader_u16(&r);
    if (type != 0x8847 && type != 0x8848)
        return 0;
    for (; !last && bytes < LABELS_MOST * TAG_BYTES && reader_ok(&r); bytes += TAG_BYTES) {
        last = (reader_u24(&r) & 1) != 0;
        (void)reader_u8(&r);
    }
    return bytes;
}

static bool is_over_mtu(const struct line *line, const struct frame *frame, uint32_t tags)
{
    uint32_t longest = line->longest + tags;
    return frame->wire > longest && !is_joined(line, frame, tags) &&
           frame->wire > longest + labels_of(line, frame, tags);
}

/* --- one frame --- */

struct taking {
    struct part *part;
    struct block *block;
    bool any;
};

static bool has_room(const struct block *block)
{
    return block->count < block->frames_cap && block->cap - block->used >= LIMIT_FRAME_BYTES;
}

static bool take_frame(void *to, const struct frame *from)
{
    struct taking *taking = to;
    struct part *part = taking->part;
    struct block *block = taking->block;
    struct capture_counters *counters = &part->counters;
    struct frame frame = *from;
    taking->any = true;
    frame.number = line_number(&part->line);
    frame.file = frame.interface = part->index;
    if (frame.captured > LIMIT_FRAME_BYTES) {
        counters->frames_skipped++;
        return true;
    }
    if (frame.time_ns > part->clock_most_ns) /* it waited while the clock was set back */
        frame.time_ns = part->clock_most_ns;
    if (frame.time_ns > part->clock_ns)
        part->clock_ns = frame.time_ns;
    if (part->filter != NULL && capture_filter_match(part->filter, &frame) != FILTER_YES) {
        counters->frames_filtered++;
        return true;
    }
    counters->frames++;
    counters->bytes += frame.captured;
    if (part->line.type_at > 0) {
        uint32_t tags = tags_of(&frame, part->line.type_at);
        counters->frames_vlan += tags > 0;
        counters->frames_over_mtu += is_over_mtu(&part->line, &frame, tags);
    }
    memcpy(block->bytes + block->used, frame.data, frame.captured);
    frame.data = block->bytes + block->used;
    block->used += frame.captured;
    block->frames[block->count++] = frame;
    return has_room(block);
}

/* --- one block --- */

/* When the ring was looked at. Read before the look: this thread may be held up at any place, and
 * what comes in after the look is then older than a clock that is read later. */
struct moment {
    int64_t now_ns, steady_ns;
};

/* The last look at the ring found nothing, and nothing more is let in. */
static bool is_read(struct part *part, int64_t since_ns, const struct moment *looked)
{
    uint64_t left = 0;
    pthread_mutex_lock(&part->lock);
    if (part->line.pcap != NULL) {
        struct libpcap_counts counts = libpcap_live_counts(part->line.pcap);
        uint64_t taken = libpcap_live_taken(part->line.pcap) + counts.dropped;
        left = counts.passed > taken ? counts.passed - taken : 0;
    }
    pthread_mutex_unlock(&part->lock);
    return left == 0 || looked->steady_ns - since_ns > ENDING_NS;
}

/* True if anything came, wanted or not. */
static bool take_line(struct part *part, struct block *block, struct moment *looked)
{
    struct live *live = part->live;
    struct taking taking = { .part = part, .block = block };
    if (part->ending_ns == 0)
        line_retry(&part->line, &live->options, &live->want, &part->lock);
    *looked = (struct moment){ .now_ns = line_now_ns(), .steady_ns = line_steady_ns() };
    if (part->line.pcap == NULL)
        return false;
    enum libpcap_result result = libpcap_live_take(part->line.pcap, take_frame, &taking);
    if (result == LIBPCAP_ERROR && part->leaving_ns == 0)
        part->leaving_ns = line_steady_ns();
    if (part->leaving_ns != 0 && result != LIBPCAP_FRAME && !taking.any &&
        is_read(part, part->leaving_ns, looked)) {
        part->leaving_ns = 0;
        line_lost(&part->line, &part->lock);
    }
    return taking.any;
}

static void wait_for_frames(const struct part *part)
{
    struct pollfd fd = { .fd = -1, .events = POLLIN };
    if (part->line.pcap != NULL)
        fd.fd = libpcap_live_descriptor(part->line.pcap);
    (void)poll(&fd, 1, POLL_MS); /* a signal is as good as a frame */
}

/* The first time that the run is seen to be stopped, nothing more is let in. */
static void notice_stop(struct part *part)
{
    if (part->ending_ns != 0 || part->live->stop == NULL || !*part->live->stop)
        return;
    part->ending_ns = line_steady_ns();
    if (part->line.pcap != NULL)
        (void)libpcap_live_end(part->line.pcap);
}

/* A run's clock never falls: it would stand still until the machine's has caught up, and all that
 * waits for it too. So the readers end, all is reported, and they begin anew. */
static bool is_set_back(struct live *live)
{
    long long most_ns = atomic_load(&live->offset_ns), none = 0, offset = offset_ns();
    while (offset > most_ns && !atomic_compare_exchange_weak(&live->offset_ns, &most_ns, offset))
        ;
    for (int again = 0; again < 3 && most_ns - offset > SET_BACK_NS; again++)
        offset = offset_ns();
    if (most_ns - offset > SET_BACK_NS &&
        atomic_compare_exchange_strong(&live->set_back_ns, &none, most_ns - offset))
        log_warn("the machine's clock was set back by %lld seconds: connections that are open are "
                 "reported as cut, and looked at anew",
                 (most_ns - offset) / NS_PER_S);
    return atomic_load(&live->set_back_ns) != 0;
}

bool live_begin_anew(struct live *live)
{
    if (atomic_load(&live->set_back_ns) == 0 || (live->stop != NULL && *live->stop))
        return false;
    atomic_store(&live->offset_ns, offset_ns());
    atomic_store(&live->set_back_ns, 0);
    for (unsigned p = 0; p < live->part_count; p++) {
        live->parts[p].clock_ns = INT64_MIN;
        live->parts[p].was_set_back = true;
    }
    return true;
}

bool live_fill(struct live *live, unsigned index, struct block *block)
{
    struct part *part = &live->parts[index];
    block->used = block->count = block->parsed = 0;
    notice_stop(part);
    if (part->ending_ns == 0 && is_set_back(live))
        return false;
    if (part->was_set_back)
        part->clock_most_ns = line_now_ns() + SET_BACK_NS;
    struct moment looked;
    bool any = take_line(part, block, &looked);
    if (!any) {
        wait_for_frames(part);
        any = take_line(part, block, &looked);
    }
    pthread_mutex_lock(&part->lock);
    part->told = part->counters;
    pthread_mutex_unlock(&part->lock);
    if (!any && part->ending_ns != 0 && is_read(part, part->ending_ns, &looked))
        return false;

    int64_t silent_ns = looked.now_ns - BEHIND_NS;
    if (!any && silent_ns > part->clock_ns)
        part->clock_ns = silent_ns;
    block->clock_ns = part->clock_ns;
    block->sequence = part->sequence++;
    return true;
}
