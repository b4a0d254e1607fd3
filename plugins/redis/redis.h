/* SPDX-License-Identifier: Apache-2.0
 * redis.h - the parts of the output "redis": its settings (redis.c), and talking to the server
 * (transaction.c).
 */
#ifndef REDIS_OUTPUT_H
#define REDIS_OUTPUT_H

#include "buffer.h"
#include "link.h"
#include "option.h"
#include "sender.h"

enum redis_mode { REDIS_STREAM, REDIS_LIST, REDIS_CHANNEL };

struct redis_output {
    struct link_target target;
    struct link link;
    struct tls_context *tls;
    enum redis_mode mode;
    char key[512], user[256], maxlen[24];
    char password[OPTION_SECRET_BYTES];
    uint64_t database;
    struct buffer out, in;
    size_t at; /* of what came in: read up to here */
};

/* The hook of the door; self is a struct redis_output. */
void redis_send(void *self, const struct starttap_message *messages, size_t count, unsigned wait_ms,
                struct starttap_sent *sent);

#endif
