/* SPDX-License-Identifier: Apache-2.0
 * log.c - one write per line, so that threads do not mix theirs.
 */
#include "log.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static _Atomic int level_max = LOG_WARN;

static const char *name_shown;
static bool to_journal;

/* systemd.exec(5): the variable names the device and inode of the socket, which a program may
 * have inherited without having it as its standard error. */
void log_ask_journal(void)
{
    const char *stream = getenv("JOURNAL_STREAM");
    struct stat own;
    char text[64];
    if (stream == NULL || fstat(STDERR_FILENO, &own) != 0)
        return;
    (void)snprintf(text, sizeof text, "%ju:%ju", (uintmax_t)own.st_dev, (uintmax_t)own.st_ino);
    to_journal = strcmp(text, stream) == 0;
}

void log_set_name(const char *name) { name_shown = name; }
void log_set_level(enum log_level level) { atomic_store(&level_max, (int)level); }

__attribute__((format(printf, 4, 0))) static void log_line(enum log_level level,
                                                           const char *priority, const char *word,
                                                           const char *format, va_list arguments)
{
    if ((int)level > atomic_load(&level_max))
        return;

    char line[1024];
    (void)vsnprintf(line, sizeof line, format, arguments);
    (void)fprintf(stderr, "%sstarttap: %s%s%s%s\n", to_journal ? priority : "", word,
                  name_shown != NULL ? name_shown : "", name_shown != NULL ? ": " : "", line);
}

#define LOG_FUNCTION(name, level, priority, word)                                                  \
    void name(const char *format, ...)                                                             \
    {                                                                                              \
        va_list arguments;                                                                         \
        va_start(arguments, format);                                                               \
        log_line(level, priority, word, format, arguments);                                        \
        va_end(arguments);                                                                         \
    }

LOG_FUNCTION(log_error, LOG_ERROR, "<3>", "error: ")
LOG_FUNCTION(log_warn, LOG_WARN, "<4>", "warning: ")
LOG_FUNCTION(log_notice, LOG_WARN, "<5>", "")
LOG_FUNCTION(log_info, LOG_INFO, "<6>", "info: ")
LOG_FUNCTION(log_debug, LOG_DEBUG, "<7>", "debug: ")
