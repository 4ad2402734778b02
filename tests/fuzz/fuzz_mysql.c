/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as one line of an audit log: slices stay in the line, and no connection's own bytes are
 * ever passed over. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "filters/mysql.h"

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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char attempt[] = ",203.0.113.50,4711,0,FAILED_CONNECT,";
    struct slice line = { (const char *)data, size };
    struct record record;
    char *around = malloc(size + sizeof attempt);
    int64_t ms;

    mysql_read(line, &record);
    check_inside(record.time, line);
    check_inside(record.server, line);
    check_inside(record.user, line);
    check_inside(record.database, line);
    check_inside(record.connection_type, line);
    check(record.count <= RECORD_CANDIDATES_MAX);
    for (size_t i = 0; i < record.count; i++) {
        check_inside(record.candidates[i].host, line);
        check(record.candidates[i].operation != OPERATION_NONE);
        /* Rightmost first. */
        check(i == 0 || record.candidates[i].host.data < record.candidates[i - 1].host.data);
    }
    check(!record.has_code || record.code >= 0);
    (void)record_time_ms(&record, 0, &ms);

    /* The server's own bytes, with what somebody chose before and behind them. */
    if (around) {
        bool found = false;

        memcpy(around, data, size / 2);
        memcpy(around + size / 2, attempt, sizeof attempt - 1);
        memcpy(around + size / 2 + sizeof attempt - 1, data + size / 2, size - size / 2);
        mysql_read((struct slice){ around, size + sizeof attempt - 1 }, &record);
        for (size_t i = 0; i < record.count; i++) {
            found = found || (record.candidates[i].connection_id == 4711 &&
                              record.candidates[i].host.data == around + size / 2 + 1);
        }
        /* In what has the form of a statement it is counted, unless it can be a disguise. */
        check(found || record.too_many || (record.quoted && record.in_sql > 0));
        check(record.quoted || record.kind == RECORD_CONNECTION);
    }
    free(around);
    return 0;
}
