/* SPDX-License-Identifier: Apache-2.0
 * reply.h - what a Redis server answers (RESP2), as far as our commands can be answered. Pure:
 * bytes in, one reply out. Longer texts than any of ours are a wrong reply.
 */
#ifndef REPLY_H
#define REPLY_H

#include <stddef.h>
#include <stdint.h>

#define REPLY_LINE_BYTES 1024 /* an error's text; the server's own are far below */
#define REPLY_BULK_BYTES 4096 /* a stream entry's id has 20 to 41 */

enum reply_kind { REPLY_STATUS, REPLY_ERROR, REPLY_NUMBER, REPLY_BULK, REPLY_ARRAY, REPLY_NOTHING };

struct reply {
    enum reply_kind kind;
    int64_t number;   /* REPLY_NUMBER; of an REPLY_ARRAY: how many replies follow */
    const char *text; /* of the others; not terminated */
    size_t len;
};

enum reply_result { REPLY_MORE, REPLY_DONE, REPLY_WRONG };

/* DONE: *used bytes were one reply. MORE: not all of it is there yet. */
enum reply_result reply_decode(const char *bytes, size_t len, struct reply *reply, size_t *used);

#endif
