/* SPDX-License-Identifier: Apache-2.0
 * config_yaml.c - the only file that knows libyaml; its document API keeps line and column of every
 * node.
 */
#include "config_yaml.h"

#include <stdlib.h>
#include <string.h>

#include <yaml.h>

#include "text.h"

/* Deeper than any key; it also ends an alias that contains itself. */
#define DEPTH_MAX 8u

struct walk {
    const char *source;
    const struct config_yaml_visitor *visitor;
    yaml_document_t *document;
    FILE *err;
    bool good;
};

static struct config_place place_of(const char *source, yaml_mark_t mark)
{
    return (
        struct config_place){ .source = source, .line = mark.line + 1, .column = mark.column + 1 };
}

static void complain(struct walk *walk, const yaml_node_t *node, const char *problem,
                     const char *name)
{
    char clean[LIMIT_CONFIG_NAME];
    text_clean(text_of(name), clean, sizeof clean);
    fprintf(walk->err, "starttap: %s:%zu:%zu: %s%s\n", walk->source, node->start_mark.line + 1,
            node->start_mark.column + 1, problem, clean);
    walk->good = false;
}

static const char *scalar(const yaml_node_t *node) { return (const char *)node->data.scalar.value; }

/* Behind the scalar's first zero byte, which YAML can escape into a text, nothing would be seen. */
static bool scalar_whole(const yaml_node_t *node)
{
    return strlen(scalar(node)) == node->data.scalar.length;
}

static bool scalar_nothing(const yaml_node_t *node)
{
    const char *text = scalar(node);
    return node->data.scalar.style == YAML_PLAIN_SCALAR_STYLE &&
           (*text == '\0' || strcmp(text, "~") == 0 || strcmp(text, "null") == 0);
}

/* Makes the value of a leaf; false when it was complained about. */
static bool value_of(struct walk *walk, const yaml_node_t *node, struct config_value *value,
                     struct config_item items[LIMIT_CONFIG_LIST])
{
    *value =
        (struct config_value){ .place = place_of(walk->source, node->start_mark), .items = items };
    if (node->type == YAML_MAPPING_NODE) {
        value->shape = CONFIG_SHAPE_MAPPING;
        return true;
    }
    if (node->type == YAML_SCALAR_NODE) {
        if (!scalar_whole(node))
            return complain(walk, node, "a zero byte inside a value", ""), false;
        value->shape = scalar_nothing(node) ? CONFIG_SHAPE_NOTHING : CONFIG_SHAPE_SCALAR;
        items[value->count++] = (struct config_item){ scalar(node), value->place };
        return true;
    }
    value->shape = CONFIG_SHAPE_LIST;
    for (yaml_node_item_t *at = node->data.sequence.items.start; at < node->data.sequence.items.top;
         at++) {
        const yaml_node_t *item = yaml_document_get_node(walk->document, *at);
        if (item->type != YAML_SCALAR_NODE || !scalar_whole(item))
            return complain(walk, item, "an item of a list is to be a single value", ""), false;
        if (value->count == LIMIT_CONFIG_LIST)
            return complain(walk, item, "too long a list", ""), false;
        items[value->count++] =
            (struct config_item){ scalar(item), place_of(walk->source, item->start_mark) };
    }
    return true;
}

static bool name_repeated(struct walk *walk, const yaml_node_t *mapping,
                          const yaml_node_pair_t *pair)
{
    const yaml_node_t *key = yaml_document_get_node(walk->document, pair->key);
    for (yaml_node_pair_t *at = mapping->data.mapping.pairs.start; at < pair; at++) {
        const yaml_node_t *earlier = yaml_document_get_node(walk->document, at->key);
        if (earlier->type != YAML_SCALAR_NODE || strcmp(scalar(earlier), scalar(key)) != 0)
            continue;
        char where[64];
        snprintf(where, sizeof where,
                 "this key is already on line %zu: ", earlier->start_mark.line + 1);
        complain(walk, key, where, scalar(key));
        return true;
    }
    return false;
}

// NOLINTNEXTLINE(misc-no-recursion): bounded by DEPTH_MAX.
static void walk_mapping(struct walk *walk, const yaml_node_t *mapping, const char *prefix,
                         unsigned depth)
{
    if (depth == DEPTH_MAX) {
        complain(walk, mapping, "nested too deeply", "");
        return;
    }
    for (yaml_node_pair_t *pair = mapping->data.mapping.pairs.start;
         pair < mapping->data.mapping.pairs.top; pair++) {
        const yaml_node_t *key = yaml_document_get_node(walk->document, pair->key);
        const yaml_node_t *node = yaml_document_get_node(walk->document, pair->value);
        char name[LIMIT_CONFIG_NAME];
        struct config_item items[LIMIT_CONFIG_LIST];
        struct config_value value;

        if (key->type != YAML_SCALAR_NODE || !scalar_whole(key)) {
            complain(walk, key, "a key is to be a name", "");
            continue;
        }
        if (name_repeated(walk, mapping, pair))
            continue;
        int len =
            snprintf(name, sizeof name, "%s%s%s", prefix, *prefix == '\0' ? "" : ".", scalar(key));
        if (len < 0 || (size_t)len >= sizeof name) {
            complain(walk, key, "too long a key: ", scalar(key));
            continue;
        }
        if (!value_of(walk, node, &value, items))
            continue;
        bool inside = walk->visitor->visit(walk->visitor->context, name,
                                           place_of(walk->source, key->start_mark), &value);
        if (node->type == YAML_MAPPING_NODE && inside)
            walk_mapping(walk, node, name, depth + 1);
    }
}

/* The reader's errors (bytes that are no UTF-8) come with an offset; the others with a mark. */
static struct config_place problem_place(const yaml_parser_t *parser, const char *source,
                                         const unsigned char *bytes, size_t len)
{
    if (parser->error != YAML_READER_ERROR)
        return place_of(source, parser->problem_mark);

    struct config_place place = { .source = source, .line = 1, .column = 1 };
    for (size_t i = 0; i < len && i < parser->problem_offset; i++) {
        place.column++;
        if (bytes[i] == '\n') {
            place.line++;
            place.column = 1;
        }
    }
    return place;
}

static void complain_syntax(const yaml_parser_t *parser, const char *source,
                            const unsigned char *bytes, size_t len, FILE *err)
{
    struct config_place place = problem_place(parser, source, bytes, len);
    const char *problem = parser->problem != NULL ? parser->problem : "out of memory";
    fprintf(err, "starttap: %s:%zu:%zu: this is not YAML: %s", source, place.line, place.column,
            problem);
    if (parser->context != NULL && parser->context_mark.line + 1 < place.line)
        fprintf(err, " (%s, from line %zu on)", parser->context, parser->context_mark.line + 1);
    fprintf(err, "\n");
}

/* There may be only one document; a second one would be passed over in silence. */
static bool is_last(struct walk *walk, yaml_parser_t *parser, const unsigned char *bytes,
                    size_t len)
{
    yaml_document_t next;
    if (!yaml_parser_load(parser, &next)) {
        complain_syntax(parser, walk->source, bytes, len, walk->err);
        return false;
    }
    const yaml_node_t *root = yaml_document_get_root_node(&next);
    if (root != NULL)
        complain(walk, root, "a second document (after a line ---) is not read", "");
    yaml_document_delete(&next);
    return root == NULL;
}

static bool read_bytes(struct walk *walk, const unsigned char *bytes, size_t len)
{
    yaml_parser_t parser;
    yaml_document_t document;

    if (!yaml_parser_initialize(&parser)) {
        fprintf(walk->err, "starttap: %s: out of memory\n", walk->source);
        return false;
    }
    yaml_parser_set_input_string(&parser, bytes, len);
    if (!yaml_parser_load(&parser, &document)) {
        complain_syntax(&parser, walk->source, bytes, len, walk->err);
        yaml_parser_delete(&parser);
        return false;
    }

    const yaml_node_t *root = yaml_document_get_root_node(&document);
    walk->document = &document;
    if (root == NULL || (root->type == YAML_SCALAR_NODE && scalar_nothing(root)))
        walk->good = true; /* an empty file, or comments only */
    else if (document.nodes.top - document.nodes.start > (ptrdiff_t)LIMIT_CONFIG_NODES)
        complain(walk, root, "too many values for a configuration", "");
    else if (root->type != YAML_MAPPING_NODE)
        complain(walk, root, "lines of \"key: value\" are wanted", "");
    else
        walk_mapping(walk, root, "", 0);
    if (root != NULL && !is_last(walk, &parser, bytes, len))
        walk->good = false;

    walk->document = NULL;
    yaml_document_delete(&document);
    yaml_parser_delete(&parser);
    return walk->good;
}

bool config_yaml_read(FILE *file, const char *source, const struct config_yaml_visitor *visitor,
                      FILE *err)
{
    struct walk walk = { .source = source, .visitor = visitor, .err = err, .good = true };
    size_t cap = LIMIT_CONFIG_BYTES + 1;
    unsigned char *bytes = malloc(cap);
    bool good = false;

    if (bytes == NULL) {
        fprintf(err, "starttap: %s: out of memory\n", source);
        return false;
    }
    size_t len = fread(bytes, 1, cap, file);
    if (ferror(file))
        fprintf(err, "starttap: %s: cannot be read\n", source);
    else if (len == cap)
        fprintf(err, "starttap: %s: larger than %u bytes, so it is no configuration\n", source,
                LIMIT_CONFIG_BYTES);
    else
        good = read_bytes(&walk, bytes, len);
    free(bytes);
    return good;
}
