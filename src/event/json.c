/* SPDX-License-Identifier: Apache-2.0
 * json.c - the one file that knows json-c.
 */
#include "json.h"

#include <json-c/json.h>
#include <json-c/printbuf.h>
#include <stdlib.h>

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

char *json_print(struct json *root, size_t *len)
{
    struct printer *printer = root == NULL ? NULL : printer_of(root);
    if (printer == NULL)
        return NULL;
    printer->root = root;
    const char *text =
        json_object_to_json_string_length(printer->object, JSON_C_TO_STRING_PLAIN, len);
    if (text == NULL)
        return NULL;
    char *copy = malloc(*len + 1);
    if (copy != NULL)
        memcpy(copy, text, *len + 1);
    return copy;
}
