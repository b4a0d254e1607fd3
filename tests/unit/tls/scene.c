/* SPDX-License-Identifier: Apache-2.0
 * scene.c - see scene.h.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "scene.h"

static struct wire wire;
struct talk talk;
const struct tls_facts *facts;

int scene_begin(void **state)
{
    (void)state;
    talk_begin(&talk);
    facts = talk_facts(&talk);
    return 0;
}

int scene_end(void **state)
{
    (void)state;
    talk_end(&talk);
    return 0;
}

const struct hello_plan client12 = { .ja3 = "771,49199-47-57,10-11-23-65281,29-23,0" };
const struct hello_plan client13 = { .ja3 = "771,4865-4866-4869,10-13-43-51,29,",
                                     .signatures = "0403",
                                     .versions = "0304,0303" };

void certificate(enum side side, const char *const *ders)
{
    wire.len = 0;
    size_t list = wire_open(&wire, 3);
    for (; *ders != NULL; ders++) {
        wire_uint(&wire, (uint32_t)strlen(*ders), 3);
        wire_bytes(&wire, *ders, strlen(*ders));
    }
    wire_close(&wire, list, 3);
    talk_message(&talk, side, 11, wire.at, wire.len);
}

void ecdhe(uint16_t group)
{
    wire.len = 0;
    wire_uint(&wire, 3, 1);
    wire_uint(&wire, group, 2);
    wire_uint(&wire, 32, 1);
    wire_zeros(&wire, 32);
    wire_uint(&wire, 0x0804, 2);
    wire_uint(&wire, 64, 2);
    wire_zeros(&wire, 64);
    talk_message(&talk, S, 12, wire.at, wire.len);
}

/* A full handshake of TLS 1.2 up to, and not with, the server's ChangeCipherSpec. */
void up_to_client_finished(void)
{
    talk_client_hello(&talk, &client12);
    talk_server_hello(&talk, &(struct server_plan){ .ja3s = "771,49199,65281-11" });
    certificate(S, (const char *[]){ "first", "second", NULL });
    ecdhe(29);
    talk_message(&talk, S, 14, NULL, 0);
    wire.len = 0;
    wire_zeros(&wire, 66);
    talk_message(&talk, C, 16, wire.at, wire.len);
    talk_record(&talk, C, 20, "\1", 1);
    talk_sealed(&talk, C, 22, 40);
}

void server_finished(void)
{
    talk_record(&talk, S, 20, "\1", 1);
    talk_sealed(&talk, S, 22, 40);
}

void hellos13(const char *suite)
{
    talk_client_hello(&talk, &client13);
    talk_server_hello(&talk,
                      &(struct server_plan){ .ja3s = suite, .version = 0x0304, .group = 29 });
    talk_record(&talk, S, 20, "\1", 1);
    talk_sealed(&talk, S, 23, 23);
    talk_sealed(&talk, S, 23, 823);
    talk_sealed(&talk, S, 23, 281);
    talk_sealed(&talk, S, 23, 69);
}
