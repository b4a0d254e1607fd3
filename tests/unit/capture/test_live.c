/* SPDX-License-Identifier: Apache-2.0
 * Several readers on an interface: each packet comes once, both directions of a flow to the same
 * reader, and the counters add up. On the loopback of a network namespace of its own; where none
 * can be made the tests are skipped, and say so.
 */
#define _GNU_SOURCE /* unshare() */
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "capture.h"
#include "made.h"

enum { READERS = 4, FLOWS = 24, ROUNDS = 20, PACKETS = 2 * FLOWS * ROUNDS, HEADERS = 14 + 20 };
/* The kernel lets through UDP only where it may be a tunnel, as on the first of these. */
enum { PORT = 2152, OTHER_PORT = 7025, MOST = 4 * PACKETS, ROUNDS_OF_READING = 400 };

static bool have_namespace;
static atomic_bool stop;
static struct capture *capture;
static struct block block;

static bool make_namespace(void)
{
    struct ifreq request = { .ifr_name = "lo" };
    if (unshare(CLONE_NEWNET) != 0 && unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0)
        return false;
    int control = socket(AF_INET, SOCK_DGRAM, 0);
    bool ok = control >= 0 && ioctl(control, SIOCGIFFLAGS, &request) == 0;
    request.ifr_flags |= IFF_UP;
    ok = ok && ioctl(control, SIOCSIFFLAGS, &request) == 0;
    int raw = ok ? socket(AF_PACKET, SOCK_RAW, 0) : -1;
    ok = raw >= 0;
    (void)close(raw);
    (void)close(control);
    return ok;
}

static int setup(void **state)
{
    (void)state;
    stop = false;
    capture = NULL;
    return block_init(&block) ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    capture_close(capture);
    block_free(&block);
    return 0;
}

static void open_interface(const char *name, unsigned readers, const char *filter)
{
    const char *const names[] = { name };
    /* Large: a block of it is taken up every 20 ms, and nobody reads while we talk. */
    struct capture_options options = {
        .readers = readers, .snaplen = 262144, .ring = 64 << 20, .stop = &stop, .filter = filter
    };
    if (!have_namespace)
        skip();
    capture = capture_open_live(names, 1, &options);
    assert_non_null(capture);
}

static void open_live(unsigned readers, const char *filter)
{
    open_interface("lo", readers, filter);
}

static struct sockaddr_in at_port(uint16_t port)
{
    return (struct sockaddr_in){ .sin_family = AF_INET,
                                 .sin_port = htons(port),
                                 .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
}

static int bound(uint16_t port)
{
    struct sockaddr_in address = at_port(port);
    int s = socket(AF_INET, SOCK_DGRAM, 0);
    assert_int_equal(bind(s, (struct sockaddr *)&address, sizeof address), 0);
    return s;
}

/* Datagrams there and back on each flow: source port and payload say which. */
static void talk(uint16_t port)
{
    struct sockaddr_in server = at_port(port);
    int listener = bound(port), clients[FLOWS];
    char byte = 'x';
    for (int i = 0; i < FLOWS; i++)
        clients[i] = bound((uint16_t)(port + 1 + i));
    for (int round = 0; round < ROUNDS; round++)
        for (int i = 0; i < FLOWS; i++) {
            struct sockaddr_in client = at_port((uint16_t)(port + 1 + i));
            assert_int_equal(
                sendto(clients[i], &byte, 1, 0, (struct sockaddr *)&server, sizeof server), 1);
            assert_int_equal(
                sendto(listener, &byte, 1, 0, (struct sockaddr *)&client, sizeof client), 1);
            assert_int_equal(recv(listener, &byte, 1, 0), 1);
            assert_int_equal(recv(clients[i], &byte, 1, 0), 1);
        }
    for (int i = 0; i < FLOWS; i++)
        (void)close(clients[i]);
    (void)close(listener);
}

struct seen {
    unsigned packets, by_reader[READERS];
    bool numbers[MOST];
    int reader_of[FLOWS]; /* -1: none yet */
    bool wrong;
};

static void see(struct seen *seen, unsigned reader)
{
    for (size_t i = 0; i < block.count; i++) {
        const struct frame *frame = &block.frames[i];
        assert_true(frame->number > 0 && frame->number < MOST);
        assert_false(seen->numbers[frame->number]);
        seen->numbers[frame->number] = true;
        unsigned source = (unsigned)frame->data[HEADERS] << 8 | frame->data[HEADERS + 1];
        unsigned target = (unsigned)frame->data[HEADERS + 2] << 8 | frame->data[HEADERS + 3];
        unsigned flow = (source == PORT ? target : source) - PORT - 1;
        assert_true(flow < FLOWS);
        if (seen->reader_of[flow] < 0)
            seen->reader_of[flow] = (int)reader;
        assert_int_equal(seen->reader_of[flow], reader);
        seen->packets++;
        seen->by_reader[reader]++;
    }
}

static void read_all(struct seen *seen, unsigned readers, unsigned expected)
{
    int64_t clocks[READERS] = { 0 };
    uint64_t sequences[READERS] = { 0 };
    *seen = (struct seen){ 0 };
    for (int i = 0; i < FLOWS; i++)
        seen->reader_of[i] = -1;
    for (int round = 0; round < ROUNDS_OF_READING && seen->packets < expected; round++)
        for (unsigned r = 0; r < readers; r++) {
            assert_true(capture_fill_part(capture, r, &block));
            assert_true(block.clock_ns >= clocks[r] || sequences[r] == 0);
            assert_int_equal(block.sequence, sequences[r]++);
            clocks[r] = block.clock_ns;
            see(seen, r);
        }
}

/* Whatever comes after the stop is in the ring already. */
static void read_rest(struct seen *seen, unsigned readers)
{
    stop = true;
    for (unsigned r = 0; r < readers; r++)
        while (capture_fill_part(capture, r, &block))
            see(seen, r);
}

static void test_each_packet_once(void **state)
{
    (void)state;
    static struct seen seen;
    for (unsigned readers = 1; readers <= READERS; readers++) {
        stop = false;
        open_live(readers, NULL);
        talk(PORT);
        read_all(&seen, readers, PACKETS);
        read_rest(&seen, readers);
        assert_int_equal(seen.packets, PACKETS);
        unsigned used = 0;
        for (unsigned r = 0; r < readers; r++)
            used += seen.by_reader[r] > 0;
        assert_int_equal(used > 1, readers > 1);

        struct capture_counters counters = capture_counters(capture);
        assert_true(counters.live);
        assert_int_equal(counters.frames, PACKETS);
        assert_int_equal(counters.kernel_passed, PACKETS);
        assert_int_equal(counters.kernel_drops, 0);
        assert_int_equal(counters.frames_over_mtu, 0);
        capture_close(capture);
        capture = NULL;
    }
}

/* What came in before the stop is read, though nobody had looked at it by then. */
static void test_nothing_is_lost_by_the_stop(void **state)
{
    (void)state;
    static struct seen seen;
    for (unsigned readers = 1; readers <= READERS; readers++) {
        stop = false;
        open_live(readers, NULL);
        talk(PORT);
        read_all(&seen, readers, 0);
        read_rest(&seen, readers);
        assert_int_equal(seen.packets, PACKETS);
        assert_int_equal(capture_counters(capture).kernel_passed, PACKETS);
        capture_close(capture);
        capture = NULL;
    }
}

static void test_what_cannot_be_tcp_stays_in_the_kernel(void **state)
{
    (void)state;
    static struct seen seen;
    open_live(2, NULL);
    talk(OTHER_PORT);
    talk(PORT);
    read_all(&seen, 2, PACKETS);
    read_rest(&seen, 2);
    assert_int_equal(seen.packets, PACKETS);
    assert_int_equal(capture_counters(capture).kernel_passed, PACKETS);
}

/* What came in before the last reader was there is nobody's. */
static void test_what_is_sent_before_does_not_count(void **state)
{
    (void)state;
    static struct seen seen;
    if (!have_namespace)
        skip();
    talk(PORT);
    open_live(READERS, NULL);
    read_rest(&seen, READERS);
    assert_int_equal(capture_counters(capture).frames, 0);
}

static void test_filter(void **state)
{
    (void)state;
    static struct seen seen;
    open_live(2, "udp port 2153");
    talk(PORT);
    read_all(&seen, 2, 2 * ROUNDS);
    read_rest(&seen, 2);
    assert_int_equal(seen.packets, 2 * ROUNDS);
    struct capture_counters counters = capture_counters(capture);
    assert_int_equal(counters.frames + counters.frames_filtered, counters.kernel_passed);
    assert_int_equal(counters.kernel_passed, 2 * ROUNDS); /* the kernel filters too */
}

/* Cooked: the kernel's filter sees no link header, and knows the protocol by other means. */
static void test_all_interfaces(void **state)
{
    (void)state;
    static struct capture_counters counters;
    open_interface("any", 2, "udp port 2153");
    talk(OTHER_PORT);
    talk(PORT);
    for (unsigned frames = 0, round = 0; round < ROUNDS_OF_READING && frames < 2 * ROUNDS; round++)
        for (unsigned r = 0; r < 2; r++) {
            assert_true(capture_fill_part(capture, r, &block));
            frames += (unsigned)block.count;
            assert_true(block.count == 0 || block.frames[0].link_type == 113);
        }
    counters = capture_counters(capture);
    assert_int_equal(counters.frames, 2 * ROUNDS);
    assert_int_equal(counters.kernel_passed, 2 * ROUNDS);
}

/* Two runs on one interface at the same time: their groups are apart, each sees all. */
static void test_two_runs_do_not_share(void **state)
{
    (void)state;
    static struct seen seen;
    open_live(2, NULL);
    struct capture *other = capture;
    open_live(2, NULL);
    talk(PORT);
    read_all(&seen, 2, PACKETS);
    assert_int_equal(seen.packets, PACKETS);
    capture_close(capture);
    capture = other;
    read_all(&seen, 2, PACKETS);
    assert_int_equal(seen.packets, PACKETS);
}

int main(void)
{
    have_namespace = make_namespace();
    if (!have_namespace)
        printf("skipped: no network namespace can be made here (needs root or user namespaces)\n");
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_each_packet_once),
        TEST(test_nothing_is_lost_by_the_stop),
        TEST(test_what_cannot_be_tcp_stays_in_the_kernel),
        TEST(test_what_is_sent_before_does_not_count),
        TEST(test_filter),
        TEST(test_all_interfaces),
        TEST(test_two_runs_do_not_share),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
