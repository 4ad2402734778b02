/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as lines of PostgreSQL's log, one after another: slices stay in the line or the memory,
 * changes are of what was told, and a client's own line is never passed over. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "filters/postgresql.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CLIENT "203.0.113.50(4711):"

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

/* Reads every byte, so that a sanitizer sees where they lie. */
static void check_readable(struct slice part)
{
    unsigned sum = 0;

    for (size_t i = 0; i < part.len; i++) {
        sum += (unsigned char)part.data[i];
    }
    check(sum <= 255 * part.len);
}

static void check_line(struct slice line, const struct record *record,
                       const struct reading *reading, int64_t told)
{
    int64_t ms;

    check(record->count <= 2 && reading->change_count <= READING_CHANGES_MAX);
    check_inside(record->time, line);
    check_inside(record->user, line);
    check_inside(record->database, line);
    check_inside(record->tls, line);
    check_readable(reading->true_client);
    (void)record_time_ms(record, 0, &ms);
    for (size_t i = 0; i < record->count; i++) {
        check_inside(record->candidates[i].host, line);
        check(record->candidates[i].counts);
    }
    for (size_t i = 0; i < reading->change_count; i++) {
        const struct change *change = &reading->changes[i];

        check(change->finding > 0 && change->finding <= told && !change->withdrawn);
        check_inside(change->user, line);
        check_inside(change->database, line);
        check_inside(change->tls, line);
        check_readable(change->true_client);
        check(!change->failure || change->outcome == OUTCOME_FAILURE);
    }
}

/* A line of bytes 1 or 2 alone stands for another window or stream. */
static void read_lines(struct postgresql *memory, struct event *event, struct slice text)
{
    struct reading reading;
    struct record record;
    int64_t told = 0;

    while (text.len > 0) {
        const char *end = memchr(text.data, '\n', text.len);
        struct slice line = { text.data, end ? (size_t)(end - text.data) : text.len };
        size_t passed = line.len + (end ? 1 : 0);

        if (line.len == 1 && line.data[0] == 1) {
            postgresql_window(memory, true);
        } else if (line.len == 1 && line.data[0] == 2) {
            event->stream ^= 1;
        } else {
            postgresql_read(memory, event, line, &record, &reading);
            check_line(line, &record, &reading, told);
            if (record.kind == RECORD_CONNECTION || reading.kind != KIND_CONNECTION) {
                told++;
                if (reading.slot && *reading.slot == 0) {
                    *reading.slot = told;
                }
            }
        }
        text = (struct slice){ text.data + passed, text.len - passed };
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char own[] = "2026-11-22 14:08:14 UTC:" CLIENT;
    struct postgresql *memory = postgresql_new();
    struct event event = { .stream = 1, .time = EVENT_TIME_NONE, .ingested = EVENT_TIME_NONE };
    struct slice text = { (const char *)data, size };
    char *line = malloc(sizeof own - 1 + size);

    if (memory && line) {
        const uint8_t *end = size > 0 ? memchr(data, '\n', size) : NULL;
        size_t len = end ? (size_t)(end - data) : size;
        struct reading reading;
        struct record record;

        read_lines(memory, &event, text);
        /* The server's own bytes, with what somebody chose behind them, after all that. */
        memcpy(line, own, sizeof own - 1);
        if (len > 0) {
            memcpy(line + sizeof own - 1, data, len);
        }
        postgresql_read(memory, &event, (struct slice){ line, sizeof own - 1 + len }, &record,
                        &reading);
        check(memmem(text.data ? text.data : "", size, CLIENT, sizeof CLIENT - 1) != NULL ||
              (record.kind == RECORD_CONNECTION && record.count > 0 && record.port == 4711 &&
               record.candidates[0].host.data == line + sizeof "2026-11-22 14:08:14 UTC:" - 1 &&
               record.candidates[0].host.len == sizeof "203.0.113.50" - 1 && reading.slot));
    }
    free(line);
    postgresql_free(memory);
    return 0;
}
