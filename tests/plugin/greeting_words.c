/* SPDX-License-Identifier: Apache-2.0
 * greeting_words.c - a detector out of the tree, for the test of the plugin door: it knows the
 * installed header and the C library, and brings its own texts.
 */
#include <starttap/plugin.h>

#include <stdio.h>

static void judge(void *state, const void *prepared, const struct starttap_session *session,
                  const struct starttap_core *core)
{
    (void)state;
    const char *const *word = prepared;
    if (session->mail == NULL || !session->ended)
        return;
    char count[24];
    snprintf(count, sizeof count, "%zu", session->mail->capability_count);
    const struct starttap_value values[] = { { "capabilities", count }, { "word", *word } };
    const struct starttap_evidence evidence = {
        .kind = "reply",
        .side = STARTTAP_SERVER,
        .where = session->mail->capabilities_at,
        .offset = session->mail->capabilities_offset,
    };
    const struct starttap_finding finding = {
        .rule = "example.greeting",
        .severity = STARTTAP_MEDIUM,
        .confidence = 77,
        .values = values,
        .value_count = 2,
        .evidence = &evidence,
        .evidence_count = 1,
    };
    core->report(core, session, &finding);
    const struct starttap_finding foreign = { .rule = "starttls.stripped",
                                              .severity = STARTTAP_CRITICAL };
    core->report(core, session, &foreign); /* not in its list: must be ignored */
}

static const void *prepare(const struct starttap_core *core)
{
    (void)core;
    static const char *const word = "prepared";
    return &word;
}

STARTTAP_EXPORT(greeting_words)
{
    static const char *const rules[] = { "example.greeting", NULL };
    static const struct starttap_detector detector = {
        .abi = STARTTAP_PLUGIN_ABI,
        .size = sizeof detector,
        .name = "greeting-words",
        .scope = STARTTAP_SCOPE_SESSION,
        .rules = rules,
        .texts = "[example.greeting]\n"
                 "name: An example\n"
                 "when: always\n"
                 "not_when: never\n"
                 "explain: {server} listed {capabilities} capabilities to {client}; {word}.\n"
                 "fix: Nothing.\n",
        .prepare = prepare,
        .judge = judge,
    };
    return &detector;
}
