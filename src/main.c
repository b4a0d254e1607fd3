/* SPDX-License-Identifier: Apache-2.0
 * main.c - the program as one line: capture -> packet -> flow -> mail -> tls -> x509 -> session ->
 * event -> output.
 */
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "explain.h"
#include "heartbeat.h"
#include "log.h"
#include "pipeline.h"
#include "progress.h"
#include "remarks.h"
#include "setup.h"

/* Set by a signal: what was read so far is reported, which is how a followed folder ends. Only a
 * static object can be reached from there. */
static atomic_bool stopped;

static void stop(int number)
{
    (void)number;
    stopped = true;
}

/* The second one ends the program at once. */
static void stop_on_signals(void)
{
    struct sigaction action = { .sa_handler = stop, .sa_flags = (int)SA_RESETHAND };
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

static enum exit_status watch(struct run *run)
{
    stop_on_signals();
    run->stop = &stopped;
    if (run->options.write_pcap != NULL &&
        (run->excerpt = excerpt_new(run->options.write_pcap_of)) == NULL)
        return STATUS_INPUT_FAILED;
    struct heartbeat heartbeat;
    if (!setup_outputs(run) || !setup_inputs(run) || !heartbeat_begin(&heartbeat, &run->config))
        return STATUS_INPUT_FAILED;
    struct event_stats stats = { 0 };
    struct progress progress;
    progress_init(&progress, run->options.log_level < LOG_WARN);
    struct pipeline_options options = { .workers = setup_workers(run),
                                        .readers = setup_readers(run),
                                        .worker = setup_worker_options(run),
                                        .narrow = setup_narrow(run),
                                        .progress = progress_step,
                                        .progress_to = &progress };
    if (detect_has_neighbours(run->detect)) {
        run->neighbours = (struct neighbours){ .detect = run->detect,
                                               .event = options.worker.event,
                                               .least = options.worker.least };
        order_set_neighbours(run->order, setup_judge_neighbours, &run->neighbours);
    }
    bool ok = pipeline_run(&options, run->capture, run->order, &stats);
    progress_end(&progress);

    for (int i = 0; i <= STARTTAP_CRITICAL; i++)
        stats.findings[i] += run->neighbours.findings[i];
    stats.events = order_written(run->order);
    order_add(run->order, event_of_stats(&options.worker.event, &stats));
    order_finish(run->order);
    if (ok)
        remarks_after_run(&stats);
    bool cut_off = stopped && !setup_is_live(run);
    if (cut_off)
        log_warn("interrupted: the rest was not read");
    bool told = heartbeat_end(&heartbeat, &stats);
    if (!ok || !told || cut_off || capture_failed(run->capture))
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

int main(int argc, char **argv)
{
    struct run run = { 0 };
    enum exit_status status = STATUS_USAGE;
    signal(SIGPIPE, SIG_IGN); /* a reader of ours that goes away ends us quietly, see output.h */
    enum options_result result = options_parse(&run.options, argc, argv, stdout, stderr);
    log_set_level(run.options.log_level);

    if (result == OPTIONS_EXIT_OK)
        status = status_of_print();
    else if (result == OPTIONS_RUN &&
             config_load(&run.config, run.options.config_file, run.options.settings,
                         run.options.setting_count, stderr) &&
             setup_output_specs(&run) && setup_is_sound(&run) && setup_detect(&run)) {
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
