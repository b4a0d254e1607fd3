/* SPDX-License-Identifier: Apache-2.0
 * request.c - POST requests. The only file that knows libcurl.
 */
#include "request.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CURL_DISABLE_TYPECHECK /* its macros would call the functions by name */
#include <curl/curl.h>

#include "link.h"

#define REQUEST_CONNECT_MS 10000
#define REQUEST_SHOWN 4096u
#define REQUEST_PASSED (1u << 20)
#define REQUEST_LIBRARY "libcurl.so.4" /* its name since 2006 */

/* What is used of the library. */
struct library {
    CURL *(*easy_init)(void);
    CURLcode (*easy_setopt)(CURL *, CURLoption, ...);
    CURLcode (*easy_perform)(CURL *);
    CURLcode (*easy_getinfo)(CURL *, CURLINFO, ...);
    const char *(*easy_strerror)(CURLcode);
    void (*easy_cleanup)(CURL *);
    struct curl_slist *(*slist_append)(struct curl_slist *, const char *);
    void (*slist_free_all)(struct curl_slist *);
};

static const struct {
    const char *name;
    size_t offset;
} symbols[] = {
    { "curl_easy_init", offsetof(struct library, easy_init) },
    { "curl_easy_setopt", offsetof(struct library, easy_setopt) },
    { "curl_easy_perform", offsetof(struct library, easy_perform) },
    { "curl_easy_getinfo", offsetof(struct library, easy_getinfo) },
    { "curl_easy_strerror", offsetof(struct library, easy_strerror) },
    { "curl_easy_cleanup", offsetof(struct library, easy_cleanup) },
    { "curl_slist_append", offsetof(struct library, slist_append) },
    { "curl_slist_free_all", offsetof(struct library, slist_free_all) },
};

struct request {
    const struct http_settings *settings;
    struct library library;
    CURL *curl;
    struct curl_slist *headers;
    char error[CURL_ERROR_SIZE];
    struct buffer *answer; /* of the request under way */
    size_t passed;         /* bytes of it */
};

/* It stays open: what it registered with other libraries would outlive it. */
static bool library_open(struct library *library, char *why, size_t why_size)
{
    void *handle = dlopen(REQUEST_LIBRARY, RTLD_NOW | RTLD_LOCAL);

    if (!handle) {
        snprintf(why, why_size, "the library " REQUEST_LIBRARY " is not installed");
        return false;
    }
    for (size_t i = 0; i < sizeof(symbols) / sizeof(symbols[0]); i++) {
        void *symbol = dlsym(handle, symbols[i].name);

        if (!symbol) {
            snprintf(why, why_size, REQUEST_LIBRARY " has no %s", symbols[i].name);
            return false;
        }
        /* ISO C has no cast for this; POSIX says that it works. */
        memcpy((char *)library + symbols[i].offset, &symbol, sizeof(symbol));
    }
    return true;
}

/* Where only the status counts, the beginning is kept for people, some more is let go by, so that
 * the connection can be used again, and then it is enough. */
static size_t on_answer(char *bytes, size_t size, size_t count, void *self)
{
    struct request *request = self;
    struct buffer *answer = request->answer;
    size_t len = size * count, kept = len;

    if (!request->settings->whole_answer) {
        size_t room = answer->len < REQUEST_SHOWN ? REQUEST_SHOWN - answer->len : 0;

        kept = len < room ? len : room;
        request->passed += len;
        if (request->passed > REQUEST_PASSED)
            return 0;
    }
    buffer_add(answer, bytes, kept);
    return answer->failed ? 0 : len;
}

static bool add_header(struct request *request, const char *line)
{
    struct curl_slist *headers = request->library.slist_append(request->headers, line);

    if (headers)
        request->headers = headers;
    return headers != NULL;
}

static bool add_headers(struct request *request)
{
    const struct http_settings *settings = request->settings;
    char token[OPTION_SECRET_BYTES + 64];
    bool good = add_header(request, http_content_type(settings)) &&
                add_header(request, "Expect:") &&
                (!settings->gzip || add_header(request, "Content-Encoding: gzip"));

    if (good && settings->token[0]) {
        snprintf(token, sizeof(token), "Authorization: %s %s", settings->token_type,
                 settings->token);
        good = add_header(request, token);
        option_forget(token, sizeof(token));
    }
    return good;
}

static void set_options(struct request *request)
{
    const struct http_settings *settings = request->settings;
    CURLcode (*set)(CURL *, CURLoption, ...) = request->library.easy_setopt;
    CURL *curl = request->curl;

    set(curl, CURLOPT_URL, settings->url.bytes);
    set(curl, CURLOPT_HTTPHEADER, request->headers);
    set(curl, CURLOPT_USERAGENT, "starttap");
    set(curl, CURLOPT_NOSIGNAL, 1L);
    set(curl, CURLOPT_FOLLOWLOCATION, 0L);
    set(curl, CURLOPT_PROXY, settings->proxy ? settings->proxy : ""); /* not the environment's */
    set(curl, CURLOPT_ERRORBUFFER, request->error);
    set(curl, CURLOPT_WRITEFUNCTION, on_answer);
    set(curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    set(curl, CURLOPT_SSL_VERIFYPEER, settings->verify ? 1L : 0L);
    set(curl, CURLOPT_SSL_VERIFYHOST, settings->verify ? 2L : 0L);
    if (settings->ca)
        set(curl, CURLOPT_CAINFO, settings->ca);
    if (settings->cert) {
        set(curl, CURLOPT_SSLCERT, settings->cert);
        set(curl, CURLOPT_SSLKEY, settings->key);
    }
    if (settings->user[0]) {
        set(curl, CURLOPT_HTTPAUTH, (long)CURLAUTH_BASIC);
        set(curl, CURLOPT_USERNAME, settings->user);
        set(curl, CURLOPT_PASSWORD, settings->password);
    }
}

void request_free(struct request *request)
{
    if (!request)
        return;
    if (request->headers)
        request->library.slist_free_all(request->headers);
    if (request->curl)
        request->library.easy_cleanup(request->curl);
    free(request);
}

struct request *request_new(const struct http_settings *settings, char *why, size_t why_size)
{
    struct request *request = calloc(1, sizeof(*request));

    if (!request) {
        snprintf(why, why_size, "no memory");
        return NULL;
    }
    request->settings = settings;
    if (!library_open(&request->library, why, why_size))
        goto out;
    request->curl = request->library.easy_init();
    if (!request->curl || !add_headers(request)) {
        snprintf(why, why_size, "libcurl cannot be used");
        goto out;
    }
    set_options(request);
    return request;
out:
    request_free(request);
    return NULL;
}

/* The receiver had all of it and said what became of it: the rest of its answer, which does not
 * come, comes slowly or without end, changes nothing. */
static bool is_answered(const struct request *request, const struct buffer *body, long status)
{
    curl_off_t sent = 0;

    request->library.easy_getinfo(request->curl, CURLINFO_SIZE_UPLOAD_T, &sent);
    return !request->settings->whole_answer && status >= 200 && sent == (curl_off_t)body->len;
}

long request_post(struct request *request, const struct buffer *body, struct buffer *answer,
                  uint64_t deadline, char *why, size_t why_size)
{
    CURLcode (*set)(CURL *, CURLoption, ...) = request->library.easy_setopt;
    long status = 0, left = link_left(deadline);
    CURLcode result = CURLE_OPERATION_TIMEDOUT;

    request->error[0] = '\0';
    request->answer = answer;
    request->passed = 0;
    if (left > 0) {
        set(request->curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body->len);
        set(request->curl, CURLOPT_POSTFIELDS, body->bytes);
        set(request->curl, CURLOPT_WRITEDATA, request);
        set(request->curl, CURLOPT_TIMEOUT_MS, left);
        set(request->curl, CURLOPT_CONNECTTIMEOUT_MS,
            left < REQUEST_CONNECT_MS ? left : (long)REQUEST_CONNECT_MS);
        result = request->library.easy_perform(request->curl);
        request->library.easy_getinfo(request->curl, CURLINFO_RESPONSE_CODE, &status);
    }
    if (result == CURLE_OK || is_answered(request, body, status))
        return status;
    snprintf(why, why_size, "%.200s",
             request->error[0] ? request->error : request->library.easy_strerror(result));
    return 0;
}
