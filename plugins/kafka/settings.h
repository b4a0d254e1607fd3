/* SPDX-License-Identifier: Apache-2.0
 * settings.h - what the operator said of the output "kafka": brokers, topics, and properties of
 * librdkafka, which go through to it by a call-back.
 */
#ifndef KAFKA_SETTINGS_H
#define KAFKA_SETTINGS_H

#include "sender.h"

#define KAFKA_TOPIC_BYTES 250 /* Kafka's own maximum is 249 */

struct kafka_settings {
    char topics[4][KAFKA_TOPIC_BYTES]; /* by enum starttap_dataset */
};

typedef bool kafka_property(void *conf, const char *name, const char *value, char *why,
                            size_t why_size);

/* Target: BROKER[,BROKER...]/TOPIC. */
bool kafka_settings_read(struct kafka_settings *settings,
                         const struct starttap_output_options *options, kafka_property *set,
                         void *conf, char *why, size_t why_size);
const char *kafka_settings_topic(const struct kafka_settings *settings, uint8_t dataset);

#endif
