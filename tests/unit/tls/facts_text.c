/* SPDX-License-Identifier: Apache-2.0
 * facts_text.c - all facts as text, so that two runs can be compared and a difference be read.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "wire.h"

static char text[65536];
static size_t text_len;

static void say(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void say(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    /* The analyzer loses sight of va_start() here. */
    int len = vsnprintf(/* NOLINT(clang-analyzer-valist.Uninitialized) */
                        text + text_len, sizeof text - text_len, format, args);
    va_end(args);
    assert_true(len >= 0 && text_len + (size_t)len < sizeof text);
    text_len += (size_t)len;
}

static void say_list(const char *name, struct u16_list list)
{
    say("%s:", name);
    for (size_t i = 0; i < list.count; i++)
        say(" %04x", list.at[i]);
    say("\n");
}

static void say_chain(const char *name, const struct tls_chain *chain)
{
    say("%s: seen %d malformed %d too_large %d wire %" PRIu32, name, chain->seen, chain->malformed,
        chain->too_large, chain->wire_len);
    for (size_t i = 0; i < chain->count; i++) {
        uint32_t sum = 0;
        for (struct reader der = chain->certificates[i]; reader_more(&der);)
            sum = sum * 31 + reader_u8(&der);
        say(" %zu/%08" PRIx32, chain->certificates[i].left, sum);
    }
    say("\n");
}

const char *facts_text(const struct tls_facts *facts)
{
    const struct tls_client_hello *client = &facts->client_hello;
    const struct tls_server_hello *server = &facts->server_hello;

    text_len = 0;
    say("began %d %d hellos %" PRIu32 " %" PRIu32 " retry %d %04x first %04x\n", facts->began[0],
        facts->began[1], facts->client_hellos, facts->server_hellos, facts->hello_retry,
        facts->hello_retry_group, facts->first_version_max);
    say("client: %d ssl2 %d %04x %04x name %.*s alpn %zu sid %zu %s %s malformed %d grease %" PRIu32
        " total %" PRIu32 "\n",
        client->seen, client->ssl2, client->version, client->version_max,
        (int)client->server_name.len, client->server_name.at == NULL ? "" : client->server_name.at,
        client->alpn_count, client->session_id_len, client->ja3, client->ja4, client->malformed,
        client->grease, client->extensions_total);
    say_list("ciphers", client->ciphers);
    say_list("extensions", client->extensions);
    say_list("groups", client->groups);
    say_list("shares", client->key_shares);
    say_list("signatures", client->signature_algorithms);
    say_list("versions", client->versions);
    say("server: %d ssl2 %d %04x %04x %04x %06" PRIx32
        " share %04x psk %d alpn %.*s echo %d %s %d\n",
        server->seen, server->ssl2, server->legacy_version, server->version, server->cipher,
        server->ssl2_kind, server->key_share, server->psk, (int)server->alpn.len,
        server->alpn.at == NULL ? "" : server->alpn.at, server->session_id_echoed, server->ja3s,
        server->malformed);
    say_list("extensions", server->extensions);
    say("key: %d %d %04x %" PRIu32 " %04x %d\n", facts->key_exchange.seen,
        facts->key_exchange.malformed, facts->key_exchange.group, facts->key_exchange.dh_bits,
        facts->key_exchange.signature_algorithm, facts->key_exchange.anonymous);
    say_chain("server chain", &facts->server_chain);
    say_chain("client chain", &facts->client_chain);
    say("flags %d%d%d %d%d%d%d%d verify %04x\n", facts->client_certificate_requested,
        facts->client_certificate_sent, facts->client_certificate_empty, facts->server_hello_done,
        facts->client_key_exchange, facts->certificate_verify, facts->ocsp_staple,
        facts->new_ticket, facts->certificate_verify_algorithm);
    say("visible %d established %d at %" PRIu64 " resumed %d stage %s lost %d %d ssl2 %d\n",
        facts->visible, facts->established, facts->established_at.frame, facts->resumed,
        tls_stage_name(facts->stage), facts->lost[0], facts->lost[1], facts->ssl2);
    for (size_t i = 0; i < facts->alert_count; i++)
        say("alert %d %d %u %u %d %" PRIu32 " @%" PRIu64 "\n", facts->alerts[i].side,
            facts->alerts[i].encrypted, facts->alerts[i].level, facts->alerts[i].code,
            facts->alerts[i].stage, facts->alerts[i].record_len, facts->alerts[i].where.frame);
    for (size_t i = 0; i < facts->note_count; i++)
        say("note %d %d %" PRIu32 " %" PRIu32 " @%" PRIu64 "\n", facts->notes[i].kind,
            facts->notes[i].side, facts->notes[i].code, facts->notes[i].len,
            facts->notes[i].where.frame);
    for (size_t side = 0; side < SIDE_COUNT; side++) {
        const struct tls_encrypted *seen = &facts->encrypted[side];
        say("encrypted %d %" PRIu32 " %" PRIu32 " %" PRIu64 " %u %u %" PRIu32 " @%" PRIu64
            " @%" PRIu64 ":",
            seen->ccs, seen->handshake_records, seen->application_records, seen->application_bytes,
            seen->last_length, seen->last_type, seen->alerts, seen->last_at.frame,
            seen->ccs_at.frame);
        for (size_t i = 0; i < seen->first_count; i++)
            say(" %u", seen->first_lengths[i]);
        say("\n");
    }
    return text;
}
