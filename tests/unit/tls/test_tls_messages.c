/* SPDX-License-Identifier: Apache-2.0
 * test_tls_messages.c - handshake messages: certificates, key exchanges, second hellos, and those
 * that are too large, out of place or contradict themselves.
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

/* Both sides send a ChangeCipherSpec between the hellos: what follows is clear all the same. */
static void test_retry_with_ccs(void **state)
{
    (void)state;
    talk_client_hello(&talk, &client13);
    talk_server_hello(
        &talk, &(struct server_plan){
                   .ja3s = "771,4865,43-51", .version = 0x0304, .group = 24, .retry = true });
    assert_true(facts->hello_retry && !facts->server_hello.seen);
    assert_int_equal(facts->hello_retry_group, 24);
    assert_int_equal(facts->visible, TLS_CERT_NOT_SEEN);
    talk_record(&talk, S, 20, "\1", 1);
    talk_record(&talk, C, 20, "\1", 1);
    wire.len = 0;
    wire_uint(&wire, 1, 1);
    size_t opened = wire_open(&wire, 3);
    wire_client_hello(&wire, &client13);
    wire_close(&wire, opened, 3);
    static uint8_t hello[1024];
    size_t len = wire.len;
    memcpy(hello, wire.at, len);
    talk_record(&talk, C, 22, hello, 30); /* it may be split over records like any other */
    talk_record(&talk, C, 22, hello + 30, len - 30);
    talk_server_hello(
        &talk, &(struct server_plan){ .ja3s = "771,4865,51-43", .version = 0x0304, .group = 24 });
    assert_int_equal(facts->client_hellos, 2);
    assert_int_equal(facts->server_hellos, 1);
    assert_int_equal(facts->server_hello.version, 0x0304);
    assert_int_equal(facts->note_count, 0);
}

/* One HelloRetryRequest answers for one hello. */
static void test_retry_then_two_hellos(void **state)
{
    (void)state;
    talk_client_hello(&talk, &client13);
    talk_server_hello(&talk, &(struct server_plan){ .ja3s = "771,4865,51", .retry = true });
    talk_client_hello(&talk, &client13);
    assert_int_equal(facts->note_count, 0);
    talk_client_hello(&talk, &client13);
    assert_int_equal(facts->note_count, 1);
    assert_int_equal(facts->notes[0].kind, TLS_NOTE_SECOND_HELLO);
}

static void test_second_hello(void **state)
{
    (void)state;
    talk_client_hello(&talk, &client13);
    talk_server_hello(&talk, &(struct server_plan){ .ja3s = "771,49199," });
    talk_client_hello(&talk, &client12);
    assert_int_equal(facts->note_count, 1);
    assert_int_equal(facts->notes[0].kind, TLS_NOTE_SECOND_HELLO);
    assert_int_equal(facts->first_version_max, 0x0304);
    assert_int_equal(facts->client_hello.version_max, 0x0303); /* the last one is reported */
    for (unsigned i = 0; i < 3 * LIMIT_TLS_HELLOS; i++)
        talk_client_hello(&talk, &client13);
    assert_int_equal(facts->client_hellos, 2 + 3 * LIMIT_TLS_HELLOS);
    assert_false(facts->out_of_memory);
}

/* As in a real capture: 339,629 bytes of Certificate message, over 21 records. */
static void test_large_certificate(void **state)
{
    (void)state;
    static char der[3][60001];
    static const char *ders[7];
    for (size_t i = 0; i < 3; i++)
        memset(der[i], 'a' + (int)i, 60000);
    for (size_t i = 0; i < 5; i++)
        ders[i] = der[i % 3];
    static char last[39601];
    memset(last, 'z', 39600);
    ders[5] = last;
    talk_client_hello(&talk, &client12);
    talk_server_hello(&talk, &(struct server_plan){ .ja3s = "771,49199," });
    certificate(S, ders);
    assert_int_equal(facts->server_chain.count, 6);
    assert_false(facts->server_chain.too_large || facts->server_chain.malformed);
    assert_int_equal(facts->server_chain.certificates[5].left, 39600);
    assert_int_equal(facts->server_chain.certificates[5].at[39599], 'z');
    assert_int_equal(facts->server_chain.wire_len, 339621);
    ecdhe(23);
    assert_int_equal(facts->key_exchange.group, 23);
}

/* One over the maximum is refused by name, and what follows it is read. */
static void test_too_large_certificate(void **state)
{
    (void)state;
    static uint8_t body[LIMIT_TLS_CERTIFICATE_MESSAGE_BYTES + 1];
    talk_client_hello(&talk, &client12);
    talk_server_hello(&talk, &(struct server_plan){ .ja3s = "771,49199," });
    talk_message(&talk, S, 11, body, sizeof body);
    assert_true(facts->server_chain.seen && facts->server_chain.too_large);
    assert_int_equal(facts->server_chain.count, 0);
    assert_int_equal(facts->server_chain.wire_len, sizeof body);
    assert_int_equal(facts->note_count, 1);
    assert_int_equal(facts->notes[0].kind, TLS_NOTE_MESSAGE_TOO_LARGE);
    assert_int_equal(facts->notes[0].code, 11);
    assert_int_equal(facts->notes[0].len, sizeof body);
    assert_int_equal(facts->visible, TLS_CERT_YES);
    ecdhe(23);
    assert_int_equal(facts->key_exchange.group, 23);
}

static void test_too_many_certificates(void **state)
{
    (void)state;
    const char *ders[LIMIT_CHAIN_CERTIFICATES + 2] = { 0 };
    for (size_t i = 0; i < LIMIT_CHAIN_CERTIFICATES + 1; i++)
        ders[i] = "c";
    certificate(S, ders + 1);
    assert_int_equal(facts->server_chain.count, LIMIT_CHAIN_CERTIFICATES);
    talk_end(&talk);
    talk_begin(&talk);
    facts = talk_facts(&talk);
    certificate(S, ders);
    assert_int_equal(facts->server_chain.count, 0);
    assert_true(facts->server_chain.too_large);
}

static void test_arena_refuses(void **state)
{
    (void)state;
    talk.arena.max = talk.arena.used + 50;
    certificate(S, (const char *[]){ "0123456789012345678901234567890123456789", NULL });
    assert_true(facts->out_of_memory && facts->server_chain.too_large);
    assert_int_equal(facts->server_chain.count, 0);
    talk.arena.max = talk.arena.used;
    talk_client_hello(&talk, &client12);
    assert_true(facts->client_hello.seen);
    assert_string_equal(facts->client_hello.ja3, ""); /* lists are missing: no fingerprint */
}

static void test_truncated_certificate(void **state)
{
    (void)state;
    static struct wire whole;
    whole.len = 0;
    size_t list = wire_open(&whole, 3);
    wire_uint(&whole, 5, 3);
    wire_bytes(&whole, "first", 5);
    wire_uint(&whole, 6, 3);
    wire_bytes(&whole, "second", 6);
    wire_close(&whole, list, 3);
    for (size_t len = 0; len < whole.len; len++) {
        talk_end(&talk);
        talk_begin(&talk);
        facts = talk_facts(&talk);
        talk_message(&talk, S, 11, whole.at, len);
        assert_true(facts->server_chain.malformed);
        assert_int_equal(facts->server_chain.count, 0); /* the outer length does not fit */
        assert_int_equal(facts->notes[0].kind, TLS_NOTE_MALFORMED);
    }
}

/* An inner length that does not fit costs what is behind it. */
static void test_broken_chain(void **state)
{
    (void)state;
    wire.len = 0;
    size_t list = wire_open(&wire, 3);
    wire_uint(&wire, 5, 3);
    wire_bytes(&wire, "first", 5);
    wire_uint(&wire, 7, 3);
    wire_bytes(&wire, "second", 6);
    wire_close(&wire, list, 3);
    talk_message(&talk, S, 11, wire.at, wire.len);
    assert_true(facts->server_chain.malformed);
    assert_int_equal(facts->server_chain.count, 1);
}

static void test_client_without_certificate(void **state)
{
    (void)state;
    talk_client_hello(&talk, &client12);
    talk_server_hello(&talk, &(struct server_plan){ .ja3s = "771,49199," });
    talk_message(&talk, S, 13, "\1\1\0\0\0\0", 6);
    certificate(C, (const char *[]){ NULL });
    assert_true(facts->client_certificate_requested && facts->client_certificate_empty);
    assert_false(facts->client_certificate_sent);
}

struct exchange {
    const char *suite;
    bool hint, dhe, anonymous, is_signed, tls12;
};

static void key_exchange_body(struct wire *out, const struct exchange *plan)
{
    out->len = 0;
    if (plan->hint) {
        wire_uint(out, 4, 2);
        wire_bytes(out, "hint", 4);
    }
    if (plan->dhe) {
        wire_uint(out, 66, 2); /* two zeros and one bit of the next byte: 505 bits */
        wire_zeros(out, 2);
        wire_uint(out, 1, 1);
        for (uint32_t i = 0; i < 63; i++)
            wire_uint(out, i, 1);
        wire_uint(out, 1, 2);
        wire_uint(out, 2, 1);
        wire_uint(out, 64, 2);
        wire_zeros(out, 64);
    } else {
        wire_uint(out, 3, 1);
        wire_uint(out, 24, 2);
        wire_uint(out, 97, 1);
        wire_zeros(out, 97);
    }
    if (plan->is_signed) {
        if (plan->tls12)
            wire_uint(out, 0x0601, 2);
        wire_uint(out, 256, 2);
        wire_zeros(out, 256);
    }
}

static void test_key_exchanges(void **state)
{
    (void)state;
    static const struct exchange plans[] = {
        { "771,158,", false, true, false, true, true },    /* DHE_RSA */
        { "770,57,", false, true, false, true, false },    /* DHE_RSA, TLS 1.1 */
        { "768,22,", false, true, false, true, false },    /* DHE_RSA, SSL 3.0 */
        { "771,52,", false, true, true, false, true },     /* DH_anon */
        { "771,144,", true, true, false, false, true },    /* DHE_PSK */
        { "771,49199,", false, false, false, true, true }, /* ECDHE_RSA */
        { "769,49171,", false, false, false, true, false },
        { "771,49176,", false, false, true, false, true }, /* ECDH_anon */
        { "771,49205,", true, false, false, false, true }, /* ECDHE_PSK */
    };
    for (size_t i = 0; i < sizeof plans / sizeof plans[0]; i++) {
        static struct wire body;
        key_exchange_body(&body, &plans[i]);
        for (size_t len = 0; len <= body.len; len++) {
            talk_end(&talk);
            talk_begin(&talk);
            facts = talk_facts(&talk);
            talk_server_hello(&talk, &(struct server_plan){ .ja3s = plans[i].suite });
            talk_message(&talk, S, 12, body.at, len);
            const struct tls_key_exchange *key = &facts->key_exchange;
            assert_true(key->seen);
            assert_int_equal(key->malformed, len < body.len);
            assert_int_equal(key->anonymous, plans[i].anonymous);
            if (len < body.len)
                continue;
            assert_int_equal(key->dh_bits, plans[i].dhe ? 505 : 0);
            assert_int_equal(key->group, plans[i].dhe ? 0 : 24);
            assert_int_equal(key->signature_algorithm,
                             plans[i].is_signed && plans[i].tls12 ? 0x0601 : 0);
        }
    }
}

static void test_explicit_curve(void **state)
{
    (void)state;
    talk_server_hello(&talk, &(struct server_plan){ .ja3s = "771,49199," });
    talk_message(&talk, S, 12, "\1\x10zzzzzzzzzzzzzzzzzz", 20);
    assert_true(facts->key_exchange.explicit_curve);
    assert_int_equal(facts->key_exchange.group, 0);
}

static void test_unexpected(void **state)
{
    (void)state;
    talk_client_hello(&talk, &client12);
    talk_message(&talk, S, 99, "abc", 3);
    talk_message(&talk, S, 16, "abc", 3);
    talk_server_hello(&talk, &(struct server_plan){ .ja3s = "771,49199," });
    assert_int_equal(facts->note_count, 2);
    assert_int_equal(facts->notes[0].kind, TLS_NOTE_UNEXPECTED_MESSAGE);
    assert_int_equal(facts->notes[0].code, 99);
    assert_int_equal(facts->notes[1].code, 16);
    assert_false(facts->client_key_exchange); /* it is not the server's to send */
    assert_true(facts->server_hello.seen);
}

/* Data in the midst of a message: the message is given up, the records go on. */
static void test_interleaved(void **state)
{
    (void)state;
    talk_client_hello(&talk, &client12);
    talk_server_hello(&talk, &(struct server_plan){ .ja3s = "771,49199," });
    talk_record(&talk, S, 22, "\x0b\0\1\0abc", 7);
    talk_record(&talk, S, 20, "\1", 1);
    assert_int_equal(facts->notes[0].kind, TLS_NOTE_MALFORMED);
    assert_int_equal(facts->notes[0].code, 11);
    assert_false(facts->server_chain.seen);
    talk_sealed(&talk, S, 22, 40);
    assert_int_equal(facts->encrypted[S].handshake_records, 1);
}

static void test_interleaved_data(void **state)
{
    (void)state;
    talk_client_hello(&talk, &client12);
    talk_server_hello(&talk, &(struct server_plan){ .ja3s = "771,49199," });
    talk_record(&talk, S, 22, "\x0b\0\1\0abc", 7);
    talk_sealed(&talk, S, 23, 10);
    talk_message(&talk, S, 14, NULL, 0);
    assert_true(facts->server_hello_done);
}

/* Of several Certificate messages the first counts. */
static void test_two_chains(void **state)
{
    (void)state;
    certificate(S, (const char *[]){ "first", NULL });
    certificate(S, (const char *[]){ "second", "third", NULL });
    assert_int_equal(facts->server_chain.count, 1);
    assert_memory_equal(facts->server_chain.certificates[0].at, "first", 5);
}

/* The length of a message whose type is unknown is not believed. */
static void test_unknown_message_costs_its_record(void **state)
{
    (void)state;
    talk.cut = 1;
    talk_client_hello(&talk, &client12);
    talk_record(&talk, S, 22, "\x63\xff\xff\xff....", 8);
    talk_server_hello(&talk, &(struct server_plan){ .ja3s = "771,49199," });
    assert_true(facts->server_hello.seen);
    assert_int_equal(facts->note_count, 1);
}

#define T(name) cmocka_unit_test_setup_teardown(name, scene_begin, scene_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_retry_with_ccs),
        T(test_retry_then_two_hellos),
        T(test_second_hello),
        T(test_large_certificate),
        T(test_too_large_certificate),
        T(test_too_many_certificates),
        T(test_arena_refuses),
        T(test_truncated_certificate),
        T(test_broken_chain),
        T(test_client_without_certificate),
        T(test_key_exchanges),
        T(test_explicit_curve),
        T(test_unexpected),
        T(test_unknown_message_costs_its_record),
        T(test_interleaved),
        T(test_interleaved_data),
        T(test_two_chains),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
