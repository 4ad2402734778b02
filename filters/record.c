/* SPDX-License-Identifier: Apache-2.0 */
/* What all records have in common. */
#include "filters/record.h"

#include <string.h>
#include <time.h>

const char *operation_name(enum operation operation)
{
    switch (operation) {
    case OPERATION_CONNECT:
        return "CONNECT";
    case OPERATION_FAILED_CONNECT:
        return "FAILED_CONNECT";
    case OPERATION_CHANGEUSER:
        return "CHANGEUSER";
    case OPERATION_DISCONNECT:
        return "DISCONNECT";
    case OPERATION_NONE:
        break;
    }
    return "";
}

void record_clear(struct record *record)
{
    memset(record, 0, offsetof(struct record, candidates));
    record->port = -1;
}

static int digits(struct slice text, size_t at, size_t count)
{
    int value = 0;

    for (size_t i = at; i < at + count; i++) {
        value = value * 10 + (text.data[i] - '0');
    }
    return value;
}

static int days_in_month(int year, int month)
{
    static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

    return month == 2 && leap ? 29 : days[month - 1];
}

bool record_date_ms(int year, int month, int day, int hour, int minute, int second, int64_t *out)
{
    struct tm parts = { .tm_year = year - 1900,
                        .tm_mon = month - 1,
                        .tm_mday = day,
                        .tm_hour = hour,
                        .tm_min = minute,
                        .tm_sec = second };

    if (month < 1 || month > 12 || day < 1 || day > days_in_month(year, month) || hour > 23 ||
        minute > 59 || second > 59) {
        return false;
    }
    *out = (int64_t)timegm(&parts) * 1000;
    return true;
}

bool record_time_ms(const struct record *record, int64_t zone_offset_ms, int64_t *out)
{
    struct slice text = record->time;

    switch (record->time_form) {
    case RECORD_TIME_NONE:
        return false;
    case RECORD_TIME_MICROS:
        *out = 0;
        for (size_t i = 0; i < 13; i++) {
            *out = *out * 10 + (text.data[i] - '0');
        }
        return true;
    case RECORD_TIME_DATED:
        *out = record->time_ms - zone_offset_ms;
        return true;
    case RECORD_TIME_SECONDS:
        break;
    }
    if (!record_date_ms(digits(text, 0, 4), digits(text, 4, 2), digits(text, 6, 2),
                        digits(text, 9, 2), digits(text, 12, 2), digits(text, 15, 2), out)) {
        return false;
    }
    *out -= zone_offset_ms;
    return true;
}
