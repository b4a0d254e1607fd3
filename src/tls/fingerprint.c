/* SPDX-License-Identifier: Apache-2.0
 * fingerprint.c - JA3, JA3S and JA4: what a hello looks like, in one line.
 *
 * JA3 and JA3S after the method published by Salesforce, JA4 (TLS client) after the one published
 * by FoxIO. They identify software, never people, and prove nothing alone.
 */
#include "crypto.h"
#include "tls_state.h"

#include <stdlib.h>
#include <string.h>

/* The longest: 512 ciphers, 128 extensions, 128 groups and 255 formats, each up to 6 characters. */
struct line {
    char at[(LIMIT_TLS_CIPHERS + LIMIT_TLS_EXTENSIONS + LIMIT_TLS_LIST + 256 + 2) * 6];
    size_t len;
};

static void put(struct line *line, char c)
{
    if (line->len < sizeof line->at)
        line->at[line->len++] = c;
}

static void put_decimal(struct line *line, uint16_t value)
{
    char digits[5];
    size_t count = 0;
    do
        digits[count++] = (char)('0' + value % 10);
    while ((value /= 10) > 0);
    while (count > 0)
        put(line, digits[--count]);
}

static char hex_digit(unsigned value) { return "0123456789abcdef"[value & 15]; }

static void put_hex4(struct line *line, uint16_t value)
{
    for (int shift = 12; shift >= 0; shift -= 4)
        put(line, hex_digit((unsigned)value >> shift));
}

static void put_list(struct line *line, struct u16_list list)
{
    for (size_t i = 0; i < list.count; i++) {
        if (i > 0)
            put(line, '-');
        put_decimal(line, list.at[i]);
    }
}

static void md5_hex(const struct line *line, char out[33])
{
    uint8_t digest[MD5_SIZE];
    crypto_md5(line->at, line->len, digest);
    text_hex(digest, sizeof digest, out);
}

/* version,ciphers,extensions,groups,point formats */
void tls_ja3(struct tls_client_hello *hello, struct reader points)
{
    struct line line;
    const struct u16_list lists[] = { hello->ciphers, hello->extensions, hello->groups };

    line.len = 0;
    put_decimal(&line, hello->version);
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
        put(&line, ',');
        put_list(&line, lists[i]);
    }
    put(&line, ',');
    for (bool first = true; reader_more(&points); first = false) {
        if (!first)
            put(&line, '-');
        put_decimal(&line, reader_u8(&points));
    }
    md5_hex(&line, hello->ja3);
}

/* version,cipher,extensions; GREASE stays, as in the method's own scripts. */
void tls_ja3s(struct tls_server_hello *hello)
{
    struct line line;

    line.len = 0;
    put_decimal(&line, hello->legacy_version);
    put(&line, ',');
    put_decimal(&line, hello->cipher);
    put(&line, ',');
    put_list(&line, hello->extensions);
    md5_hex(&line, hello->ja3s);
}

/* JA4 takes the highest number as it stands, so that a draft gives 00. */
static const char *ja4_version(const struct tls_client_hello *hello)
{
    static const struct {
        uint16_t version;
        char name[3];
    } names[] = { { 0x0304, "13" }, { 0x0303, "12" }, { 0x0302, "11" },
                  { 0x0301, "10" }, { 0x0300, "s3" }, { 0x0002, "s2" } };
    uint16_t version = 0;

    for (size_t i = 0; i < hello->versions.count; i++)
        if (hello->versions.at[i] > version)
            version = hello->versions.at[i];
    if (hello->versions.count == 0)
        version = hello->version;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (names[i].version == version)
            return names[i].name;
    return "00";
}

static bool alphanumeric(uint8_t c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* First and last character of the first protocol; of its hex form unless both are letters or
 * digits. */
static void ja4_alpn(const struct tls_client_hello *hello, char out[2])
{
    out[0] = out[1] = '0';
    if (hello->alpn_count == 0 || hello->alpn[0].len == 0)
        return;
    uint8_t first = (uint8_t)hello->alpn[0].at[0];
    uint8_t last = (uint8_t)hello->alpn[0].at[hello->alpn[0].len - 1];
    bool plain = alphanumeric(first) && alphanumeric(last);
    if (plain) {
        out[0] = (char)first;
        out[1] = (char)last;
        return;
    }
    out[0] = hex_digit((unsigned)first >> 4);
    out[1] = hex_digit(last);
}

static void two_digits(size_t count, char out[2])
{
    if (count > 99)
        count = 99;
    out[0] = (char)('0' + count / 10);
    out[1] = (char)('0' + count % 10);
}

static int compare_u16(const void *a, const void *b)
{
    uint16_t left = *(const uint16_t *)a, right = *(const uint16_t *)b;
    return (left > right) - (left < right);
}

static void put_hex_list(struct line *line, const uint16_t *values, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            put(line, ',');
        put_hex4(line, values[i]);
    }
}

/* 12 digits of SHA-256, or zeros for an empty line. */
static void ja4_hash(const struct line *line, char *out)
{
    uint8_t digest[SHA256_SIZE];
    char hex[2 * SHA256_SIZE + 1] = "000000000000";
    if (line->len > 0) {
        crypto_sha256(line->at, line->len, digest);
        text_hex(digest, sizeof digest, hex);
    }
    for (size_t i = 0; i < 12; i++)
        out[i] = hex[i];
}

static void ja4_ciphers(const struct tls_client_hello *hello, char *out)
{
    uint16_t sorted[LIMIT_TLS_CIPHERS];
    size_t count = hello->ciphers.count;
    struct line line;

    if (count > 0)
        memcpy(sorted, hello->ciphers.at, count * sizeof sorted[0]);
    qsort(sorted, count, sizeof sorted[0], compare_u16);
    line.len = 0;
    put_hex_list(&line, sorted, count);
    ja4_hash(&line, out);
}

/* Server name and ALPN are in the first part; the order of signature algorithms is kept. */
static void ja4_extensions(const struct tls_client_hello *hello, char *out)
{
    uint16_t sorted[LIMIT_TLS_EXTENSIONS];
    size_t count = 0;
    struct line line;

    for (size_t i = 0; i < hello->extensions.count; i++)
        if (hello->extensions.at[i] != 0 && hello->extensions.at[i] != 16)
            sorted[count++] = hello->extensions.at[i];
    qsort(sorted, count, sizeof sorted[0], compare_u16);
    line.len = 0;
    put_hex_list(&line, sorted, count);
    if (count > 0 && hello->signature_algorithms.count > 0) {
        put(&line, '_');
        put_hex_list(&line, hello->signature_algorithms.at, hello->signature_algorithms.count);
    }
    ja4_hash(&line, out);
}

/* t13d1516h2_8daaf6152771_e5627efa2ab1 */
void tls_ja4(struct tls_client_hello *hello)
{
    char *out = hello->ja4;
    out[0] = 't';
    memcpy(out + 1, ja4_version(hello), 2);
    out[3] = hello->server_name_sent ? 'd' : 'i';
    two_digits(hello->ciphers.count, out + 4);
    two_digits(hello->extensions_total, out + 6);
    ja4_alpn(hello, out + 8);
    out[10] = '_';
    ja4_ciphers(hello, out + 11);
    out[23] = '_';
    ja4_extensions(hello, out + 24);
    out[36] = '\0';
}
