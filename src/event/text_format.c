/* SPDX-License-Identifier: Apache-2.0
 * text_format.c - sessions as a table for people; below each that is not simply protected, what was
 * seen and what to do.
 */
#include "text_format.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "ecs.h"

static void endpoint(const struct address *address, uint8_t ip_version, uint16_t port, char *out,
                     size_t cap)
{
    char ip[64];
    ecs_address(address, ip_version, ip);
    snprintf(out, cap, ip_version == 6 ? "[%s]:%u" : "%s:%u", ip, port);
}

enum { ENDPOINT_WIDTH = 21 }; /* 255.255.255.255:65535 */

const char *text_heading(void)
{
    return "TIME (UTC)           CLIENT                 SERVER                 PROTOCOL  MODE      "
           " TLS      VERDICT\n";
}

static const char *tls_column(const struct session_record *r, char buffer[16])
{
    const char *protocol = "tls";
    if (r->tls == NULL || !r->tls->server_hello.seen)
        return r->tls != NULL && r->tls->client_hello.seen ? "?" : "-";
    char text[16];
    const char *version = tls_version_text(r->tls->server_hello.version, &protocol, text);
    snprintf(buffer, 16, "%s%s", strcmp(protocol, "ssl") == 0 ? "SSL " : "",
             version == NULL ? "?" : version);
    return buffer;
}

/* --- paragraphs --- */

/* What could not be judged, in words; in the order of the bits. */
static const char *const reasons[REASON_COUNT] = {
    "the client's packets were not captured",
    "the server's packets were not captured",
    "the capture begins in the middle of the connection",
    "packets are missing in the capture",
    "packets were cut short when they were captured",
    "the connection was still open when the capture ended",
    "the connection was given up because the table was full",
    "certificates are encrypted in TLS 1.3",
    "the session was resumed, so that no certificates were sent",
    "the dialogue was compressed",
    "TLS could not be followed to its end",
    "a maximum of this program was reached",
    "who is the client is a guess",
    "it begins or ends where the capture does",
};

static void write_unknown(FILE *out, const struct session_record *r)
{
    if (r->application != NULL)
        fprintf(out, "This is not mail: %s is spoken on port %u.", r->application,
                r->flow->server_port);
    else if (r->mode == MODE_FOREIGN)
        fprintf(out, "What is spoken on port %u could not be recognised as mail or TLS.",
                r->flow->server_port);
    else
        fputs("It could not be judged.", out);
    bool first = true;
    for (unsigned i = 0; i < REASON_COUNT; i++) {
        if ((r->reasons & 1u << i) == 0)
            continue;
        fprintf(out, "%s%s", first ? " Why: " : "; ", reasons[i]);
        first = false;
    }
    if (!first)
        fputs(".", out);
}

/* Words are wrapped at 100 columns. */
static size_t characters(const char *text, size_t len)
{
    size_t count = 0;
    for (size_t i = 0; i < len; i++)
        count += ((unsigned char)text[i] & 0xC0) != 0x80; /* not one of UTF-8's further bytes */
    return count;
}

static void write_wrapped(FILE *out, const char *indent, const char *paragraph)
{
    size_t column = 0;
    for (const char *at = paragraph; *at != '\0';) {
        size_t len = strcspn(at, " "), wide = characters(at, len);
        if (column > 0 && column + 1 + wide > 100) {
            fputc('\n', out);
            column = 0;
        }
        const char *before = column == 0 ? indent : " ";
        fprintf(out, "%s%.*s", before, (int)len, at);
        column += strlen(before) + wide;
        at += len + strspn(at + len, " ");
    }
    fputc('\n', out);
}

static bool has_findings(const struct session_record *r)
{
    const char *rules[LIMIT_FINDINGS];
    return detect_rules(detect_found(r), STARTTAP_LOW, false, rules) > 0;
}

/* What could not be judged says so; findings speak for themselves, see text_of_finding(). */
static void write_paragraph(FILE *out, const struct session_record *r)
{
    if (r->verdict != VERDICT_UNKNOWN || has_findings(r))
        return;
    char *paragraph = NULL;
    size_t len = 0;
    FILE *memory = open_memstream(&paragraph, &len);
    if (memory == NULL)
        return;
    write_unknown(memory, r);
    if (fclose(memory) == 0)
        write_wrapped(out, "    ", paragraph);
    free(paragraph);
}

static void write_endpoints(FILE *out, const struct starttap_session *s)
{
    struct address client, server;
    char from[80], to[80];
    memcpy(client.bytes, s->client.address, sizeof client.bytes);
    memcpy(server.bytes, s->server.address, sizeof server.bytes);
    endpoint(&client, s->client.family, s->client.port, from, sizeof from);
    endpoint(&server, s->server.family, s->server.port, to, sizeof to);
    fprintf(out, ", %s -> %s", from, to);
}

char *text_of_finding(const struct finding *finding, bool live, size_t *len)
{
    static const char *const words[] = { "INFO", "LOW", "MEDIUM", "HIGH", "CRITICAL" };
    const struct texts_values values = { .values = finding->said.values,
                                         .count = finding->said.value_count,
                                         .session = facts_session(finding->facts) };
    char *text = NULL;
    FILE *out = open_memstream(&text, len);
    if (out == NULL)
        return NULL;
    char *explanation = texts_explain(finding->texts, finding->said.variant, &values);
    char *how = texts_fix(finding->texts, finding->said.variant, &values);
    fprintf(out, "    %s: %s (%s)%s", words[finding->said.severity],
            texts_field(finding->texts, "name"), finding->said.rule,
            finding->update > 0 ? ", more is known now" : "");
    if (live)
        write_endpoints(out, facts_session(finding->facts));
    fputc('\n', out);
    if (explanation != NULL && *explanation != '\0')
        write_wrapped(out, "      ", explanation);
    if (how != NULL && *how != '\0') {
        fputs("      What to do:\n", out);
        write_wrapped(out, "      ", how);
    }
    free(how);
    free(explanation);
    return fclose(out) == 0 ? text : NULL;
}

char *text_of_session(const struct session_record *r, size_t *len)
{
    char when[CLOCK_TEXT_SIZE], client[80], server[80], version[16], *text = NULL;
    FILE *out = open_memstream(&text, len);
    if (out == NULL)
        return NULL;
    clock_text(r->flow->first.time_ns, when);
    when[10] = ' ';
    when[19] = '\0';
    endpoint(&r->flow->client, r->flow->ip_version, r->flow->client_port, client, sizeof client);
    endpoint(&r->flow->server, r->flow->ip_version, r->flow->server_port, server, sizeof server);
    /* What an IPv6 address takes more, the column beside it gives where it can. */
    int wide = (int)strlen(client),
        left = wide > ENDPOINT_WIDTH ? 2 * ENDPOINT_WIDTH - wide : ENDPOINT_WIDTH;
    fprintf(out, "%-19s  %-*s  %-*s  %-8s  %-9s  %-7s  %s\n", when, ENDPOINT_WIDTH, client,
            left > 0 ? left : 0, server, *r->protocol != '\0' ? r->protocol : "-",
            session_mode_name(r->mode), tls_column(r, version), session_verdict_name(r->verdict));
    write_paragraph(out, r);
    return fclose(out) == 0 ? text : NULL;
}

static void write_number(FILE *out, uint64_t number, const char *noun)
{
    fprintf(out, "%llu %s%s", (unsigned long long)number, noun, number == 1 ? "" : "s");
}

char *text_of_stats(const struct event_stats *s, size_t *len)
{
    char *text = NULL;
    FILE *out = open_memstream(&text, len);
    if (out == NULL)
        return NULL;
    fputc('\n', out);
    write_number(out, s->sessions.records, "session");
    fputs(" in ", out);
    write_number(out, s->capture.frames, "packet");
    fputs(" of ", out);
    write_number(out, s->flows.flows, "TCP connection");
    fputc(':', out);
    const char *between = " ";
    for (int i = 0; i < VERDICT_COUNT; i++) {
        if (s->sessions.verdicts[i] == 0)
            continue;
        fprintf(out, "%s%llu %s", between, (unsigned long long)s->sessions.verdicts[i],
                session_verdict_name((enum session_verdict)i));
        between = ", ";
    }
    fputs(s->sessions.records == 0 ? " no mail was seen.\n" : ".\n", out);
    return fclose(out) == 0 ? text : NULL;
}
