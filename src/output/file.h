/* SPDX-License-Identifier: Apache-2.0
 * file.h - standard output and files, as outputs behind the door of sender.h; they know nothing of
 * the program but this.
 *
 *   rotate_size=100MiB    a file that would become larger is put aside first
 *   rotate_interval=1h    so is one when the next hour of the clock (UTC) has begun
 *   rotate_keep=N         of those put aside, the newest N stay; the others are removed
 *
 * PATH is put aside as PATH.20261122T183012.123456Z: names sort by time. A batch is one write() to
 * a file opened for appending (mode 0640). No line is split between files. A line that was written
 * halfway, because the disk is full, is finished first when there is room again; if the program
 * ends before, it is cut off.
 */
#ifndef FILE_H
#define FILE_H

#include "sender.h"

const struct starttap_output *file_door(void);
const struct starttap_output *file_door_standard(void);

/* Of what their open() gave. */
void file_reopen(void *self);           /* before the next batch: somebody moved the file away */
bool file_is_gone(const void *self);    /* the reader of the pipe went away: nothing helps */
bool file_is_watched(const void *self); /* a terminal */
bool file_can_wait(const void *self);   /* a disk that is full may get room again */

#endif
