/* SPDX-License-Identifier: Apache-2.0
 * test_capped.c - events cut for receivers that take only so many bytes, and lines read back: what
 * json-c makes of a line of ours is that line.
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

#include "event.h"
#include "json.h"
#include "limits.h"

static const char golden[] = "tests/golden";

/* Each line of every golden file; returns how many. */
static size_t each_line(void (*check)(const char *line, size_t len))
{
    size_t count = 0, cap = 0;
    char path[512], *line = NULL;
    DIR *folder = opendir(golden);
    assert_non_null(folder);
    for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
        if (strstr(entry->d_name, ".jsonl") == NULL)
            continue;
        snprintf(path, sizeof path, "%s/%s", golden, entry->d_name);
        FILE *file = fopen(path, "r");
        assert_non_null(file);
        for (ssize_t len; (len = getline(&line, &cap, file)) > 0; count++) {
            line[len - 1] = '\0';
            check(line, (size_t)len - 1);
        }
        fclose(file);
    }
    closedir(folder);
    free(line);
    return count;
}

static void read_back(const char *line, size_t len)
{
    struct json_document *document = json_document_read(line, len);
    size_t printed_len = 0;
    assert_non_null(document);
    char *printed = json_document_print(document, &printed_len);
    assert_non_null(printed);
    assert_string_equal(printed, line);
    assert_int_equal(printed_len, len);
    free(printed);
    json_document_free(document);
}

static void lines_are_what_json_c_would_print(void **state)
{
    (void)state;
    assert_true(each_line(read_back) > 100);
}

/* Any text, through all ways in. */
static void any_text_is_escaped_as_json_c_does(void **state)
{
    uint32_t seed = 1;
    (void)state;
    struct json_arena *arena = json_arena_new();
    for (size_t round = 0; round < 20000; round++) {
        char room[96],
            *text = room + 8; /* plain bytes in front: they must not be taken for its own */
        size_t len = round % 79;
        memset(room, 'x', 8);
        for (size_t i = 0; i < len; i++) {
            seed = seed * 1664525u + 1013904223u;
            unsigned c = seed >> 24;
            text[i] = (char)(round % 3 == 0 && c != 0 ? c : 0x20 + c % 0x5f);
        }
        text[len] = '\0';
        struct json *root = json_new(arena);
        struct json *list = json_add_array(root, "list");
        json_text(root, "text", (struct text){ text, len });
        json_name(root, "name", text);
        json_push_text(list, (struct text){ text, len });
        if (round % 3 != 0) { /* our own words are valid UTF-8 */
            json_word(root, "word", text);
            json_push_word(list, text);
        } else {
            json_word(root, "controls", "\x01\x1f\b\f\n\r\t\"\\/");
        }
        size_t printed_len = 0;
        char *printed = json_print(root, &printed_len);
        assert_non_null(printed);
        read_back(printed, printed_len);
        free(printed);
        json_free(root);
    }
    json_arena_free(arena);
}

static bool holds(const char *line, const char *words) { return strstr(line, words) != NULL; }

/* `mark` up to the next quote. */
static void same_value(const char *a, const char *b, const char *mark)
{
    const char *in_a = strstr(a, mark), *in_b = strstr(b, mark);
    assert_non_null(in_a);
    assert_non_null(in_b);
    in_a += strlen(mark);
    in_b += strlen(mark);
    size_t len = strcspn(in_a, "\"");
    assert_memory_equal(in_a, in_b, len + 1);
}

static size_t cut_events;

static void cap(const char *line, size_t len)
{
    static const size_t limits[] = { 512, 800, 1500, 2500, 4000, 8000, 65536 };
    for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++) {
        size_t out_len = 0;
        char *out = event_capped(line, len, limits[i], &out_len);
        assert_non_null(out);
        assert_int_equal(out_len, strlen(out));
        assert_true(out_len <= limits[i]);
        read_back(out, out_len);
        same_value(line, out, "\"id\":\"");
        same_value(line, out, "\"@timestamp\":\"");
        assert_int_equal(holds(out, "\"truncated\":["), len > limits[i]);
        if (len <= limits[i])
            assert_string_equal(out, line);
        else
            cut_events++;
        if (limits[i] >= 2500 && holds(line, "\"mailtls.finding\"")) {
            same_value(line, out, "\"rule\":{\"id\":\"");
            assert_true(holds(out, "\"evidence\":["));
            assert_true(holds(out, "\"explanation\":\""));
        }
        free(out);
    }
}

static void every_event_fits(void **state)
{
    (void)state;
    cut_events = 0;
    each_line(cap);
    assert_true(cut_events > 100);
}

static void fill(struct json *parent, const char *key, size_t count, size_t each)
{
    char text[512];
    struct json *list = json_add_array(parent, key);
    memset(text, '"', sizeof text); /* each takes two when printed */
    for (size_t i = 0; i < count; i++)
        json_push_text(list, (struct text){ text, each });
}

static void the_largest_event_fits(void **state)
{
    (void)state;
    struct json *root = json_new(NULL);
    json_word(root, "@timestamp", "2026-11-22T07:16:53.123456Z");
    struct json *event = json_add_object(root, "event");
    json_word(event, "id", "abcdefghijklmnopqrst");
    json_word(event, "dataset", "mailtls.session");
    struct json *mailtls = json_add_object(root, "mailtls");
    struct json *tls = json_add_object(mailtls, "tls"), *client = json_add_object(tls, "client");
    fill(client, "ciphers", 512, 6);
    fill(client, "extensions", 128, 6);
    struct json *chain = json_add_array(json_add_object(tls, "certificates"), "chain");
    for (size_t i = 0; i < LIMIT_CHAIN_CERTIFICATES; i++)
        fill(json_push_object(chain), "names", LIMIT_CERTIFICATE_NAMES, LIMIT_TEXT_BYTES);
    fill(mailtls, "capabilities", LIMIT_CAPABILITIES, LIMIT_CAPABILITY_BYTES);
    size_t len = 0;
    char *line = json_print(root, &len);
    json_free(root);
    assert_non_null(line);
    assert_true(len > 1000000);
    cap(line, len);

    size_t out_len = 0;
    char *out = event_capped(line, len, 8000, &out_len);
    assert_true(holds(out, "\"mailtls.tls.certificates.chain\""));
    assert_false(holds(out, "\"all\""));
    free(out);
    free(line);
}

/* What is no line of ours still names its event, if it has any. */
static void what_cannot_be_read_is_told_in_short(void **state)
{
    char line[1200];
    size_t len = 0;
    (void)state;
    memset(line, 'x', sizeof line);
    line[sizeof line - 1] = '\0';
    char *out = event_capped(line, sizeof line - 1, 512, &len);
    assert_non_null(out);
    read_back(out, len);
    assert_true(holds(out, "\"truncated\":[\"all\"]"));
    free(out);
}

static void texts_are_cut_between_characters(void **state)
{
    static const char line[] = "{\"mailtls\":{\"a\":\"x\xc3\xa9\xe9\x83\xb5\xf0\x9f\x93\xa7y\","
                               "\"l\":[1,2,3],\"o\":{\"p\":1}}}";
    static const size_t ends[] = { 0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10, 11 };
    (void)state;
    for (size_t keep = 1; keep < sizeof ends / sizeof ends[0]; keep++) {
        char want[128];
        size_t len = 0;
        struct json_document *document = json_document_read(line, sizeof line - 1);
        assert_non_null(document);
        assert_int_equal(json_document_cut(document, "mailtls.a", keep), keep < 11);
        assert_true(json_document_cut(document, "mailtls.l", 2));
        assert_false(json_document_cut(document, "mailtls.l", 2));
        assert_false(json_document_cut(document, "mailtls.o", 1));
        assert_true(json_document_cut(document, "mailtls.o", 0));
        assert_false(json_document_cut(document, "mailtls.none.*.at.all", 0));
        char *out = json_document_print(document, &len);
        snprintf(want, sizeof want, "{\"mailtls\":{\"a\":\"%.*s\",\"l\":[1,2]}}", (int)ends[keep],
                 strstr(line, "x\xc3"));
        assert_string_equal(out, want);
        free(out);
        json_document_free(document);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_are_what_json_c_would_print),
        cmocka_unit_test(any_text_is_escaped_as_json_c_does),
        cmocka_unit_test(texts_are_cut_between_characters),
        cmocka_unit_test(every_event_fits),
        cmocka_unit_test(the_largest_event_fits),
        cmocka_unit_test(what_cannot_be_read_is_told_in_short),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
