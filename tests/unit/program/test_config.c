/* SPDX-License-Identifier: Apache-2.0
 * test_config.c - the configuration: defaults, files, and the settings of the command line.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "config_value.h"
#include "reading.h"

static char *printed(const struct config *config, void (*print)(const struct config *, FILE *))
{
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    print(config, out);
    fclose(out);
    return text;
}

static void test_defaults(void **state)
{
    static const uint16_t ports[] = { 24, 25, 26, 110, 143, 465, 587, 993, 995, 2525, 4190 };
    struct config config;
    (void)state;

    assert_true(config_init(&config));
    assert_string_equal(config.capture_filter, "");
    assert_int_equal(config.capture_discovery, CONFIG_DISCOVERY_ALL);
    assert_int_equal(config.capture_ports.count, sizeof ports / sizeof ports[0]);
    assert_memory_equal(config.capture_ports.at, ports, sizeof ports);
    assert_int_equal(config.capture_snaplen_bytes, 262144);
    assert_int_equal(config.flow_max_flows, 1000000);
    assert_int_equal(config.flow_max_memory_bytes, 1024 * 1024 * 1024);
    assert_int_equal(config.flow_idle_timeout_s, 3600);
    assert_int_equal(config.flow_closed_timeout_s, 10);
    assert_int_equal(config.flow_opening_timeout_s, 30);
    assert_int_equal(config.flow_key, 0);
    assert_int_equal(config.session_report_after_s, 300);
    assert_false(config.tls_all);
    assert_string_equal(config.x509_ca_bundle, "/etc/ssl/certs/ca-certificates.crt");
    assert_string_equal(config.x509_ca_extra, "");
    assert_int_equal(config.x509_cache_chains, 8192);
    assert_int_equal(config.privacy_addresses, CONFIG_ADDRESSES_OMIT);
    assert_int_equal(config.output_format, CONFIG_FORMAT_ECS);
    assert_int_equal(config.output_min_severity, CONFIG_SEVERITY_LOW);
    assert_int_equal(config.output_events, CONFIG_EVENT_SESSION | CONFIG_EVENT_FINDING |
                                               CONFIG_EVENT_CERTIFICATE | CONFIG_EVENT_STATS);
    assert_int_equal(config.sensor_vantage, CONFIG_VANTAGE_UNKNOWN);
    assert_int_equal(config.workers, 0);
    config_free(&config);
}

static void assert_all_same(const struct config *a, const struct config *b)
{
    for (size_t i = 0; i < CONFIG_IDS; i++)
        if (!config_value_same(&config_keys[i], a, b))
            fail_msg("%s differs", config_keys[i].name);
}

static void assert_reads_back(const struct config *config)
{
    struct config again;
    char *text = printed(config, config_print), *said = NULL;

    bool good = read_yaml(&again, text, strlen(text), &said);
    assert_string_equal(said, "");
    assert_true(good);
    assert_all_same(config, &again);
    for (const char *line = text; *line != '\0'; line += strcspn(line, "\n") + 1)
        assert_true(strcspn(line, "\n") <= 80);
    config_free(&again);
    free(said);
    free(text);
}

/* A value other than the default, for a key of any kind. */
static const char *other_value(const struct config_key *key)
{
    static const char *const values[] = {
        [CONFIG_KIND_TEXT] = "tcp and not \"port 22\" \\ caf\303\251 # 'x': [\t]\n\001\177",
        [CONFIG_KIND_PATH] = "/etc/a b/c",
        [CONFIG_KIND_FLAG] = "on",
        [CONFIG_KIND_COUNT] = "64",
        [CONFIG_KIND_SIZE] = "33MiB",
        [CONFIG_KIND_SECONDS] = "61",
        [CONFIG_KIND_PORTS] = "[4321,25, 110]",
        [CONFIG_KIND_TEXTS] = "[one = \"1\", 2; two: x ]"
    };
    if (key->kind == CONFIG_KIND_SIZE && key->maximum < UINT64_C(33) << 20)
        return "4KiB";
    if (key->kind == CONFIG_KIND_WORD) /* not the default, and not one that comes later */
        return strcmp(key->standard, key->words[1].word) == 0 ? key->words[0].word
                                                              : key->words[1].word;
    return key->kind == CONFIG_KIND_WORDS ? key->words[1].word : values[key->kind];
}

static void test_what_is_printed_reads_back(void **state)
{
    struct config config, standard;
    char *said = NULL;
    unsigned changed = 0;
    (void)state;

    assert_true(config_init(&standard));
    assert_reads_back(&standard);
    assert_true(config_init(&config));
    for (size_t i = 0; i < CONFIG_IDS; i++) {
        const struct config_key *key = &config_keys[i];
        if (key->later != NULL || strcmp(key->name, "privacy.addresses") == 0)
            continue;
        if (!set(&config, key->name, other_value(key), &said))
            fail_msg("%s", said);
        free(said);
        assert_false(config_value_same(key, &config, &standard));
        changed++;
    }
    assert_true(changed >= 16);
    assert_reads_back(&config);

    char *changes = printed(&config, config_print_changes);
    assert_says(changes, "  flow.max_flows: 64  (default 1000000; set by --set)\n");
    assert_says(changes, "  capture.ports: [25, 110, 4321]  (default [24, 25,");
    assert_says(
        changes,
        "  policy.mute: [\"one = \\\"1\\\", 2\", \"two: x\"]  (default []; set by --set)\n");
    assert_says(changes, "  flow.idle_timeout: 61s  (default 1h; set by --set)\n");
    assert_int_equal(strncmp(changes, "configuration is good\n", 22), 0);
    unsigned lines = 0;
    for (const char *at = changes; (at = strchr(at, '\n')) != NULL; at++)
        lines++;
    assert_int_equal(lines, changed + 1);
    free(changes);
    config_free(&config);
    config_free(&standard);
}

static void test_a_file(void **state)
{
    static const char yaml[] = "# comment\n"
                               "capture:\n"
                               "  filter: tcp\n"
                               "  ports: &p [465, \"25\", 465]\n"
                               "flow.max_flows: 1000\n"
                               "flow:\n"
                               "  idle_timeout: 2m\n"
                               "  key: vlan, tunnel\n"
                               "  max_memory: 64 MiB\n"
                               "output:\n"
                               "  events:\n"
                               "    - finding\n"
                               "    - stats\n"
                               "  format: text\n"
                               "sensor: {name: &n \"rack 7\"}\n"
                               "x509:\n"
                               "  ca_bundle: \"\"\n"
                               "  ca_extra: *n\n"
                               "tls:\n"
                               "  # all: yes\n"
                               "workers: 4\n"
                               "policy:\n"
                               "  names:\n"
                               "    - 192.0.2.25 mx.example.org\n"
                               "    - \"2001:db8::1 a; b, c\"\n"
                               "  require_tls: 192.0.2.25 ; mx.example.org\n"
                               "  mute: []\n";
    struct config config;
    char *said = NULL;
    (void)state;

    bool good = read_yaml(&config, yaml, strlen(yaml), &said);
    assert_string_equal(said, "");
    assert_true(good);
    assert_string_equal(config.capture_filter, "tcp");
    assert_int_equal(config.capture_ports.count, 2);
    assert_int_equal(config.capture_ports.at[0], 25);
    assert_int_equal(config.capture_ports.at[1], 465);
    assert_int_equal(config.flow_max_flows, 1000);
    assert_int_equal(config.flow_idle_timeout_s, 120);
    assert_int_equal(config.flow_key, CONFIG_FLOW_KEY_VLAN | CONFIG_FLOW_KEY_TUNNEL);
    assert_int_equal(config.flow_max_memory_bytes, UINT64_C(64) << 20);
    assert_int_equal(config.output_events, CONFIG_EVENT_FINDING | CONFIG_EVENT_STATS);
    assert_int_equal(config.output_format, CONFIG_FORMAT_TEXT);
    assert_string_equal(config.sensor_name, "rack 7");
    assert_string_equal(config.x509_ca_bundle, "");
    assert_string_equal(config.x509_ca_extra, "rack 7");
    assert_int_equal(config.workers, 4);
    assert_int_equal(config.flow_closed_timeout_s, 10);
    assert_int_equal(config.places[CONFIG_ID_workers].line, 21);
    assert_int_equal(config.places[CONFIG_ID_workers].column, 1);
    assert_null(config.places[CONFIG_ID_tls_all].source);
    assert_int_equal(config.policy_names.count, 2);
    assert_string_equal(config.policy_names.at[0].text, "192.0.2.25 mx.example.org");
    assert_string_equal(config.policy_names.at[1].text, "2001:db8::1 a; b, c");
    assert_int_equal(config.policy_names.at[1].place.line, 25);
    assert_int_equal(config.policy_names.at[1].place.column, 7);
    assert_int_equal(config.policy_require_tls.count, 2);
    assert_string_equal(config.policy_require_tls.at[1].text, "mx.example.org");
    assert_int_equal(config.policy_require_tls.at[1].place.line, 26);
    assert_int_equal(config.policy_mute.count, 0);
    free(said);
    config_free(&config);

    /* Cut anywhere it is read or refused, never worse. */
    for (size_t len = 0; len < strlen(yaml); len++) {
        good = read_yaml(&config, yaml, len, &said);
        assert_int_equal(good, *said == '\0');
        free(said);
        config_free(&config);
    }
}

static void test_files_without_values(void **state)
{
    static const char *const files[] = { "", "# nothing\n", "---\n", "---\n...\n", "~", "flow:\n" };
    struct config config, standard;
    (void)state;

    assert_true(config_init(&standard));
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        char *said = NULL;
        assert_true(read_yaml(&config, files[i], strlen(files[i]), &said));
        assert_string_equal(said, "");
        assert_all_same(&config, &standard);
        config_free(&config);
        free(said);
    }
    config_free(&standard);
}

/* Maxima: the largest that fits is read, one more is refused. */
static void test_maxima(void **state)
{
    size_t cap = (size_t)LIMIT_CONFIG_BYTES + 100;
    char *yaml = malloc(cap), *said = NULL;
    struct config config;
    (void)state;

    assert_non_null(yaml);
    for (size_t extra = 0; extra < 2; extra++) {
        size_t len = (size_t)LIMIT_CONFIG_BYTES + extra;
        memset(yaml, '#', len);
        assert_int_equal(read_yaml(&config, yaml, len, &said), extra == 0);
        config_free(&config);
        free(said);

        len = (size_t)snprintf(yaml, cap, "capture: {ports: [25");
        for (size_t i = 1; i < LIMIT_CONFIG_LIST + extra; i++)
            len += (size_t)snprintf(yaml + len, cap - len, ",%zu", i + 1000);
        len += (size_t)snprintf(yaml + len, cap - len, "]}\n");
        assert_int_equal(read_yaml(&config, yaml, len, &said), extra == 0);
        if (extra == 0)
            assert_int_equal(config.capture_ports.count, LIMIT_CONFIG_LIST);
        free(said);

        yaml[len - 2] = '\0'; /* the same list as the text of an option */
        assert_int_equal(set(&config, "capture.ports", yaml + strlen("capture: {ports: "), &said),
                         extra == 0);
        config_free(&config);
        free(said);
    }
    free(yaml);
}

static void test_settings_win_in_their_order(void **state)
{
    static const struct config_setting settings[] = {
        { "workers", "3", "--set" },
        { "flow.key", "[ vlan , interface ]", "--set" },
        { "output.events", "stats,session,stats", "--events" },
        { "capture.ports", "", "--set" },
        { "workers", "5", "--workers" },
        { "sensor.name", "a, b: [c", "--set" },
        { "capture.filter", "", "-f" },
    };
    struct config config;
    char *said = NULL;
    size_t len = 0;
    FILE *err = open_memstream(&said, &len);
    (void)state;

    assert_true(config_load(&config, NULL, settings, sizeof settings / sizeof settings[0], err));
    assert_int_equal(config.workers, 5);
    assert_int_equal(config.flow_key, CONFIG_FLOW_KEY_VLAN | CONFIG_FLOW_KEY_INTERFACE);
    assert_int_equal(config.output_events, CONFIG_EVENT_SESSION | CONFIG_EVENT_STATS);
    assert_int_equal(config.capture_ports.count, 0);
    assert_string_equal(config.sensor_name, "a, b: [c");
    assert_string_equal(config.places[CONFIG_ID_workers].source, "--workers");
    config_free(&config);
    assert_false(config_load(&config, "/nonexistent.yaml", settings, 1, err));
    config_free(&config);
    fclose(err);
    assert_string_equal(said, "starttap: /nonexistent.yaml: No such file or directory\n");
    free(said);
}

/* Each kind of unit, by a key that takes it. */
static void test_units(void **state)
{
    static const struct {
        const char *value;
        uint64_t wanted;
    } sizes[] = { { "20971520", 20971520 },        { "20480K", 20971520 },
                  { "20480KiB", 20971520 },        { "20M", 20971520 },
                  { "20 MiB", 20971520 },          { "2G", UINT64_C(2) << 30 },
                  { "1024GiB", UINT64_C(1) << 40 } },
      times[] = { { "90", 90 }, { "90s", 90 }, { "5m", 300 }, { "2h", 7200 }, { "30d", 2592000 } };
    struct config config;
    char *said = NULL;
    (void)state;

    assert_true(config_init(&config));
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        assert_true(set(&config, "flow.max_memory", sizes[i].value, &said));
        assert_int_equal(config.flow_max_memory_bytes, sizes[i].wanted);
        free(said);
    }
    for (size_t i = 0; i < sizeof times / sizeof times[0]; i++) {
        assert_true(set(&config, "flow.idle_timeout", times[i].value, &said));
        assert_int_equal(config.flow_idle_timeout_s, times[i].wanted);
        free(said);
    }
    config_free(&config);
}

static void test_severity_words(void **state)
{
    enum config_severity severity;
    (void)state;
    for (int i = CONFIG_SEVERITY_INFO; i <= CONFIG_SEVERITY_CRITICAL; i++) {
        assert_true(config_severity_read(config_severity_name((enum config_severity)i), &severity));
        assert_int_equal((int)severity, i);
    }
    assert_string_equal(config_severity_name(CONFIG_SEVERITY_HIGH), "high");
    assert_false(config_severity_read("High", &severity));
    assert_false(config_severity_read("", &severity));
}

/* What a run can change is no news to it. */
static void test_what_a_run_cannot_change(void **state)
{
    (void)state;
    static const struct config_setting settings[] = {
        { "workers", "3", "--set" },
        { "policy.mail_ports", "25", "--set" },
        { "capture.ring", "1MiB", "--set" },
        { "stats.interval", "5", "--set" },
    };
    struct config start, next;
    size_t id = 0;
    assert_true(config_init(&start));
    assert_true(config_load(&next, NULL, settings, sizeof settings / sizeof *settings, stderr));
    assert_string_equal(config_next_fixed(&start, &next, &id), "capture.ring");
    assert_string_equal(config_next_fixed(&start, &next, &id), "workers");
    assert_null(config_next_fixed(&start, &next, &id));
    config_free(&start);
    config_free(&next);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_what_is_printed_reads_back),
        cmocka_unit_test(test_a_file),
        cmocka_unit_test(test_files_without_values),
        cmocka_unit_test(test_maxima),
        cmocka_unit_test(test_settings_win_in_their_order),
        cmocka_unit_test(test_units),
        cmocka_unit_test(test_severity_words),
        cmocka_unit_test(test_what_a_run_cannot_change),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
