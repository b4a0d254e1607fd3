/* SPDX-License-Identifier: Apache-2.0
 * event.h - what leaves the program: one line of JSON (ECS 9.4) or a piece of text for people, with
 * what it is ordered by.
 *
 * Made on the workers from borrowed records; an event owns its memory. Ids are derived from content
 * only, so the same input gives the same events. Field names and values are the contract of the
 * design ("Events").
 */
#ifndef EVENT_H
#define EVENT_H

#include "detect.h"

#define STARTTAP_VERSION "0.1.0"
#define EVENT_ID_SIZE IDENTITY_SIZE

enum event_dataset {
    DATASET_SESSION,
    DATASET_FINDING,
    DATASET_CERTIFICATE,
    DATASET_STATS,
    DATASET_COUNT
};
const char *
event_dataset_name(enum event_dataset dataset); /* "session" …, as on the command line */

/* What each one holds of a session, a finding …: dashboards/FORMATS.md. */
enum event_format {
    FORMAT_ECS,
    FORMAT_TEXT, /* for people */
    FORMAT_EVE,
    FORMAT_CEF,
    FORMAT_LEEF,
    FORMAT_OCSF,
    FORMAT_COUNT
};
const char *event_format_name(enum event_format format); /* "ecs" …, as on the command line */
bool event_format_read(const char *word, enum event_format *format); /* false: no such */

struct event_key {   /* a total order for one run from files */
    int64_t time_ns; /* of the packet or timer that completed it, by the capture's clock */
    struct address client, server;
    uint16_t client_port, server_port;
    enum event_dataset dataset;
    char rule[48];
    uint32_t ordinal;
    char id[EVENT_ID_SIZE]; /* event.id */
};
int event_key_compare(const void *a, const void *b); /* of two struct event_key */

struct event {
    struct event_key key;
    struct event *next; /* for whoever keeps a list */
    /* What was asked for, without the last newline: ECS, CEF, LEEF and OCSF are one line, EVE may
     * be several with newlines between them, text has its own. NULL: not asked for, or this format
     * has nothing for such an event. */
    char *body[FORMAT_COUNT];
    size_t len[FORMAT_COUNT];
    uint64_t once;      /* not 0: written only if none with this number was written before */
    size_t sequence_at; /* in the ECS body: where `"sequence":N,` belongs */
    uint64_t thing;     /* of a finding: what it is about; the same for its repetitions */
    enum starttap_severity severity;            /* of a finding */
    char community_id[IDENTITY_COMMUNITY_SIZE]; /* of the connection; "" where there is none */
    uint32_t update;
    char session_id[EVENT_ID_SIZE]; /* of a finding, for the ids of its updates */
    char finding_key[EVENT_ID_SIZE];
    struct facts *facts; /* not written: handed to the neighbour detectors; held */
};

struct json_arena;
struct event_options {
    struct json_arena *json; /* of whoever makes the events, one thread; NULL costs a little more */
    bool formats[FORMAT_COUNT];
    const char *sensor;  /* observer.name; NULL or "" leaves it out */
    bool live;           /* the names below are interfaces, not files */
    const char *ingress; /* the only interface that is watched, for counters; NULL: none, several */
    const char *(*file_name)(const void *files, uint32_t file);
    const void *files;
};

/* NULL when memory runs out. */
struct event *event_of_session(const struct event_options *options,
                               const struct session_record *record);
/* NULL when memory runs out. */
struct event *event_of_finding(const struct event_options *options, const struct finding *finding);
/* What the neighbour detectors get, in its place among the events. Holds the facts. */
struct event *event_of_facts(struct facts *facts);
const char *event_severity_name(enum starttap_severity severity); /* "info" … "critical" */
unsigned event_severity_number(enum starttap_severity severity);  /* 10 30 50 70 90 */
/* The certificate at `position` of the record's visible chain. */
struct event *event_of_certificate(const struct event_options *options,
                                   const struct session_record *record, size_t position);
/* What `once` of that event will be: the same for the same certificate of the same server. Never 0.
 */
uint64_t event_certificate_once(const struct session_record *record, size_t position);
void event_free(struct event *event);

/* What waits between the threads of a live run. */
struct event_queues {
    bool live;               /* false: files, where none of this is written */
    uint64_t blocks_waiting; /* of the reader where most wait for a worker */
    uint64_t blocks_room;    /* how many can */
    uint64_t stalls;         /* times that a reader found no room: its kernel buffer fills up */
    uint64_t handed_over;    /* packets read by one and worked on by another */
    uint64_t copied;         /* of them, joined from fragments */
    uint64_t events_waiting; /* for their turn */
};

/* What became of the events that one output was given. */
struct event_output {
    const char *name;            /* as on the command line, without options and passwords */
    const char *kind;            /* "file" */
    char label[40];              /* kind and place: "file-1" */
    bool process;                /* it runs in a process of its own; the others are not written */
    bool away;                   /* the receiver does not take what is sent */
    uint64_t events;             /* put */
    uint64_t delivered, refused; /* by the receiver, for good */
    uint64_t retried, restarts;  /* times that sending failed; that the process crashed */
    uint64_t dropped[DATASET_COUNT];
    uint64_t waiting, bytes_waiting; /* events, with those of an earlier run, and their bytes */
    uint64_t waits, waited_ns; /* of the thread that hands events on, for room; 0 on interfaces */
};

struct event_stats { /* of the whole run; from files the same for any number of workers */
    int64_t start_ns, end_ns;
    int64_t last_packet_ns; /* of the newest packet; live, end_ns goes on without any */
    struct capture_counters capture;
    struct packet_counters packets;
    struct shard_counters flows;
    struct session_counters sessions;
    uint64_t findings[STARTTAP_CRITICAL + 1]; /* new ones, by severity */
    uint64_t events;
    uint32_t told; /* how many times before; two may be of the same instant */
    struct event_queues queues;
    const struct event_output *outputs; /* borrowed */
    size_t output_count;
};
struct event *event_of_stats(const struct event_options *options, const struct event_stats *stats);

/* For receivers that take no more than `most` bytes: a printed ECS line (with its sequence or not)
 * in at most so many, malloc'd and terminated; NULL when memory runs out. What is
 * told elsewhere too goes first, then long lists and texts, and mailtls.truncated names what was
 * cut; a finding keeps its rule, evidence and text. What is short enough is copied as it is. `most`
 * is at least 512. */
char *event_capped(const char *line, size_t len, size_t most, size_t *out_len);

/* event.id; the design, "Order and identity". */
void event_id(const char *session_id, enum event_dataset dataset, const char *rule, const char *key,
              uint32_t update, char out[EVENT_ID_SIZE]);

#endif
