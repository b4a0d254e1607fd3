/* SPDX-License-Identifier: Apache-2.0
 * advice.h - why an interface cannot be watched, with what to do about it.
 */
#ifndef ADVICE_H
#define ADVICE_H

#include "libpcap.h"

/* Puts it into `why`, which holds libpcap's own words and keeps them if there is nothing better. */
void advice_of(enum libpcap_refusal refusal, const char *interface, char *why, size_t why_size);

#endif
