/* SPDX-License-Identifier: Apache-2.0 */
/* Audit records of the MySQL family. */
#include "tests/unit/test_filters_data.h"

#include "filters/mysql.h"

#define SHOWN_MAX 4 /* candidates written out; of the rest only the number */

static void write_record(FILE *out, const struct record *record)
{
    static const char *const kinds[] = { "other", "connection" };
    static const char *const times[] = { "none", "seconds", "micros" };
    static const char *const encryption[] = { "", "clear ", "tls ", "local " };

    (void)fprintf(out, "%s\t%s\t", kinds[record->kind], times[record->time_form]);
    data_write(out, record->server);
    (void)fputc('\t', out);
    data_write(out, record->user);
    (void)fputc('\t', out);
    data_write(out, record->database);
    (void)fputc('\t', out);
    if (record->has_code) {
        (void)fprintf(out, "%d", record->code);
    } else {
        (void)fputc('-', out);
    }
    (void)fputc('\t', out);
    data_write(out, record->connection_type);
    (void)fprintf(out, "\t%s%s%s%s%s%zu", encryption[record->encryption],
                  record->torn ? "torn " : "", record->unterminated ? "open " : "",
                  record->quoted ? "quoted " : "", record->too_many ? "too-many " : "",
                  record->in_sql);
    for (size_t i = 0; i < record->count && i < SHOWN_MAX; i++) {
        const struct candidate *candidate = &record->candidates[i];

        (void)fprintf(out, "\t%s%s %lld ", candidate->counts ? "" : "(",
                      operation_name(candidate->operation), (long long)candidate->connection_id);
        data_write(out, candidate->host);
        if (!candidate->counts) {
            (void)fputc(')', out);
        }
    }
    if (record->count > SHOWN_MAX) {
        (void)fprintf(out, "\t+%zu", record->count - SHOWN_MAX);
    }
}

/* records.txt: LINE, then all that was read of it. */
static void test_records(void **state)
{
    struct record *record = malloc(sizeof *record);
    struct data data;
    (void)state;

    assert_non_null(record);
    data_open(&data, "records.txt");
    while (data_next(&data)) {
        char *got = NULL, want[8192];
        size_t size = 0, used = 0;
        struct slice line;
        FILE *out;

        line = data_bytes(data.field[0]);
        memset(record, 0x5a, sizeof *record); /* what is not set must not be read */
        mysql_read(line, record);
        if (record->statement.data) {
            mysql_read_head(line, record);
        }
        out = open_memstream(&got, &size);
        assert_non_null(out);
        write_record(out, record);
        (void)fclose(out);
        data_free(line);
        for (size_t i = 1; i < data.count; i++) {
            used += (size_t)snprintf(want + used, sizeof want - used, "%s%s", i > 1 ? "\t" : "",
                                     data.field[i]);
        }
        if (strcmp(got, want) != 0) {
            fail_msg("%s:%u:\nread as  %s\nand not  %s", data.path, data.line, got, want);
        }
        free(got);
    }
    data_close(&data);
    free(record);
}

static struct record read_line(const char *line)
{
    struct record record;

    mysql_read((struct slice){ line, strlen(line) }, &record);
    return record;
}

static void test_times(void **state)
{
    static const struct {
        const char *line;
        bool good;
        int64_t ms;
    } cases[] = {
        { "20261122 14:08:14,x", true, 1795356494000 },
        { "19700101 00:00:00,x", true, 0 },
        { "20240229 23:59:59,x", true, 1709251199000 },
        { "1728498527380921,x", true, 1728498527380 },
        { "0000000000000999,x", true, 0 },
        { "20230229 00:00:00,x", false, 0 },
        { "21000229 00:00:00,x", false, 0 },
        { "20261122 00:60:00,x", false, 0 },
        { "20261122 00:00:60,x", false, 0 },
        { "20261122 24:00:00,x", false, 0 },
        { "20261301 00:00:00,x", false, 0 },
        { "20260001 00:00:00,x", false, 0 },
        { "20260100 00:00:00,x", false, 0 },
        { "x", false, 0 },
        { "20261122 14:08:14", false, 0 },
        { "172849852738092,x", false, 0 },
        { "17284985273809211,x", false, 0 },
    };
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct record record = read_line(cases[i].line);
        int64_t ms = -1;

        if (record_time_ms(&record, 0, &ms) != cases[i].good ||
            (cases[i].good && ms != cases[i].ms)) {
            fail_msg("%s: %lld", cases[i].line, (long long)ms);
        }
    }
    {
        struct record record = read_line("20261122 14:08:14,x");
        int64_t ms;

        /* One hour east of UTC the same clock is read an hour earlier. */
        assert_true(record_time_ms(&record, 3600000, &ms));
        assert_int_equal(ms, 1795356494000 - 3600000);
        record = read_line("1728498527380921,x");
        assert_true(record_time_ms(&record, 3600000, &ms));
        assert_int_equal(ms, 1728498527380);
    }
}

/* Four megabytes of each kind of repetition: a reading that is not linear would take hours. */
static void test_long_lines(void **state)
{
    static const char *const units[] = {
        ",0,CONNECT,",
        ",1,0,CONNECT,",
        ",h,1,0,CONNECT,",
        ",h,1,0,DISCONNECT,",
        ",0",
        "0",
        ",",
        ",0,",
        "'",
        "\\",
        "20261122 14:08:14,s,u,h,1,2,QUERY,,'",
        ",1,0,FAILED_CONNECT,,,0",
        "-1,0,CONNECT,",
    };
    static const char *const heads[] = { "", "20261122 14:08:14,s,u,h,1,2,QUERY,,'" };
    static const char closing[] = "',0";
    const size_t size = 4 << 20, end = size - strlen(closing);
    char *text = malloc(size);
    struct record *record = malloc(sizeof *record);
    (void)state;

    assert_non_null(text);
    assert_non_null(record);
    for (size_t h = 0; h < 2; h++) {
        for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
            size_t head = strlen(heads[h]), unit = strlen(units[i]);

            for (size_t at = 0; at < size; at++) {
                const char *from = at < head  ? &heads[h][at]
                                   : at < end ? &units[i][(at - head) % unit]
                                              : &closing[at - end];
                text[at] = *from;
            }
            mysql_read((struct slice){ text, size }, record);
            assert_true(record->count <= RECORD_CANDIDATES_MAX);
        }
    }
    free(text);
    free(record);
}

/* One candidate more than can be kept: it is said, and the rightmost are kept. */
static void test_too_many(void **state)
{
    char line[4096];
    (void)state;

    for (int extra = 0; extra < 2; extra++) {
        size_t used = 0;
        struct record record;

        for (int i = 0; i < RECORD_CANDIDATES_MAX - 1 + extra; i++) {
            used += (size_t)snprintf(line + used, sizeof line - used, ",h,%d,0,CONNECT", i);
        }
        (void)snprintf(line + used, sizeof line - used, ",last,77,0,FAILED_CONNECT,,,1045");
        record = read_line(line);
        assert_int_equal(record.kind, RECORD_CONNECTION);
        assert_int_equal(record.too_many, extra);
        assert_int_equal(record.count, RECORD_CANDIDATES_MAX);
        assert_int_equal(record.candidates[0].connection_id, 77);
        assert_int_equal(record.candidates[RECORD_CANDIDATES_MAX - 1].connection_id, extra);
        assert_int_equal(record.code, 1045);
    }
}

static void test_names(void **state)
{
    (void)state;
    assert_string_equal(operation_name(OPERATION_NONE), "");
    assert_string_equal(operation_name(OPERATION_FAILED_CONNECT), "FAILED_CONNECT");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_records),    cmocka_unit_test(test_times),
        cmocka_unit_test(test_long_lines), cmocka_unit_test(test_too_many),
        cmocka_unit_test(test_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
