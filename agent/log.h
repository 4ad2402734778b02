/* SPDX-License-Identifier: Apache-2.0 */
/* Log lines on standard error.  Everything is escaped where it is written, so arguments may hold
 * anything. */
#ifndef TAILGATE_AGENT_LOG_H
#define TAILGATE_AGENT_LOG_H

#include <stdbool.h>

enum log_level { LOG_ERROR, LOG_WARNING, LOG_INFO, LOG_DEBUG };

/* `service`: lines carry a time and a level, as a log wants; otherwise "tailgate: text", as a
 * command's messages do. */
void log_setup(enum log_level level, bool service);

void log_error(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_warning(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_info(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_debug(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
