/* SPDX-License-Identifier: Apache-2.0
 * foreign.h - the name of a protocol that is not ours, by nDPI.
 *
 * nDPI is asked once a flow, with packets made from at most the first FOREIGN_BYTES of each side's
 * reassembled payload, so that its answer does not depend on how the stream was cut; its guess by
 * port is off. The module costs megabytes and milliseconds and is loaded at the first question. One
 * instance belongs to one thread.
 */
#ifndef FOREIGN_H
#define FOREIGN_H

#include <stddef.h>
#include <stdint.h>

#include "packet.h"

#define FOREIGN_BYTES 1024

struct foreign;

struct foreign *foreign_new(void); /* cheap; NULL when out of memory */
void foreign_free(struct foreign *foreign);

/* The protocol's name in lower case ("ssh", "http", "bittorrent"), or NULL when nDPI knows none.
 * Valid as long as `foreign`. client_first: the client's bytes were sent first. */
const char *foreign_name(struct foreign *foreign, const void *client, size_t client_len,
                         const void *server, size_t server_len, int client_first,
                         uint16_t client_port, uint16_t server_port);

uint64_t foreign_calls(const struct foreign *foreign);

#endif
