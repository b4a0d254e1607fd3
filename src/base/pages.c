/* SPDX-License-Identifier: Apache-2.0
 * pages.c - see pages.h.
 */
#include "pages.h"

#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

void pages_forget(void *bytes, size_t len)
{
#ifdef MADV_DONTNEED
    long size = sysconf(_SC_PAGESIZE);
    if (size <= 0)
        return;
    size_t before = (size_t)(-(uintptr_t)bytes % (uintptr_t)size);
    if (len <= before)
        return;
    /* That it may be refused (locked memory) does no harm. */
    (void)madvise((uint8_t *)bytes + before, (len - before) / (size_t)size * (size_t)size,
                  MADV_DONTNEED);
#else
    (void)bytes;
    (void)len;
#endif
}
