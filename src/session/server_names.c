/* SPDX-License-Identifier: Apache-2.0
 * server_names.c - the names that a server's certificate should carry, and whether it does.
 *
 * RFC 9525 section 6: reference identities, here those that a listener can know. The order is by
 * weight: what the client asked for, what the operator says, what the server calls itself, and the
 * address, which is the reference when somebody entered an address instead of a name.
 */
#include <arpa/inet.h>

#include "session_state.h"

static void add(struct session_record *record, struct x509_cache *cache,
                enum session_name_source source, struct text name)
{
    if (name.len == 0 || record->name_count == LIMIT_SERVER_NAMES)
        return;
    for (size_t i = 0; i < record->name_count; i++)
        if (text_same_nocase(record->names[i].name, name))
            return; /* it is there with more weight */
    const struct reader *ders = record->tls->server_chain.certificates;
    const struct certificate *leaf = &record->chain->certificates[0];
    enum session_name_match match = NAME_DIFFERS;
    if (x509_chain_matches(cache, record->chain, ders, name, false))
        match = NAME_MATCHES;
    else if (leaf->name_count == 0 && x509_chain_matches(cache, record->chain, ders, name, true))
        match = NAME_ONLY_IN_CN;
    record->names[record->name_count++] =
        (struct session_name){ .source = source, .name = name, .match = match };
}

void server_names_fill(struct session_record *record, const struct session_context *context)
{
    const struct session_options *options = context->options;
    const struct address *server = &record->flow->server;
    uint8_t family = record->flow->ip_version == 4 ? 4 : 6;
    if (record->chain->count == 0 || !record->chain->certificates[0].parsed)
        return;

    if (!record->tls->client_hello.ech) /* with it, the name in clear is that of a front */
        add(record, context->cache, NAME_SNI, record->tls->client_hello.server_name);
    /* Behind a proxy the address is the proxy's. */
    for (size_t i = 0; record->proxy == NULL && options->server_name != NULL; i++) {
        const char *name = options->server_name(options->policy, family, server->bytes, i);
        if (name == NULL || i == LIMIT_SERVER_NAMES / 2)
            break;
        add(record, context->cache, NAME_CONFIGURED, text_of(name));
    }
    if (record->mail != NULL)
        add(record, context->cache, NAME_BANNER, record->mail->banner_host);
    if (record->proxy == NULL && inet_ntop(family == 4 ? AF_INET : AF_INET6, server->bytes,
                                           record->address, sizeof record->address) != NULL)
        add(record, context->cache, NAME_ADDRESS, text_of(record->address));
}
