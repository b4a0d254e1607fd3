/* SPDX-License-Identifier: Apache-2.0
 * log.h - messages for the operator, on standard error, one line each, without a newline in the
 * text.
 *
 * Never on the packet path: there counters are kept. Text from the wire passes text_clean() first.
 * Credentials are never stored and so cannot be logged. May be called from any thread.
 */
#ifndef LOG_H
#define LOG_H

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };

/* What is written: this level and the more severe ones. LOG_WARN unless set. */
void log_set_level(enum log_level level);

/* Where standard error is the journal of systemd, lines begin with their priority from now on
 * (sd-daemon(3)), which the journal takes off. Before there are threads. */
void log_ask_journal(void);

/* Put before each line, as "starttap: warning: NAME: …", for a process with one task. Before it has
 * threads; borrowed. NULL: none. */
void log_set_name(const char *name);

void log_error(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_warn(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* What a person who started it wants to know: without a word before it, where warnings are told. */
void log_notice(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_info(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_debug(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
