/* SPDX-License-Identifier: Apache-2.0 */
/* Times and lengths of time as people write them. */
#ifndef TAILGATE_AGENT_TIMES_H
#define TAILGATE_AGENT_TIMES_H

#include <stdbool.h>
#include <stdint.h>

#define TIME_TEXT_MAX     32
#define DURATION_TEXT_MAX 32

/* ISO 8601 in UTC ("2026-11-22T14:00:00Z", with an offset, or without either: UTC), a date, seconds
 * (up to 11 digits) or milliseconds since 1970, or relative to now ("2h", "7d": so long ago). False
 * when it is none of them. */
bool time_parse(const char *text, int64_t now_ms, int64_t *out_ms);
/* "2026-11-22T14:00:00Z", with milliseconds when there are any; returns out. */
char *time_format(int64_t ms, char out[static TIME_TEXT_MAX]);

/* "250ms", "90s", "15m", "2h", "7d"; no unit: seconds. */
bool duration_parse(const char *text, int64_t *out_ms);
/* The two largest units: "2h 5m"; returns out. */
char *duration_format(int64_t ms, char out[static DURATION_TEXT_MAX]);

/* An offset from UTC: "UTC", "+02:00", "-0330"; in milliseconds east. */
bool zone_parse(const char *text, int64_t *out_ms);

#endif
