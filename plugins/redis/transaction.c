/* SPDX-License-Identifier: Apache-2.0
 * transaction.c - a batch on its way to a Redis server.
 *
 * A part of it goes as one transaction (MULTI ... EXEC): the server takes all of it or nothing, so
 * a failure in the middle leaves no hole and no other order. Nothing is refused for good: what the
 * server does not take is a matter of its state, and is sent again.
 */
#include <stdio.h>
#include <string.h>

#include "redis.h"
#include "reply.h"

#define REDIS_PART 256 /* messages of a transaction: the server does nothing else meanwhile */
#define REDIS_PART_BYTES (4u << 20)
#define REDIS_CONNECT_MS 10000
#define REDIS_CONNECTIONS 2 /* in one call: the server may just have been started again */

static const char *const datasets[] = { [STARTTAP_DATASET_SESSION] = "mailtls.session",
                                        [STARTTAP_DATASET_FINDING] = "mailtls.finding",
                                        [STARTTAP_DATASET_CERTIFICATE] = "mailtls.certificate",
                                        [STARTTAP_DATASET_STATS] = "mailtls.stats" };

/* --- commands --- */

static void add_count(struct buffer *out, size_t count) { buffer_printf(out, "*%zu\r\n", count); }

static void add_argument(struct buffer *out, const char *bytes, size_t len)
{
    buffer_printf(out, "$%zu\r\n", len);
    buffer_add(out, bytes, len);
    buffer_add(out, "\r\n", 2);
}

static void add_word(struct buffer *out, const char *word)
{
    add_argument(out, word, strlen(word));
}

static void add_words(struct buffer *out, const char *const *words, size_t count)
{
    for (size_t i = 0; i < count; i++)
        add_word(out, words[i]);
}

static void add_command(struct buffer *out, const char *word)
{
    add_count(out, 1);
    add_word(out, word);
}

static void add_message(struct redis_output *output, const struct starttap_message *message)
{
    static const char *const verbs[] = {
        [REDIS_STREAM] = "XADD", [REDIS_LIST] = "RPUSH", [REDIS_CHANNEL] = "PUBLISH"
    };
    bool known = message->dataset < sizeof(datasets) / sizeof(datasets[0]);
    const char *const bound[] = { "MAXLEN", "~", output->maxlen };
    const char *const fields[] = {
        "*", "id", message->id, "dataset", known ? datasets[message->dataset] : "unknown", "event"
    };
    bool is_stream = output->mode == REDIS_STREAM;
    bool bounded = is_stream && strcmp(output->maxlen, "0") != 0;
    struct buffer *out = &output->out;

    add_count(out, 3u + (bounded ? 3u : 0u) + (is_stream ? 6u : 0u));
    add_word(out, verbs[output->mode]);
    add_word(out, output->key);
    add_words(out, bound, bounded ? 3 : 0);
    add_words(out, fields, is_stream ? 6 : 0);
    add_argument(out, message->bytes, message->len);
}

/* --- talking --- */

static void hang_up(struct redis_output *output)
{
    link_close(&output->link);
    buffer_clear(&output->in);
    output->at = 0;
}

/* One reply, valid until the next call. False: the connection is of no more use. */
static bool read_reply(struct redis_output *output, struct reply *reply, uint64_t deadline,
                       char *why, size_t why_size)
{
    struct buffer *in = &output->in;
    char bytes[16384];
    size_t used = 0, got;

    for (;;) {
        enum reply_result result =
            output->at == in->len
                ? REPLY_MORE
                : reply_decode(in->bytes + output->at, in->len - output->at, reply, &used);

        if (result == REPLY_WRONG) {
            snprintf(why, why_size, "what answers is no Redis server");
            return false;
        }
        if (result == REPLY_DONE) {
            output->at += used;
            return true;
        }
        buffer_drop(in, output->at);
        output->at = 0;
        switch (link_read(&output->link, bytes, sizeof(bytes), &got, deadline, why, why_size)) {
        case LINK_DONE: buffer_add(in, bytes, got); break;
        case LINK_LATE: snprintf(why, why_size, "no answer in time"); return false;
        case LINK_LOST: return false;
        }
        if (in->failed) {
            snprintf(why, why_size, "the server says more than was asked");
            return false;
        }
    }
}

/* An error for people: of an answer to a password only its first word, for a server may repeat what
 * it was sent. */
static void say_error(const struct reply *reply, bool word_only, char *why, size_t why_size)
{
    size_t len = reply->len < 120 ? reply->len : 120;

    for (size_t i = 0; i < len; i++)
        if (reply->text[i] < ' ' || reply->text[i] == 127 || (word_only && reply->text[i] == ' '))
            len = i;
    snprintf(why, why_size, "the server answers %.*s", (int)len, reply->text);
}

/* Writes what is in `out` and reads replies, which must be of one kind. */
static bool ask(struct redis_output *output, size_t replies, enum reply_kind wanted, bool secret,
                uint64_t deadline, char *why, size_t why_size)
{
    struct reply reply = { .kind = REPLY_NOTHING };
    size_t written;

    switch (link_write(&output->link, output->out.bytes, output->out.len, &written, deadline, why,
                       why_size)) {
    case LINK_DONE: break;
    case LINK_LATE: snprintf(why, why_size, "the server does not read"); return false;
    case LINK_LOST: return false;
    }
    for (size_t i = 0; i < replies; i++) {
        if (!read_reply(output, &reply, deadline, why, why_size))
            return false;
        if (reply.kind == REPLY_ERROR) {
            say_error(&reply, secret, why, why_size);
            return false;
        }
        if (reply.kind != wanted) {
            snprintf(why, why_size, "an unexpected answer");
            return false;
        }
    }
    return true;
}

static bool greet(struct redis_output *output, uint64_t deadline, char *why, size_t why_size)
{
    char number[24];
    bool good;

    buffer_clear(&output->out);
    if (output->password[0]) {
        add_count(&output->out, output->user[0] ? 3 : 2);
        add_word(&output->out, "AUTH");
        if (output->user[0])
            add_word(&output->out, output->user);
        add_word(&output->out, output->password);
        good = ask(output, 1, REPLY_STATUS, true, deadline, why, why_size);
        option_forget(output->out.bytes, output->out.len);
        if (!good)
            return false;
        buffer_clear(&output->out);
    }
    if (output->database == 0)
        return true;
    snprintf(number, sizeof(number), "%llu", (unsigned long long)output->database);
    add_count(&output->out, 2);
    add_words(&output->out, (const char *const[]){ "SELECT", number }, 2);
    return ask(output, 1, REPLY_STATUS, false, deadline, why, why_size);
}

static bool connect_and_greet(struct redis_output *output, uint64_t deadline, char *why,
                              size_t why_size)
{
    uint64_t latest = link_now() + REDIS_CONNECT_MS;

    if (!link_open(&output->link, &output->target, latest < deadline ? latest : deadline, why,
                   why_size))
        return false;
    if (greet(output, deadline, why, why_size))
        return true;
    hang_up(output);
    return false;
}

/* How many messages make the next part. */
static size_t part_of(const struct starttap_message *messages, size_t count)
{
    size_t bytes = 0, part = 0;

    while (part < count && part < REDIS_PART &&
           (!part || bytes + messages[part].len < REDIS_PART_BYTES))
        bytes += messages[part++].len;
    return part;
}

/* Replies: OK, a QUEUED for each, then an array with the result of each. */
static bool send_part(struct redis_output *output, const struct starttap_message *messages,
                      size_t count, uint64_t deadline, char *why, size_t why_size)
{
    struct reply reply;
    enum reply_kind result = output->mode == REDIS_STREAM ? REPLY_BULK : REPLY_NUMBER;

    buffer_clear(&output->out);
    add_command(&output->out, "MULTI");
    for (size_t i = 0; i < count; i++)
        add_message(output, &messages[i]);
    add_command(&output->out, "EXEC");
    if (output->out.failed) {
        snprintf(why, why_size, "no memory");
        return false;
    }
    if (!ask(output, 1 + count, REPLY_STATUS, false, deadline, why, why_size) ||
        !read_reply(output, &reply, deadline, why, why_size))
        return false;
    if (reply.kind == REPLY_ERROR) {
        say_error(&reply, false, why, why_size);
        return false;
    }
    if (reply.kind != REPLY_ARRAY || (size_t)reply.number != count) {
        snprintf(why, why_size, "an unexpected answer to EXEC");
        return false;
    }
    buffer_clear(&output->out);
    return ask(output, count, result, false, deadline, why, why_size);
}

void redis_send(void *self, const struct starttap_message *messages, size_t count, unsigned wait_ms,
                struct starttap_sent *sent)
{
    struct redis_output *output = self;
    uint64_t deadline = link_now() + wait_ms;
    int connections = 0;

    while (sent->delivered < count) {
        size_t part = part_of(messages + sent->delivered, count - sent->delivered);
        bool fresh = !link_is_open(&output->link);

        if (fresh) {
            connections++;
            if (!connect_and_greet(output, deadline, sent->why, sizeof(sent->why)))
                break;
        }
        if (send_part(output, messages + sent->delivered, part, deadline, sent->why,
                      sizeof(sent->why))) {
            sent->delivered += part;
            continue;
        }
        hang_up(output); /* answers may be under way that nobody waits for any more */
        if (fresh || connections == REDIS_CONNECTIONS || link_left(deadline) == 0)
            break;
    }
    sent->failed = sent->delivered < count;
    if (!sent->failed)
        sent->why[0] = '\0';
}
