/* SPDX-License-Identifier: Apache-2.0
 * text_format.h - records for people: a line of a table each, and for what is not simply protected
 * a short paragraph below it.
 */
#ifndef TEXT_FORMAT_H
#define TEXT_FORMAT_H

#include "event.h"

/* The table's heading; a line with its newline. */
const char *text_heading(void);
/* malloc'd, terminated, with newlines; NULL when memory runs out. */
char *text_of_session(const struct session_record *record, size_t *len);
/* A paragraph below its session's line; or with the endpoints, where that comes later: of
 * interfaces. */
char *text_of_finding(const struct finding *finding, bool live, size_t *len);
char *text_of_stats(const struct event_stats *stats, size_t *len);

#endif
