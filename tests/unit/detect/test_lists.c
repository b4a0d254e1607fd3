/* SPDX-License-Identifier: Apache-2.0
 * test_lists.c - the built-in data files, and a folder that replaces some.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "limits.h"
#include "lists.h"
#include "texts.h"

static char folder[] = "/tmp/test_lists_XXXXXX";

static char *path_of(const char *name)
{
    static char path[256];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static void put(const char *name, const char *text)
{
    FILE *file = fopen(path_of(name), "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

/* A list that is no text of findings, to play with. */
static const char *some_list(const struct lists *lists)
{
    const char *name;
    for (size_t i = 0; (name = lists_name(lists, i)) != NULL; i++)
        if (strchr(name, '/') == NULL)
            return name;
    fail_msg("there is no list");
    return NULL;
}

static int make_folder(void **state)
{
    (void)state;
    return mkdtemp(folder) == NULL ? 1 : 0;
}

static int remove_folder(void **state)
{
    (void)state;
    return rmdir(folder);
}

static void every_built_in_list_is_there(void **state)
{
    (void)state;
    struct lists *lists = lists_new(NULL);
    size_t count = 0;
    const char *name, *version = NULL;

    assert_non_null(lists);
    while ((name = lists_name(lists, count)) != NULL) {
        const char *text = lists_get(lists, name, &version);
        assert_non_null(text);
        assert_true(strlen(text) > 20);
        assert_true(strlen(version) > 0);
        count++;
    }
    assert_true(count > 0);
    assert_null(lists_get(lists, "no such list", &version));
    lists_free(lists);
}

/* As the files lie in src/data, byte for byte. */
static void lists_are_embedded_as_they_are(void **state)
{
    (void)state;
    struct lists *lists = lists_new(NULL);
    const char *name;

    for (size_t i = 0; (name = lists_name(lists, i)) != NULL; i++) {
        char path[256];
        snprintf(path, sizeof path, "src/data/%s", name);
        FILE *file = fopen(path, "rb");
        assert_non_null(file);
        const char *text = lists_get(lists, name, NULL);
        int byte;
        while ((byte = fgetc(file)) != EOF)
            assert_int_equal((unsigned char)*text++, byte);
        assert_int_equal(*text, '\0');
        fclose(file);
    }
    lists_free(lists);
}

static void the_built_in_texts_are_sound(void **state)
{
    (void)state;
    struct lists *lists = lists_new(NULL);
    struct texts *texts = texts_new(lists);
    assert_non_null(texts);
    assert_non_null(texts_at(texts, 0));
    texts_free(texts);
    lists_free(lists);
}

static void a_folder_replaces_what_it_has(void **state)
{
    (void)state;
    struct lists *built_in = lists_new(NULL), *lists;
    const char *name = some_list(built_in), *version = NULL;

    put(name, "# mine\n# Version: 2030-01-31 of mine\nrow\n");
    lists = lists_new(folder);
    assert_non_null(lists);
    assert_string_equal(lists_get(lists, name, &version),
                        "# mine\n# Version: 2030-01-31 of mine\nrow\n");
    assert_string_equal(version, "2030-01-31");
    /* The others stay. */
    size_t count = 0;
    const char *other;
    while ((other = lists_name(lists, count++)) != NULL)
        if (strcmp(other, name) != 0)
            assert_string_equal(lists_get(lists, other, NULL), lists_get(built_in, other, NULL));
    lists_free(lists);

    /* Without a version it is what the text hashes to: SHA-256 of "row\n". */
    put(name, "row\n");
    lists = lists_new(folder);
    lists_get(lists, name, &version);
    assert_string_equal(version, "83ad05a6ffdb");
    lists_free(lists);

    put(name, "");
    lists = lists_new(folder);
    assert_string_equal(lists_get(lists, name, &version), "");
    assert_int_equal(strlen(version), 12);
    lists_free(lists);
    unlink(path_of(name));
    lists_free(built_in);
}

static void what_is_no_text_is_refused(void **state)
{
    (void)state;
    struct lists *built_in = lists_new(NULL);
    const char *name = some_list(built_in);

    assert_null(lists_new("/no/such/folder"));
    FILE *file = fopen(path_of(name), "w");
    fwrite("a\0b", 1, 3, file);
    fclose(file);
    assert_null(lists_new(folder));

    assert_int_equal(truncate(path_of(name), 0), 0);
    file = fopen(path_of(name), "w");
    for (size_t i = 0; i < LIMIT_LIST_BYTES + 1u; i++)
        fputc('x', file);
    fclose(file);
    assert_null(lists_new(folder));
    unlink(path_of(name));

    assert_int_equal(mkdir(path_of(name), 0755), 0);
    assert_null(lists_new(folder));
    rmdir(path_of(name));
    lists_free(built_in);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_built_in_list_is_there),
        cmocka_unit_test(lists_are_embedded_as_they_are),
        cmocka_unit_test(the_built_in_texts_are_sound),
        cmocka_unit_test(a_folder_replaces_what_it_has),
        cmocka_unit_test(what_is_no_text_is_refused),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
