/* SPDX-License-Identifier: Apache-2.0
 * test_line_watch.c - what becomes of an interface is told once, and when it is over.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "clock.h"
#include "line_watch.h"

#define MINUTE_NS (60 * NS_PER_S)

struct scene {
    struct line_seen seen;
    struct capture_line line;
    int64_t now_ns;
};

static struct scene begin(void)
{
    return (struct scene){ .line = { .name = "eth1", .counts = true }, .now_ns = 5 * NS_PER_S };
}

/* A look later; `words` are said (NULL: nothing), as a warning or not. */
static void look(struct scene *s, int64_t later_ns, bool good, const char *words)
{
    bool found_good = !good;
    char text[LINE_WATCH_SIZE] = "";
    s->now_ns += later_ns;
    bool told = line_watch_look(&s->seen, &s->line, s->now_ns, &found_good, text);
    if (told != (words != NULL) || (told && strstr(text, words) == NULL))
        fail_msg("wanted \"%s\", told \"%s\"", words != NULL ? words : "", text);
    if (told)
        assert_int_equal(found_good, good);
}

static void test_states(void **state)
{
    (void)state;
    struct scene s = begin();
    look(&s, 0, true, NULL);
    s.line.state = CAPTURE_LINE_DOWN;
    look(&s, NS_PER_S, false, "eth1: is down");
    look(&s, NS_PER_S, false, NULL);
    s.line.state = CAPTURE_LINE_ON;
    look(&s, NS_PER_S, true, "eth1: is up again");
    s.line.state = CAPTURE_LINE_NO_LINK;
    look(&s, NS_PER_S, false, "eth1: has no link");
    s.line.state = CAPTURE_LINE_ON;
    look(&s, NS_PER_S, true, "eth1: has a link again");
    s.line.state = CAPTURE_LINE_AWAY; /* told by whoever waits for it */
    look(&s, NS_PER_S, false, NULL);
    s.line.state = CAPTURE_LINE_ON;
    look(&s, NS_PER_S, true, NULL);
}

static void test_a_line_without_link_at_the_start(void **state)
{
    (void)state;
    struct scene s = begin();
    s.line.state = CAPTURE_LINE_NO_LINK;
    look(&s, 0, false, "eth1: has no link");
    look(&s, 100 * MINUTE_NS, false, NULL); /* known: not told as silence once more */
}

static void test_silence(void **state)
{
    (void)state;
    struct scene s = begin();
    look(&s, 0, true, NULL);
    s.line.received = 7;
    look(&s, 9 * MINUTE_NS, true, NULL);
    look(&s, 9 * MINUTE_NS, false, NULL);
    look(&s, 1 * MINUTE_NS, false, "eth1: has received nothing for 10 minutes");
    look(&s, 90 * MINUTE_NS, false, NULL);
    s.line.received = 8;
    look(&s, 1 * MINUTE_NS, true, "eth1: receives again, after 101 minutes");
    look(&s, 19 * MINUTE_NS, false, NULL); /* told less often */
    look(&s, 1 * MINUTE_NS, false, "for 20 minutes");
}

static void test_where_the_system_does_not_count(void **state)
{
    (void)state;
    struct scene s = begin();
    s.line.counts = false;
    look(&s, 0, true, NULL);
    s.line.frames = 1;
    look(&s, 11 * MINUTE_NS, true, NULL);
    look(&s, 11 * MINUTE_NS, false, "for 11 minutes");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_states),
        cmocka_unit_test(test_a_line_without_link_at_the_start),
        cmocka_unit_test(test_silence),
        cmocka_unit_test(test_where_the_system_does_not_count),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
