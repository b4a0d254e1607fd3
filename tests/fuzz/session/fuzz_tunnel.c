/* SPDX-License-Identifier: Apache-2.0
 * fuzz_tunnel.c - negotiations with proxies: offsets lie within what was given.
 */
#include <stdlib.h>

#include "tunnel.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct reader server = reader_of(data, size);
    struct reader client = reader_vec16(&server);
    struct tunnel tunnel;
    if (tunnel_find(client, server, &tunnel) != TUNNEL_OPEN)
        return 0;
    if (tunnel.client > client.left || tunnel.server > server.left || tunnel.name == NULL ||
        tunnel.server == 0)
        abort();
    return 0;
}
