/* SPDX-License-Identifier: Apache-2.0
 * main.c - the program as one line: capture -> packet -> flow -> mail -> tls -> x509 -> session ->
 * event -> output.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "explain.h"
#include "heartbeat.h"
#include "line_watch.h"
#include "log.h"
#include "pipeline.h"
#include "progress.h"
#include "reload.h"
#include "remarks.h"
#include "setup.h"
#include "signals.h"

struct course { /* what is seen to while a run goes on */
    const struct run *run;
    struct progress progress;
    unsigned hangups; /* for which outputs were opened again */
    struct heartbeat heartbeat;
    struct line_watch lines;
    struct reload *reload;
};

static void step(void *to, const struct capture_counters *counters)
{
    struct course *course = to;
    progress_step(&course->progress, counters);
    if (course->hangups == signals_hangups())
        return;
    course->hangups = signals_hangups();
    for (size_t i = 0; i < course->run->output_count; i++)
        output_reopen(course->run->outputs[i]);
}

static void tick(void *to, struct pipeline *pipeline, int64_t clock_ns)
{
    struct course *course = to;
    (void)clock_ns;
    reload_tick(course->reload, pipeline);
    heartbeat_tick(&course->heartbeat, pipeline);
    line_watch_tick(&course->lines, course->run->capture, heartbeat_now_ns());
}

static bool watch_to_the_end(struct run *run, struct event_stats *stats)
{
    struct course course = { .run = run };
    struct pipeline_options options = { .workers = setup_workers(run),
                                        .readers = capture_parts(run->capture),
                                        .worker = setup_worker_options(run),
                                        .narrow = setup_narrow(run),
                                        .tick = tick,
                                        .tick_to = &course,
                                        .progress = step,
                                        .progress_to = &course };
    if (detect_has_neighbours(run->detect)) {
        run->neighbours = (struct neighbours){ .detect = run->detect,
                                               .event = options.worker.event,
                                               .least = options.worker.least };
        order_set_neighbours(run->order, setup_judge_neighbours, &run->neighbours);
    }
    course.reload = reload_new(run, &options.worker, &course.heartbeat);
    if (course.reload == NULL || !heartbeat_begin(&course.heartbeat, run, &options.worker.event)) {
        reload_free(course.reload);
        return false;
    }
    progress_init(&course.progress, run->options.log_level < LOG_WARN);
    bool ok = pipeline_run(&options, run->capture, run->order, stats);
    progress_end(&course.progress);
    reload_settle(course.reload);
    bool told = heartbeat_end(&course.heartbeat, stats);
    reload_free(course.reload);
    if (ok) {
        struct capture_line lines[LIMIT_INTERFACES];
        struct remarks_watch watch = heartbeat_watch(&course.heartbeat, lines);
        remarks_after_run(stats, &watch);
    }
    return ok && told;
}

static enum exit_status watch(struct run *run)
{
    run->stop = signals_stop();
    if (run->options.write_pcap != NULL &&
        (run->excerpt = excerpt_new(run->options.write_pcap_of)) == NULL)
        return STATUS_INPUT_FAILED;
    if (!setup_outputs(run) || !setup_inputs(run))
        return STATUS_INPUT_FAILED;
    struct event_stats stats = { 0 };
    bool ok = watch_to_the_end(run, &stats);
    bool cut_off = *run->stop && !setup_is_live(run);
    if (cut_off)
        log_warn("interrupted: the rest was not read");
    if (!ok || cut_off || capture_failed(run->capture))
        return STATUS_INPUT_FAILED;
    if (run->excerpt != NULL && !excerpt_write(run->excerpt, run->options.reads.at,
                                               run->options.reads.count, run->options.write_pcap))
        return STATUS_INPUT_FAILED;
    return setup_must_fail(run, &stats) ? STATUS_FAIL_ON : STATUS_DONE;
}

/* Help and the like: that its reader went away is no failure, a full disk is. */
static enum exit_status status_of_print(void)
{
    if ((fflush(stdout) == 0 && !ferror(stdout)) || errno == EPIPE)
        return STATUS_DONE;
    log_error("standard output: cannot be written: %s", strerror(errno));
    return STATUS_INPUT_FAILED;
}

static enum exit_status explain(const struct run *run)
{
    bool good = explain_print(detect_texts(run->detect), run->options.rules.at,
                              run->options.rules.count, stdout, stderr);
    enum exit_status status = status_of_print();
    return good ? status : STATUS_USAGE;
}

/* What is opened first would become standard output otherwise, be it the socket on an interface.
 * Each is opened the wrong way round, so that its use fails and is told. */
static void fill_standard(void)
{
    static const int flags[] = { O_WRONLY, O_RDONLY, O_RDWR };
    for (int i = 0; i < 3; i++)
        if (fcntl(i, F_GETFD) < 0)
            (void)open("/dev/null", flags[i]); /* the lowest number that is free */
}

int main(int argc, char **argv)
{
    fill_standard();
    struct run run = { 0 };
    enum exit_status status = STATUS_USAGE;
    signal(SIGPIPE, SIG_IGN); /* a reader of ours that goes away ends us quietly, see output.h */
    log_ask_journal();
    enum options_result result = options_parse(&run.options, argc, argv, stdout, stderr);
    log_set_level(run.options.log_level);
    if (result == OPTIONS_RUN && !run.options.check && !run.options.explain)
        signals_init();

    if (result == OPTIONS_EXIT_OK)
        status = status_of_print();
    else if (result == OPTIONS_RUN &&
             config_load(&run.config, run.options.config_file, run.options.settings,
                         run.options.setting_count, stderr) &&
             setup_output_specs(&run) && setup_is_sound(&run) && setup_detect(&run) &&
             (run.options.explain || setup_trust(&run))) {
        if (run.options.check) {
            config_print_changes(&run.config, stdout);
            setup_print_narrow(&run, stdout);
        }
        if (run.options.explain)
            status = explain(&run);
        else
            status = run.options.check ? status_of_print() : watch(&run);
    }

    if (!setup_close(&run) && (status == STATUS_DONE || status == STATUS_FAIL_ON))
        status = STATUS_INPUT_FAILED;
    return (int)status;
}
