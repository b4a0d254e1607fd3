/* SPDX-License-Identifier: Apache-2.0
 * template.h - recorded TCP sessions that the workload generator repeats with other ends.
 *
 * A template is one TCP connection out of a small Ethernet capture (little-endian pcap, as in
 * samples/), with the places known that change from copy to copy. Only for our own captures: what
 * does not fit is an error that ends the program.
 */
#ifndef TEMPLATE_H
#define TEMPLATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FRAME_BYTES 1600u
#define TEMPLATES 64u
/* Bytes of the first certificate's signature that differ from copy to copy. */
#define VARY_BYTES 4u

struct frame {
    int64_t after_ns; /* since the template's first frame */
    size_t len;
    bool client;    /* sent by the side that opened the connection */
    uint8_t *bytes; /* owned, Ethernet */
};

/* What a copy has of its own. */
struct copy {
    uint32_t client_host, server_host; /* the last four bytes of the addresses */
    uint16_t client_port;
    uint32_t client_shift, server_shift; /* added to the sequence numbers */
    uint8_t vary[VARY_BYTES];            /* xor over certificate bytes; zeros: none */
};

struct template
{
    struct frame *frames;
    size_t count, cap;
    size_t vary_frame[VARY_BYTES], vary_at[VARY_BYTES]; /* valid if can_vary */
    uint16_t client_port, server_port;
    uint8_t ip_version;
    bool can_vary;
};

/* All connections of a capture file, appended to `templates` (TEMPLATES of room). */
void templates_load(const char *path, struct template *templates, size_t *count);
/* The same session with `bytes` more of TLS application data from the server before it is closed;
 * the server's port becomes `port` unless that is 0. */
struct template template_with_bulk(const struct template *from, size_t bytes, uint16_t port);
void template_free(struct template *template);

/* Writes frame `index` as this copy has it into `out` (FRAME_BYTES of room); returns its length. */
size_t template_frame(const struct template *template, size_t index, const struct copy *copy,
                      uint8_t *out);

uint32_t random_next(uint64_t *state);

#endif
