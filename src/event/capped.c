/* SPDX-License-Identifier: Apache-2.0
 * capped.c - an event for receivers that take only so many bytes.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "event.h"
#include "json.h"

/* A value of our own making, up to its closing quote. */
static int value_len(const char *line, size_t len, const char *mark, const char **value)
{
    const char *at = strstr(line, mark), *end;
    *value = "";
    if (at == NULL || (end = strchr(at + strlen(mark), '"')) == NULL || end - line > (ptrdiff_t)len)
        return 0;
    *value = at + strlen(mark);
    return end - *value > 64 ? 0 : (int)(end - *value);
}

/* All that fits wherever anything fits: which event it was. */
static char *least_event(const char *line, size_t len, size_t *out_len)
{
    const char *when, *id, *dataset;
    int when_len = value_len(line, len, "\"@timestamp\":\"", &when);
    int id_len = value_len(line, len, "\"id\":\"", &id);
    int dataset_len = value_len(line, len, "\"dataset\":\"", &dataset);
    char *out = malloc(512);
    if (out != NULL)
        *out_len = (size_t)snprintf(
            out, 512,
            "{\"@timestamp\":\"%.*s\",\"event\":{\"id\":\"%.*s\",\"module\":\"mailtls\","
            "\"dataset\":\"%.*s\"},\"ecs\":{\"version\":\"9.4.0\"},"
            "\"mailtls\":{\"schema\":\"1\",\"truncated\":[\"all\"]}}",
            when_len, when, id_len, id, dataset_len, dataset);
    return out;
}

/* What goes, one after the other until the event fits. What can be had from elsewhere in the event,
 * from the finding's page (starttap explain) or from the certificate's own event goes first. */
static const struct cut {
    const char *path;
    size_t keep; /* elements or bytes */
} cuts[] = {
    { "tls.client.supported_ciphers", 0 }, /* mailtls.tls.client.ciphers are the same as numbers */
    { "mailtls.tls.certificates.chain.*.names", 8 },
    { "tls.server.x509.alternative_names", 8 },
    { "mailtls.tls.certificates.chain", 3 },
    { "mailtls.tls.client.extensions", 0 },
    { "mailtls.tls.client.signature_algorithms", 0 },
    { "mailtls.tls.client.ciphers", 32 },
    { "mailtls.capabilities", 16 },
    { "mailtls.auth", 4 },
    { "mailtls.tls.alerts", 4 },
    { "mailtls.notes", 16 },
    { "mailtls.finding.references", 0 },
    { "mailtls.finding.values", 0 },
    { "mailtls.finding.fix", 1500 },
    { "mailtls.finding.evidence", 4 },
    { "mailtls.finding.explanation", 2500 },
    { "mailtls.tls.certificates.chain", 1 },
    { "mailtls.tls.client.ciphers", 0 },
    { "mailtls.tls.client.groups", 0 },
    { "mailtls.tls.client.versions", 0 },
    { "mailtls.tls.client.alpn", 0 },
    { "mailtls.capabilities", 0 },
    { "mailtls.findings", 16 },
    { "mailtls.tls.certificates.chain", 0 },
    { "tls.server.x509", 0 },
    { "mailtls.finding.fix", 400 },
    { "mailtls.finding.explanation", 800 },
    { "mailtls.finding.evidence.*.text", 64 },
    { "mailtls.tls.server.extensions", 0 },
    { "mailtls.tls.client.key_shares", 0 },
    { "mailtls.tls.client.compression", 0 },
    { "mailtls.notes", 0 },
    { "tls.client.subject", 64 },
    { "tls.client.issuer", 64 },
    { "tls.server.subject", 64 },
    { "tls.server.issuer", 64 },
    { "tls.client.server_name", 64 },
    { "mailtls.banner.software", 64 },
    { "mailtls.capture.file", 64 },
    { "mailtls.finding.evidence.*.file", 64 },
    { "observer.name", 64 },
    /* From here on, for limits far below 8 KiB, whole parts: who, what and the verdict stay. */
    { "mailtls.tls.client", 0 },
    { "mailtls.tls.server", 0 },
    { "mailtls.tls", 0 },
    { "mailtls.finding.evidence", 2 },
    { "mailtls.finding.fix", 0 },
    { "mailtls.finding.explanation", 300 },
    { "threat", 0 },
    { "tls.server", 0 },
    { "mailtls.banner", 0 },
    { "mailtls.finding.evidence", 1 },
    { "mailtls.finding.explanation", 150 },
    { "tls", 0 },
    { "mailtls.truncated", 0 }, /* and what all this was is not listed any more: "most" */
};

/* False: it is still too long. */
static bool shrink(struct json_document *document, size_t most)
{
    const size_t count = sizeof cuts / sizeof cuts[0];
    for (size_t i = 0; i < count; i++) {
        if (json_document_len(document) <= most)
            return true;
        if (json_document_cut(document, cuts[i].path, cuts[i].keep))
            json_document_note(document, "truncated", i + 1 < count ? cuts[i].path : "most");
    }
    return json_document_len(document) <= most;
}

char *event_capped(const char *line, size_t len, size_t most, size_t *out_len)
{
    char *out = NULL;
    if (len <= most) {
        out = malloc(len + 1);
        if (out == NULL)
            return NULL;
        memcpy(out, line, len);
        out[len] = '\0';
        *out_len = len;
        return out;
    }
    struct json_document *document = json_document_read(line, len);
    if (document != NULL && shrink(document, most))
        out = json_document_print(document, out_len);
    json_document_free(document);
    return out != NULL ? out : least_event(line, len, out_len);
}
