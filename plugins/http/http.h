/* SPDX-License-Identifier: Apache-2.0
 * http.h - the parts of the output "http": settings, bodies of requests, answers to a bulk request.
 * The requests themselves are http.c's.
 */
#ifndef HTTP_OUTPUT_H
#define HTTP_OUTPUT_H

#include "buffer.h"
#include "option.h"
#include "sender.h"

enum http_style { HTTP_JSONL, HTTP_BULK, HTTP_HEC };

struct http_settings {
    enum http_style style;
    struct buffer url; /* terminated, with its parameters */
    char index[256];   /* {dataset} in it is replaced; or "" */
    char sourcetype[128];
    char host[256]; /* the sensor */
    char user[256], token_type[16];
    char password[OPTION_SECRET_BYTES], token[OPTION_SECRET_BYTES];
    const char *ca, *cert, *key, *proxy; /* NULL: none. Borrowed from the options */
    bool verify, gzip;
    bool whole_answer; /* it says what became of each event; else its status is all that counts */
    bool json;         /* the format's lines are JSON objects */
};

/* Frees nothing on failure: http_settings_free() in either case. */
bool http_settings_read(struct http_settings *settings,
                        const struct starttap_output_options *options, char *why, size_t why_size);
void http_settings_free(struct http_settings *settings);

/* A message as a part of the body. */
void http_body_add(const struct http_settings *settings, const struct starttap_message *message,
                   struct buffer *body);
const char *http_content_type(const struct http_settings *settings);

/* The HTTP status of each item in the answer to a bulk request, in order. False: it is no such
 * answer, or not one of `count` items. `reason` is the type of the first error that is not 409. */
bool http_bulk_decode(const struct buffer *answer, unsigned *statuses, size_t count, char *reason,
                      size_t reason_size);

/* The body compressed (RFC 1952); false: no memory. */
bool http_gzip(const struct buffer *body, struct buffer *out);

#endif
