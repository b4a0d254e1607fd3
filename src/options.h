/* SPDX-License-Identifier: Apache-2.0
 * options.h - what the command line said.
 *
 * Options that stand for a key of the configuration (-f, --format, --events, --min-severity,
 * --all-tls, --workers, --set) are checked here and kept as settings for config_load(), which has
 * the last word; their values are read from struct config. Options whose release has not come are
 * known, say so, and never let the program run. Nothing is opened or read here.
 */
#ifndef OPTIONS_H
#define OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "config.h"
#include "log.h"

/* What the program exits with; scripts depend on it. */
enum exit_status {
    STATUS_DONE = 0,
    STATUS_INPUT_FAILED = 1, /* a file or interface failed; what could be read was reported */
    STATUS_USAGE = 2,        /* of the command line or the configuration */
    STATUS_FAIL_ON = 3       /* a finding as --fail-on says was made */
};

enum options_result {
    OPTIONS_RUN,     /* go on; check says whether only to check the configuration */
    OPTIONS_EXIT_OK, /* --help, --version, --dump-config: printed, exit with STATUS_DONE */
    OPTIONS_USAGE    /* the reason was printed, exit with STATUS_USAGE */
};

/* Texts of the command line, in its order. */
struct options_list {
    const char **at;
    size_t count;
};

/* All texts are borrowed from argv. */
struct options {
    struct options_list reads;      /* -r */
    struct options_list interfaces; /* -i */
    struct options_list outputs;    /* -o: as given, see output/spec.h */
    struct options_list plugins;
    struct options_list rules;       /* behind "explain" */
    bool explain;                    /* the reference texts are wanted, nothing is read */
    struct config_setting *settings; /* in the order given, for config_load() */
    size_t setting_count;
    const char *config_file; /* -c, or NULL */
    const char *keylog, *report, *state, *write_pcap, *write_pcap_of;
    bool check; /* -T */
    bool follow;
    bool anonymise;
    bool fail_on_given;
    enum config_severity fail_on;
    enum log_level log_level; /* LOG_WARN; -q LOG_ERROR, -v LOG_INFO, -vv LOG_DEBUG */

    char **split; /* private: the texts of --set taken apart */
    size_t split_count;
};

/* Uses getopt_long() and its global state: call it from one thread. Help, version and the default
 * configuration go to out, all else to err. To be freed whatever the result. */
enum options_result options_parse(struct options *options, int argc, char **argv, FILE *out,
                                  FILE *err);
void options_free(struct options *options);

#endif
