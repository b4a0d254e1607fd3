/* SPDX-License-Identifier: Apache-2.0
 * restate.c - pieces of a printed event exchanged, by a table of where they stand.
 */
#include "restate.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "eve.h"

enum piece {
    PIECE_NONE, /* only a place to go on from */
    PIECE_TIME_ECS,
    PIECE_TIME_EVE,
    PIECE_TIME_MS,
    PIECE_ID,
    PIECE_UPDATE,
    PIECE_COUNT,
    PIECE_OCSF_ACTIVITY, /* 2: update */
    PIECE_OCSF_TYPE,
    PIECES
};

struct place {
    enum piece piece;
    const char *mark, *end; /* the value stands behind the one and before any of the others */
};

/* In the order in which they stand. */
static const struct place ecs[] = {
    { PIECE_TIME_ECS, "\"@timestamp\":\"", "\"" }, { PIECE_ID, "\"event\":{\"id\":\"", "\"" },
    { PIECE_NONE, "\"finding\":{", "" },           { PIECE_UPDATE, "\"update\":", "," },
    { PIECE_COUNT, "\"count\":", ",}" },           { PIECES, NULL, NULL }
};
static const struct place eve[] = { { PIECE_TIME_EVE, "\"timestamp\":\"", "\"" },
                                    { PIECE_NONE, "\"metadata\":{", "" },
                                    { PIECE_ID, "\"starttap_event_id\":[\"", "\"" },
                                    { PIECE_UPDATE, "\"starttap_update\":[\"", "\"" },
                                    { PIECE_COUNT, "\"starttap_count\":[\"", "\"" },
                                    { PIECES, NULL, NULL } };
static const struct place cef[] = { { PIECE_TIME_MS, "|rt=", " " },
                                    { PIECE_ID, " externalId=", " " },
                                    { PIECE_COUNT, " cnt=", " " },
                                    { PIECES, NULL, NULL } };
static const struct place leef[] = { { PIECE_TIME_MS, "|devTime=", "^" },
                                     { PIECE_ID, "^eventUid=", "^" },
                                     { PIECE_COUNT, "^eventCount=", "^" },
                                     { PIECES, NULL, NULL } };
static const struct place ocsf[] = { { PIECE_OCSF_ACTIVITY, "\"activity_id\":", "," },
                                     { PIECE_OCSF_TYPE, "\"type_uid\":", "," },
                                     { PIECE_TIME_MS, "\"time\":", "," },
                                     { PIECE_COUNT, "\"count\":", "," },
                                     { PIECE_ID, "\"metadata\":{\"uid\":\"", "\"" },
                                     { PIECE_NONE, "\"unmapped\":{", "" },
                                     { PIECE_UPDATE, "\"update\":", ",}" },
                                     { PIECES, NULL, NULL } };
static const struct place *const places[FORMAT_COUNT] = {
    [FORMAT_ECS] = ecs,   [FORMAT_EVE] = eve,   [FORMAT_CEF] = cef,
    [FORMAT_LEEF] = leef, [FORMAT_OCSF] = ocsf,
};

enum { PIECE_SIZE = EVE_TIME_SIZE };

static void set_values(char values[PIECES][PIECE_SIZE], const struct event *update, uint64_t count)
{
    clock_text(update->key.time_ns, values[PIECE_TIME_ECS]);
    eve_time(update->key.time_ns, values[PIECE_TIME_EVE]);
    snprintf(values[PIECE_TIME_MS], PIECE_SIZE, "%lld",
             (long long)(update->key.time_ns / NS_PER_MS));
    snprintf(values[PIECE_ID], PIECE_SIZE, "%s", update->key.id);
    snprintf(values[PIECE_UPDATE], PIECE_SIZE, "%u", (unsigned)update->update);
    snprintf(values[PIECE_COUNT], PIECE_SIZE, "%llu", (unsigned long long)count);
    snprintf(values[PIECE_OCSF_ACTIVITY], PIECE_SIZE, "2");
    snprintf(values[PIECE_OCSF_TYPE], PIECE_SIZE, "200402");
}

/* A value is replaced by one of at most PIECE_SIZE. */
static char *restated(const char *body, size_t len, const struct place *place,
                      char values[PIECES][PIECE_SIZE], size_t *out_len)
{
    char *out = malloc(len + (size_t)PIECES * PIECE_SIZE + 1);
    const char *from = body;
    size_t used = 0;
    if (out == NULL)
        return NULL;
    for (; place->mark != NULL; place++) {
        const char *at = strstr(from, place->mark);
        if (at == NULL) {
            free(out);
            return NULL;
        }
        at += strlen(place->mark);
        memcpy(out + used, from, (size_t)(at - from));
        used += (size_t)(at - from);
        from = at;
        if (place->piece == PIECE_NONE)
            continue;
        size_t value_len = strlen(values[place->piece]);
        memcpy(out + used, values[place->piece], value_len);
        used += value_len;
        from += strcspn(from, place->end);
    }
    size_t rest = len - (size_t)(from - body);
    memcpy(out + used, from, rest + 1);
    *out_len = used + rest;
    return out;
}

bool event_restate(struct event *update, const struct event *first, uint64_t count)
{
    char values[PIECES][PIECE_SIZE] = { 0 };
    set_values(values, update, count);
    for (int i = 0; i < FORMAT_COUNT; i++) {
        if (first->body[i] == NULL || places[i] == NULL)
            continue;
        update->body[i] =
            restated(first->body[i], first->len[i], places[i], values, &update->len[i]);
        if (update->body[i] == NULL)
            return false;
    }
    return true;
}
