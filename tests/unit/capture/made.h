/* SPDX-License-Identifier: Apache-2.0
 * made.h - capture files made in memory, temporary folders to put them in, and what was logged.
 */
#ifndef MADE_H
#define MADE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ordered.h"

struct made {
    uint8_t *bytes;
    size_t len, cap;
    enum order order;
};

void made_free(struct made *made);
void made_bytes(struct made *made, const void *bytes, size_t len);
void made_fill(struct made *made, uint8_t byte, size_t len);
void made_u16(struct made *made, uint16_t value);
void made_u32(struct made *made, uint32_t value);

void made_pcap(struct made *made, uint32_t magic, uint32_t link_type);
/* A frame of `len` bytes, each the low byte of the time. */
void made_record(struct made *made, uint32_t seconds, uint32_t fraction, uint32_t len);

void made_section(struct made *made);
/* Options are given as they stand in the file. */
void made_interface(struct made *made, uint16_t link_type, uint32_t snaplen, const void *options,
                    size_t options_len);
void made_block(struct made *made, uint32_t type, const void *body, size_t len);
void made_packet(struct made *made, uint32_t interface, uint64_t ticks, uint32_t len);

/* A temporary folder, the one of the test; removed with all that is in it. */
void folder_make(void);
void folder_remove(void);
const char *folder_path(const char *name); /* static, one of eight in turn */
void folder_write(const char *name, const struct made *made);
void folder_write_bytes(const char *name, const void *bytes, size_t len, const char *mode);

/* A pcap file with a frame of 50 bytes at each of the seconds, ended by 0. */
void folder_write_times(const char *name, const uint32_t *seconds);
#define WRITE_TIMES(name, ...) folder_write_times(name, (const uint32_t[]){ __VA_ARGS__, 0 })

/* What is written to standard error between the two. */
void said_begin(void);
const char *said_end(void); /* static */

#endif
