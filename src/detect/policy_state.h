/* SPDX-License-Identifier: Apache-2.0
 * policy_state.h - a policy as read, and what it is read with. Private to policy*.c.
 */
#ifndef POLICY_STATE_H
#define POLICY_STATE_H

#include "network.h"
#include "policy.h"

struct host { /* a network, or the name of a server */
    struct network network;
    char *name; /* NULL: the network */
};

struct hosts {
    struct host *at;
    size_t count;
};

struct named { /* a row of policy.names */
    struct network address;
    char **names;
    size_t count;
};

/* A row of policy.inspection or policy.mute; an empty list covers everything. */
struct entry {
    char *rule; /* mute: the id, without the asterisk */
    bool prefix;
    char *spki; /* inspection: 64 lower-case hex digits */
    char *label, *owner;
    struct hosts servers, clients;
    uint16_t *ports;
    size_t port_count;
    int64_t until_ns; /* the first instant at which it no longer holds */
};

struct entries {
    struct entry *at;
    size_t count;
};

struct policy {
    struct hosts trusted, require_tls;
    struct named *names;
    size_t name_count;
    struct entries inspection, mute;
    uint16_t *ports;
    size_t port_count;
    const char *vantage;
};

/* --- reading --- */

struct reading {
    const char *key;
    const struct policy_text *text; /* being read */
    FILE *err;
    bool good;
};

/* Tells the mistake with its place; false, for whoever returns it. */
bool policy_complain(struct reading *reading, struct text found, const char *wanted);
bool policy_out_of_memory(struct reading *reading);

char *policy_copy(struct text text); /* malloc'd; NULL: out of memory */
/* Room for one more. */
void *policy_grown(void *at, size_t count, size_t size);

/* "NET,NET"; with `names` host names too. */
bool policy_hosts_read(struct reading *reading, struct text value, bool names, struct hosts *hosts);
bool policy_inspection_read(struct reading *reading, struct text rest, struct entry *entry);
bool policy_mute_read(struct reading *reading, struct text rest, struct entry *entry);

#endif
