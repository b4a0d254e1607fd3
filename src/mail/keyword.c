/* SPDX-License-Identifier: Apache-2.0
 * keyword.c - masks and near misses, by the rules that are known of devices which rewrite mail.
 */
#include "keyword.h"

static bool is_letter(char c) { return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z'); }
static int upper(char c) { return c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c; }

struct text keyword_first(struct text line) { return text_token(&line, " \t"); }

bool keyword_among(struct text line, struct text wanted)
{
    while (line.len > 0)
        if (text_same_nocase(text_token(&line, " \t"), wanted))
            return true;
    return false;
}

static size_t run_of_first(struct text token)
{
    size_t run = 0;
    while (run < token.len && token.at[run] == token.at[0])
        run++;
    return run;
}

bool keyword_masked(struct text token)
{
    enum { LEAST = 3 };
    size_t run = run_of_first(token);
    if (run < LEAST)
        return false;
    bool filler = upper(token.at[0]) == 'X' || token.at[0] == '*' || token.at[0] == '#';
    return filler && (run == token.len || (run + 1 == token.len && is_letter(token.at[run])));
}

bool keyword_masked_command(struct text token)
{
    enum { LEAST = 4 };
    return token.len >= LEAST && upper(token.at[0]) == 'X' && run_of_first(token) == token.len;
}

struct text keyword_masked_within(struct text text)
{
    while (text.len > 0) {
        struct text word = text_token(&text, " \t\"'<>()[]:;,.");
        if (keyword_masked_command(word))
            return word;
    }
    return (struct text){ 0 };
}

static bool same_without_gaps(struct text line, struct text wanted)
{
    size_t at = 0;
    bool gap = false;
    for (size_t i = 0; i < line.len && at < wanted.len; i++) {
        if (line.at[i] == '\0' || line.at[i] == ' ')
            gap = gap || at > 0;
        else if (upper(line.at[i]) == wanted.at[at])
            at++;
        else
            return false;
        if (at == wanted.len)
            return gap && i + 1 == line.len;
    }
    return false;
}

bool keyword_near(struct text line, struct text wanted)
{
    enum { SHORT = 4 };
    size_t allowed = wanted.len <= SHORT ? 1 : 2, differ = 0;
    if (same_without_gaps(line, wanted))
        return true;
    bool word_ends =
        line.len == wanted.len || (line.len > wanted.len && line.at[wanted.len] == ' ');
    if (!word_ends)
        return false;
    for (size_t i = 0; i < wanted.len; i++) {
        /* Two words are not one word with a blank in it, unless that blank is at its end. */
        if (line.at[i] == ' ' && (i + 1 < wanted.len || line.len > wanted.len))
            return false;
        differ += upper(line.at[i]) != wanted.at[i];
    }
    return differ > 0 && differ <= allowed;
}
