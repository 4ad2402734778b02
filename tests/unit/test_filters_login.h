/* SPDX-License-Identifier: Apache-2.0 */
/* Testing a reader of lines that remembers nothing: each line of a data file with all that is to be
 * read of it, and lines so long that a reading which is not linear would take minutes. */
#ifndef TAILGATE_TESTS_FILTERS_LOGIN_H
#define TAILGATE_TESTS_FILTERS_LOGIN_H

#include "tests/unit/test_filters_data.h"

#include "filters/record.h"

#define LOGIN_SHOWN_MAX 4 /* candidates written out; of the rest only the number */
#define LOGIN_LONG      ((size_t)256 << 10)

typedef void login_reader(struct slice line, struct record *out);

static inline void login_write(FILE *out, const struct record *record)
{
    static const char *const kinds[] = { "other", "connection" };
    static const char *const encryptions[] = { "", "clear ", "tls ", "local " };
    int64_t ms;

    (void)fprintf(out, "%s\t", kinds[record->kind]);
    if (record_time_ms(record, 0, &ms)) {
        (void)fprintf(out, "%lld", (long long)ms);
    } else {
        (void)fputs("none", out);
    }
    (void)fputc('\t', out);
    data_write(out, record->user);
    (void)fputc('\t', out);
    data_write(out, record->database);
    (void)fprintf(out, "\t%s\t", outcome_name(record->outcome));
    if (record->has_code) {
        (void)fprintf(out, "%d", record->code);
    } else {
        (void)fputc('-', out);
    }
    if (record->failure) {
        (void)fprintf(out, " %s%s", severity_name(record->failure->severity),
                      record->failure->password_right ? "!" : "");
    }
    (void)fprintf(out, "\t%s%s%s%s%d", record->torn ? "torn " : "",
                  record->unterminated ? "unterminated " : "", record->too_many ? "too-many " : "",
                  encryptions[record->encryption], (int)record->port);
    for (size_t i = 0; i < record->count && i < LOGIN_SHOWN_MAX; i++) {
        (void)fprintf(out, "\t%s ", operation_name(record->candidates[i].operation));
        data_write(out, record->candidates[i].host);
    }
    if (record->count > LOGIN_SHOWN_MAX) {
        (void)fprintf(out, "\t+%zu", record->count - LOGIN_SHOWN_MAX);
    }
}

/* The file: LINE, then kind, milliseconds, user, database, outcome, code with the severity of its
 * reason ('!' for a right password), marks with encryption and port, and the candidates. */
static inline void login_test_file(login_reader *read, const char *name)
{
    struct record *record = malloc(sizeof *record);
    struct data data;

    assert_non_null(record);
    data_open(&data, name);
    while (data_next(&data)) {
        struct slice line = data_bytes(data.field[0]);
        char *got = NULL, want[8192];
        size_t size = 0, used = 0;
        FILE *out = open_memstream(&got, &size);

        assert_non_null(out);
        memset(record, 0x5a, sizeof *record); /* what is not set must not be read */
        read(line, record);
        login_write(out, record);
        (void)fclose(out);
        data_free(line);
        for (size_t i = 1; i < data.count; i++) {
            used += (size_t)snprintf(want + used, sizeof want - used, "%s%s", i > 1 ? "\t" : "",
                                     data.field[i]);
        }
        if (strcmp(got, want) != 0) {
            fail_msg("%s:%u:\nread as  %s\nand not  %s", data.path, data.line, got, want);
        }
        for (size_t i = 0; i < record->count; i++) {
            assert_true(record->candidates[i].counts);
            assert_true(record->candidates[i].connection_id == RECORD_NO_ID);
        }
        free(got);
    }
    data_close(&data);
    free(record);
}

/* Each head, then each unit as often as it takes, then the ending. */
static inline void login_test_long(login_reader *read, const char *const *heads, size_t head_count,
                                   const char *const *units, size_t unit_count, const char *ending)
{
    const size_t end = LOGIN_LONG - strlen(ending);
    char *text = malloc(LOGIN_LONG);
    struct record *record = malloc(sizeof *record);

    assert_non_null(text);
    assert_non_null(record);
    memcpy(text + end, ending, strlen(ending));
    for (size_t h = 0; h < head_count; h++) {
        size_t head = strlen(heads[h]);

        memcpy(text, heads[h], head);
        for (size_t i = 0; i < unit_count; i++) {
            size_t unit = strlen(units[i]);

            for (size_t at = head; at < end; at++) {
                text[at] = units[i][(at - head) % unit];
            }
            read((struct slice){ text, LOGIN_LONG }, record);
            assert_true(record->count <= RECORD_CANDIDATES_MAX);
            assert_int_equal(record->kind, RECORD_CONNECTION);
        }
    }
    free(text);
    free(record);
}

#endif
