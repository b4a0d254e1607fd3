/* SPDX-License-Identifier: Apache-2.0
 * logins.h - SASL mechanisms by name; facts.h has the logins themselves.
 */
#ifndef LOGINS_H
#define LOGINS_H

#include "text.h"

/* A literal: the registered spelling, or "UNKNOWN", since such a word may be a secret. */
struct text mechanism_name(struct text name);
/* The password, or a token as good as one, crosses as it is. */
bool mechanism_gives_password(struct text name);

#endif
