/* SPDX-License-Identifier: Apache-2.0
 * texts.h - the words for people: each rule's name, explanation, fixes and references, out of data
 * files (the format is described in src/data/findings/README.md).
 */
#ifndef TEXTS_H
#define TEXTS_H

#include <stdio.h>

#include "lists.h"
#include "plugin.h"

struct texts; /* immutable once everything was added */
struct texts_rule;

/* Every list named "findings/….txt"; no lists (NULL): empty. NULL with a message logged (file,
 * line). */
struct texts *texts_new(const struct lists *lists);
void texts_free(struct texts *texts);
/* Of a plugin. False with a message logged. Rules that are there already are replaced. */
bool texts_add(struct texts *texts, const char *source, const char *text);

const struct texts_rule *texts_find(const struct texts *texts, const char *rule); /* or NULL */
const struct texts_rule *texts_at(const struct texts *texts, size_t index); /* in order of id */
/* A field as it stands in the file ("name", "verdict", "tlsrpt", "attack", "when" …); "" if there
 * is none; lives as long as the texts. */
const char *texts_field(const struct texts_rule *rule, const char *field);
/* The same of a finding that has a variant: "attack.hidden" where there is such a field, else
 * "attack". */
const char *texts_variant(const struct texts_rule *rule, const char *field, const char *variant);
const char *texts_id(const struct texts_rule *rule);
/* All fields in the order of the file, for walking: the name ("explain", "fix@postfix"); NULL
 * behind the last. */
const char *texts_field_at(const struct texts_rule *rule, size_t index, const char **value);
/* The references, one each: NULL behind the last. */
const char *texts_reference(const struct texts_rule *rule, size_t index);

/* What fills {name}. */
struct texts_values {
    const struct starttap_value *values; /* the finding's own, asked first */
    size_t count;
    const struct starttap_session *session; /* {client} {server} {server_name} … */
};
/* malloc'd; NULL when memory runs out; "" where there is no such text. */
char *texts_explain(const struct texts_rule *rule, const char *variant,
                    const struct texts_values *values);
/* The general fix, then what the server's software, the variant or {product} adds. */
char *texts_fix(const struct texts_rule *rule, const char *variant,
                const struct texts_values *values);
/* A field without values, for reading: {server_name} becomes "<server name>", in Markdown "*server
 * name*", and there what Markdown would take for its own is escaped. malloc'd, or NULL. */
enum texts_style { TEXTS_TERMINAL, TEXTS_MARKDOWN };
char *texts_plain(const char *text, enum texts_style style);

#endif
