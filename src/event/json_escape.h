/* SPDX-License-Identifier: Apache-2.0
 * json_escape.h - text as the inside of a JSON string (RFC 8259 section 7), escaped as json-c does
 * it with JSON_C_TO_STRING_NOSLASHESCAPE. UTF-8 is not looked at: see text_clean().
 */
#ifndef JSON_ESCAPE_H
#define JSON_ESCAPE_H

#include <stddef.h>

/* Returns the end; there is room for six bytes each. */
char *json_escape(char *at, const char *text, size_t len);

#endif
