/* SPDX-License-Identifier: Apache-2.0
 * request.h - POST requests to one URL, by libcurl, which is opened when the first is wanted: it
 * brings two dozen libraries along, and most runs have no use for them.
 */
#ifndef REQUEST_H
#define REQUEST_H

#include "http.h"

struct request;

/* The settings must live longer. NULL with `why`. */
struct request *request_new(const struct http_settings *settings, char *why, size_t why_size);
void request_free(struct request *request);
/* The HTTP status, and the answer's body; 0 with `why` when there was none by the deadline. */
long request_post(struct request *request, const struct buffer *body, struct buffer *answer,
                  uint64_t deadline, char *why, size_t why_size);

#endif
