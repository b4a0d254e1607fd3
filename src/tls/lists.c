/* SPDX-License-Identifier: Apache-2.0
 * lists.c - the lists of a ClientHello, which are the same for every client of a kind: they are
 * kept together, once for all connections.
 *
 * While the hello is read they grow behind one another in memory of the caller; what finds no room
 * there, and what a server lists, is in the arena. All of it counts as the arena's.
 */
#include "tls_state.h"

uint16_t *tls_list_room(struct tls *tls, size_t count)
{
    struct tls_lists *lists = tls->lists;
    uint16_t *at = NULL;
    if (lists == NULL || count > sizeof lists->values / sizeof lists->values[0] - lists->count)
        at = arena_alloc(tls->arena, count * sizeof *at);
    else if (arena_charge(tls->arena, count * sizeof *at))
        at = lists->values + lists->count;
    if (at == NULL)
        tls->facts.out_of_memory = true;
    return at;
}

static bool is_among(const struct tls_lists *lists, const uint16_t *at)
{
    uintptr_t first = lists == NULL ? 0 : (uintptr_t)lists->values, place = (uintptr_t)at;
    return lists != NULL && place >= first &&
           place <= first + lists->count * sizeof lists->values[0];
}

struct u16_list tls_list_end(struct tls *tls, uint16_t *at, size_t count)
{
    if (is_among(tls->lists, at))
        tls->lists->count += count;
    return (struct u16_list){ .at = at, .count = count };
}

void tls_lists_keep(struct tls *tls, struct tls_client_hello *hello)
{
    struct tls_lists *lists = tls->lists;
    struct u16_list *of_hello[] = { &hello->versions,   &hello->ciphers,
                                    &hello->extensions, &hello->groups,
                                    &hello->key_shares, &hello->signature_algorithms };
    tls->lists = NULL;
    intern_release(tls->intern, tls->hello_lists);
    tls->hello_lists =
        intern_hold(tls->intern, lists->values, lists->count * sizeof lists->values[0]);
    if (tls->hello_lists == NULL)
        tls->facts.out_of_memory = true;
    const uint16_t *kept = tls->hello_lists;
    for (size_t i = 0; i < sizeof of_hello / sizeof of_hello[0]; i++) {
        struct u16_list *list = of_hello[i];
        if (!is_among(lists, list->at))
            continue;
        *list = kept == NULL ? (struct u16_list){ 0 }
                             : (struct u16_list){ .at = kept + (list->at - lists->values),
                                                  .count = list->count };
    }
}
