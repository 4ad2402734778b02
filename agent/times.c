/* SPDX-License-Identifier: Apache-2.0 */
/* Reading and writing of times. */
#include "agent/times.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define SECOND_MS INT64_C(1000)
#define MINUTE_MS (60 * SECOND_MS)
#define HOUR_MS   (60 * MINUTE_MS)
#define DAY_MS    (24 * HOUR_MS)
/* Years 1970 to 9999. */
#define TIME_MAX_MS INT64_C(253402300799999)

static const struct unit {
    const char *name;
    int64_t ms;
} units[] = {
    { "d", DAY_MS }, { "h", HOUR_MS }, { "m", MINUTE_MS }, { "s", SECOND_MS }, { "ms", 1 }
};

/* Reads exactly `count` digits (count 0: as many as there are, at least one) and moves on. */
static bool digits(const char **p, int count, int64_t *out)
{
    int n = 0;

    for (*out = 0; **p >= '0' && **p <= '9' && (count == 0 || n < count); (*p)++, n++) {
        if (*out > TIME_MAX_MS) {
            return false;
        }
        *out = *out * 10 + (**p - '0');
    }
    return n > 0 && (count == 0 || n == count);
}

static bool literal(const char **p, char c)
{
    if (**p != c) {
        return false;
    }
    (*p)++;
    return true;
}

bool duration_parse(const char *text, int64_t *out_ms)
{
    int64_t number;

    if (!digits(&text, 0, &number)) {
        return false;
    }
    if (*text == '\0') {
        text = "s";
    }
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        if (strcmp(text, units[i].name) == 0 && number <= TIME_MAX_MS / units[i].ms) {
            *out_ms = number * units[i].ms;
            return true;
        }
    }
    return false;
}

char *duration_format(int64_t ms, char out[static DURATION_TEXT_MAX])
{
    size_t count = sizeof units / sizeof *units;

    for (size_t i = 0; i < count; i++) {
        if (ms >= units[i].ms) {
            int64_t rest = i + 1 < count ? ms % units[i].ms / units[i + 1].ms : 0;
            int len =
                snprintf(out, DURATION_TEXT_MAX, "%" PRId64 "%s", ms / units[i].ms, units[i].name);
            if (rest > 0 && i + 2 < count && len > 0) {
                snprintf(out + len, DURATION_TEXT_MAX - (size_t)len, " %" PRId64 "%s", rest,
                         units[i + 1].name);
            }
            return out;
        }
    }
    snprintf(out, DURATION_TEXT_MAX, "0s");
    return out;
}

/* "Z", "+02:00", "+0200" or nothing. */
static bool zone_suffix(const char **p, int64_t *east_ms)
{
    int64_t hours, minutes;
    bool west;

    *east_ms = 0;
    if (**p == '\0' || literal(p, 'Z')) {
        return true;
    }
    west = **p == '-';
    if (!literal(p, '-') && !literal(p, '+')) {
        return false;
    }
    if (!digits(p, 2, &hours)) {
        return false;
    }
    literal(p, ':');
    if (!digits(p, 2, &minutes) || hours > 15 || minutes > 59) {
        return false;
    }
    *east_ms = (hours * HOUR_MS + minutes * MINUTE_MS) * (west ? -1 : 1);
    return true;
}

bool zone_parse(const char *text, int64_t *out_ms)
{
    if (strcmp(text, "UTC") == 0) {
        text = "Z";
    }
    return *text && zone_suffix(&text, out_ms) && *text == '\0';
}

static bool iso_parse(const char *p, int64_t *out_ms)
{
    int64_t year, month, day, hour = 0, minute = 0, second = 0, fraction = 0, east = 0;

    if (!digits(&p, 4, &year) || !literal(&p, '-') || !digits(&p, 2, &month) || !literal(&p, '-') ||
        !digits(&p, 2, &day)) {
        return false;
    }
    if (literal(&p, 'T') || literal(&p, ' ')) {
        if (!digits(&p, 2, &hour) || !literal(&p, ':') || !digits(&p, 2, &minute)) {
            return false;
        }
        if (literal(&p, ':') && !digits(&p, 2, &second)) {
            return false;
        }
        if (literal(&p, '.')) {
            const char *start = p;
            if (!digits(&p, 0, &fraction) || p - start > 3) {
                return false;
            }
            for (long n = p - start; n < 3; n++) {
                fraction *= 10;
            }
        }
        if (!zone_suffix(&p, &east)) {
            return false;
        }
    }
    struct tm tm = { .tm_year = (int)year - 1900,
                     .tm_mon = (int)month - 1,
                     .tm_mday = (int)day,
                     .tm_hour = (int)hour,
                     .tm_min = (int)minute,
                     .tm_sec = (int)second };
    struct tm wanted = tm;
    time_t seconds = timegm(&tm);
    /* timegm accepts the 31st of February and moves it; a person who wrote that made a mistake. */
    if (*p || tm.tm_mday != wanted.tm_mday || tm.tm_mon != wanted.tm_mon ||
        tm.tm_hour != wanted.tm_hour || minute > 59 || second > 59 || year < 1970) {
        return false;
    }
    *out_ms = (int64_t)seconds * 1000 + fraction - east;
    return true;
}

bool time_parse(const char *text, int64_t now_ms, int64_t *out_ms)
{
    const char *p = text;
    int64_t number;

    if (iso_parse(text, out_ms)) {
        return true;
    }
    if (!digits(&p, 0, &number)) {
        return false;
    }
    if (*p == '\0') {
        /* Eleven digits of seconds reach the year 5138; twelve of milliseconds begin in 1973. */
        int64_t unit = p - text <= 11 ? SECOND_MS : 1;
        *out_ms = number <= TIME_MAX_MS / unit ? number * unit : 0;
        return number <= TIME_MAX_MS / unit;
    }
    if (!duration_parse(text, &number) || number > now_ms) {
        return false;
    }
    *out_ms = now_ms - number;
    return true;
}

char *time_format(int64_t ms, char out[static TIME_TEXT_MAX])
{
    int64_t rest = (ms % 1000 + 1000) % 1000;
    time_t seconds = (time_t)((ms - rest) / 1000);
    struct tm tm;

    if (!gmtime_r(&seconds, &tm) || strftime(out, TIME_TEXT_MAX, "%Y-%m-%dT%H:%M:%S", &tm) == 0) {
        snprintf(out, TIME_TEXT_MAX, "?");
        return out;
    }
    size_t len = strlen(out);
    if (rest) {
        snprintf(out + len, TIME_TEXT_MAX - len, ".%03dZ", (int)rest);
    } else {
        snprintf(out + len, TIME_TEXT_MAX - len, "Z");
    }
    return out;
}
