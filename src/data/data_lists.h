/* SPDX-License-Identifier: Apache-2.0
 * data_lists.h - the files of this folder that are built into the program as they are: opinions,
 * which may be replaced while it runs (detect/lists.h), and texts for people.
 */
#ifndef DATA_LISTS_H
#define DATA_LISTS_H

struct data_list {
    const char *name; /* "interceptors.tsv", "findings/starttls.txt" */
    const char *text; /* terminated */
};

extern const struct data_list data_lists[]; /* a row of NULLs behind the last */

#endif
