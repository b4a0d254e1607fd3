/* SPDX-License-Identifier: Apache-2.0
 * syslog.h - the parts of the output "syslog": what a message looks like, and how it leaves.
 */
#ifndef SYSLOG_OUTPUT_H
#define SYSLOG_OUTPUT_H

#include "buffer.h"
#include "sender.h"

/* rsyslog and syslog-ng cut a message at 8 KiB unless told otherwise, and cut JSON is broken JSON.
 * The longest header of ours has some 340 bytes. */
#define SYSLOG_LINE_BYTES 7700

enum syslog_transport { SYSLOG_UDP, SYSLOG_TCP, SYSLOG_TLS, SYSLOG_LOCAL };

struct syslog_style {
    uint8_t facility;
    bool bom;          /* RFC 5424 section 6.4; most receivers would show it */
    bool local_header; /* as syslog(3) writes: what local daemons expect */
    size_t max_bytes;  /* of a message without its header */
    char host[256];    /* PRINTUSASCII, or "-" */
};

void syslog_style_init(struct syslog_style *style, const struct starttap_output_options *options);
/* Header and message, unframed. */
void syslog_write(const struct syslog_style *style, const struct starttap_message *message,
                  struct buffer *out);
/* The words of facility=, and the number of one of them; 255: none such. */
extern const char syslog_facilities[];
uint8_t syslog_facility(const char *word);

#endif
