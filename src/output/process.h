/* SPDX-License-Identifier: Apache-2.0
 * process.h - what a process of the outputs keeps of what the program had: descriptors, rights, a
 * name. All of it is called in the forked process itself.
 */
#ifndef PROCESS_H
#define PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "limits.h"

struct process_user {
    uid_t uid;
    gid_t gid;
    gid_t groups[LIMIT_USER_GROUPS];
    size_t group_count;
};

/* By name, with its groups. False: `why` says what is wrong. Asks the system's user database. */
__attribute__((warn_unused_result)) bool
process_user_find(struct process_user *user, const char *name, char *why, size_t why_size);

/* Descriptors other than 0, 1, 2 and these, which are put in order, are closed. */
void process_close_all_but(int *keep, size_t count);
void process_to_null(int fd);
/* Killed with its parent; ends at once when that has gone already. Another user undoes it. */
void process_end_with(pid_t parent);
void process_name(const char *name); /* as tools show it, behind "tap:" */

enum process_rights {
    PROCESS_KEEPER, /* ends its senders, lets them change the user */
    PROCESS_SENDER, /* opens files as the program may */
};
/* No program that is started gets more than this one has, and capabilities other than these are
 * given up for good. A core file, which would hold passwords, is not written. */
void process_limit(enum process_rights rights, bool changes_user);
/* For all threads, for good; it still ends with its parent. False with the reason logged. */
__attribute__((warn_unused_result)) bool process_become(const struct process_user *user);

#endif
