/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as one line of Oracle's listener log: slices stay in the line, and the address the
 * listener writes is never passed over. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "filters/oracle.h"

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
        check(i == 0 || record->candidates[i].host.data < record->candidates[i - 1].host.data);
    }
    check(!record->failure || (record->has_code && record->outcome == OUTCOME_FAILURE));
    check(record->port >= -1 && record->port <= 65535);
    (void)record_time_ms(record, 0, &ms);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char address[] = " * (ADDRESS=(PROTOCOL=tcp)(HOST=203.0.113.50)(PORT=40000))"
                                  " * establish * ";
    static const char before_host[] = " * (ADDRESS=(PROTOCOL=tcp)(HOST=";
    const size_t len = sizeof address - 1, half = size / 2;
    struct slice line = { (const char *)data, size };
    char *whole = malloc(size + len);
    struct record record;

    oracle_read(line, &record);
    check_record(&record, line);

    /* The listener's own bytes, with what a client chose before and behind them. */
    if (whole) {
        const char *host = whole + half + sizeof before_host - 1;
        int found = 0;

        if (size > 0) {
            memcpy(whole, data, half);
            memcpy(whole + half + len, data + half, size - half);
        }
        memcpy(whole + half, address, len);
        line = (struct slice){ whole, size + len };
        oracle_read(line, &record);
        check_record(&record, line);
        for (size_t i = 0; i < record.count; i++) {
            found = found || (record.candidates[i].host.data == host &&
                              record.candidates[i].host.len == strlen("203.0.113.50"));
        }
        check(found || record.too_many);
    }
    free(whole);
    return 0;
}
