/* SPDX-License-Identifier: Apache-2.0
 * json_write.c - JSON text in runs: what is added to one object one after the other lies together
 * in the arena's text, and an object is a list of such runs and of the objects inside it. So a
 * scalar costs its own bytes, and members may still be added anywhere and in any order.
 *
 *   root    [,"@timestamp":"…"] {event} [,"message":"…"] {source} …
 *   event   [,"id":"…","kind":"…"] [category] … [,"outcome":"…"] (added after {ecs} was begun)
 *
 * Every scalar begins with a comma, which the first one of an object loses when it is printed.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "arena.h"
#include "json.h"
#include "json_escape.h"
#include "limits.h"

struct part { /* a run of text, or a container */
    struct part *next;
    struct json *child; /* NULL: a run */
    size_t begin, end;
};

struct json {
    struct part place;     /* in its parent */
    struct part first_run; /* most have one run of scalars; child is itself while it is not used */
    struct json_arena *arena;
    struct json_key key;
    struct json *children, *last_child, *next;
    struct part *parts, *last_part;
    size_t members; /* scalars, and children that were not dropped */
    bool array, dropped;
};

struct json_arena {
    struct arena nodes;
    char *text;
    size_t used, cap;
    size_t extra;      /* bytes that containers add: brackets, keys, commas */
    struct json *open; /* whose last run ends where the text does; NULL: nobody's */
    void *printer;
    bool failed; /* memory ran out: the document is not whole */
    bool single; /* made for one document */
};

enum { FIRST_TEXT = 8192, FIRST_NODES = 12 * 1024 };

struct json_arena *json_arena_new(void)
{
    struct json_arena *arena = calloc(1, sizeof *arena);
    if (arena == NULL)
        return NULL;
    arena_init(&arena->nodes, LIMIT_EVENT_BYTES);
    (void)arena_alloc(&arena->nodes, FIRST_NODES); /* the block that arena_reset() keeps */
    return arena;
}

void json_arena_free(struct json_arena *arena)
{
    if (arena == NULL)
        return;
    json_printer_free(arena->printer);
    arena_free(&arena->nodes);
    free(arena->text);
    free(arena);
}

void **json_arena_printer(struct json *root) { return &root->arena->printer; }

/* --- containers --- */

static struct json *container_new(struct json_arena *arena, struct json_key key, bool array)
{
    struct json *json = arena_alloc(&arena->nodes, sizeof *json);
    if (json == NULL) {
        arena->failed = true;
        return NULL;
    }
    json->place.next = NULL; /* one by one: clearing it all at once is three times slower */
    json->place.child = json;
    json->first_run.child = json;
    json->arena = arena;
    json->key = key;
    json->children = json->last_child = json->next = NULL;
    json->parts = json->last_part = NULL;
    json->members = 0;
    json->array = array;
    json->dropped = false;
    arena->extra += key.len + sizeof ",\"\":{}" - 1;
    return json;
}

static void append(struct json *json, struct part *part)
{
    if (json->last_part == NULL)
        json->parts = part;
    else
        json->last_part->next = part;
    json->last_part = part;
}

/* False: out of memory. */
static bool open_run(struct json *json)
{
    struct json_arena *arena = json->arena;
    bool first = json->first_run.child != NULL;
    struct part *part = first ? &json->first_run : arena_alloc(&arena->nodes, sizeof *part);
    if (part == NULL) {
        arena->failed = true;
        return false;
    }
    *part = (struct part){ .begin = arena->used };
    append(json, part);
    arena->open = json;
    return true;
}

static void close_run(struct json_arena *arena)
{
    if (arena->open != NULL)
        arena->open->last_part->end = arena->used;
    arena->open = NULL;
}

static struct json *add_container(struct json *parent, struct json_key key, bool array)
{
    if (parent == NULL)
        return NULL;
    struct json_arena *arena = parent->arena;
    struct json *json = container_new(arena, key, array);
    if (arena->open == parent)
        close_run(arena);
    if (json == NULL)
        return NULL;
    append(parent, &json->place);
    if (parent->last_child == NULL)
        parent->children = json;
    else
        parent->last_child->next = json;
    parent->last_child = json;
    parent->members++;
    return json;
}

struct json *json_new(struct json_arena *arena)
{
    bool single = arena == NULL;
    if (single)
        arena = json_arena_new();
    if (arena == NULL)
        return NULL;
    arena->single = single;
    arena->used = 0;
    arena->extra = 0;
    arena->open = NULL;
    arena->failed = false;
    arena_reset(&arena->nodes);
    struct json *root = container_new(arena, (struct json_key){ 0 }, false);
    if (root == NULL && single)
        json_arena_free(arena);
    return root;
}

void json_free(struct json *root)
{
    if (root != NULL && root->arena->single)
        json_arena_free(root->arena);
}

struct json *json_add_object_at(struct json *parent, struct json_key key)
{
    return add_container(parent, key, false);
}

struct json *json_add_array_at(struct json *parent, struct json_key key)
{
    return add_container(parent, key, true);
}

struct json *json_push_object(struct json *array)
{
    return add_container(array, (struct json_key){ 0 }, false);
}

struct json *json_member(struct json *parent, const char *key)
{
    for (struct json *at = parent == NULL ? NULL : parent->children; at != NULL; at = at->next)
        if (!at->dropped && at->key.at != NULL && strcmp(at->key.at, key) == 0)
            return at;
    return NULL;
}

bool json_is_empty(const struct json *json) { return json == NULL || json->members == 0; }

void json_drop(struct json *parent, const char *key)
{
    struct json *member = json_member(parent, key);
    if (member == NULL)
        return;
    member->dropped = true;
    parent->members--;
}

/* --- scalars --- */

static bool grow(struct json_arena *arena, size_t more)
{
    size_t cap = arena->cap == 0 ? FIRST_TEXT : arena->cap;
    while (cap - arena->used < more)
        cap *= 2;
    char *text = cap > LIMIT_EVENT_BYTES ? NULL : realloc(arena->text, cap);
    if (text == NULL) {
        arena->failed = true;
        return false;
    }
    arena->text = text;
    arena->cap = cap;
    return true;
}

static inline bool make_room(struct json_arena *arena, size_t more)
{
    return arena->cap - arena->used >= more || grow(arena, more);
}

/* A few bytes, where the call of memcpy() costs more than they do. */
static inline char *put_short(char *at, const char *from, size_t len)
{
    uint64_t word;
    uint32_t half;
    if (len > 64) {
        memcpy(at, from, len);
    } else if (len >= sizeof word) {
        for (size_t i = 0; i + sizeof word < len; i += sizeof word) {
            memcpy(&word, from + i, sizeof word);
            memcpy(at + i, &word, sizeof word);
        }
        memcpy(&word, from + len - sizeof word, sizeof word); /* some of them a second time */
        memcpy(at + len - sizeof word, &word, sizeof word);
    } else if (len >= sizeof half) {
        memcpy(&half, from, sizeof half);
        memcpy(at, &half, sizeof half);
        memcpy(&half, from + len - sizeof half, sizeof half);
        memcpy(at + len - sizeof half, &half, sizeof half);
    } else {
        for (size_t i = 0; i < len; i++)
            at[i] = from[i];
    }
    return at + len;
}

static inline char *put_key(char *at, struct json_key key)
{
    *at++ = '"';
    at = put_short(at, key.at, key.len);
    *at++ = '"';
    *at++ = ':';
    return at;
}

/* The comma and the key; where the value goes, with room for `most` bytes of it, or NULL. */
static inline char *begin(struct json *json, struct json_key key, size_t most)
{
    if (json == NULL || !make_room(json->arena, key.len + most + 4))
        return NULL;
    struct json_arena *arena = json->arena;
    if (arena->open != json) {
        close_run(arena);
        if (!open_run(json))
            return NULL;
    }
    json->members++;
    char *at = arena->text + arena->used;
    *at++ = ',';
    if (key.at == NULL)
        return at;
    return put_key(at, key);
}

static void end(struct json *json, const char *at)
{
    json->arena->used = (size_t)(at - json->arena->text);
}

static inline void add_string(struct json *json, struct json_key key, const char *text, size_t len)
{
    char *at = begin(json, key, 6 * len + 2);
    if (at == NULL)
        return;
    *at++ = '"';
    at = json_escape(at, text, len);
    *at++ = '"';
    end(json, at);
}

static void add_clean(struct json *json, struct json_key key, struct text text)
{
    char out[LIMIT_TEXT_BYTES + 1];
    if (json == NULL)
        return;
    if (text_is_clean(text) && text.len <= LIMIT_TEXT_BYTES)
        add_string(json, key, text.at, text.len);
    else
        add_string(json, key, out, text_clean(text, out, sizeof out));
}

static void add_name(struct json *json, struct json_key key, const char *name)
{
    struct text text = text_of(name);
    if (text_is_clean(text)) {
        add_string(json, key, text.at, text.len);
        return;
    }
    size_t size =
        text.len * 3 + 1; /* an octet that is no UTF-8 becomes U+FFFD, which takes three */
    char *out = json == NULL ? NULL : malloc(size);
    if (out == NULL)
        return;
    add_string(json, key, out, text_clean(text, out, size));
    free(out);
}

static void add_digits(struct json *json, struct json_key key, uint64_t number, bool negative)
{
    char digits[20], *at = begin(json, key, sizeof digits + 1);
    size_t first = sizeof digits;
    if (at == NULL)
        return;
    do
        digits[--first] = (char)('0' + number % 10);
    while ((number /= 10) > 0);
    if (negative)
        *at++ = '-';
    memcpy(at, digits + first, sizeof digits - first);
    end(json, at + sizeof digits - first);
}

static const struct json_key none;

void json_text_at(struct json *parent, struct json_key key, struct text text)
{
    if (text.len > 0)
        add_clean(parent, key, text);
}

void json_word_at(struct json *parent, struct json_key key, const char *word, size_t len)
{
    if (len > 0)
        add_string(parent, key, word, len);
}

void json_name(struct json *parent, const char *key, const char *name)
{
    if (name != NULL && *name != '\0')
        add_name(parent, JSON_KEY(key), name);
}

void json_number_at(struct json *parent, struct json_key key, int64_t number)
{
    add_digits(parent, key, number < 0 ? 0 - (uint64_t)number : (uint64_t)number, number < 0);
}

void json_count_at(struct json *parent, struct json_key key, uint64_t count)
{
    add_digits(parent, key, count, false);
}

void json_flag_at(struct json *parent, struct json_key key, bool flag)
{
    char *at = begin(parent, key, sizeof "false");
    if (at == NULL)
        return;
    memcpy(at, flag ? "true" : "false", 5);
    end(parent, at + (flag ? 4 : 5));
}

void json_push_text(struct json *array, struct text text) { add_clean(array, none, text); }
void json_push_name(struct json *array, const char *name) { add_name(array, none, name); }
void json_push_count(struct json *array, uint64_t count) { add_digits(array, none, count, false); }

void json_push_word_at(struct json *array, const char *word, size_t len)
{
    add_string(array, none, word, len);
}

void json_push_plain(struct json *array, const char *word, size_t len)
{
    char *at = begin(array, none, len + 2);
    if (at == NULL)
        return;
    *at++ = '"';
    at = put_short(at, word, len);
    *at++ = '"';
    end(array, at);
}

/* They come by the hundred, so all in one go. */
void json_push_hex16s(struct json *array, const uint16_t *numbers, size_t count)
{
    static const char digits[] = "0123456789abcdef";
    enum { EACH = sizeof ",\"0x1301\"" - 1 };
    char *at = count == 0 ? NULL : begin(array, none, count * EACH);
    if (at == NULL)
        return;
    at--; /* the first comma */
    for (size_t i = 0; i < count; i++, at += EACH) {
        memcpy(at, ",\"0x", 4);
        at[4] = digits[numbers[i] >> 12];
        at[5] = digits[numbers[i] >> 8 & 15];
        at[6] = digits[numbers[i] >> 4 & 15];
        at[7] = digits[numbers[i] & 15];
        at[8] = '"';
    }
    array->members += count - 1;
    end(array, at);
}

/* --- out --- */

/* Room is there: the text, and what add_container() counted. */
static char *put_container(char *at, const struct json *json)
{
    bool first = true;
    *at++ = json->array ? '[' : '{';
    for (const struct part *part = json->parts; part != NULL; part = part->next) {
        const struct json *child = part->child;
        if (child == NULL) {
            size_t begin_at = part->begin + (first ? 1 : 0), len = part->end - begin_at;
            memcpy(at, json->arena->text + begin_at, len);
            at += len;
        } else if (!child->dropped) {
            if (!first)
                *at++ = ',';
            if (child->key.at != NULL)
                at = put_key(at, child->key);
            at = put_container(at, child);
        } else {
            continue;
        }
        first = false;
    }
    *at++ = json->array ? ']' : '}';
    return at;
}

const char *json_write(struct json *root, size_t *len)
{
    struct json_arena *arena = root->arena;
    close_run(arena);
    if (arena->failed || !make_room(arena, arena->used + arena->extra))
        return NULL;
    char *out = arena->text + arena->used; /* behind the runs, which stay as they are */
    *len = (size_t)(put_container(out, root) - out);
    return out;
}
