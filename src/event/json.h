/* SPDX-License-Identifier: Apache-2.0
 * json.h - a JSON tree behind our own type. json.c is the only file that knows json-c.
 *
 * Keys are string literals (they are not copied). Texts from the wire are cleaned to valid UTF-8
 * and cut at LIMIT_TEXT_BYTES. Memory that runs out yields NULL nodes, which every function accepts
 * and ignores; json_print() then returns NULL.
 */
#ifndef JSON_H
#define JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "text.h"

struct json;

struct json *json_new(void);
void json_free(struct json *root);

struct json *json_add_object(struct json *parent,
                             const char *key); /* added and returned; owned by the parent */
struct json *json_add_array(struct json *parent, const char *key);
void json_text(struct json *parent, const char *key, struct text text); /* left out when empty */
void json_word(struct json *parent, const char *key,
               const char *word); /* our own words; left out when NULL or "" */
/* What the user named (a file, a sensor): cleaned like a text from the wire, but not cut. */
void json_name(struct json *parent, const char *key, const char *name);
void json_number(struct json *parent, const char *key, int64_t number);
void json_count(struct json *parent, const char *key, uint64_t count);
void json_flag(struct json *parent, const char *key, bool flag);

struct json *json_push_object(struct json *array);
void json_push_text(struct json *array, struct text text);
void json_push_word(struct json *array, const char *word);
void json_push_name(struct json *array, const char *name);
void json_push_count(struct json *array, uint64_t count);
struct json *json_member(struct json *parent, const char *key); /* NULL if there is none */
bool json_is_empty(const struct json *array);
void json_drop(struct json *parent, const char *key); /* takes a member out again */

/* One line without a newline; malloc'd, terminated. */
char *json_print(struct json *root, size_t *len);

#endif
