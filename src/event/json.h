/* SPDX-License-Identifier: Apache-2.0
 * json.h - a JSON document in the making, written down as it is told.
 *
 * A struct json is an object or an array under construction; scalars are not kept as nodes but go
 * into the document's text at once, cleaned and escaped (json_write.c). json-c is what a document
 * becomes at the border: json_print() prints it as a json-c object with a serialiser of ours, and
 * json_document_*() below is a parsed one. json.c is the only file that knows json-c.
 *
 * The memory of a document is an arena, reused for the next one: an arena serves one document at a
 * time and one thread. Keys are string literals of plain ASCII (they are not copied). Texts from
 * the wire are cleaned to valid UTF-8 and cut at LIMIT_TEXT_BYTES. Memory that runs out yields
 * NULL, which every function accepts and ignores; json_print() then returns NULL.
 */
#ifndef JSON_H
#define JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "text.h"

struct json;
struct json_arena;

struct json_arena *json_arena_new(void);
void json_arena_free(struct json_arena *arena); /* accepts NULL */

/* The root, an object. NULL for the arena: one of its own, for documents that are rare. */
struct json *json_new(struct json_arena *arena);
void json_free(struct json *root); /* gives the arena back to the next document */

/* A key with its length, which the compiler counts. */
struct json_key {
    const char *at;
    size_t len;
};
#define JSON_KEY(literal) ((struct json_key){ (literal), strlen(literal) })

struct json *json_add_object_at(struct json *parent, struct json_key key);
struct json *json_add_array_at(struct json *parent, struct json_key key);
void json_text_at(struct json *parent, struct json_key key, struct text text);
void json_word_at(struct json *parent, struct json_key key, const char *word, size_t len);
void json_number_at(struct json *parent, struct json_key key, int64_t number);
void json_count_at(struct json *parent, struct json_key key, uint64_t count);
void json_flag_at(struct json *parent, struct json_key key, bool flag);

/* Added and returned; owned by the parent. */
static inline struct json *json_add_object(struct json *parent, const char *key)
{
    return json_add_object_at(parent, JSON_KEY(key));
}
static inline struct json *json_add_array(struct json *parent, const char *key)
{
    return json_add_array_at(parent, JSON_KEY(key));
}
/* Left out when empty. */
static inline void json_text(struct json *parent, const char *key, struct text text)
{
    json_text_at(parent, JSON_KEY(key), text);
}
/* Our own words, which are not cleaned; left out when NULL or "". */
static inline void json_word(struct json *parent, const char *key, const char *word)
{
    if (word != NULL)
        json_word_at(parent, JSON_KEY(key), word, strlen(word));
}
/* What the user named (a file, a sensor): cleaned like a text from the wire, but not cut. */
void json_name(struct json *parent, const char *key, const char *name);
static inline void json_number(struct json *parent, const char *key, int64_t number)
{
    json_number_at(parent, JSON_KEY(key), number);
}
static inline void json_count(struct json *parent, const char *key, uint64_t count)
{
    json_count_at(parent, JSON_KEY(key), count);
}
static inline void json_flag(struct json *parent, const char *key, bool flag)
{
    json_flag_at(parent, JSON_KEY(key), flag);
}

struct json *json_push_object(struct json *array);
void json_push_text(struct json *array, struct text text);
void json_push_word_at(struct json *array, const char *word, size_t len);
static inline void json_push_word(struct json *array, const char *word)
{
    json_push_word_at(array, word, strlen(word));
}
void json_push_name(struct json *array, const char *name);
void json_push_count(struct json *array, uint64_t count);
/* Of our own tables: ASCII in which nothing needs an escape. */
void json_push_plain(struct json *array, const char *word, size_t len);
void json_push_hex16s(struct json *array, const uint16_t *numbers, size_t count); /* "0x1301" … */

/* An object or array of that name; NULL if there is none. */
struct json *json_member(struct json *parent, const char *key);
bool json_is_empty(const struct json *container);
void json_drop(struct json *parent, const char *key); /* takes an object or array out again */

/* One line without a newline; malloc'd, terminated. */
char *json_print(struct json *root, size_t *len);

/* --- a document read back --- */

struct json_document;
struct json_document *json_document_read(const char *line, size_t len); /* NULL: it is none */
void json_document_free(struct json_document *document);                /* accepts NULL */
/* Of the list or text at the path "mailtls.tls.client.ciphers" (a "*" stands for every element of a
 * list) the first `keep` elements or bytes stay; none: it goes altogether. Whether it was longer.
 */
bool json_document_cut(struct json_document *document, const char *path, size_t keep);
/* Adds a path to the list of that name in the object `mailtls`; those below it are taken out. */
void json_document_note(struct json_document *document, const char *list, const char *path);
size_t json_document_len(struct json_document *document); /* when printed */
/* As json_print(). */
char *json_document_print(struct json_document *document, size_t *len);

/* --- for json.c --- */

/* The printed document, not terminated; valid until something is added. NULL: memory ran out. */
const char *json_write(struct json *root, size_t *len);
/* A place for the printer of this arena, freed with it. */
void **json_arena_printer(struct json *root);
void json_printer_free(void *printer); /* json.c; accepts NULL */

#endif
