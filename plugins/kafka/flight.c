/* SPDX-License-Identifier: Apache-2.0
 * flight.c - a list of what is under way.
 */
#include "flight.h"

#include <stdlib.h>
#include <string.h>

/* FNV-1a: ids are hashes already, they need no keyed one. */
static uint64_t id_hash(const char *id)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);

    for (; *id; id++)
        hash = (hash ^ (unsigned char)*id) * UINT64_C(0x100000001b3);
    return hash;
}

void flight_init(struct flight *flight) { *flight = (struct flight){ .first = 1 }; }

void flight_free(struct flight *flight)
{
    free(flight->entries);
    flight_init(flight);
}

void flight_clear(struct flight *flight)
{
    flight->first += flight->count;
    flight->count = 0;
}

bool flight_match(const struct flight *flight, const struct starttap_message *messages,
                  size_t count)
{
    for (size_t i = 0; i < flight->count && i < count; i++)
        if (flight->entries[i].id != id_hash(messages[i].id))
            return false;
    return true;
}

bool flight_take(struct flight *flight, const struct starttap_message *messages, size_t count)
{
    if (count > flight->room) {
        struct flight_entry *entries = realloc(flight->entries, count * sizeof(*entries));

        if (!entries)
            return false;
        flight->entries = entries;
        flight->room = count;
    }
    for (size_t i = 0; i < flight->count; i++)
        if (flight->entries[i].state == FLIGHT_LOST)
            flight->entries[i].state = FLIGHT_GROUNDED;
    for (; flight->count < count; flight->count++)
        flight->entries[flight->count] =
            (struct flight_entry){ .id = id_hash(messages[flight->count].id) };
    return true;
}

uint64_t flight_number(const struct flight *flight, size_t index) { return flight->first + index; }

void flight_start(struct flight *flight, size_t index)
{
    flight->entries[index].state = FLIGHT_FLYING;
}

void flight_report(struct flight *flight, uint64_t number, enum flight_state state)
{
    if (number >= flight->first && number - flight->first < flight->count)
        flight->entries[number - flight->first].state = state;
}

void flight_lose_all(struct flight *flight)
{
    for (size_t i = 0; i < flight->count; i++)
        if (flight->entries[i].state == FLIGHT_FLYING)
            flight->entries[i].state = FLIGHT_LOST;
}

bool flight_is_grounded(const struct flight *flight, size_t index)
{
    return flight->entries[index].state == FLIGHT_GROUNDED;
}

bool flight_is_flying(const struct flight *flight, size_t count)
{
    for (size_t i = 0; i < flight->count && i < count; i++)
        if (flight->entries[i].state == FLIGHT_FLYING)
            return true;
    return false;
}

static bool is_over(const struct flight_entry *entry)
{
    return entry->state == FLIGHT_LANDED || entry->state == FLIGHT_REFUSED;
}

size_t flight_open(const struct flight *flight, size_t count)
{
    size_t open = 0;

    for (size_t i = 0; i < flight->count && i < count; i++)
        open += !is_over(&flight->entries[i]);
    return open;
}

bool flight_has_lost(const struct flight *flight)
{
    for (size_t i = 0; i < flight->count; i++)
        if (flight->entries[i].state == FLIGHT_LOST)
            return true;
    return false;
}

void flight_land(struct flight *flight, size_t count, size_t *landed, size_t *refused)
{
    size_t over = 0;

    *refused = 0;
    for (; over < flight->count && over < count && is_over(&flight->entries[over]); over++)
        *refused += flight->entries[over].state == FLIGHT_REFUSED;
    flight->count -= over;
    flight->first += over;
    memmove(flight->entries, flight->entries + over, flight->count * sizeof(flight->entries[0]));
    *landed = over;
}
