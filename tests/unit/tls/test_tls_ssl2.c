/* SPDX-License-Identifier: Apache-2.0
 * test_tls_ssl2.c - hellos in SSLv2 format and sessions of SSL 2.0.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "wire.h"

#define C SIDE_CLIENT
#define S SIDE_SERVER

static struct wire wire;

static void close_record(struct wire *record, size_t opened)
{
    wire_close(record, opened, 2);
    record->at[opened - 2] |= 0x80;
}

static void client_hello(struct wire *out, uint16_t version)
{
    static const uint32_t kinds[] = { 0x010080, 0x00002f, 0x0700c0, 0x0000ff };
    size_t opened = wire_open(out, 2);
    wire_uint(out, 1, 1);
    wire_uint(out, version, 2);
    wire_uint(out, sizeof kinds / sizeof kinds[0] * 3, 2);
    wire_uint(out, 0, 2);
    wire_uint(out, 16, 2);
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        wire_uint(out, kinds[i], 3);
    wire_zeros(out, 16);
    close_record(out, opened);
}

static void server_hello(struct wire *out, bool hit)
{
    size_t opened = wire_open(out, 2);
    wire_uint(out, 4, 1);
    wire_uint(out, hit, 1);
    wire_uint(out, hit ? 0 : 1, 1);
    wire_uint(out, 0x0002, 2);
    wire_uint(out, hit ? 0 : 11, 2);
    wire_uint(out, 3, 2);
    wire_uint(out, 16, 2);
    wire_bytes(out, "certificate", hit ? 0 : 11);
    wire_uint(out, 0x010080, 3);
    wire_zeros(out, 16);
    close_record(out, opened);
}

static void master_key(struct wire *out)
{
    size_t opened = wire_open(out, 2);
    wire_uint(out, 2, 1);
    wire_uint(out, 0x010080, 3);
    wire_zeros(out, 70);
    close_record(out, opened);
}

static void sealed(struct talk *talk, enum side side, size_t len, bool padded)
{
    wire.len = 0;
    wire_uint(&wire, (uint32_t)(padded ? len : len | 0x8000), 2);
    if (padded)
        wire_uint(&wire, 5, 1);
    for (size_t i = 0; i < len; i++)
        wire_uint(&wire, 0xa5, 1);
    talk_bytes(talk, side, wire.at, wire.len);
}

static void send_built(struct talk *talk, enum side side)
{
    talk_bytes(talk, side, wire.at, wire.len);
}

static void whole_session(struct talk *talk)
{
    wire.len = 0;
    client_hello(&wire, 0x0002);
    send_built(talk, C);
    wire.len = 0;
    server_hello(&wire, false);
    send_built(talk, S);
    wire.len = 0;
    master_key(&wire);
    send_built(talk, C);
    sealed(talk, C, 33, false);
    sealed(talk, S, 33, true);
    assert_int_not_equal(talk_facts(talk)->established, TRI_YES);
    sealed(talk, S, 33, false);
}

static void test_session(void **state)
{
    (void)state;
    struct talk talk;
    talk_begin(&talk);
    whole_session(&talk);
    const struct tls_facts *facts = talk_facts(&talk);
    assert_true(facts->ssl2 && facts->client_hello.ssl2 && facts->server_hello.ssl2);
    assert_int_equal(facts->client_hello.version, 2);
    assert_int_equal(facts->client_hello.version_max, 2);
    assert_int_equal(facts->server_hello.version, 2);
    assert_int_equal(facts->client_hello.ciphers.count, 2);
    assert_int_equal(facts->client_hello.ciphers.at[0], 0x002f);
    assert_int_equal(facts->client_hello.ssl2_kinds.count, 2);
    assert_int_equal(facts->client_hello.ssl2_kinds.at[1], 0x00c0);
    assert_int_equal(facts->client_hello.ssl2_cipher_count, 4);
    assert_int_equal(facts->client_hello.ssl2_ciphers[2], 0x0700c0);
    assert_true(facts->client_hello.renegotiation_info);
    assert_string_equal(facts->client_hello.ja3, "");
    assert_false(facts->client_hello.malformed || facts->server_hello.malformed);
    assert_int_equal(facts->server_hello.ssl2_kind, 0x010080);
    assert_string_equal(tls_hello_cipher_name(&facts->server_hello), "SSLv20_CK_RC4_128_WITH_MD5");
    assert_true((tls_hello_cipher_classes(&facts->server_hello) & CIPHER_RC4) != 0);
    assert_int_equal(facts->server_chain.count, 1);
    assert_memory_equal(facts->server_chain.certificates[0].at, "certificate", 11);
    assert_int_equal(facts->visible, TLS_CERT_YES);
    assert_int_equal(facts->resumed, TRI_NO);
    assert_int_equal(facts->established, TRI_YES);
    assert_int_equal(facts->note_count, 0);
    sealed(&talk, C, 100, false);
    assert_int_equal(facts->encrypted[C].application_records, 1);
    assert_int_equal(facts->encrypted[S].handshake_records, 2);
    talk_end(&talk);
}

static void test_cuts(void **state)
{
    (void)state;
    char *whole = NULL;
    for (size_t cut = 0; cut < 12; cut++) {
        struct talk talk;
        talk_begin(&talk);
        talk.cut = cut;
        whole_session(&talk);
        const char *text = facts_text(talk_facts(&talk));
        if (whole == NULL)
            whole = strdup(text);
        assert_string_equal(text, whole);
        talk_end(&talk);
    }
    free(whole);
}

static void test_resumed(void **state)
{
    (void)state;
    struct talk talk;
    talk_begin(&talk);
    wire.len = 0;
    client_hello(&wire, 0x0002);
    send_built(&talk, C);
    wire.len = 0;
    server_hello(&wire, true);
    send_built(&talk, S);
    sealed(&talk, C, 33, false);
    sealed(&talk, S, 33, false);
    sealed(&talk, S, 33, false);
    assert_int_equal(talk_facts(&talk)->resumed, TRI_YES);
    assert_int_equal(talk_facts(&talk)->visible, TLS_CERT_RESUMED);
    assert_int_equal(talk_facts(&talk)->established, TRI_YES);
    assert_int_equal(talk_facts(&talk)->note_count, 0);
    talk_end(&talk);
}

/* A hello in the old format that is answered by TLS. */
static void test_hello_then_tls(void **state)
{
    (void)state;
    for (size_t cut = 0; cut < 4; cut++) {
        struct talk talk;
        talk_begin(&talk);
        talk.cut = cut;
        wire.len = 0;
        client_hello(&wire, 0x0301);
        send_built(&talk, C);
        talk_server_hello(&talk, &(struct server_plan){ .ja3s = "769,47," });
        talk_message(&talk, S, 14, NULL, 0);
        talk_message(&talk, C, 16, "key", 3);
        talk_record(&talk, C, 20, "\1", 1);
        talk_sealed(&talk, C, 22, 40);
        talk_record(&talk, S, 20, "\1", 1);
        talk_sealed(&talk, S, 22, 40);
        const struct tls_facts *facts = talk_facts(&talk);
        assert_true(facts->client_hello.ssl2 && !facts->ssl2);
        assert_int_equal(facts->client_hello.version_max, 0x0301);
        assert_int_equal(facts->server_hello.version, 0x0301);
        assert_true(facts->client_key_exchange);
        assert_int_equal(facts->established, TRI_YES);
        assert_int_equal(facts->note_count, 0);
        talk_end(&talk);
    }
}

/* The client's side alone: its own bytes tell what it speaks. */
static void test_client_alone(void **state)
{
    (void)state;
    for (int tls = 0; tls < 2; tls++) {
        struct talk talk;
        talk_begin(&talk);
        wire.len = 0;
        client_hello(&wire, tls ? 0x0301 : 0x0002);
        send_built(&talk, C);
        if (tls == 1) {
            talk_message(&talk, C, 16, "key", 3);
        } else {
            wire.len = 0;
            master_key(&wire);
            send_built(&talk, C);
            sealed(&talk, C, 33, false);
        }
        assert_true(talk_facts(&talk)->client_key_exchange);
        assert_int_equal(talk_facts(&talk)->note_count, 0);
        assert_int_equal(talk_facts(&talk)->established, TRI_UNKNOWN);
        talk_end(&talk);
    }
}

/* A client that goes on in clear text after the server's refusal. */
static void test_clear_text_behind_hello(void **state)
{
    (void)state;
    struct talk talk;
    talk_begin(&talk);
    wire.len = 0;
    client_hello(&wire, 0x0301);
    send_built(&talk, C);
    talk_record(&talk, S, 21, "\2\x46", 2);
    talk_finished(&talk, S, false);
    assert_int_equal(talk_facts(&talk)->established, TRI_NO);
    assert_int_equal(talk_facts(&talk)->alerts[0].code, 70);
    talk_end(&talk);
}

/* Every truncation of both hellos: never a fact that is not there, never a byte beyond. */
static void test_truncated(void **state)
{
    (void)state;
    for (int server = 0; server < 2; server++) {
        static struct wire hello;
        hello.len = 0;
        if (server == 1)
            server_hello(&hello, false);
        else
            client_hello(&hello, 0x0301);
        for (size_t len = 0; len <= hello.len; len++) {
            struct talk talk;
            talk_begin(&talk);
            talk_bytes(&talk, server == 1 ? S : C, hello.at, len);
            const struct tls_facts *facts = talk_facts(&talk);
            bool seen = server == 1 ? facts->server_hello.seen : facts->client_hello.seen;
            assert_int_equal(seen, len == hello.len);
            assert_int_equal(facts->note_count, 0);
            talk_end(&talk);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_session),      cmocka_unit_test(test_cuts),
        cmocka_unit_test(test_resumed),      cmocka_unit_test(test_hello_then_tls),
        cmocka_unit_test(test_client_alone), cmocka_unit_test(test_clear_text_behind_hello),
        cmocka_unit_test(test_truncated),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
