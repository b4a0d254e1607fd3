/* SPDX-License-Identifier: Apache-2.0
 * suggest.c - the distance of two words in slips of the keyboard (Levenshtein's, with swaps).
 */
#include "suggest.h"

#include <stdint.h>
#include <string.h>
#include <strings.h>

#define WORD_MAX 64u
#define FAR (SIZE_MAX / 2)

static unsigned lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (unsigned)(c - 'A' + 'a') : (unsigned char)c;
}

static size_t least(size_t a, size_t b) { return a < b ? a : b; }

/* Letters to insert, drop, change or swap with a neighbour to make `a` into `b`; FAR when either is
 * too long. */
static size_t edits(const char *a, const char *b)
{
    size_t rows[3][WORD_MAX + 1]; /* for the letters of `a` so far, by turns; two back for swaps */
    size_t a_len = strlen(a), b_len = strlen(b);
    if (a_len > WORD_MAX || b_len > WORD_MAX)
        return FAR;

    for (size_t j = 0; j <= b_len; j++)
        rows[0][j] = j;
    for (size_t i = 1; i <= a_len; i++) {
        size_t *row = rows[i % 3];
        const size_t *above = rows[(i + 2) % 3], *two_above = rows[(i + 1) % 3];
        row[0] = i;
        for (size_t j = 1; j <= b_len; j++) {
            size_t changed = above[j - 1] + (lower(a[i - 1]) != lower(b[j - 1]));
            row[j] = least(changed, least(above[j], row[j - 1]) + 1);
            if (i > 1 && j > 1 && lower(a[i - 1]) == lower(b[j - 2]) &&
                lower(a[i - 2]) == lower(b[j - 1]))
                row[j] = least(row[j], two_above[j - 2] + 1);
        }
    }
    return rows[a_len % 3][b_len];
}

static size_t distance(const char *word, const char *candidate)
{
    size_t len = strlen(word);
    const char *last = strrchr(candidate, '.');
    size_t whole = edits(word, candidate);

    if (len >= 3 && strncasecmp(word, candidate, len) == 0)
        return least(whole, 1);
    if (last != NULL)
        return least(whole, edits(word, last + 1) + 1);
    return whole;
}

void suggest_init(struct suggest *suggest, const char *word)
{
    /* A third of the letters may be wrong; beyond that a suggestion only puzzles. */
    size_t bound = strlen(word) / 3;
    *suggest = (struct suggest){ .word = word, .distance = (bound > 0 ? bound : 1) + 1 };
}

void suggest_add(struct suggest *suggest, const char *candidate)
{
    size_t found = distance(suggest->word, candidate);
    if (found < suggest->distance) {
        suggest->distance = found;
        suggest->best = candidate;
    }
}

const char *suggest_best(const struct suggest *suggest) { return suggest->best; }
