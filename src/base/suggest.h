/* SPDX-License-Identifier: Apache-2.0
 * suggest.h - the nearest of some known words, for "did you mean".
 *
 * Near is: few letters differ, one begins with the other, or it is the last part of a dotted name.
 * Letters are compared as ASCII without case. What is too far gives no suggestion.
 */
#ifndef SUGGEST_H
#define SUGGEST_H

#include <stddef.h>

struct suggest {
    const char *word; /* borrowed, as are the candidates */
    const char *best;
    size_t distance; /* of best */
};

void suggest_init(struct suggest *suggest, const char *word);
void suggest_add(struct suggest *suggest, const char *candidate);
const char *suggest_best(const struct suggest *suggest); /* NULL: nothing is near */

#endif
