/* SPDX-License-Identifier: Apache-2.0
 * log.c - one write per line, so that threads do not mix theirs.
 */
#include "log.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>

static _Atomic int level_max = LOG_WARN;

static const char *name_shown;

void log_set_name(const char *name) { name_shown = name; }
void log_set_level(enum log_level level) { atomic_store(&level_max, (int)level); }

__attribute__((format(printf, 3, 0))) static void log_line(enum log_level level, const char *word,
                                                           const char *format, va_list arguments)
{
    if ((int)level > atomic_load(&level_max))
        return;

    char line[1024];
    (void)vsnprintf(line, sizeof line, format, arguments);
    (void)fprintf(stderr, "starttap: %s%s%s%s\n", word, name_shown != NULL ? name_shown : "",
                  name_shown != NULL ? ": " : "", line);
}

#define LOG_FUNCTION(name, level, word)                                                            \
    void name(const char *format, ...)                                                             \
    {                                                                                              \
        va_list arguments;                                                                         \
        va_start(arguments, format);                                                               \
        log_line(level, word, format, arguments);                                                  \
        va_end(arguments);                                                                         \
    }

LOG_FUNCTION(log_error, LOG_ERROR, "error: ")
LOG_FUNCTION(log_warn, LOG_WARN, "warning: ")
LOG_FUNCTION(log_notice, LOG_WARN, "")
LOG_FUNCTION(log_info, LOG_INFO, "info: ")
LOG_FUNCTION(log_debug, LOG_DEBUG, "debug: ")
