/* SPDX-License-Identifier: Apache-2.0
 * template.c - loads sessions, and stamps out copies with right checksums. Checksums of copies are
 * updated by the difference (RFC 1624), which is what makes a gigabyte a matter of seconds.
 */
#include "template.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ETHER = 14, FLAG_FIN = 1, FLAG_SYN = 2, FLAG_PSH = 8, FLAG_ACK = 16, SEGMENT = 1448 };

static void fail(const char *what, const char *where)
{
    fprintf(stderr, "generate: %s: %s\n", where, what);
    exit(1);
}

static uint16_t get16(const uint8_t *at) { return (uint16_t)(at[0] << 8 | at[1]); }

static uint32_t get32(const uint8_t *at) { return (uint32_t)get16(at) << 16 | get16(at + 2); }

static void put16(uint8_t *at, uint32_t value)
{
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
}

static void put32(uint8_t *at, uint32_t value)
{
    put16(at, value >> 16);
    put16(at + 2, value & 0xffff);
}

/* xorshift64*: the same numbers on every machine. */
uint32_t random_next(uint64_t *state)
{
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return (uint32_t)((*state * UINT64_C(2685821657736338717)) >> 32);
}

static size_t tcp_at(const uint8_t *frame)
{
    return frame[ETHER] >> 4 == 4 ? ETHER + (size_t)(frame[ETHER] & 15) * 4 : ETHER + 40;
}

static size_t payload_at(const uint8_t *frame)
{
    size_t tcp = tcp_at(frame);
    return tcp + (size_t)(frame[tcp + 12] >> 4) * 4;
}

/* The places of the last four bytes of source and target address. */
static size_t source_at(const uint8_t *frame)
{
    return frame[ETHER] >> 4 == 4 ? ETHER + 12 : ETHER + 8 + 12;
}

static size_t target_at(const uint8_t *frame)
{
    return source_at(frame) + (frame[ETHER] >> 4 == 4 ? 4 : 16);
}

static uint32_t sum(uint32_t total, const uint8_t *at, size_t len)
{
    for (size_t i = 0; i + 1 < len; i += 2)
        total += get16(at + i);
    return len % 2 != 0 ? total + (uint32_t)(at[len - 1] << 8) : total;
}

static uint16_t fold(uint32_t total)
{
    while (total >> 16 != 0)
        total = (total & 0xffff) + (total >> 16);
    return (uint16_t)total;
}

/* Both checksums from nothing, after a change of length. */
static void checksums_make(uint8_t *frame, size_t len)
{
    size_t tcp = tcp_at(frame), tcp_len = len - tcp;
    size_t addresses = frame[ETHER] >> 4 == 4 ? 8 : 32;
    size_t first = frame[ETHER] >> 4 == 4 ? ETHER + 12 : ETHER + 8;

    if (frame[ETHER] >> 4 == 4) {
        put16(frame + ETHER + 2, (uint32_t)(len - ETHER));
        put16(frame + ETHER + 10, 0);
        put16(frame + ETHER + 10, (uint16_t)~fold(sum(0, frame + ETHER, 20)));
    } else {
        put16(frame + ETHER + 4, (uint32_t)tcp_len);
    }
    put16(frame + tcp + 16, 0);
    uint32_t total = sum(6 + (uint32_t)tcp_len, frame + first, addresses);
    put16(frame + tcp + 16, (uint16_t)~fold(sum(total, frame + tcp, tcp_len)));
}

/* Replaces an aligned 32-bit word and keeps the checksums that cover it right. */
static void change32(uint8_t *at, uint32_t value, uint8_t *first_sum, uint8_t *second_sum)
{
    uint32_t old = get32(at);
    uint8_t *sums[] = { first_sum, second_sum };

    put32(at, value);
    for (size_t i = 0; i < 2; i++) {
        if (sums[i] == NULL)
            continue;
        uint32_t total = (uint16_t)~get16(sums[i]);
        total += (uint16_t) ~(old >> 16) + (uint32_t)(uint16_t)~old;
        total += (value >> 16) + (value & 0xffff);
        put16(sums[i], (uint16_t)~fold(total));
    }
}

static struct frame *frame_add(struct template *template)
{
    if (template->count == template->cap) {
        template->cap = template->cap == 0 ? 64 : template->cap * 2;
        template->frames = realloc(template->frames, template->cap * sizeof template->frames[0]);
    }
    uint8_t *bytes = calloc(1, FRAME_BYTES);
    if (template->frames == NULL || bytes == NULL)
        fail("no memory", "templates");
    struct frame *frame = &template->frames[template->count++];
    *frame = (struct frame){ .bytes = bytes };
    return frame;
}

/* Finds bytes inside the signature of the first certificate: the last ones of the first entry of a
 * Certificate message (RFC 5246 section 7.4.2) in the server's stream. */
static void vary_find(struct template *template)
{
    static uint8_t stream[65536];
    static size_t frame_of[sizeof stream], at_of[sizeof stream];
    size_t used = 0;

    for (size_t i = 0; i < template->count; i++) {
        const struct frame *frame = &template->frames[i];
        for (size_t at = payload_at(frame->bytes); !frame->client && at < frame->len; at++) {
            if (used == sizeof stream)
                return;
            frame_of[used] = i;
            at_of[used] = at;
            stream[used++] = frame->bytes[at];
        }
    }
    for (size_t at = 0; at + 20 < used; at++) {
        if (stream[at] != 11 || stream[at + 1] != 0 || stream[at + 4] != 0 || stream[at + 7] != 0 ||
            stream[at + 10] != 0x30 || stream[at + 11] != 0x82)
            continue;
        size_t end = at + 10 + get16(stream + at + 8);
        if (get16(stream + at + 2) != get16(stream + at + 5) + 3 || end > used)
            continue;
        for (size_t i = 0; i < VARY_BYTES; i++) {
            template->vary_frame[i] = frame_of[end - VARY_BYTES - 4 + i];
            template->vary_at[i] = at_of[end - VARY_BYTES - 4 + i];
        }
        template->can_vary = true;
        return;
    }
}

static struct template *template_of(struct template *templates, size_t first, size_t *count,
                                    const uint8_t *bytes, const char *path)
{
    size_t tcp = tcp_at(bytes);
    uint16_t source = get16(bytes + tcp), target = get16(bytes + tcp + 2);

    for (size_t i = first; i < *count; i++)
        if ((templates[i].client_port == source && templates[i].server_port == target) ||
            (templates[i].client_port == target && templates[i].server_port == source))
            return &templates[i];
    if ((bytes[tcp + 13] & (FLAG_SYN | FLAG_ACK)) != FLAG_SYN)
        fail("a connection without its first SYN", path);
    if (*count == TEMPLATES)
        fail("more connections than there is room for", path);
    templates[*count] = (struct template){ .client_port = source,
                                           .server_port = target,
                                           .ip_version = bytes[ETHER] >> 4 };
    return &templates[(*count)++];
}

void templates_load(const char *path, struct template *templates, size_t *count)
{
    FILE *file = fopen(path, "rb");
    uint32_t head[6], record[4];
    size_t first = *count;

    if (file == NULL)
        fail("cannot be opened", path);
    if (fread(head, sizeof head, 1, file) != 1 || head[0] != 0xa1b2c3d4 || head[5] != 1)
        fail("no pcap of this machine's byte order with Ethernet", path);
    while (fread(record, sizeof record, 1, file) == 1) {
        uint8_t bytes[FRAME_BYTES];
        size_t len = record[2];
        if (len > sizeof bytes - 64 || len < 54 || fread(bytes, len, 1, file) != 1)
            fail("a frame too large, too short or cut off", path);
        uint16_t type = get16(bytes + 12);
        if (!(type == 0x0800 && bytes[ETHER + 9] == 6) &&
            !(type == 0x86dd && bytes[ETHER + 6] == 6))
            continue;
        struct template *template = template_of(templates, first, count, bytes, path);
        struct frame *frame = frame_add(template);
        int64_t now = (int64_t)record[0] * 1000000000 + (int64_t)record[1] * 1000;
        frame->len = len;
        frame->client = get16(bytes + tcp_at(bytes)) == template->client_port;
        memcpy(frame->bytes, bytes, len);
        frame->after_ns = now; /* until all are there */
    }
    fclose(file);
    for (size_t i = first; i < *count; i++) {
        int64_t start = templates[i].frames[0].after_ns;
        for (size_t j = 0; j < templates[i].count; j++)
            templates[i].frames[j].after_ns -= start;
        vary_find(&templates[i]);
    }
}

void template_free(struct template *template)
{
    for (size_t i = 0; i < template->count; i++)
        free(template->frames[i].bytes);
    free(template->frames);
}

/* Fills with TLS records of application data; `at` is the offset in the bulk stream. */
static void bulk_fill(uint8_t *out, size_t len, size_t at, uint64_t *random)
{
    static const uint8_t head[5] = { 23, 3, 3, 0x40, 0x18 };

    for (size_t i = 0; i < len; i++) {
        size_t in_record = (at + i) % (sizeof head + 0x4018);
        out[i] = in_record < sizeof head ? head[in_record] : (uint8_t)(random_next(random) >> 24);
    }
}

struct template template_with_bulk(const struct template *from, size_t bytes, uint16_t port)
{
    struct template to = { .client_port = from->client_port,
                           .server_port = port != 0 ? port : from->server_port,
                           .ip_version = from->ip_version };
    uint64_t random = 88172645463325252u;
    size_t last = 0, full = bytes / (5 + 0x4018) * (5 + 0x4018);
    int64_t delay = 0;
    uint32_t added = 0;

    /* The last data of the server before anybody says FIN or RST. */
    for (size_t i = 0; i < from->count; i++) {
        const uint8_t *frame = from->frames[i].bytes;
        if ((frame[tcp_at(frame) + 13] & (FLAG_FIN | 4)) != 0)
            break;
        if (!from->frames[i].client && from->frames[i].len > payload_at(frame))
            last = i;
    }
    for (size_t i = 0; i < from->count; i++) {
        const struct frame *old = &from->frames[i];
        struct frame *frame = frame_add(&to);
        size_t tcp = tcp_at(old->bytes);
        uint8_t *buffer = frame->bytes;

        memcpy(buffer, old->bytes, old->len);
        frame->len = old->len;
        frame->client = old->client;
        frame->after_ns = old->after_ns + delay;
        put16(buffer + tcp + (old->client ? 2 : 0), to.server_port);
        size_t place = tcp + (old->client ? 8 : 4);
        put32(buffer + place, get32(buffer + place) + added);
        checksums_make(buffer, frame->len);
        if (i != last)
            continue;
        uint32_t seq = get32(old->bytes + tcp + 4) + (uint32_t)(old->len - payload_at(old->bytes));
        for (size_t at = 0; at < full; at += SEGMENT) {
            size_t len = full - at < SEGMENT ? full - at : SEGMENT;
            struct frame *more = frame_add(&to);
            size_t start = payload_at(old->bytes);
            memcpy(more->bytes, old->bytes, start);
            put16(more->bytes + tcp, to.server_port);
            put32(more->bytes + tcp + 4, seq + (uint32_t)at);
            bulk_fill(more->bytes + start, len, at, &random);
            more->len = start + len;
            delay += 12000; /* a gigabit a second */
            more->after_ns = old->after_ns + delay;
            checksums_make(more->bytes, more->len);
        }
        added = (uint32_t)full;
    }
    vary_find(&to);
    return to;
}

size_t template_frame(const struct template *template, size_t index, const struct copy *copy,
                      uint8_t *out)
{
    const struct frame *frame = &template->frames[index];
    size_t tcp = tcp_at(frame->bytes);
    bool four = template->ip_version == 4;

    memcpy(out, frame->bytes, frame->len);
    uint8_t *ip_sum = four ? out + ETHER + 10 : NULL, *tcp_sum = out + tcp + 16;
    size_t client = frame->client ? source_at(out) : target_at(out);
    size_t server = frame->client ? target_at(out) : source_at(out);

    change32(out + client, copy->client_host, ip_sum, tcp_sum);
    change32(out + server, copy->server_host, ip_sum, tcp_sum);
    uint32_t ports = frame->client ? (uint32_t)copy->client_port << 16 | template->server_port
                                   : (uint32_t) template->server_port << 16 | copy->client_port;
    change32(out + tcp, ports, tcp_sum, NULL);
    uint32_t own = frame->client ? copy->client_shift : copy->server_shift;
    uint32_t peer = frame->client ? copy->server_shift : copy->client_shift;
    change32(out + tcp + 4, get32(out + tcp + 4) + own, tcp_sum, NULL);
    if ((out[tcp + 13] & FLAG_ACK) != 0)
        change32(out + tcp + 8, get32(out + tcp + 8) + peer, tcp_sum, NULL);
    for (size_t i = 0; template->can_vary && i < VARY_BYTES; i++)
        if (template->vary_frame[i] == index && copy->vary[i] != 0) {
            uint8_t *word = out + tcp + ((template->vary_at[i] - tcp) & ~(size_t)3);
            uint8_t changed[4];
            size_t room = frame->len - (size_t)(word - out);
            /* The checksum of a frame's last, incomplete word counts the missing bytes as zeros. */
            memcpy(changed, word, 4);
            changed[template->vary_at[i] - (size_t)(word - out)] ^= copy->vary[i];
            if (room >= 4)
                change32(word, get32(changed), tcp_sum, NULL);
        }
    return frame->len;
}
