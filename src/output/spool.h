/* SPDX-License-Identifier: Apache-2.0
 * spool.h - a bounded log of messages between the program, which puts, and one sender's process,
 * which reads and says what was delivered. In memory that both share, or in a file that survives
 * them.
 *
 * The spool is cut into LIMIT_SPOOL_SLOTS slots of equal size, taken as a whole when it is opened.
 * Each slot belongs to a lane at a time: findings, sessions, or the rest. The reader merges the
 * lanes by the number of each message, so that messages leave in the order in which they came.
 * When no slot is free and may_drop is set, the oldest slot of a lane of less importance is given
 * up as a whole; when there is none, the message itself is refused. So findings go last.
 *
 * Neither side ever waits for the other: slots change hands by compare-and-swap, and a side that
 * was stopped or killed at any point harms nothing. What was read and not said to be done is read
 * again (at least once). Every message has its length and a checksum; what does not fit ends its
 * slot. After kill -9 of both sides nothing is lost; after a loss of power, what the kernel had not
 * written yet.
 */
#ifndef SPOOL_H
#define SPOOL_H

#include "sender.h"

enum { SPOOL_DATASETS = STARTTAP_DATASET_STATS + 1 };

struct spool;

/* folder: NULL is memory; else it is made if need be, locked, and what lies there is taken over (in
 * the size it has). Before any reader's process is forked. NULL: why says what is wrong. */
struct spool *spool_open(const char *folder, uint64_t bytes, char *why, size_t why_size);
void spool_close(struct spool *spool); /* accepts NULL; the lock ends when all processes did so */
int spool_lock_fd(const struct spool *spool); /* -1: in memory. To be kept open by the reader */

/* --- the writer --- */

enum spool_put { SPOOL_PUT, SPOOL_FULL, SPOOL_TOO_LONG };
/* Room for message->len bytes, which the caller writes before spool_commit(); the other members are
 * copied. */
enum spool_put spool_room(struct spool *spool, const struct starttap_message *message,
                          bool may_drop, char **room);
void spool_commit(struct spool *spool);
/* Given up for others so far, by dataset. */
uint64_t spool_given_up(const struct spool *spool, int dataset); /* any thread */

/* What lies there now, by dataset; returns the bytes. From any process, but exact only while no
 * other side is at work. Either argument may be NULL. */
uint64_t spool_waiting(const struct spool *spool, uint64_t counts[SPOOL_DATASETS]);
uint64_t spool_bytes_waiting(const struct spool *spool); /* cheap, any time */
uint64_t spool_damaged(const struct spool *spool); /* bytes that were lost when it was opened */

/* --- the reader, one at a time --- */

struct spool_reader;
struct spool_reader *spool_reader_new(struct spool *spool); /* NULL: out of memory */
void spool_reader_free(struct spool_reader *reader);
/* The oldest messages that are not done, at most so many, and bytes (at least one message). They
 * point into the spool until the next call. */
size_t spool_reader_next(struct spool_reader *reader, struct starttap_message *messages,
                         size_t most, size_t most_bytes);
/* The first `count` of them are dealt with. True: a slot became free. */
bool spool_reader_done(struct spool_reader *reader, size_t count);

#endif
