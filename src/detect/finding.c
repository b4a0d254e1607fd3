/* SPDX-License-Identifier: Apache-2.0
 * finding.c - a finding in memory of its own.
 */
#include <stdlib.h>
#include <string.h>

#include "finding.h"

static const char *copy(struct arena *arena, const char *text)
{
    struct text kept = arena_text(arena, text_of(text));
    char *out = arena_alloc(arena, kept.len + 1);
    if (out == NULL)
        return "";
    if (kept.len > 0)
        memcpy(out, kept.at, kept.len);
    out[kept.len] = '\0';
    return out;
}

static void copy_values(struct finding *finding, const struct starttap_finding *said)
{
    size_t count = said->values == NULL                       ? 0
                   : said->value_count > LIMIT_FINDING_VALUES ? LIMIT_FINDING_VALUES
                                                              : said->value_count;
    struct starttap_value *values =
        arena_alloc(&finding->arena, (count > 0 ? count : 1) * sizeof *values);
    for (size_t i = 0; values != NULL && i < count; i++)
        values[i] = (struct starttap_value){ copy(&finding->arena, said->values[i].name),
                                             copy(&finding->arena, said->values[i].value) };
    finding->said.values = values;
    finding->said.value_count = values != NULL ? count : 0;
}

static void copy_evidence(struct finding *finding, const struct starttap_finding *said)
{
    size_t count = said->evidence == NULL                          ? 0
                   : said->evidence_count > LIMIT_FINDING_EVIDENCE ? LIMIT_FINDING_EVIDENCE
                                                                   : said->evidence_count;
    struct starttap_evidence *list =
        arena_alloc(&finding->arena, (count > 0 ? count : 1) * sizeof *list);
    for (size_t i = 0; list != NULL && i < count; i++) {
        list[i] = said->evidence[i];
        list[i].kind = copy(&finding->arena, said->evidence[i].kind);
        list[i].text = copy(&finding->arena, said->evidence[i].text);
    }
    finding->said.evidence = list;
    finding->said.evidence_count = list != NULL ? count : 0;
}

struct finding *finding_new(const struct starttap_finding *said)
{
    struct finding *finding = calloc(1, sizeof *finding);
    if (finding == NULL)
        return NULL;
    arena_init(&finding->arena, LIMIT_FINDING_BYTES);
    finding->said = *said;
    finding->said.rule = copy(&finding->arena, said->rule);
    finding->said.key = copy(&finding->arena, said->key);
    finding->said.variant = copy(&finding->arena, said->variant);
    finding->said.tlsrpt = copy(&finding->arena, said->tlsrpt);
    copy_values(finding, said);
    copy_evidence(finding, said);
    if (!finding->arena.exhausted)
        return finding;
    finding_free(finding);
    return NULL;
}

void finding_free(struct finding *finding)
{
    if (finding == NULL)
        return;
    facts_release(finding->facts);
    arena_free(&finding->arena);
    free(finding);
}
