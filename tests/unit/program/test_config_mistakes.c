/* SPDX-License-Identifier: Apache-2.0
 * test_config_mistakes.c - what is said about mistakes in the configuration, and what is not.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "config.h"
#include "reading.h"

static const struct {
    const char *yaml, *said;
} mistakes[] = {
    { "flow:\n  max_flowz: 7\n",
      "t.yaml:2:3: there is no key \"flow.max_flowz\"; did you mean flow.max_flows?\n" },
    { "zebra: 7\n", "t.yaml:1:1: there is no key \"zebra\"; --dump-config shows all keys\n" },
    { "max_flows: 7\n", "did you mean flow.max_flows?" },
    { "flow:\n  max_flows: abc\n", "t.yaml:2:14: flow.max_flows: found \"abc\", wanted is a whole "
                                   "number from 64 to 100000000\n" },
    { "flow:\n  max_flows: 63\n", "found \"63\"" },
    { "flow:\n  max_flows: 100000001\n", "found \"100000001\"" },
    { "flow:\n  max_flows: 18446744073709551716\n", "found \"18446744073709551716\"" },
    { "flow:\n  max_flows: 1e3\n", "found \"1e3\"" },
    { "flow:\n  max_flows: -1\n", "found \"-1\"" },
    { "flow:\n  max_flows: 5m\n", "found \"5m\"" },
    { "flow:\n  max_flows: \"\"\n", "found \"\", wanted is a whole number" },
    { "flow:\n  max_flows:\n", "t.yaml:2:13: flow.max_flows: found nothing, wanted is a whole" },
    { "flow:\n  max_flows: [100]\n", "t.yaml:2:14: flow.max_flows: found a list, wanted is a" },
    { "flow:\n  max_flows:\n    a: 1\n", "t.yaml:3:5: flow.max_flows: found keys below it" },
    { "flow:\n  max_memory: 1TiB\n",
      "found \"1TiB\", wanted is a size from 16MiB to 1024GiB, such as" },
    { "flow:\n  max_memory: 18014398509514752KiB\n", "found \"18014398509514752KiB\"" },
    { "flow:\n  idle_timeout: 0\n", "found \"0\", wanted is a time from 1s to 30d, such as 300 " },
    { "flow: {idle_timeout: 1w}\n", "t.yaml:1:22: flow.idle_timeout: found \"1w\"" },
    { "workers: 08\n", "found \"08\"" },
    { "workers: 0x8\n", "found \"0x8\"" },
    { "tls: {all: maybe}\n", "t.yaml:1:12: tls.all: found \"maybe\", wanted is yes or no\n" },
    { "output: {format: txt}\n", "found \"txt\", wanted is one of ecs, text, eve, cef, leef, ocsf; "
                                 "did you mean text?\n" },
    { "privacy: {addresses: hash}\n", "\"hash\" is not available in this version (" },
    { "output: {events: []}\n", "at least one\n" },
    { "output: {events: [stats, fnding]}\n",
      "t.yaml:1:26: output.events: found \"fnding\", wanted is a list of session, finding, " },
    { "output: {events: [[stats]]}\n", "t.yaml:1:19: an item of a list is to be a single value\n" },
    { "privacy: {addresses: clear}\n", "\"clear\" is not available in this version (" },
    { "privacy: {key_file: /x}\n",
      "t.yaml:1:11: privacy.key_file is not available in this version (" },
    { "capture: {ports: [25, 65536]}\n",
      "t.yaml:1:23: capture.ports: found \"65536\", wanted is a list of ports from 1 to 65535\n" },
    { "capture: {ports: [0]}\n", "found \"0\"" },
    { "capture: {ports: smtp}\n", "found \"smtp\"" },
    { "policy: {mute: {a: b}}\n",
      "t.yaml:1:16: policy.mute: found keys below it, wanted is a list of texts\n" },
    { "policy: {mute: }\n", "policy.mute: found nothing, wanted is a list of texts\n" },
    { "policy: {mute: [[a]]}\n", "t.yaml:1:17: an item of a list is to be a single value\n" },
    { "flow: 3\n", "t.yaml:1:7: flow: found a value, wanted are keys below it\n" },
    { "flow: [a]\n", "t.yaml:1:7: flow: found a value, wanted are keys below it\n" },
    { "workers: 1\nworkers: 2\n", "t.yaml:2:1: this key is already on line 1: workers\n" },
    { "flow: {key: vlan}\nflow: {idle_timeout: 1m}\n", "t.yaml:2:1: this key is already on line" },
    { "flow: {key: vlan}\nflow.key: vlan\n", "t.yaml:2:1: flow.key is already set on line 1\n" },
    { "a: b: c\n", "t.yaml:1:5: this is not YAML: " },
    { "sensor:\n\tname: x\n", "t.yaml:2:1: this is not YAML: " },
    { "sensor:\n  name: \"x\n", "t.yaml:3:1: this is not YAML: " },
    { "sensor:\n  name: caf\xff\n", "t.yaml:2:12: this is not YAML: " },
    { "sensor: {name: \"a\\0b\"}\n", "t.yaml:1:16: a zero byte inside a value\n" },
    { "\"a\\0b\": 1\n", "t.yaml:1:1: a key is to be a name\n" },
    { "? [a]\n: b\n", "a key is to be a name\n" },
    { "- a\n", "t.yaml:1:1: lines of \"key: value\" are wanted\n" },
    { "hello\n", "t.yaml:1:1: lines of \"key: value\" are wanted\n" },
    { "workers: 1\n---\nworkers: 2\n", "t.yaml:3:1: a second document" },
    { "workers: 1\n---\n\"", "is not YAML" },
    { "workers: *nope\n", "t.yaml:1:10: this is not YAML: " },
    { "flow: &a {flow: *a}\n", "there is no key \"flow.flow\"" },
    { "flow: &a {key: [*a]}\n", "t.yaml:1:7: an item of a list is to be a single value\n" },
};

static void test_mistakes_are_named_with_their_place(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof mistakes / sizeof mistakes[0]; i++) {
        struct config config;
        char *said = NULL;
        bool good = read_yaml(&config, mistakes[i].yaml, strlen(mistakes[i].yaml), &said);
        if (good || strstr(said, mistakes[i].said) == NULL)
            fail_msg("%s\nwanted: %s\nsaid: %s", mistakes[i].yaml, mistakes[i].said, said);
        assert_int_equal(strncmp(said, "starttap: t.yaml:", 17), 0);
        config_free(&config);
        free(said);
    }
}

static void test_all_mistakes_are_named(void **state)
{
    struct config config;
    char *said = NULL;
    static const char yaml[] = "zebra: 1\nworkers: x\nflow: {key: [vlan, vlam]}\n";
    (void)state;

    assert_false(read_yaml(&config, yaml, strlen(yaml), &said));
    assert_says(said, "t.yaml:1:1:");
    assert_says(said, "t.yaml:2:10:");
    assert_says(said, "t.yaml:3:20:");
    config_free(&config);
    free(said);
}

/* A password on a line that is not ours must not come up in a log. */
static void test_contents_of_unknown_keys_stay_unseen(void **state)
{
    static const char *const files[] = { "password: canary\n", "zebra: {a: canary, b: [canary]}\n",
                                         "zebra: \"canary\n",  "zebra: canary: canary\n",
                                         "zebra: *canary\n",   "zebra: 1\n---\ncanary\n",
                                         "- canary\n",         "canary\n" };
    (void)state;
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        struct config config;
        char *said = NULL;
        assert_false(read_yaml(&config, files[i], strlen(files[i]), &said));
        assert_true(*said != '\0');
        assert_null(strstr(said, "canary"));
        config_free(&config);
        free(said);
    }
}

static void test_what_is_quoted_is_fit_for_a_terminal(void **state)
{
    struct config config;
    char *said = NULL;
    static const char yaml[] = "workers: \"\\e[31m\\r\\n\"\n\"x\\ey\": 1\n";
    (void)state;

    assert_false(read_yaml(&config, yaml, strlen(yaml), &said));
    assert_null(strchr(said, '\033'));
    assert_null(strchr(said, '\r'));
    assert_says(said, "workers: found \"\357\277\275[31m");
    config_free(&config);
    free(said);
}

static void test_mistakes_of_settings(void **state)
{
    static const struct {
        const char *key, *value, *said;
    } rows[] = {
        { "workerz", "3", "starttap: --set: there is no key \"workerz\"; did you mean workers?\n" },
        { "flow", "3", "starttap: --set: there is no key \"flow\"" },
        { "workers", "x", "starttap: --set: workers: found \"x\", wanted is a whole number" },
        { "workers", "", "starttap: --set: workers: found \"\", wanted is a whole number" },
        { "flow.key", "vlan,,tunnel", "found \"\", wanted is a list of vlan, tunnel, interface" },
        { "capture.ports", "25,x", "found \"x\"" },
        { "privacy.key_file", "/x", "--set: privacy.key_file is not available in this version (" },
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct config config;
        char *said = NULL;
        assert_true(config_init(&config));
        assert_false(set(&config, rows[i].key, rows[i].value, &said));
        assert_says(said, rows[i].said);
        free(said);
        config_free(&config);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_mistakes_are_named_with_their_place),
        cmocka_unit_test(test_all_mistakes_are_named),
        cmocka_unit_test(test_contents_of_unknown_keys_stay_unseen),
        cmocka_unit_test(test_what_is_quoted_is_fit_for_a_terminal),
        cmocka_unit_test(test_mistakes_of_settings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
