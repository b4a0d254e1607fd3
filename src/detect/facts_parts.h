/* SPDX-License-Identifier: Apache-2.0
 * facts_parts.h - private to this stage: what the files that make facts offer one another. All of
 * it lives in the arena of the facts.
 */
#ifndef FACTS_PARTS_H
#define FACTS_PARTS_H

#include "facts.h"

void *facts_alloc(struct arena *arena, size_t len);            /* zeroed; NULL at the maximum */
const char *facts_text(struct arena *arena, struct text text); /* cleaned, terminated, never NULL */
const char *facts_hex(struct arena *arena, const uint8_t *bytes, size_t len);
struct starttap_mark facts_mark(struct mark mark);

const struct starttap_tls *facts_tls(struct arena *arena, const struct tls_facts *tls);
const struct starttap_chain *facts_chain(struct arena *arena, const struct session_record *record);
const struct starttap_chain *facts_client_chain(struct arena *arena,
                                                const struct session_record *record);

#endif
