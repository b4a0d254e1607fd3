/* SPDX-License-Identifier: Apache-2.0
 * delivery.h - the life of a sender: out of the spool, through the output's send(), and on when it
 * was delivered. In a process of its own, which may block.
 */
#ifndef DELIVERY_H
#define DELIVERY_H

#include "channel.h"

/* Returns when the channel is closing and all was delivered, or nothing helps any more. False: it
 * is to be called again later, in a new process. */
bool delivery_run(struct channel *channel);

#endif
