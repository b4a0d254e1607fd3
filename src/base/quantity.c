/* SPDX-License-Identifier: Apache-2.0
 * quantity.c - digits and a unit.
 */
#include "quantity.h"

#include <stddef.h>
#include <string.h>

const struct quantity_unit quantity_sizes[] = { { "GiB", UINT64_C(1) << 30 },
                                                { "MiB", 1u << 20 },
                                                { "KiB", 1u << 10 },
                                                { "G", UINT64_C(1) << 30 },
                                                { "M", 1u << 20 },
                                                { "K", 1u << 10 },
                                                { NULL, 0 } };
const struct quantity_unit quantity_times[] = {
    { "d", 86400 }, { "h", 3600 }, { "m", 60 }, { "s", 1 }, { NULL, 0 }
};
const struct quantity_unit quantity_counts[] = { { NULL, 0 } };

bool quantity_read(const char *text, const struct quantity_unit *units, uint64_t *number)
{
    uint64_t value = 0;
    size_t digits = 0;

    for (; text[digits] >= '0' && text[digits] <= '9'; digits++) {
        uint64_t digit = (uint64_t)(text[digits] - '0');
        if (value > (UINT64_MAX - digit) / 10)
            return false;
        value = value * 10 + digit;
    }
    if (digits == 0 || (digits > 1 && text[0] == '0'))
        return false;
    *number = value;

    const char *suffix = text + digits + strspn(text + digits, " ");
    if (*suffix == '\0')
        return true;
    for (; units->name != NULL; units++) {
        if (strcmp(suffix, units->name) != 0)
            continue;
        if (value > UINT64_MAX / units->factor)
            return false;
        *number = value * units->factor;
        return true;
    }
    return false;
}
