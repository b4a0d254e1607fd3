/* SPDX-License-Identifier: Apache-2.0
 * wire.c - see wire.h.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wire.h"

void wire_uint(struct wire *wire, uint32_t value, size_t width)
{
    assert_true(wire->len + width <= sizeof wire->at);
    for (size_t i = 0; i < width; i++)
        wire->at[wire->len++] = (uint8_t)(value >> 8 * (width - 1 - i));
}

void wire_bytes(struct wire *wire, const void *bytes, size_t len)
{
    assert_true(wire->len + len <= sizeof wire->at);
    if (len > 0)
        memcpy(wire->at + wire->len, bytes, len);
    wire->len += len;
}

void wire_zeros(struct wire *wire, size_t len)
{
    for (size_t i = 0; i < len; i++)
        wire_uint(wire, 0, 1);
}

size_t wire_open(struct wire *wire, size_t width)
{
    wire_uint(wire, 0, width);
    return wire->len;
}

void wire_close(struct wire *wire, size_t opened, size_t width)
{
    size_t end = wire->len;
    wire->len = opened - width;
    wire_uint(wire, (uint32_t)(end - opened), width);
    wire->len = end;
}

/* One part of a JA3 text, "1-2-3", as numbers; moves behind the comma. */
static size_t part(const char **text, unsigned long *out, size_t cap)
{
    size_t count = 0;
    while (**text != '\0' && **text != ',') {
        char *end;
        assert_true(count < cap);
        out[count++] = strtoul(*text, &end, 10);
        *text = *end == '-' ? end + 1 : end;
    }
    if (**text == ',')
        ++*text;
    return count;
}

static void hex_list(struct wire *wire, const char *text)
{
    while (text != NULL && *text != '\0') {
        char *end;
        wire_uint(wire, (uint32_t)strtoul(text, &end, 16), 2);
        text = *end == ',' ? end + 1 : end;
    }
}

struct hello_parts {
    unsigned long version[1], ciphers[600], extensions[300], groups[300], points[256];
    size_t cipher_count, extension_count, group_count, point_count;
};

static void numbers(struct wire *wire, const unsigned long *values, size_t count, size_t width,
                    bool grease)
{
    if (grease)
        wire_uint(wire, 0x3a3a, 2);
    for (size_t i = 0; i < count; i++)
        wire_uint(wire, (uint32_t)values[i], width);
}

static void client_extension(struct wire *wire, const struct hello_plan *plan,
                             const struct hello_parts *parts, unsigned long type)
{
    static const char name[] = "mx.example.org";
    size_t inner;

    switch (type) {
    case 0:
        inner = wire_open(wire, 2);
        wire_uint(wire, 0, 1);
        wire_uint(wire, sizeof name - 1, 2);
        wire_bytes(wire, name, sizeof name - 1);
        wire_close(wire, inner, 2);
        break;
    case 10:
        inner = wire_open(wire, 2);
        numbers(wire, parts->groups, parts->group_count, 2, plan->grease);
        wire_close(wire, inner, 2);
        break;
    case 11:
        inner = wire_open(wire, 1);
        numbers(wire, parts->points, parts->point_count, 1, false);
        wire_close(wire, inner, 1);
        break;
    case 13:
    case 34: /* delegated_credentials: a list of the same kind */
    case 50:
        inner = wire_open(wire, 2);
        if (plan->grease)
            wire_uint(wire, 0x3a3a, 2);
        hex_list(wire, type == 13 ? plan->signatures : "0403,0203");
        wire_close(wire, inner, 2);
        break;
    case 16:
        inner = wire_open(wire, 2);
        wire_uint(wire, plan->alpn == NULL ? 2 : (uint32_t)plan->alpn_len, 1);
        wire_bytes(wire, plan->alpn == NULL ? "h2" : plan->alpn,
                   plan->alpn == NULL ? 2 : plan->alpn_len);
        wire_close(wire, inner, 2);
        break;
    case 43:
        inner = wire_open(wire, 1);
        if (plan->grease)
            wire_uint(wire, 0x3a3a, 2);
        hex_list(wire, plan->versions);
        wire_close(wire, inner, 1);
        break;
    case 40:
    case 51:
        inner = wire_open(wire, 2);
        if (plan->grease) {
            wire_uint(wire, 0x3a3a, 2);
            wire_uint(wire, 1, 2);
            wire_uint(wire, 0, 1);
        }
        wire_uint(wire, 29, 2);
        wire_uint(wire, 32, 2);
        wire_zeros(wire, 32);
        wire_close(wire, inner, 2);
        break;
    default: break;
    }
}

void wire_client_hello(struct wire *wire, const struct hello_plan *plan)
{
    static struct hello_parts parts;
    const char *rest = plan->ja3;
    size_t session_id_len = plan->session_id == NULL ? 0 : strlen(plan->session_id);

    assert_int_equal(part(&rest, parts.version, 1), 1);
    parts.cipher_count = part(&rest, parts.ciphers, 600);
    parts.extension_count = part(&rest, parts.extensions, 300);
    parts.group_count = part(&rest, parts.groups, 300);
    parts.point_count = part(&rest, parts.points, 256);

    wire_uint(wire, (uint32_t)parts.version[0], 2);
    for (unsigned i = 0; i < 32; i++)
        wire_uint(wire, i, 1);
    wire_uint(wire, (uint32_t)session_id_len, 1);
    wire_bytes(wire, plan->session_id, session_id_len);
    size_t opened = wire_open(wire, 2);
    numbers(wire, parts.ciphers, parts.cipher_count, 2, plan->grease);
    wire_close(wire, opened, 2);
    wire_uint(wire, 0x0100, 2); /* one compression method: none */
    if (parts.extension_count == 0)
        return;
    opened = wire_open(wire, 2);
    if (plan->grease) {
        wire_uint(wire, 0xfafa, 2);
        wire_uint(wire, 0, 2);
    }
    for (size_t i = 0; i < parts.extension_count; i++) {
        wire_uint(wire, (uint32_t)parts.extensions[i], 2);
        size_t body = wire_open(wire, 2);
        client_extension(wire, plan, &parts, parts.extensions[i]);
        wire_close(wire, body, 2);
    }
    wire_close(wire, opened, 2);
}

void wire_server_hello(struct wire *wire, const struct server_plan *plan)
{
    static const uint8_t retry[32] = { 0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11,
                                       0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91,
                                       0xc2, 0xa2, 0x11, 0x16, 0x7a, 0xbb, 0x8c, 0x5e,
                                       0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c };
    unsigned long version[1] = { 0 }, cipher[1] = { 0 }, extensions[100] = { 0 };
    const char *rest = plan->ja3s;
    size_t session_id_len = plan->session_id == NULL ? 0 : strlen(plan->session_id);

    part(&rest, version, 1);
    part(&rest, cipher, 1);
    size_t count = part(&rest, extensions, 100);
    wire_uint(wire, (uint32_t)version[0], 2);
    if (plan->retry) {
        wire_bytes(wire, retry, 32);
    } else {
        wire_zeros(wire, 24);
        wire_bytes(wire, plan->tail == NULL ? "........" : plan->tail, 8);
    }
    wire_uint(wire, (uint32_t)session_id_len, 1);
    wire_bytes(wire, plan->session_id, session_id_len);
    wire_uint(wire, (uint32_t)cipher[0], 2);
    wire_uint(wire, 0, 1);
    if (count == 0)
        return;
    size_t opened = wire_open(wire, 2);
    for (size_t i = 0; i < count; i++) {
        wire_uint(wire, (uint32_t)extensions[i], 2);
        size_t body = wire_open(wire, 2);
        if (extensions[i] == 43)
            wire_uint(wire, plan->version, 2);
        if (extensions[i] == 51 || extensions[i] == 40) {
            wire_uint(wire, plan->group, 2);
            if (!plan->retry) {
                wire_uint(wire, 32, 2);
                wire_zeros(wire, 32);
            }
        }
        if (extensions[i] == 16) {
            wire_uint(wire, 5, 2);
            wire_uint(wire, 4, 1);
            wire_bytes(wire, "smtp", 4);
        }
        wire_close(wire, body, 2);
    }
    wire_close(wire, opened, 2);
}

void talk_begin(struct talk *talk)
{
    *talk = (struct talk){ 0 };
    arena_init(&talk->arena, LIMIT_SESSION_BYTES);
    talk->intern = intern_new(0);
    assert_non_null(talk->intern);
    talk->tls = tls_new(&talk->arena, talk->intern);
    assert_non_null(talk->tls);
}

void talk_end(struct talk *talk)
{
    tls_free(talk->tls);
    assert_int_equal(intern_count(talk->intern), 0);
    intern_free(talk->intern);
    arena_free(&talk->arena);
    free(talk->held[SIDE_CLIENT]);
    free(talk->held[SIDE_SERVER]);
}

const struct tls_facts *talk_facts(const struct talk *talk) { return tls_facts(talk->tls); }

struct marks {
    uint64_t acked, first, len;
};

/* Only bytes that are on offer have marks, as in a flow. */
static struct mark mark_at(const void *marks, uint64_t offset)
{
    const struct marks *from = marks;
    assert_true(offset >= from->first && offset < from->first + from->len);
    return (struct mark){ .time_ns = (int64_t)offset, .frame = offset + 1, .acked = from->acked };
}

static void offer(struct talk *talk, enum side side, const uint8_t *bytes, size_t len)
{
    size_t whole = talk->held_len[side] + len;
    uint8_t *joined = malloc(whole > 0 ? whole : 1); /* to size: a sanitizer sees an overrun */
    assert_non_null(joined);
    if (talk->held_len[side] > 0)
        memcpy(joined, talk->held[side], talk->held_len[side]);
    if (len > 0)
        memcpy(joined + talk->held_len[side], bytes, len);
    free(talk->held[side]);

    struct marks marks = { .acked = talk->blind ? 0 : talk->acked[side],
                           .first = talk->sent[side] - talk->held_len[side],
                           .len = whole };
    struct tls_input input = { .side = side,
                               .bytes = reader_of(joined, whole),
                               .offset = marks.first,
                               .mark_at = mark_at,
                               .marks = &marks };
    size_t used = tls_feed(talk->tls, &input);
    assert_true(used <= whole);
    talk->held_len[side] = whole - used;
    talk->held[side] = malloc(whole - used > 0 ? whole - used : 1);
    assert_non_null(talk->held[side]);
    if (whole > used)
        memcpy(talk->held[side], joined + used, whole - used);
    free(joined);
    talk->sent[side] += len;
}

void talk_bytes(struct talk *talk, enum side side, const void *bytes, size_t len)
{
    const uint8_t *from = bytes;
    if (!talk->crossing)
        talk->acked[side] = talk->sent[side_other(side)];
    for (size_t done = 0; done < len;) {
        size_t piece = talk->cut == 0 || talk->cut > len - done ? len - done : talk->cut;
        offer(talk, side, from + done, piece);
        done += piece;
    }
}

void talk_record(struct talk *talk, enum side side, unsigned type, const void *bytes, size_t len)
{
    static struct wire wire;
    wire.len = 0;
    wire_uint(&wire, type, 1);
    wire_uint(&wire, 0x0303, 2);
    wire_uint(&wire, (uint32_t)len, 2);
    wire_bytes(&wire, bytes, len);
    talk_bytes(talk, side, wire.at, wire.len);
}

void talk_sealed(struct talk *talk, enum side side, unsigned type, size_t len)
{
    static uint8_t noise[20000];
    assert_true(len <= sizeof noise);
    for (size_t i = 0; i < len; i++)
        noise[i] = (uint8_t)(0xa7 + i * 37);
    talk_record(talk, side, type, noise, len);
}

void talk_message(struct talk *talk, enum side side, unsigned type, const void *body, size_t len)
{
    static struct wire wire;
    wire.len = 0;
    wire_uint(&wire, type, 1);
    wire_uint(&wire, (uint32_t)len, 3);
    wire_bytes(&wire, body, len);
    static uint8_t copy[sizeof wire.at];
    size_t whole = wire.len;
    memcpy(copy, wire.at, whole);
    for (size_t done = 0; done < whole; done += 16384)
        talk_record(talk, side, 22, copy + done, whole - done < 16384 ? whole - done : 16384);
}

void talk_client_hello(struct talk *talk, const struct hello_plan *plan)
{
    static struct wire wire;
    wire.len = 0;
    wire_client_hello(&wire, plan);
    talk_message(talk, SIDE_CLIENT, 1, wire.at, wire.len);
}

void talk_server_hello(struct talk *talk, const struct server_plan *plan)
{
    static struct wire wire;
    wire.len = 0;
    wire_server_hello(&wire, plan);
    talk_message(talk, SIDE_SERVER, 2, wire.at, wire.len);
}

void talk_finished(struct talk *talk, enum side side, bool reset)
{
    tls_finished(talk->tls, side, (struct mark){ .time_ns = 1 }, reset);
}

size_t transcript_load(const char *name, uint8_t *out, size_t cap)
{
    char path[200];
    (void)snprintf(path, sizeof path, "tests/unit/tls/data/%s.bin", name);
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        fail_msg("%s cannot be opened; tests run in the source folder", path);
    size_t len = fread(out, 1, cap, file);
    (void)fclose(file);
    assert_true(len > 0 && len < cap);
    return len;
}

/* Records of clear handshake bytes, cut into smaller ones; everything else as it is. */
static void resplit(struct wire *out, struct reader bytes, size_t split, bool *sealed)
{
    while (reader_more(&bytes)) {
        struct reader header = reader_take(&bytes, 5);
        struct reader peek = header;
        uint8_t type = reader_u8(&peek);
        uint16_t version = reader_u16(&peek);
        struct reader payload = reader_take(&bytes, reader_u16(&peek));
        assert_true(reader_ok(&payload));
        if (type == 20)
            *sealed = true;
        size_t piece = type == 22 && !*sealed && split > 0 ? split : payload.left;
        while (reader_more(&payload)) {
            struct reader part_of =
                reader_take(&payload, piece < payload.left ? piece : payload.left);
            wire_uint(out, type, 1);
            wire_uint(out, version, 2);
            wire_uint(out, (uint32_t)part_of.left, 2);
            wire_bytes(out, part_of.at, part_of.left);
        }
    }
}

void talk_play(struct talk *talk, const char *name, size_t split)
{
    static uint8_t file[65536];
    static struct wire wire;
    struct reader rest = reader_of(file, transcript_load(name, file, sizeof file));
    bool sealed[SIDE_COUNT] = { false, false };

    while (reader_more(&rest)) {
        enum side side = reader_u8(&rest) == 0 ? SIDE_CLIENT : SIDE_SERVER;
        struct reader bytes = reader_take(&rest, reader_uint(&rest, 4));
        assert_true(reader_ok(&bytes));
        wire.len = 0;
        resplit(&wire, bytes, split, &sealed[side]);
        talk_bytes(talk, side, wire.at, wire.len);
    }
}
