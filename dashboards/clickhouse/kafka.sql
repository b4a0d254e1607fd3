-- SPDX-License-Identifier: Apache-2.0
-- Takes events from Kafka; load it after schema.sql. Put your brokers in the place of localhost:9092. Every sensor may write to
-- the same topic, with community_id as the key: then both halves of a session come through the same partition.
--
-- Kafka delivers at least once. What comes twice is the same (sensor, event.id), and schema.sql lets one row of it remain.

CREATE TABLE IF NOT EXISTS starttap.kafka
(
    line String
)
ENGINE = Kafka
SETTINGS kafka_broker_list = 'localhost:9092',
    kafka_topic_list = 'mailtls',
    kafka_group_name = 'clickhouse',
    kafka_format = 'LineAsString',
    kafka_handle_error_mode = 'stream',
    kafka_num_consumers = 1;

CREATE MATERIALIZED VIEW IF NOT EXISTS starttap.from_kafka TO starttap.line AS
SELECT line FROM starttap.kafka WHERE length(_error) = 0;

CREATE MATERIALIZED VIEW IF NOT EXISTS starttap.broken_from_kafka TO starttap.broken AS
SELECT concat('Kafka: ', _error) AS why, _raw_message AS line FROM starttap.kafka WHERE length(_error) > 0;
