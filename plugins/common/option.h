/* SPDX-License-Identifier: Apache-2.0
 * option.h - the options of an output: looked up, checked against a table, secrets read from files.
 *
 * A secret never stands in a specification, which everyone can see in the list of processes: it is
 * the first line of a file. What is wrong is said with the option's name, never with its value when
 * that could be a secret.
 */
#ifndef OPTION_H
#define OPTION_H

#include "sender.h"

/* A password, a token: the longest in use are signed tokens of two or three kilobytes. */
#define OPTION_SECRET_BYTES 8192

enum option_kind {
    OPTION_TEXT,
    OPTION_FILE,   /* can be opened for reading */
    OPTION_NUMBER, /* least to most */
    OPTION_FLAG,   /* yes or no */
    OPTION_WORD    /* one of words */
};

struct option_rule {
    const char *name; /* one that ends in '.' stands for all that begin so */
    enum option_kind kind;
    uint64_t least, most;
    const char *words; /* "a b c" */
};

/* False with `why`: one that is not in the table, twice there, or of a wrong value. */
bool options_check(const struct starttap_output_options *options, const struct option_rule *rules,
                   size_t count, char *why, size_t why_size);

/* NULL when it was not given. */
const char *option_text(const struct starttap_output_options *options, const char *name);
/* These rely on options_check() having passed. */
uint64_t option_number(const struct starttap_output_options *options, const char *name,
                       uint64_t otherwise);
bool option_flag(const struct starttap_output_options *options, const char *name, bool otherwise);

/* The first line of the file that the option names; "" when it was not given. */
bool option_secret(const struct starttap_output_options *options, const char *name, char *secret,
                   size_t size, char *why, size_t why_size);
/* Overwritten in a way that the compiler may not leave out. */
void option_forget(char *secret, size_t size);

#endif
