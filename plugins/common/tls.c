/* SPDX-License-Identifier: Apache-2.0
 * tls.c - TLS towards a receiver. The only file of the outputs that knows libssl.
 */
#include "tls.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

struct tls_context {
    SSL_CTX *ssl;
    char name[256]; /* tls_name=, or "" */
    bool verify;
};

struct tls_stream {
    SSL *ssl;
    int last; /* the result of the last failed call, for SSL_get_error() */
};

/* OpenSSL's last reason; its text never holds what was in a file. */
static void say_reason(const char *about, char *why, size_t why_size)
{
    unsigned long code = ERR_peek_last_error();
    const char *reason = code ? ERR_reason_error_string(code) : NULL;

    snprintf(why, why_size, "%s: %s", about, reason ? reason : "not usable");
    ERR_clear_error();
}

static bool context_load(struct tls_context *context, const struct starttap_output_options *options,
                         char *why, size_t why_size)
{
    const char *ca = option_text(options, "ca"), *cert = option_text(options, "cert");
    const char *key = option_text(options, "key"), *name = option_text(options, "tls_name");
    static char none[] = "";

    if (name && strlen(name) >= sizeof(context->name)) {
        snprintf(why, why_size, "tls_name= is too long");
        return false;
    }
    snprintf(context->name, sizeof(context->name), "%s", name ? name : "");
    if (!cert != !key) {
        snprintf(why, why_size, "cert= and key= belong together");
        return false;
    }
    if (!(ca ? SSL_CTX_load_verify_file(context->ssl, ca)
             : SSL_CTX_set_default_verify_paths(context->ssl))) {
        say_reason(ca ? "ca=" : "the system's certificates", why, why_size);
        return false;
    }
    if (cert && !SSL_CTX_use_certificate_chain_file(context->ssl, cert)) {
        say_reason("cert=", why, why_size);
        return false;
    }
    /* A key with a passphrase would be asked for on the terminal: none is given. */
    SSL_CTX_set_default_passwd_cb_userdata(context->ssl, none);
    if (key && (!SSL_CTX_use_PrivateKey_file(context->ssl, key, SSL_FILETYPE_PEM) ||
                !SSL_CTX_check_private_key(context->ssl))) {
        say_reason("key= (without a passphrase, of this cert=)", why, why_size);
        return false;
    }
    return true;
}

struct tls_context *tls_context_new(const struct starttap_output_options *options, char *why,
                                    size_t why_size)
{
    struct tls_context *context = calloc(1, sizeof(*context));

    if (!context || !(context->ssl = SSL_CTX_new(TLS_client_method()))) {
        snprintf(why, why_size, "no memory for TLS");
        free(context);
        return NULL;
    }
    context->verify = option_flag(options, "tls_verify", true);
    SSL_CTX_set_min_proto_version(context->ssl, TLS1_2_VERSION);
    SSL_CTX_set_verify(context->ssl, context->verify ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, NULL);
    SSL_CTX_set_mode(context->ssl,
                     SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    /* A receiver that is killed sends no close_notify; that it is gone is all that matters. */
    SSL_CTX_set_options(context->ssl, SSL_OP_IGNORE_UNEXPECTED_EOF);
    if (!context_load(context, options, why, why_size)) {
        tls_context_free(context);
        return NULL;
    }
    return context;
}

void tls_context_free(struct tls_context *context)
{
    if (!context)
        return;
    SSL_CTX_free(context->ssl);
    free(context);
}

struct tls_stream *tls_stream_new(struct tls_context *context, int fd, const char *host)
{
    struct tls_stream *stream = calloc(1, sizeof(*stream));
    const char *name = context->name[0] ? context->name : host;
    unsigned char address[16];
    bool is_address =
        inet_pton(AF_INET, name, address) == 1 || inet_pton(AF_INET6, name, address) == 1;

    if (!stream)
        return NULL;
    stream->ssl = SSL_new(context->ssl);
    if (!stream->ssl || !SSL_set_fd(stream->ssl, fd))
        goto out;
    if (is_address) { /* RFC 6066 section 3: addresses do not go into the hello */
        if (!X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(stream->ssl), name))
            goto out;
    } else {
        SSL_set_hostflags(stream->ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
        if (!SSL_set1_host(stream->ssl, name) || !SSL_set_tlsext_host_name(stream->ssl, name))
            goto out;
    }
    return stream;
out:
    tls_stream_free(stream);
    return NULL;
}

void tls_stream_free(struct tls_stream *stream)
{
    if (!stream)
        return;
    if (stream->ssl && SSL_is_init_finished(stream->ssl))
        SSL_shutdown(stream->ssl); /* says good-bye without waiting for an answer */
    SSL_free(stream->ssl);
    ERR_clear_error();
    free(stream);
}

static enum tls_step step(struct tls_stream *stream, int result)
{
    if (result > 0)
        return TLS_STEP_DONE;
    stream->last = result;
    switch (SSL_get_error(stream->ssl, result)) {
    case SSL_ERROR_WANT_READ: return TLS_STEP_READ;
    case SSL_ERROR_WANT_WRITE: return TLS_STEP_WRITE;
    case SSL_ERROR_ZERO_RETURN: return TLS_STEP_CLOSED;
    default: return TLS_STEP_BROKEN;
    }
}

enum tls_step tls_handshake(struct tls_stream *stream)
{
    ERR_clear_error();
    return step(stream, SSL_connect(stream->ssl));
}

enum tls_step tls_write(struct tls_stream *stream, const char *bytes, size_t len, size_t *written)
{
    ERR_clear_error();
    return step(stream, SSL_write_ex(stream->ssl, bytes, len, written));
}

enum tls_step tls_read(struct tls_stream *stream, char *bytes, size_t size, size_t *got)
{
    ERR_clear_error();
    return step(stream, SSL_read_ex(stream->ssl, bytes, size, got));
}

void tls_why(struct tls_stream *stream, char *why, size_t why_size)
{
    long verdict = SSL_get_verify_result(stream->ssl);

    if (!SSL_is_init_finished(stream->ssl) && verdict != X509_V_OK &&
        SSL_get_verify_mode(stream->ssl) != SSL_VERIFY_NONE)
        snprintf(why, why_size, "the certificate of the receiver: %s",
                 X509_verify_cert_error_string(verdict));
    else if (ERR_peek_last_error())
        say_reason("TLS", why, why_size);
    else
        snprintf(why, why_size, "TLS: the connection was cut");
}
