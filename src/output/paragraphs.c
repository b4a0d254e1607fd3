/* SPDX-License-Identifier: Apache-2.0
 * paragraphs.c - a short list kept in order of severity, falling.
 */
#include "paragraphs.h"

#include <stdlib.h>
#include <string.h>

bool paragraphs_continue(const struct paragraphs *paragraphs, const struct event *event)
{
    return paragraphs->count > 0 && event->key.dataset == DATASET_FINDING &&
           strcmp(paragraphs->session_id, event->session_id) == 0;
}

bool paragraphs_hold(struct paragraphs *paragraphs, const struct event *event)
{
    size_t at = paragraphs->count, len = event->len[FORMAT_TEXT];
    char *text = at < LIMIT_FINDINGS ? malloc(len > 0 ? len : 1) : NULL;
    if (text == NULL)
        return false;
    memcpy(text, event->body[FORMAT_TEXT], len);
    for (; at > 0 && paragraphs->held[at - 1].severity < event->severity; at--)
        paragraphs->held[at] = paragraphs->held[at - 1];
    paragraphs->held[at] =
        (struct paragraph){ .text = text, .len = len, .severity = event->severity };
    paragraphs->count++;
    memcpy(paragraphs->session_id, event->session_id, sizeof paragraphs->session_id);
    return true;
}

void paragraphs_flush(struct paragraphs *paragraphs,
                      void (*put)(void *to, const char *text, size_t len), void *to)
{
    for (size_t i = 0; i < paragraphs->count; i++) {
        put(to, paragraphs->held[i].text, paragraphs->held[i].len);
        free(paragraphs->held[i].text);
    }
    paragraphs->count = 0;
}
