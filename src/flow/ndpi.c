/* SPDX-License-Identifier: Apache-2.0
 * ndpi.c - the one file that knows nDPI (4.2): it is shown a made-up TCP connection that carries
 * the bytes of the real one.
 *
 * The connection's ports are made up too. nDPI would name HTTP on port 25 "smtp" and TLS on port
 * 993 "imaps"; what is asked here is what the bytes are. So an answer depends on the bytes and on
 * who sent first, and on nothing else.
 */
#include "foreign.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <ndpi_api.h>

#include "hash.h"
#include "log.h"

enum {
    IP_HEADER = 20,
    TCP_HEADER = 20,
    HEADERS = IP_HEADER + TCP_HEADER,
    NAME_SIZE = 32,
    PROTOCOLS = NDPI_MAX_SUPPORTED_PROTOCOLS + NDPI_MAX_NUM_CUSTOM_PROTOCOLS,
};

struct foreign {
    struct ndpi_detection_module_struct *module; /* NULL until the first question */
    bool unusable;                               /* loading it failed; it is not tried again */
    uint64_t calls;
    char names[PROTOCOLS][NAME_SIZE]; /* lower case, filled when first needed */
};

/* nDPI's initialisation must not run twice at a time, and its parsers fill tables of the library on
 * first use. Questions are rare and take microseconds: one at a time in the whole process. */
static pthread_mutex_t library = PTHREAD_MUTEX_INITIALIZER;

/* The made-up connection. */
struct talk {
    struct foreign *foreign;
    struct ndpi_flow_struct *flow;
    uint32_t address[2]; /* client, server */
    uint32_t next_seq[2];
    uint64_t time_ms;
    ndpi_protocol answer;
};

struct foreign *foreign_new(void) { return calloc(1, sizeof(struct foreign)); }

void foreign_free(struct foreign *foreign)
{
    if (foreign == NULL)
        return;
    if (foreign->module != NULL) {
        pthread_mutex_lock(&library);
        ndpi_exit_detection_module(foreign->module);
        pthread_mutex_unlock(&library);
    }
    free(foreign);
}

uint64_t foreign_calls(const struct foreign *foreign) { return foreign->calls; }

/* Tor's host list says nothing about bytes; gcrypt is for QUIC, which is not TCP. */
static bool module_load(struct foreign *foreign)
{
    if (foreign->module != NULL || foreign->unusable)
        return foreign->module != NULL;

    NDPI_PROTOCOL_BITMASK all;
    NDPI_BITMASK_SET_ALL(all);
    foreign->module =
        ndpi_init_detection_module(ndpi_dont_load_tor_hosts | ndpi_dont_init_libgcrypt);
    if (foreign->module == NULL) {
        foreign->unusable = true;
        log_error("nDPI cannot be initialised: protocols other than mail are not named");
        return false;
    }
    ndpi_set_protocol_detection_bitmask2(foreign->module, &all);
    ndpi_finalize_initialization(foreign->module);
    return true;
}

/* nDPI remembers hosts of earlier flows (BitTorrent peers, TLS certificates). Addresses in
 * 10.0.0.0/8 that are a hash of all that is shown keep questions apart, so that no answer depends
 * on an earlier one. */
static void addresses_choose(struct talk *talk, const void *client, size_t client_len,
                             const void *server, size_t server_len, int client_first)
{
    uint64_t key = hash_bytes(client, client_len, client_first ? 1 : 0);
    key = hash_bytes(server, server_len, key);
    talk->address[0] = 0x0a000000 | (uint32_t)(key & 0xffffff);
    talk->address[1] = 0x0a000000 | (uint32_t)(key >> 24 & 0xffffff);
}

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

/* Checksums stay zero: nDPI does not look at them. */
static void say(struct talk *talk, unsigned from, uint8_t flags, const void *payload, size_t len)
{
    static const uint16_t ports[2] = { 61000, 60001 }; /* nobody's */
    _Alignas(8) uint8_t bytes[HEADERS + FOREIGN_BYTES] = { 0 };
    uint8_t *ip = bytes, *tcp = bytes + IP_HEADER;
    unsigned to = 1 - from;
    size_t total = HEADERS + len;

    ip[0] = 0x45; /* version 4, five words */
    put16(ip + 2, (uint32_t)total);
    ip[6] = 0x40; /* don't fragment */
    ip[8] = 64;
    ip[9] = 6;
    put32(ip + 12, talk->address[from]);
    put32(ip + 16, talk->address[to]);
    put16(tcp, ports[from]);
    put16(tcp + 2, ports[to]);
    put32(tcp + 4, talk->next_seq[from]);
    put32(tcp + 8, (flags & TCP_ACK) != 0 ? talk->next_seq[to] : 0);
    tcp[12] = 5 << 4;
    tcp[13] = flags;
    put16(tcp + 14, 0xffff);
    if (len > 0)
        memcpy(tcp + TCP_HEADER, payload, len);

    talk->answer = ndpi_detection_process_packet(talk->foreign->module, talk->flow, bytes,
                                                 (unsigned short)total, talk->time_ms++);
    talk->next_seq[from] += (uint32_t)len + ((flags & TCP_SYN) != 0 ? 1 : 0);
}

static void say_payload(struct talk *talk, unsigned from, const void *payload, size_t len)
{
    if (len > 0)
        say(talk, from, TCP_PSH | TCP_ACK, payload, len);
}

/* The protocol itself (master) is what is spoken; `app` would be whose service it is. */
static const char *protocol_name(struct foreign *foreign, ndpi_protocol protocol)
{
    unsigned id = protocol.master_protocol != NDPI_PROTOCOL_UNKNOWN ? protocol.master_protocol
                                                                    : protocol.app_protocol;
    if (id == NDPI_PROTOCOL_UNKNOWN || id >= PROTOCOLS)
        return NULL;

    char *name = foreign->names[id];
    if (*name == '\0') {
        const char *theirs = ndpi_get_proto_name(foreign->module, (uint16_t)id);
        for (size_t i = 0; theirs != NULL && i < NAME_SIZE - 1 && theirs[i] != '\0'; i++)
            name[i] =
                (char)(theirs[i] >= 'A' && theirs[i] <= 'Z' ? theirs[i] + ('a' - 'A') : theirs[i]);
    }
    return *name == '\0' ? NULL : name;
}

const char *foreign_name(struct foreign *foreign, const void *client, size_t client_len,
                         const void *server, size_t server_len, int client_first,
                         uint16_t client_port, uint16_t server_port)
{
    (void)client_port;
    (void)server_port;
    const char *name = NULL;
    pthread_mutex_lock(&library);
    if (!module_load(foreign))
        goto out;
    foreign->calls++;
    struct talk talk = {
        .foreign = foreign,
        .flow = ndpi_flow_malloc(SIZEOF_FLOW_STRUCT),
        .next_seq = { 1000, 2000 },
        .time_ms = 1000,
    };
    if (talk.flow == NULL)
        goto out;
    memset(talk.flow, 0, SIZEOF_FLOW_STRUCT);
    client_len = client_len < FOREIGN_BYTES ? client_len : FOREIGN_BYTES;
    server_len = server_len < FOREIGN_BYTES ? server_len : FOREIGN_BYTES;
    addresses_choose(&talk, client, client_len, server, server_len, client_first);

    say(&talk, 0, TCP_SYN, NULL, 0);
    say(&talk, 1, TCP_SYN | TCP_ACK, NULL, 0);
    say(&talk, 0, TCP_ACK, NULL, 0);
    if (client_first)
        say_payload(&talk, 0, client, client_len);
    say_payload(&talk, 1, server, server_len);
    if (!client_first)
        say_payload(&talk, 0, client, client_len);
    if (talk.answer.app_protocol == NDPI_PROTOCOL_UNKNOWN &&
        talk.answer.master_protocol == NDPI_PROTOCOL_UNKNOWN) {
        uint8_t guessed = 0;
        talk.answer = ndpi_detection_giveup(foreign->module, talk.flow, 0, &guessed);
    }
    name = protocol_name(foreign, talk.answer);
    ndpi_free_flow(talk.flow);
out:
    pthread_mutex_unlock(&library);
    return name;
}
