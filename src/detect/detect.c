/* SPDX-License-Identifier: Apache-2.0
 * detect.c - runs the detectors over the facts, and keeps what is new.
 */
#include "detect.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "detector.h"
#include "finding.h"
#include "hash.h"
#include "log.h"

/* Code and the state of neighbour detectors: one for the whole run. */
struct detectors {
    atomic_uint holders;
    struct detector at[LIMIT_DETECTORS];
    size_t count;
};

struct detect {
    struct lists *lists;
    struct texts *texts;
    struct policy *policy;
    struct detectors *detectors;           /* held */
    const void *prepared[LIMIT_DETECTORS]; /* by each of them, from the lists above */
};

/* --- what the core does for a detector --- */

/* The door's core is the first member, so that report() finds the rest of its call. */
struct call {
    struct starttap_core core;
    const struct detect *detect;
    const struct detector *detector;
    struct facts *facts;
    struct found *found; /* NULL on the ordered thread */
    struct finding *first, **last;
    uint32_t ordinal;
};

/* A detector may hold a few of these at once: what it returned last stays as it is for 15 calls. */
static const char *version_name(uint16_t version)
{
    static _Thread_local char names[16][24];
    static _Thread_local unsigned next;
    char buffer[16], *out = names[next++ % 16];
    const char *protocol = "tls", *text = tls_version_text(version, &protocol, buffer);
    snprintf(out, sizeof names[0], "%s %s", strcmp(protocol, "ssl") == 0 ? "SSL" : "TLS",
             text != NULL ? text : "?");
    return out;
}

static const char *or_nothing(const char *name) { return name != NULL ? name : ""; }
static const char *cipher_name(uint16_t cipher) { return or_nothing(tls_cipher_name(cipher)); }
static const char *group_name(uint16_t group) { return or_nothing(tls_group_name(group)); }
static const char *alert_name(uint8_t code) { return or_nothing(tls_alert_name(code)); }
static const char *signature_name(uint16_t scheme)
{
    return or_nothing(tls_signature_name(scheme));
}

static const char *list(const struct starttap_core *core, const char *name, const char **version)
{
    const struct call *call = (const struct call *)(const void *)core;
    return lists_get(call->detect->lists, name, version);
}

static const char *own_rule(const struct starttap_detector *door, const char *rule)
{
    for (size_t i = 0; rule != NULL && door->rules[i] != NULL; i++)
        if (strcmp(door->rules[i], rule) == 0)
            return door->rules[i];
    return NULL;
}

/* --- verdicts: a session's is at least what its findings say --- */

static const struct {
    const char *word;
    enum session_verdict verdict;
} ranks[] = {
    /* From the best to the worst; the place is the rank. */
    { "", VERDICT_COUNT },
    { "protected", VERDICT_PROTECTED },
    { "unknown", VERDICT_UNKNOWN },
    { "weak", VERDICT_WEAK },
    { "failed", VERDICT_FAILED },
    { "exposed", VERDICT_EXPOSED },
    { "tampered", VERDICT_TAMPERED },
};
enum { RANKS = sizeof ranks / sizeof ranks[0] };

/* By what happened, whoever trusts whom and whatever is muted; an observation does not judge. */
static void note_verdict(struct found *found, const struct texts_rule *texts,
                         const struct starttap_finding *said)
{
    const char *word = texts_variant(texts, "verdict", said->variant);
    bool only_medium = strcmp(texts_field(texts, "counts_from"), "medium") == 0;
    enum starttap_severity least = only_medium ? STARTTAP_MEDIUM : STARTTAP_LOW;
    for (unsigned rank = found->rank + 1; said->severity >= least && rank < RANKS; rank++)
        if (strcmp(ranks[rank].word, word) == 0)
            found->rank = rank;
}

static void raise_verdict(struct session_record *record, const struct found *found)
{
    unsigned rank = 0;
    while (rank < RANKS && ranks[rank].verdict != record->verdict)
        rank++;
    if (found->rank <= rank)
        return;
    record->verdict = ranks[found->rank].verdict;
    if (record->verdict == VERDICT_FAILED && record->outcome == OUTCOME_UNKNOWN)
        record->outcome = OUTCOME_FAILURE;
}

/* --- what a detector reports --- */

_Static_assert((LIMIT_FINDINGS & (LIMIT_FINDINGS - 1)) == 0, "doubling from four reaches it");

static bool has_room(struct found *found)
{
    if (found->count < found->cap)
        return true;
    size_t cap = found->cap == 0 ? 4 : 2 * found->cap;
    if (cap > LIMIT_FINDINGS)
        return false;
    struct found_entry *entries = realloc(found->entries, cap * sizeof *entries);
    if (entries == NULL)
        return false;
    found->entries = entries;
    found->cap = cap;
    return true;
}

/* New, or risen: then where it is kept. NULL: known already, or there is no room. */
static struct found_entry *remember(struct found *found, const char *rule,
                                    const struct starttap_finding *said)
{
    uint64_t key = said->key != NULL ? hash_bytes(said->key, strlen(said->key), 0) : 0;
    for (size_t i = 0; i < found->count; i++) {
        struct found_entry *entry = &found->entries[i];
        if (entry->key != key || strcmp(entry->rule, rule) != 0)
            continue;
        bool risen = said->severity > entry->severity ||
                     (said->severity == entry->severity && said->confidence > entry->confidence);
        if (!risen)
            return NULL;
        entry->update++;
        entry->severity = said->severity;
        entry->confidence = said->confidence;
        return entry;
    }
    if (!has_room(found)) {
        found->overflow = true;
        return NULL;
    }
    struct found_entry *entry = &found->entries[found->count++];
    *entry = (struct found_entry){
        .rule = rule, .key = key, .severity = said->severity, .confidence = said->confidence
    };
    return entry;
}

static void name_finding(struct finding *finding)
{
    char line[512];
    snprintf(line, sizeof line, "starttap-finding-1|%s|%s|%s", facts_session(finding->facts)->id,
             finding->said.rule, finding->said.key);
    identity_line(line, finding->uid);
}

static void report(const struct starttap_core *core, const struct starttap_session *session,
                   const struct starttap_finding *finding)
{
    struct call *call = (struct call *)(uintptr_t)core;
    const struct starttap_session *own = facts_session(call->facts);
    const char *rule = own_rule(call->detector->door, finding->rule);
    struct starttap_finding said = *finding;
    (void)session; /* a detector can only speak of the session that it was given */
    const struct texts_rule *texts = rule != NULL ? texts_find(call->detect->texts, rule) : NULL;
    if (texts == NULL) {
        log_debug("%s reported a rule that it does not list, or that has no text",
                  call->detector->door->name);
        return;
    }
    said.rule = rule;
    if (call->found != NULL)
        note_verdict(call->found, texts, &said);
    if (said.confidence > 100)
        said.confidence = 100;
    said.severity = policy_severity(own, said.severity);
    if (policy_mutes(call->detect->policy, rule, own))
        return;
    struct found_entry *entry = NULL;
    if (call->found != NULL && (entry = remember(call->found, rule, &said)) == NULL)
        return;
    struct finding *made = finding_new(&said);
    if (made == NULL) {
        log_error("out of memory: a finding was lost");
        return;
    }
    made->facts = facts_hold(call->facts);
    made->texts = texts;
    made->update = entry != NULL ? entry->update : 0;
    made->ordinal = call->ordinal++;
    name_finding(made);
    *call->last = made;
    call->last = &made->next;
}

static void call_init(struct call *call, const struct detect *detect, struct facts *facts,
                      struct found *found)
{
    *call = (struct call){
        .core = { .size = sizeof call->core,
                  .report = report,
                  .version_name = version_name,
                  .cipher_name = cipher_name,
                  .cipher_classes = tls_cipher_classes,
                  .group_name = group_name,
                  .signature_name = signature_name,
                  .alert_name = alert_name,
                  .list = list },
        .detect = detect,
        .facts = facts,
        .found = found,
    };
    call->last = &call->first;
}

static struct finding *judge_all(struct call *call, enum starttap_scope scope)
{
    const struct detectors *detectors = call->detect->detectors;
    for (size_t i = 0; i < detectors->count; i++) {
        const struct detector *detector = &detectors->at[i];
        if (detector->door->scope != scope)
            continue;
        call->detector = detector;
        detector->door->judge(detector->state, call->detect->prepared[i],
                              facts_session(call->facts), &call->core);
    }
    return call->first;
}

/* --- one session --- */

struct finding *detect_session(const struct detect *detect, struct session_record *record,
                               struct facts *facts)
{
    if (facts == NULL)
        return NULL;
    struct found **memory = (struct found **)(void *)record->memory;
    if (*memory == NULL)
        *memory = calloc(1, sizeof **memory);
    if (*memory == NULL)
        return NULL;
    struct call call;
    call_init(&call, detect, facts, *memory);
    struct finding *findings = judge_all(&call, STARTTAP_SCOPE_SESSION);
    raise_verdict(record, *memory);
    if ((*memory)->overflow)
        record->reasons |= REASON_LIMIT;
    return findings;
}

const struct found *detect_found(const struct session_record *record)
{
    return record->memory != NULL ? *record->memory : NULL;
}

void detect_forget(struct session_record *record)
{
    struct found *found = *record->memory;
    if (found != NULL)
        free(found->entries);
    free(found);
    *record->memory = NULL;
}

static int compare(const void *a, const void *b)
{
    const char *const *left = a, *const *right = b;
    return strcmp(*left, *right);
}

size_t detect_rules(const struct found *found, enum starttap_severity least, bool below,
                    const char *out[LIMIT_FINDINGS])
{
    size_t count = 0, kept = 0;
    for (size_t i = 0; found != NULL && i < found->count; i++)
        if ((found->entries[i].severity < least) == below)
            out[count++] = found->entries[i].rule;
    qsort(out, count, sizeof out[0], compare);
    for (size_t i = 0; i < count; i++)
        if (kept == 0 || strcmp(out[kept - 1], out[i]) != 0)
            out[kept++] = out[i];
    return kept;
}

/* --- neighbours --- */

bool detect_has_neighbours(const struct detect *detect)
{
    for (size_t i = 0; i < detect->detectors->count; i++)
        if (detect->detectors->at[i].door->scope == STARTTAP_SCOPE_NEIGHBOURS)
            return true;
    return false;
}

struct finding *detect_neighbours(struct detect *detect, struct facts *facts)
{
    struct call call;
    call_init(&call, detect, facts, NULL);
    return judge_all(&call, STARTTAP_SCOPE_NEIGHBOURS);
}

/* --- opening and closing --- */

static void let_go(struct detectors *detectors)
{
    if (detectors == NULL || atomic_fetch_sub(&detectors->holders, 1) > 1)
        return;
    for (size_t i = 0; i < detectors->count; i++)
        detector_close(&detectors->at[i]);
    free(detectors);
}

static bool load_all(struct detectors *detectors, const struct detect_options *options)
{
    for (size_t i = 0; detectors_built_in[i] != NULL; i++) {
        const struct starttap_detector *door = detectors_built_in[i]();
        if (detectors->count == LIMIT_DETECTORS ||
            !detector_accept(&detectors->at[detectors->count], door, door->name))
            return false;
        detectors->count++;
    }
    for (size_t i = 0; i < options->plugin_count; i++) {
        if (detectors->count == LIMIT_DETECTORS) {
            log_error("%s: more than %u detectors", options->plugins[i], LIMIT_DETECTORS);
            return false;
        }
        if (!detector_open(&detectors->at[detectors->count], options->plugins[i]))
            return false;
        detectors->count++;
    }
    return true;
}

/* Plugins bring the texts of their rules with them. */
static bool add_own_texts(struct detect *detect)
{
    for (size_t i = 0; i < detect->detectors->count; i++) {
        const struct starttap_detector *door = detect->detectors->at[i].door;
        if (door->texts != NULL && !texts_add(detect->texts, door->name, door->texts))
            return false;
    }
    return true;
}

static void prepare_all(struct detect *detect)
{
    struct call call;
    call_init(&call, detect, NULL, NULL);
    for (size_t i = 0; i < detect->detectors->count; i++)
        if (detect->detectors->at[i].door->prepare != NULL)
            detect->prepared[i] = detect->detectors->at[i].door->prepare(&call.core);
}

/* Takes the reference to the detectors, also when it fails. */
static struct detect *detect_with(struct detectors *detectors, const struct detect_options *options)
{
    struct detect *detect = calloc(1, sizeof *detect);
    if (detect == NULL) {
        log_error("out of memory");
        let_go(detectors);
        return NULL;
    }
    detect->detectors = detectors;
    if ((detect->lists = lists_new(options->lists_dir)) == NULL ||
        (detect->texts = texts_new(detect->lists)) == NULL || !add_own_texts(detect) ||
        (detect->policy = policy_new(&options->policy)) == NULL) {
        detect_free(detect);
        return NULL;
    }
    prepare_all(detect);
    return detect;
}

struct detect *detect_new(const struct detect_options *options)
{
    struct detectors *detectors = calloc(1, sizeof *detectors);
    if (detectors == NULL) {
        log_error("out of memory");
        return NULL;
    }
    atomic_init(&detectors->holders, 1);
    if (!load_all(detectors, options)) {
        let_go(detectors);
        return NULL;
    }
    return detect_with(detectors, options);
}

struct detect *detect_renew(const struct detect *former, const struct detect_options *options)
{
    atomic_fetch_add(&former->detectors->holders, 1);
    return detect_with(former->detectors, options);
}

void detect_free(struct detect *detect)
{
    if (detect == NULL)
        return;
    for (size_t i = 0; i < detect->detectors->count; i++) {
        const struct starttap_detector *door = detect->detectors->at[i].door;
        if (door->release != NULL && detect->prepared[i] != NULL)
            door->release(detect->prepared[i]);
    }
    policy_free(detect->policy);
    texts_free(detect->texts);
    lists_free(detect->lists);
    let_go(detect->detectors);
    free(detect);
}

const struct texts *detect_texts(const struct detect *detect) { return detect->texts; }
const struct policy *detect_policy(const struct detect *detect) { return detect->policy; }

const char *detect_rule_id(const struct detect *detect, size_t index)
{
    for (size_t i = 0; i < detect->detectors->count; i++) {
        const char *const *rules = detect->detectors->at[i].door->rules;
        for (size_t r = 0; rules[r] != NULL; r++)
            if (index-- == 0)
                return rules[r];
    }
    return NULL;
}
