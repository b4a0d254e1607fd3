/* SPDX-License-Identifier: Apache-2.0
 * message.c - an event as a syslog message, RFC 5424 section 6:
 *
 *   <PRI>1 TIMESTAMP HOSTNAME APP-NAME PROCID MSGID STRUCTURED-DATA MSG
 */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "option.h"
#include "syslog.h"

/* RFC 5424 section 6.2.1; the names are those of syslog.conf. */
static const struct {
    const char *word;
    uint8_t number;
} facilities[] = {
    { "user", 1 },      { "mail", 2 },    { "daemon", 3 },  { "auth", 4 },    { "syslog", 5 },
    { "authpriv", 10 }, { "local0", 16 }, { "local1", 17 }, { "local2", 18 }, { "local3", 19 },
    { "local4", 20 },   { "local5", 21 }, { "local6", 22 }, { "local7", 23 },
};
const char syslog_facilities[] =
    "user mail daemon auth syslog authpriv local0 local1 local2 local3 "
    "local4 local5 local6 local7";

static const char *const datasets[] = { [STARTTAP_DATASET_SESSION] = "mailtls.session",
                                        [STARTTAP_DATASET_FINDING] = "mailtls.finding",
                                        [STARTTAP_DATASET_CERTIFICATE] = "mailtls.certificate",
                                        [STARTTAP_DATASET_STATS] = "mailtls.stats" };

/* RFC 5424 section 6.2.1. What was only observed is informational. */
static unsigned severity_of(uint8_t severity)
{
    static const struct {
        uint8_t least;
        uint8_t number;
    } rows[] = { { 90, 2 }, { 70, 3 }, { 50, 4 }, { 30, 5 }, { 0, 6 } };
    size_t row = 0;

    while (severity < rows[row].least)
        row++;
    return rows[row].number;
}

uint8_t syslog_facility(const char *word)
{
    for (size_t i = 0; i < sizeof(facilities) / sizeof(facilities[0]); i++)
        if (strcmp(facilities[i].word, word) == 0)
            return facilities[i].number;
    return 255;
}

void syslog_style_init(struct syslog_style *style, const struct starttap_output_options *options)
{
    const char *facility = option_text(options, "facility");
    const char *header = option_text(options, "header");
    size_t len = 0;

    *style = (struct syslog_style){
        .facility = syslog_facility(facility ? facility : "local0"),
        .bom = option_flag(options, "bom", false),
        .local_header = strcmp(header ? header : options->target, "local") == 0,
        .max_bytes = options->max_bytes ? options->max_bytes : SIZE_MAX,
    };
    for (const char *at = options->sensor; *at && len < sizeof(style->host) - 1; at++) {
        style->host[len] = '_';
        if (*at > ' ' && *at < 127)
            style->host[len] = *at;
        len++;
    }
    if (len == 0)
        style->host[0] = '-';
}

static struct tm *split_time(int64_t time_us, struct tm *tm, unsigned *microseconds)
{
    int64_t rest = time_us % 1000000;
    time_t seconds = (time_t)(time_us / 1000000);

    if (rest < 0) {
        rest += 1000000;
        seconds--;
    }
    *microseconds = (unsigned)rest;
    return gmtime_r(&seconds, tm);
}

/* RFC 5424 section 6.2.3; a year of five digits has no such form, and no packet has it. */
static void write_time(int64_t time_us, struct buffer *out)
{
    struct tm tm;
    unsigned microseconds;

    if (!split_time(time_us, &tm, &microseconds) || tm.tm_year < -1900 || tm.tm_year > 8099) {
        buffer_text(out, "-");
        return;
    }
    buffer_printf(out, "%04d-%02d-%02dT%02d:%02d:%02d.%06uZ", tm.tm_year + 1900, tm.tm_mon + 1,
                  tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, microseconds);
}

/* RFC 3164 section 4.1.2 without the host, in the machine's time zone, as syslog(3) does: the
 * daemon at the other end adds its own name, and the year is in the event. */
static void write_local_time(int64_t time_us, struct buffer *out)
{
    static const char months[12][4] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                        "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };
    time_t seconds = (time_t)(time_us / 1000000);
    struct tm tm;

    if (localtime_r(&seconds, &tm))
        buffer_printf(out, "%s %2d %02d:%02d:%02d ", months[tm.tm_mon], tm.tm_mday, tm.tm_hour,
                      tm.tm_min, tm.tm_sec);
}

void syslog_write(const struct syslog_style *style, const struct starttap_message *message,
                  struct buffer *out)
{
    bool known = message->dataset < sizeof(datasets) / sizeof(datasets[0]);

    buffer_printf(out, "<%u>", style->facility * 8u + severity_of(message->severity));
    if (style->local_header) {
        write_local_time(message->time_us, out);
        buffer_text(out, "starttap: ");
    } else {
        buffer_text(out, "1 ");
        write_time(message->time_us, out);
        buffer_printf(out, " %s starttap - %s - ", style->host,
                      known ? datasets[message->dataset] : "-");
        if (style->bom)
            buffer_text(out, "\xef\xbb\xbf");
    }
    buffer_add(out, message->bytes, message->len);
}
