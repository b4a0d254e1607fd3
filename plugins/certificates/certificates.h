/* SPDX-License-Identifier: Apache-2.0
 * certificates.h - what the files of this detector share. A rule is given a draft with its id and
 * full confidence; it reports as often as it holds.
 */
#ifndef CERTIFICATES_H
#define CERTIFICATES_H

#include "plugin.h"

struct scene {
    const struct starttap_core *core;
    const struct starttap_session *session;
    const struct starttap_chain *chain;
    const struct starttap_certificate *leaf;
    int64_t at_s; /* the time of the packet with the certificates */
};

typedef void certificates_rule(const struct scene *at, struct starttap_draft *draft);

/* dates.c */
certificates_rule certificates_expired, certificates_not_yet_valid, certificates_too_long;
/* chain.c */
certificates_rule certificates_incomplete, certificates_order, certificates_extra,
    certificates_must_staple, certificates_not_for_servers;
/* names.c */
certificates_rule certificates_name_mismatch, certificates_name_cn_only;
/* keys.c */
certificates_rule certificates_weak_key, certificates_weak_sig, certificates_malformed;

/* What all of them tell of one certificate of the chain. */
void certificates_tell(const struct scene *at, struct starttap_draft *draft, size_t number);
/* The same, with the number that OpenSSL has for this fault: verification may have stopped at
 * another one before. */
void certificates_tell_as(const struct scene *at, struct starttap_draft *draft, size_t number,
                          int code, const char *verify);
/* "server certificate", "certificate 2 of the chain" */
void certificates_tell_which(struct starttap_draft *draft, size_t number);

/* One that the path from the leaf goes through, and that is no root: of a root only its key counts,
 * and that is in the client's own list. */
static inline bool certificates_counts(const struct starttap_certificate *c)
{
    const unsigned aside =
        STARTTAP_CERT_UNUSED | STARTTAP_CERT_REPEATED | STARTTAP_CERT_SELF_ISSUED;
    return c->parsed && (c->flags & aside) == 0;
}

static inline bool certificates_has(const struct starttap_certificate *c,
                                    enum starttap_certificate_flag flag)
{
    return (c->flags & (unsigned)flag) != 0;
}

/* Severity of what users see, one step less between relays, where nobody looks. */
static inline enum starttap_severity certificates_severity(const struct scene *at,
                                                           enum starttap_severity severity)
{
    return starttap_severity_for(at->session, severity, -1);
}

#endif
