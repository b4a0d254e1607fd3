/* SPDX-License-Identifier: Apache-2.0
 * kafka.c - the output "kafka": events to a Kafka topic by librdkafka, the only file that knows it.
 *
 * What was handed to librdkafka stays with it until its delivery report comes, also over several
 * calls of send(): it retries by itself, in order, and its idempotent producer sees to it that a
 * retry is stored once. The host's next batch begins with the same messages, which are then not
 * produced again (flight.h).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <librdkafka/rdkafka.h>

#include "flight.h"
#include "link.h"
#include "option.h"
#include "settings.h"

#define KAFKA_CLOSE_MS 2000
#define KAFKA_SCHEMA "1" /* mailtls.schema of the events */

struct kafka_output {
    struct kafka_settings settings;
    rd_kafka_conf_t *conf; /* the instances are made from copies of it */
    rd_kafka_t *kafka;
    struct flight flight;
    const char *format;
    void (*log)(int level, const char *line);
    char refusal[200], failure[200]; /* what was said last */
};

static const char *const datasets[] = { [STARTTAP_DATASET_SESSION] = "mailtls.session",
                                        [STARTTAP_DATASET_FINDING] = "mailtls.finding",
                                        [STARTTAP_DATASET_CERTIFICATE] = "mailtls.certificate",
                                        [STARTTAP_DATASET_STATS] = "mailtls.stats" };

/* --- what librdkafka tells; all from within rd_kafka_poll() --- */

/* What the broker or the library will never take, whatever is tried. All else may pass. */
static bool is_refusal(rd_kafka_resp_err_t error)
{
    return error == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE ||
           error == RD_KAFKA_RESP_ERR_INVALID_MSG_SIZE || error == RD_KAFKA_RESP_ERR_INVALID_RECORD;
}

static void on_report(rd_kafka_t *kafka, const rd_kafka_message_t *message, void *self)
{
    struct kafka_output *output = self;
    enum flight_state state = FLIGHT_LANDED;

    (void)kafka;
    if (message->err && is_refusal(message->err)) {
        state = FLIGHT_REFUSED;
        snprintf(output->refusal, sizeof(output->refusal), "%zu bytes: %s", message->len,
                 rd_kafka_err2str(message->err));
    } else if (message->err) {
        state = FLIGHT_LOST;
        snprintf(output->failure, sizeof(output->failure), "%s", rd_kafka_err2str(message->err));
    }
    flight_report(&output->flight, (uint64_t)(uintptr_t)message->_private, state);
}

static void on_error(rd_kafka_t *kafka, int error, const char *reason, void *self)
{
    struct kafka_output *output = self;

    (void)kafka;
    if (error != RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN) /* tells less than what came before it */
        snprintf(output->failure, sizeof(output->failure), "%s", reason);
}

static void on_log(const rd_kafka_t *kafka, int level, const char *facility, const char *text)
{
    struct kafka_output *output = rd_kafka_opaque(kafka);
    char line[512];

    (void)level;
    snprintf(line, sizeof(line), "librdkafka: %s: %s", facility, text);
    if (output && output->log)
        output->log(2, line);
}

/* --- settings --- */

static bool set_property(void *conf, const char *name, const char *value, char *why,
                         size_t why_size)
{
    char text[256]; /* may quote the value, so it is not shown */

    switch (rd_kafka_conf_set(conf, name, value, text, sizeof(text))) {
    case RD_KAFKA_CONF_OK: return true;
    case RD_KAFKA_CONF_UNKNOWN:
        snprintf(why, why_size, "librdkafka has no property %.100s", name);
        return false;
    default:
        snprintf(why, why_size, "librdkafka does not take this value for its property %.100s",
                 name);
        return false;
    }
}

static bool configure(struct kafka_output *output, const struct starttap_output_options *options,
                      char *why, size_t why_size)
{
    /* Before the operator's own, which win. No time limit of a message: who repeats is the host,
     * and a message that librdkafka gave up would come behind later ones. */
    static const char *const defaults[][2] = {
        { "client.id", "starttap" },         { "enable.idempotence", "true" },
        { "compression.type", "zstd" },      { "partitioner", "murmur2_random" },
        { "message.timeout.ms", "0" },       { "log.queue", "true" },
        { "log.connection.close", "false" },
    };

    for (size_t i = 0; i < sizeof(defaults) / sizeof(defaults[0]); i++)
        if (!set_property(output->conf, defaults[i][0], defaults[i][1], why, why_size))
            return false;
    return kafka_settings_read(&output->settings, options, set_property, output->conf, why,
                               why_size);
}

static void kafka_end(struct kafka_output *output)
{
    if (!output->kafka)
        return;
    rd_kafka_purge(output->kafka, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
    rd_kafka_flush(output->kafka, KAFKA_CLOSE_MS); /* the reports of what was purged */
    rd_kafka_destroy(output->kafka);
    output->kafka = NULL;
}

static bool kafka_begin(struct kafka_output *output, char *why, size_t why_size)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_dup(output->conf);
    char text[256];

    rd_kafka_conf_set_opaque(conf, output);
    rd_kafka_conf_set_dr_msg_cb(conf, on_report);
    rd_kafka_conf_set_error_cb(conf, on_error);
    rd_kafka_conf_set_log_cb(conf, on_log);
    output->kafka = rd_kafka_new(RD_KAFKA_PRODUCER, conf, text, sizeof(text));
    if (!output->kafka) {
        rd_kafka_conf_destroy(conf);
        snprintf(why, why_size, "librdkafka: %.200s", text);
        return false;
    }
    rd_kafka_set_log_queue(output->kafka, NULL);
    return true;
}

static void kafka_close(void *self)
{
    struct kafka_output *output = self;

    if (!output)
        return;
    kafka_end(output);
    if (output->conf)
        rd_kafka_conf_destroy(output->conf);
    flight_free(&output->flight);
    free(output);
}

static struct kafka_output *prepare(const struct starttap_output_options *options, char *why,
                                    size_t why_size)
{
    struct kafka_output *output = calloc(1, sizeof(*output));

    if (!output) {
        snprintf(why, why_size, "no memory");
        return NULL;
    }
    flight_init(&output->flight);
    output->conf = rd_kafka_conf_new();
    output->format = options->format;
    output->log = options->log;
    if (configure(output, options, why, why_size))
        return output;
    kafka_close(output);
    return NULL;
}

/* The library's own view of the whole is left to open(): asking it starts its threads, and they
 * connect. */
static bool kafka_check(const struct starttap_output_options *options, char *why, size_t why_size)
{
    struct kafka_output *output = prepare(options, why, why_size);

    kafka_close(output);
    return output != NULL;
}

static void *kafka_open(const struct starttap_output_options *options, char *why, size_t why_size)
{
    struct kafka_output *output = prepare(options, why, why_size);

    if (output && !kafka_begin(output, why, why_size)) {
        kafka_close(output);
        return NULL;
    }
    return output;
}

/* --- sending --- */

/* The timestamp of a record is the time of sending: topics delete by it, and an old capture's
 * events should not be gone at once. */
static rd_kafka_resp_err_t produce(struct kafka_output *output,
                                   const struct starttap_message *message, uint64_t number)
{
    bool known = message->dataset < sizeof(datasets) / sizeof(datasets[0]);
    size_t key_len = strlen(message->key);
    const char *dataset = known ? datasets[message->dataset] : "unknown";
    // NOLINTNEXTLINE(performance-no-int-to-ptr): it comes back as it is, and points nowhere.
    void *opaque = (void *)(uintptr_t)number;

    return rd_kafka_producev(
        output->kafka, RD_KAFKA_V_TOPIC(kafka_settings_topic(&output->settings, message->dataset)),
        RD_KAFKA_V_KEY(key_len ? message->key : NULL, key_len),
        RD_KAFKA_V_VALUE((void *)message->bytes, message->len),
        RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_HEADER("schema", KAFKA_SCHEMA, -1),
        RD_KAFKA_V_HEADER("format", output->format, -1), RD_KAFKA_V_HEADER("dataset", dataset, -1),
        RD_KAFKA_V_HEADER("id", message->id, -1), RD_KAFKA_V_OPAQUE(opaque), RD_KAFKA_V_END);
}

/* False: its queue stayed full until the deadline, or it takes nothing. */
static bool produce_one(struct kafka_output *output, const struct starttap_message *message,
                        size_t index, uint64_t deadline)
{
    rd_kafka_resp_err_t error;

    while ((error = produce(output, message, flight_number(&output->flight, index))) ==
           RD_KAFKA_RESP_ERR__QUEUE_FULL) {
        int left = link_left(deadline);

        if (left == 0)
            return false;
        rd_kafka_poll(output->kafka, left < 50 ? left : 50);
    }
    if (!error) {
        flight_start(&output->flight, index);
        return true;
    }
    snprintf(is_refusal(error) ? output->refusal : output->failure, sizeof(output->refusal),
             "%zu bytes: %s", message->len, rd_kafka_err2str(error));
    if (is_refusal(error))
        flight_report(&output->flight, flight_number(&output->flight, index), FLIGHT_REFUSED);
    return is_refusal(error);
}

/* An idempotent producer that lost track of its sequence is of no more use; so is its queue. */
static bool restart_after_fatal(struct kafka_output *output)
{
    char text[160];

    if (output->kafka && !rd_kafka_fatal_error(output->kafka, text, sizeof(text)))
        return true;
    kafka_end(output);
    flight_lose_all(&output->flight);
    return kafka_begin(output, output->failure, sizeof(output->failure));
}

static void kafka_send(void *self, const struct starttap_message *messages, size_t count,
                       unsigned wait_ms, struct starttap_sent *sent)
{
    struct kafka_output *output = self;
    struct flight *flight = &output->flight;
    uint64_t deadline = link_now() + wait_ms;
    size_t open_before, index;

    if (!flight_match(flight, messages, count)) { /* other messages than those that wait */
        kafka_end(output);
        flight_clear(flight);
    }
    output->refusal[0] = output->failure[0] = '\0';
    if (!restart_after_fatal(output) || !flight_take(flight, messages, count)) {
        sent->failed = true;
        snprintf(sent->why, sizeof(sent->why), "%s",
                 output->failure[0] ? output->failure : "no memory");
        return;
    }
    open_before = flight_open(flight, count);
    for (index = 0; index < count; index++)
        if (flight_is_grounded(flight, index) &&
            !produce_one(output, &messages[index], index, deadline))
            break;
    do
        rd_kafka_poll(output->kafka, link_left(deadline) < 50 ? link_left(deadline) : 50);
    while (flight_is_flying(flight, count) && link_left(deadline) > 0);

    flight_land(flight, count, &sent->delivered, &sent->refused);
    sent->failed =
        sent->delivered < count &&
        (flight_has_lost(flight) || flight_open(flight, count) >= open_before || index < count);
    snprintf(sent->why, sizeof(sent->why), "%s",
             sent->failed ? output->failure[0] ? output->failure : "no report of delivery in time"
                          : output->refusal);
}

static const struct starttap_output door = {
    .abi = STARTTAP_OUTPUT_ABI,
    .size = sizeof(struct starttap_output),
    .kind = "kafka",
    .help = "a Kafka topic",
    .most_messages = 16384,
    .most_bytes = 16u << 20,
    .check = kafka_check,
    .open = kafka_open,
    .send = kafka_send,
    .close = kafka_close,
};

STARTTAP_OUTPUT_EXPORT(kafka) { return &door; }
