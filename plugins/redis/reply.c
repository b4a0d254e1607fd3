/* SPDX-License-Identifier: Apache-2.0
 * reply.c - replies of the Redis protocol: a byte for the kind, a line, and of a bulk string the
 * bytes that the line counts.
 */
#include "reply.h"

#include <stdbool.h>
#include <string.h>

/* Digits with an optional minus; every count and number of ours has less than 19. */
static bool number_decode(const char *text, size_t len, int64_t *number)
{
    bool negative = len && text[0] == '-';

    *number = 0;
    if (len == negative || len > 18)
        return false;
    for (size_t i = negative; i < len; i++) {
        if (text[i] < '0' || text[i] > '9')
            return false;
        *number = *number * 10 + (text[i] - '0');
    }
    if (negative)
        *number = -*number;
    return true;
}

/* From `line`, the end of the line that said so, on. */
static enum reply_result bulk_decode(const char *bytes, size_t len, size_t line,
                                     struct reply *reply, size_t *used)
{
    size_t size;

    if (reply->number == -1) {
        reply->kind = REPLY_NOTHING;
        *used = line;
        return REPLY_DONE;
    }
    if (reply->number < 0 || reply->number > REPLY_BULK_BYTES)
        return REPLY_WRONG;
    size = (size_t)reply->number;
    if (len - line < size + 2)
        return REPLY_MORE;
    if (memcmp(bytes + line + size, "\r\n", 2) != 0)
        return REPLY_WRONG;
    reply->text = bytes + line;
    reply->len = size;
    *used = line + size + 2;
    return REPLY_DONE;
}

enum reply_result reply_decode(const char *bytes, size_t len, struct reply *reply, size_t *used)
{
    static const char kinds[] = { [REPLY_STATUS] = '+',
                                  [REPLY_ERROR] = '-',
                                  [REPLY_NUMBER] = ':',
                                  [REPLY_BULK] = '$',
                                  [REPLY_ARRAY] = '*' };
    const char *kind, *end;

    if (len == 0)
        return REPLY_MORE;
    kind = memchr(kinds, bytes[0], sizeof(kinds));
    if (!kind)
        return REPLY_WRONG;
    end = memchr(bytes, '\n', len < REPLY_LINE_BYTES ? len : REPLY_LINE_BYTES);
    if (!end)
        return len < REPLY_LINE_BYTES ? REPLY_MORE : REPLY_WRONG;
    if (end - bytes < 2 || end[-1] != '\r')
        return REPLY_WRONG;
    *reply = (struct reply){ .kind = (enum reply_kind)(kind - kinds),
                             .text = bytes + 1,
                             .len = (size_t)(end - bytes) - 2 };
    *used = (size_t)(end - bytes) + 1;
    if (reply->kind == REPLY_STATUS || reply->kind == REPLY_ERROR)
        return REPLY_DONE;
    if (!number_decode(reply->text, reply->len, &reply->number))
        return REPLY_WRONG;
    if (reply->kind == REPLY_BULK)
        return bulk_decode(bytes, len, *used, reply, used);
    if (reply->kind == REPLY_ARRAY && reply->number == -1)
        reply->kind = REPLY_NOTHING;
    else if (reply->kind == REPLY_ARRAY && reply->number < 0)
        return REPLY_WRONG;
    return REPLY_DONE;
}
