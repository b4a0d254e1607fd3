/* SPDX-License-Identifier: Apache-2.0
 * texts_render.c - fills the values of a finding into its texts, and makes them readable without.
 */
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "limits.h"
#include "text.h"
#include "texts_state.h"

#define NAME_MAX_BYTES 40
#define NAME_LETTERS "abcdefghijklmnopqrstuvwxyz0123456789_"

/* What is written so far. `failed`: memory ran out; `full`: the rest is left out. */
struct writing {
    char *at;
    size_t len, cap;
    bool failed, full;
};

static void write_bytes(struct writing *writing, const char *bytes, size_t len)
{
    if (writing->failed || writing->full)
        return;
    if (len > LIMIT_EXPLANATION_BYTES - writing->len) {
        writing->full = true;
        len = LIMIT_EXPLANATION_BYTES - writing->len;
        /* Not in the middle of a character. */
        while (len > 0 && ((unsigned char)bytes[len] & 0xC0) == 0x80)
            len--;
    }
    if (writing->len + len >= writing->cap) {
        size_t cap = 2 * (writing->len + len) + 256;
        char *grown = realloc(writing->at, cap);
        if (grown == NULL) {
            writing->failed = true;
            return;
        }
        writing->at = grown;
        writing->cap = cap;
    }
    if (len > 0)
        memcpy(writing->at + writing->len, bytes, len);
    writing->len += len;
    writing->at[writing->len] = '\0';
}

static void write_text(struct writing *writing, const char *text)
{
    write_bytes(writing, text, strlen(text));
}

/* A blank of a template. Where an optional part was left out there may be two, or one too many. */
static void write_blank(struct writing *writing)
{
    if (writing->len > 0 && writing->at[writing->len - 1] != ' ')
        write_bytes(writing, " ", 1);
}

/* Takes the result out; NULL when memory ran out. */
static char *written(struct writing *writing)
{
    while (writing->len > 0 && writing->at[writing->len - 1] == ' ')
        writing->len--;
    write_bytes(writing, "", 0);
    if (!writing->failed)
        return writing->at;
    free(writing->at);
    return NULL;
}

/* --- values --- */

/* A place to write a value into that exists nowhere as text. */
struct scratch {
    char text[LIMIT_TEXT_BYTES + 64];
};
_Static_assert(sizeof(struct scratch) >= CLOCK_TEXT_SIZE, "an instant fits");

typedef const char *value_of(const struct starttap_session *session, struct scratch *scratch);

static const char *port_text(uint16_t port, struct scratch *scratch)
{
    snprintf(scratch->text, sizeof scratch->text, "%u", (unsigned)port);
    return scratch->text;
}

static const char *value_client(const struct starttap_session *session, struct scratch *scratch)
{
    (void)scratch;
    return session->client.ip;
}

static const char *value_client_port(const struct starttap_session *session,
                                     struct scratch *scratch)
{
    return port_text(session->client.port, scratch);
}

static const char *value_server(const struct starttap_session *session, struct scratch *scratch)
{
    (void)scratch;
    return session->server.ip;
}

static const char *value_server_port(const struct starttap_session *session,
                                     struct scratch *scratch)
{
    return port_text(session->server.port, scratch);
}

static const char *value_server_name(const struct starttap_session *session,
                                     struct scratch *scratch)
{
    (void)scratch;
    const struct starttap_client_hello *hello =
        session->tls != NULL ? session->tls->client_hello : NULL;
    if (hello != NULL && hello->server_name != NULL && *hello->server_name != '\0')
        return hello->server_name;
    if (session->mail != NULL && session->mail->banner_host != NULL &&
        *session->mail->banner_host != '\0')
        return session->mail->banner_host;
    return session->server.ip;
}

/* "mx.example.net (192.0.2.25:25)", or only the address where no name is known. */
static const char *value_server_at(const struct starttap_session *session, struct scratch *scratch)
{
    const char *full = value_server_name(session, scratch);
    bool named = strcmp(full, session->server.ip) != 0, v6 = session->server.family == 6;
    char name[LIMIT_TEXT_BYTES / 2];
    text_clean(text_of(full), name, sizeof name); /* cut at a character's border */
    snprintf(scratch->text, sizeof scratch->text, "%s%s%s%s%s:%u%s", named ? name : "",
             named ? " (" : "", v6 ? "[" : "", session->server.ip, v6 ? "]" : "",
             (unsigned)session->server.port, named ? ")" : "");
    return scratch->text;
}

static const char *value_protocol(const struct starttap_session *session, struct scratch *scratch)
{
    static const char *const names[] = {
        [STARTTAP_NO_MAIL] = NULL, [STARTTAP_SMTP] = "SMTP", [STARTTAP_LMTP] = "LMTP",
        [STARTTAP_POP3] = "POP3",  [STARTTAP_IMAP] = "IMAP", [STARTTAP_SIEVE] = "ManageSieve",
    };
    if (session->mail != NULL && (size_t)session->mail->protocol < sizeof names / sizeof names[0] &&
        names[session->mail->protocol] != NULL)
        return names[session->mail->protocol];
    const char *name = session->protocol_name != NULL ? session->protocol_name : "";
    if (*name == '\0')
        return "TCP";
    static const char lower[] = "abcdefghijklmnopqrstuvwxyz",
                      upper[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
    size_t len = 0;
    for (; name[len] != '\0' && len + 1 < sizeof scratch->text; len++) {
        const char *letter = strchr(lower, name[len]);
        scratch->text[len] = name[len];
        if (letter != NULL)
            scratch->text[len] = upper[letter - lower];
    }
    scratch->text[len] = '\0';
    return scratch->text;
}

static const char *value_software(const struct starttap_session *session, struct scratch *scratch)
{
    (void)scratch;
    return session->mail != NULL ? session->mail->banner_software : "";
}

static const char *value_helo(const struct starttap_session *session, struct scratch *scratch)
{
    (void)scratch;
    return session->mail != NULL ? session->mail->helo : "";
}

/* When the session began: that does not depend on when it was judged. */
static const char *value_time(const struct starttap_session *session, struct scratch *scratch)
{
    clock_text_s(session->start_ns / NS_PER_S, scratch->text);
    return scratch->text;
}

/* What every text has. */
static const struct {
    const char *name;
    value_of *value;
} common[] = {
    { "client", value_client },
    { "client_port", value_client_port },
    { "helo", value_helo },
    { "protocol", value_protocol },
    { "server", value_server },
    { "server_at", value_server_at },
    { "server_name", value_server_name },
    { "server_port", value_server_port },
    { "software", value_software },
    { "time", value_time },
};

/* NULL: there is no such value. */
static const char *value_find(const struct texts_values *values, struct text name,
                              struct scratch *scratch)
{
    for (size_t i = 0; i < values->count; i++)
        if (text_same(name, text_of(values->values[i].name)))
            return values->values[i].value != NULL ? values->values[i].value : "";
    for (size_t i = 0; values->session != NULL && i < sizeof common / sizeof common[0]; i++)
        if (text_same(name, text_of(common[i].name))) {
            const char *value = common[i].value(values->session, scratch);
            return value != NULL ? value : "";
        }
    return NULL;
}

/* --- templates ---
 * A template is text, {name}, {name|word|words} (a number and what it counts), [[ an optional part
 * ]] and {{ for a brace. texts_mistake() has seen it, so every brace and bracket is closed, and no
 * optional part lies in another. */

static bool starts(const char *at, const char *mark) { return strncmp(at, mark, 2) == 0; }

/* The name of the placeholder at `at`. */
static struct text name_at(const char *at)
{
    return (struct text){ .at = at + 1, .len = strcspn(at + 1, "|}") };
}

/* From { to }, both with it. */
static size_t placeholder_len(const char *at) { return strcspn(at, "}") + 1; }

/* What is counted: the word for one, or that for any other number; empty where nothing is. */
static struct text counted_at(const char *at, bool one)
{
    const char *word = at + 1 + name_at(at).len;
    if (*word != '|')
        return (struct text){ 0 };
    word++;
    if (!one)
        word += strcspn(word, "|") + 1;
    return (struct text){ .at = word, .len = strcspn(word, "|}") };
}

/* The length of "|word|words"; 0 if there is none, or it is wrong. */
static size_t counted_len(const char *at)
{
    if (*at != '|')
        return 0;
    size_t one = strcspn(at + 1, "|{}[]"), more = one + 2;
    if (one == 0 || at[1 + one] != '|')
        return 0;
    size_t many = strcspn(at + more, "|{}[]");
    return many == 0 ? 0 : more + many;
}

const char *texts_mistake(const char *text)
{
    bool inside = false;

    for (const char *at = text; *at != '\0'; at++) {
        if (starts(at, "{{"))
            at++;
        else if (*at == '{') {
            size_t len = strspn(at + 1, NAME_LETTERS);
            size_t end = 1 + len + counted_len(at + 1 + len);
            if (len == 0 || len > NAME_MAX_BYTES || at[end] != '}')
                return "{ begins the name of a value, of a-z 0-9 _ and then } or |word|words}; a "
                       "brace is {{";
            at += end;
        } else if (starts(at, "[[")) {
            if (inside)
                return "[[ in another [[ ]]";
            inside = true;
            at++;
        } else if (starts(at, "]]")) {
            if (!inside)
                return "]] without [[";
            inside = false;
            at++;
        }
    }
    return inside ? "[[ without ]]" : NULL;
}

/* Whether all values of an optional part have something to say. */
static bool part_wanted(const char *at, const struct texts_values *values)
{
    for (; !starts(at, "]]"); at++) {
        if (starts(at, "{{"))
            at++;
        else if (*at == '{') {
            struct scratch scratch;
            const char *value = value_find(values, name_at(at), &scratch);
            if (value == NULL || *value == '\0')
                return false;
        }
    }
    return true;
}

/* What can be written as it stands. Only its first blank may be one too many. */
static size_t plain_len(const char *at) { return *at == ' ' ? 0 : strcspn(at, "{[]"); }

static void fill(struct writing *writing, const char *text, const struct texts_values *values)
{
    for (const char *at = text; *at != '\0'; at++) {
        size_t plain = plain_len(at);
        if (plain > 0) {
            write_bytes(writing, at, plain);
            at += plain - 1;
        } else if (starts(at, "{{")) {
            write_bytes(writing, at++, 1);
        } else if (*at == '{') {
            struct scratch scratch;
            struct text name = name_at(at);
            const char *value = value_find(values, name, &scratch);
            struct text counted = counted_at(at, value != NULL && strcmp(value, "1") == 0);
            if (value != NULL)
                write_text(writing, value);
            else
                write_bytes(writing, at, placeholder_len(at)); /* a mistake that is to be seen */
            if (value != NULL && counted.len > 0) {
                write_blank(writing);
                write_bytes(writing, counted.at, counted.len);
            }
            at += placeholder_len(at) - 1;
        } else if (starts(at, "[[")) {
            if (!part_wanted(at, values))
                at = strstr(at, "]]");
            at++;
        } else if (starts(at, "]]")) {
            at++;
        } else if (*at == ' ') {
            write_blank(writing);
        } else {
            write_bytes(writing, at, 1);
        }
    }
}

const char *texts_variant(const struct texts_rule *rule, const char *field, const char *variant)
{
    size_t len = strlen(field);
    const char *general = "";
    bool asked = variant != NULL && *variant != '\0';
    for (size_t i = 0; i < rule->line_count; i++) {
        const struct texts_line *line = &rule->lines[i];
        if (strncmp(line->name, field, len) != 0)
            continue;
        if (line->name[len] == '\0')
            general = line->value;
        else if (asked && line->name[len] == '.' && *line->value != '\0' &&
                 strcmp(line->name + len + 1, variant) == 0)
            return line->value;
    }
    return general;
}

char *texts_explain(const struct texts_rule *rule, const char *variant,
                    const struct texts_values *values)
{
    struct writing writing = { 0 };
    fill(&writing, texts_variant(rule, "explain", variant), values);
    return written(&writing);
}

/* --- fixes by product --- */

static bool holds_nocase(const char *text, const char *mark)
{
    struct text rest = text_of(text), with = text_of(mark);
    for (; rest.len >= with.len; rest.at++, rest.len--)
        if (text_starts_nocase(rest, with))
            return true;
    return false;
}

static const char *product_of(const char *software)
{
    static const struct {
        const char *word, *mark;
    } products[] = {
#define PRODUCT(word, mark) { word, mark },
#include "products.def"
    };
    for (size_t i = 0; i < sizeof products / sizeof products[0]; i++)
        if (holds_nocase(software, products[i].mark))
            return products[i].word;
    return "";
}

char *texts_fix(const struct texts_rule *rule, const char *variant,
                const struct texts_values *values)
{
    struct writing writing = { 0 };
    struct scratch scratch;
    const char *software =
        values->session != NULL ? value_software(values->session, &scratch) : NULL;
    const char *named = value_find(values, TEXT("product"), &scratch);
    const char *words[] = { product_of(software != NULL ? software : ""),
                            variant != NULL ? variant : "", named != NULL ? named : "" };

    fill(&writing, texts_variant(rule, "fix", variant), values);
    for (size_t i = 0; i < rule->line_count; i++) {
        const char *name = rule->lines[i].name;
        if (strncmp(name, "fix@", 4) != 0)
            continue;
        bool meant = false;
        for (size_t word = 0; word < sizeof words / sizeof words[0]; word++)
            meant = meant || text_same_nocase(text_of(name + 4), text_of(words[word]));
        if (!meant)
            continue;
        write_blank(&writing);
        fill(&writing, rule->lines[i].value, values);
    }
    return written(&writing);
}

/* --- without values --- */

/* The placeholder at `at`, or an empty text: not every field is a template. */
static struct text placeholder_at(const char *at)
{
    struct text name = name_at(at);
    bool whole = *at == '{' && strspn(name.at, NAME_LETTERS) == name.len &&
                 name.at[name.len + counted_len(name.at + name.len)] == '}';
    return whole ? name : (struct text){ 0 };
}

char *texts_plain(const char *text, enum texts_style style)
{
    static const char *const marks[][2] = {
        [TEXTS_TERMINAL] = { "<", ">" }, [TEXTS_MARKDOWN] = { "*", "*" }
    };
    struct writing writing = { 0 };

    for (const char *at = text; *at != '\0'; at++) {
        struct text name = *at == '{' ? placeholder_at(at) : (struct text){ 0 };
        if (name.len > 0) {
            write_text(&writing, marks[style][0]);
            for (size_t i = 0; i < name.len; i++)
                write_bytes(&writing, name.at[i] == '_' ? " " : name.at + i, 1);
            write_text(&writing, marks[style][1]);
            struct text counted = counted_at(at, false);
            if (counted.len > 0) {
                write_blank(&writing);
                write_bytes(&writing, counted.at, counted.len);
            }
            at += placeholder_len(at) - 1;
        } else if (starts(at, "[[") || starts(at, "]]")) {
            at++;
        } else {
            if (starts(at, "{{"))
                at++;
            if (style == TEXTS_MARKDOWN && strchr("*_<>|`#", *at) != NULL)
                write_text(&writing, "\\");
            write_bytes(&writing, at, 1);
        }
    }
    return written(&writing);
}
