/* SPDX-License-Identifier: Apache-2.0
 * pages.h - memory that is kept but not needed now. Linux; elsewhere it stays where it is.
 */
#ifndef PAGES_H
#define PAGES_H

#include <stddef.h>

/* The system may have back the pages that lie wholly in these bytes, out of malloc(). The bytes can
 * be used as before, but what was in them is lost. */
void pages_forget(void *bytes, size_t len);

#endif
