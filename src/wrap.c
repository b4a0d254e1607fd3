/* SPDX-License-Identifier: Apache-2.0
 * wrap.c - counts bytes as columns: our own texts are ASCII.
 */
#include "wrap.h"

#include <stdbool.h>
#include <string.h>

void wrap_print_from(FILE *out, size_t column, const char *lead, const char *text)
{
    bool fresh = true; /* nothing of the text is on this line yet */

    for (text += strspn(text, " "); *text != '\0'; text += strspn(text, " ")) {
        size_t len = strcspn(text, " ");
        if (!fresh && column + 1 + len > WRAP_COLUMNS) {
            fprintf(out, "\n%s", lead);
            column = strlen(lead);
            fresh = true;
        }
        fprintf(out, "%s%.*s", fresh ? "" : " ", (int)len, text);
        column += len + (fresh ? 0 : 1);
        fresh = false;
        text += len;
    }
    fputc('\n', out);
}

void wrap_print(FILE *out, const char *lead, const char *text)
{
    fputs(lead, out);
    wrap_print_from(out, strlen(lead), lead, text);
}
