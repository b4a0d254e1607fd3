/* SPDX-License-Identifier: Apache-2.0
 * tls.h - TLS towards a receiver, by OpenSSL's libssl. For link.c; outputs only make the context.
 *
 * The receiver's certificate is verified, its name too, unless tls_verify=no says otherwise. TLS
 * 1.2 is the least. This is TLS of our own, towards configured receivers; what was watched is
 * decoded elsewhere and never spoken.
 */
#ifndef TLS_CLIENT_H
#define TLS_CLIENT_H

#include <stddef.h>

#include "option.h"

/* Rows for the table of an output that offers TLS. */
#define TLS_OPTIONS                                                                                \
    { "ca", OPTION_FILE, 0, 0, NULL }, { "cert", OPTION_FILE, 0, 0, NULL },                        \
        { "key", OPTION_FILE, 0, 0, NULL }, { "tls_verify", OPTION_FLAG, 0, 0, NULL },             \
    {                                                                                              \
        "tls_name", OPTION_TEXT, 0, 0, NULL                                                        \
    }

enum tls_step { TLS_STEP_DONE, TLS_STEP_READ, TLS_STEP_WRITE, TLS_STEP_CLOSED, TLS_STEP_BROKEN };

struct tls_context;
struct tls_stream;

/* ca= a file of PEM certificates (the system's when not given), cert= and key= our own, tls_name=
 * the name to verify instead of the host's. NULL with `why`. */
struct tls_context *tls_context_new(const struct starttap_output_options *options, char *why,
                                    size_t why_size);
void tls_context_free(struct tls_context *context);

/* On a connected, non-blocking socket. NULL when there is no memory. */
struct tls_stream *tls_stream_new(struct tls_context *context, int fd, const char *host);
void tls_stream_free(struct tls_stream *stream);
enum tls_step tls_handshake(struct tls_stream *stream);
enum tls_step tls_write(struct tls_stream *stream, const char *bytes, size_t len, size_t *written);
enum tls_step tls_read(struct tls_stream *stream, char *bytes, size_t size, size_t *got);
/* After TLS_STEP_BROKEN. */
void tls_why(struct tls_stream *stream, char *why, size_t why_size);

#endif
