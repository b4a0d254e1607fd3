/* SPDX-License-Identifier: Apache-2.0
 * capped.c - an event for receivers that take only so many bytes.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "event.h"

/* A value of our own making, up to its closing quote. */
static int value_len(const char *line, size_t len, const char *mark, const char **value)
{
    const char *at = strstr(line, mark), *end;
    *value = "";
    if (at == NULL || (end = strchr(at + strlen(mark), '"')) == NULL || end - line > (ptrdiff_t)len)
        return 0;
    *value = at + strlen(mark);
    return end - *value > 64 ? 0 : (int)(end - *value);
}

/* All that fits wherever anything fits: which event it was. */
static char *least_event(const char *line, size_t len, size_t *out_len)
{
    const char *when, *id, *dataset;
    int when_len = value_len(line, len, "\"@timestamp\":\"", &when);
    int id_len = value_len(line, len, "\"id\":\"", &id);
    int dataset_len = value_len(line, len, "\"dataset\":\"", &dataset);
    char *out = malloc(512);
    if (out != NULL)
        *out_len = (size_t)snprintf(
            out, 512,
            "{\"@timestamp\":\"%.*s\",\"event\":{\"id\":\"%.*s\",\"module\":\"mailtls\","
            "\"dataset\":\"%.*s\"},\"ecs\":{\"version\":\"9.4.0\"},"
            "\"mailtls\":{\"schema\":\"1\",\"truncated\":[\"all\"]}}",
            when_len, when, id_len, id, dataset_len, dataset);
    return out;
}

char *event_capped(const char *line, size_t len, size_t most, size_t *out_len)
{
    if (len > most)
        return least_event(line, len, out_len);
    char *out = malloc(len + 1);
    if (out == NULL)
        return NULL;
    memcpy(out, line, len);
    out[len] = '\0';
    *out_len = len;
    return out;
}
