/* SPDX-License-Identifier: Apache-2.0
 * kafka_mock.c - librdkafka's mock cluster as a process of its own: brokers on loopback that keep
 * what they get in memory. It prints their addresses; each line of its input does something to it
 * and is answered by "ok" (or "no"), so that whoever writes it knows that it took effect:
 *
 *   down N, up N        broker N
 *   rtt N MILLISECONDS  the time broker N takes to answer
 *   fail CODE COUNT     the next COUNT Produce requests are answered by this error
 *
 * The end of its input ends it.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

#define API_PRODUCE 0

static bool obey(rd_kafka_mock_cluster_t *cluster, const char *line)
{
    int broker, number;

    if (sscanf(line, "down %d", &broker) == 1)
        return rd_kafka_mock_broker_set_down(cluster, broker) == 0;
    if (sscanf(line, "up %d", &broker) == 1)
        return rd_kafka_mock_broker_set_up(cluster, broker) == 0;
    if (sscanf(line, "rtt %d %d", &broker, &number) == 2)
        return rd_kafka_mock_broker_set_rtt(cluster, broker, number) == 0;
    if (sscanf(line, "fail %d %d", &broker, &number) == 2) {
        for (int i = 0; i < number; i++)
            rd_kafka_mock_push_request_errors(cluster, API_PRODUCE, 1, (rd_kafka_resp_err_t)broker);
        return true;
    }
    return false;
}

int main(int argc, char **argv)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_mock_cluster_t *cluster;
    char text[256], line[256];
    int brokers = argc > 1 ? (int)strtol(argv[1], NULL, 10) : 2;
    rd_kafka_t *kafka;

    kafka = rd_kafka_new(RD_KAFKA_PRODUCER, conf, text, sizeof(text));
    cluster = kafka ? rd_kafka_mock_cluster_new(kafka, brokers) : NULL;
    if (!cluster) {
        fprintf(stderr, "no mock cluster\n");
        return 1;
    }
    for (int i = 2; i < argc; i++)
        rd_kafka_mock_topic_create(cluster, argv[i], 4, brokers);
    printf("%s\n", rd_kafka_mock_cluster_bootstraps(cluster));
    fflush(stdout);
    while (fgets(line, sizeof(line), stdin)) {
        puts(obey(cluster, line) ? "ok" : "no");
        fflush(stdout);
    }
    rd_kafka_mock_cluster_destroy(cluster);
    rd_kafka_destroy(kafka);
    return 0;
}
