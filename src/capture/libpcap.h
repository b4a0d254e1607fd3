/* SPDX-License-Identifier: Apache-2.0
 * libpcap.h - what this stage has libpcap do: filters, and files that only it knows.
 */
#ifndef CAPTURE_LIBPCAP_H
#define CAPTURE_LIBPCAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "capture.h"

struct filter;

/* Compiles for the first frame of each link type. NULL when the expression is wrong for every
 * common link type, or without memory; the reason has been logged. */
struct filter *filter_new(const char *expression);
void filter_free(struct filter *filter);

enum filter_result {
    FILTER_NO,
    FILTER_YES,
    FILTER_UNFIT, /* it has no meaning for this link type; logged at its first frame */
};
enum filter_result filter_match(struct filter *filter, const struct frame *frame);

struct libpcap_file;

/* NULL: `why` says why not. */
struct libpcap_file *libpcap_file_new(const char *path, char *why, size_t why_size);
void libpcap_file_free(struct libpcap_file *file);

enum libpcap_result { LIBPCAP_FRAME, LIBPCAP_END, LIBPCAP_ERROR };

/* Sets all of the frame but number and file; its data is valid until the next call. */
enum libpcap_result libpcap_file_next(struct libpcap_file *file, struct frame *frame);
const char *libpcap_file_error(struct libpcap_file *file); /* after LIBPCAP_ERROR */

struct libpcap_live;

struct libpcap_live_options {
    uint32_t snaplen; /* bytes taken of each packet */
    uint64_t ring;    /* bytes of the kernel's buffer */
};

/* NULL: `why` says why not. Promiscuous, nanoseconds, not blocking. */
struct libpcap_live *libpcap_live_new(const char *interface,
                                      const struct libpcap_live_options *options, char *why,
                                      size_t why_size);
void libpcap_live_free(struct libpcap_live *live);
int libpcap_live_descriptor(const struct libpcap_live *live); /* for poll() */
/* As of a file; LIBPCAP_END: nothing is waiting. The frame is valid until the next call. */
enum libpcap_result libpcap_live_next(struct libpcap_live *live, struct frame *frame);
const char *libpcap_live_error(struct libpcap_live *live); /* after LIBPCAP_ERROR */
/* Since it was opened; false where the kernel does not say. */
bool libpcap_live_drops(struct libpcap_live *live, uint64_t *kernel, uint64_t *interface);

#endif
