/* SPDX-License-Identifier: Apache-2.0
 * finding_words.c - a finding as short texts, for the formats that are made of such.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "formats.h"

const char *event_attribution_name(enum starttap_attribution attribution)
{
    static const char *const names[] = {
        [STARTTAP_ATTRIBUTION_UNKNOWN] = "unknown",
        [STARTTAP_ATTRIBUTION_ATTACKER] = "attacker",
        [STARTTAP_ATTRIBUTION_APPLIANCE] = "security-appliance",
        [STARTTAP_ATTRIBUTION_MISCONFIGURATION] = "misconfiguration",
        [STARTTAP_ATTRIBUTION_POLICY] = "policy",
        [STARTTAP_ATTRIBUTION_NO_DANE] = "sender_without_dane",
    };
    return names[attribution];
}

static void set_tls(struct finding_words *words, const struct starttap_session *s)
{
    char buffer[16];
    const char *protocol = NULL;
    if (s->tls == NULL || s->tls->server_hello == NULL)
        return;
    const struct starttap_server_hello *hello = s->tls->server_hello;
    const char *version = tls_version_text(hello->version, &protocol, buffer);
    if (version == NULL)
        return;
    snprintf(words->tls, sizeof words->tls, "%s %s%s%s",
             strcmp(protocol, "ssl") == 0 ? "SSL" : "TLS", version,
             *hello->cipher_name != '\0' ? " " : "", hello->cipher_name);
}

static void set_evidence(struct finding_words *words, const struct starttap_finding *said)
{
    if (said->evidence_count == 0)
        return;
    const struct starttap_evidence *e = &said->evidence[0];
    bool text = e->text != NULL && *e->text != '\0';
    words->frame = e->where.frame;
    snprintf(words->evidence, sizeof words->evidence, "%s, %s, frame %llu%s%s", e->kind,
             side_name((enum side)e->side), (unsigned long long)e->where.frame, text ? ": " : "",
             text ? e->text : "");
}

bool finding_words_init(struct finding_words *words, const struct finding *finding)
{
    const struct starttap_session *s = facts_session(finding->facts);
    const struct starttap_finding *said = &finding->said;
    const struct texts_values values = { .values = said->values,
                                         .count = said->value_count,
                                         .session = s };
    const char *attack = texts_variant(finding->texts, "attack", said->variant);
    *words = (struct finding_words){
        .rule = said->rule,
        .name = texts_field(finding->texts, "name"),
        .explanation = texts_explain(finding->texts, said->variant, &values),
        .fix = texts_fix(finding->texts, said->variant, &values),
        .attribution = event_attribution_name(said->attribution),
        .server_name =
            s->tls != NULL && s->tls->client_hello != NULL ? s->tls->client_hello->server_name : "",
        .attack = strcmp(attack, "-") == 0 ? "" : attack,
    };
    if (words->explanation == NULL || words->fix == NULL) {
        finding_words_free(words);
        return false;
    }
    set_tls(words, s);
    set_evidence(words, said);
    return true;
}

void finding_words_free(struct finding_words *words)
{
    free(words->explanation);
    free(words->fix);
}
