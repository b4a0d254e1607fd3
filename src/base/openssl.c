/* SPDX-License-Identifier: Apache-2.0
 * openssl.c - the one file that knows OpenSSL's libcrypto: digests, one certificate as facts, a
 * chain's verification.
 *
 * It is long because no second file may include those headers; its three parts share only
 * certificate_parse() and key_in_range(). RFC 5280 (certificates), 4514 (names as text), 9525
 * (whose name). Not here: caching (x509.c), what a fact means (detectors), anything that needs the
 * network (CRL, OCSP, AIA are never fetched).
 */
#define OPENSSL_SUPPRESS_DEPRECATED /* crypto_sha1() and crypto_sha256() say why */
#include "crypto.h"
#include "crypto_x509.h"

#include <arpa/inet.h>
#include <assert.h>
#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/sha.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "log.h"

/* ---- digests ---- */

/* A digest that cannot be computed is a broken libcrypto (a FIPS provider without MD5, say):
 * nothing works then. */
static void digest(const EVP_MD *method, const void *data, size_t len, uint8_t *out)
{
    if (EVP_Digest(data, len, out, NULL, method, NULL) != 1)
        abort();
}

void crypto_md5(const void *data, size_t len, uint8_t out[MD5_SIZE])
{
    digest(EVP_md5(), data, len, out);
}

/* Ids are made of these, several a session, of a hundred bytes each: through EVP the look-up of the
 * method costs five times the hash. */
void crypto_sha1(const void *data, size_t len, uint8_t out[SHA1_SIZE])
{
    SHA_CTX context;
    if (SHA1_Init(&context) != 1 || SHA1_Update(&context, data, len) != 1 ||
        SHA1_Final(out, &context) != 1)
        abort();
}
void crypto_sha256(const void *data, size_t len, uint8_t out[SHA256_SIZE])
{
    SHA256_CTX context;
    if (SHA256_Init(&context) != 1 || SHA256_Update(&context, data, len) != 1 ||
        SHA256_Final(out, &context) != 1)
        abort();
}

void crypto_sha256_framed(const struct reader *items, size_t count, uint8_t out[SHA256_SIZE])
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool ok = context != NULL && EVP_DigestInit_ex(context, EVP_sha256(), NULL) == 1;
    for (size_t i = 0; ok && i < count; i++) {
        size_t len = items[i].left;
        uint8_t u24[3] = { (uint8_t)(len >> 16), (uint8_t)(len >> 8), (uint8_t)len };
        ok = EVP_DigestUpdate(context, u24, sizeof u24) == 1 &&
             EVP_DigestUpdate(context, items[i].at, len) == 1;
    }
    if (!ok || EVP_DigestFinal_ex(context, out, NULL) != 1)
        abort();
    EVP_MD_CTX_free(context);
}

/* ---- reading a certificate ---- */

/* The limits come before OpenSSL sees a byte: size, and an outer SEQUENCE of definite length that
 * fills the field. */
static X509 *certificate_parse(struct reader der)
{
    if (der.left > LIMIT_CERTIFICATE_BYTES)
        return NULL;
    struct reader outer = der;
    uint8_t tag = reader_u8(&outer), first = reader_u8(&outer);
    size_t len = first < 0x80                     ? first
                 : first >= 0x81 && first <= 0x83 ? reader_uint(&outer, first & 0x7fu)
                                                  : SIZE_MAX;
    if (!reader_ok(&outer) || tag != 0x30 || len != outer.left)
        return NULL;

    const unsigned char *at = der.at, *end = der.at + der.left;
    X509 *x = d2i_X509(NULL, &at, (long)der.left);
    if (x != NULL && at != end) {
        X509_free(x);
        x = NULL;
    }
    ERR_clear_error();
    return x;
}

/* Cleaned, cut to max bytes, in the arena. */
static struct text keep(struct arena *arena, struct text text, size_t max)
{
    char clean[LIMIT_CERTIFICATE_NAME_BYTES + 1];
    size_t len = text_clean(text, clean, (max < sizeof clean ? max : sizeof clean - 1) + 1);
    return arena_text(arena, (struct text){ .at = clean, .len = len });
}

static struct text keep_literal(struct arena *arena, const char *text)
{
    return keep(arena, text_of(text), LIMIT_TEXT_BYTES);
}

static struct text asn1_text(const ASN1_STRING *string)
{
    return (struct text){ .at = (const char *)ASN1_STRING_get0_data(string),
                          .len = (size_t)ASN1_STRING_length(string) };
}

static bool has_nul(struct text text) { return text.len > 0 && memchr(text.at, 0, text.len); }

/* Strings that cannot be converted to UTF-8 never come here: OpenSSL does not parse such names. */
static struct text name_text(struct arena *arena, const X509_NAME *name)
{
    struct text text = { 0 };
    BIO *bio = BIO_new(BIO_s_mem());
    if (bio == NULL)
        return text;
    X509_NAME_print_ex(bio, name, 0,
                       XN_FLAG_SEP_COMMA_PLUS | XN_FLAG_DN_REV | XN_FLAG_FN_SN |
                           ASN1_STRFLGS_ESC_2253 | ASN1_STRFLGS_ESC_CTRL |
                           ASN1_STRFLGS_UTF8_CONVERT);
    char *at;
    long len = BIO_get_mem_data(bio, &at);
    if (len > 0)
        text = keep(arena, (struct text){ .at = at, .len = (size_t)len },
                    LIMIT_CERTIFICATE_NAME_BYTES);
    BIO_free(bio);
    return text;
}

static struct text name_part(struct arena *arena, const X509_NAME *name, int nid)
{
    int index = X509_NAME_get_index_by_NID(name, nid, -1);
    if (index < 0)
        return (struct text){ 0 };
    const ASN1_STRING *string = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, index));

    unsigned char *utf8 = NULL;
    int len = ASN1_STRING_to_UTF8(&utf8, string);
    struct text part =
        len < 0 ? asn1_text(string) : (struct text){ .at = (const char *)utf8, .len = (size_t)len };
    part = keep(arena, part, LIMIT_TEXT_BYTES);
    OPENSSL_free(utf8);
    return part;
}

/* A NUL in a name is how one certificate is made to look like another's to code that stops there.
 * Strings of two and four bytes a character are full of them. */
static bool name_has_nul(const X509_NAME *name)
{
    for (int i = 0; i < X509_NAME_entry_count(name); i++) {
        const ASN1_STRING *string = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, i));
        int type = ASN1_STRING_type(string);
        if (type != V_ASN1_BMPSTRING && type != V_ASN1_UNIVERSALSTRING &&
            has_nul(asn1_text(string)))
            return true;
    }
    return false;
}

static void decode_serial(const X509 *x, struct arena *arena, struct certificate *out)
{
    const ASN1_INTEGER *serial = X509_get0_serialNumber(x);
    const uint8_t *magnitude = ASN1_STRING_get0_data(serial);
    size_t len = (size_t)ASN1_STRING_length(serial);
    bool negative = ASN1_STRING_type(serial) == V_ASN1_NEG_INTEGER;
    while (len > 0 && *magnitude == 0) {
        magnitude++;
        len--;
    }
    size_t octets = len + (len > 0 && *magnitude >= 0x80 ? 1 : 0); /* with the sign bit */
    if (len == 0 || negative || octets > 20)                       /* RFC 5280 section 4.1.2.2 */
        out->flags |= CERTIFICATE_SERIAL_ODD;

    char text[1 + LIMIT_TEXT_BYTES + 1] = "-";
    text_hex_upper(magnitude, len < LIMIT_TEXT_BYTES / 2 ? len : LIMIT_TEXT_BYTES / 2, text + 1);
    const char *digits = text + 1;
    if (len == 0)
        digits = "0";
    else if (*digits == '0')
        digits++;
    if (negative) {
        text[digits - text - 1] = '-';
        digits--;
    }
    out->serial = keep_literal(arena, digits);
}

static bool instant(const ASN1_TIME *time, int64_t *out_s)
{
    struct tm tm;
    if (ASN1_TIME_to_tm(time, &tm) != 1)
        return false;
    *out_s =
        clock_from_civil((int64_t)tm.tm_year + 1900, (unsigned)tm.tm_mon + 1, (unsigned)tm.tm_mday,
                         (unsigned)tm.tm_hour, (unsigned)tm.tm_min, (unsigned)tm.tm_sec);
    return true;
}

static struct text instant_text(struct arena *arena, int64_t at_s)
{
    char text[CLOCK_TEXT_SIZE];
    clock_text_s(at_s, text);
    return keep_literal(arena, text);
}

static void decode_validity(const X509 *x, struct arena *arena, struct certificate *out)
{
    if (instant(X509_get0_notBefore(x), &out->not_before_s))
        out->not_before = instant_text(arena, out->not_before_s);
    if (instant(X509_get0_notAfter(x), &out->not_after_s))
        out->not_after = instant_text(arena, out->not_after_s);
}

/* Numbers beyond these make one signature check cost milliseconds to seconds, and explicit curve
 * parameters are an attacker's own arithmetic. Curves over binary fields are slow and unused. A key
 * that OpenSSL cannot read at all is in range: nothing is ever computed with it. */
static bool key_in_range(const EVP_PKEY *key)
{
    if (key == NULL)
        return true;
    int kind = EVP_PKEY_get_base_id(key), bits = EVP_PKEY_get_bits(key);

    if (kind == EVP_PKEY_EC) {
        int was_explicit = 0;
        char field[32] = "";
        EVP_PKEY_get_int_param(key, OSSL_PKEY_PARAM_EC_DECODED_FROM_EXPLICIT_PARAMS, &was_explicit);
        EVP_PKEY_get_utf8_string_param(key, OSSL_PKEY_PARAM_EC_FIELD_TYPE, field, sizeof field,
                                       NULL);
        return !was_explicit && strcmp(field, SN_X9_62_prime_field) == 0;
    }
    if (kind == EVP_PKEY_RSA || kind == EVP_PKEY_RSA_PSS) {
        BIGNUM *e = NULL;
        bool small =
            EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_E, &e) == 1 && BN_num_bits(e) <= 64;
        BN_free(e);
        return small && bits >= 512 && bits <= 8192;
    }
    return kind != EVP_PKEY_DSA || (bits >= 512 && bits <= 8192);
}

static const char *key_type(const EVP_PKEY *key)
{
    static const struct {
        int kind;
        const char *name;
    } types[] = {
        { EVP_PKEY_RSA, "rsa" }, { EVP_PKEY_RSA_PSS, "rsa" },     { EVP_PKEY_EC, "ec" },
        { EVP_PKEY_DSA, "dsa" }, { EVP_PKEY_ED25519, "ed25519" }, { EVP_PKEY_ED448, "ed448" },
    };
    for (size_t i = 0; key != NULL && i < sizeof types / sizeof *types; i++)
        if (EVP_PKEY_get_base_id(key) == types[i].kind)
            return types[i].name;
    return "other";
}

static uint64_t rsa_exponent(const EVP_PKEY *key)
{
    BIGNUM *e = NULL;
    unsigned char bytes[8];
    uint64_t value = 0;
    if (EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_E, &e) == 1 &&
        BN_bn2binpad(e, bytes, sizeof bytes) == (int)sizeof bytes)
        for (size_t i = 0; i < sizeof bytes; i++)
            value = value << 8 | bytes[i];
    BN_free(e);
    return value;
}

static void decode_key(const X509 *x, struct arena *arena, struct certificate *out)
{
    unsigned char *spki = NULL;
    int len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(x), &spki);
    if (len > 0)
        crypto_sha256(spki, (size_t)len, out->spki_sha256);
    OPENSSL_free(spki);

    const EVP_PKEY *key = X509_get0_pubkey(x);
    out->key_type = keep_literal(arena, key_type(key));
    if (!key_in_range(key))
        out->flags |= CERTIFICATE_KEY_OUT_OF_RANGE;
    if (key == NULL)
        return;
    int bits = EVP_PKEY_get_bits(key);
    out->key_bits = bits > 0 ? (uint32_t)bits : 0;

    char curve[64];
    if (EVP_PKEY_get_base_id(key) == EVP_PKEY_EC &&
        EVP_PKEY_get_group_name(key, curve, sizeof curve, NULL) == 1) {
        const char *nist = EC_curve_nid2nist(OBJ_sn2nid(curve));
        out->key_curve = keep_literal(arena, nist != NULL ? nist : curve);
    }
    if (!text_same(out->key_type, TEXT("rsa")))
        return;
    out->rsa_exponent = rsa_exponent(key); /* 0: none, or one that is out of range anyway */
    if (out->rsa_exponent == 3 || out->rsa_exponent == 1 ||
        (out->rsa_exponent != 0 && out->rsa_exponent % 2 == 0))
        out->flags |= CERTIFICATE_WEAK_EXPONENT;
}

/* The names are those of OpenSSL's object table, which lives forever; an algorithm that it does not
 * know is written as dotted numbers. */
static void decode_signature(X509 *x, struct arena *arena, struct certificate *out)
{
    const X509_ALGOR *algorithm;
    const ASN1_OBJECT *object;
    char text[LIMIT_TEXT_BYTES];
    X509_get0_signature(NULL, &algorithm, x);
    X509_ALGOR_get0(&object, NULL, NULL, algorithm);
    if (OBJ_obj2txt(text, sizeof text, object, 0) > 0)
        out->signature = keep_literal(arena, text);

    int hash = NID_undef;
    X509_get_signature_info(x, &hash, NULL, NULL, NULL);
    if (hash != NID_undef)
        out->signature_hash = keep_literal(arena, OBJ_nid2ln(hash));
}

static void decode_names(const X509 *x, struct arena *arena, struct certificate *out)
{
    GENERAL_NAMES *names = X509_get_ext_d2i(x, NID_subject_alt_name, NULL, NULL);
    for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
        const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
        char address[INET6_ADDRSTRLEN];
        struct text text;
        if (name->type == GEN_DNS) {
            text = asn1_text(name->d.dNSName);
            if (has_nul(text))
                out->flags |= CERTIFICATE_NAME_EMBEDDED_NUL;
        } else if (name->type == GEN_IPADD) {
            struct text raw = asn1_text(name->d.iPAddress);
            if (raw.len != 4 && raw.len != 16)
                continue;
            text = text_of(
                inet_ntop(raw.len == 4 ? AF_INET : AF_INET6, raw.at, address, sizeof address));
        } else {
            continue;
        }
        if (out->name_count == LIMIT_CERTIFICATE_NAMES) {
            out->flags |= CERTIFICATE_NAMES_CUT;
            break;
        }
        out->names[out->name_count++] = keep(arena, text, LIMIT_TEXT_BYTES);
    }
    GENERAL_NAMES_free(names);
}

static bool must_staple(const X509 *x)
{
    bool found = false;
    TLS_FEATURE *features = X509_get_ext_d2i(x, NID_tlsfeature, NULL, NULL);
    for (int i = 0; i < sk_ASN1_INTEGER_num(features); i++)
        if (ASN1_INTEGER_get(sk_ASN1_INTEGER_value(features, i)) == 5) /* status_request */
            found = true;
    TLS_FEATURE_free(features);
    return found;
}

static bool names_its_issuers_place(const X509 *x)
{
    bool found = false;
    AUTHORITY_INFO_ACCESS *access = X509_get_ext_d2i(x, NID_info_access, NULL, NULL);
    for (int i = 0; i < sk_ACCESS_DESCRIPTION_num(access); i++)
        if (OBJ_obj2nid(sk_ACCESS_DESCRIPTION_value(access, i)->method) == NID_ad_ca_issuers)
            found = true;
    AUTHORITY_INFO_ACCESS_free(access);
    return found;
}

static unsigned decode_flags(X509 *x, bool key_fits)
{
    uint32_t found = X509_get_extension_flags(x), usage = X509_get_extended_key_usage(x);
    const X509_NAME *subject = X509_get_subject_name(x), *issuer = X509_get_issuer_name(x);
    bool self_issued = X509_NAME_cmp(subject, issuer) == 0;
    bool no_server = (found & EXFLAG_XKUSAGE) != 0 && (usage & (XKU_SSL_SERVER | XKU_ANYEKU)) == 0;

    unsigned flags = 0;
    flags |= self_issued ? CERTIFICATE_SELF_ISSUED : 0;
    flags |= self_issued && key_fits && X509_self_signed(x, 1) == 1 ? CERTIFICATE_SELF_SIGNED : 0;
    flags |= (found & EXFLAG_CA) != 0 ? CERTIFICATE_CA : 0;
    flags |= X509_get_version(x) == X509_VERSION_1 ? CERTIFICATE_V1 : 0;
    flags |= (found & EXFLAG_INVALID) != 0 ? CERTIFICATE_INVALID_EXTENSIONS : 0;
    flags |= name_has_nul(subject) || name_has_nul(issuer) ? CERTIFICATE_NAME_EMBEDDED_NUL : 0;
    flags |= no_server ? CERTIFICATE_NO_SERVER_AUTH : 0;
    flags |= must_staple(x) ? CERTIFICATE_MUST_STAPLE : 0;
    flags |= X509_get_ext_by_NID(x, NID_ct_precert_scts, -1) >= 0 ? CERTIFICATE_HAS_SCT : 0;
    flags |= names_its_issuers_place(x) ? CERTIFICATE_HAS_AIA_ISSUERS : 0;
    flags |= X509_get_ext_by_NID(x, NID_crl_distribution_points, -1) >= 0
                 ? CERTIFICATE_HAS_CRL_POINTS
                 : 0;
    flags |=
        X509_get_ext_by_NID(x, NID_certificate_policies, -1) >= 0 ? CERTIFICATE_HAS_POLICIES : 0;
    return flags;
}

/* x is NULL: what is left of a certificate that cannot be read. */
static void decode(struct reader der, X509 *x, struct arena *arena, struct certificate *out)
{
    *out = (struct certificate){ .len = (uint32_t)der.left,
                                 .not_before_s = INT64_MIN,
                                 .not_after_s = INT64_MAX };
    crypto_sha256(der.at, der.left, out->sha256);
    if (x == NULL)
        return;

    const X509_NAME *subject = X509_get_subject_name(x), *issuer = X509_get_issuer_name(x);
    out->parsed = true;
    out->subject = name_text(arena, subject);
    out->issuer = name_text(arena, issuer);
    out->subject_cn = name_part(arena, subject, NID_commonName);
    out->subject_o = name_part(arena, subject, NID_organizationName);
    out->issuer_cn = name_part(arena, issuer, NID_commonName);
    out->issuer_o = name_part(arena, issuer, NID_organizationName);
    out->issuer_ou = name_part(arena, issuer, NID_organizationalUnitName);
    long version = X509_get_version(x);
    out->version = version >= 0 && version < UINT8_MAX ? (uint8_t)(version + 1) : UINT8_MAX;
    decode_serial(x, arena, out);
    decode_validity(x, arena, out);
    decode_key(x, arena, out);
    decode_signature(x, arena, out);
    decode_names(x, arena, out);
    out->flags |= decode_flags(x, (out->flags & CERTIFICATE_KEY_OUT_OF_RANGE) == 0);
    ERR_clear_error();
}

bool crypto_certificate_decode(struct reader der, struct arena *arena, struct certificate *out)
{
    X509 *x = certificate_parse(der);
    decode(der, x, arena, out);
    X509_free(x);
    return out->parsed;
}

/* An issuer that may not sign certificates is still the one that is named. */
static bool is_issued_by(X509 *x, X509 *issuer)
{
    if (x == NULL || issuer == NULL)
        return false;
    int answer = X509_check_issued(issuer, x);
    return answer == X509_V_OK || answer == X509_V_ERR_KEYUSAGE_NO_CERTSIGN;
}

/* Whoever sends a chain can put a stranger's certificate into it, of the right name. Signatures are
 * checked with keys of the usual sizes only, and few of them, because it is the sender who chooses
 * them: an unusual key is taken at its name, and what is behind too many checks is not. */
static bool is_signed_by(X509 *x, X509 *issuer, unsigned *checks_left)
{
    EVP_PKEY *key = X509_get0_pubkey(issuer);
    bool usual = key != NULL && key_in_range(key) && EVP_PKEY_get_bits(key) <= 4096 &&
                 (EVP_PKEY_get_base_id(key) != EVP_PKEY_RSA || rsa_exponent(key) <= UINT32_MAX);
    if (!usual)
        return true;
    if (*checks_left == 0)
        return false;
    (*checks_left)--;
    return X509_verify(x, key) == 1;
}

/* Marks what cannot be reached from the first one by going from issued to issuer. */
static void mark_unused(X509 *const *all, size_t count, struct certificate *out)
{
    bool reached[LIMIT_CHAIN_CERTIFICATES] = { true };
    size_t queue[LIMIT_CHAIN_CERTIFICATES] = { 0 }, queued = 1;
    unsigned checks_left = LIMIT_CHAIN_SIGNATURES;
    for (size_t at = 0; at < queued; at++)
        for (size_t i = 1; i < count; i++)
            if (!reached[i] && (out[i].flags & CERTIFICATE_REPEATED) == 0 &&
                is_issued_by(all[queue[at]], all[i]) &&
                is_signed_by(all[queue[at]], all[i], &checks_left)) {
                reached[i] = true;
                queue[queued++] = i;
            }
    for (size_t i = 0; i < count; i++) {
        for (size_t first = 0; first < i; first++) /* a repeated one is what the first one is */
            if (memcmp(out[first].sha256, out[i].sha256, SHA256_SIZE) == 0)
                reached[i] = reached[first];
        out[i].flags |= reached[i] ? 0 : CERTIFICATE_UNUSED;
    }
}

struct parsed_chain {
    size_t count;
    X509 *all[]; /* NULL for what cannot be parsed */
};

struct authority_shelf {
    struct {
        uint8_t sha256[SHA256_SIZE];
        X509 *x; /* NULL: free */
    } places[LIMIT_AUTHORITIES_KEPT];
    unsigned next; /* to be used next */
};

struct authority_shelf *authority_shelf_new(void)
{
    return calloc(1, sizeof(struct authority_shelf));
}

void authority_shelf_free(struct authority_shelf *shelf)
{
    for (unsigned i = 0; shelf != NULL && i < LIMIT_AUTHORITIES_KEPT; i++)
        X509_free(shelf->places[i].x);
    free(shelf);
}

static X509 *authority_parse(struct authority_shelf *shelf, struct reader der)
{
    uint8_t key[SHA256_SIZE];
    crypto_sha256(der.at, der.left, key);
    for (unsigned i = 0; i < LIMIT_AUTHORITIES_KEPT && shelf->places[i].x != NULL; i++)
        if (memcmp(shelf->places[i].sha256, key, sizeof key) == 0) {
            (void)X509_up_ref(shelf->places[i].x);
            return shelf->places[i].x;
        }
    X509 *x = certificate_parse(der);
    if (x == NULL)
        return NULL;
    X509_free(shelf->places[shelf->next].x);
    (void)X509_up_ref(x);
    memcpy(shelf->places[shelf->next].sha256, key, sizeof key);
    shelf->places[shelf->next].x = x;
    shelf->next = (shelf->next + 1) % LIMIT_AUTHORITIES_KEPT;
    return x;
}

struct parsed_chain *crypto_chain_parse(struct authority_shelf *shelf, const struct reader *ders,
                                        size_t count)
{
    assert(count <= LIMIT_CHAIN_CERTIFICATES);
    struct parsed_chain *chain = calloc(1, sizeof *chain + count * sizeof(X509 *));
    if (chain == NULL)
        return NULL;
    chain->count = count;
    for (size_t i = 0; i < count; i++)
        chain->all[i] =
            i > 0 && shelf != NULL ? authority_parse(shelf, ders[i]) : certificate_parse(ders[i]);
    ERR_clear_error();
    return chain;
}

void parsed_chain_free(struct parsed_chain *chain)
{
    for (size_t i = 0; chain != NULL && i < chain->count; i++)
        X509_free(chain->all[i]);
    free(chain);
}

bool crypto_chain_decode(const struct parsed_chain *chain, const struct reader *ders,
                         struct arena *arena, struct certificate *out)
{
    for (size_t i = 0; i < chain->count; i++) {
        decode(ders[i], chain->all[i], arena, &out[i]);
        for (size_t before = 0; before < i; before++)
            if (memcmp(out[before].sha256, out[i].sha256, SHA256_SIZE) == 0)
                out[i].flags |= CERTIFICATE_REPEATED;
    }
    mark_unused(chain->all, chain->count, out);
    bool in_order = true;
    for (size_t i = 0; i + 1 < chain->count; i++)
        in_order = in_order && is_issued_by(chain->all[i], chain->all[i + 1]);
    ERR_clear_error();
    return in_order;
}

bool crypto_chain_matches(const struct parsed_chain *chain, struct text name, bool cn_too)
{
    char terminated[LIMIT_TEXT_BYTES];
    if (name.len > 0 && name.at[name.len - 1] == '.') /* the root of the DNS */
        name.len--;
    /* A leading dot would ask OpenSSL for any name below, a length of zero for strlen(). */
    if (name.len == 0 || name.len >= sizeof terminated || *name.at == '.' || has_nul(name) ||
        chain->count == 0 || chain->all[0] == NULL)
        return false;
    memcpy(terminated, name.at, name.len);
    terminated[name.len] = '\0';

    struct in6_addr address;
    bool is_address = inet_pton(AF_INET, terminated, &address) == 1 ||
                      inet_pton(AF_INET6, terminated, &address) == 1;
    unsigned flags = X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS;
    if (!cn_too)
        flags |= X509_CHECK_FLAG_NEVER_CHECK_SUBJECT;
    int matched = is_address ? X509_check_ip_asc(chain->all[0], terminated, 0)
                             : X509_check_host(chain->all[0], terminated, name.len, flags, NULL);
    ERR_clear_error();
    return matched == 1;
}

/* ---- the trust store ---- */

struct trust_store {
    X509_STORE *all;        /* all that are trusted; complete paths only */
    X509_STORE *own;        /* the operator's own and states', whose intermediates end a path too */
    STACK_OF(X509) * roots; /* the public ones */
    STACK_OF(X509) * extra; /* the operator's own that are not public roots as well */
    STACK_OF(X509) * national; /* states' */
    int64_t *borders; /* every instant at which one of them becomes valid or ceases to be */
    size_t border_count;
};

static STACK_OF(X509) * pem_load(const char *path)
{
    STACK_OF(X509) *found = sk_X509_new_null();
    BIO *bio = BIO_new_file(path, "r");
    STACK_OF(X509_INFO) *infos = bio == NULL ? NULL : PEM_X509_INFO_read_bio(bio, NULL, NULL, NULL);
    for (int i = 0; found != NULL && i < sk_X509_INFO_num(infos); i++) {
        X509_INFO *info = sk_X509_INFO_value(infos, i);
        /* Extensions are read now, and not by several workers at their first use. */
        if (info->x509 != NULL)
            (void)X509_check_purpose(info->x509, -1, 0);
        if (info->x509 != NULL && sk_X509_push(found, info->x509) > 0)
            info->x509 = NULL; /* it moved */
    }
    sk_X509_INFO_pop_free(infos, X509_INFO_free);
    BIO_free(bio);
    ERR_clear_error();
    if (sk_X509_num(found) > 0)
        return found;
    log_error("%s: no certificate in PEM form can be read from it", path);
    sk_X509_free(found);
    return NULL;
}

static bool stack_has(STACK_OF(X509) * stack, X509 *x)
{
    for (int i = 0; i < sk_X509_num(stack); i++)
        if (X509_cmp(sk_X509_value(stack, i), x) == 0)
            return true;
    return false;
}

static bool store_add_all(X509_STORE *store, STACK_OF(X509) * stack)
{
    for (int i = 0; i < sk_X509_num(stack); i++)
        if (X509_STORE_add_cert(store, sk_X509_value(stack, i)) != 1)
            return false;
    return true;
}

static size_t borders_add(int64_t *borders, size_t count, STACK_OF(X509) * stack)
{
    for (int i = 0; i < sk_X509_num(stack); i++) {
        const X509 *x = sk_X509_value(stack, i);
        count += instant(X509_get0_notBefore(x), &borders[count]) ? 1 : 0;
        count += instant(X509_get0_notAfter(x), &borders[count]) ? 1 : 0;
    }
    return count;
}

struct trust_store *trust_store_load(const char *bundle, const char *extra)
{
    STACK_OF(X509) *roots = bundle == NULL ? NULL : pem_load(bundle);
    STACK_OF(X509) *owned = extra == NULL ? NULL : pem_load(extra);
    struct trust_store *store = NULL;
    bool ok = (bundle == NULL || roots != NULL) && (extra == NULL || owned != NULL);
    if (!ok)
        goto out;

    size_t borders = 2 * (size_t)((roots == NULL ? 0 : sk_X509_num(roots)) +
                                  (owned == NULL ? 0 : sk_X509_num(owned)));
    store = calloc(1, sizeof *store);
    ok = store != NULL && (store->all = X509_STORE_new()) != NULL &&
         (store->own = X509_STORE_new()) != NULL && (store->extra = sk_X509_new_null()) != NULL &&
         (store->national = sk_X509_new_null()) != NULL &&
         (store->borders = calloc(borders + 1, sizeof *store->borders)) != NULL &&
         store_add_all(store->all, roots) && store_add_all(store->all, owned) &&
         store_add_all(store->own, owned);
    for (int i = 0; ok && i < sk_X509_num(owned); i++) {
        X509 *x = sk_X509_value(owned, i);
        if (!stack_has(roots, x) && X509_up_ref(x) == 1)
            ok = sk_X509_push(store->extra, x) > 0;
    }
    if (ok) {
        store->border_count = borders_add(store->borders, 0, roots);
        store->border_count = borders_add(store->borders, store->border_count, owned);
        store->roots = roots;
        roots = NULL;
    } else {
        log_error("out of memory for the trust store");
        trust_store_free(store);
        store = NULL;
    }
out:
    sk_X509_pop_free(roots, X509_free);
    sk_X509_pop_free(owned, X509_free);
    return store;
}

bool trust_store_add_national(struct trust_store *store, const char *path)
{
    STACK_OF(X509) *national = pem_load(path);
    if (national == NULL)
        return false;
    size_t count = store->border_count + 2 * (size_t)sk_X509_num(national);
    int64_t *borders = realloc(store->borders, (count + 1) * sizeof *borders);
    bool ok = borders != NULL && store_add_all(store->all, national) &&
              store_add_all(store->own, national);
    if (borders != NULL)
        store->borders = borders;
    if (ok)
        store->border_count = borders_add(store->borders, store->border_count, national);
    while (ok && sk_X509_num(national) > 0) /* they move */
        ok = sk_X509_push(store->national, sk_X509_value(national, 0)) > 0 &&
             sk_X509_shift(national) != NULL;
    if (!ok)
        log_error("out of memory for the trust store");
    sk_X509_pop_free(national, X509_free);
    return ok;
}

void trust_store_free(struct trust_store *store)
{
    if (store == NULL)
        return;
    free(store->borders);
    sk_X509_pop_free(store->roots, X509_free);
    sk_X509_pop_free(store->extra, X509_free);
    sk_X509_pop_free(store->national, X509_free);
    X509_STORE_free(store->own);
    X509_STORE_free(store->all);
    free(store);
}

size_t trust_store_count(const struct trust_store *store)
{
    return (size_t)sk_X509_OBJECT_num(X509_STORE_get0_objects(store->all));
}

/* ---- verification ---- */

struct question {
    X509 *leaf;
    STACK_OF(X509) * helpers;
    int64_t at_s;
    int purpose;
};

struct answer {
    int code, depth;
    bool extra, national; /* verified, and whose root ends the path */
    unsigned top;         /* not verified: see struct verification */
    bool public_operator, forged_issuer;
};

static struct text name_organization(const X509_NAME *name)
{
    int index = X509_NAME_get_index_by_NID(name, NID_organizationName, -1);
    return index < 0 ? (struct text){ 0 }
                     : asn1_text(X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, index)));
}

static bool is_public_operator(const struct trust_store *trust, const X509_NAME *issuer)
{
    struct text organization = name_organization(issuer);
    for (int i = 0; organization.len > 0 && i < sk_X509_num(trust->roots); i++)
        if (text_same_nocase(organization, name_organization(X509_get_subject_name(
                                               sk_X509_value(trust->roots, i)))))
            return true;
    return false;
}

/* The roots' keys are ours, so that the cost of a signature check is too. */
static bool borrows_a_roots_name(const struct trust_store *trust, X509 *x)
{
    bool named = false;
    for (int i = 0; i < sk_X509_num(trust->roots); i++) {
        X509 *root = sk_X509_value(trust->roots, i);
        if (X509_NAME_cmp(X509_get_issuer_name(x), X509_get_subject_name(root)) != 0)
            continue;
        named = true;
        if (X509_verify(x, X509_get0_pubkey(root)) == 1)
            return false;
    }
    return named;
}

/* How far the path came that does not end in a trusted root. */
static void look_at_path(const struct trust_store *trust, X509_STORE_CTX *context,
                         const struct question *question, struct answer *answer)
{
    STACK_OF(X509) *path = X509_STORE_CTX_get0_chain(context);
    X509 *top = question->leaf;
    for (int i = 0; i < sk_X509_num(path); i++)
        for (int sent = 0; sent < sk_X509_num(question->helpers); sent++)
            if (sk_X509_value(path, i) == sk_X509_value(question->helpers, sent)) {
                top = sk_X509_value(path, i);
                answer->top = (unsigned)sent;
                answer->forged_issuer |= borrows_a_roots_name(trust, top);
            }
    answer->public_operator = is_public_operator(trust, X509_get_issuer_name(top));
}

/* No callback: one that goes on after a failure would have the signatures of unanchored chains
 * checked, at the attacker's choice of cost. The security level stays 0: weak keys and hashes are
 * facts, not errors. */
static struct answer ask(const struct trust_store *trust, X509_STORE *store,
                         const struct question *question, unsigned long flags)
{
    struct answer answer = { .code = X509_V_ERR_OUT_OF_MEM };
    X509_STORE_CTX *context = X509_STORE_CTX_new();
    bool only_the_path = (flags & X509_V_FLAG_NO_CHECK_TIME) != 0;
    if (context == NULL ||
        X509_STORE_CTX_init(context, store, question->leaf, question->helpers) != 1 ||
        (!only_the_path && X509_STORE_CTX_set_purpose(context, question->purpose) != 1))
        goto out;

    X509_VERIFY_PARAM *param = X509_STORE_CTX_get0_param(context);
    if (!only_the_path) /* a time that is set wins over the flag */
        X509_VERIFY_PARAM_set_time(param, (time_t)question->at_s);
    X509_VERIFY_PARAM_set_depth(param, 8);
    X509_VERIFY_PARAM_set_flags(param, flags);
    bool verified = X509_verify_cert(context) == 1;
    answer.code = X509_STORE_CTX_get_error(context);
    answer.depth = X509_STORE_CTX_get_error_depth(context);
    if (!verified && answer.code == X509_V_OK)
        answer.code = X509_V_ERR_UNSPECIFIED;
    if (verified) {
        STACK_OF(X509) *path = X509_STORE_CTX_get0_chain(context);
        X509 *anchor = sk_X509_value(path, sk_X509_num(path) - 1);
        answer.depth = 0;
        answer.extra = stack_has(trust->extra, anchor);
        answer.national = stack_has(trust->national, anchor);
    } else {
        look_at_path(trust, context, question, &answer);
    }
out:
    X509_STORE_CTX_free(context);
    return answer;
}

/* The path may well end in a trusted root. */
static bool is_not_about_the_path(int code)
{
    return code == X509_V_ERR_CERT_NOT_YET_VALID || code == X509_V_ERR_CERT_HAS_EXPIRED ||
           code == X509_V_ERR_INVALID_PURPOSE;
}

/* The public store speaks first; the operator's own intermediates are asked where it has no path.
 */
static struct answer ask_both(const struct trust_store *trust, const struct question *question,
                              unsigned long flags)
{
    struct answer answer = ask(trust, trust->all, question, flags);
    if (answer.code == X509_V_OK || is_not_about_the_path(answer.code) ||
        sk_X509_num(trust->extra) + sk_X509_num(trust->national) == 0)
        return answer;
    struct answer own = ask(trust, trust->own, question, flags | X509_V_FLAG_PARTIAL_CHAIN);
    return own.code == X509_V_OK || is_not_about_the_path(own.code) ? own : answer;
}

/* Narrows the interval to the side of the border on which the instant lies. A certificate is valid
 * from notBefore on and, to X509_verify_cert(), no longer at notAfter itself: both change the
 * answer at the border. */
static void narrow(struct verification *out, int64_t at_s, int64_t border_s)
{
    if (border_s <= at_s && border_s > out->valid_from_s)
        out->valid_from_s = border_s;
    if (border_s > at_s && border_s <= out->valid_until_s)
        out->valid_until_s = border_s - 1;
}

/* All dates count, also those of roots outside the path: another root of the same name that becomes
 * valid would be chosen instead. */
static void narrow_all(const struct trust_store *trust, const struct question *question,
                       struct verification *out)
{
    for (size_t i = 0; i < trust->border_count; i++)
        narrow(out, question->at_s, trust->borders[i]);
    int64_t border_s[2 * LIMIT_CHAIN_VERIFY_CERTIFICATES];
    size_t count = borders_add(border_s, 0, question->helpers);
    for (size_t i = 0; i < count; i++)
        narrow(out, question->at_s, border_s[i]);
}

static void verify(const struct trust_store *trust, const struct question *question,
                   struct verification *out)
{
    struct answer answer = ask_both(trust, question, 0);
    out->code = answer.code;
    out->depth = answer.depth;
    if (is_not_about_the_path(answer.code))
        answer = ask_both(trust, question, X509_V_FLAG_NO_CHECK_TIME);
    out->anchored = answer.code == X509_V_OK;
    out->anchor_extra = answer.extra;
    out->anchor_national = answer.national;
    out->top = answer.top;
    out->public_operator = answer.public_operator;
    out->forged_issuer = answer.forged_issuer;
    if (out->code == X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY && out->depth == 0 &&
        sk_X509_num(question->helpers) == 1)
        out->code = X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE;
    out->text = X509_verify_cert_error_string(out->code);
    narrow_all(trust, question, out);
}

void crypto_chain_verify(struct trust_store *store, const struct parsed_chain *chain, int64_t at_s,
                         bool as_client, struct verification *out)
{
    *out =
        (struct verification){ .code = -1, .valid_from_s = INT64_MIN, .valid_until_s = INT64_MAX };
    if (store == NULL || chain->count == 0 || chain->count > LIMIT_CHAIN_VERIFY_CERTIFICATES) {
        out->text = store == NULL       ? "no trust store"
                    : chain->count == 0 ? "no certificate"
                                        : "too many certificates";
        return;
    }

    struct question question = {
        .helpers = sk_X509_new_null(), /* the leaf is among them: OpenSSL skips it */
        .leaf = chain->all[0],
        .at_s = at_s,
        .purpose = as_client ? X509_PURPOSE_SSL_CLIENT : X509_PURPOSE_SSL_SERVER,
    };
    out->text = "out of memory";
    bool ok = question.helpers != NULL;
    for (size_t i = 0; ok && i < chain->count; i++) {
        X509 *x = chain->all[i];
        ok =
            x != NULL && key_in_range(X509_get0_pubkey(x)) && sk_X509_push(question.helpers, x) > 0;
        if (!ok) {
            out->depth = (int)i;
            out->text = x == NULL ? "certificate cannot be parsed" : "key out of range";
        }
    }
    if (ok)
        verify(store, &question, out);
    sk_X509_free(question.helpers);
    ERR_clear_error();
}
