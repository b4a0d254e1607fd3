/* SPDX-License-Identifier: Apache-2.0
 * intern.h - bytes that many keep at the same time, kept once: certificates of one server, lists of
 * one kind of client.
 *
 * What is held takes the memory of one copy however many hold it, and none when nobody does: this
 * is no cache, and its bound is the bound of those who hold. One thread's.
 */
#ifndef INTERN_H
#define INTERN_H

#include <stddef.h>
#include <stdint.h>

struct intern;

/* `key` is that of hash.h. NULL when out of memory. */
struct intern *intern_new(uint64_t key);
void intern_free(struct intern *intern); /* accepts NULL; nobody holds anything any more */

/* A copy of these bytes, aligned for any type, that equals what others may hold; it is the caller's
 * until intern_release(). NULL when out of memory. */
const void *intern_hold(struct intern *intern, const void *bytes, size_t len);
void intern_release(struct intern *intern, const void *held); /* accepts NULL */

size_t intern_count(const struct intern *intern); /* copies there are */

#endif
