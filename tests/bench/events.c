/* SPDX-License-Identifier: Apache-2.0
 * events.c - what a session event costs: the pipeline runs once over captures, up to the records;
 * each final record is then made into an event again and again.
 *
 * bench_events REPEAT CAPTURE... prints "events EVENTS bytes BYTES seconds CPU-SECONDS tree
 * CPU-SECONDS", of the repetitions alone; the second time is what json-c takes to build the same
 * events as trees of its own and print them: the yardstick. With "only" for the last argument that
 * is left out, for counting instructions.
 */
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "capture.h"
#include "event.h"
#include "json.h"

struct bench {
    struct event_options options;
    const struct detect *detect;
    unsigned long repeat;
    bool tree;
    uint64_t events, bytes, ns, tree_ns;
};

static uint64_t cpu_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void make_events(struct bench *bench, const struct session_record *record)
{
    uint64_t start = cpu_ns();
    for (unsigned long i = 0; i < bench->repeat; i++) {
        struct event *event = event_of_session(&bench->options, record);
        if (event == NULL || event->body[FORMAT_ECS] == NULL)
            abort();
        bench->bytes += event->len[FORMAT_ECS];
        bench->events++;
        event_free(event);
    }
    bench->ns += cpu_ns() - start;
}

static void make_trees(struct bench *bench, const struct session_record *record)
{
    struct event *event = event_of_session(&bench->options, record);
    struct json_object *like = event == NULL ? NULL : json_tokener_parse(event->body[FORMAT_ECS]);
    uint64_t start = cpu_ns();
    for (unsigned long i = 0; i < bench->repeat; i++) {
        struct json_object *tree = NULL;
        if (json_object_deep_copy(like, &tree, NULL) != 0)
            abort();
        char *line = strdup(json_object_to_json_string_ext(tree, JSON_C_TO_STRING_PLAIN));
        json_object_put(tree);
        free(line);
    }
    bench->tree_ns += cpu_ns() - start;
    json_object_put(like);
    event_free(event);
}

static bool report(void *to, struct session_record *record)
{
    struct bench *bench = to;
    struct facts *facts = facts_new(record, detect_policy(bench->detect));
    struct finding *findings = detect_session(bench->detect, record, facts);
    while (findings != NULL) {
        struct finding *next = findings->next;
        finding_free(findings);
        findings = next;
    }
    if (!record->early && !record->open) {
        make_events(bench, record);
        if (bench->tree)
            make_trees(bench, record);
        detect_forget(record);
    }
    facts_release(facts);
    return true;
}

static const char *file_name(const void *capture, uint32_t file)
{
    return capture_file_name(capture, file);
}

static void run(struct bench *bench, struct capture *capture)
{
    static const uint16_t ports[] = { 24, 25, 26, 110, 143, 465, 587, 993, 995, 2525, 4190 };
    const struct session_options session = { .report_after_ns = INT64_MAX,
                                             .ports = ports,
                                             .port_count = sizeof ports / sizeof ports[0] };
    const struct shard_options flow = { .max_flows = 100000,
                                        .idle_timeout_ns = INT64_C(3600) * 1000000000,
                                        .closed_timeout_ns = INT64_C(10) * 1000000000,
                                        .opening_timeout_ns = INT64_C(30) * 1000000000,
                                        .max_buffered_bytes = 64 << 20,
                                        .ports = ports,
                                        .port_count = session.port_count };
    struct session_context context = { .options = &session,
                                       .cache = x509_cache_new(NULL, 1024),
                                       .budget = x509_budget_new(0, 64),
                                       .report = report,
                                       .to = bench };
    struct shard *shard = shard_new(&flow, session_sink(), &context);
    struct packet_decoder *decoder = packet_decoder_new(0);
    struct block block;
    int64_t clock_ns = 0;
    if (context.cache == NULL || context.budget == NULL || shard == NULL || decoder == NULL ||
        !block_init(&block))
        abort();
    while (capture_fill(capture, &block)) {
        for (size_t i = 0; i < block.count; i++) {
            struct packet packet;
            if (packet_decode(decoder, &block.frames[i], block.sequence, &packet) == PACKET_TCP)
                shard_packet(shard, &packet);
            clock_ns = block.frames[i].time_ns;
        }
        packet_decoder_release(decoder, block.sequence);
    }
    shard_finish(shard, clock_ns);
    shard_free(shard);
    block_free(&block);
    packet_decoder_free(decoder);
    x509_budget_free(context.budget);
    x509_cache_free(context.cache);
}

int main(int argc, char **argv)
{
    const struct detect_options detect = { .policy = { .vantage = "unknown" } };
    const struct capture_options options = { 0 };
    struct bench bench = { .detect = detect_new(&detect) };
    bench.tree = argc > 1 && strcmp(argv[argc - 1], "only") != 0;
    argc -= bench.tree ? 0 : 1;
    bench.repeat = argc > 2 ? strtoul(argv[1], NULL, 10) : 0;
    if (bench.repeat == 0 || bench.detect == NULL) {
        fputs("usage: bench_events REPEAT CAPTURE...\n", stderr);
        return 2;
    }
    struct capture *capture =
        capture_open((const char *const *)(argv + 2), (size_t)argc - 2, &options);
    if (capture == NULL)
        return 1;
    bench.options.formats[FORMAT_ECS] = true;
    bench.options.json = json_arena_new();
    bench.options.file_name = file_name;
    bench.options.files = capture;
    run(&bench, capture);
    capture_close(capture);
    json_arena_free(bench.options.json);
    detect_free((struct detect *)bench.detect);
    printf("events %llu bytes %llu seconds %.6f tree %.6f\n", (unsigned long long)bench.events,
           (unsigned long long)bench.bytes, (double)bench.ns / 1e9, (double)bench.tree_ns / 1e9);
    return 0;
}
