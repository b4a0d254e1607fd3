/* SPDX-License-Identifier: Apache-2.0
 * setup.h - from what the user said to open inputs, outputs and the settings of the stages.
 */
#ifndef SETUP_H
#define SETUP_H

#include <stdatomic.h>
#include <stdio.h>

#include "keeper.h"
#include "options.h"
#include "order.h"
#include "process.h"
#include "worker.h"

enum { MOST_OUTPUTS = LIMIT_OUTPUTS };

struct neighbours { /* what the ordered thread needs to have sessions related */
    struct detect *detect;
    struct event_options event;
    enum starttap_severity least;
    uint64_t findings[STARTTAP_CRITICAL + 1];
};

struct run { /* all that has to be closed again */
    struct options options;
    struct config config;
    const atomic_bool *stop; /* becomes true when the user has had enough */
    struct capture *capture;
    struct trust_store *store;
    struct doors *doors;
    struct output_spec specs[MOST_OUTPUTS];
    char *spec_places[MOST_OUTPUTS]; /* where the configuration has them; NULL: -o */
    size_t spec_count;
    char host[256]; /* the sensor's name when the configuration has none */
    struct output *outputs[MOST_OUTPUTS];
    size_t output_count;
    struct channel *channels[MOST_OUTPUTS]; /* of those with a process of their own */
    size_t channel_count;
    struct process_user user; /* of the key output.user, if it is set */
    struct keeper *keeper;
    struct order *order;
    struct detect *detect;
    struct neighbours neighbours;
    struct excerpt *excerpt; /* --write-pcap; else NULL */
};

/* What only the libraries can say of a configuration (a filter); what has no effect yet is said.
 * False: the reason was logged. */
bool setup_is_sound(const struct run *run);
/* capture.filter can be compiled, or what is wrong has been logged. */
bool setup_filter(const struct config *config);
/* What outputs are wanted, and the plugins that are outputs; nothing is opened. False: logged. */
bool setup_output_specs(struct run *run);
bool setup_outputs(
    struct run *run); /* false: the reason was logged; run_close() closes what is open */
bool setup_close_outputs(struct run *run); /* false: something could not be written */
/* Puts the counters of the outputs into `counts`, which the statistics borrow. */
void setup_count_outputs(const struct run *run, struct event_output counts[MOST_OUTPUTS],
                         struct event_stats *stats);
unsigned setup_datasets(const struct run *run); /* that any output wants */
void setup_formats(const struct run *run, bool formats[FORMAT_COUNT]);
bool setup_inputs(struct run *run);
/* The authorities that the configuration names. False: the reason was logged. */
bool setup_trust(struct run *run);
/* *store may be NULL when nothing is configured, or, unless strict, when the bundle that is there
 * by default is absent. False: the reason was logged. */
bool setup_store(const struct config *config, bool strict, struct trust_store **store);
/* Lists, policy, built-in detectors and plugins. False: the reason was logged. */
bool setup_detect(struct run *run);
/* Likewise, with the detectors of the former; NULL: the reason was logged. */
struct detect *setup_renew_detect(const struct detect *former, const struct config *config);
enum starttap_severity setup_least(const struct run *run); /* of findings that are written */
struct event *setup_judge_neighbours(void *neighbours, struct facts *facts); /* for the order */
/* --fail-on was given, and something was found. */
bool setup_must_fail(const struct run *run, const struct event_stats *stats);
/* The input has no end of its own: a followed folder, or a pipe. */
bool setup_is_live(const struct run *run);
unsigned setup_workers(const struct run *run);
struct packet_narrow setup_narrow(const struct run *run); /* borrows from the run */
/* For -T: what a filter does not reach, if there is one. */
void setup_print_narrow(const struct run *run, FILE *out);
struct worker_options setup_worker_options(const struct run *run); /* borrows from the run */
/* The options with what the keys of data/config_reload.def say. */
void setup_renew_worker(struct worker_options *options, const struct config *config,
                        const struct detect *detect, struct trust_store *store);
bool setup_close(struct run *run); /* false: something could not be written */

#endif
