/* SPDX-License-Identifier: Apache-2.0
 * filter.c - the user's filter in front of tags and fragments: IEEE 802.1Q, RFC 791 section 3.2,
 * RFC 8200 section 4.5.
 */
#include "filter.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "limits.h"
#include "log.h"
#include "reader.h"

enum { TAG_BYTES = 4, IPV4_HEADER = 20, IPV6_HEADER = 40 };
enum { TYPE_IPV4 = 0x0800, TYPE_IPV6 = 0x86dd, TYPE_NONE = 0 };

struct capture_filter {
    struct filter *program;
    bool tags;        /* the expression speaks of them */
    uint8_t *scratch; /* for frames put together anew; made at first need */
};

static const size_t scratch_bytes = (size_t)LIMIT_FRAME_BYTES + LIMIT_FRAGMENT_BYTES;

bool filter_speaks_of_tags(const char *expression)
{
    static const char word[] = "vlan", name[] = "_-.";
    for (const char *at = expression; *at != '\0';) {
        size_t len = 0;
        while (isalnum((unsigned char)at[len]) || (at[len] != '\0' && strchr(name, at[len])))
            len++;
        if (len == sizeof word - 1 && memcmp(at, word, len) == 0)
            return true;
        at += len > 0 ? len : 1;
    }
    return false;
}

struct capture_filter *capture_filter_new(const char *expression)
{
    struct capture_filter *filter = calloc(1, sizeof *filter);
    if (filter == NULL) {
        log_error("filter: out of memory");
        return NULL;
    }
    filter->program = filter_new(expression);
    filter->tags = filter_speaks_of_tags(expression);
    if (filter->program == NULL) {
        free(filter);
        return NULL;
    }
    return filter;
}

void capture_filter_free(struct capture_filter *filter)
{
    if (filter == NULL)
        return;
    filter_free(filter->program);
    free(filter->scratch);
    free(filter);
}

bool capture_filter_fits(struct capture_filter *filter, uint16_t link_type)
{
    return filter_fits(filter->program, link_type);
}

/* Where IP begins in a frame, tags passed. */
struct place {
    size_t head;    /* bytes of the link header, without tags */
    size_t type_at; /* of the type in it */
    size_t tags;    /* bytes of tags behind it */
    uint16_t type;  /* behind the tags; TYPE_NONE: not known */
};

/* clang-format off */
static const struct link_header {
    uint16_t link_type;
    uint8_t head, type_at;
} link_headers[] = {
    {   1, 14, 12 },
    { 113, 16, 14 }, /* Linux cooked */
    { 276, 20,  0 },
    /* without a type: IP says its version itself */
    {   0,  4,  0 }, { 12, 0, 0 }, { 14, 0, 0 }, { 101, 0, 0 }, { 108, 4, 0 }, { 228, 0, 0 }, { 229, 0, 0 },
};
/* clang-format on */
enum { TYPED = 3 }; /* rows of the table that have one */

static bool is_tag(uint16_t type)
{
    return type == 0x8100 || type == 0x88a8 || type == 0x9100 || type == 0x9200;
}

static uint16_t type_of_version(struct reader ip)
{
    uint8_t version = reader_u8(&ip) >> 4;
    return version == 4 ? TYPE_IPV4 : version == 6 ? TYPE_IPV6 : TYPE_NONE;
}

static struct place place_of(const struct frame *frame)
{
    struct place place = { 0 };
    size_t i = 0, count = sizeof link_headers / sizeof link_headers[0];
    while (i < count && link_headers[i].link_type != frame->link_type)
        i++;
    if (i == count)
        return place;
    place.head = link_headers[i].head;
    place.type_at = link_headers[i].type_at;

    struct reader at = reader_of(frame->data, frame->captured);
    struct reader head = reader_take(&at, place.head);
    if (i >= TYPED) {
        place.type = type_of_version(at);
        return place;
    }
    (void)reader_take(&head, place.type_at);
    place.type = reader_u16(&head);
    while (is_tag(place.type) && at.left >= TAG_BYTES) {
        (void)reader_u16(&at);
        place.type = reader_u16(&at);
        place.tags += TAG_BYTES;
    }
    return place;
}

static bool ipv6_is_fragment(struct reader ip)
{
    enum { HOP_BY_HOP = 0, ROUTING = 43, FRAGMENT = 44, AH = 51, DESTINATION = 60, MOBILITY = 135 };
    struct reader header = reader_take(&ip, IPV6_HEADER);
    (void)reader_take(&header, 6);
    uint8_t protocol = reader_u8(&header);
    for (unsigned i = 0; i < LIMIT_IPV6_EXTENSIONS && reader_ok(&ip); i++) {
        if (protocol != HOP_BY_HOP && protocol != ROUTING && protocol != FRAGMENT &&
            protocol != AH && protocol != DESTINATION && protocol != MOBILITY)
            return false;
        uint8_t next = reader_u8(&ip), units = reader_u8(&ip);
        if (protocol == FRAGMENT) /* even if it is the only one: what is behind it is not seen */
            return true;
        size_t len = protocol == AH ? (units + 2u) * 4u : (units + 1u) * 8u;
        (void)reader_take(&ip, len - 2);
        protocol = next;
    }
    return false;
}

static bool is_fragment(const struct frame *frame, const struct place *place)
{
    struct reader ip = reader_of(frame->data, frame->captured);
    (void)reader_take(&ip, place->head + place->tags);
    if (place->type == TYPE_IPV6)
        return ipv6_is_fragment(ip);
    if (place->type != TYPE_IPV4)
        return false;
    (void)reader_take(&ip, 6);
    return (reader_u16(&ip) & 0x3fff) != 0; /* a failed reader gives 0 */
}

/* The link header as the expression is to see it; returns its length. */
static size_t put_head(struct capture_filter *filter, const struct frame *frame,
                       const struct place *place)
{
    if (filter->tags) {
        memcpy(filter->scratch, frame->data, place->head + place->tags);
        return place->head + place->tags;
    }
    memcpy(filter->scratch, frame->data, place->head);
    if (place->tags > 0) {
        filter->scratch[place->type_at] = (uint8_t)(place->type >> 8);
        filter->scratch[place->type_at + 1] = (uint8_t)place->type;
    }
    return place->head;
}

static bool have_scratch(struct capture_filter *filter)
{
    if (filter->scratch == NULL)
        filter->scratch = malloc(scratch_bytes);
    return filter->scratch != NULL;
}

enum filter_result capture_filter_match(struct capture_filter *filter, const struct frame *frame)
{
    const struct place place = place_of(frame);
    if (is_fragment(frame, &place))
        return FILTER_YES;
    if (place.tags == 0 || filter->tags || !have_scratch(filter))
        return filter_match(filter->program, frame);

    struct frame bare = *frame;
    size_t from = place.head + place.tags, to = put_head(filter, frame, &place);
    memcpy(filter->scratch + to, frame->data + from, frame->captured - from);
    bare.data = filter->scratch;
    bare.captured -= (uint32_t)place.tags;
    bare.wire -= (uint32_t)place.tags;
    return filter_match(filter->program, &bare);
}

/* The header of the whole datagram: that of the fragment without its place. */
static size_t put_ip(uint8_t *out, struct reader ip, uint16_t type, uint8_t protocol, size_t len)
{
    struct reader header = reader_take(&ip, type == TYPE_IPV4 ? IPV4_HEADER : IPV6_HEADER);
    if (!reader_ok(&header))
        return 0;
    memcpy(out, header.at, header.left);
    size_t total = type == TYPE_IPV4 ? IPV4_HEADER + len : len;
    if (total > UINT16_MAX)
        total = UINT16_MAX;
    size_t len_at = type == TYPE_IPV4 ? 2 : 4;
    out[len_at] = (uint8_t)(total >> 8);
    out[len_at + 1] = (uint8_t)total;
    if (type == TYPE_IPV4) {
        out[0] = 0x40 | IPV4_HEADER / 4;
        out[6] &= 0x40; /* only "do not fragment" stays */
        out[7] = 0;
        out[9] = protocol;
    } else {
        out[6] = protocol;
    }
    return header.left;
}

bool capture_filter_joined(struct capture_filter *filter, const struct frame *frame,
                           uint8_t protocol, const uint8_t *bytes, size_t len)
{
    const struct place place = place_of(frame);
    if ((place.type != TYPE_IPV4 && place.type != TYPE_IPV6) || len > LIMIT_FRAGMENT_BYTES ||
        !have_scratch(filter))
        return true;
    struct reader ip = reader_of(frame->data, frame->captured);
    (void)reader_take(&ip, place.head + place.tags);
    size_t at = put_head(filter, frame, &place);
    at += put_ip(filter->scratch + at, ip, place.type, protocol, len);
    if (len > 0)
        memcpy(filter->scratch + at, bytes, len);
    struct frame whole = *frame;
    whole.data = filter->scratch;
    whole.captured = whole.wire = (uint32_t)(at + len);
    return filter_match(filter->program, &whole) == FILTER_YES;
}
