/* SPDX-License-Identifier: Apache-2.0
 * test_tls_hello.c - hellos: fields, fingerprints, truncation, contradictions.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "wire.h"

static struct wire wire;

static void assert_list(struct u16_list list, size_t count, ...)
{
    va_list args;
    assert_int_equal(list.count, count);
    va_start(args, count);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(list.at[i], va_arg(args, int));
    va_end(args);
}

/* Texts and digests: findings catalogue 10.3. */
static const struct {
    const char *text, *md5;
} ja3_vectors[] = {
    { "769,47-53-5-10-49161-49162-49171-49172-50-56-19-4,0-10-11,23-24-25,0",
      "ada70206e40642a3e4461f35503241d5" },
    { "769,4-5-10-9-100-98-3-6-19-18-99,,,", "de350869b8c85de67a350c8d186f11e6" },
    { "771,4865-4867,0-43-13-10-40,23,", "786468211b4d23f9b725987b0de9d090" },
    { "771,4866-255,0-11-10-35-13-22-23-43-45-40,29-23-25-24,0-1-2",
      "0e870cb29dd59424064948532781a7f6" },
    { "769,255-49162-49172-136-135-57-56-49167-49157-132-53-49159-49161-49169-49171-69-68-51-50-"
      "49164-49166-49154-49156-150-65-5-4-47-49160-49170-22-19-49165-49155-65279-10,0-10-11-35,23-"
      "24-25,0",
      "207409c2b30e670ca50e1eac016a4831" },
    { "769,57-56-136-135-53-132-22-19-10-51-50-154-153-69-68-47-150-65-5-4-21-18-9-20-17-8-6-3-255,"
      "35,,",
      "fab507fe132c544e8a0eb7c394affeae" },
    { "771,49195-49199-52393-52392-49196-49200-49162-49161-49171-49172-51-57-47-53-10,0-23-65281-"
      "10-11-35-5-65283-13,29-23-24-25,0",
      "7b38238e17474b8f6d113523bb5a8dd9" },
    { "771,4865-4866-4867-49196-49195-52393-49200-49199-52392-49188-49187-49162-49161-49192-49191-"
      "49172-49171-157-156-61-60-53-47-49160-49170-10,0-23-65281-10-11-5-13-18-51-45-43-21,29-23-"
      "24-25,0",
      "66b2d7acea2c20aeeebd69c8d44089d7" },
};

static void test_ja3(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof ja3_vectors / sizeof ja3_vectors[0]; i++)
        for (int grease = 0; grease < 2; grease++) {
            struct talk talk;
            talk_begin(&talk);
            talk_client_hello(&talk, &(struct hello_plan){ .ja3 = ja3_vectors[i].text,
                                                           .signatures = "0403",
                                                           .versions = "0304",
                                                           .grease = grease == 1 });
            assert_string_equal(talk_facts(&talk)->client_hello.ja3, ja3_vectors[i].md5);
            assert_false(talk_facts(&talk)->client_hello.malformed);
            talk_end(&talk);
        }
}

static void test_ja3s(void **state)
{
    (void)state;
    static const struct {
        const char *text, *md5;
    } vectors[] = {
        { "771,49200,65281-11", "0debd3853f330c574b05e0b6d882dc27" },
        { "771,49200,65281-0-11-23", "b653c251b0ee54c3088fe7bb997cf59d" },
        { "771,49200,0-65281-11", "a9e3ed16ee3208291487c8d2aa2ad924" },
        { "769,5,65281-35", "6b96cf9c27b0223177b0e9f135fe4899" },
        { "771,49199,65281-11-35", "ccc514751b175866924439bdbb5bba34" },
        { "771,49199,65281-0-11-16-23", "5d79edf64e03689ff559a54e9d9487bc" },
        { "771,4865,43-40", "45877694de44dca6cdff383fa40984e9" },
        { "771,4865,40-43", "d9f520f64c0731564298ee69133d59d2" },
    };
    for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++) {
        struct talk talk;
        talk_begin(&talk);
        talk_server_hello(&talk, &(struct server_plan){
                                     .ja3s = vectors[i].text, .version = 0x7f16, .group = 23 });
        assert_string_equal(talk_facts(&talk)->server_hello.ja3s, vectors[i].md5);
        assert_false(talk_facts(&talk)->server_hello.malformed);
        talk_end(&talk);
    }
}

/* NULL parts are not compared: the catalogue gives only what is hashed. */
static const struct {
    struct hello_plan plan;
    const char *a, *b, *c;
} ja4_vectors[] = {
    { { .ja3 = "771,47-53-156-157-4865-4866-4867-49171-49172-49195-49196-49199-49200-52392-52393,"
               "0-16-5-10-11-13-18-21-23-27-35-43-45-51-17513-65281,29,0",
        .signatures = "0403,0804,0401,0503,0805,0501,0806,0601",
        .versions = "0304,0303" },
      "t13d1516h2",
      "8daaf6152771",
      "e5627efa2ab1" },
    { { .ja3 = "771,4865,0-16-5-10-11-13-18-21-23-27-35-43-45-51-17513-65281,29,0",
        .versions = "0304" },
      "t13d0116h2",
      NULL,
      "6d807ffa2a79" },
    { { .ja3 = "771,4865,0-16-5-10-11-13-21-23-28-34-35-43-45-51-65281,29,0",
        .signatures = "0403,0503,0603,0804,0805,0806,0401,0501,0601,0203,0201",
        .versions = "0304,0303" },
      "t13d0115h2",
      NULL,
      "3d5424432f57" },
    { { .ja3 = "771,5,0-5-10-11-13-18-23,23,0",
        .signatures = "0401,0201,0501,0601,0403,0203,0503,0603" },
      "t12d010700",
      NULL,
      "3304d8368043" },
    { { .ja3 = "771,4865-4866-4867-49196-49195-52393-49200-49199-52392-49188-49187-49162-49161-"
               "49192-49191-49172-49171-157-156-61-60-53-47-49160-49170-10,0-23-65281-10-11-5-13-"
               "18-51-45-43-21,29-23-24-25,0",
        .signatures = "0403",
        .versions = "0304,0303,0302,0301",
        .grease = true },
      "t13d261200",
      "2802a3db6c62",
      NULL },
    { { .ja3 =
            "769,255-49162-49172-136-135-57-56-49167-49157-132-53-49159-49161-49169-49171-69-68-51-"
            "50-49164-49166-49154-49156-150-65-5-4-47-49160-49170-22-19-49165-49155-65279-10,0-10-"
            "11-35,23-24-25,0" },
      "t10d360400",
      "77f462745360",
      "a875e5012fde" },
    { { .ja3 = "771,49195-49199-52393-52392-49196-49200-49162-49161-49171-49172-51-57-47-53-10,0-"
               "23-65281-10-11-35-5-65283-13,29-23-24-25,0",
        .signatures = "0403,0503,0603,0804,0805,0806,0401,0501,0601,0203,0201" },
      "t12d150900",
      "073e58a039a6",
      "b44afb9f0e6a" },
    { { .ja3 = "769,57-56-136-135-53-132-22-19-10-51-50-154-153-69-68-47-150-65-5-4-21-18-9-20-17-"
               "8-6-3-255,35,," },
      "t10i290100",
      "cdba58456bdf",
      "e78b541c01a9" },
    { { .ja3 = "769,1-2-3-4-5-6-7,5-10-11-23-35-65281,23,0" }, "t10i070600", NULL, "c39ab67fec8e" },
    { { .ja3 = "768,,,," }, "ts3i000000", "000000000000", "000000000000" },
    { { .ja3 = "771,4865,0-16,,", .versions = "7f1c" }, "t12d0102h2", NULL, "000000000000" },
    { { .ja3 = "771,4865,43,,", .versions = "7f1c,0303" }, "t00i010100", NULL, NULL },
};

static void test_ja4(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof ja4_vectors / sizeof ja4_vectors[0]; i++) {
        struct talk talk;
        talk_begin(&talk);
        talk_client_hello(&talk, &ja4_vectors[i].plan);
        const char *ja4 = talk_facts(&talk)->client_hello.ja4;
        assert_int_equal(strlen(ja4), 36);
        assert_memory_equal(ja4, ja4_vectors[i].a, 10);
        if (ja4_vectors[i].b != NULL)
            assert_memory_equal(ja4 + 11, ja4_vectors[i].b, 12);
        if (ja4_vectors[i].c != NULL)
            assert_string_equal(ja4 + 24, ja4_vectors[i].c);
        talk_end(&talk);
    }
}

static void test_ja4_alpn(void **state)
{
    (void)state;
    static const struct {
        const char *alpn;
        size_t len;
        const char *wanted;
    } vectors[] = {
        { "\xab", 1, "ab" },       { " ", 1, "20" },
        { "\xab\xcd", 2, "ad" },   { " a", 2, "21" },
        { "0\xab", 2, "3b" },      { "a ", 2, "60" },
        { "01\xab\xcd", 4, "3d" }, { "0\xab\xcd\x31", 4, "01" },
        { "h", 1, "hh" },          { "http/1.1", 8, "h1" },
        { "\xba\xad", 2, "bd" },
    };
    for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++) {
        struct talk talk;
        talk_begin(&talk);
        talk_client_hello(&talk, &(struct hello_plan){ .ja3 = "771,4865,16,,",
                                                       .alpn = vectors[i].alpn,
                                                       .alpn_len = vectors[i].len });
        assert_memory_equal(talk_facts(&talk)->client_hello.ja4 + 8, vectors[i].wanted, 2);
        talk_end(&talk);
    }
}

static const struct hello_plan full_plan = {
    .ja3 = "771,4865-4866-255-22016,0-5-10-11-13-15-16-18-22-23-35-41-42-43-51-65037-65281,4588-29,"
           "0-1",
    .signatures = "0403,0804",
    .versions = "0304,0303",
    .session_id = "abcdefgh",
    .grease = true,
};

static void test_client_hello_fields(void **state)
{
    (void)state;
    struct talk talk;
    talk_begin(&talk);
    talk_client_hello(&talk, &full_plan);
    const struct tls_facts *facts = talk_facts(&talk);
    const struct tls_client_hello *hello = &facts->client_hello;

    assert_true(hello->seen && !hello->ssl2 && !hello->malformed);
    assert_int_equal(hello->version, 0x0303);
    assert_int_equal(hello->version_max, 0x0304);
    assert_int_equal(facts->first_version_max, 0x0304);
    assert_list(hello->versions, 2, 0x0304, 0x0303);
    assert_list(hello->ciphers, 4, 4865, 4866, 255, 22016);
    assert_list(hello->groups, 2, 4588, 29);
    assert_list(hello->key_shares, 1, 29);
    assert_list(hello->signature_algorithms, 2, 0x0403, 0x0804);
    assert_int_equal(hello->extensions.count, 17);
    assert_int_equal(hello->extensions_total, 17);
    assert_int_equal(hello->grease, 6);
    assert_true(text_same(hello->server_name, TEXT("mx.example.org")));
    assert_int_equal(hello->alpn_count, 1);
    assert_true(text_same(hello->alpn[0], TEXT("h2")));
    assert_int_equal(hello->compression_count, 1);
    assert_int_equal(hello->session_id_len, 8);
    assert_true(hello->server_name_sent && hello->ech && hello->psk && hello->early_data);
    assert_true(hello->ticket && hello->ems && hello->etm && hello->renegotiation_info);
    assert_true(hello->heartbeat && hello->status_request && hello->sct && hello->fallback_scsv);
    assert_int_equal(facts->stage, TLS_STAGE_CLIENT_HELLO);
    assert_int_equal(hello->where.frame, talk.sent[SIDE_CLIENT]);
    assert_int_equal(facts->began_at[SIDE_CLIENT].frame, 1);
    talk_end(&talk);
}

static void test_versions_rank(void **state)
{
    (void)state;
    static const struct {
        const char *versions;
        uint16_t highest;
    } cases[] = { { "0303,0304", 0x0304 },      { "7f1c,0304,0303", 0x0304 },
                  { "0303,7f1c,7f17", 0x7f1c }, { "7a7a,0302,0303", 0x0303 },
                  { "fefd,0303", 0x0303 },      { "fb1a,0303", 0xfb1a } };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct talk talk;
        talk_begin(&talk);
        talk_client_hello(
            &talk, &(struct hello_plan){ .ja3 = "771,4865,43,,", .versions = cases[i].versions });
        assert_int_equal(talk_facts(&talk)->client_hello.version_max, cases[i].highest);
        talk_end(&talk);
    }
}

static void test_server_hello_fields(void **state)
{
    (void)state;
    struct talk talk;
    talk_begin(&talk);
    talk_client_hello(&talk, &full_plan);
    talk_server_hello(&talk, &(struct server_plan){ .ja3s = "771,49199,4-5-15-16-18-22-23-35-65281",
                                                    .tail = "DOWNGRD\001",
                                                    .session_id = "abcdefgh" });
    const struct tls_server_hello *hello = &talk_facts(&talk)->server_hello;
    assert_true(hello->seen && !hello->malformed && hello->session_id_echoed);
    assert_int_equal(hello->version, 0x0303);
    assert_int_equal(hello->cipher, 49199);
    assert_int_equal(hello->sentinel, TLS_SENTINEL_TLS12);
    assert_true(hello->truncated_hmac && hello->status_request && hello->heartbeat && hello->sct);
    assert_true(hello->etm && hello->ems && hello->ticket && hello->renegotiation_info);
    assert_true(text_same(hello->alpn, TEXT("smtp")));
    assert_int_equal(hello->extensions.count, 9);
    assert_int_equal(talk_facts(&talk)->resumed, TRI_UNKNOWN); /* an echo proves nothing */
    talk_end(&talk);
}

static void test_sentinels(void **state)
{
    (void)state;
    static const struct {
        const char *tail;
        enum tls_sentinel wanted;
    } cases[] = { { "DOWNGRD\001", TLS_SENTINEL_TLS12 },
                  { "DOWNGRD\000", TLS_SENTINEL_TLS11 },
                  { "DOWNGRD\002", TLS_SENTINEL_NONE },
                  { "downgrd\001", TLS_SENTINEL_NONE } };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct talk talk;
        talk_begin(&talk);
        talk_server_hello(&talk, &(struct server_plan){ .ja3s = "771,5,", .tail = cases[i].tail });
        assert_int_equal(talk_facts(&talk)->server_hello.sentinel, cases[i].wanted);
        talk_end(&talk);
    }
}

static void test_session_id_not_echoed(void **state)
{
    (void)state;
    static const char *const others[] = { "abcd", "abcdefgi", "abcdefghi", NULL };
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        struct talk talk;
        talk_begin(&talk);
        talk_client_hello(&talk, &full_plan);
        talk_server_hello(&talk,
                          &(struct server_plan){ .ja3s = "771,5,", .session_id = others[i] });
        assert_false(talk_facts(&talk)->server_hello.session_id_echoed);
        talk_end(&talk);
    }
}

/* Drafts before 22: no session id, no compression. */
static void test_draft_server_hello(void **state)
{
    (void)state;
    struct talk talk;
    talk_begin(&talk);
    wire.len = 0;
    wire_uint(&wire, 0x7f12, 2);
    wire_zeros(&wire, 32);
    wire_uint(&wire, 0x1301, 2);
    size_t opened = wire_open(&wire, 2);
    wire_uint(&wire, 40, 2);
    wire_uint(&wire, 6, 2);
    wire_uint(&wire, 29, 2);
    wire_uint(&wire, 2, 2);
    wire_zeros(&wire, 2);
    wire_close(&wire, opened, 2);
    talk_message(&talk, SIDE_SERVER, 2, wire.at, wire.len);
    const struct tls_server_hello *hello = &talk_facts(&talk)->server_hello;
    assert_true(hello->seen && !hello->malformed);
    assert_int_equal(hello->version, 0x7f12);
    assert_int_equal(hello->cipher, 0x1301);
    assert_int_equal(hello->key_share, 29);
    assert_int_equal(talk_facts(&talk)->visible, TLS_CERT_ENCRYPTED);
    talk_end(&talk);
}

/* Every shorter body is a hello that contradicts itself: noted, and what fitted is there. */
static void test_truncated_client_hello(void **state)
{
    (void)state;
    static struct wire whole;
    whole.len = 0;
    wire_client_hello(&whole, &full_plan);
    size_t without_extensions = 2 + 32 + 9 + 2 + 10 + 2; /* a hello may end there */
    for (size_t len = 41; len < whole.len; len++) {
        struct talk talk;
        talk_begin(&talk);
        talk_message(&talk, SIDE_CLIENT, 1, whole.at, len);
        const struct tls_client_hello *hello = &talk_facts(&talk)->client_hello;
        assert_true(hello->seen);
        assert_int_equal(hello->malformed, len != without_extensions);
        assert_int_equal(hello->version, 0x0303);
        assert_int_equal(hello->wire_len, len);
        if (len >= without_extensions)
            assert_int_equal(hello->ciphers.count, 4);
        assert_int_equal(strlen(hello->ja3), 32);
        talk_end(&talk);
    }
}

static void test_truncated_server_hello(void **state)
{
    (void)state;
    static struct wire whole;
    whole.len = 0;
    wire_server_hello(&whole, &(struct server_plan){ .ja3s = "771,4865,43-51-16",
                                                     .version = 0x0304,
                                                     .group = 29,
                                                     .session_id = "abcd" });
    size_t without_extensions = 2 + 32 + 5 + 2 + 1;
    for (size_t len = 2; len < whole.len; len++) {
        struct talk talk;
        talk_begin(&talk);
        talk_message(&talk, SIDE_SERVER, 2, whole.at, len);
        assert_true(talk_facts(&talk)->server_hello.seen);
        assert_int_equal(talk_facts(&talk)->server_hello.malformed, len != without_extensions);
        talk_end(&talk);
    }
}

/* One extension whose insides are broken does not cost its neighbours. */
static void test_broken_extension(void **state)
{
    (void)state;
    struct talk talk;
    talk_begin(&talk);
    wire.len = 0;
    wire_uint(&wire, 0x0303, 2);
    wire_zeros(&wire, 33);
    wire_uint(&wire, 2, 2);
    wire_uint(&wire, 0x1301, 2);
    wire_uint(&wire, 0x0100, 2);
    size_t opened = wire_open(&wire, 2);
    wire_uint(&wire, 10, 2);
    wire_uint(&wire, 3, 2);
    wire_uint(&wire, 0x00ff, 2); /* claims 255 bytes */
    wire_uint(&wire, 0, 1);
    wire_uint(&wire, 43, 2);
    wire_uint(&wire, 3, 2);
    wire_uint(&wire, 0x020304, 3);
    wire_close(&wire, opened, 2);
    talk_message(&talk, SIDE_CLIENT, 1, wire.at, wire.len);
    const struct tls_client_hello *hello = &talk_facts(&talk)->client_hello;
    assert_true(hello->malformed);
    assert_int_equal(hello->version_max, 0x0304);
    assert_int_equal(hello->groups.count, 0);
    assert_list(hello->extensions, 2, 10, 43);
    talk_end(&talk);
}

/* Bytes behind what an extension holds. */
static void test_trailing_bytes(void **state)
{
    (void)state;
    for (uint32_t extra = 0; extra < 2; extra++) {
        struct talk talk;
        talk_begin(&talk);
        wire.len = 0;
        wire_uint(&wire, 0x0303, 2);
        wire_zeros(&wire, 33);
        wire_uint(&wire, 2, 2);
        wire_uint(&wire, 0x1301, 2);
        wire_uint(&wire, 0x0100, 2);
        size_t opened = wire_open(&wire, 2);
        wire_uint(&wire, 10, 2);
        wire_uint(&wire, 4 + extra, 2);
        wire_uint(&wire, 2, 2);
        wire_uint(&wire, 29, 2);
        wire_zeros(&wire, extra);
        wire_close(&wire, opened, 2);
        talk_message(&talk, SIDE_CLIENT, 1, wire.at, wire.len);
        assert_int_equal(talk_facts(&talk)->client_hello.malformed, extra);
        assert_list(talk_facts(&talk)->client_hello.groups, 1, 29);
        talk_end(&talk);
    }
}

/* Lists over a maximum are cut, counted, and give no fingerprint that would be wrong. */
static void test_too_many(void **state)
{
    (void)state;
    struct talk talk;
    talk_begin(&talk);
    wire.len = 0;
    wire_uint(&wire, 0x0303, 2);
    wire_zeros(&wire, 33);
    wire_uint(&wire, 2, 2);
    wire_uint(&wire, 0x1301, 2);
    wire_uint(&wire, 0x0100, 2);
    size_t opened = wire_open(&wire, 2);
    for (uint32_t i = 0; i < LIMIT_TLS_EXTENSIONS + 2; i++) {
        wire_uint(&wire, 1000 + i, 2);
        wire_uint(&wire, 0, 2);
    }
    wire_close(&wire, opened, 2);
    talk_message(&talk, SIDE_CLIENT, 1, wire.at, wire.len);
    const struct tls_client_hello *hello = &talk_facts(&talk)->client_hello;
    assert_false(hello->malformed);
    assert_int_equal(hello->extensions.count, LIMIT_TLS_EXTENSIONS);
    assert_int_equal(hello->extensions_total, LIMIT_TLS_EXTENSIONS + 2);
    assert_string_equal(hello->ja3, "");
    assert_string_equal(hello->ja4, "");
    talk_end(&talk);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ja3),
        cmocka_unit_test(test_ja3s),
        cmocka_unit_test(test_ja4),
        cmocka_unit_test(test_ja4_alpn),
        cmocka_unit_test(test_client_hello_fields),
        cmocka_unit_test(test_versions_rank),
        cmocka_unit_test(test_server_hello_fields),
        cmocka_unit_test(test_sentinels),
        cmocka_unit_test(test_session_id_not_echoed),
        cmocka_unit_test(test_draft_server_hello),
        cmocka_unit_test(test_truncated_client_hello),
        cmocka_unit_test(test_truncated_server_hello),
        cmocka_unit_test(test_broken_extension),
        cmocka_unit_test(test_trailing_bytes),
        cmocka_unit_test(test_too_many),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
