/* SPDX-License-Identifier: Apache-2.0
 * certificate.c - the Certificate message of TLS 1.2 and before: its certificates as sent, one copy
 * of each for all connections.
 *
 * RFC 5246 section 7.4.2: a vector of vectors. They are not parsed here. A message over a maximum
 * is refused whole and by name: half a chain would be judged as if the rest were missing.
 */
#include "tls_state.h"

static const uint8_t empty; /* where there are no bytes to point to */

static struct tls_chain *chain_of(struct tls *tls, enum side side)
{
    return side == SIDE_SERVER ? &tls->facts.server_chain : &tls->facts.client_chain;
}

void tls_chain_refuse(const struct tls_cursor *at, uint32_t wire_len, struct mark where)
{
    struct tls_chain *chain = chain_of(at->tls, at->side);
    if (at->side == SIDE_CLIENT)
        at->tls->facts.client_certificate_sent = true;
    if (!chain->seen)
        *chain = (struct tls_chain){
            .seen = true, .too_large = true, .wire_len = wire_len, .where = where
        };
}

void tls_chain_copy(struct tls *tls, struct tls_chain *chain, const struct reader *ders,
                    size_t count)
{
    size_t total = 0;
    for (size_t i = 0; i < count; i++)
        total += ders[i].left;
    if (count == 0)
        return;

    struct reader *windows = arena_alloc(tls->arena, count * sizeof *windows);
    bool fits = windows != NULL && arena_charge(tls->arena, total);
    struct tls_chain kept = { .certificates = windows };
    for (size_t i = 0; fits && i < count; i++) {
        const void *der =
            intern_hold(tls->intern, ders[i].left > 0 ? ders[i].at : &empty, ders[i].left);
        fits = der != NULL;
        if (fits)
            windows[kept.count++] = reader_of(der, ders[i].left);
    }
    if (!fits) {
        tls_chain_forget(tls, &kept);
        tls->facts.out_of_memory = true;
        chain->too_large = true;
        return;
    }
    chain->certificates = windows;
    chain->count = count;
}

void tls_chain_forget(struct tls *tls, struct tls_chain *chain)
{
    for (size_t i = 0; i < chain->count; i++)
        intern_release(tls->intern, chain->certificates[i].at);
    chain->count = 0;
}

void tls_certificate_take(const struct tls_cursor *at, struct reader body, struct mark where)
{
    struct tls *tls = at->tls;
    struct tls_chain *chain = chain_of(tls, at->side);
    struct reader ders[LIMIT_CHAIN_CERTIFICATES];
    size_t count = 0;
    bool over = false;
    struct tls_chain found = { .seen = true, .wire_len = (uint32_t)body.left, .where = where };

    if (chain->seen)
        return;
    struct reader list = reader_vec24(&body);
    while (reader_more(&list)) {
        struct reader der = reader_vec24(&list);
        if (!reader_ok(&der))
            break;
        if (count < LIMIT_CHAIN_CERTIFICATES)
            ders[count++] = der;
        else
            over = true;
    }
    found.malformed = !reader_ok(&list) || !reader_ok(&body) || reader_more(&body);
    if (found.malformed)
        tls_note(tls, (struct tls_note){ .kind = TLS_NOTE_MALFORMED,
                                         .side = at->side,
                                         .code = MESSAGE_CERTIFICATE,
                                         .len = found.wire_len,
                                         .where = where });
    if (over)
        found.too_large = true;
    else
        tls_chain_copy(tls, &found, ders, count);
    *chain = found;

    if (at->side == SIDE_CLIENT) {
        tls->facts.client_certificate_sent = count > 0;
        tls->facts.client_certificate_empty = count == 0 && !found.malformed;
    }
}
