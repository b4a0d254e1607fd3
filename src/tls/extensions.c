/* SPDX-License-Identifier: Apache-2.0
 * extensions.c - the extensions of both hellos, one row each.
 *
 * One malformed extension does not cost its neighbours: it is noted and the rest is read. Registry:
 * IANA "TLS ExtensionType Values".
 */
#include "tls_state.h"

#include <string.h>

bool tls_is_grease(uint16_t value)
{
    return (value & 0x0f0f) == 0x0a0a && value >> 8 == (value & 0xff);
}

struct u16_list tls_u16_list(struct tls *tls, struct reader *values, size_t max, uint32_t *grease,
                             bool *cut)
{
    size_t room = values->left / 2 < max ? values->left / 2 : max;
    if (room == 0) {
        if (reader_more(values)) /* one byte, or a list of which we keep nothing */
            reader_take(values, SIZE_MAX);
        return (struct u16_list){ 0 };
    }
    uint16_t *at = tls_list_room(tls, room);
    if (at == NULL) {
        *cut = true;
        reader_take(values, values->left);
        return (struct u16_list){ 0 };
    }

    size_t count = 0;
    while (reader_more(values)) {
        uint16_t value = reader_u16(values);
        if (!reader_ok(values))
            break;
        if (grease != NULL && tls_is_grease(value))
            ++*grease;
        else if (count < room)
            at[count++] = value;
        else
            *cut = true;
    }
    return tls_list_end(tls, at, count);
}

static struct text kept_text(struct tls *tls, struct reader bytes, size_t max, bool *cut)
{
    if (bytes.left > max) {
        bytes = reader_take(&bytes, max);
        *cut = true;
    }
    struct text text = arena_text(tls->arena, text_of_reader(&bytes));
    if (text.len < bytes.left)
        tls->facts.out_of_memory = true;
    return text;
}

/* RFC 6066 section 3. Only host_name (0) was ever defined; the first one counts. */
static void client_server_name(struct tls_client_extensions *into, struct reader *body)
{
    struct reader list = reader_vec16(body);
    while (reader_more(&list)) {
        uint8_t type = reader_u8(&list);
        struct reader name = reader_vec16(&list);
        bool cut = false;
        if (type == 0 && reader_ok(&name) && into->hello->server_name.len == 0)
            into->hello->server_name = kept_text(into->tls, name, LIMIT_NAME_BYTES, &cut);
        if (cut) /* no name is that long (RFC 1035 section 2.3.4) */
            into->hello->malformed = true;
    }
    if (!reader_ok(&list))
        into->hello->malformed = true;
}

enum { ALPN_MAX = 8 };

/* RFC 7301 section 3.1. The client lists its protocols by preference. */
static void client_alpn(struct tls_client_extensions *into, struct reader *body)
{
    struct tls_client_hello *hello = into->hello;
    struct reader list = reader_vec16(body), counting = list;
    size_t count = 0;
    bool cut = false;

    while (reader_more(&counting) && count < ALPN_MAX) {
        reader_vec8(&counting);
        count += reader_ok(&counting);
    }
    hello->alpn_count = 0;
    hello->alpn = count > 0 ? arena_alloc(into->tls->arena, count * sizeof *hello->alpn) : NULL;
    if (count > 0 && hello->alpn == NULL)
        into->tls->facts.out_of_memory = true;
    while (reader_more(&list)) {
        struct reader name = reader_vec8(&list);
        if (reader_ok(&name) && hello->alpn != NULL && hello->alpn_count < count)
            hello->alpn[hello->alpn_count++] = kept_text(into->tls, name, UINT8_MAX, &cut);
    }
    if (!reader_ok(&list))
        hello->malformed = true;
}

static struct u16_list client_list(struct tls_client_extensions *into, struct reader list)
{
    struct u16_list kept =
        tls_u16_list(into->tls, &list, LIMIT_TLS_LIST, &into->hello->grease, &into->cut);
    if (!reader_ok(&list))
        into->hello->malformed = true;
    return kept;
}

static void client_groups(struct tls_client_extensions *into, struct reader *body)
{
    into->hello->groups = client_list(into, reader_vec16(body));
}

static void client_points(struct tls_client_extensions *into, struct reader *body)
{
    into->points = reader_vec8(body);
}

static void client_signatures(struct tls_client_extensions *into, struct reader *body)
{
    into->hello->signature_algorithms = client_list(into, reader_vec16(body));
}

static void client_versions(struct tls_client_extensions *into, struct reader *body)
{
    into->hello->versions = client_list(into, reader_vec8(body));
}

/* RFC 8446 section 4.2.8: of each share only the group. The values are of no use. */
static void client_key_shares(struct tls_client_extensions *into, struct reader *body)
{
    struct tls_client_hello *hello = into->hello;
    struct reader list = reader_vec16(body), counting = list;
    size_t count = 0;

    while (reader_more(&counting)) {
        reader_u16(&counting);
        reader_vec16(&counting);
        count += reader_ok(&counting);
    }
    if (!reader_ok(&counting))
        hello->malformed = true;
    if (count > LIMIT_TLS_LIST)
        count = LIMIT_TLS_LIST;
    if (count == 0)
        return;
    uint16_t *at = tls_list_room(into->tls, count);
    if (at == NULL)
        return;
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        uint16_t group = reader_u16(&list);
        reader_vec16(&list);
        if (tls_is_grease(group))
            hello->grease++;
        else
            at[kept++] = group;
    }
    hello->key_shares = tls_list_end(into->tls, at, kept);
}

static void any_body(struct tls_client_extensions *into, struct reader *body)
{
    (void)into;
    reader_take(body, body->left);
}

#define FLAG(member) offsetof(struct tls_client_hello, member)
#define NO_FLAG SIZE_MAX

/* clang-format off */
static const struct client_row {
    uint16_t id;
    size_t flag; /* a bool of the hello that says it was sent */
    void (*decode)(struct tls_client_extensions *into, struct reader *body);
} client_rows[] = {
    { 0,      FLAG(server_name_sent),   client_server_name }, /* RFC 6066 */
    { 5,      FLAG(status_request),     any_body },           /* RFC 6066 */
    { 10,     NO_FLAG,                  client_groups },      /* RFC 8422, 7919 */
    { 11,     NO_FLAG,                  client_points },      /* RFC 8422 */
    { 13,     NO_FLAG,                  client_signatures },  /* RFC 8446 */
    { 15,     FLAG(heartbeat),          any_body },           /* RFC 6520 */
    { 16,     NO_FLAG,                  client_alpn },        /* RFC 7301 */
    { 18,     FLAG(sct),                any_body },           /* RFC 6962 */
    { 22,     FLAG(etm),                any_body },           /* RFC 7366 */
    { 23,     FLAG(ems),                any_body },           /* RFC 7627 */
    { 35,     FLAG(ticket),             any_body },           /* RFC 5077 */
    { 40,     NO_FLAG,                  client_key_shares },  /* key_share in drafts before 23 */
    { 41,     FLAG(psk),                any_body },           /* RFC 8446 */
    { 42,     FLAG(early_data),         any_body },           /* RFC 8446 */
    { 43,     NO_FLAG,                  client_versions },    /* RFC 8446 */
    { 51,     NO_FLAG,                  client_key_shares },  /* RFC 8446 */
    { 0xfe0d, FLAG(ech),                any_body },           /* RFC 9849 */
    { 0xff01, FLAG(renegotiation_info), any_body },           /* RFC 5746 */
};
/* clang-format on */

/* The types of a block, as a list, and whether its framing is sound. */
static struct u16_list types_of(struct tls *tls, struct reader block, uint32_t *grease,
                                uint32_t *total, bool *cut, bool *malformed)
{
    struct reader counting = block;
    size_t count = 0, kept = 0;
    while (reader_more(&counting)) {
        reader_u16(&counting);
        reader_vec16(&counting);
        count += reader_ok(&counting);
    }
    if (!reader_ok(&counting))
        *malformed = true;

    size_t room = count < LIMIT_TLS_EXTENSIONS ? count : LIMIT_TLS_EXTENSIONS;
    uint16_t *at = room > 0 ? tls_list_room(tls, room) : NULL;
    if (room > 0 && at == NULL) {
        *cut = true;
        room = 0;
    }
    for (size_t i = 0; i < count; i++) {
        uint16_t type = reader_u16(&block);
        reader_vec16(&block);
        if (grease != NULL && tls_is_grease(type)) {
            ++*grease;
            continue;
        }
        ++*total;
        if (kept < room)
            at[kept++] = type;
        else
            *cut = true;
    }
    return tls_list_end(tls, at, kept);
}

void tls_client_extensions_decode(struct tls_client_extensions *into, struct reader block)
{
    struct tls_client_hello *hello = into->hello;

    hello->extensions = types_of(into->tls, block, &hello->grease, &hello->extensions_total,
                                 &into->cut, &hello->malformed);
    while (reader_more(&block)) {
        uint16_t type = reader_u16(&block);
        struct reader body = reader_vec16(&block);
        if (!reader_ok(&body))
            return;
        for (size_t i = 0; i < sizeof client_rows / sizeof client_rows[0]; i++) {
            if (client_rows[i].id != type)
                continue;
            if (client_rows[i].flag != NO_FLAG)
                *(bool *)((char *)hello + client_rows[i].flag) = true;
            client_rows[i].decode(into, &body);
            if (!reader_ok(&body) || reader_more(&body))
                hello->malformed = true;
        }
    }
}

static void server_alpn(struct tls_server_extensions *into, struct reader *body)
{
    struct reader list = reader_vec16(body);
    struct reader name = reader_vec8(&list);
    bool cut = false;
    if (reader_ok(&name))
        into->hello->alpn = kept_text(into->tls, name, UINT8_MAX, &cut);
    if (!reader_ok(&list) || reader_more(&list))
        into->hello->malformed = true;
}

static void server_version(struct tls_server_extensions *into, struct reader *body)
{
    uint16_t version = reader_u16(body);
    if (reader_ok(body))
        into->hello->version = version;
}

static void server_key_share(struct tls_server_extensions *into, struct reader *body)
{
    uint16_t group = reader_u16(body);
    if (!reader_ok(body))
        return;
    if (!reader_more(body)) { /* RFC 8446 section 4.2.8, KeyShareHelloRetryRequest */
        into->retry_group = group;
        return;
    }
    reader_vec16(body);
    into->hello->key_share = group;
}

static void server_any(struct tls_server_extensions *into, struct reader *body)
{
    (void)into;
    reader_take(body, body->left);
}

#undef FLAG
#define FLAG(member) offsetof(struct tls_server_hello, member)

/* clang-format off */
static const struct server_row {
    uint16_t id;
    size_t flag;
    void (*decode)(struct tls_server_extensions *into, struct reader *body);
} server_rows[] = {
    { 4,      FLAG(truncated_hmac),     server_any },
    { 5,      FLAG(status_request),     server_any },
    { 15,     FLAG(heartbeat),          server_any },
    { 16,     NO_FLAG,                  server_alpn },
    { 18,     FLAG(sct),                server_any },
    { 22,     FLAG(etm),                server_any },
    { 23,     FLAG(ems),                server_any },
    { 35,     FLAG(ticket),             server_any },
    { 40,     NO_FLAG,                  server_key_share },
    { 41,     FLAG(psk),                server_any },
    { 43,     NO_FLAG,                  server_version },
    { 51,     NO_FLAG,                  server_key_share },
    { 0xff01, FLAG(renegotiation_info), server_any },
};
/* clang-format on */

void tls_server_extensions_decode(struct tls_server_extensions *into, struct reader block,
                                  bool retry)
{
    struct tls_server_hello *hello = into->hello;
    uint32_t total = 0;

    hello->extensions = types_of(into->tls, block, NULL, &total, &into->cut, &hello->malformed);
    while (reader_more(&block)) {
        uint16_t type = reader_u16(&block);
        struct reader body = reader_vec16(&block);
        if (!reader_ok(&body))
            return;
        for (size_t i = 0; i < sizeof server_rows / sizeof server_rows[0]; i++) {
            if (server_rows[i].id != type)
                continue;
            if (server_rows[i].flag != NO_FLAG)
                *(bool *)((char *)hello + server_rows[i].flag) = true;
            server_rows[i].decode(into, &body);
            if (!reader_ok(&body) || reader_more(&body))
                hello->malformed = true;
        }
    }
    if (!retry && into->retry_group != 0 && hello->key_share == 0)
        hello->malformed = true; /* the group without its key */
}
