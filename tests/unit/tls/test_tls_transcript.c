/* SPDX-License-Identifier: Apache-2.0
 * test_tls_transcript.c - real handshakes, whole and cut in every way: the facts are the same.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "wire.h"

/* clang-format off */
static const struct {
    const char *name;
    uint16_t version, cipher; /* cipher 0: whatever the stacks chose */
    enum tri established, resumed;
    enum tls_visible visible;
    size_t chain;
    uint32_t dh_bits;
    uint16_t group;
    bool retry;
    int alert; /* the first clear one; -1: none */
    enum side alert_side;
    enum tls_stage alert_stage;
} cases[] = {
    { "tls12", 0x0303, 0xc02b, TRI_YES, TRI_NO, TLS_CERT_YES, 1, 0, 29, false, -1, 0, 0 },
    { "tls12-resumed", 0x0303, 0xc02b, TRI_YES, TRI_YES, TLS_CERT_RESUMED, 0, 0, 0, false, -1, 0, 0 },
    { "tls12-dhe1024", 0x0303, 0x009f, TRI_YES, TRI_NO, TLS_CERT_YES, 1, 1024, 0, false, -1, 0, 0 },
    { "tls10", 0x0301, 0x002f, TRI_YES, TRI_NO, TLS_CERT_YES, 1, 0, 0, false, -1, 0, 0 },
    { "tls12-client-certificate", 0x0303, 0, TRI_YES, TRI_NO, TLS_CERT_YES, 1, 0, 29, false, -1, 0, 0 },
    { "tls12-unknown-ca", 0x0303, 0, TRI_NO, TRI_NO, TLS_CERT_YES, 1, 0, 29, false,
      48, SIDE_CLIENT, TLS_STAGE_SERVER_DONE },
    { "tls13", 0x0304, 0x1302, TRI_YES, TRI_NO, TLS_CERT_ENCRYPTED, 0, 0, 0, false, -1, 0, 0 },
    { "tls13-psk", 0x0304, 0x1302, TRI_YES, TRI_YES, TLS_CERT_RESUMED, 0, 0, 0, false, -1, 0, 0 },
    { "tls13-retry", 0x0304, 0x1302, TRI_YES, TRI_NO, TLS_CERT_ENCRYPTED, 0, 0, 0, true, -1, 0, 0 },
    { "tls13-unknown-ca", 0x0304, 0x1302, TRI_NO, TRI_NO, TLS_CERT_ENCRYPTED, 0, 0, 0, false,
      48, SIDE_CLIENT, TLS_STAGE_ENCRYPTED },
    { "version-refused", 0, 0, TRI_NO, TRI_UNKNOWN, TLS_CERT_NOT_SEEN, 0, 0, 0, false,
      70, SIDE_SERVER, TLS_STAGE_CLIENT_HELLO },
};
/* clang-format on */

#define COUNT (sizeof cases / sizeof cases[0])

static void test_facts(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT; i++) {
        struct talk talk;
        talk_begin(&talk);
        talk_play(&talk, cases[i].name, 0);
        talk_finished(&talk, SIDE_CLIENT, false);
        talk_finished(&talk, SIDE_SERVER, false);
        tls_end(talk.tls, true);
        const struct tls_facts *facts = talk_facts(&talk);
        print_message("%s\n", cases[i].name);

        assert_int_equal(facts->server_hello.version, cases[i].version);
        if (cases[i].cipher != 0)
            assert_int_equal(facts->server_hello.cipher, cases[i].cipher);
        assert_int_equal(facts->established, cases[i].established);
        assert_int_equal(facts->resumed, cases[i].resumed);
        assert_int_equal(facts->visible, cases[i].visible);
        assert_int_equal(facts->server_chain.count, cases[i].chain);
        assert_int_equal(facts->key_exchange.dh_bits, cases[i].dh_bits);
        assert_int_equal(facts->key_exchange.group, cases[i].group);
        assert_false(facts->key_exchange.malformed);
        assert_int_equal(facts->hello_retry, cases[i].retry);
        assert_true(text_same(facts->client_hello.server_name, TEXT("mx.example.org")));
        assert_int_equal(facts->note_count, 0);
        assert_false(facts->lost[SIDE_CLIENT] || facts->lost[SIDE_SERVER]);

        size_t clear = 0;
        for (size_t a = 0; a < facts->alert_count; a++)
            if (!facts->alerts[a].encrypted && clear++ == 0) {
                assert_int_equal(facts->alerts[a].code, cases[i].alert);
                assert_int_equal(facts->alerts[a].side, cases[i].alert_side);
                assert_int_equal(facts->alerts[a].stage, cases[i].alert_stage);
                assert_int_equal(facts->alerts[a].level, 2);
            }
        assert_int_equal(clear, cases[i].alert >= 0);
        talk_end(&talk);
    }
}

static void test_details(void **state)
{
    (void)state;
    struct talk talk;
    talk_begin(&talk);
    talk_play(&talk, "tls12", 0);
    const struct tls_facts *facts = talk_facts(&talk);
    assert_true(facts->server_hello_done && facts->client_key_exchange && facts->new_ticket);
    assert_false(facts->client_certificate_requested || facts->certificate_verify);
    assert_int_equal(facts->server_chain.certificates[0].at[0], 0x30); /* a DER sequence */
    assert_int_not_equal(facts->key_exchange.signature_algorithm, 0);
    /* close_notify of both sides, encrypted: its sender and place are all that can be known. */
    assert_int_equal(facts->alert_count, 2);
    assert_true(facts->alerts[0].encrypted && facts->alerts[1].encrypted);
    assert_int_equal(facts->alerts[0].side, SIDE_CLIENT);
    assert_int_equal(facts->alerts[0].record_len, 26);
    assert_int_equal(facts->alerts[0].stage, TLS_STAGE_ESTABLISHED);
    assert_int_equal(facts->encrypted[SIDE_CLIENT].handshake_records, 1);
    assert_int_equal(facts->encrypted[SIDE_CLIENT].application_records, 1);
    assert_int_equal(facts->encrypted[SIDE_CLIENT].alerts, 1);
    assert_int_equal(facts->encrypted[SIDE_CLIENT].last_type, 21);
    assert_int_equal(facts->encrypted[SIDE_CLIENT].last_length, 26);
    talk_end(&talk);

    talk_begin(&talk);
    talk_play(&talk, "tls12-client-certificate", 0);
    facts = talk_facts(&talk);
    assert_true(facts->client_certificate_requested && facts->client_certificate_sent);
    assert_true(facts->certificate_verify && !facts->client_certificate_empty);
    assert_int_equal(facts->client_chain.count, 1);
    assert_int_not_equal(facts->certificate_verify_algorithm, 0);
    talk_end(&talk);

    talk_begin(&talk);
    talk_play(&talk, "tls13", 0);
    facts = talk_facts(&talk);
    assert_true(text_same(facts->server_hello.alpn, (struct text){ 0 })); /* it is encrypted */
    assert_int_equal(facts->client_hello.alpn_count, 2);
    assert_int_equal(facts->server_hello.key_share, 29);
    assert_int_equal(facts->encrypted[SIDE_CLIENT].first_lengths[0], 69);
    assert_int_equal(facts->encrypted[SIDE_SERVER].first_count, 8);
    talk_end(&talk);

    talk_begin(&talk);
    talk_play(&talk, "tls13-retry", 0);
    facts = talk_facts(&talk);
    assert_int_equal(facts->client_hellos, 2);
    assert_int_equal(facts->server_hellos, 1);
    assert_int_equal(facts->hello_retry_group, 24);
    assert_int_equal(facts->server_hello.key_share, 24);
    talk_end(&talk);
}

static char *played(const char *name, size_t cut, size_t split)
{
    struct talk talk;
    talk_begin(&talk);
    talk.cut = cut;
    talk_play(&talk, name, split);
    talk_finished(&talk, SIDE_CLIENT, false);
    tls_end(talk.tls, true);
    char *text = strdup(facts_text(talk_facts(&talk)));
    assert_non_null(text);
    talk_end(&talk);
    return text;
}

/* Segments of any size, down to one byte. */
static void test_cuts(void **state)
{
    (void)state;
    static const size_t cuts[] = { 1, 2, 3, 5, 7, 64, 1000 };
    for (size_t i = 0; i < COUNT; i++) {
        char *whole = played(cases[i].name, 0, 0);
        for (size_t c = 0; c < sizeof cuts / sizeof cuts[0]; c++) {
            char *other = played(cases[i].name, cuts[c], 0);
            assert_string_equal(other, whole);
            free(other);
        }
        free(whole);
    }
}

/* Text without the positions, which move when records are split. */
static void blank_positions(char *text)
{
    for (char *at = strchr(text, '@'); at != NULL; at = strchr(at + 1, '@'))
        for (char *digit = at + 1; *digit >= '0' && *digit <= '9'; digit++)
            *digit = ' ';
    char *at = strstr(text, " at ");
    for (char *digit = at + 4; *digit >= '0' && *digit <= '9'; digit++)
        *digit = ' ';
}

static void squeeze(char *text)
{
    char *to = text;
    for (const char *from = text; *from != '\0'; from++)
        if (*from != ' ' || (to > text && to[-1] != ' '))
            *to++ = *from;
    *to = '\0';
}

/* Handshake messages over many records, down to one byte in each. */
static void test_split_records(void **state)
{
    (void)state;
    static const size_t splits[] = { 1, 2, 3, 100 };
    for (size_t i = 0; i < COUNT; i++) {
        char *whole = played(cases[i].name, 0, 0);
        blank_positions(whole);
        squeeze(whole);
        for (size_t s = 0; s < sizeof splits / sizeof splits[0]; s++)
            for (size_t cut = 0; cut < 2; cut++) {
                char *other = played(cases[i].name, cut, splits[s]);
                blank_positions(other);
                squeeze(other);
                assert_string_equal(other, whole);
                free(other);
            }
        free(whole);
    }
}

/* A conversation that stops anywhere: nothing is claimed that was not seen. */
static void test_truncated(void **state)
{
    (void)state;
    static uint8_t file[65536];
    for (size_t i = 0; i < COUNT; i++) {
        size_t len = transcript_load(cases[i].name, file, sizeof file);
        for (size_t stop = 0; stop < len; stop += 7) {
            struct talk talk;
            talk_begin(&talk);
            struct reader rest = reader_of(file, stop);
            while (reader_more(&rest)) {
                enum side side = reader_u8(&rest) == 0 ? SIDE_CLIENT : SIDE_SERVER;
                size_t want = reader_uint(&rest, 4);
                struct reader bytes = reader_take(&rest, want < rest.left ? want : rest.left);
                talk_bytes(&talk, side, bytes.at, bytes.left);
            }
            tls_end(talk.tls, false);
            const struct tls_facts *facts = talk_facts(&talk);
            if (cases[i].alert < 0)
                assert_int_not_equal(facts->established, TRI_NO);
            assert_int_equal(facts->note_count, 0);
            assert_true(facts->server_chain.count <= cases[i].chain);
            talk_end(&talk);
        }
    }
}

/* Half a conversation: what that half proves, and no more. */
static void test_one_side(void **state)
{
    (void)state;
    static uint8_t file[65536];
    for (size_t i = 0; i < COUNT; i++)
        for (enum side only = SIDE_CLIENT; only < SIDE_COUNT; only++) {
            struct talk talk;
            talk_begin(&talk);
            struct reader rest = reader_of(file, transcript_load(cases[i].name, file, sizeof file));
            while (reader_more(&rest)) {
                enum side side = reader_u8(&rest) == 0 ? SIDE_CLIENT : SIDE_SERVER;
                struct reader bytes = reader_take(&rest, reader_uint(&rest, 4));
                if (side == only)
                    talk_bytes(&talk, side, bytes.at, bytes.left);
            }
            talk_finished(&talk, only, false);
            tls_end(talk.tls, false);
            const struct tls_facts *facts = talk_facts(&talk);
            print_message("%s %s\n", cases[i].name, side_name(only));
            assert_int_equal(facts->note_count, 0);
            assert_int_equal(facts->client_hello.seen, only == SIDE_CLIENT);
            assert_int_equal(facts->server_hello.seen,
                             only == SIDE_SERVER && cases[i].version != 0);
            assert_int_equal(facts->server_chain.count, only == SIDE_SERVER ? cases[i].chain : 0);
            assert_int_not_equal(facts->established, TRI_NO);
            /* A server of TLS 1.2 that sends data has finished; nothing else is proof. */
            bool proof =
                only == SIDE_SERVER && cases[i].established == TRI_YES && cases[i].version < 0x0304;
            assert_int_equal(facts->established, proof ? TRI_YES : TRI_UNKNOWN);
            talk_end(&talk);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_facts),     cmocka_unit_test(test_details),
        cmocka_unit_test(test_cuts),      cmocka_unit_test(test_split_records),
        cmocka_unit_test(test_truncated), cmocka_unit_test(test_one_side),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
