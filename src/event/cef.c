/* SPDX-License-Identifier: Apache-2.0
 * cef.c - a finding in the Common Event Format, version 0: seven fields of a header between bars,
 * then pairs. In the header a bar and a backslash are escaped, in a value an equals sign and a
 * backslash; a value is never broken into lines.
 */
#include <stdio.h>

#include "siem_text.h"

static void put_header(FILE *out, const char *text)
{
    fputc('|', out);
    siem_text_put(out, text, SIEM_TEXT_VALUE, "|\\", '\\');
}

static void put(FILE *out, const char *key, const char *value, size_t most)
{
    if (*value == '\0')
        return;
    fprintf(out, " %s=", key);
    siem_text_put(out, value, most, "=\\", '\\');
}

static void put_number(FILE *out, const char *key, int64_t number)
{
    fprintf(out, " %s=%lld", key, (long long)number);
}

/* A custom field and what it means. */
static void put_custom(FILE *out, const char *key, const char *label, const char *value)
{
    if (*value == '\0')
        return;
    put(out, key, value, SIEM_TEXT_VALUE);
    fprintf(out, " %sLabel=%s", key, label);
}

/* src and dst hold IPv4 only in this version of the format. */
static void put_ends(FILE *out, const struct starttap_session *s)
{
    if (s->client.family == 4) {
        put(out, "src", s->client.ip, SIEM_TEXT_VALUE);
        put(out, "dst", s->server.ip, SIEM_TEXT_VALUE);
    } else {
        put_custom(out, "c6a2", "Source IPv6 Address", s->client.ip);
        put_custom(out, "c6a3", "Destination IPv6 Address", s->server.ip);
    }
    put_number(out, "spt", s->client.port);
    put_number(out, "dpt", s->server.port);
}

char *cef_finding(const struct event_options *options, const struct finding *finding,
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
    fputs("CEF:0|starttap|starttap|" STARTTAP_VERSION, out);
    put_header(out, words.rule);
    put_header(out, words.name);
    fprintf(out, "|%u|", severities[finding->said.severity]);

    /* The first three are rewritten when a count is told: see restate.c. */
    fprintf(out, "rt=%lld", (long long)(event->key.time_ns / NS_PER_MS));
    put(out, "externalId", event->key.id, SIEM_TEXT_VALUE);
    put_number(out, "cnt", 1);
    put_number(out, "start", s->start_ns / NS_PER_MS);
    put_ends(out, s);
    put(out, "dhost", words.server_name, SIEM_TEXT_VALUE);
    put(out, "proto", "TCP", SIEM_TEXT_VALUE);
    put(out, "app", s->protocol_name, SIEM_TEXT_VALUE);
    put(out, "dvchost", options->sensor != NULL ? options->sensor : "", SIEM_TEXT_VALUE);
    put(out, "reason", words.attribution, SIEM_TEXT_VALUE);
    put_number(out, "cn1", finding->said.confidence);
    fputs(" cn1Label=confidence", out);
    put_custom(out, "cs1", "communityId", event->community_id);
    put_custom(out, "cs2", "sessionId", s->id);
    put_custom(out, "cs3", "findingUid", finding->uid);
    put_custom(out, "cs4", "tls", words.tls);
    put_custom(out, "cs5", "evidence", words.evidence);
    put(out, "cs6", words.fix, SIEM_TEXT_LONG);
    fputs(*words.fix != '\0' ? " cs6Label=fix" : "", out);
    put(out, "msg", words.explanation, SIEM_TEXT_LONG);
    finding_words_free(&words);
    return fclose(out) == 0 ? text : NULL;
}
