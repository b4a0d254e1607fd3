/* SPDX-License-Identifier: Apache-2.0
 * json.c - the one file that knows json-c.
 */
#include "json.h"

#include <json-c/json.h>
#include <json-c/printbuf.h>
#include <stdlib.h>
#include <string.h>

/* A json-c object stands for the document while it is printed: whoever gets one sees no
 * difference. It belongs to the arena, so that its buffer has grown once and for all. */
struct printer {
    struct json_object *object;
    struct json *root;
};

static int serialise(struct json_object *object, struct printbuf *out, int level, int flags)
{
    struct printer *printer = json_object_get_userdata(object);
    size_t len = 0;
    const char *text = json_write(printer->root, &len);
    (void)level;
    (void)flags;
    return text == NULL ? -1 : printbuf_memappend(out, text, (int)len);
}

static struct printer *printer_of(struct json *root)
{
    void **place = json_arena_printer(root);
    if (*place != NULL)
        return *place;
    struct printer *printer = calloc(1, sizeof *printer);
    struct json_object *object = json_object_new_object();
    if (printer == NULL || object == NULL) {
        free(printer);
        json_object_put(object);
        return NULL;
    }
    printer->object = object;
    json_object_set_serializer(object, serialise, printer, NULL);
    *place = printer;
    return printer;
}

void json_printer_free(void *opaque)
{
    struct printer *printer = opaque;
    if (printer == NULL)
        return;
    json_object_put(printer->object);
    free(printer);
}

enum { PRINTED = JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE };

static char *copy_of(struct json_object *object, size_t *len)
{
    const char *text = json_object_to_json_string_length(object, PRINTED, len);
    char *copy = text == NULL ? NULL : malloc(*len + 1);
    if (copy != NULL)
        memcpy(copy, text, *len + 1);
    return copy;
}

char *json_print(struct json *root, size_t *len)
{
    struct printer *printer = root == NULL ? NULL : printer_of(root);
    if (printer == NULL)
        return NULL;
    printer->root = root;
    return copy_of(printer->object, len);
}

/* --- a document read back --- */

static struct json_object *of(struct json_document *document)
{
    return (struct json_object *)document;
}

struct json_document *json_document_read(const char *line, size_t len)
{
    struct json_tokener *tokener = len > INT32_MAX ? NULL : json_tokener_new();
    if (tokener == NULL)
        return NULL;
    struct json_object *object = json_tokener_parse_ex(tokener, line, (int)len);
    json_tokener_free(tokener);
    if (json_object_is_type(object, json_type_object))
        return (struct json_document *)object;
    json_object_put(object);
    return NULL;
}

void json_document_free(struct json_document *document) { json_object_put(of(document)); }

/* The length of the text's beginning that ends at a character's border. */
static size_t cut_at(const char *text, size_t keep)
{
    while (keep > 0 && ((unsigned char)text[keep] & 0xc0) == 0x80)
        keep--;
    return keep;
}

static bool cut_member(struct json_object *parent, const char *key, size_t keep)
{
    struct json_object *value = NULL;
    if (!json_object_object_get_ex(parent, key, &value))
        return false;
    bool list = json_object_is_type(value, json_type_array);
    bool text = json_object_is_type(value, json_type_string);
    size_t len = list   ? json_object_array_length(value)
                 : text ? (size_t)json_object_get_string_len(value)
                        : SIZE_MAX; /* goes as a whole or not at all */
    if (len <= keep)
        return false;
    if (keep == 0)
        json_object_object_del(parent, key);
    else if (list)
        json_object_array_del_idx(value, keep, len - keep);
    else if (text) {
        const char *from = json_object_get_string(value);
        struct json_object *shorter = json_object_new_string_len(from, (int)cut_at(from, keep));
        if (shorter == NULL || json_object_object_add(parent, key, shorter) != 0)
            return false;
    }
    return list || text || keep == 0;
}

static bool cut_path(struct json_object *at, const char *path, size_t keep)
{
    size_t len = strcspn(path, ".");
    char key[64];
    if (len >= sizeof key)
        return false;
    memcpy(key, path, len);
    key[len] = '\0';
    if (strcmp(key, "*") == 0) {
        bool any = false;
        size_t count = json_object_is_type(at, json_type_array) ? json_object_array_length(at) : 0;
        for (size_t i = 0; i < count; i++)
            any = cut_path(json_object_array_get_idx(at, i), path + len + 1, keep) || any;
        return any;
    }
    if (!json_object_is_type(at, json_type_object))
        return false;
    if (path[len] == '\0')
        return cut_member(at, key, keep);
    return cut_path(json_object_object_get(at, key), path + len + 1, keep);
}

bool json_document_cut(struct json_document *document, const char *path, size_t keep)
{
    return cut_path(of(document), path, keep);
}

void json_document_note(struct json_document *document, const char *name, const char *path)
{
    struct json_object *parent = json_object_object_get(of(document), "mailtls");
    struct json_object *list = json_object_object_get(parent, name);
    if (list == NULL && parent != NULL) {
        list = json_object_new_array();
        if (list != NULL)
            json_object_object_add(parent, name, list);
    }
    size_t len = strlen(path);
    for (size_t i = list == NULL ? 0 : json_object_array_length(list); i > 0; i--) {
        const char *noted = json_object_get_string(json_object_array_get_idx(list, i - 1));
        if (strncmp(noted, path, len) == 0 && (noted[len] == '\0' || noted[len] == '.'))
            json_object_array_del_idx(list, i - 1, 1);
    }
    if (list != NULL)
        json_object_array_add(list, json_object_new_string(path));
}

size_t json_document_len(struct json_document *document)
{
    size_t len = 0;
    json_object_to_json_string_length(of(document), PRINTED, &len);
    return len;
}

char *json_document_print(struct json_document *document, size_t *len)
{
    return copy_of(of(document), len);
}
