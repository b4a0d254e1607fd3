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

#define PRINTABLE_SIZE 128

static const char *printable(struct text text, char out[PRINTABLE_SIZE])
{
    text_clean(text, out, PRINTABLE_SIZE);
    return out;
}

static void endpoint(const struct address *address, uint8_t ip_version, uint16_t port, char *out,
                     size_t cap)
{
    char ip[64];
    ecs_address(address, ip_version, ip);
    snprintf(out, cap, ip_version == 6 ? "[%s]:%u" : "%s:%u", ip, port);
}

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
    const char *version = tls_version_text(r->tls->server_hello.version, &protocol, buffer);
    return version == NULL ? "?" : version;
}

/* --- paragraphs --- */

static const char *alert_meaning(const struct tls_alert *alert)
{
    static const struct {
        uint8_t code;
        const char *by[SIDE_COUNT];
    } texts[] = {
#define ALERT_TEXT(code_, client_, server_) { code_, { client_, server_ } },
#include "alert_texts.def"
#undef ALERT_TEXT
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        if (texts[i].code == alert->code)
            return texts[i].by[alert->side];
    return "";
}

static const struct tls_alert *telling_alert(const struct tls_facts *tls)
{
    for (size_t i = 0; i < tls->alert_count; i++)
        if (!tls->alerts[i].encrypted && tls->alerts[i].code != 0)
            return &tls->alerts[i];
    return NULL;
}

static const char *version_words(uint16_t version, char out[24])
{
    char buffer[16];
    const char *protocol = "tls", *text = tls_version_text(version, &protocol, buffer);
    snprintf(out, 24, "%s %s", strcmp(protocol, "ssl") == 0 ? "SSL" : "TLS",
             text != NULL ? text : "?");
    return out;
}

static void write_offer(FILE *out, const struct session_record *r)
{
    char least[24], most[24];
    const struct tls_client_hello *hello = &r->tls->client_hello;
    if (!hello->seen)
        return;
    uint16_t lowest = hello->version_max; /* supported_versions lists all; before it there was only
                                             a highest one */
    for (size_t i = 0; i < hello->versions.count; i++)
        if (hello->versions.at[i] < lowest)
            lowest = hello->versions.at[i];
    if (lowest != hello->version_max)
        fprintf(out, " The client offered %s to %s", version_words(lowest, least),
                version_words(hello->version_max, most));
    else
        fprintf(out, " The client offered up to %s", version_words(hello->version_max, most));
    fprintf(out, " and %zu cipher suites", hello->ciphers.count);
    if (hello->server_name.len > 0) {
        char name[PRINTABLE_SIZE];
        fprintf(out, " for the name %s", printable(hello->server_name, name));
    }
    fputs(".", out);
}

static void write_certificate(FILE *out, const struct session_record *r)
{
    char text[PRINTABLE_SIZE];
    if (r->chain == NULL || r->chain->count == 0 || !r->chain->certificates[0].parsed)
        return;
    const struct certificate *leaf = &r->chain->certificates[0];
    fprintf(out, " The server's certificate is for %s", printable(leaf->subject, text));
    fprintf(out, ", issued by %s", printable(leaf->issuer, text));
    fprintf(out, ", valid to %s", printable(leaf->not_after, text));
    if (r->verification.code > 0)
        fprintf(out, "; OpenSSL says %d, %s", r->verification.code, r->verification.text);
    fputs(".", out);
}

static void write_refusal(FILE *out, const struct session_record *r)
{
    char reply[PRINTABLE_SIZE];
    fprintf(out,
            "The server refused STARTTLS with \"%s\"%s. Its log says why; 454 mostly means that it "
            "cannot use its "
            "certificate or key.",
            printable(r->mail->starttls_reply, reply),
            r->mail->starttls_offered == TRI_YES ? " although it had offered it" : "");
}

static bool requires_tls(const struct mail_facts *mail)
{
    for (size_t i = 0; i < mail->note_count; i++)
        if (mail->notes[i].kind == MAIL_NOTE_STARTTLS_REQUIRED)
            return true;
    return false;
}

static void write_failed(FILE *out, const struct session_record *r)
{
    if (r->tls == NULL && r->mail->starttls_accepted != TRI_NO) {
        fputs("The server requires encryption (530 Must issue a STARTTLS command first, or its "
              "like) and the client did not "
              "start it: set the client to STARTTLS, or to SSL/TLS on the port for it.",
              out);
        return;
    }
    if (r->tls == NULL) {
        write_refusal(out, r);
        return;
    }
    const struct tls_alert *alert = telling_alert(r->tls);
    if (alert == NULL) {
        fprintf(out, "TLS began and did not come up (last step seen: %s), and nobody said why.",
                tls_stage_name(r->tls->stage));
    } else {
        const char *name = tls_alert_name(alert->code);
        fprintf(out, "The %s ended the TLS handshake with alert %u (%s). %s",
                side_name(alert->side), alert->code, name != NULL ? name : "unknown",
                alert_meaning(alert));
    }
    write_offer(out, r);
    write_certificate(out, r);
}

static void write_exposed(FILE *out, const struct session_record *r)
{
    char text[PRINTABLE_SIZE];
    const struct mail_facts *mail = r->mail;
    if (r->mode == MODE_MIXED)
        fputs("TLS was agreed, and then the dialogue went on in clear.", out);
    else if (mail->starttls_accepted == TRI_NO) {
        write_refusal(out, r);
        fputs(" The client went on in clear.", out);
    } else if (mail->starttls_requested == TRI_YES)
        fputs("The client asked for TLS; what became of that is not in the capture, and the "
              "dialogue went on in clear.",
              out);
    else if (mail->starttls_offered == TRI_YES)
        fputs("The server offered STARTTLS and the client did not use it: set the client to "
              "STARTTLS, or to SSL/TLS on the "
              "port for it.",
              out);
    else if (mail->starttls_offered == TRI_NO)
        fputs("The server did not offer STARTTLS here: if it is yours, give it a certificate and "
              "switch TLS on.",
              out);
    else
        fputs("The dialogue was not encrypted.", out);
    if (requires_tls(mail))
        fputs(" The server demands encryption.", out);
    for (size_t i = 0; i < mail->auth_count; i++)
        if (mail->auth[i].secret_sent)
            fprintf(out, " A login (%s) crossed in clear: change that password.",
                    printable(mail->auth[i].mechanism, text));
    if (mail->content_bytes > 0)
        fprintf(out, " Messages crossed in clear (%llu bytes).",
                (unsigned long long)mail->content_bytes);
}

static void write_tampered(FILE *out, const struct session_record *r)
{
    char word[PRINTABLE_SIZE];
    for (size_t i = 0; i < r->mail->note_count; i++) {
        const struct mail_note *note = &r->mail->notes[i];
        switch (note->kind) {
        case MAIL_NOTE_GREETING_MASKED:
            fputs("The server's greeting was overwritten with asterisks. ", out);
            break;
        case MAIL_NOTE_CAPABILITY_MASKED:
        case MAIL_NOTE_CAPABILITY_ALTERED:
            fprintf(out, "In the server's list of abilities a word reads %s. ",
                    printable(note->word, word));
            break;
        case MAIL_NOTE_COMMAND_MASKED:
        case MAIL_NOTE_COMMAND_ALTERED:
            fprintf(out, "A command of the client arrived as %s. ", printable(note->word, word));
            break;
        case MAIL_NOTE_RESPONSE_BEFORE_TLS:
            fputs("Additional text stood behind the server's go-ahead, before TLS. ", out);
            break;
        case MAIL_NOTE_COMMAND_BEFORE_TLS:
            fputs("Additional text stood behind the client's request for TLS. ", out);
            break;
        default: break;
        }
    }
    fputs("A device between the two rewrites mail traffic and may switch encryption off; mail "
          "inspection of a firewall does "
          "this (Cisco: \"inspect esmtp\" without \"allow-tls\"). Switch it off, or compare "
          "captures from both sides of it.",
          out);
}

static void write_weak(FILE *out, const struct session_record *r)
{
    char buffer[16];
    const char *protocol = "tls";
    const struct tls_facts *tls = r->tls;
    const char *version = tls_version_text(tls->server_hello.version, &protocol, buffer);
    const char *cipher = tls_hello_cipher_name(&tls->server_hello);
    fprintf(out, "Encrypted, but weakly: %s %s with %s",
            strcmp(protocol, "ssl") == 0 ? "SSL" : "TLS", version != NULL ? version : "?",
            cipher != NULL ? cipher : "an unknown suite");
    if (tls->key_exchange.dh_bits > 0)
        fprintf(out, ", key exchange with %u bits", tls->key_exchange.dh_bits);
    fputs(".", out);
    if (tls->server_hello.version >= 0x0303 || !tls->client_hello.seen)
        return;
    bool client_limits = tls->client_hello.version_max <= tls->server_hello.version;
    fprintf(out, " The %s is the limit: update it, or allow TLS 1.2 and newer there.",
            client_limits ? "client" : "server");
}

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
        fprintf(out, "%s%s", first ? " Seen only in part: " : ", ", session_reason_name(i));
        first = false;
    }
    if (!first)
        fputs(".", out);
}

/* Words are wrapped at 100 columns, indented by four. */
static void write_wrapped(FILE *out, const char *paragraph)
{
    size_t column = 0;
    for (const char *at = paragraph; *at != '\0';) {
        size_t len = strcspn(at, " ");
        if (column > 0 && column + 1 + len > 100) {
            fputc('\n', out);
            column = 0;
        }
        column += (size_t)fprintf(out, "%s%.*s", column == 0 ? "    " : " ", (int)len, at);
        at += len + strspn(at + len, " ");
    }
    fputc('\n', out);
}

static void write_paragraph(FILE *out, const struct session_record *r)
{
    static void (*const writers[VERDICT_COUNT])(FILE *, const struct session_record *) = {
        [VERDICT_WEAK] = write_weak,         [VERDICT_EXPOSED] = write_exposed,
        [VERDICT_TAMPERED] = write_tampered, [VERDICT_FAILED] = write_failed,
        [VERDICT_UNKNOWN] = write_unknown,
    };
    if (writers[r->verdict] == NULL)
        return;
    char *paragraph = NULL;
    size_t len = 0;
    FILE *memory = open_memstream(&paragraph, &len);
    if (memory == NULL)
        return;
    writers[r->verdict](memory, r);
    if (fclose(memory) == 0)
        write_wrapped(out, paragraph);
    free(paragraph);
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
    fprintf(out, "%-19s  %-21s  %-21s  %-8s  %-9s  %-7s  %s\n", when, client, server,
            *r->protocol != '\0' ? r->protocol : "-", session_mode_name(r->mode),
            tls_column(r, version), session_verdict_name(r->verdict));
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
