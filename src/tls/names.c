/* SPDX-License-Identifier: Apache-2.0
 * names.c - numbers of TLS as the registries name them.
 */
#include "data.h"
#include "tls.h"

#include <string.h>

/* The classes of the registry's rows are those of tls.h, bit by bit. */
_Static_assert((int)CIPHER_NULL == (int)DATA_CIPHER_NULL, "same first bit");
_Static_assert((int)CIPHER_CBC == (int)DATA_CIPHER_CBC, "same bits between");
_Static_assert((int)CIPHER_NO_PFS == (int)DATA_CIPHER_NO_PFS, "same bits between");
_Static_assert((int)CIPHER_NO_PKI == (int)DATA_CIPHER_NO_PKI, "same last bit");

const char *tls_stage_name(enum tls_stage stage)
{
    static const char *const names[] = {
        [TLS_STAGE_NONE] = "none",
        [TLS_STAGE_CLIENT_HELLO] = "client_hello",
        [TLS_STAGE_SERVER_HELLO] = "server_hello",
        [TLS_STAGE_CERTIFICATE] = "certificate",
        [TLS_STAGE_SERVER_DONE] = "server_done",
        [TLS_STAGE_CLIENT_KEY] = "client_key",
        [TLS_STAGE_ENCRYPTED] = "encrypted",
        [TLS_STAGE_ESTABLISHED] = "established",
    };
    return names[stage];
}

const char *tls_cipher_name(uint16_t cipher)
{
    const struct data_cipher *row = data_cipher(cipher);
    return row == NULL ? NULL : row->name;
}

unsigned tls_cipher_classes(uint16_t cipher)
{
    const struct data_cipher *row = data_cipher(cipher);
    return row == NULL ? 0 : row->classes;
}

const char *tls_hello_cipher_name(const struct tls_server_hello *hello)
{
    if (!hello->ssl2)
        return tls_cipher_name(hello->cipher);
    const struct data_ssl2_kind *row = data_ssl2_kind(hello->ssl2_kind);
    return row == NULL ? NULL : row->name;
}

unsigned tls_hello_cipher_classes(const struct tls_server_hello *hello)
{
    if (!hello->ssl2)
        return tls_cipher_classes(hello->cipher);
    const struct data_ssl2_kind *row = data_ssl2_kind(hello->ssl2_kind);
    return row == NULL ? 0 : row->classes;
}

const char *tls_group_name(uint16_t group)
{
    const struct data_group *row = data_group(group);
    return row == NULL ? NULL : row->name;
}

const char *tls_alert_name(uint8_t code) { return data_alert_name(code); }

const char *tls_signature_name(uint16_t scheme) { return data_signature_name(scheme); }

const char *tls_dh_prime_name(const uint8_t sha256[32])
{
    const struct data_prime *row = data_prime(sha256);
    return row == NULL ? NULL : row->name;
}

/* "1.3-draft28": the low byte of 0x7fxx (IETF) and 0xfbxx (Facebook) is the draft's number. The
 * experiments of Chrome, 0x7exx, have numbers of their own, so they have no name here. */
static const char *draft_text(uint8_t draft, char buffer[16])
{
    size_t len = sizeof "1.3-draft" - 1;
    memcpy(buffer, "1.3-draft", len);
    if (draft >= 100)
        buffer[len++] = (char)('0' + draft / 100);
    if (draft >= 10)
        buffer[len++] = (char)('0' + draft / 10 % 10);
    buffer[len++] = (char)('0' + draft % 10);
    buffer[len] = '\0';
    return buffer;
}

const char *tls_version_text(uint16_t version, const char **protocol, char buffer[16])
{
    static const struct {
        uint16_t version;
        const char *protocol, *text;
    } rows[] = {
        { 0x0002, "ssl", "2.0" }, { 0x0300, "ssl", "3.0" }, { 0x0301, "tls", "1.0" },
        { 0x0302, "tls", "1.1" }, { 0x0303, "tls", "1.2" }, { 0x0304, "tls", "1.3" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (rows[i].version != version)
            continue;
        if (protocol != NULL)
            *protocol = rows[i].protocol;
        return rows[i].text;
    }
    if (!tls_version_is_13(version) || version >> 8 == 0x7e)
        return NULL;
    if (protocol != NULL)
        *protocol = "tls";
    return draft_text((uint8_t)version, buffer);
}
