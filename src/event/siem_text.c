/* SPDX-License-Identifier: Apache-2.0
 * siem_text.c - cleaning and escaping for formats of pairs.
 */
#include "siem_text.h"

#include <string.h>

void siem_text_put(FILE *out, const char *text, size_t most, const char *specials, char mark)
{
    char clean[SIEM_TEXT_LONG + 1];
    size_t len = text_clean(text_of(text), clean, most < sizeof clean ? most + 1 : sizeof clean);
    for (size_t i = 0; i < len; i++) {
        bool special = strchr(specials, clean[i]) != NULL;
        bool separator = i + 2 < len && memcmp(clean + i, "\xe2\x80", 2) == 0 &&
                         ((unsigned char)clean[i + 2] & 0xfe) == 0xa8;
        if (separator) {
            fputs("\xef\xbf\xbd", out);
            i += 2;
            continue;
        }
        if (special && mark == '\\')
            fputc(mark, out);
        fputc(special && mark != '\\' ? mark : clean[i], out);
    }
}
