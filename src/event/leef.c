/* SPDX-License-Identifier: Apache-2.0
 * leef.c - a finding in the Log Event Extended Format 2.0: a header between bars whose last field
 * names the character between the pairs. The format has no way to escape that character in a value,
 * so there it becomes "_". (A tab, which no cleaned text holds, would be changed by syslog
 * receivers.)
 */
#include <stdio.h>

#include "siem_text.h"

#define BETWEEN '^'

static void put(FILE *out, const char *key, const char *value, size_t most)
{
    if (*value == '\0')
        return;
    fprintf(out, "%c%s=", BETWEEN, key);
    siem_text_put(out, value, most, (const char[]){ BETWEEN, '\0' }, '_');
}

static void put_number(FILE *out, const char *key, int64_t number)
{
    fprintf(out, "%c%s=%lld", BETWEEN, key, (long long)number);
}

char *leef_finding(const struct event_options *options, const struct finding *finding,
                   const struct event *event, size_t *len)
{
    static const uint8_t severities[] = { 1, 3, 5, 8, 10 };
    const struct starttap_session *s = facts_session(finding->facts);
    struct finding_words words;
    char *text = NULL;
    if (!finding_words_init(&words, finding))
        return NULL;
    FILE *out = open_memstream(&text, len);
    if (out == NULL) {
        finding_words_free(&words);
        return NULL;
    }
    fputs("LEEF:2.0|starttap|starttap|" STARTTAP_VERSION "|", out);
    siem_text_put(out, words.rule, SIEM_TEXT_VALUE, "|", '_');
    fprintf(out, "|%c|", BETWEEN);

    /* The first three are rewritten when a count is told: see restate.c. */
    fprintf(out, "devTime=%lld", (long long)(event->key.time_ns / NS_PER_MS));
    put(out, "eventUid", event->key.id, SIEM_TEXT_VALUE);
    put_number(out, "eventCount", 1);
    put_number(out, "sev", severities[finding->said.severity]);
    put(out, "cat", words.name, SIEM_TEXT_VALUE);
    put(out, "src", s->client.ip, SIEM_TEXT_VALUE);
    put(out, "dst", s->server.ip, SIEM_TEXT_VALUE);
    put_number(out, "srcPort", s->client.port);
    put_number(out, "dstPort", s->server.port);
    put(out, "proto", "TCP", SIEM_TEXT_VALUE);
    put(out, "app", s->protocol_name, SIEM_TEXT_VALUE);
    put(out, "serverName", words.server_name, SIEM_TEXT_VALUE);
    put(out, "sensor", options->sensor != NULL ? options->sensor : "", SIEM_TEXT_VALUE);
    put(out, "severity", event_severity_name(finding->said.severity), SIEM_TEXT_VALUE);
    put_number(out, "confidence", finding->said.confidence);
    put(out, "attribution", words.attribution, SIEM_TEXT_VALUE);
    put(out, "communityId", event->community_id, SIEM_TEXT_VALUE);
    put(out, "sessionId", s->id, SIEM_TEXT_VALUE);
    put(out, "findingUid", finding->uid, SIEM_TEXT_VALUE);
    put(out, "tls", words.tls, SIEM_TEXT_VALUE);
    put(out, "evidence", words.evidence, SIEM_TEXT_VALUE);
    put(out, "fix", words.fix, SIEM_TEXT_LONG);
    put(out, "msg", words.explanation, SIEM_TEXT_LONG);
    finding_words_free(&words);
    return fclose(out) == 0 ? text : NULL;
}
