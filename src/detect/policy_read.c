/* SPDX-License-Identifier: Apache-2.0
 * policy_read.c - a policy out of its texts. Every mistake is told with its place, not only the
 * first, and then there is no policy.
 */
#include <stdlib.h>
#include <string.h>

#include "policy.h"
#include "policy_state.h"

/* --- rows --- */

static bool trusted_row(struct reading *reading, struct policy *policy)
{
    return policy_hosts_read(reading, text_trim(text_of(reading->text->text)), false,
                             &policy->trusted);
}

static bool require_row(struct reading *reading, struct policy *policy)
{
    return policy_hosts_read(reading, text_trim(text_of(reading->text->text)), true,
                             &policy->require_tls);
}

static bool name_add(struct reading *reading, struct text text, struct named *row)
{
    bool wild = text_starts_nocase(text, TEXT("*"));
    if (wild || !host_is_pattern(text))
        return policy_complain(reading, text, "a host name");
    char **names = policy_grown(row->names, row->count, sizeof *names), *name = policy_copy(text);
    if (names != NULL)
        row->names = names;
    if (names == NULL || name == NULL) {
        free(name);
        return policy_out_of_memory(reading);
    }
    row->names[row->count++] = name;
    return true;
}

static bool names_row(struct reading *reading, struct policy *policy)
{
    struct text rest = text_trim(text_of(reading->text->text)), all = rest;
    struct named *rows = policy_grown(policy->names, policy->name_count, sizeof *rows);
    if (rows == NULL)
        return policy_out_of_memory(reading);
    policy->names = rows;
    struct named *row = &rows[policy->name_count++];
    *row = (struct named){ .count = 0 };
    struct text address = text_token(&rest, " \t");
    bool alone = network_read(address, &row->address) &&
                 row->address.bits == (row->address.family == 4 ? 32 : 128);
    if (!alone || text_trim(rest).len == 0)
        return policy_complain(reading, all,
                               "an address and its names, such as \"192.0.2.25 mx.example.org\"");
    for (rest = text_trim(rest); rest.len > 0; rest = text_trim(rest))
        if (!name_add(reading, text_token(&rest, " \t"), row))
            return false;
    return true;
}

static struct entry *entry_add(struct reading *reading, struct entries *entries)
{
    struct entry *at = policy_grown(entries->at, entries->count, sizeof *at);
    if (at == NULL) {
        policy_out_of_memory(reading);
        return NULL;
    }
    entries->at = at;
    at[entries->count] = (struct entry){ .until_ns = INT64_MAX };
    return &at[entries->count++];
}

static bool inspection_row(struct reading *reading, struct policy *policy)
{
    struct text text = text_of(reading->text->text);
    struct entry *entry = entry_add(reading, &policy->inspection);
    if (entry == NULL || !policy_inspection_read(reading, text, entry))
        return false;
    if (entry->spki == NULL || entry->label == NULL)
        return policy_complain(reading, text, "at least spki= and label=");
    return true;
}

static bool is_rule(struct text text)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.at[i];
        bool fits = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '_';
        if (!fits)
            return false;
    }
    return true;
}

static bool mute_row(struct reading *reading, struct policy *policy)
{
    struct text rest = text_trim(text_of(reading->text->text)), rule = text_token(&rest, " \t");
    struct text word = rule;
    struct entry *entry = entry_add(reading, &policy->mute);
    if (entry == NULL)
        return false;
    entry->prefix = rule.len > 0 && rule.at[rule.len - 1] == '*';
    rule.len -= entry->prefix ? 1 : 0;
    if (word.len == 0 || !is_rule(rule))
        return policy_complain(reading, word, "the id of a finding, which may end in *, first");
    if ((entry->rule = policy_copy(rule)) == NULL)
        return policy_out_of_memory(reading);
    return policy_mute_read(reading, rest, entry);
}

/* --- all of it --- */

static const struct list {
    const char *key;
    size_t offset; /* of the list in struct policy_options */
    bool (*row)(struct reading *reading, struct policy *policy);
} lists[] = {
    { "policy.trusted_networks", offsetof(struct policy_options, trusted_networks), trusted_row },
    { "policy.require_tls", offsetof(struct policy_options, require_tls), require_row },
    { "policy.names", offsetof(struct policy_options, names), names_row },
    { "policy.inspection", offsetof(struct policy_options, inspection), inspection_row },
    { "policy.mute", offsetof(struct policy_options, mute), mute_row },
};

static bool ports_copy(struct policy *policy, const struct policy_options *options)
{
    if (options->mail_port_count == 0)
        return true;
    policy->ports = calloc(options->mail_port_count, sizeof *policy->ports);
    if (policy->ports == NULL)
        return false;
    memcpy(policy->ports, options->mail_ports, options->mail_port_count * sizeof *policy->ports);
    policy->port_count = options->mail_port_count;
    return true;
}

struct policy *policy_new(const struct policy_options *options)
{
    struct reading reading = { .err = options->err != NULL ? options->err : stderr, .good = true };
    struct policy *policy = calloc(1, sizeof *policy);
    if (policy == NULL || !ports_copy(policy, options)) {
        policy_out_of_memory(&reading);
        policy_free(policy);
        return NULL;
    }
    policy->vantage = options->vantage == NULL ? "unknown" : options->vantage;
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
        const struct policy_list *list =
            (const struct policy_list *)(const void *)((const char *)options + lists[i].offset);
        reading.key = lists[i].key;
        for (size_t row = 0; row < list->count; row++) {
            reading.text = &list->at[row];
            (void)lists[i].row(&reading, policy);
        }
    }
    if (reading.good)
        return policy;
    policy_free(policy);
    return NULL;
}

static void hosts_free(struct hosts *hosts)
{
    for (size_t i = 0; i < hosts->count; i++)
        free(hosts->at[i].name);
    free(hosts->at);
}

static void entries_free(struct entries *entries)
{
    for (size_t i = 0; i < entries->count; i++) {
        struct entry *entry = &entries->at[i];
        hosts_free(&entry->servers);
        hosts_free(&entry->clients);
        free(entry->ports);
        free(entry->rule);
        free(entry->spki);
        free(entry->label);
        free(entry->owner);
    }
    free(entries->at);
}

void policy_free(struct policy *policy)
{
    if (policy == NULL)
        return;
    hosts_free(&policy->trusted);
    hosts_free(&policy->require_tls);
    for (size_t i = 0; i < policy->name_count; i++) {
        for (size_t name = 0; name < policy->names[i].count; name++)
            free(policy->names[i].names[name]);
        free(policy->names[i].names);
    }
    free(policy->names);
    entries_free(&policy->inspection);
    entries_free(&policy->mute);
    free(policy->ports);
    free(policy);
}
