/* SPDX-License-Identifier: Apache-2.0
 * secrets.h - TLS key log text found in captures. It is kept in memory, never logged, and wiped.
 */
#ifndef SECRETS_H
#define SECRETS_H

#include <stdbool.h>
#include <stddef.h>

#include "reader.h"

struct secrets_buffer;

struct secrets {
    struct secrets_buffer *newest; /* holds the whole text; the older ones may still be lent out */
    size_t len;
    bool full; /* LIMIT_SECRETS_BYTES or memory was exhausted */
};

/* `begin`: the first piece of a text that starts on a line of its own. */
void secrets_add(struct secrets *secrets, struct reader piece, bool begin);

const char *secrets_text(const struct secrets *secrets);
void secrets_free(struct secrets *secrets);

#endif
