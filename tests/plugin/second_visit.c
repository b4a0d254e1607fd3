/* SPDX-License-Identifier: Apache-2.0
 * second_visit.c - a neighbour detector out of the tree, for the test of the plugin door: it says
 * how many sessions it was given before, and whether they came in order of time.
 */
#include <starttap/plugin.h>

#include <stdio.h>

struct memory {
    unsigned sessions, backwards;
    int64_t last_ns;
};

static void judge(void *state, const void *prepared, const struct starttap_session *session,
                  const struct starttap_core *core)
{
    (void)prepared;
    struct memory *memory = state;
    if (!session->ended)
        return;
    memory->backwards += session->now_ns < memory->last_ns;
    memory->last_ns = session->now_ns;
    char before[16], backwards[16];
    snprintf(before, sizeof before, "%u", memory->sessions++);
    snprintf(backwards, sizeof backwards, "%u", memory->backwards);
    const struct starttap_value values[] = { { "before", before }, { "backwards", backwards } };
    const struct starttap_finding finding = { .rule = "example.visit",
                                              .key = before,
                                              .severity = STARTTAP_LOW,
                                              .confidence = 50,
                                              .values = values,
                                              .value_count = 2 };
    core->report(core, session, &finding);
}

STARTTAP_EXPORT(second_visit)
{
    static const char *const rules[] = { "example.visit", NULL };
    static const struct starttap_detector detector = {
        .abi = STARTTAP_PLUGIN_ABI,
        .size = sizeof detector,
        .name = "second-visit",
        .scope = STARTTAP_SCOPE_NEIGHBOURS,
        .state_size = sizeof(struct memory),
        .rules = rules,
        .texts = "[example.visit]\n"
                 "name: A visit\n"
                 "when: always\n"
                 "not_when: never\n"
                 "explain: {before} sessions came before, {backwards} of them later.\n"
                 "fix: Nothing.\n",
        .judge = judge,
    };
    return &detector;
}
