/* SPDX-License-Identifier: Apache-2.0 */
/* The one place that logs. */
#include "agent/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/clock.h"
#include "agent/escape.h"
#include "agent/times.h"

static enum log_level threshold = LOG_INFO;
static bool as_service;

void log_setup(enum log_level level, bool service)
{
    threshold = level;
    as_service = service;
}

__attribute__((format(printf, 2, 0))) static void write_line(enum log_level level,
                                                             const char *format, va_list arguments)
{
    static const char *const names[] = { "error", "warning", "info", "debug" };
    char *text = NULL;

    if (level > threshold) {
        return;
    }
    if (vasprintf(&text, format, arguments) < 0) {
        return;
    }
    if (as_service) {
        char time[TIME_TEXT_MAX];
        fprintf(stderr, "%s %s: ", time_format(clock_now(), time), names[level]);
    } else {
        fputs(level == LOG_WARNING ? "tailgate: warning: " : "tailgate: ", stderr);
    }
    escape_write(stderr, text, strlen(text));
    fputc('\n', stderr);
    free(text);
}

#define DEFINE_LOG(function, level)                                                                \
    void function(const char *format, ...)                                                         \
    {                                                                                              \
        va_list arguments;                                                                         \
        va_start(arguments, format);                                                               \
        write_line(level, format, arguments);                                                      \
        va_end(arguments);                                                                         \
    }

DEFINE_LOG(log_error, LOG_ERROR)
DEFINE_LOG(log_warning, LOG_WARNING)
DEFINE_LOG(log_info, LOG_INFO)
DEFINE_LOG(log_debug, LOG_DEBUG)
