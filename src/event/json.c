/* SPDX-License-Identifier: Apache-2.0
 * json.c - the one file that knows json-c. A struct json is a json_object under another name.
 */
#include "json.h"

#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

#include "limits.h"

static struct json_object *of(struct json *json) { return (struct json_object *)json; }

/* The value belongs to the parent from here on. Keys are literals and new, so json-c need neither
 * copy nor look them up. */
static struct json *add(struct json *parent, const char *key, struct json_object *value)
{
    const unsigned options = JSON_C_OBJECT_ADD_KEY_IS_NEW | JSON_C_OBJECT_ADD_CONSTANT_KEY;
    if (parent == NULL || value == NULL ||
        json_object_object_add_ex(of(parent), key, value, options) != 0) {
        json_object_put(value);
        return NULL;
    }
    return (struct json *)value;
}

static struct json *push(struct json *array, struct json_object *value)
{
    if (array == NULL || value == NULL || json_object_array_add(of(array), value) != 0) {
        json_object_put(value);
        return NULL;
    }
    return (struct json *)value;
}

static struct json_object *clean(struct text text)
{
    char out[LIMIT_TEXT_BYTES + 1];
    size_t len = text_clean(text, out, sizeof out);
    return json_object_new_string_len(out, (int)len);
}

struct json *json_new(void) { return (struct json *)json_object_new_object(); }
void json_free(struct json *root) { json_object_put(of(root)); }

struct json *json_add_object(struct json *parent, const char *key)
{
    return add(parent, key, json_object_new_object());
}

struct json *json_add_array(struct json *parent, const char *key)
{
    return add(parent, key, json_object_new_array_ext(4));
}

void json_text(struct json *parent, const char *key, struct text text)
{
    if (text.len > 0)
        add(parent, key, clean(text));
}

void json_word(struct json *parent, const char *key, const char *word)
{
    if (word != NULL && *word != '\0')
        add(parent, key, json_object_new_string(word));
}

static struct json_object *clean_name(const char *name)
{
    struct text text = text_of(name);
    size_t size =
        text.len * 3 + 1; /* an octet that is no UTF-8 becomes U+FFFD, which takes three */
    char *out = malloc(size);
    if (out == NULL)
        return NULL;
    size_t len = text_clean(text, out, size);
    struct json_object *string = json_object_new_string_len(out, (int)len);
    free(out);
    return string;
}

void json_name(struct json *parent, const char *key, const char *name)
{
    if (name != NULL && *name != '\0')
        add(parent, key, clean_name(name));
}

void json_push_name(struct json *array, const char *name) { push(array, clean_name(name)); }

void json_number(struct json *parent, const char *key, int64_t number)
{
    add(parent, key, json_object_new_int64(number));
}

void json_count(struct json *parent, const char *key, uint64_t count)
{
    add(parent, key, json_object_new_uint64(count));
}

void json_flag(struct json *parent, const char *key, bool flag)
{
    add(parent, key, json_object_new_boolean(flag));
}

struct json *json_push_object(struct json *array) { return push(array, json_object_new_object()); }
void json_push_text(struct json *array, struct text text) { push(array, clean(text)); }
void json_push_word(struct json *array, const char *word)
{
    push(array, json_object_new_string(word));
}

void json_push_count(struct json *array, uint64_t count)
{
    push(array, json_object_new_uint64(count));
}

struct json *json_member(struct json *parent, const char *key)
{
    return parent == NULL ? NULL : (struct json *)json_object_object_get(of(parent), key);
}

bool json_is_empty(const struct json *array)
{
    const struct json_object *o = (const struct json_object *)array;
    if (o == NULL)
        return true;
    if (json_object_is_type(o, json_type_array))
        return json_object_array_length(o) == 0;
    return json_object_object_length(o) == 0;
}

void json_drop(struct json *parent, const char *key)
{
    if (parent != NULL)
        json_object_object_del(of(parent), key);
}

char *json_print(struct json *root, size_t *len)
{
    if (root == NULL)
        return NULL;
    const char *text = json_object_to_json_string_length(
        of(root), JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE, len);
    if (text == NULL)
        return NULL;
    char *copy = malloc(*len + 1);
    if (copy != NULL)
        memcpy(copy, text, *len + 1);
    return copy;
}
