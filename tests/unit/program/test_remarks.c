/* SPDX-License-Identifier: Apache-2.0
 * test_remarks.c - each sentence of the first minute is said when it has to be, and only then.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "remarks.h"

static const struct capture_line eth1 = { .name = "eth1", .frames = 1000 };
static const struct remarks_watch watch = { .lines = &eth1, .line_count = 1, .seconds = 60 };

/* A tap that sees all that it should. */
static struct event_stats sound(void)
{
    struct event_stats s = { 0 };
    s.capture.frames = 1000;
    s.capture.frames_vlan = 10;
    s.packets.verdicts[PACKET_TCP] = 900;
    s.flows.flows = 100;
    s.flows.flows_open = 50;
    s.flows.half = 48;
    s.flows.both = 2;
    s.sessions.recognised[MAIL_SMTP] = 3;
    s.sessions.recognised[MAIL_IMAP] = 2;
    s.sessions.recognised[MAIL_NONE] = 1;
    return s;
}

/* One thing is odd, and what is said of it holds these words. */
static void expect(const struct event_stats *s, const struct remarks_watch *w, const char *words)
{
    char lines[REMARKS_MOST][REMARKS_SIZE];
    size_t count = remarks_of(s, w, lines);
    if (count != 2 || strstr(lines[1], words) == NULL)
        fail_msg("%zu sentences, wanted is one with \"%s\": %s", count, words,
                 count > 1 ? lines[1] : "");
}

static void test_nothing_is_odd(void **state)
{
    (void)state;
    char lines[REMARKS_MOST][REMARKS_SIZE];
    struct event_stats s = sound();
    struct remarks_watch vlans = watch;
    vlans.vlan_key = vlans.filtered = true;
    assert_int_equal(remarks_of(&s, &vlans, lines), 1);
    assert_string_equal(lines[0],
                        "eth1, the first 60 seconds: 1000 packets, 100 TCP connections, sessions: "
                        "3 smtp, 2 imap, 1 in TLS from the first byte");
}

static void test_nothing_is_seen(void **state)
{
    (void)state;
    struct event_stats no_tcp = sound(), elsewhere = sound(), no_mail = sound();
    no_tcp.packets.verdicts[PACKET_TCP] = 0;
    expect(&no_tcp, &watch, "no TCP in these packets");
    elsewhere.packets.verdicts[PACKET_TCP] = 0;
    elsewhere.packets.verdicts[PACKET_ELSEWHERE] = 7;
    expect(&elsewhere, &watch, "no TCP on capture.ports, and 7 packets on others");
    memset(no_mail.sessions.recognised, 0, sizeof no_mail.sessions.recognised);
    expect(&no_mail, &watch, "no mail yet");
}

/* An interface that shows nothing: the system's own count tells why. */
static void test_a_line_is_silent(void **state)
{
    (void)state;
    struct event_stats none = { 0 }, filtered_out = { .capture.frames_filtered = 7 };
    struct capture_line line = { .name = "eth1" };
    struct remarks_watch w = { .lines = &line, .line_count = 1, .seconds = 60 };
    expect(&none, &w, "eth1: no packets at all: is the mirror port switched on");
    w.filtered = true;
    expect(&none, &w, "or does the filter (-f) leave everything out?");
    line.counts = true;
    expect(&none, &w, "is its cable in this interface?");
    line.received = 5;
    expect(&none, &w, "eth1: it received 5 packets, but no TCP that the filter (-f) lets through:");
    expect(&filtered_out, &w, "the filter (-f) left out all of 7 packets");
    w.vlan_filter = true;
    expect(&filtered_out, &w, "7 packets: if the VLAN that it names is there");
    w.vlan_filter = false;
    w.filtered = false;
    expect(&none, &w, "eth1: it received 5 packets, but no TCP: is this the mirror");
    w.ports = true;
    expect(&none, &w, "but no TCP on capture.ports (capture.discovery: ports)");
    line.state = CAPTURE_LINE_NO_LINK;
    expect(&none, &w, "eth1: it has no link");
    line.state = CAPTURE_LINE_DOWN;
    expect(&none, &w, "eth1: it is down or gone, and waited for");
}

static void test_one_of_two_is_silent(void **state)
{
    (void)state;
    char text[REMARKS_MOST][REMARKS_SIZE];
    struct event_stats s = sound();
    const struct capture_line lines[] = { { .name = "eth1", .frames = 9 }, { .name = "eth2" } };
    struct remarks_watch w = { .lines = lines, .line_count = 2, .seconds = 60 };
    expect(&s, &w, "eth2: no packets at all");
    (void)remarks_of(&s, &w, text);
    assert_non_null(strstr(text[0], "eth1, eth2, the first 60 seconds"));
}

/* It leaves interfaces as they are, and a mirror's packets are for others. */
static void test_any_is_not_promiscuous(void **state)
{
    (void)state;
    char text[REMARKS_MOST][REMARKS_SIZE];
    struct event_stats s = sound();
    const struct capture_line any = { .name = "any", .frames = 9 };
    struct remarks_watch w = { .lines = &any, .line_count = 1, .seconds = 60 };
    assert_int_equal(remarks_of(&s, &w, text), 1);
    memset(s.sessions.recognised, 0, sizeof s.sessions.recognised);
    assert_int_equal(remarks_of(&s, &w, text), 3);
    assert_non_null(strstr(text[2], "by its name"));
    s = sound();
    s.capture.interface_drops = 1;
    expect(&s, &w, "ethtool -G INTERFACE");
}

static void test_one_direction(void **state)
{
    (void)state;
    struct event_stats s = sound();
    s.flows.half = 49;
    s.flows.both = 1;
    expect(&s, &watch, "only one direction was seen of 49 of 50 TCP connections");
    s.flows.half = 1; /* mail, and all there is */
    s.flows.both = 0;
    expect(&s, &watch, "only one direction was seen of 1 of 1 TCP connections");
}

static void test_one_direction_is_not_said_of_few_or_of_attempts(void **state)
{
    (void)state;
    char lines[REMARKS_MOST][REMARKS_SIZE];
    struct event_stats few = sound(), other = sound(), attempts = sound();
    few.flows.half = 19;
    few.flows.both = 1;
    assert_int_equal(remarks_of(&few, &watch, lines), 1);
    other.flows.half = 19; /* no mail: it may be something that does not matter */
    other.flows.both = 0;
    memset(other.sessions.recognised, 0, sizeof other.sessions.recognised);
    assert_int_equal(remarks_of(&other, &watch, lines), 2);
    assert_null(strstr(lines[1], "direction"));
    attempts.flows.one_sided = 98; /* nobody answered */
    attempts.flows.half = 0;
    assert_int_equal(remarks_of(&attempts, &watch, lines), 1);
}

static void test_losses(void **state)
{
    (void)state;
    struct event_stats kernel = sound(), interface = sound(), cut = sound();
    kernel.capture.kernel_drops = 5;
    expect(&kernel, &watch, "capture.ring");
    interface.capture.interface_drops = 5;
    expect(&interface, &watch, "ethtool -G eth1");
    cut.packets.truncated = 5;
    expect(&cut, &watch, "capture.snaplen");
}

static void test_what_the_card_changes(void **state)
{
    (void)state;
    struct event_stats joined = sound(), untagged = sound();
    const struct capture_line two[] = { eth1, { .name = "eth2", .frames = 1 } };
    struct remarks_watch several = { .lines = two, .line_count = 2, .vlan_key = true };
    joined.capture.frames_over_mtu = 5;
    expect(&joined, &watch, "ethtool -K eth1 gro off lro off");
    untagged.capture.frames_vlan = 0;
    expect(&untagged, &several, "ethtool -K INTERFACE rxvlan off");
    char lines[REMARKS_MOST][REMARKS_SIZE];
    assert_int_equal(remarks_of(&untagged, &watch, lines), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_is_odd),
        cmocka_unit_test(test_nothing_is_seen),
        cmocka_unit_test(test_one_direction),
        cmocka_unit_test(test_losses),
        cmocka_unit_test(test_one_direction_is_not_said_of_few_or_of_attempts),
        cmocka_unit_test(test_what_the_card_changes),
        cmocka_unit_test(test_a_line_is_silent),
        cmocka_unit_test(test_one_of_two_is_silent),
        cmocka_unit_test(test_any_is_not_promiscuous),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
