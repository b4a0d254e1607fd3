/* SPDX-License-Identifier: Apache-2.0
 * test_open_sessions.c - how many bytes of memory an open session holds: what a sensor needs is
 * that times the connections that mail clients leave open for hours.
 *
 * The sessions of a sample are played again and again, each from another client and without its
 * end. Bytes are counted where the code of this project asks for them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "session.h"

/* --- all memory of the stages comes through here (linked with --wrap) --- */

void *__real_malloc(size_t len);
void *__real_calloc(size_t count, size_t len);
void *__real_realloc(void *at, size_t len);
void __real_free(void *at);
void *__wrap_malloc(size_t len);
void *__wrap_calloc(size_t count, size_t len);
void *__wrap_realloc(void *at, size_t len);
void __wrap_free(void *at);

static size_t in_use; /* with what an allocation costs besides */
enum { PER_ALLOCATION = 8 };

static size_t size_of(void *at) { return at == NULL ? 0 : malloc_usable_size(at) + PER_ALLOCATION; }

static void *counted(void *at)
{
    in_use += size_of(at);
    return at;
}

void *__wrap_malloc(size_t len) { return counted(__real_malloc(len)); }
void *__wrap_calloc(size_t count, size_t len) { return counted(__real_calloc(count, len)); }

void *__wrap_realloc(void *at, size_t len)
{
    size_t before = size_of(at);
    void *moved = __real_realloc(at, len);
    if (moved != NULL)
        in_use -= before;
    return counted(moved);
}

void __wrap_free(void *at)
{
    in_use -= size_of(at);
    __real_free(at);
}

/* --- the packets of a sample: little-endian pcap with Ethernet --- */

enum { MOST_PACKETS = 400, FILE_BYTES = 1 << 18, FILE_HEADER = 24, RECORD_HEADER = 16 };
struct sample {
    uint8_t bytes[FILE_BYTES];
    struct packet packets[MOST_PACKETS];
    size_t count;
};

static uint32_t little(const uint8_t *at)
{
    return (uint32_t)at[3] << 24 | (uint32_t)at[2] << 16 | (uint32_t)at[1] << 8 | at[0];
}

/* Without the packets that end the connection. */
static void sample_read(struct sample *sample, const char *name)
{
    char path[128];
    snprintf(path, sizeof path, "samples/%s.pcap", name);
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    size_t len = fread(sample->bytes, 1, sizeof sample->bytes, file);
    fclose(file);
    assert_in_range(len, FILE_HEADER, sizeof sample->bytes - 1);
    assert_int_equal(little(sample->bytes), 0xa1b2c3d4);

    struct packet_decoder *decoder = packet_decoder_new(0);
    sample->count = 0;
    for (size_t at = FILE_HEADER, number = 1; at < len; number++) {
        const uint8_t *record = sample->bytes + at;
        struct frame frame = { .time_ns = little(record) * INT64_C(1000000000) +
                                          little(record + 4) * INT64_C(1000),
                               .number = number,
                               .data = record + RECORD_HEADER,
                               .captured = little(record + 8),
                               .wire = little(record + 12),
                               .link_type = 1 };
        struct packet packet;
        at += RECORD_HEADER + frame.captured;
        if (packet_decode(decoder, &frame, 0, &packet) != PACKET_TCP ||
            (packet.tcp_flags & (TCP_FIN | TCP_RST)) != 0)
            continue;
        assert_true(sample->count < MOST_PACKETS);
        packet.clock_ns = packet.time_ns;
        sample->packets[sample->count++] = packet;
    }
    packet_decoder_free(decoder);
}

static void play(struct shard *shard, const struct sample *sample, uint32_t client)
{
    struct address address = { .bytes = { 10, (uint8_t)(client >> 16), (uint8_t)(client >> 8),
                                          (uint8_t)client } };
    uint16_t port = sample->packets[0].source_port;
    for (size_t i = 0; i < sample->count; i++) {
        struct packet packet = sample->packets[i];
        *(packet.source_port == port ? &packet.source : &packet.target) = address;
        shard_packet(shard, &packet);
    }
}

static bool ignore(void *to, struct session_record *record)
{
    *(size_t *)to += record->tls != NULL && record->tls->established == TRI_YES;
    return true;
}

static void test_an_open_session_is_small(void **state)
{
    static const struct {
        const char *sample;
        size_t most; /* bytes; raising it needs a reason */
        bool ours;   /* on a mail port */
    } cases[] = {
        { "imap-starttls-tls12", 7450, true },
        { "smtp-starttls-tls12", 7050, true },
        { "imap-implicit-tls13", 4350, true },
        { "imap-implicit-tls13", 1150, false }, /* as any connection of others */
    };
    enum { WARM = 100, MORE = 500 };
    static const uint16_t ports[] = { 25, 143, 993 };
    static struct sample sample;
    (void)state;

    for (size_t c = 0; c < sizeof cases / sizeof cases[0]; c++) {
        size_t established = 0;
        struct session_options options = { .ports = ports,
                                           .port_count =
                                               cases[c].ours ? sizeof ports / sizeof ports[0] : 0,
                                           .report_after_ns = INT64_MAX / 2 };
        struct session_context context = { .options = &options,
                                           .cache = x509_cache_new(NULL, 16),
                                           .intern = intern_new(0),
                                           .budget = x509_budget_new(0, 16),
                                           .report = ignore,
                                           .to = &established };
        struct shard_options shard_options = { .max_flows = 1 << 20,
                                               .idle_timeout_ns = INT64_MAX / 2,
                                               .closed_timeout_ns = INT64_MAX / 2,
                                               .opening_timeout_ns = INT64_MAX / 2,
                                               .max_buffered_bytes = 1 << 20,
                                               .ports = ports,
                                               .port_count = options.port_count };
        sample_read(&sample, cases[c].sample);
        struct shard *shard = shard_new(&shard_options, session_sink(), &context);
        for (uint32_t i = 0; i < WARM; i++)
            play(shard, &sample, i);
        size_t before = in_use;
        for (uint32_t i = WARM; i < WARM + MORE; i++)
            play(shard, &sample, i);
        size_t each = (in_use - before) / MORE;
        print_message("%s: %zu bytes\n", cases[c].sample, each);
        if (each > cases[c].most)
            fail_msg("%s: an open session holds %zu bytes, more than %zu", cases[c].sample, each,
                     cases[c].most);

        shard_finish(shard, sample.packets[sample.count - 1].clock_ns);
        assert_int_equal(established, cases[c].ours ? WARM + MORE : 0);
        assert_int_equal(intern_count(context.intern), 0);
        shard_free(shard);
        x509_budget_free(context.budget);
        intern_free(context.intern);
        x509_cache_free(context.cache);
    }
    assert_int_equal(in_use, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_an_open_session_is_small) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
