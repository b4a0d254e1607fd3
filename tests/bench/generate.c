/* SPDX-License-Identifier: Apache-2.0
 * generate.c - workloads for the benchmark, out of recorded sessions.
 *
 *   generate WORKLOAD MEGABYTES SEED CAPTURE... >OUT.pcap
 *
 * WORKLOAD is handshakes (W1), bulk (W2), mix (W3: nine frames in ten are not mail) or dialogue
 * (W5). Each copy of a session has addresses, port and initial sequence numbers of its own and,
 * where a chain is visible, one of CHAINS different certificates. Copies start at a steady rate and
 * overlap in time as on a busy line. The same arguments give the same bytes. A line about what was
 * written goes to standard error.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "template.h"

enum { RUNNING_MAX = 65536, CHAINS = 200, SNAP = 262144 };
#define BULK_BYTES ((size_t)1500 * 1000)
#define WEB_BYTES ((size_t)60 * 1000)
#define START_NS (INT64_C(1790000000) * 1000000000)

struct running {
    int64_t next_ns, start_ns;
    size_t template, frame;
    struct copy copy;
};

struct workload {
    const char *name;
    int64_t gap_ns;          /* between the starts of two sessions */
    size_t bulk;             /* bytes of application data added */
    bool tls, clear, others; /* which templates */
};
static const struct workload workloads[] = {
    { "handshakes", INT64_C(200000), 0, true, false, false },
    { "bulk", INT64_C(4000000), BULK_BYTES, true, false, false },
    { "mix", INT64_C(100000), 0, true, true, true },
    { "dialogue", INT64_C(200000), 0, false, true, false },
};

static struct {
    struct template templates[TEMPLATES * 2];
    size_t count, mail; /* the first `mail` of them are mail */
    struct running heap[RUNNING_MAX];
    size_t running;
    uint64_t random;
    uint64_t frames, bytes, sessions, mail_sessions, mail_frames;
} state;

static bool earlier(const struct running *a, const struct running *b)
{
    return a->next_ns < b->next_ns;
}

static void heap_swap(size_t i, size_t j)
{
    struct running old = state.heap[i];
    state.heap[i] = state.heap[j];
    state.heap[j] = old;
}

static void heap_sink(size_t at)
{
    for (;;) {
        size_t least = at;
        for (size_t child = 2 * at + 1; child <= 2 * at + 2 && child < state.running; child++)
            if (earlier(&state.heap[child], &state.heap[least]))
                least = child;
        if (least == at)
            return;
        heap_swap(at, least);
        at = least;
    }
}

static void heap_add(const struct running *one)
{
    size_t at = state.running++;
    state.heap[at] = *one;
    while (at > 0 && earlier(&state.heap[at], &state.heap[(at - 1) / 2])) {
        heap_swap(at, (at - 1) / 2);
        at = (at - 1) / 2;
    }
}

/* The n-th copy has ends that no other copy has: clients in 198.18/16, servers in 198.19/16, which
 * are set aside for benchmarks (RFC 2544). */
static void session_start(const struct workload *workload, int64_t now)
{
    uint64_t n = state.sessions++;
    bool other = workload->others && state.mail_frames * 10 > state.frames;
    size_t choices = other ? state.count - state.mail : state.mail;
    struct running one = { .next_ns = now, .start_ns = now };

    one.template = (other ? state.mail : 0) + random_next(&state.random) % choices;
    one.copy.client_host = 0xc6120000u | (uint32_t)(n & 0xffff);
    one.copy.server_host = 0xc6130000u | random_next(&state.random) % 2000;
    one.copy.client_port = (uint16_t)(20000 + (n >> 16) % 40000);
    one.copy.client_shift = random_next(&state.random);
    one.copy.server_shift = random_next(&state.random);
    uint32_t chain = random_next(&state.random) % CHAINS;
    one.copy.vary[0] = (uint8_t)chain;
    one.copy.vary[1] = (uint8_t)(chain >> 8);
    if (!other)
        state.mail_sessions++;
    heap_add(&one);
}

static void frame_write(const struct running *one)
{
    uint8_t buffer[16 + FRAME_BYTES];
    const struct template *template = &state.templates[one->template];
    size_t len = template_frame(template, one->frame, &one->copy, buffer + 16);
    uint32_t head[4] = { (uint32_t)(one->next_ns / 1000000000),
                         (uint32_t)(one->next_ns % 1000000000 / 1000), (uint32_t)len,
                         (uint32_t)len };

    memcpy(buffer, head, sizeof head);
    if (fwrite(buffer, 16 + len, 1, stdout) != 1) {
        perror("generate: standard output");
        exit(1);
    }
    state.frames++;
    state.mail_frames += one->template <state.mail;
    state.bytes += 16 + len;
}

static bool is_tls(const struct template *template)
{
    for (size_t i = 0; i < template->count; i++) {
        const struct frame *frame = &template->frames[i];
        for (size_t at = 54; frame->client && at + 6 < frame->len; at++)
            if (frame->bytes[at] == 22 && frame->bytes[at + 1] == 3 && frame->bytes[at + 5] == 1)
                return true;
    }
    return false;
}

static void templates_make(const struct workload *workload, char **paths, int count)
{
    static struct template loaded[TEMPLATES];
    size_t have = 0;

    for (int i = 0; i < count; i++)
        templates_load(paths[i], loaded, &have);
    for (size_t i = 0; i < have; i++) {
        bool tls = is_tls(&loaded[i]);
        if ((tls && workload->tls) || (!tls && workload->clear))
            state.templates[state.mail++] =
                template_with_bulk(&loaded[i], tls ? workload->bulk : 0, 0);
    }
    state.count = state.mail;
    for (size_t i = 0; workload->others && i < have; i++)
        if (loaded[i].server_port == 993 || loaded[i].server_port == 465)
            state.templates[state.count++] = template_with_bulk(&loaded[i], WEB_BYTES, 443);
    for (size_t i = 0; i < have; i++)
        template_free(&loaded[i]);
    if (state.mail == 0 || (workload->others && state.count == state.mail)) {
        fprintf(stderr, "generate: no capture fits this workload\n");
        exit(1);
    }
}

static void generate(const struct workload *workload, uint64_t bytes)
{
    static const uint32_t head[6] = { 0xa1b2c3d4, 4u << 16 | 2, 0, 0, SNAP, 1 };
    int64_t next_start = START_NS;

    fwrite(head, sizeof head, 1, stdout);
    while (state.running > 0 || state.bytes < bytes) {
        bool full = state.bytes >= bytes || state.running == RUNNING_MAX;
        if (!full && (state.running == 0 || next_start <= state.heap[0].next_ns)) {
            session_start(workload, next_start);
            next_start += workload->gap_ns;
            continue;
        }
        struct running *one = &state.heap[0];
        const struct template *template = &state.templates[one->template];
        frame_write(one);
        if (++one->frame < template->count)
            one->next_ns = one->start_ns + template->frames[one->frame].after_ns;
        else
            *one = state.heap[--state.running];
        heap_sink(0);
    }
}

int main(int argc, char **argv)
{
    static char buffer[1 << 20];
    const struct workload *workload = NULL;

    for (size_t i = 0; argc > 4 && i < sizeof workloads / sizeof workloads[0]; i++)
        if (strcmp(argv[1], workloads[i].name) == 0)
            workload = &workloads[i];
    if (workload == NULL) {
        fprintf(
            stderr,
            "usage: generate handshakes|bulk|mix|dialogue MEGABYTES SEED CAPTURE... >OUT.pcap\n");
        return 2;
    }
    state.random = strtoull(argv[3], NULL, 10) * 2 + 1;
    setvbuf(stdout, buffer, _IOFBF, sizeof buffer);
    templates_make(workload, argv + 4, argc - 4);
    generate(workload, strtoull(argv[2], NULL, 10) * 1000000);
    bool written = fflush(stdout) == 0;
    fprintf(stderr, "{\"frames\": %llu, \"bytes\": %llu, \"sessions\": %llu, \"mail\": %llu}\n",
            (unsigned long long)state.frames, (unsigned long long)state.bytes,
            (unsigned long long)state.sessions, (unsigned long long)state.mail_sessions);
    for (size_t i = 0; i < state.count; i++)
        template_free(&state.templates[i]);
    return written ? 0 : 1;
}
