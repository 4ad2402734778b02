/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as one line of SQL Server's error log: slices stay in the line, and what the server
 * writes of a client is never passed over. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "filters/sqlserver.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(int holds)
{
    if (!holds) {
        abort();
    }
}

static void check_inside(struct slice part, struct slice line)
{
    check(part.len == 0 ||
          (part.data >= line.data && part.data + part.len <= line.data + line.len));
}

static void check_record(const struct record *record, struct slice line)
{
    int64_t ms;

    check_inside(record->time, line);
    check_inside(record->user, line);
    check_inside(record->database, line);
    check(record->count <= RECORD_CANDIDATES_MAX);
    check((record->kind == RECORD_CONNECTION) == (record->count > 0));
    for (size_t i = 0; i < record->count; i++) {
        check_inside(record->candidates[i].host, line);
        check(record->candidates[i].operation != OPERATION_NONE && record->candidates[i].counts);
        /* Rightmost first. */
        check(i == 0 || record->candidates[i].host.data <= record->candidates[i - 1].host.data);
    }
    check(!record->failure || (record->has_code && record->outcome == OUTCOME_FAILURE));
    (void)record_time_ms(record, 0, &ms);
}

/* The attempt that the end of a line tells of is there. */
static void check_attempt(const struct record *record, struct slice line)
{
    static const char address[] = "203.0.113.50";
    int found = record->too_many;

    for (size_t i = 0; i < record->count; i++) {
        struct slice host = record->candidates[i].host;

        found = found || (host.len == sizeof address - 1 &&
                          host.data + host.len + 1 == line.data + line.len);
    }
    check(found);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char head[] = "2026-11-22 14:08:14.12 Logon       Login failed for user '";
    static const char tail[] = "'. Reason: Password did not match that for the login provided. "
                               "[CLIENT: 203.0.113.50]";
    const size_t head_len = sizeof head - 1, tail_len = sizeof tail - 1;
    struct slice line = { (const char *)data, size };
    char *whole = malloc(head_len + size + tail_len);
    struct record record;

    sqlserver_read(line, &record);
    check_record(&record, line);

    /* Any name between the server's own words. */
    if (whole) {
        memcpy(whole, head, head_len);
        if (size > 0) {
            memcpy(whole + head_len, data, size);
        }
        memcpy(whole + head_len + size, tail, tail_len);
        line = (struct slice){ whole, head_len + size + tail_len };
        sqlserver_read(line, &record);
        check_record(&record, line);
        check_attempt(&record, line);
        check(record.user.data == whole + head_len && record.user.len == size && !record.torn);
        check(record.outcome == OUTCOME_FAILURE && record.failure);
        check(!record.failure->password_right);
        /* And what is left of it when the name broke the line. */
        line = (struct slice){ whole + head_len, size + tail_len };
        sqlserver_read(line, &record);
        check_record(&record, line);
        check_attempt(&record, line);
    }
    free(whole);
    return 0;
}
