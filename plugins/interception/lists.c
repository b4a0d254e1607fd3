/* SPDX-License-Identifier: Apache-2.0
 * lists.c - the two lists, parsed once: tables of text with tabs between the columns. A row that
 * cannot be used (a field nobody knows, a broken expression) is left out.
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "interception.h"

enum { COLUMNS = 13, NEEDED = 12 }; /* the last one is a remark */

/* --- lines and columns --- */

static char *copy_of(const char *text)
{
    size_t len = strlen(text);
    char *copy = malloc(len + 1);
    if (copy != NULL)
        memcpy(copy, text, len + 1);
    return copy;
}

/* Cuts the next line into columns; false at the end. Comments and empty lines have none. */
static bool next_row(char **rest, char *columns[COLUMNS], size_t *count)
{
    char *line = *rest;
    *count = 0;
    columns[0] = line; /* so that it is never unset */
    if (*line == '\0')
        return false;
    char *end = line + strcspn(line, "\n");
    *rest = *end == '\0' ? end : end + 1;
    *end = '\0';
    if (end > line && end[-1] == '\r')
        end[-1] = '\0';
    bool more = *line != '#' && *line != '\0';
    while (more && *count < COLUMNS) {
        columns[(*count)++] = line;
        char *tab = strchr(line, '\t');
        more = tab != NULL;
        if (more) {
            *tab = '\0';
            line = tab + 1;
        }
    }
    return true;
}

static size_t count_lines(const char *text)
{
    size_t count = 1;
    for (; *text != '\0'; text++)
        count += *text == '\n';
    return count;
}

/* --- products --- */

static const struct {
    const char *name;
    enum field field;
} fields[] = {
    { "issuer CN", ISSUER_CN },
    { "root CN", ISSUER_CN }, /* a root is seen as an issuer */
    { "issuer O", ISSUER_O },
    { "issuer OU", ISSUER_OU },
    { "issuer emailAddress", ISSUER_MAIL },
    { "SPKI sha256", SPKI },
    { "certificate sha256", CERTIFICATE },
    { "subject CN", SUBJECT_CN },
    { "subject O", SUBJECT_O },
};

static bool field_of(const char *name, enum field *out)
{
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++)
        if (strcmp(fields[i].name, name) == 0) {
            *out = fields[i].field;
            return true;
        }
    return false;
}

/* At its top, outside of all brackets. */
static bool has_alternatives(const char *pattern)
{
    unsigned depth = 0;
    for (const char *c = pattern; *c != '\0'; c++) {
        depth += *c == '(';
        depth -= *c == ')';
        if (*c == '|' && depth == 0)
            return true;
    }
    return false;
}

/* Fixed bytes behind the "^" of an expression without alternatives at its top. */
static size_t literal_of(const char *pattern)
{
    if (*pattern != '^' || has_alternatives(pattern))
        return 0;
    size_t len = strcspn(pattern + 1, "\\[](){}.*+?|$^");
    bool optional = pattern[1 + len] != '\0' && strchr("*?{", pattern[1 + len]) != NULL;
    return len > 0 && optional ? len - 1 : len;
}

static bool product_read(char *const *columns, struct product *out)
{
    static const char *const hows[] = { "exact", "prefix", "regex" };
    *out = (struct product){
        .id = columns[0],
        .vendor = columns[1],
        .name = columns[2],
        .category = columns[3],
        .pattern = columns[6],
        .from_memory = strcmp(columns[10], "memory") == 0,
        .risky = strcmp(columns[11], "high") == 0,
        .low_risk = strcmp(columns[11], "low") == 0,
    };
    size_t how = 0;
    while (how < 3 && strcmp(columns[5], hows[how]) != 0)
        how++;
    if (how == 3 || !field_of(columns[4], &out->field) || out->pattern[0] == '\0')
        return false;
    out->how = how == 0 ? EXACT : how == 1 ? PREFIX : REGEX;
    out->literal = out->how == REGEX ? literal_of(out->pattern) : strlen(out->pattern);
    return out->how != REGEX || regcomp(&out->regex, out->pattern, REG_EXTENDED | REG_NOSUB) == 0;
}

static bool text_fits(const struct product *product, const char *text)
{
    if (text[0] == '\0')
        return false;
    switch (product->how) {
    case EXACT: return strcmp(text, product->pattern) == 0;
    case PREFIX: return strncmp(text, product->pattern, product->literal) == 0;
    case REGEX: break;
    }
    return strncmp(text, product->pattern + 1, product->literal) == 0 &&
           regexec(&product->regex, text, 0, NULL, 0) == 0;
}

/* The value of emailAddress in a name as RFC 4514 writes it. */
static bool mail_fits(const struct product *product, const char *issuer)
{
    static const char type[] = "emailAddress=";
    const char *found = strstr(issuer, type);
    char value[256];
    if (found == NULL)
        return false;
    found += sizeof type - 1;
    size_t len = strcspn(found, ",+");
    if (len >= sizeof value)
        return false;
    memcpy(value, found, len);
    value[len] = '\0';
    return text_fits(product, value);
}

static bool is_self_issued(const struct starttap_certificate *c)
{
    return (c->flags & STARTTAP_CERT_SELF_ISSUED) != 0;
}

static bool product_fits(const struct product *product, const struct starttap_certificate *c,
                         bool leaf)
{
    bool authority = !leaf || is_self_issued(c);
    switch (product->field) {
    case ISSUER_CN: return text_fits(product, c->issuer_cn);
    case ISSUER_O: return text_fits(product, c->issuer_o);
    case ISSUER_OU: return text_fits(product, c->issuer_ou);
    case ISSUER_MAIL: return mail_fits(product, c->issuer);
    case SPKI: return authority && text_fits(product, c->spki_sha256);
    case CERTIFICATE: return authority && text_fits(product, c->sha256);
    case SUBJECT_CN: return leaf && text_fits(product, c->subject_cn);
    case SUBJECT_O: return leaf && text_fits(product, c->subject_o);
    }
    return false;
}

bool interception_is_key_or_hash(const struct product *product)
{
    return product->field == SPKI || product->field == CERTIFICATE;
}

bool interception_is_appliance(const struct product *product)
{
    return strncmp(product->category, "antivirus", 9) == 0 ||
           strcmp(product->category, "firewall-utm") == 0 ||
           strcmp(product->category, "enterprise-proxy") == 0;
}

/* Keys before names, names before organizations, what was seen before what is remembered. */
static int worth(const struct product *product)
{
    static const int by_field[] = {
        [SPKI] = 9,      [CERTIFICATE] = 9, [ISSUER_MAIL] = 8, [ISSUER_CN] = 7,
        [SUBJECT_O] = 6, [SUBJECT_CN] = 6,  [ISSUER_OU] = 5,   [ISSUER_O] = 4,
    };
    return by_field[product->field] + (product->how == REGEX ? 0 : 1) -
           (product->from_memory ? 20 : 0) - (product->risky ? 40 : 0);
}

const struct product *interception_product(const struct lists *lists,
                                           const struct starttap_chain *chain, size_t *where)
{
    const struct product *best = NULL;
    for (size_t c = 0; c < chain->count; c++) {
        const bool aside = (chain->certificates[c].flags & STARTTAP_CERT_UNUSED) != 0;
        if (aside || !chain->certificates[c].parsed)
            continue; /* anybody can send a stranger's certificate along */
        for (size_t i = 0; i < lists->product_count; i++) {
            const struct product *product = &lists->products[i];
            if ((best == NULL || worth(product) > worth(best)) &&
                product_fits(product, &chain->certificates[c], c == 0)) {
                best = product;
                *where = c;
            }
        }
    }
    return best;
}

/* --- providers --- */

const struct provider *interception_provider(const struct lists *lists, const char *host)
{
    size_t len = strlen(host);
    for (size_t i = 0; i < lists->provider_count; i++) {
        const char *wanted = lists->providers[i].host;
        size_t tail = strlen(wanted);
        if (wanted[0] == '.' ? len > tail && strcasecmp(host + len - tail, wanted) == 0
                             : strcasecmp(host, wanted) == 0)
            return &lists->providers[i];
    }
    return NULL;
}

/* --- reading --- */

static void read_products(struct lists *lists)
{
    char *rest = lists->product_text, *columns[COLUMNS];
    size_t count;
    while (next_row(&rest, columns, &count))
        if (count >= NEEDED && product_read(columns, &lists->products[lists->product_count]))
            lists->product_count++;
}

static void read_providers(struct lists *lists)
{
    char *rest = lists->provider_text, *columns[COLUMNS];
    size_t count;
    while (next_row(&rest, columns, &count)) {
        if (count < 3 || strcmp(columns[0], "host") == 0)
            continue;
        const char *host = columns[0][0] == '*' ? columns[0] + 1 : columns[0];
        lists->providers[lists->provider_count++] =
            (struct provider){ .host = host, .name = columns[1], .issuers = columns[2] };
    }
}

void interception_free(struct lists *lists)
{
    if (lists == NULL)
        return;
    for (size_t i = 0; lists->products != NULL && i < lists->product_count; i++)
        if (lists->products[i].how == REGEX)
            regfree(&lists->products[i].regex);
    free(lists->products);
    free(lists->providers);
    free(lists->product_text);
    free(lists->provider_text);
    free(lists);
}

struct lists *interception_read(const struct starttap_core *core)
{
    struct lists *lists = calloc(1, sizeof *lists);
    if (lists == NULL)
        return NULL;
    const char *products = core->list(core, "interceptors.tsv", &lists->version),
               *providers = core->list(core, "providers.tsv", &lists->provider_version);
    lists->product_text = copy_of(products == NULL ? "" : products);
    lists->provider_text = copy_of(providers == NULL ? "" : providers);
    lists->version = lists->version == NULL ? "" : lists->version;
    if (lists->product_text == NULL || lists->provider_text == NULL)
        goto failed;
    lists->products = calloc(count_lines(lists->product_text), sizeof *lists->products);
    lists->providers = calloc(count_lines(lists->provider_text), sizeof *lists->providers);
    if (lists->products == NULL || lists->providers == NULL)
        goto failed;
    read_products(lists);
    read_providers(lists);
    return lists;
failed:
    interception_free(lists);
    return NULL;
}
