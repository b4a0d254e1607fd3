/* SPDX-License-Identifier: Apache-2.0
 * format.h - bytes of a capture file to frames, one record at a time.
 *
 * A parser is fed a window that begins where the last call left off. It takes a whole record from
 * it or, if the window ends inside one, nothing. It neither reads nor logs; what is wrong with the
 * file is said by its result. A record is looked at in at most RECORD_VIEW_BYTES; a longer one is
 * passed by its length in as many calls as it takes.
 */
#ifndef FORMAT_H
#define FORMAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "capture.h"
#include "limits.h"
#include "ordered.h"
#include "tick.h"

/* A frame of the maximal size with its header and options: every buffer holds at least this. */
#define RECORD_VIEW_BYTES ((size_t)LIMIT_FRAME_BYTES + LIMIT_RECORD_OPTIONS_BYTES)

enum parsed {
    PARSED_MORE,    /* the window ends inside a record; nothing was taken */
    PARSED_FRAME,   /* all of the frame but its file was set; data lies in the window */
    PARSED_SKIPPED, /* a frame that has its number but cannot be delivered */
    PARSED_OTHER,   /* something that is no frame was taken */
    PARSED_SECRETS, /* parser->secrets is a piece of key log text */
    PARSED_DAMAGED, /* a record that contradicts itself was taken; parser->why */
    PARSED_BROKEN,  /* here the file makes no sense any more; parser->why; nothing was taken */
};

struct pcap_file {
    uint32_t snaplen;
    uint32_t header_len;  /* bytes in front of each frame */
    uint32_t fraction_ns; /* nanoseconds in a unit of the second time field */
    uint16_t link_type;
    uint16_t minor; /* of the file's version, which says how the two lengths are ordered */
};

struct pcapng_interface {
    struct tick_rate rate;
    uint32_t snaplen; /* 0 for none */
    uint16_t link_type;
};

struct pcapng {
    struct pcapng_interface *interfaces; /* of the present section; owned */
    uint32_t count, cap;                 /* count may exceed LIMIT_PCAPNG_INTERFACES, cap not */
    int64_t last_ns;                     /* of the last frame that had a time */
};

struct parser;

struct format {
    const char *name;
    enum parsed (*next)(struct parser *parser, struct reader *window, struct frame *frame);
    void (*free)(struct parser *parser); /* may be NULL */
};

struct parser {
    const struct format *format;
    enum order order;
    bool begun;            /* the file header was taken */
    uint64_t number;       /* of the last frame */
    uint64_t skip;         /* bytes to pass before the next record */
    uint64_t secrets_left; /* as many of them, from the first on, are key log text */
    struct reader secrets; /* with PARSED_SECRETS */
    bool secrets_begin;    /* that piece is the first of its block */
    const char *why;       /* with PARSED_DAMAGED and PARSED_BROKEN */
    union {
        struct pcap_file pcap;
        struct pcapng pcapng;
    };
};

#define FORMAT_MAGIC_BYTES 4u

/* Chooses by the first FORMAT_MAGIC_BYTES; false if they are of no format known here. */
bool parser_init(struct parser *parser, struct reader start);
void parser_free(struct parser *parser); /* accepts a zeroed one */

enum parsed parser_next(struct parser *parser, struct reader *window, struct frame *frame);

/* A file may end here, provided that the window is empty. */
bool parser_between(const struct parser *parser);

/* The formats; each is known by the magic number of its file. */
bool pcap_file_init(struct parser *parser, struct reader start);
bool pcapng_init(struct parser *parser, struct reader start);

#endif
