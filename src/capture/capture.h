/* SPDX-License-Identifier: Apache-2.0
 * capture.h - frames out of capture files, in blocks that stay in the cache.
 *
 * A capture is one or more sources (files, folders, standard input) read as one, merged by time
 * where they overlap. The caller owns a block, lets capture_fill() fill it, and may hand it to
 * other threads: what a frame points to lives in the block until the block is filled again.
 *
 * Formats: pcap (both byte orders, micro- and nanoseconds, the modified "kuznetzov" header), pcapng
 * (sections, interfaces, EPB, SPB, obsolete packet blocks), either compressed by gzip or zstd; what
 * else libpcap reads goes through libpcap. A broken or truncated file is a failed environment for
 * that file only: what could be read is delivered first, the message names file and offset, and
 * capture_failed() says so.
 */
#ifndef CAPTURE_H
#define CAPTURE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct frame {
    int64_t time_ns;     /* since 1970-01-01 UTC */
    uint64_t number;     /* in its file, from 1 */
    const uint8_t *data; /* captured bytes; lives in the block */
    uint32_t captured;   /* bytes at data */
    uint32_t wire;       /* bytes the frame had on the wire; >= captured */
    uint32_t file;       /* index for capture_file_name() */
    uint32_t interface;  /* of a pcapng section, else 0 */
    uint16_t link_type;  /* LINKTYPE_ value as in files */
};

struct block {
    uint8_t *bytes; /* cap bytes, owned by the block */
    size_t cap;
    size_t used;
    struct frame *frames; /* owned; count of them are valid */
    size_t count, frames_cap;
    int64_t
        clock_ns; /* the highest time of any frame so far in the run, at the end of this block */
    uint64_t sequence; /* blocks are numbered from 0 */
    /* private: bytes read but not yet parsed when a single file is read in place */
    size_t parsed;
};

bool block_init(struct block *block); /* false: out of memory */
void block_free(struct block *block);
/* Empty, and not needed for now: its pages go back to the system until it is filled again. */
void block_rest(struct block *block);

struct capture_options {
    const char *filter; /* BPF expression on top of ours; NULL for none; see capture_filter_new() */
    bool follow;        /* go on as files are added to a folder, until *stop */
    const atomic_bool *stop; /* when it becomes true capture_fill() returns soon; may be NULL */
    uint32_t snaplen;        /* of interfaces */
    uint64_t ring;           /* bytes of the kernel's buffer for each, all readers together */
    /* Of interfaces: the kernel may leave out connections with none of these. 0: any port. */
    const uint16_t *ports;
    size_t port_count;
    unsigned readers; /* of each interface; 0 is 1 */
};

/* Whether libpcap understands a BPF expression; if not, the reason was logged. */
bool capture_filter_valid(const char *expression);

/* A filter lets all IP fragments through, since most do not show what it asks for: whoever joins
 * them has the datagram judged. It sees what is behind VLAN tags, as long as it does not ask for
 * tags itself; what is inside other encapsulations it sees as libpcap does. */
struct capture_filter;                                             /* opaque; for one thread */
struct capture_filter *capture_filter_new(const char *expression); /* NULL: logged */
void capture_filter_free(struct capture_filter *filter);           /* accepts NULL */
/* `frame` is one of the fragments; the rest is the datagram behind its last IP header. */
bool capture_filter_joined(struct capture_filter *filter, const struct frame *frame,
                           uint8_t protocol, const uint8_t *bytes, size_t len);

struct capture; /* opaque */

/* `paths` are files, folders or "-"; borrowed until capture_close(). NULL when nothing at all can
 * be read; a reason for each path that failed has then been logged. A path that cannot be opened
 * beside others that can only sets capture_failed(). */
struct capture *capture_open(const char *const *paths, size_t count,
                             const struct capture_options *options);
/* Watches interfaces; capture_fill() then also returns blocks without frames, to pass the time.
 * NULL with the reason logged. */
struct capture *capture_open_live(const char *const *interfaces, size_t count,
                                  const struct capture_options *options);
void capture_close(struct capture *capture);

/* Fills the block with the next frames, at least one (but see capture_open_live()). False at the
 * end. */
__attribute__((warn_unused_result)) bool capture_fill(struct capture *capture, struct block *block);

/* The same for interfaces, which have one or more readers each, a thread for each with blocks of
 * its own; part 0 is the first reader of the first interface. The kernel spreads the packets of an
 * interface so that both directions of a connection, and all fragments of a datagram, come to the
 * same reader, as far as it sees inside. The frames of a part come about by time. Clock and
 * sequence of the blocks are each part's own; frame.number is given once for each interface. */
__attribute__((warn_unused_result)) bool capture_fill_part(struct capture *capture, unsigned part,
                                                           struct block *block);
unsigned capture_parts(const struct capture *capture); /* 0: files */
/* All parts of interfaces have ended. True: because the machine's clock was set back, and not the
 * run; they can be filled again, and their clocks begin anew. */
bool capture_begin_anew(struct capture *capture);

bool capture_failed(const struct capture *capture);
const char *capture_file_name(const struct capture *capture,
                              uint32_t file); /* base name; valid until close; from any thread */

struct capture_counters {
    uint64_t files;
    uint64_t frames;          /* delivered */
    uint64_t bytes;           /* captured bytes of them */
    uint64_t frames_filtered; /* left out by options.filter */
    uint64_t frames_skipped;  /* larger than LIMIT_FRAME_BYTES, or of an interface that is not
                                 described */
    uint64_t backwards;   /* older than one of another interface before it, in a file of several */
    uint64_t input_bytes; /* read from the files as stored, for progress */
    uint64_t input_total; /* their sizes together, 0 when unknown (a pipe) */

    bool live; /* what follows is of interfaces. What passed is delivered, filtered, skipped,
                  dropped, or still in the ring. */
    uint64_t kernel_passed;   /* packets that passed the filter in the kernel */
    uint64_t kernel_drops;    /* of these, what the ring had no room for or was lost with it */
    uint64_t interface_drops; /* lost before that */
    uint64_t frames_over_mtu; /* longer than the interface can send: joined by the network card */
    uint64_t frames_vlan;     /* with a VLAN tag */
};
/* As of the last block; from any thread. */
struct capture_counters capture_counters(const struct capture *capture);

enum capture_line_state {
    CAPTURE_LINE_ON,
    CAPTURE_LINE_NO_LINK, /* no cable, or nobody at its other end */
    CAPTURE_LINE_DOWN,
    CAPTURE_LINE_AWAY, /* gone, and waited for */
};

struct capture_line { /* an interface, since the beginning */
    const char *name;
    enum capture_line_state state;
    uint64_t frames;   /* delivered */
    bool counts;       /* the system tells what it received: */
    uint64_t received; /* packets of any kind, before all filters */
};
/* The first `cap` interfaces; from any thread. Returns how many; 0: files. */
size_t capture_lines(const struct capture *capture, struct capture_line *lines, size_t cap);

/* TLS secrets found in pcapng Decryption Secrets Blocks ("NSS key log" text), kept for later. */
size_t capture_secrets(const struct capture *capture,
                       const char **text); /* bytes; borrowed until close */

#endif
