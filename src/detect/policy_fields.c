/* SPDX-License-Identifier: Apache-2.0
 * policy_fields.c - the pieces that the texts of a policy are made of: lists of hosts, and fields
 * "name=value" of inspection and mutes.
 */
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "policy_state.h"

enum { SPKI_DIGITS = 64 };

/* --- complaining --- */

bool policy_complain(struct reading *reading, struct text found, const char *wanted)
{
    char clean[96];
    const struct policy_text *text = reading->text;
    text_clean(found, clean, sizeof clean);
    fprintf(reading->err, "starttap: %s", text->source == NULL ? "configuration" : text->source);
    if (text->line > 0)
        fprintf(reading->err, ":%zu:%zu", text->line, text->column);
    fprintf(reading->err, ": %s: found \"%s\", wanted is %s\n", reading->key, clean, wanted);
    reading->good = false;
    return false;
}

bool policy_out_of_memory(struct reading *reading)
{
    if (reading->good)
        fputs("starttap: out of memory\n", reading->err);
    reading->good = false;
    return false;
}

/* --- pieces --- */

char *policy_copy(struct text text)
{
    char *copy = malloc(text.len + 1);
    if (copy == NULL)
        return NULL;
    if (text.len > 0)
        memcpy(copy, text.at, text.len);
    copy[text.len] = '\0';
    return copy;
}

static bool text_read(struct reading *reading, struct text value, char **target)
{
    if (value.len == 0)
        return policy_complain(reading, value, "a text");
    free(*target);
    *target = policy_copy(value);
    return *target != NULL || policy_out_of_memory(reading);
}

/* Room for one more; lists of an operator are short. */
void *policy_grown(void *at, size_t count, size_t size) { return realloc(at, (count + 1) * size); }

static bool host_add(struct reading *reading, struct text text, bool names, struct hosts *hosts)
{
    struct host host = { .name = NULL };
    if (!network_read(text, &host.network)) {
        if (!names)
            return policy_complain(reading, text, "an address or a network, such as 10.0.0.0/8");
        if (!host_is_pattern(text))
            return policy_complain(reading, text, "an address, a network or a host name");
        host.name = policy_copy(text);
        if (host.name == NULL)
            return policy_out_of_memory(reading);
    }
    struct host *at = policy_grown(hosts->at, hosts->count, sizeof *at);
    if (at == NULL) {
        free(host.name);
        return policy_out_of_memory(reading);
    }
    hosts->at = at;
    hosts->at[hosts->count++] = host;
    return true;
}

bool policy_hosts_read(struct reading *reading, struct text value, bool names, struct hosts *hosts)
{
    do {
        if (!host_add(reading, text_trim(text_token(&value, ",")), names, hosts))
            return false;
    } while (value.len > 0);
    return true;
}

static bool port_add(struct reading *reading, struct text text, struct entry *entry)
{
    unsigned port = 0;
    for (size_t i = 0; i < text.len && port < 100000; i++) {
        bool digit = text.at[i] >= '0' && text.at[i] <= '9';
        port = digit ? port * 10 + (unsigned)(text.at[i] - '0') : 100000;
    }
    if (port < 1 || port > 65535)
        return policy_complain(reading, text, "ports from 1 to 65535, such as 25,587");
    uint16_t *ports = policy_grown(entry->ports, entry->port_count, sizeof *ports);
    if (ports == NULL)
        return policy_out_of_memory(reading);
    entry->ports = ports;
    entry->ports[entry->port_count++] = (uint16_t)port;
    return true;
}

/* Exactly `digits` of them. */
static bool number_read(struct text text, size_t digits, unsigned *number)
{
    *number = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (text.at[i] < '0' || text.at[i] > '9')
            return false;
        *number = *number * 10 + (unsigned)(text.at[i] - '0');
    }
    return text.len == digits;
}

static unsigned days_of(unsigned year, unsigned month)
{
    static const uint8_t days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
    bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    return days[month - 1] + (month == 2 && leap ? 1u : 0u);
}

/* --- fields of an entry: "name=value", a value goes on to the next field --- */

static bool read_servers(struct reading *reading, struct text value, struct entry *entry)
{
    return policy_hosts_read(reading, value, true, &entry->servers);
}

static bool read_clients(struct reading *reading, struct text value, struct entry *entry)
{
    return policy_hosts_read(reading, value, false, &entry->clients);
}

static bool read_ports(struct reading *reading, struct text value, struct entry *entry)
{
    do {
        if (!port_add(reading, text_trim(text_token(&value, ",")), entry))
            return false;
    } while (value.len > 0);
    return true;
}

/* The day is the last one (UTC). The years are those that a count of nanoseconds reaches. */
static bool read_until(struct reading *reading, struct text value, struct entry *entry)
{
    struct text rest = value;
    unsigned year, month, day;
    bool good = number_read(text_token(&rest, "-"), 4, &year);
    good = number_read(text_token(&rest, "-"), 2, &month) && good;
    good = number_read(rest, 2, &day) && good;
    if (!good || year < 1970 || year > 2261 || month < 1 || month > 12 || day < 1 ||
        day > days_of(year, month))
        return policy_complain(reading, value, "a day, such as 2027-01-31");
    const int64_t day_s = INT64_C(24) * 3600;
    entry->until_ns = (clock_from_civil(year, month, day, 0, 0, 0) + day_s) * NS_PER_S;
    return true;
}

static bool read_spki(struct reading *reading, struct text value, struct entry *entry)
{
    char digits[SPKI_DIGITS + 1];
    size_t count = 0;
    for (size_t i = 0; i < value.len; i++) {
        char c = value.at[i];
        bool letter = (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
        if (c == ':')
            continue;
        if ((!letter && (c < '0' || c > '9')) || count == SPKI_DIGITS) {
            count = 0;
            break;
        }
        digits[count++] = (char)(letter ? c | 0x20 : c);
    }
    if (count != SPKI_DIGITS)
        return policy_complain(reading, value, "the 64 hex digits of a SHA-256");
    return text_read(reading, (struct text){ digits, count }, &entry->spki);
}

static bool read_label(struct reading *reading, struct text value, struct entry *entry)
{
    return text_read(reading, value, &entry->label);
}

static bool read_owner(struct reading *reading, struct text value, struct entry *entry)
{
    return text_read(reading, value, &entry->owner);
}

struct field {
    struct text name; /* with its "=" */
    bool (*read)(struct reading *reading, struct text value, struct entry *entry);
};

static const struct field inspection_fields[] = {
    { { "spki=", 5 }, read_spki },
    { { "label=", 6 }, read_label },
    { { "owner=", 6 }, read_owner },
    { { "clients=", 8 }, read_clients },
    { { "client=", 7 }, read_clients },
    { { "ports=", 6 }, read_ports },
    { { "port=", 5 }, read_ports },
    { { "until=", 6 }, read_until },
    { { NULL, 0 }, NULL },
};
static const struct field mute_fields[] = {
    { { "server=", 7 }, read_servers }, { { "servers=", 8 }, read_servers },
    { { "client=", 7 }, read_clients }, { { "clients=", 8 }, read_clients },
    { { "port=", 5 }, read_ports },     { { "ports=", 6 }, read_ports },
    { { "until=", 6 }, read_until },    { { NULL, 0 }, NULL },
};

static const struct field *field_at(const struct field *fields, struct text text)
{
    for (; fields->read != NULL; fields++)
        if (text_starts_nocase(text, fields->name))
            return fields;
    return NULL;
}

/* Up to where the next field begins, behind a blank. */
static struct text value_of(const struct field *fields, struct text *rest)
{
    size_t end = 1;
    for (; end < rest->len; end++) {
        struct text next = { .at = rest->at + end, .len = rest->len - end };
        if (rest->at[end - 1] == ' ' && field_at(fields, next) != NULL)
            break;
    }
    if (end > rest->len)
        end = rest->len;
    struct text value = { .at = rest->at, .len = end };
    *rest = (struct text){ .at = rest->at + end, .len = rest->len - end };
    return text_trim(value);
}

static bool fields_read(struct reading *reading, const struct field *fields, const char *wanted,
                        struct text rest, struct entry *entry)
{
    bool good = true;
    for (rest = text_trim(rest); rest.len > 0; rest = text_trim(rest)) {
        const struct field *field = field_at(fields, rest);
        if (field == NULL)
            return policy_complain(reading, rest, wanted);
        rest = (struct text){ .at = rest.at + field->name.len, .len = rest.len - field->name.len };
        good = field->read(reading, value_of(fields, &rest), entry) && good;
    }
    return good;
}

bool policy_inspection_read(struct reading *reading, struct text rest, struct entry *entry)
{
    return fields_read(reading, inspection_fields,
                       "fields of spki= label= clients= ports= until= owner=", rest, entry);
}

bool policy_mute_read(struct reading *reading, struct text rest, struct entry *entry)
{
    return fields_read(reading, mute_fields, "fields of server= client= ports= until=", rest,
                       entry);
}
