/* SPDX-License-Identifier: Apache-2.0
 * parsed.h - runs a parser over bytes as a file would be, in pieces of any size, for the tests of
 * the formats.
 */
#ifndef PARSED_H
#define PARSED_H

#include <stdlib.h>
#include <string.h>

#include "format.h"

#define PARSED_FRAMES_MAX 64u

struct parsed_file {
    struct frame frames[PARSED_FRAMES_MAX]; /* without data */
    uint8_t first[PARSED_FRAMES_MAX];       /* the first byte of each */
    size_t count, skipped, damaged;
    bool known;   /* the format was */
    bool between; /* it ended where a file may end */
    bool broken;
    char secrets[256];
    size_t secrets_len;
};

/* The window grows by `piece` bytes at a time and lies in memory of its exact size. */
static inline struct parsed_file parse(const uint8_t *bytes, size_t len, size_t piece)
{
    struct parsed_file out = { 0 };
    struct parser parser;
    out.known = parser_init(&parser, reader_of(bytes, len));
    size_t taken = 0, end = 0;
    bool more = out.known;
    while (more && !out.broken) {
        uint8_t *exact = malloc(end - taken + 1);
        memcpy(exact, bytes + taken, end - taken);
        struct reader window = reader_of(exact, end - taken);
        for (enum parsed parsed = PARSED_OTHER; parsed != PARSED_MORE && !out.broken;) {
            struct frame frame;
            parsed = parser_next(&parser, &window, &frame);
            if (parsed == PARSED_FRAME && out.count < PARSED_FRAMES_MAX) {
                out.first[out.count] = frame.captured > 0 ? *frame.data : 0;
                /* Member by member, as tests compare the bytes of all: padding stays zero. */
                struct frame *kept = &out.frames[out.count++];
                kept->time_ns = frame.time_ns;
                kept->number = frame.number;
                kept->captured = frame.captured;
                kept->wire = frame.wire;
                kept->file = frame.file;
                kept->interface = frame.interface;
                kept->link_type = frame.link_type;
            }
            if (parsed == PARSED_SECRETS && parser.secrets.left < sizeof out.secrets) {
                memcpy(out.secrets + out.secrets_len, parser.secrets.at, parser.secrets.left);
                out.secrets_len += parser.secrets.left;
            }
            out.skipped += parsed == PARSED_SKIPPED;
            out.damaged += parsed == PARSED_DAMAGED;
            out.broken = parsed == PARSED_BROKEN;
        }
        taken = end - window.left;
        free(exact);
        more = end < len;
        end = len - end < piece ? len : end + piece;
    }
    out.between = out.known && taken == len && parser_between(&parser);
    parser_free(&parser);
    return out;
}

#endif
