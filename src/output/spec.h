/* SPDX-License-Identifier: Apache-2.0
 * spec.h - what a user says of one output, taken apart:
 *
 *   KIND[:TARGET][?NAME=VALUE[&NAME=VALUE...]]
 *
 *   -                          standard output
 *   file:PATH                  a file, see file.h
 *   syslog:… unix:PATH unix-dgram:PATH
 *   plugin:NAME[:TARGET]       any other output, built in or loaded (kafka, redis, http)
 *
 * Values are percent-decoded; so is a PATH, where %3F stands for a question mark and %25 for a
 * percent sign that two hex digits follow. Other targets go to the output as they are. Options that
 * the host knows (spec_options.c) are taken here, the rest is the output's own.
 *
 * Nothing is opened and no name is resolved.
 */
#ifndef SPEC_H
#define SPEC_H

#include "doors.h"
#include "event.h"

struct output_spec {
    const char *text;  /* as it was given; borrowed */
    const char *place; /* "-o", or file, line and column of the configuration: for messages */
    char *name;        /* kind and target without a password: "plugin:kafka:broker:9092" */
    char *target;      /* decoded where it is a path; "" when there is none */
    const struct starttap_output *door;
    enum event_format format;
    unsigned datasets;                      /* bits 1 << enum event_dataset */
    enum starttap_severity least;           /* of findings written here */
    char *spool;                            /* a folder; NULL: in memory */
    uint64_t spool_bytes;                   /* 0: the default of its kind, see limits.h */
    uint64_t max_bytes;                     /* of an event; 0: no limit */
    uint64_t drain_s, wait_s;               /* at the end of a run; for one batch */
    struct starttap_output_option *options; /* of the output itself; their texts are owned */
    size_t option_count;
};

/* What holds where a specification says nothing. */
struct output_defaults {
    enum event_format format;
    unsigned datasets;
    enum starttap_severity least;
};

/* False with the reason logged: `place`, the specification, the option, and the nearest known word.
 * To be freed in either case. */
__attribute__((warn_unused_result)) bool output_spec_read(struct output_spec *spec,
                                                          const char *text, const char *place,
                                                          const struct output_defaults *defaults,
                                                          const struct doors *doors);
/* Asks the output whether it can be right. False with the reason logged. */
__attribute__((warn_unused_result)) bool output_spec_check(const struct output_spec *spec,
                                                           const char *sensor);
void output_spec_free(struct output_spec *spec); /* accepts a zeroed one */

/* What its hooks get; borrows from the spec. */
struct starttap_output_options output_spec_options(const struct output_spec *spec,
                                                   const char *sensor);
/* Standard output or a file: needs no process of its own when captures are read. */
bool output_spec_is_local(const struct output_spec *spec);

/* --- between spec.c and spec_options.c --- */
/* Takes one option, if it is the host's. */
enum spec_taken { SPEC_NOT_OURS, SPEC_TAKEN, SPEC_WRONG };
enum spec_taken spec_take_option(struct output_spec *spec, const char *name, const char *value);
const char *spec_nearest_option(const char *name); /* NULL: none is near */
void spec_wrong(const struct output_spec *spec, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
