/* SPDX-License-Identifier: Apache-2.0
 * certificate.c - one certificate as facts. RFC 5280; names as text: RFC 4514. What a fact means is
 * the detectors' business.
 */
#include <arpa/inet.h>
#include <string.h>

#include "clock.h"
#include "parts.h"

struct reader der_value(struct reader *from, uint8_t tag)
{
    uint8_t found = reader_u8(from), first = reader_u8(from);
    size_t len = first < 0x80                     ? first
                 : first >= 0x81 && first <= 0x83 ? reader_uint(from, first & 0x7fu)
                                                  : SIZE_MAX;
    return reader_take(from, found == tag ? len : SIZE_MAX);
}

/* The limits come before OpenSSL sees a byte: size, and an outer SEQUENCE of definite length that
 * fills the field. */
X509 *certificate_parse(struct reader der)
{
    struct reader rest = der;
    (void)der_value(&rest, DER_SEQUENCE);
    if (der.left > LIMIT_CERTIFICATE_BYTES || !reader_ok(&rest) || rest.left > 0)
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

struct text asn1_text(const ASN1_STRING *string)
{
    return (struct text){ .at = (const char *)ASN1_STRING_get0_data(string),
                          .len = (size_t)ASN1_STRING_length(string) };
}

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

bool instant(const ASN1_TIME *time, int64_t *out_s)
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

/* False: not RSA, or above 64 bits. EVP_PKEY_get_bn_param() would move 2048 bytes for these eight.
 */
static bool rsa_small_exponent(const EVP_PKEY *key, uint64_t *out)
{
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_BN(OSSL_PKEY_PARAM_RSA_E, (unsigned char *)out, sizeof *out),
        OSSL_PARAM_construct_end(),
    };
    *out = 0;
    return EVP_PKEY_get_params(key, params) == 1 && OSSL_PARAM_modified(&params[0]);
}

/* Numbers beyond these make one signature check cost milliseconds to seconds, and explicit curve
 * parameters are an attacker's own arithmetic. Curves over binary fields are slow and unused. A key
 * that OpenSSL cannot read at all is in range: nothing is ever computed with it. */
bool key_in_range(const EVP_PKEY *key)
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
        uint64_t e;
        return rsa_small_exponent(key, &e) && bits >= 512 && bits <= 8192;
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

uint64_t rsa_exponent(const EVP_PKEY *key)
{
    uint64_t e;
    return rsa_small_exponent(key, &e) ? e : 0;
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
void certificate_decode(struct reader der, X509 *x, struct arena *arena, struct certificate *out)
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
    certificate_decode(der, x, arena, out);
    X509_free(x);
    return out->parsed;
}
