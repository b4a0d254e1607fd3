/* SPDX-License-Identifier: Apache-2.0
 * setup_policy.c - lists of texts with their places, from one struct to the other.
 */
#include "setup_policy.h"

#include <stdlib.h>

static struct policy_list list_of(const struct config_texts *texts, struct policy_text **next)
{
    struct policy_list list = { *next, texts->count };
    for (size_t i = 0; i < texts->count; i++) {
        const struct config_text *text = &texts->at[i];
        *(*next)++ = (struct policy_text){ text->text, text->place.source, text->place.line,
                                           text->place.column };
    }
    return list;
}

bool setup_policy_init(struct setup_policy *setup, const struct config *config)
{
    static const char *const vantages[] = { [CONFIG_VANTAGE_UNKNOWN] = "unknown",
                                            [CONFIG_VANTAGE_CLIENT] = "client",
                                            [CONFIG_VANTAGE_SERVER] = "server",
                                            [CONFIG_VANTAGE_BOTH] = "both" };
    size_t count = config->policy_trusted_networks.count + config->policy_require_tls.count +
                   config->policy_names.count + config->policy_inspection.count +
                   config->policy_mute.count;
    struct policy_text *next = setup->texts = calloc(count + 1, sizeof *setup->texts);
    if (next == NULL)
        return false;
    setup->options = (struct policy_options){
        .trusted_networks = list_of(&config->policy_trusted_networks, &next),
        .require_tls = list_of(&config->policy_require_tls, &next),
        .names = list_of(&config->policy_names, &next),
        .inspection = list_of(&config->policy_inspection, &next),
        .mute = list_of(&config->policy_mute, &next),
        .mail_ports = config->policy_mail_ports.at,
        .mail_port_count = config->policy_mail_ports.count,
        .vantage = vantages[config->sensor_vantage],
    };
    return true;
}

void setup_policy_free(struct setup_policy *setup)
{
    free(setup->texts);
    *setup = (struct setup_policy){ 0 };
}
