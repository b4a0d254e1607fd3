/* SPDX-License-Identifier: Apache-2.0
 * formats.h - the forms of an event beside ECS: EVE (Suricata), CEF, LEEF and OCSF. What goes where
 * and what is lost: dashboards/FORMATS.md.
 *
 * Each function returns a body as struct event has it, malloc'd and terminated, or NULL when the
 * format has nothing for such an event or memory runs out. `event` gives what all forms share: its
 * key and its community id.
 */
#ifndef FORMATS_H
#define FORMATS_H

#include "event.h"

char *eve_session(const struct event_options *options, const struct session_record *record,
                  const struct event *event, size_t *len); /* `tls` and `flow`, a line each */
char *eve_finding(const struct event_options *options, const struct finding *finding,
                  const struct event *event, size_t *len); /* `alert` */
char *eve_stats(const struct event_options *options, const struct event_stats *stats,
                const struct event *event, size_t *len);

char *cef_finding(const struct event_options *options, const struct finding *finding,
                  const struct event *event, size_t *len);
char *leef_finding(const struct event_options *options, const struct finding *finding,
                   const struct event *event, size_t *len);
char *ocsf_finding(const struct event_options *options, const struct finding *finding,
                   const struct event *event, size_t *len);

/* What these formats say of a finding, put into words once. */
struct finding_words {
    const char *rule, *name;
    char *explanation, *fix; /* never NULL */
    char tls[64];            /* "TLS 1.2 TLS_RSA_WITH_NULL_SHA"; "" if none was negotiated */
    const char *attribution; /* "unknown" … */
    const char *server_name; /* that the client asked for; "" */
    char evidence[256];      /* the first of it: "reply, server, frame 12: 250-XXXXXXXA" */
    const char *attack;      /* ATT&CK techniques, "T1557; T1562.010"; "" */
    uint64_t frame;          /* of the first evidence; 0 */
};
/* False: out of memory, and there is nothing to free. */
__attribute__((warn_unused_result)) bool finding_words_init(struct finding_words *words,
                                                            const struct finding *finding);
void finding_words_free(struct finding_words *words);

const char *event_attribution_name(enum starttap_attribution attribution);

#endif
