/* SPDX-License-Identifier: Apache-2.0
 * line_watch.c - see line_watch.h. That an interface disappears is told where it is waited for.
 */
#include "line_watch.h"

#include <stdio.h>

#include "clock.h"
#include "log.h"

#define LOOK_NS (2 * NS_PER_S)
/* A live network is never silent for so long: it has at least its own announcements. Where it is,
 * that is told ever less often. */
#define PATIENCE_NS (600 * NS_PER_S)
#define PATIENCE_MOST_NS (24 * 3600 * NS_PER_S)

/* clang-format off */
static const struct {
    const char *into, *out_of; /* what is said of a line that comes into this state, and out of it */
} words[] = {
    [CAPTURE_LINE_ON]      = { NULL, NULL },
    [CAPTURE_LINE_NO_LINK] = { "has no link: is its cable in, and the other end switched on?", "has a link again" },
    [CAPTURE_LINE_DOWN]    = { "is down, and shows nothing until it is switched on: ip link set NAME up", "is up again" },
    [CAPTURE_LINE_AWAY]    = { NULL, NULL },
};
/* clang-format on */

static unsigned long long minutes(int64_t ns) { return (unsigned long long)(ns / (60 * NS_PER_S)); }

static bool look_at_state(struct line_seen *seen, const struct capture_line *line, bool *good,
                          char text[LINE_WATCH_SIZE])
{
    if (line->state == seen->state)
        return false;
    const char *into = words[line->state].into, *out_of = words[seen->state].out_of;
    *good = line->state == CAPTURE_LINE_ON;
    seen->state = line->state;
    if (into == NULL && (!*good || out_of == NULL))
        return false;
    (void)snprintf(text, LINE_WATCH_SIZE, "%s: %s", line->name, into != NULL ? into : out_of);
    return true;
}

static bool look_at_packets(struct line_seen *seen, const struct capture_line *line, int64_t now_ns,
                            bool *good, char text[LINE_WATCH_SIZE])
{
    uint64_t received = line->counts ? line->received : line->frames;
    int64_t silent_ns = now_ns - seen->since_ns;
    if (received != seen->received || line->state != CAPTURE_LINE_ON) {
        bool told = seen->silent;
        seen->received = received;
        seen->since_ns = now_ns;
        seen->silent = false;
        *good = true;
        if (told)
            (void)snprintf(text, LINE_WATCH_SIZE, "%s: receives again, after %llu minutes",
                           line->name, minutes(silent_ns));
        return told && line->state == CAPTURE_LINE_ON;
    }
    if (seen->silent || silent_ns < seen->patience_ns)
        return false;
    seen->silent = true;
    if (seen->patience_ns < PATIENCE_MOST_NS)
        seen->patience_ns *= 2;
    *good = false;
    (void)snprintf(text, LINE_WATCH_SIZE,
                   "%s: has received nothing for %llu minutes: is it still the mirror's target?",
                   line->name, minutes(silent_ns));
    return true;
}

bool line_watch_look(struct line_seen *seen, const struct capture_line *line, int64_t now_ns,
                     bool *good, char text[LINE_WATCH_SIZE])
{
    if (seen->patience_ns == 0) { /* the first look */
        seen->patience_ns = PATIENCE_NS;
        seen->since_ns = now_ns;
    }
    bool state = look_at_state(seen, line, good, text);
    if (!state)
        return look_at_packets(seen, line, now_ns, good, text);
    seen->since_ns = now_ns;
    return true;
}

void line_watch_tick(struct line_watch *watch, const struct capture *capture, int64_t now_ns)
{
    if (now_ns < watch->next_ns)
        return;
    watch->next_ns = now_ns + LOOK_NS;
    struct capture_line lines[LIMIT_INTERFACES];
    size_t count = capture_lines(capture, lines, LIMIT_INTERFACES);
    for (size_t i = 0; i < count; i++) {
        bool good;
        char text[LINE_WATCH_SIZE];
        if (!line_watch_look(&watch->seen[i], &lines[i], now_ns, &good, text))
            continue;
        if (good)
            log_notice("%s", text);
        else
            log_warn("%s", text);
    }
}
