/* SPDX-License-Identifier: Apache-2.0
 * test_policy.c - what the operator said of networks, servers, inspection and silence, and what is
 * said about mistakes in it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "network.h"
#include "policy.h"

#define SPKI "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define OTHER "ff112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

/* One text of a list. */
#define LIST(text_)                                                                                \
    {                                                                                              \
        .at = &(const struct policy_text){ text_, "t.yaml", 3, 7 }, .count = 1                     \
    }

static struct policy *made(struct policy_options options)
{
    struct policy *policy = policy_new(&options);
    assert_non_null(policy);
    return policy;
}

static struct starttap_end end_of(const char *ip, uint16_t port)
{
    struct starttap_end end = { .ip = ip, .port = port, .family = strchr(ip, ':') ? 6 : 4 };
    assert_int_equal(inet_pton(end.family == 4 ? AF_INET : AF_INET6, ip, end.address), 1);
    return end;
}

/* A session with a chain of one leaf and one issuer, both of them known by SPKI. */
struct scene {
    struct starttap_mail mail;
    struct starttap_client_hello hello;
    struct starttap_tls tls;
    struct starttap_certificate certificates[2];
    struct starttap_name name;
    struct starttap_chain chain;
    struct starttap_policy said;
    struct starttap_session session;
    struct arena arena;
};

static struct scene *scene_of(const char *client, const char *server, uint16_t port)
{
    struct scene *s = calloc(1, sizeof *s);
    assert_non_null(s);
    s->mail.banner_host = "";
    s->hello.server_name = "";
    s->tls.client_hello = &s->hello;
    for (int i = 0; i < 2; i++)
        s->certificates[i] = (struct starttap_certificate){ .parsed = true, .spki_sha256 = "" };
    s->name = (struct starttap_name){ STARTTAP_NAME_BANNER, "banner.example.org", 0 };
    s->chain = (struct starttap_chain){
        .certificates = s->certificates, .count = 2, .names = &s->name, .name_count = 1
    };
    s->session =
        (struct starttap_session){ .now_ns = clock_from_civil(2026, 5, 4, 12, 0, 0) * NS_PER_S,
                                   .client = end_of(client, 50000),
                                   .server = end_of(server, port),
                                   .service_port = port,
                                   .mail = &s->mail,
                                   .tls = &s->tls,
                                   .chain = &s->chain };
    arena_init(&s->arena, 4096);
    return s;
}

static const struct starttap_policy *asked(struct scene *s, const struct policy *policy)
{
    policy_fill(policy, &s->session, &s->arena, &s->said);
    s->session.policy = &s->said;
    return &s->said;
}

static void scene_free(struct scene *s)
{
    arena_free(&s->arena);
    free(s);
}

/* --- networks --- */

static bool holds(const char *network, const char *ip)
{
    struct network read;
    struct starttap_end end = end_of(ip, 1);
    assert_true(network_read(text_of(network), &read));
    return network_holds(&read, end.family, end.address);
}

static void test_networks(void **state)
{
    (void)state;
    assert_true(holds("10.0.0.0/8", "10.255.255.255"));
    assert_false(holds("10.0.0.0/8", "11.0.0.0"));
    assert_true(holds("192.0.2.128/25", "192.0.2.200"));
    assert_false(holds("192.0.2.128/25", "192.0.2.127"));
    assert_true(holds("192.0.2.25", "192.0.2.25"));
    assert_false(holds("192.0.2.25", "192.0.2.24"));
    assert_true(holds("0.0.0.0/0", "203.0.113.9"));
    assert_false(holds("0.0.0.0/0", "2001:db8::1"));
    assert_true(holds("2001:db8::/33", "2001:db8:7fff::1"));
    assert_false(holds("2001:db8::/33", "2001:db8:8000::1"));
    assert_true(holds("10.0.0.0/8", "::ffff:10.1.2.3")); /* the same host, seen over IPv6 */
    assert_false(holds("::/0", "10.0.0.1"));

    static const char *const wrong[] = { "",
                                         "10",
                                         "10.0.0.0/33",
                                         "10.0.0.0/",
                                         "10.0.0.0/x",
                                         "10.0.0.1/8",
                                         "2001:db8::/129",
                                         "2001:db8::1/64",
                                         "10.0.0.0/8/8",
                                         "mx.example.org",
                                         "10.0.0.0/-1",
                                         "10.0.0.0/0008" };
    struct network network;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        if (network_read(text_of(wrong[i]), &network))
            fail_msg("%s was read", wrong[i]);
}

static void test_host_names(void **state)
{
    (void)state;
    assert_true(host_matches("mx.example.org", "MX.Example.org"));
    assert_true(host_matches("mx.example.org.", "mx.example.org"));
    assert_false(host_matches("mx.example.org", "mx.example.org.evil.test"));
    assert_false(host_matches("mx.example.org", ""));
    assert_true(host_matches("*.example.org", "a.b.example.org"));
    assert_false(host_matches("*.example.org", "example.org"));
    assert_false(host_matches("*.example.org", "evilexample.org"));
    assert_false(host_matches("*.example.org", ".example.org"));
    assert_false(host_is_pattern(text_of("mx..example.org")));
    assert_false(host_is_pattern(text_of("192.0.2.300")));
    assert_false(host_is_pattern(text_of("a b")));
    assert_false(host_is_pattern(text_of("")));
    assert_true(host_is_pattern(text_of("*.example.org")));
}

/* --- sessions --- */

static void test_trust_wants_both_ends(void **state)
{
    (void)state;
    static const struct {
        const char *client, *server;
        bool trusted, loopback;
        enum starttap_severity high;
    } rows[] = {
        { "10.1.1.1", "192.168.0.25", true, false, STARTTAP_MEDIUM },
        { "10.1.1.1", "192.0.2.25", false, false, STARTTAP_HIGH },
        { "192.0.2.1", "10.1.1.1", false, false, STARTTAP_HIGH },
        { "127.0.0.1", "127.8.8.8", true, true, STARTTAP_INFO },
        { "::1", "::1", true, true, STARTTAP_INFO },
        { "127.0.0.1", "192.0.2.25", false, false, STARTTAP_HIGH },
        { "192.0.2.25", "192.0.2.25", true, true, STARTTAP_INFO },
    };
    struct policy *policy =
        made((struct policy_options){ .trusted_networks = LIST(" 10.0.0.0/8 , 192.168.0.0/16 ") });
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct scene *s = scene_of(rows[i].client, rows[i].server, 25);
        const struct starttap_policy *said = asked(s, policy);
        assert_int_equal(said->trusted, rows[i].trusted);
        assert_int_equal(said->loopback, rows[i].loopback);
        assert_int_equal(policy_severity(&s->session, STARTTAP_HIGH), rows[i].high);
        assert_int_equal(policy_severity(&s->session, STARTTAP_INFO), STARTTAP_INFO);
        assert_string_equal(said->vantage, "unknown");
        scene_free(s);
    }
    policy_free(policy);
}

static void test_servers_that_must_use_tls(void **state)
{
    (void)state;
    struct policy *policy = made(
        (struct policy_options){ .require_tls = LIST("192.0.2.0/25, *.example.org, 2001:db8::25"),
                                 .names = LIST("203.0.113.9 other.example.net mx.example.org") });
    static const struct {
        const char *server, *asked, *banner, *learnt;
        bool required;
    } rows[] = {
        { "192.0.2.25", "", "", "", true },
        { "192.0.2.200", "", "", "", false },
        { "2001:db8::25", "", "", "", true },
        { "203.0.113.9", "", "", "", true }, /* by the operator's name for it */
        { "192.0.2.200", "mx.example.org", "", "", true },
        { "192.0.2.200", "", "MX.EXAMPLE.ORG", "", true },
        { "192.0.2.200", "", "", "mx.example.org", true },
        { "192.0.2.200", "example.org", "mx.example.net", "mx.example.net", false },
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct scene *s = scene_of("198.51.100.1", rows[i].server, 25);
        s->hello.server_name = rows[i].asked;
        s->mail.banner_host = rows[i].banner;
        s->name = (struct starttap_name){ STARTTAP_NAME_DNS, rows[i].learnt, 0 };
        assert_int_equal(asked(s, policy)->tls_required, rows[i].required);
        scene_free(s);
    }
    struct starttap_end end = end_of("203.0.113.9", 1);
    assert_string_equal(policy_name(policy, 4, end.address, 0), "other.example.net");
    assert_string_equal(policy_name(policy, 4, end.address, 1), "mx.example.org");
    assert_null(policy_name(policy, 4, end.address, 2));
    assert_null(policy_name(policy, 6, end.address, 0));
    policy_free(policy);
}

static void test_mail_ports(void **state)
{
    (void)state;
    static const uint16_t ports[] = { 25, 587 };
    struct policy *listed = made((struct policy_options){
                      .mail_ports = ports, .mail_port_count = 2, .vantage = "server" }),
                  *open = made((struct policy_options){ .mail_port_count = 0 });
    struct scene *s = scene_of("198.51.100.1", "192.0.2.25", 2525);
    assert_true(asked(s, listed)->port_list);
    assert_false(s->said.port_allowed);
    assert_string_equal(s->said.vantage, "server");
    s->session.service_port = 587; /* what a proxy was asked for */
    assert_true(asked(s, listed)->port_allowed);
    assert_false(asked(s, open)->port_list);
    scene_free(s);
    policy_free(listed);
    policy_free(open);
}

static void test_inspection(void **state)
{
    (void)state;
    struct policy *policy = made((struct policy_options){
        .inspection = LIST("spki=00:11:22:33" /* with colons, as OpenSSL prints it */
                           "445566778899AABBCCDDEEFF00112233445566778899aabbccddeeff"
                           " label=The proxy, office clients=10.0.0.0/8,198.51.100.0/24 "
                           "ports=993,465 until=2026-05-04 owner=net=team") });
    static const struct {
        const char *spki, *client;
        uint16_t port;
        unsigned flags;
        int64_t later_s;
        const char *label, *problem;
    } rows[] = {
        { SPKI, "10.1.1.1", 993, 0, 0, "The proxy, office", "" },
        { SPKI, "198.51.100.9", 465, 0, 11 * 3600, "The proxy, office", "" },
        { OTHER, "10.1.1.1", 993, 0, 0, "", "" },
        { SPKI, "192.0.2.9", 993, 0, 0, "", "client" },
        { SPKI, "10.1.1.1", 25, 0, 0, "", "port" },
        { SPKI, "10.1.1.1", 993, 0, 12 * 3600, "", "expired" }, /* the first instant of the 5th */
        { SPKI, "10.1.1.1", 993, STARTTAP_CERT_UNUSED, 0, "", "" }, /* lies beside the path */
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct scene *s = scene_of(rows[i].client, "192.0.2.25", rows[i].port);
        s->certificates[1].spki_sha256 = rows[i].spki;
        s->certificates[1].flags = rows[i].flags;
        s->session.now_ns += rows[i].later_s * NS_PER_S;
        assert_string_equal(asked(s, policy)->sanctioned, rows[i].label);
        assert_string_equal(s->said.sanctioned_problem, rows[i].problem);
        s->session.chain = NULL;
        assert_string_equal(asked(s, policy)->sanctioned, "");
        scene_free(s);
    }
    policy_free(policy);

    const struct policy_text two[] = { { "spki=" SPKI " label=old until=2020-01-01", "t", 1, 1 },
                                       { "label=new spki=" SPKI, "t", 2, 1 } };
    policy = made((struct policy_options){ .inspection = { two, 2 } });
    struct scene *s = scene_of("10.1.1.1", "192.0.2.25", 993);
    s->certificates[0].spki_sha256 = SPKI;
    assert_string_equal(asked(s, policy)->sanctioned, "new"); /* one that covers it is enough */
    assert_string_equal(s->said.sanctioned_problem, "");
    scene_free(s);
    policy_free(policy);
}

static void test_mutes(void **state)
{
    (void)state;
    static const struct {
        const char *text, *rule;
        bool mutes;
    } rows[] = {
        { "auth.cleartext", "auth.cleartext", true },
        { "auth.cleartext", "auth.cleartext_offered", false },
        { "auth.*", "auth.cleartext_offered", true },
        { "*", "cert.expired", true },
        { "auth.*", "cert.expired", false },
        { "auth.* server=192.0.2.25", "auth.x", true },
        { "auth.* server=192.0.2.26", "auth.x", false },
        { "auth.* server=192.0.2.26,192.0.2.0/24", "auth.x", true },
        { "auth.* server=asked.example.org", "auth.x", true },
        { "auth.* server=banner.example.org", "auth.x", false }, /* anybody can claim a name */
        { "auth.* client=198.51.100.0/24", "auth.x", true },
        { "auth.* client=198.51.101.0/24", "auth.x", false },
        { "auth.* until=2026-05-04", "auth.x", true },
        { "auth.* until=2026-05-03", "auth.x", false },
        { "auth.* port=25,587", "auth.x", true },
        { "auth.* ports=26", "auth.x", false },
        { "auth.* server=192.0.2.25 client=198.51.100.1 ports=587 until=2027-01-01", "auth.x",
          true },
        { "auth.* server=192.0.2.25 client=198.51.100.2 ports=587 until=2027-01-01", "auth.x",
          false },
    };
    struct scene *s = scene_of("198.51.100.1", "192.0.2.25", 587);
    s->hello.server_name = "asked.example.org";
    s->mail.banner_host = "banner.example.org";
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct policy *policy = made((struct policy_options){ .mute = LIST(rows[i].text) });
        if (policy_mutes(policy, rows[i].rule, &s->session) != rows[i].mutes)
            fail_msg("%s", rows[i].text);
        policy_free(policy);
    }
    scene_free(s);
}

/* --- mistakes --- */

static void test_mistakes_are_named_with_their_place(void **state)
{
    (void)state;
    enum { TRUSTED, REQUIRE, NAMES, INSPECTION, MUTE };
    static const struct {
        int list;
        const char *text, *said;
    } rows[] = {
        { TRUSTED, "10.0.0.0/40",
          "policy.trusted_networks: found \"10.0.0.0/40\", wanted is an address" },
        { TRUSTED, "10.0.0.0/8,,", "found \"\"" },
        { TRUSTED, "mx.example.org", "found \"mx.example.org\"" },
        { REQUIRE, "mx example org",
          "policy.require_tls: found \"mx example org\", wanted is an address, a network or a "
          "host" },
        { NAMES, "192.0.2.25",
          "policy.names: found \"192.0.2.25\", wanted is an address and its names" },
        { NAMES, "192.0.2.0/24 mx.example.org", "found \"192.0.2.0/24 mx.example.org\"" },
        { NAMES, "mx.example.org 192.0.2.25", "an address and its names" },
        { NAMES, "192.0.2.25 *.example.org", "found \"*.example.org\", wanted is a host name" },
        { INSPECTION, "label=x", "at least spki= and label=" },
        { INSPECTION, "spki=" SPKI, "at least spki= and label=" },
        { INSPECTION, "spki=0011 label=x", "found \"0011\", wanted is the 64 hex digits" },
        { INSPECTION, "spki=" SPKI "00 label=x", "64 hex digits" },
        { INSPECTION, "spki=" SPKI " label=", "found \"\", wanted is a text" },
        { INSPECTION, "spki=" SPKI " label=x ports=0", "found \"0\", wanted is ports" },
        { INSPECTION, "spki=" SPKI " label=x ports=65536", "found \"65536\"" },
        { INSPECTION, "spki=" SPKI " label=x until=2026-02-29",
          "found \"2026-02-29\", wanted is a day" },
        { INSPECTION, "spki=" SPKI " label=x clients=net", "found \"net\"" },
        { INSPECTION, "proxy spki=" SPKI, "found \"proxy spki=" },
        { MUTE, "", "the id of a finding" },
        { MUTE, "server=192.0.2.25", "found \"server=192.0.2.25\", wanted is the id" },
        { MUTE, "Auth.cleartext", "the id of a finding" },
        { MUTE, "auth.* sever=192.0.2.25",
          "policy.mute: found \"sever=192.0.2.25\", wanted is fields of server=" },
        { MUTE, "auth.* server=192.0.2.25 sever=1", "found \"192.0.2.25 sever=1\"" },
        { MUTE, "auth.* until=tomorrow", "found \"tomorrow\"" },
        { MUTE, "auth.* until=2026-13-01", "found \"2026-13-01\"" },
        { MUTE, "auth.* until=2026-1-1", "found \"2026-1-1\"" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char *said = NULL;
        size_t len = 0;
        struct policy_options options = { .err = open_memstream(&said, &len) };
        const struct policy_list list = LIST(rows[i].text);
        struct policy_list *const lists[] = { &options.trusted_networks, &options.require_tls,
                                              &options.names, &options.inspection, &options.mute };
        *lists[rows[i].list] = list;
        struct policy *policy = policy_new(&options);
        fclose(options.err);
        if (policy != NULL || strstr(said, rows[i].said) == NULL ||
            strncmp(said, "starttap: t.yaml:3:7: policy.", 29) != 0)
            fail_msg("%s: wanted %s, said %s", rows[i].text, rows[i].said, said);
        free(said);
    }
}

static void test_all_mistakes_are_named(void **state)
{
    (void)state;
    char *said = NULL;
    size_t len = 0;
    const struct policy_text texts[] = { { "x y", "--set", 0, 0 },
                                         { "auth.*", "t", 1, 1 },
                                         { "a b", "t", 2, 5 } };
    struct policy_options options = { .err = open_memstream(&said, &len),
                                      .mute = { texts, 3 },
                                      .trusted_networks = LIST("x") };
    assert_null(policy_new(&options));
    fclose(options.err);
    assert_non_null(strstr(said, "starttap: t.yaml:3:7: policy.trusted_networks: "));
    assert_non_null(strstr(said, "starttap: --set: policy.mute: "));
    assert_non_null(strstr(said, "starttap: t:2:5: policy.mute: "));
    free(said);
}

/* A text cut anywhere is read or refused, and nothing is read behind its end. */
static void test_truncations(void **state)
{
    (void)state;
    static const char inspection[] = "spki=" SPKI " label=The proxy clients=10.0.0.0/8 ports=993 "
                                     "until=2026-05-04 owner=net";
    static const char mute[] =
        "auth.* server=mx.example.org,192.0.2.0/24 client=10.0.0.0/8 ports=25 "
        "until=2026-05-04";
    const char *const texts[] = { inspection, mute, "192.0.2.25 mx.example.org" };
    for (size_t t = 0; t < sizeof texts / sizeof texts[0]; t++)
        for (size_t len = 0; len <= strlen(texts[t]); len++) {
            char *cut = malloc(len + 1), *said = NULL;
            size_t said_len = 0;
            assert_non_null(cut);
            memcpy(cut, texts[t], len);
            cut[len] = '\0';
            struct policy_options options = { .err = open_memstream(&said, &said_len) };
            const struct policy_text text = { cut, "t", 1, 1 };
            struct policy_list *const lists[] = { &options.inspection, &options.mute,
                                                  &options.names };
            *lists[t] = (struct policy_list){ &text, 1 };
            struct policy *policy = policy_new(&options);
            fclose(options.err);
            assert_int_equal(policy != NULL, said_len == 0);
            if (len == strlen(texts[t]))
                assert_non_null(policy);
            policy_free(policy);
            free(said);
            free(cut);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_networks),
        cmocka_unit_test(test_host_names),
        cmocka_unit_test(test_trust_wants_both_ends),
        cmocka_unit_test(test_servers_that_must_use_tls),
        cmocka_unit_test(test_mail_ports),
        cmocka_unit_test(test_inspection),
        cmocka_unit_test(test_mutes),
        cmocka_unit_test(test_mistakes_are_named_with_their_place),
        cmocka_unit_test(test_all_mistakes_are_named),
        cmocka_unit_test(test_truncations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
