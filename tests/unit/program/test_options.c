/* SPDX-License-Identifier: Apache-2.0
 * test_options.c - the command line: what is taken, and what is said when it is not.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "options.h"
#include "options_table.h"

#define WORDS_MAX 40

/* A run of options_parse(), with what it printed. */
struct run {
    struct options options;
    enum options_result result;
    char line[512]; /* the words, which the options borrow */
    char *words[WORDS_MAX];
    char *out, *err;
};

/* `line` holds the words behind the program's name, divided by spaces; "_" makes an empty word. */
static void run_begin(struct run *run, const char *line)
{
    static char program[] = "starttap", empty[] = "";
    size_t out_len = 0, err_len = 0;
    int count = 0;
    char *rest = NULL;

    *run = (struct run){ .words = { program } };
    assert_true(strlen(line) < sizeof run->line);
    memcpy(run->line, line, strlen(line) + 1);
    for (char *word = strtok_r(run->line, " ", &rest); word != NULL;
         word = strtok_r(NULL, " ", &rest)) {
        assert_true(count + 2 < WORDS_MAX);
        run->words[++count] = strcmp(word, "_") == 0 ? empty : word;
    }
    FILE *out = open_memstream(&run->out, &out_len), *err = open_memstream(&run->err, &err_len);
    run->result = options_parse(&run->options, count + 1, run->words, out, err);
    fclose(out);
    fclose(err);
}

static void run_end(struct run *run)
{
    options_free(&run->options);
    free(run->out);
    free(run->err);
}

static void assert_setting(const struct run *run, size_t at, const char *key, const char *value,
                           const char *source)
{
    assert_true(at < run->options.setting_count);
    assert_string_equal(run->options.settings[at].key, key);
    assert_string_equal(run->options.settings[at].value, value);
    assert_string_equal(run->options.settings[at].source, source);
}

static void test_defaults(void **state)
{
    struct run run;
    (void)state;

    run_begin(&run, "-r a.pcap");
    assert_int_equal(run.result, OPTIONS_RUN);
    assert_string_equal(run.err, "");
    assert_string_equal(run.out, "");
    assert_int_equal(run.options.reads.count, 1);
    assert_string_equal(run.options.reads.at[0], "a.pcap");
    assert_int_equal(run.options.outputs.count, 0);
    assert_int_equal(run.options.setting_count, 0);
    assert_null(run.options.config_file);
    assert_false(run.options.check);
    assert_false(run.options.follow);
    assert_false(run.options.fail_on_given);
    assert_int_equal(run.options.log_level, LOG_WARN);
    run_end(&run);
}

static void test_explain(void **state)
{
    struct run run;
    (void)state;

    run_begin(&run, "explain");
    assert_int_equal(run.result, OPTIONS_RUN);
    assert_true(run.options.explain);
    assert_int_equal(run.options.rules.count, 0);
    run_end(&run);

    run_begin(&run, "explain tls.hrr --set lists.dir=x explain");
    assert_int_equal(run.result, OPTIONS_RUN);
    assert_int_equal(run.options.rules.count, 2);
    assert_string_equal(run.options.rules.at[0], "tls.hrr");
    assert_string_equal(run.options.rules.at[1], "explain");
    assert_int_equal(run.options.reads.count, 0);
    run_end(&run);

    /* Behind a capture it is the name of another one. */
    run_begin(&run, "-r a explain");
    assert_int_equal(run.result, OPTIONS_RUN);
    assert_false(run.options.explain);
    assert_int_equal(run.options.reads.count, 2);
    run_end(&run);
}

static void test_all_that_is_available(void **state)
{
    struct run run;
    (void)state;

    run_begin(&run, "-r a b -f tcp -r c -c x.yaml --set flow.key=vlan -o - -o file:/tmp/x "
                    "--format=text d --events finding,stats --all-tls "
                    "--workers 2");
    assert_string_equal(run.err, "");
    assert_int_equal(run.result, OPTIONS_RUN);
    assert_int_equal(run.options.reads.count, 4);
    assert_string_equal(run.options.reads.at[1], "b");
    assert_string_equal(run.options.reads.at[2], "c");
    assert_string_equal(run.options.reads.at[3], "d");
    assert_string_equal(run.options.config_file, "x.yaml");
    assert_int_equal(run.options.outputs.count, 2);
    assert_string_equal(run.options.outputs.at[1], "file:/tmp/x");
    assert_int_equal(run.options.setting_count, 6);
    assert_setting(&run, 0, "capture.filter", "tcp", "-f");
    assert_setting(&run, 1, "flow.key", "vlan", "--set");
    assert_setting(&run, 2, "output.format", "text", "--format");
    assert_setting(&run, 3, "output.events", "finding,stats", "--events");
    assert_setting(&run, 4, "tls.all", "yes", "--all-tls");
    assert_setting(&run, 5, "workers", "2", "--workers");
    run_end(&run);

    run_begin(&run, "-T --follow -vv -rx -- -y");
    assert_string_equal(run.err, "");
    assert_int_equal(run.result, OPTIONS_RUN);
    assert_true(run.options.check);
    assert_true(run.options.follow);
    assert_int_equal(run.options.log_level, LOG_DEBUG);
    assert_int_equal(run.options.reads.count, 2);
    assert_string_equal(run.options.reads.at[0], "x");
    assert_string_equal(run.options.reads.at[1], "-y");
    run_end(&run);

    run_begin(&run, "-q -r - -f _");
    assert_int_equal(run.result, OPTIONS_RUN);
    assert_int_equal(run.options.log_level, LOG_ERROR);
    assert_string_equal(run.options.reads.at[0], "-");
    assert_setting(&run, 0, "capture.filter", "", "-f");
    run_end(&run);

    run_begin(&run, "-T");
    assert_int_equal(run.result, OPTIONS_RUN);
    run_end(&run);
}

static const struct {
    const char *line, *said;
} mistakes[] = {
    { "", "Usage: starttap -r FILE..." },
    { "-v", "nothing to read: give captures with -r FILE" },
    { "a.pcap", "\"a.pcap\" is no option; a capture is read with -r FILE" },
    { "-r", "-r needs FILE behind it" },
    { "-r a --set", "--set needs KEY=VALUE behind it" },
    { "-r a --format", "--format needs FORMAT behind it" },
    { "-r --format text", "-r needs FILE behind it" },
    { "-r a --fromat text", "there is no option \"--fromat\"; did you mean --format?" },
    { "-r a --fromat=geheim", "there is no option \"--fromat\"; did you mean --format?" },
    { "-r a --form text", "there is no option \"--form\"; did you mean --format?" },
    { "-r a --form=text", "there is no option \"--form\"; did you mean --format?" },
    { "-r a --f", "there is no option \"--f\"" },
    { "-r a --zebra", "there is no option \"--zebra\"\n" },
    { "-r a -x", "there is no option \"-x\"\n" },
    { "-r a -qx", "there is no option \"-x\"\n" },
    { "-r a --follow=1", "--follow takes nothing behind =" },
    { "-r a --format txet",
      "--format: found \"txet\", wanted is one of ecs, text, eve, cef, leef, ocsf; did you mean" },
    { "-r a --set privacy.addresses=hash",
      "--set: privacy.addresses: \"hash\" is not available in this version (" },
    { "-r a --events sesion", "--events: found \"sesion\", wanted is a list of session, finding, "
                              "certificate, stats, at least one; did you mean session?" },
    { "-r a --events _", "--events: found \"\"" },
    { "-r a --workers many", "--workers: found \"many\", wanted is a whole number from 0 to" },
    { "-r a --set workers", "--set: found \"workers\", wanted is KEY=VALUE" },
    { "-r a --set =1", "--set: found \"=1\", wanted is KEY=VALUE" },
    { "-r a --set workerz=1", "--set: there is no key \"workerz\"; did you mean workers?" },
    { "-r a --set workers=x", "--set: workers: found \"x\"" },
    { "-r a -i eth0", "-r and -i exclude one another" },
    { "-i eth0 --follow", "--follow is for folders (-r)" },
    { "-i eth0 -i eth1 -i eth0", "-i \"eth0\" is there twice" },
    { "-i eth0 -i any", "-i any watches every interface, and no other beside it" },
    { "-i _", "-i needs the name of an interface" },
    { "state list", "state is not available in this version (" },
    { "-r a --report x", "--report is not available in this version (" },
    { "-r a --keylog x", "--keylog is not available in this version (" },
    { "-r a --state x", "--state is not available in this version (" },
    { "-r a --anonymise", "--anonymise is not available in this version (" },
    { "-r a --\033[31m", "there is no option \"--\357\277\275[31m\"" },
};

static void test_mistakes(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof mistakes / sizeof mistakes[0]; i++) {
        struct run run;
        run_begin(&run, mistakes[i].line);
        if (run.result != OPTIONS_USAGE || strstr(run.err, mistakes[i].said) == NULL)
            fail_msg("starttap %s\nwanted: %s\nsaid: %s", mistakes[i].line, mistakes[i].said,
                     run.err);
        assert_null(strstr(run.err, "geheim"));
        assert_string_equal(run.out, "");
        run_end(&run);
    }
}

static bool is_later(const char *name)
{
    for (size_t i = 0; i < options_row_count; i++)
        if (strcmp(options_row_name(&options_rows[i]), name) == 0)
            return options_rows[i].later != NULL;
    fail_msg("%s is not known", name);
    return false;
}

/* Options about findings wait for the detectors; the row of the table says whether they came. */
static void test_severities(void **state)
{
    static const struct {
        const char *name, *line, *said;
    } rows[] = {
        { "--fail-on", "-r a --fail-on hihg",
          "--fail-on: found \"hihg\", wanted is one of info, low, medium, high, critical; did you "
          "mean high?" },
        { "--min-severity", "-r a --min-severity hihg",
          "--min-severity: found \"hihg\", wanted is one of info, low, medium, high, critical; "
          "did you mean high?" },
    };
    struct run run;
    (void)state;

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        run_begin(&run, rows[i].line);
        assert_int_equal(run.result, OPTIONS_USAGE);
        if (is_later(rows[i].name))
            assert_non_null(strstr(run.err, "is not available in this version ("));
        else
            assert_non_null(strstr(run.err, rows[i].said));
        run_end(&run);
    }
    run_begin(&run, "-r a --fail-on high");
    assert_int_equal(run.result, is_later("--fail-on") ? OPTIONS_USAGE : OPTIONS_RUN);
    assert_int_equal(run.options.fail_on_given, !is_later("--fail-on"));
    if (run.options.fail_on_given)
        assert_int_equal(run.options.fail_on, CONFIG_SEVERITY_HIGH);
    run_end(&run);
}

/* Every row of the table is in the help or listed as coming later, and each is known to getopt. */
static void test_help_names_every_option(void **state)
{
    struct run run;
    (void)state;

    run_begin(&run, "--help --zebra");
    assert_int_equal(run.result, OPTIONS_EXIT_OK);
    assert_string_equal(run.err, "");
    for (size_t i = 0; i < options_row_count; i++)
        if (strstr(run.out, options_row_name(&options_rows[i])) == NULL)
            fail_msg("%s is not in the help", options_row_name(&options_rows[i]));
    for (const char *line = run.out; *line != '\0'; line += strcspn(line, "\n") + 1)
        if (strcspn(line, "\n") > 79)
            fail_msg("too wide: %.100s", line);
    run_end(&run);

    run_begin(&run, "-h");
    assert_int_equal(run.result, OPTIONS_EXIT_OK);
    run_end(&run);
}

static void test_version_and_default_configuration(void **state)
{
    struct run run;
    (void)state;

    run_begin(&run, "--version");
    assert_int_equal(run.result, OPTIONS_EXIT_OK);
    assert_string_equal(run.out, "starttap 0.1.0\n");
    run_end(&run);

    run_begin(&run, "--dump-config");
    assert_int_equal(run.result, OPTIONS_EXIT_OK);
    assert_non_null(strstr(run.out, "\nflow:\n"));
    assert_non_null(strstr(run.out, "\n  max_flows: 1000000\n"));
    assert_string_equal(run.err, "");
    run_end(&run);
}

/* The settings of a good command line are good for config_load() too. */
static void test_settings_reach_the_configuration(void **state)
{
    struct run run;
    struct config config;
    (void)state;

    run_begin(&run, "-r a --set flow.max_flows=100 --format text --set output.format=ecs");
    assert_int_equal(run.result, OPTIONS_RUN);
    assert_true(
        config_load(&config, NULL, run.options.settings, run.options.setting_count, stderr));
    assert_int_equal(config.flow_max_flows, 100);
    assert_int_equal(config.output_format, CONFIG_FORMAT_ECS);
    config_free(&config);
    run_end(&run);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_explain),
        cmocka_unit_test(test_all_that_is_available),
        cmocka_unit_test(test_mistakes),
        cmocka_unit_test(test_severities),
        cmocka_unit_test(test_help_names_every_option),
        cmocka_unit_test(test_version_and_default_configuration),
        cmocka_unit_test(test_settings_reach_the_configuration),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
