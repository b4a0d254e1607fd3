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
/* Whether it has a meaning for frames of this link type; if not, the reason has been logged. */
bool filter_fits(struct filter *filter, uint16_t link_type);

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

enum libpcap_refusal {
    LIBPCAP_REFUSES, /* as it says itself */
    LIBPCAP_NO_RIGHT,
    LIBPCAP_NO_INTERFACE,
    LIBPCAP_DOWN,
};

/* NULL: `why` says why not in libpcap's words, and the result which of the common reasons it is.
 * Promiscuous (but for "any"), nanoseconds, not blocking. Takes nothing before
 * libpcap_live_begin(): what came until then is discarded. */
struct libpcap_live *libpcap_live_new(const char *interface,
                                      const struct libpcap_live_options *options,
                                      enum libpcap_refusal *refusal, char *why, size_t why_size);
void libpcap_live_free(struct libpcap_live *live);
/* Sets what is taken from now on, in the kernel; NULL for all. False when this expression cannot be
 * had there; nothing has changed then. */
bool libpcap_live_filter(struct libpcap_live *live, const char *expression);
void libpcap_live_begin(struct libpcap_live *live); /* behind the filter */
/* Takes nothing more but what is in the ring; false where the kernel refuses. */
bool libpcap_live_end(struct libpcap_live *live);
int libpcap_live_socket(const struct libpcap_live *live);
int libpcap_live_descriptor(const struct libpcap_live *live); /* for poll() */
uint16_t libpcap_live_link_type(const struct libpcap_live *live);

/* Takes what is waiting: all but number, file and interface is set; its data is valid for the
 * call. The callee returns false when it has no room for another. */
typedef bool libpcap_take(void *to, const struct frame *frame);
/* LIBPCAP_FRAME: the callee had no more room. LIBPCAP_END: nothing more is waiting. */
enum libpcap_result libpcap_live_take(struct libpcap_live *live, libpcap_take *take, void *to);
const char *libpcap_live_error(struct libpcap_live *live); /* after LIBPCAP_ERROR */

struct libpcap_counts {
    uint64_t passed;            /* the filter, those that were dropped then included */
    uint64_t dropped;           /* the ring had no room */
    uint64_t interface_dropped; /* before; of the interface, for all who watch it */
};
/* Since libpcap_live_begin(). One caller at a time, which may be another thread than the one that
 * takes. */
struct libpcap_counts libpcap_live_counts(struct libpcap_live *live);
/* Those that were handed to a callee; for the thread that takes. */
uint64_t libpcap_live_taken(const struct libpcap_live *live);

#endif
