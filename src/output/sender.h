/* SPDX-License-Identifier: Apache-2.0
 * sender.h - all that an output plugin sees of starttap, and all it may rely on. Installed as
 * <starttap/output.h>; needs nothing but the C library.
 *
 * An output brings events to one receiver. It runs in a process of its own, which alone resolves
 * the receiver's name and opens sockets: it may block, wait and allocate as it likes, and packets
 * do not feel it. It keeps nothing that must survive: what it has not said to be delivered lies in
 * a spool and is given to it again, also after a restart, in the same order. So events may arrive
 * twice (their ids are the same then) and are never lost by an output.
 *
 *   check()   may this be right? No name is resolved, nothing is opened but files of the options.
 *   open()    made ready; connecting belongs to the first send()
 *   send()    one batch, in order: returns when each message was confirmed, refused, or the
 *             receiver failed. The host repeats what is left, after a pause that grows.
 *   close()
 *
 * Lifetime: all that a hook is given is valid during the call only, but the options live until
 * close() has returned. Texts are terminated UTF-8 and never NULL; "" means there is none.
 * Compatibility: the host refuses an output of another `abi`. Within one ABI, structs that are
 * reached by a pointer of their own grow at their end; messages are frozen.
 */
#ifndef STARTTAP_OUTPUT_H
#define STARTTAP_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define STARTTAP_OUTPUT_ABI 1

enum starttap_dataset {
    STARTTAP_DATASET_SESSION,
    STARTTAP_DATASET_FINDING,
    STARTTAP_DATASET_CERTIFICATE,
    STARTTAP_DATASET_STATS
};

struct starttap_message {
    const char *bytes; /* one line in the format asked for, without its newline; valid UTF-8 */
    size_t len;
    const char *id;   /* event.id: the same whenever this event is sent again */
    const char *key;  /* the community id of its connection: what must stay in order; or "" */
    int64_t time_us;  /* @timestamp, since 1970-01-01 UTC */
    uint8_t dataset;  /* enum starttap_dataset */
    uint8_t severity; /* 10 30 50 70 90 of a finding (info low medium high critical), else 0 */
};

struct starttap_output_option { /* NAME=VALUE of the output's specification, decoded */
    const char *name, *value;
};

struct starttap_output_options {
    size_t size;        /* of this struct, as the host has it */
    const char *target; /* what follows the kind: "tcp://log.example.net:6514" */
    const char *format; /* "ecs" "eve" "cef" "leef" "ocsf" "text" */
    const char *sensor; /* observer.name, or the host's name */
    const struct starttap_output_option *options; /* that the host has no use for itself */
    size_t option_count;
    /* For the log of the program: one line, without secrets. Level 0 error, 1 warning, 2 info. */
    void (*log)(int level, const char *line);
    size_t max_bytes; /* of a message: the host shrinks longer events where it can; 0: no limit */
};

struct starttap_sent {
    size_t delivered; /* messages from the first one on that are dealt with: confirmed or refused */
    size_t refused;   /* of them: that this receiver will never take (too long, malformed) */
    bool failed;      /* the receiver failed or is away: the rest is to be sent again, later.
                         False with a rest: the time was up, it goes on; send the rest at once */
    char why[256];    /* of the failure or the last refusal, for people; no secret */
};

struct starttap_output {
    uint32_t abi;                     /* STARTTAP_OUTPUT_ABI */
    uint32_t size;                    /* sizeof(struct starttap_output) */
    const char *kind;                 /* "kafka": how a specification names it */
    const char *help;                 /* a line for people */
    size_t most_messages, most_bytes; /* of a batch that send() wants; 0: the host's choice */
    /* False: `why` says what is wrong with the specification. */
    bool (*check)(const struct starttap_output_options *options, char *why, size_t why_size);
    void *(*open)(const struct starttap_output_options *options, char *why, size_t why_size);
    /* At most `wait_ms` should pass; an event that is halfway out may take longer. */
    void (*send)(void *self, const struct starttap_message *messages, size_t count,
                 unsigned wait_ms, struct starttap_sent *sent);
    void (*close)(void *self); /* accepts NULL */
    size_t max_bytes; /* what options->max_bytes is unless the operator says; 0: no limit */
};

/* What a shared object exports; a built-in one has a name of its own. */
#ifdef STARTTAP_BUILT_IN
#define STARTTAP_OUTPUT_EXPORT(name)                                                               \
    const struct starttap_output *starttap_output_##name(void);                                    \
    const struct starttap_output *starttap_output_##name(void)
#else
#define STARTTAP_OUTPUT_EXPORT(name)                                                               \
    __attribute__((visibility("default"))) const struct starttap_output *starttap_output(void);    \
    const struct starttap_output *starttap_output(void)
#endif

#endif
