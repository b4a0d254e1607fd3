/* SPDX-License-Identifier: Apache-2.0
 * test_metrics.c - each counter stands on its line, and a reader never sees half a file.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "metrics.h"

static void expect_line(const char *text, const char *line)
{
    char whole[256];
    snprintf(whole, sizeof whole, "\n%s\n", line);
    if (strstr(text, whole) == NULL)
        fail_msg("no line \"%s\" in\n%s", line, text);
}

static char *printed(const struct event_stats *stats, const struct metrics_output *outputs,
                     size_t count)
{
    struct metrics metrics = {
        .start_s = 1795331813, .stats = stats, .outputs = outputs, .output_count = count
    };
    size_t len = 0;
    char *text = metrics_text(&metrics, &len);
    assert_non_null(text);
    assert_int_equal(strlen(text), len);
    return text;
}

static void test_numbers_stand_where_they_belong(void **state)
{
    (void)state;
    struct event_stats s = { .last_packet_ns = INT64_C(1795331813123456789) };
    s.capture.frames = 1;
    s.capture.bytes = 2;
    s.capture.kernel_drops = 3;
    s.capture.interface_drops = 4;
    s.packets.verdicts[PACKET_UNKNOWN] = 5;
    s.flows.flows_open = 6;
    s.flows.one_sided = 7;
    s.flows.missed_bytes = UINT64_MAX;
    s.sessions.protocols[MAIL_NONE] = 8;
    s.sessions.protocols[MAIL_SIEVE] = 9;
    s.sessions.modes[MODE_FOREIGN] = 10;
    s.sessions.verdicts[VERDICT_EXPOSED] = 11;
    s.sessions.tls_versions[0] = 12;
    s.sessions.tls_versions[4] = 13;
    s.sessions.reasons[REASON_COUNT - 1] = 14;
    s.findings[STARTTAP_CRITICAL] = 15;
    s.events = 16;
    char *text = printed(&s, NULL, 0);
    expect_line(text, "starttap_build_info{version=\"" STARTTAP_VERSION "\"} 1");
    expect_line(text, "starttap_start_time_seconds 1795331813");
    expect_line(text, "starttap_last_packet_timestamp_seconds 1795331813.123456");
    expect_line(text, "starttap_capture_packets_total 1");
    expect_line(text, "starttap_capture_bytes_total 2");
    expect_line(text, "starttap_capture_dropped_packets_total{where=\"kernel\"} 3");
    expect_line(text, "starttap_capture_dropped_packets_total{where=\"interface\"} 4");
    expect_line(text, "starttap_packets_total{kind=\"unknown\"} 5");
    expect_line(text, "starttap_flows_active 6");
    expect_line(text, "starttap_flows_one_sided_total 7");
    expect_line(text, "starttap_reassembly_missed_bytes_total 18446744073709551615");
    expect_line(text, "starttap_sessions_total{protocol=\"other\"} 8");
    expect_line(text, "starttap_sessions_total{protocol=\"sieve\"} 9");
    expect_line(text, "starttap_session_modes_total{mode=\"foreign\"} 10");
    expect_line(text, "starttap_session_verdicts_total{verdict=\"exposed\"} 11");
    expect_line(text, "starttap_tls_versions_total{version=\"ssl\"} 12");
    expect_line(text, "starttap_tls_versions_total{version=\"1.3\"} 13");
    expect_line(text, "starttap_not_judged_total{reason=\"file_border\"} 14");
    expect_line(text, "starttap_findings_total{severity=\"critical\"} 15");
    expect_line(text, "starttap_events_total 16");
    expect_line(text, "# TYPE starttap_flows_active gauge");
    assert_null(strstr(text, "starttap_output_"));
    free(text);
}

static void test_without_packets_there_is_no_newest(void **state)
{
    (void)state;
    struct event_stats s = { 0 };
    char *text = printed(&s, NULL, 0);
    assert_null(strstr(text, "last_packet"));
    expect_line(text, "starttap_capture_packets_total 0");
    free(text);
}

static void test_outputs_have_names(void **state)
{
    (void)state;
    struct event_stats s = { 0 };
    const struct metrics_output outputs[] = { { "file-1", 1, 0, 0, 0, 0, 0 },
                                              { "syslog-2", 2, 3, 4, 5, 6, 7 } };
    char *text = printed(&s, outputs, 2);
    expect_line(text, "starttap_output_events_total{output=\"file-1\"} 1");
    expect_line(text, "starttap_output_dropped_events_total{output=\"syslog-2\"} 3");
    expect_line(text, "starttap_output_queue_events{output=\"syslog-2\"} 4");
    expect_line(text, "starttap_output_queue_bytes{output=\"syslog-2\"} 5");
    free(text);
}

static void test_the_file_is_replaced_as_a_whole(void **state)
{
    (void)state;
    char folder[] = "/tmp/starttap-metrics-XXXXXX", path[64], fresh[80];
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/m.prom", folder);
    snprintf(fresh, sizeof fresh, "%s.new", path);
    struct event_stats s = { 0 };
    struct metrics metrics = { .stats = &s };
    struct stat before, after;
    assert_int_equal(symlink("/nowhere/at/all", fresh), 0); /* must not be followed */
    assert_true(metrics_write(path, &metrics));
    assert_int_equal(stat(path, &before), 0);
    FILE *kept = fopen(path, "r"); /* so that its inode is not given out again */
    assert_non_null(kept);
    assert_true(metrics_write(path, &metrics));
    assert_int_equal(stat(path, &after), 0);
    assert_true(before.st_ino != after.st_ino);
    assert_int_equal(after.st_size, before.st_size);
    assert_int_equal(access(fresh, F_OK), -1);
    fclose(kept);
    unlink(path);
    rmdir(folder);
    assert_false(metrics_write(path, &metrics)); /* no such folder */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numbers_stand_where_they_belong),
        cmocka_unit_test(test_without_packets_there_is_no_newest),
        cmocka_unit_test(test_outputs_have_names),
        cmocka_unit_test(test_the_file_is_replaced_as_a_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
