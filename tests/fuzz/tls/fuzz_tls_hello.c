/* SPDX-License-Identifier: Apache-2.0
 * fuzz_tls_hello.c - bodies of handshake messages: the first octet names the message, the rest is
 * its body. A ServerHello goes before a ServerKeyExchange, with the suite of the next two octets.
 */
#include <string.h>

#include "tls.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void message(struct tls *tls, enum side side, uint8_t type, struct reader body)
{
    static uint8_t record[5 + 4 + 16384];
    if (body.left > 16380)
        body = reader_take(&body, 16380);
    size_t len = body.left + 4;
    const uint8_t header[] = { 22,
                               3,
                               3,
                               (uint8_t)(len >> 8),
                               (uint8_t)len,
                               type,
                               0,
                               (uint8_t)(body.left >> 8),
                               (uint8_t)body.left };
    memcpy(record, header, sizeof header);
    if (body.left > 0)
        memcpy(record + sizeof header, body.at, body.left);
    struct tls_input input = { .side = side,
                               .bytes = reader_of(record, sizeof header + body.left) };
    if (tls_feed(tls, &input) > input.bytes.left)
        __builtin_trap();
}

static void server_hello(struct tls *tls, uint16_t suite)
{
    uint8_t body[38] = { 3, 3 };
    body[35] = (uint8_t)(suite >> 8);
    body[36] = (uint8_t)suite;
    message(tls, SIDE_SERVER, 2, reader_of(body, sizeof body));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct reader input = reader_of(data, size);
    struct arena arena;
    arena_init(&arena, LIMIT_SESSION_BYTES);
    struct intern *intern = intern_new(0);
    struct tls *tls = intern == NULL ? NULL : tls_new(&arena, intern);
    if (tls == NULL)
        return 0;

    uint8_t type = reader_u8(&input);
    if (type == 12)
        server_hello(tls, reader_u16(&input));
    message(tls, type == 1 ? SIDE_CLIENT : SIDE_SERVER, type, input);

    const struct tls_client_hello *hello = &tls_facts(tls)->client_hello;
    size_t listed = hello->ciphers.count + hello->extensions.count + hello->groups.count;
    uint8_t sum = 0; /* touch all that is said to be there */
    for (size_t i = 0; i < hello->ciphers.count; i++)
        sum ^= (uint8_t)hello->ciphers.at[i];
    for (size_t i = 0; i < hello->server_name.len; i++)
        sum ^= (uint8_t)hello->server_name.at[i];
    for (size_t i = 0; i < tls_facts(tls)->server_chain.count; i++)
        for (struct reader der = tls_facts(tls)->server_chain.certificates[i]; reader_more(&der);)
            sum ^= reader_u8(&der);
    if (listed > size + (size_t)sum / 256 || tls_facts(tls)->key_exchange.dh_bits > size * 8)
        __builtin_trap();
    tls_free(tls);
    intern_free(intern);
    arena_free(&arena);
    return 0;
}
