/* SPDX-License-Identifier: Apache-2.0
 * setup_detect.c - the detectors of a run: lists, policy and plugins as the user said.
 */
#include <unistd.h>

#include "log.h"
#include "setup.h"
#include "setup_policy.h"

static const char *rule_at(const void *detect, size_t index)
{
    return detect_rule_id(detect, index);
}

/* former: NULL when detectors have to be loaded. */
static struct detect *make(const struct detect *former, const struct config *c,
                           const struct options_list *plugins)
{
    struct setup_policy policy;
    if (!setup_policy_init(&policy, c)) {
        log_error("out of memory");
        return NULL;
    }
    struct detect_options options = {
        .lists_dir = *c->lists_dir != '\0' ? c->lists_dir : NULL,
        .policy = policy.options,
        .plugins = plugins != NULL ? plugins->at : NULL,
        .plugin_count = plugins != NULL ? plugins->count : 0,
    };
    struct detect *detect = former != NULL ? detect_renew(former, &options) : detect_new(&options);
    if (detect == NULL && options.lists_dir != NULL && access(options.lists_dir, R_OK | X_OK) != 0)
        config_tell_place(c, CONFIG_ID_lists_dir);
    if (detect != NULL)
        policy_check_rules(detect_policy(detect), rule_at, detect);
    setup_policy_free(&policy);
    return detect;
}

bool setup_detect(struct run *run)
{
    run->detect = make(NULL, &run->config, &run->options.plugins);
    return run->detect != NULL;
}

struct detect *setup_renew_detect(const struct detect *former, const struct config *config)
{
    return make(former, config, NULL);
}

bool setup_must_fail(const struct run *run, const struct event_stats *stats)
{
    for (int s = STARTTAP_CRITICAL; run->options.fail_on_given && s >= (int)run->options.fail_on;
         s--)
        if (stats->findings[s] > 0)
            return true;
    return false;
}

struct event *setup_judge_neighbours(void *to, struct facts *facts)
{
    struct neighbours *n = to;
    struct finding *found = detect_neighbours(n->detect, facts);
    struct event *first = NULL, **last = &first;
    while (found != NULL) {
        struct finding *next = found->next;
        n->findings[found->said.severity]++;
        struct event *event =
            found->said.severity >= n->least ? event_of_finding(&n->event, found) : NULL;
        if (event != NULL) {
            *last = event;
            last = &event->next;
        }
        finding_free(found);
        found = next;
    }
    return first;
}
