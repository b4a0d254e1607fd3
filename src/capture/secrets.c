/* SPDX-License-Identifier: Apache-2.0
 * secrets.c - one growing text. A caller may hold a pointer to it until the capture is closed, so
 * an outgrown buffer is kept until then; sizes double, so they waste no more than one text.
 */
#include "secrets.h"

#include <stdlib.h>
#include <string.h>

#include "limits.h"
#include "log.h"

#define FIRST_BYTES 4096u

struct secrets_buffer {
    struct secrets_buffer *older;
    size_t cap;
    char text[];
};

static bool grow(struct secrets *secrets, size_t need)
{
    size_t cap = secrets->newest == NULL ? FIRST_BYTES : secrets->newest->cap;
    while (cap < need)
        cap *= 2;
    struct secrets_buffer *buffer = malloc(sizeof *buffer + cap);
    if (buffer == NULL)
        return false;
    if (secrets->newest != NULL)
        memcpy(buffer->text, secrets->newest->text, secrets->len);
    buffer->older = secrets->newest;
    buffer->cap = cap;
    secrets->newest = buffer;
    return true;
}

void secrets_add(struct secrets *secrets, struct reader piece, bool begin)
{
    if (secrets->full || !reader_more(&piece))
        return;

    size_t need = secrets->len + piece.left + 1;
    bool room = secrets->newest != NULL && need <= secrets->newest->cap;
    if (need > LIMIT_SECRETS_BYTES || (!room && !grow(secrets, need))) {
        secrets->full = true;
        log_warn("TLS secrets in captures: there are too many, the rest is left out");
        return;
    }
    char *text = secrets->newest->text;
    if (begin && secrets->len > 0 && text[secrets->len - 1] != '\n')
        text[secrets->len++] = '\n';
    memcpy(text + secrets->len, piece.at, piece.left);
    secrets->len += piece.left;
}

const char *secrets_text(const struct secrets *secrets)
{
    return secrets->newest != NULL ? secrets->newest->text : NULL;
}

void secrets_free(struct secrets *secrets)
{
    for (struct secrets_buffer *buffer = secrets->newest, *older; buffer != NULL; buffer = older) {
        older = buffer->older;
        explicit_bzero(buffer->text, buffer->cap);
        free(buffer);
    }
    *secrets = (struct secrets){ 0 };
}
