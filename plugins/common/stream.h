/* SPDX-License-Identifier: Apache-2.0
 * stream.h - messages as frames on a connection whose receiver confirms nothing by itself: syslog
 * over TCP and TLS, unix streams.
 *
 * The nearest thing to a confirmation is that the receiver's system has acknowledged the bytes
 * (TCP) or that it has read them (unix), and that it is still there then. A receiver that dies
 * takes with it what it had not read yet. So the last frames are kept for a while after they were
 * reported as delivered, and sent again, in order, when the connection is lost: they may arrive
 * twice.
 */
#ifndef STREAM_H
#define STREAM_H

#include "buffer.h"
#include "link.h"
#include "sender.h"

struct stream;

/* Adds the message as a frame, or says why this receiver will never take it (false). */
typedef bool stream_frame(void *self, const struct starttap_message *message, struct buffer *out,
                          char *why, size_t why_size);

/* `resend`: bytes of delivered frames that are kept. The target's texts are copied, its TLS context
 * must live longer. NULL: no memory. */
struct stream *stream_new(const struct link_target *target, size_t resend);
void stream_free(struct stream *stream);
/* As send() of the door. */
void stream_send(struct stream *stream, stream_frame *frame, void *self,
                 const struct starttap_message *messages, size_t count, unsigned wait_ms,
                 struct starttap_sent *sent);

#endif
