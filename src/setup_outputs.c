/* SPDX-License-Identifier: Apache-2.0
 * setup_outputs.c - from -o and the key `outputs` to open outputs.
 */
#include "clock.h"
#include "log.h"
#include "setup.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The bits and words of both enums stand in the same order. */
_Static_assert(CONFIG_EVENT_STATS == 1 << DATASET_STATS &&
                   CONFIG_EVENT_SESSION == 1 << DATASET_SESSION,
               "datasets");
_Static_assert((int)CONFIG_FORMAT_OCSF == (int)FORMAT_OCSF, "formats");
_Static_assert((int)CONFIG_SEVERITY_CRITICAL == (int)STARTTAP_CRITICAL, "severities");

/* --- plugins --- */

/* Those that are outputs are taken here; the others stay for the detectors. */
static bool load_plugins(struct run *run)
{
    struct options_list *plugins = &run->options.plugins;
    size_t left = 0;
    for (size_t i = 0; i < plugins->count; i++) {
        enum doors_loaded loaded = doors_load(run->doors, plugins->at[i]);
        if (loaded == DOORS_FAILED)
            return false;
        if (loaded == DOORS_NO_OUTPUT)
            plugins->at[left++] = plugins->at[i];
    }
    plugins->count = left;
    return true;
}

/* --- specifications --- */

static const char *sensor_name(struct run *run)
{
    if (*run->config.sensor_name != '\0')
        return run->config.sensor_name;
    if (*run->host == '\0' && gethostname(run->host, sizeof run->host - 1) != 0)
        (void)snprintf(run->host, sizeof run->host, "localhost");
    return run->host;
}

static bool same_target(const struct output_spec *a, const struct output_spec *b)
{
    if (a->spool != NULL && b->spool != NULL && strcmp(a->spool, b->spool) == 0) {
        spec_wrong(a, "two outputs cannot have the same spool");
        return true;
    }
    return false;
}

static bool add_spec(struct run *run, const char *text, const char *place)
{
    const struct config *config = &run->config;
    struct output_defaults defaults = {
        .format = (enum event_format)config->output_format,
        .datasets = config->output_events,
        .least = (enum starttap_severity)config->output_min_severity,
    };
    if (run->spec_count == MOST_OUTPUTS) {
        log_error("more than %d outputs (-o)", MOST_OUTPUTS);
        return false;
    }
    struct output_spec *spec = &run->specs[run->spec_count++];
    if (!output_spec_read(spec, text, place, &defaults, run->doors) ||
        !output_spec_check(spec, sensor_name(run)))
        return false;
    for (size_t i = 0; i + 1 < run->spec_count; i++)
        if (same_target(spec, &run->specs[i]))
            return false;
    return true;
}

static bool add_configured(struct run *run, const struct config_text *text)
{
    struct config_place place = text->place;
    size_t size = strlen(place.source) + 64;
    char *where = malloc(size);
    if (where == NULL)
        return false;
    if (place.line > 0)
        (void)snprintf(where, size, "%s:%zu:%zu: outputs", place.source, place.line, place.column);
    else
        (void)snprintf(where, size, "%s: outputs", place.source);
    run->spec_places[run->spec_count] = where;
    return add_spec(run, text->text, where);
}

bool setup_output_specs(struct run *run)
{
    const struct options_list *given = &run->options.outputs;
    const struct config_texts *configured = &run->config.outputs;
    run->doors = doors_new();
    if (run->doors == NULL || !load_plugins(run))
        return false;
    bool good = true;
    for (size_t i = 0; good && i < given->count; i++)
        good = add_spec(run, given->at[i], "-o");
    for (size_t i = 0; good && given->count == 0 && i < configured->count; i++)
        good = add_configured(run, &configured->at[i]);
    if (good && run->spec_count == 0 && run->options.write_pcap == NULL)
        good = add_spec(run, "-", "-o");
    return good;
}

/* --- what all of them together want --- */

unsigned setup_datasets(const struct run *run)
{
    unsigned datasets = 0;
    for (size_t i = 0; i < run->spec_count; i++)
        datasets |= run->specs[i].datasets;
    return run->spec_count > 0 ? datasets : run->config.output_events;
}

enum starttap_severity setup_least(const struct run *run)
{
    int least = STARTTAP_CRITICAL;
    for (size_t i = 0; i < run->spec_count; i++)
        if ((int)run->specs[i].least < least)
            least = (int)run->specs[i].least;
    return run->spec_count > 0 ? (enum starttap_severity)least
                               : (enum starttap_severity)run->config.output_min_severity;
}

void setup_formats(const struct run *run, bool formats[FORMAT_COUNT])
{
    formats[run->config.output_format] = run->spec_count == 0;
    for (size_t i = 0; i < run->spec_count; i++)
        formats[run->specs[i].format] = true;
}

/* --- opening and closing --- */

static bool find_user(struct run *run)
{
    char why[128];
    if (*run->config.output_user == '\0' ||
        process_user_find(&run->user, run->config.output_user, why, sizeof why))
        return true;
    log_error("output.user: %s", why);
    return false;
}

bool setup_outputs(struct run *run)
{
    if (!find_user(run))
        return false;
    struct output_options options = { .lossy = run->options.interfaces.count > 0,
                                      .at_once = setup_is_live(run),
                                      .sensor = sensor_name(run),
                                      .user = *run->config.output_user != '\0' ? &run->user : NULL,
                                      .stop = run->stop };
    for (size_t i = 0; i < run->spec_count; i++) {
        struct output *output = output_open(&run->specs[i], &options);
        if (output == NULL)
            return false;
        run->outputs[run->output_count++] = output;
        if (output_channel(output) != NULL)
            run->channels[run->channel_count++] = output_channel(output);
    }
    /* Before any thread: what is forked has no more than one. */
    if (run->channel_count > 0 &&
        (run->keeper = keeper_start(run->channels, run->channel_count)) == NULL)
        return false;
    run->order = order_new(run->outputs, run->output_count, setup_datasets(run));
    return run->order != NULL &&
           order_set_interval(run->order, (int64_t)run->config.findings_interval_s * NS_PER_S);
}

void setup_count_outputs(const struct run *run, struct event_output counts[MOST_OUTPUTS],
                         struct event_stats *stats)
{
    for (size_t i = 0; i < run->output_count; i++)
        output_counts(run->outputs[i], i + 1, &counts[i]);
    stats->outputs = counts;
    stats->output_count = run->output_count;
}

bool setup_close_outputs(struct run *run)
{
    bool ok = true;
    for (size_t i = 0; i < run->output_count; i++)
        output_end(run->outputs[i]);
    keeper_end(run->keeper);
    for (size_t i = 0; i < run->output_count; i++)
        ok = output_close(run->outputs[i]) && ok;
    for (size_t i = 0; i < run->spec_count; i++) {
        output_spec_free(&run->specs[i]);
        free(run->spec_places[i]);
    }
    doors_free(run->doors);
    return ok;
}
