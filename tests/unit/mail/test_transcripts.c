/* SPDX-License-Identifier: Apache-2.0
 * test_transcripts.c - plays tests/transcripts/<protocol>/<case>.txt and compares the facts.
 *
 *     C: line            the client says it, CRLF is added; it has seen all that stands above
 *     C< line            likewise, but it crossed what the other side said since the last C
 *     C| raw             no CRLF;  C# 5000 x  a byte many times;  C! hello  a TLS record
 *     C~ 20              a gap of 20 bytes;  C. the end (FIN)
 *     ! port 25          also: only client, midstream, no-marks
 *     = word word …      some line of the facts has all these words (see dump() below)
 *     =! word word …     no line has
 *
 * All notes must be expected: a note too many fails. Each case is played with every cut, and all
 * give the same facts. "SECRET" in a transcript may be found nowhere in the memory of the facts.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dialogue.h"
#include "facts_dump.h"

#define TEXT_MAX 32768

struct transcript {
    char path[512];
    struct dialogue dialogue;
    char expected[128][256];
    bool unwanted[128];
    size_t expected_count;
    size_t line;
};

/* --- reading --- */

static unsigned hex_value(char c)
{
    const char *digits = "0123456789abcdef", *at = strchr(digits, c);
    return c != '\0' && at != NULL ? (unsigned)(at - digits) : 0;
}

static void add_byte(struct transcript *t, enum side side, uint8_t byte, uint64_t acked)
{
    struct dialogue_stream *stream = &t->dialogue.side[side];
    assert_true(stream->len < DIALOGUE_BYTES);
    stream->acked[stream->len] = acked;
    stream->line[stream->len] = t->line;
    stream->bytes[stream->len++] = byte;
}

static void add_escaped(struct transcript *t, enum side side, const char *text, uint64_t acked)
{
    for (; *text != '\0'; text++) {
        if (*text != '\\') {
            add_byte(t, side, (uint8_t)*text, acked);
            continue;
        }
        switch (*++text) {
        case 'r': add_byte(t, side, '\r', acked); break;
        case 'n': add_byte(t, side, '\n', acked); break;
        case '0': add_byte(t, side, 0, acked); break;
        case 'x':
            add_byte(t, side, (uint8_t)(hex_value(text[1]) << 4 | hex_value(text[2])), acked);
            text += 2;
            break;
        default: add_byte(t, side, (uint8_t)*text, acked); break;
        }
    }
}

static void add_said(struct transcript *t, enum side side, char how, const char *text)
{
    static const char hello[] = "\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00";
    struct dialogue_stream *stream = &t->dialogue.side[side];
    uint64_t seen = t->dialogue.side[side_other(side)].len;
    uint64_t before = stream->len > 0 ? stream->acked[stream->len - 1] : 0;
    uint64_t acked = how == '<' ? before : seen;
    struct dialogue_event *event = &t->dialogue.events[t->dialogue.event_count];
    char *end;

    switch (how) {
    case '|': add_escaped(t, side, text, acked); break;
    case '!':
        for (size_t i = 0; i < sizeof hello - 1; i++)
            add_byte(t, side, (uint8_t)hello[i], acked);
        break;
    case '#':
        for (unsigned long n = strtoul(text, &end, 10); n > 0; n--)
            add_byte(t, side, (uint8_t)end[1], acked);
        break;
    case '~':
        *event =
            (struct dialogue_event){ EVENT_GAP, side, stream->len, strtoul(text, NULL, 10), acked };
        t->dialogue.event_count++;
        for (uint64_t i = 0; i < event->len; i++)
            add_byte(t, side, 0, acked);
        break;
    case '.':
        *event = (struct dialogue_event){ EVENT_FINISH, side, stream->len, 0, acked };
        t->dialogue.event_count++;
        break;
    default:
        add_escaped(t, side, text, acked);
        add_byte(t, side, '\r', acked);
        add_byte(t, side, '\n', acked);
        break;
    }
}

static void add_option(struct transcript *t, const char *text)
{
    if (strncmp(text, "port ", 5) == 0)
        t->dialogue.port = (uint16_t)strtoul(text + 5, NULL, 10);
    else if (strcmp(text, "midstream") == 0)
        t->dialogue.midstream = true;
    else if (strcmp(text, "no-marks") == 0)
        t->dialogue.no_marks = true;
    else if (strcmp(text, "only client") == 0 || strcmp(text, "only server") == 0) {
        t->dialogue.only_known = true;
        t->dialogue.only = text[5] == 'c' ? SIDE_CLIENT : SIDE_SERVER;
    } else {
        fail_msg("%s: unknown option %s", t->path, text);
    }
}

static void read_transcript(struct transcript *t)
{
    char line[8192];
    FILE *file = fopen(t->path, "r");
    assert_non_null(file);
    while (fgets(line, sizeof line, file) != NULL) {
        t->line++;
        line[strcspn(line, "\n")] = '\0';
        const char *text = strlen(line) > 3 ? line + 3 : "";
        if (line[0] == 'C' || line[0] == 'S') {
            add_said(t, line[0] == 'C' ? SIDE_CLIENT : SIDE_SERVER, line[1], text);
        } else if (line[0] == '!') {
            add_option(t, line + 2);
        } else if (line[0] == '=') {
            assert_true(t->expected_count < 128);
            t->unwanted[t->expected_count] = line[1] == '!';
            snprintf(t->expected[t->expected_count++], sizeof t->expected[0], "%s",
                     line + (line[1] == '!' ? 3 : 2));
        } else if (line[0] != '#' && line[0] != '\0') {
            fail_msg("%s:%zu: what is this?", t->path, t->line);
        }
    }
    fclose(file);
}

/* --- comparing --- */

/* All words of `wanted` are words of the line, and the first is its first. */
static bool line_has(const char *line, size_t len, const char *wanted)
{
    char copy[256];
    bool first = true;
    snprintf(copy, sizeof copy, "%s", wanted);
    char *save = NULL;
    for (char *word = strtok_r(copy, " ", &save); word != NULL;
         word = strtok_r(NULL, " ", &save), first = false) {
        size_t size = strlen(word);
        bool found = false;
        for (size_t i = 0; i + size <= len && !found; i++) {
            bool starts = i == 0 || line[i - 1] == ' ';
            bool ends = i + size == len || line[i + size] == ' ';
            found = starts && ends && memcmp(line + i, word, size) == 0;
            if (first)
                break;
        }
        if (!found)
            return false;
    }
    return true;
}

static bool facts_have(const char *facts, const char *wanted)
{
    while (*facts != '\0') {
        size_t len = strcspn(facts, "\n");
        if (line_has(facts, len, wanted))
            return true;
        facts += len + (facts[len] == '\n');
    }
    return false;
}

static size_t count_lines(const char *facts, const char *start)
{
    size_t count = 0;
    for (const char *at = facts; (at = strstr(at, start)) != NULL; at++)
        count += at == facts || at[-1] == '\n';
    return count;
}

static void compare_expected(const struct transcript *t, const char *facts)
{
    size_t notes = 0;
    for (size_t i = 0; i < t->expected_count; i++) {
        bool has = facts_have(facts, t->expected[i]);
        notes += !t->unwanted[i] && strncmp(t->expected[i], "note ", 5) == 0;
        if (has == t->unwanted[i])
            fail_msg("%s: %s: %s\n%s", t->path, has ? "unwanted" : "missing", t->expected[i],
                     facts);
    }
    if (count_lines(facts, "note ") != notes)
        fail_msg("%s: %zu notes are expected\n%s", t->path, notes, facts);
}

static void play(const struct transcript *t, enum dialogue_cut cut, char *facts)
{
    struct arena arena;
    uint64_t tls_at[SIDE_COUNT];
    arena_init(&arena, LIMIT_SESSION_BYTES);
    const struct mail *mail = dialogue_play(&t->dialogue, cut, &arena, tls_at);
    facts_dump(mail, tls_at, facts, TEXT_MAX);
    if (memory_has(&arena, "SECRET"))
        fail_msg("%s: a secret is in memory", t->path);
    arena_free(&arena);
}

static void run_transcript(void **state)
{
    struct transcript *t = *state;
    char *facts = calloc(CUT_COUNT, TEXT_MAX);
    assert_non_null(facts);
    read_transcript(t);
    for (int cut = 0; cut < CUT_COUNT; cut++) {
        char *these = facts + (size_t)cut * TEXT_MAX;
        play(t, (enum dialogue_cut)cut, these);
        if (cut == 0)
            compare_expected(t, these);
        else if (strcmp(facts, these) != 0)
            fail_msg("%s: cut %d gives other facts\n%s---\n%s", t->path, cut, facts, these);
    }
    free(facts);
}

/* --- finding --- */

static int by_name(const void *a, const void *b)
{
    const struct CMUnitTest *left = a, *right = b;
    return strcmp(left->name, right->name);
}

int main(void)
{
    enum { MOST = 512 };
    static struct CMUnitTest tests[MOST];
    size_t count = 0;

    for (int p = MAIL_SMTP; p <= MAIL_SIEVE; p++) {
        char folder[256];
        snprintf(folder, sizeof folder, "tests/transcripts/%s",
                 mail_protocol_name((enum mail_protocol)p));
        DIR *dir = opendir(folder);
        if (dir == NULL) {
            fprintf(stderr, "no folder %s\n", folder);
            return 1;
        }
        for (struct dirent *entry; (entry = readdir(dir)) != NULL && count < MOST;) {
            const char *end = strrchr(entry->d_name, '.');
            if (end == NULL || strcmp(end, ".txt") != 0)
                continue;
            struct transcript *t = calloc(1, sizeof *t);
            if (t == NULL)
                abort();
            snprintf(t->path, sizeof t->path, "%s/%s", folder, entry->d_name);
            t->dialogue.protocol = (enum mail_protocol)p;
            tests[count++] = (struct CMUnitTest){ .name = t->path,
                                                  .test_func = run_transcript,
                                                  .initial_state = t };
        }
        closedir(dir);
    }
    if (count == 0)
        return 1;
    qsort(tests, count, sizeof tests[0], by_name);
    int failed = _cmocka_run_group_tests("transcripts", tests, count, NULL, NULL);
    for (size_t i = 0; i < count; i++)
        free(tests[i].initial_state);
    return failed;
}
