/* SPDX-License-Identifier: Apache-2.0
 * detect.h - the detectors of a run, and what they find in a session.
 *
 * On the workers: detect_session() judges a record, raises its verdict and returns the findings
 * that are new or have risen since the last call for this session. On the ordered thread:
 * detect_neighbours() gives sessions, in order of time, to the detectors that relate them.
 * A finding owns its memory; it may go from thread to thread.
 */
#ifndef DETECT_H
#define DETECT_H

#include "facts.h"
#include "texts.h"

struct finding {
    struct finding *next;
    struct facts *facts;            /* held */
    const struct texts_rule *texts; /* never NULL */
    struct starttap_finding said;   /* as the detector said it, copied; severity as the policy has
                                       it */
    uint32_t update;                /* 0 the first time */
    uint32_t ordinal;               /* among the findings of one call */
    char uid[IDENTITY_SIZE];
    struct arena arena; /* of what `said` points to */
};
void finding_free(struct finding *finding); /* accepts NULL */

/* What was found in a session so far; kept in session_record.memory. */
struct found {
    struct found_entry {
        const char *rule; /* of the detector's table: lives as long as it */
        uint64_t key;
        enum starttap_severity severity;
        uint8_t confidence;
        uint32_t update;
    } * entries; /* LIMIT_FINDINGS at most */
    size_t count, cap;
    bool overflow;
    unsigned rank; /* of the worst verdict that a finding stands for; 0: none does */
};
const struct found *detect_found(const struct session_record *record); /* NULL: nothing yet */
/* Ids, each once, in order of id: all from `least` on, or (below) only those under it. */
size_t detect_rules(const struct found *found, enum starttap_severity least, bool below,
                    const char *out[LIMIT_FINDINGS]);

struct detect_options {
    const char *lists_dir; /* NULL: the embedded lists */
    struct policy_options policy;
    const char *const *plugins; /* paths of shared objects */
    size_t plugin_count;
};

struct detect; /* shared by all workers; immutable while they run */

/* NULL with a message logged. The built-in detectors first, then the plugins. */
struct detect *detect_new(const struct detect_options *options);
/* Lists, texts and policy read anew, with the very detectors of `former` (plugins of the options do
 * not count); both live on their own, and may be used at the same time. What refers to one of them:
 * a struct finding to its texts, and the names of a record under judgement to its policy. Facts own
 * what they say, and struct found refers to the detectors, which are of both. NULL with a message
 * logged. Any thread, but detectors prepare themselves in it. */
struct detect *detect_renew(const struct detect *former, const struct detect_options *options);
void detect_free(struct detect *detect);
const struct texts *detect_texts(const struct detect *detect);
const struct policy *detect_policy(const struct detect *detect);
/* The ids that the loaded detectors may report; NULL behind the last. */
const char *detect_rule_id(const struct detect *detect, size_t index);

/* Any thread. The facts are the record's; NULL is accepted (memory ran out): then nothing is found.
 */
struct finding *detect_session(const struct detect *detect, struct session_record *record,
                               struct facts *facts);
/* The last record of the session was told: forgets what was found. */
void detect_forget(struct session_record *record);

bool detect_has_neighbours(const struct detect *detect);
/* The ordered thread only. */
struct finding *detect_neighbours(struct detect *detect, struct facts *facts);

#endif
