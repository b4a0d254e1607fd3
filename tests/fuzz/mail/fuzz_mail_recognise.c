/* SPDX-License-Identifier: Apache-2.0
 * fuzz_mail_recognise.c - recognition and PROXY headers: bounded, and decided once all is there.
 */
#include <stdlib.h>

#include "mail.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct reader input = reader_of(data, size);
    uint16_t port = reader_u16(&input);
    struct reader client = reader_vec16(&input), server = input;
    enum mail_protocol protocol;

    enum mail_recognised is = mail_recognise(client, true, server, true, port, &protocol);
    if (is == MAIL_RECOGNISED_MORE || (is == MAIL_RECOGNISED_YES) != (protocol != MAIL_NONE))
        abort();
    /* What is certain from a beginning stays so with more bytes of the same side. */
    for (size_t len = 0; len < server.left && len < 64; len++) {
        enum mail_protocol early;
        struct reader none = { 0 }, begin = reader_of(server.at, len);
        if (mail_recognise(none, false, begin, false, port, &early) == MAIL_RECOGNISED_YES) {
            enum mail_protocol late;
            if (mail_recognise(none, false, server, false, port, &late) != MAIL_RECOGNISED_YES ||
                late != early)
                abort();
            break;
        }
    }

    struct arena arena;
    struct text address = { 0 };
    uint16_t proxied = 0;
    arena_init(&arena, 4096);
    size_t header = mail_proxy_header(client, &address, &proxied, &arena);
    if ((header != SIZE_MAX && header > client.left) || address.len > 45)
        abort();
    arena_free(&arena);
    return 0;
}
