// SPDX-License-Identifier: Apache-2.0
// A Kafka cluster for tests: librdkafka's mock brokers as a process of their own. Prints the
// brokers' addresses and runs until its standard input ends. Not a real broker: nothing is kept on
// a disk, nobody is asked for a password.
//   kafka_mock TOPIC PARTITIONS
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "usage: kafka_mock TOPIC PARTITIONS\n");
        return 2;
    }
    char error[512];
    rd_kafka_conf_t *quiet = rd_kafka_conf_new();
    rd_kafka_conf_set(quiet, "log_level", "3", error, sizeof error);
    rd_kafka_t *handle = rd_kafka_new(RD_KAFKA_PRODUCER, quiet, error, sizeof error);
    if (handle == NULL) {
        fprintf(stderr, "kafka_mock: %s\n", error);
        return 1;
    }
    rd_kafka_mock_cluster_t *cluster = rd_kafka_mock_cluster_new(handle, 1);
    if (cluster == NULL ||
        rd_kafka_mock_topic_create(cluster, argv[1], (int)strtol(argv[2], NULL, 10), 1) != 0) {
        fprintf(stderr, "kafka_mock: no cluster\n");
        return 1;
    }
    puts(rd_kafka_mock_cluster_bootstraps(cluster));
    fflush(stdout);
    while (getchar() != EOF)
        ;
    rd_kafka_mock_cluster_destroy(cluster);
    rd_kafka_destroy(handle);
    return 0;
}
