/* SPDX-License-Identifier: Apache-2.0
 * tunnel.c - the dialogues are short and strictly alternate, so each is read from its start every
 * time.
 */
#include "tunnel.h"

#include <string.h>

#include "text.h"

/* A step that needs more bytes than there are yet leaves its reader failed. */
static enum tunnel_state waiting(const struct reader *client, const struct reader *server)
{
    return reader_ok(client) && reader_ok(server) ? TUNNEL_NONE : TUNNEL_MORE;
}

static enum tunnel_state opened(struct tunnel *tunnel, const char *name,
                                const struct reader client[2], const struct reader server[2],
                                uint16_t port)
{
    *tunnel = (struct tunnel){ .name = name,
                               .client = client[0].left - client[1].left,
                               .server = server[0].left - server[1].left,
                               .port = port };
    return TUNNEL_OPEN;
}

static void skip_terminated(struct reader *r)
{
    while (reader_ok(r) && reader_u8(r) != 0)
        continue;
}

/* VN CD DSTPORT DSTIP USERID NUL [host NUL, if DSTIP is 0.0.0.x]; the answer is 0, 90, and six
 * bytes. */
static enum tunnel_state socks4(struct reader client, struct reader server, struct tunnel *tunnel)
{
    const struct reader c0 = client, s0 = server;
    (void)reader_u8(&client);
    uint8_t command = reader_u8(&client);
    uint16_t port = reader_u16(&client);
    uint32_t address = reader_uint(&client, 4);
    skip_terminated(&client);
    if (address > 0 && address < 256)
        skip_terminated(&client);
    if (!reader_ok(&client))
        return c0.left > 1 && command != 1 && reader_more(&c0) ? TUNNEL_NONE : TUNNEL_MORE;
    uint8_t zero = reader_u8(&server), code = reader_u8(&server);
    (void)reader_take(&server, 6);
    if (!reader_ok(&server))
        return TUNNEL_MORE;
    if (command != 1 || zero != 0 || code != 90)
        return TUNNEL_NONE;
    return opened(tunnel, "socks4", (struct reader[]){ c0, client },
                  (struct reader[]){ s0, server }, port);
}

/* RFC 1928 sections 4 and 6: the address in requests and answers. */
static bool socks5_address(struct reader *r, uint16_t *port)
{
    switch (reader_u8(r)) {
    case 1: (void)reader_take(r, 4); break;
    case 3: (void)reader_vec8(r); break;
    case 4: (void)reader_take(r, 16); break;
    default: return !reader_ok(r);
    }
    *port = reader_u16(r);
    return true;
}

static enum tunnel_state socks5(struct reader client, struct reader server, struct tunnel *tunnel)
{
    const struct reader c0 = client, s0 = server;
    uint16_t port = 0, bound = 0;
    (void)reader_u8(&client);
    (void)reader_vec8(&client);
    uint8_t version = reader_u8(&server), method = reader_u8(&server);
    if (!reader_ok(&client) || !reader_ok(&server))
        return TUNNEL_MORE;
    if (version != 5 || (method != 0 && method != 2))
        return TUNNEL_NONE; /* refused, or a method that wraps what follows */
    if (method == 2) {      /* RFC 1929: version, name, password; version, status */
        (void)reader_u8(&client);
        (void)reader_vec8(&client);
        (void)reader_vec8(&client);
        (void)reader_u8(&server);
        if (reader_u8(&server) != 0)
            return TUNNEL_NONE;
    }
    uint8_t request = reader_u8(&client), command = reader_u8(&client);
    (void)reader_u8(&client);
    bool known = socks5_address(&client, &port);
    uint8_t answer = reader_u8(&server), status = reader_u8(&server);
    (void)reader_u8(&server);
    known = socks5_address(&server, &bound) && known;
    if (!reader_ok(&client) || !reader_ok(&server))
        return waiting(&client, &server);
    if (!known || request != 5 || command != 1 || answer != 5 || status != 0)
        return TUNNEL_NONE;
    return opened(tunnel, "socks5", (struct reader[]){ c0, client },
                  (struct reader[]){ s0, server }, port);
}

/* Moves behind the empty line that ends a head; fails the reader when it is not there yet. */
static void skip_head(struct reader *r)
{
    static const uint8_t end[] = { '\r', '\n', '\r', '\n' };
    while (r->left >= sizeof end) {
        if (memcmp(r->at, end, sizeof end) == 0) {
            (void)reader_take(r, sizeof end);
            return;
        }
        (void)reader_u8(r);
    }
    (void)reader_take(r, r->left + 1);
}

static uint16_t port_of(struct text authority)
{
    unsigned port = 0;
    size_t digits = authority.len;
    while (digits > 0 && authority.at[digits - 1] != ':')
        digits--;
    for (size_t i = digits; i < authority.len && port < 65536; i++) {
        if (authority.at[i] < '0' || authority.at[i] > '9')
            return 0;
        port = port * 10 + (unsigned)(authority.at[i] - '0');
    }
    return port < 65536 ? (uint16_t)port : 0;
}

static enum tunnel_state http_connect(struct reader client, struct reader server,
                                      struct tunnel *tunnel)
{
    const struct reader c0 = client, s0 = server;
    struct text line = text_of_reader(&client), status = text_of_reader(&server);
    (void)text_token(&line, " ");
    uint16_t port = port_of(text_token(&line, " \r\n"));
    (void)text_token(&status, " ");
    skip_head(&client);
    skip_head(&server);
    if (!reader_ok(&client) || !reader_ok(&server))
        return TUNNEL_MORE;
    if (status.len == 0 || *status.at != '2' ||
        !text_starts_nocase(text_of_reader(&s0), TEXT("HTTP/1.")))
        return TUNNEL_NONE;
    return opened(tunnel, "http-connect", (struct reader[]){ c0, client },
                  (struct reader[]){ s0, server }, port);
}

enum tunnel_state tunnel_find(struct reader client, struct reader server, struct tunnel *tunnel)
{
    static const struct {
        struct text start; /* of the client's bytes */
        enum tunnel_state (*read)(struct reader, struct reader, struct tunnel *);
    } kinds[] = {
        { { "\x04\x01", 2 }, socks4 },
        { { "\x05", 1 }, socks5 },
        { { "CONNECT ", 8 }, http_connect },
    };
    struct text said = text_of_reader(&client);
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        struct text start = kinds[i].start;
        if (said.len < start.len && said.len > 0 && memcmp(said.at, start.at, said.len) == 0)
            return TUNNEL_MORE;
        if (said.len >= start.len && memcmp(said.at, start.at, start.len) == 0)
            return kinds[i].read(client, server, tunnel);
    }
    return TUNNEL_NONE;
}
