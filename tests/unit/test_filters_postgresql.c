/* SPDX-License-Identifier: Apache-2.0 */
/* Lines of PostgreSQL's log, one after another. */
#include "tests/unit/test_filters_data.h"

#include "filters/postgresql.h"

static struct event event_of(uint64_t stream)
{
    return (struct event){
        .stream = stream, .key = 1, .time = EVENT_TIME_NONE, .ingested = EVENT_TIME_NONE
    };
}

static void write_part(FILE *out, const char *name, struct slice part)
{
    if (part.len > 0) {
        (void)fprintf(out, " %s=", name);
        data_write(out, part);
    }
}

static void write_marks(FILE *out, unsigned marks)
{
    const char *comma = " marks=";

    for (unsigned i = 0; mark_name(i); i++) {
        if ((marks >> i & 1) != 0) {
            (void)fprintf(out, "%s%s", comma, mark_name(i));
            comma = ",";
        }
    }
}

static void write_outcome(FILE *out, enum outcome outcome, const struct login_failure *failure,
                          enum record_encryption encryption, struct slice tls)
{
    if (outcome != OUTCOME_UNKNOWN) {
        (void)fprintf(out, " %s", outcome_name(outcome));
    }
    if (failure) {
        (void)fprintf(out, "(%s%s)", severity_name(failure->severity),
                      failure->password_right ? ", password right" : "");
    }
    if (encryption == ENCRYPTION_NONE) {
        (void)fputs(" clear", out);
    } else if (encryption == ENCRYPTION_TLS && tls.len == 0) {
        (void)fputs(" tls", out);
    }
    write_part(out, "tls", tls);
}

static bool is_told(const struct record *record, const struct reading *reading)
{
    return record->kind == RECORD_CONNECTION || reading->kind != KIND_CONNECTION;
}

/* What there is to tell of a line: "#NUMBER KIND HOST PORT ID ..." for what is new, and
 * "~NUMBER ..." for each change of what was told before. */
static void write_reading(FILE *out, const struct record *record, const struct reading *reading,
                          int64_t number)
{
    if (is_told(record, reading)) {
        (void)fprintf(
            out, "\t#%lld %s%s", (long long)number, finding_kind_name((unsigned)reading->kind),
            reading->kind != KIND_CONNECTION && record->kind == RECORD_CONNECTION ? "+connection"
                                                                                  : "");
        for (size_t i = 0; i < record->count; i++) {
            (void)fputc(' ', out);
            data_write(out, record->candidates[i].host);
        }
        if (record->count > 0) {
            assert_int_equal(record->candidates[0].operation, OPERATION_CONNECT);
            (void)fprintf(out, " %d", record->port);
            if (record->candidates[0].connection_id != RECORD_NO_ID) {
                (void)fprintf(out, " %lld", (long long)record->candidates[0].connection_id);
            }
        }
        write_part(out, "user", record->user);
        write_part(out, "db", record->database);
        write_outcome(out, record->outcome, record->failure, record->encryption, record->tls);
        write_marks(out, reading->marks);
        write_part(out, "by", reading->true_client);
        (void)fprintf(out, "%s%s%s", record->time_form == RECORD_TIME_DATED ? "" : " no-time",
                      record->names_only ? " names-only" : "",
                      reading->attempt_continues ? " continues" : "");
    }
    for (size_t i = 0; i < reading->change_count; i++) {
        const struct change *change = &reading->changes[i];

        (void)fprintf(out, "\t~%lld", (long long)change->finding);
        write_part(out, "user", change->user);
        write_part(out, "db", change->database);
        write_outcome(out, change->outcome, change->failure, change->encryption, change->tls);
        write_marks(out, change->marks);
        write_part(out, "by", change->true_client);
    }
}

/* postgresql.txt: LINE, then what there is to tell of it.  "!new" forgets, "!window" goes on with
 * another one, "!stream NUMBER" changes the stream. */
static void test_lines(void **state)
{
    struct postgresql *memory = postgresql_new();
    struct record *record = malloc(sizeof *record);
    struct reading *reading = malloc(sizeof *reading);
    struct event event = event_of(1);
    int64_t number = 0;
    struct data data;
    (void)state;

    assert_non_null(memory);
    assert_non_null(record);
    assert_non_null(reading);
    data_open(&data, "postgresql.txt");
    while (data_next(&data)) {
        char *got = NULL, want[8192];
        size_t size = 0, used = 0;
        struct slice line;
        FILE *out;

        if (data.field[0][0] == '!') {
            if (strcmp(data.field[0], "!stream") == 0) {
                event.stream = strtoul(data.field[1], NULL, 10);
            } else if (strcmp(data.field[0], "!window") == 0) {
                postgresql_window(memory, true);
            } else {
                assert_string_equal(data.field[0], "!new");
                postgresql_window(memory, false);
                event.stream = 1;
                number = 0;
            }
            continue;
        }
        line = data_bytes(data.field[0]);
        memset(record, 0x5a, sizeof *record); /* what is not set must not be read */
        memset(reading, 0x5a, sizeof *reading);
        postgresql_read(memory, &event, line, record, reading);
        if (is_told(record, reading)) {
            number++;
            if (reading->slot && *reading->slot == 0) {
                *reading->slot = number;
            }
        }
        out = open_memstream(&got, &size);
        assert_non_null(out);
        write_reading(out, record, reading, number);
        (void)fclose(out);
        data_free(line);
        want[0] = '\0';
        for (size_t i = 1; i < data.count; i++) {
            used += (size_t)snprintf(want + used, sizeof want - used, "\t%s", data.field[i]);
        }
        if (strcmp(got, want) != 0) {
            fail_msg("%s:%u:\nread as  %s\nand not  %s", data.path, data.line, got, want);
        }
        free(got);
    }
    data_close(&data);
    free(reading);
    free(record);
    postgresql_free(memory);
}

/* Reads a line made of a client and a time of day; whether it begins an attempt. */
static bool begins(struct postgresql *memory, unsigned client, unsigned second, const char *rest)
{
    struct event event = event_of(1);
    struct reading reading;
    struct record record;
    char line[256];
    int len =
        snprintf(line, sizeof line, "2026-11-22 %02u:%02u:%02u UTC:203.0.%u.%u(5432):%s",
                 second / 3600, second / 60 % 60, second % 60, client / 256, client % 256, rest);

    postgresql_read(memory, &event, (struct slice){ line, (size_t)len }, &record, &reading);
    return record.kind == RECORD_CONNECTION;
}

static const char statement[] = "app@prod:[7]:LOG:  statement: SELECT 1";

/* One attempt more than there is room for takes the place of the one used longest ago. */
static void test_bounded_number(void **state)
{
    struct postgresql *memory = postgresql_new();
    (void)state;

    assert_non_null(memory);
    for (unsigned i = 0; i < POSTGRESQL_ATTEMPTS_MAX; i++) {
        assert_true(begins(memory, i, 0, statement));
    }
    assert_false(begins(memory, 0, 0, statement));
    assert_true(begins(memory, POSTGRESQL_ATTEMPTS_MAX, 0, statement));
    assert_false(begins(memory, 0, 0, statement));
    assert_false(begins(memory, 2, 0, statement));
    assert_true(begins(memory, 1, 0, statement));
    postgresql_free(memory);
}

static void test_bounded_time(void **state)
{
    const unsigned most = (unsigned)(POSTGRESQL_ATTEMPT_MS / 1000);
    struct postgresql *memory = postgresql_new();
    (void)state;

    assert_non_null(memory);
    assert_true(begins(memory, 1, 0, statement));
    assert_false(begins(memory, 1, most, statement));
    assert_false(begins(memory, 1, 2 * most, statement));
    assert_true(begins(memory, 1, 3 * most + 1, statement));
    /* Another client's later lines do not make this one older. */
    assert_true(begins(memory, 2, 20 * most, statement));
    assert_false(begins(memory, 1, 3 * most + 2, statement));
    postgresql_free(memory);
}

/* A name in %r, and no address is believed for as many attempts as are said. */
static void test_names_only(void **state)
{
    static const char name[] = "2026-11-22 14:00:00 UTC:a.example.net(1):a@b:[1]:LOG:  x";
    struct postgresql *memory = postgresql_new();
    struct event event = event_of(1);
    struct reading reading;
    struct record record;
    (void)state;

    assert_non_null(memory);
    postgresql_read(memory, &event, (struct slice){ name, sizeof name - 1 }, &record, &reading);
    assert_true(record.names_only);
    for (unsigned i = 0; i < 1030; i++) {
        char line[128];
        int len = snprintf(line, sizeof line,
                           "2026-11-22 14:00:00 UTC:10.0.0.1(%u):a@b:[%u]:LOG:  x", i + 1, i + 2);

        postgresql_read(memory, &event, (struct slice){ line, (size_t)len }, &record, &reading);
        assert_int_equal(record.kind, RECORD_CONNECTION);
        assert_int_equal(record.names_only, i < 1023);
    }
    postgresql_free(memory);
}

/* One stream more than is told apart takes the place of the one read longest ago. */
static void test_streams(void **state)
{
    static const char torn[] = "2026-11-22 14:00:00 UTC:203.0.113.5(1):x";
    struct postgresql *memory = postgresql_new();
    struct reading reading;
    struct record record;
    (void)state;

    assert_non_null(memory);
    for (uint64_t stream = 1; stream <= 17; stream++) {
        struct event event = event_of(stream);

        postgresql_read(memory, &event, (struct slice){ torn, sizeof torn - 1 }, &record, &reading);
    }
    for (unsigned stream = 17; stream >= 1; stream--) {
        struct event event = event_of(stream);
        char row[128];
        int len = snprintf(row, sizeof row, "2026-11-22 14:00:00 UTC:8.8.4.%u(1):a@b:[9]:LOG:  x",
                           stream);

        postgresql_read(memory, &event, (struct slice){ row, (size_t)len }, &record, &reading);
        assert_int_equal(record.kind, RECORD_CONNECTION);
        assert_int_equal((reading.marks & MARK_TAINTED) != 0, stream > 1);
    }
    postgresql_free(memory);
}

/* Megabytes of each kind of repetition, as a statement, behind a torn line, and as the rest of one:
 * a reading that is not linear would take hours. */
static void test_long_lines(void **state)
{
    static const char long_prefix[] = "2026-11-22 14:00:00 UTC:203.0.113.5(3):a@b:[7]:1:00000:"
                                      "2026-11-22 14:00:00 UTC:3/4:0:ab.cd:";
    const char *const heads[] = {
        "",
        "\t",
        "2026-11-22 14:00:00 UTC:203.0.113.5(1):",
        "2026-11-22 14:00:00 UTC:203.0.113.5(2):a@b:[7]:LOG:  ",
        long_prefix,
    };
    static const char *const units[] = {
        "[",
        ":[1]:",
        ":[1]:LOG:  ",
        ":[1]:LOG",
        "2026-11-22 14:00:00 UTC:",
        "2026-11-22 14:00:00 UTC:8.8.4.4(",
        ":  ",
        "@",
        "(1)",
        ":[1]:1:00000:2026-11-22 14:00:00 UTC:3/4:0:ab.cd:",
        ":[1]:1:00000:2026-11-22 14:00:00 UTC:3/4:0:ab.cd::  :  :  :  :  ",
        "\t",
        "A",
        " SSL enabled (protocol=",
    };
    const size_t size = 4 << 20;
    char *text = malloc(size);
    struct postgresql *memory = postgresql_new();
    struct event event = event_of(1);
    struct reading reading;
    struct record record;
    (void)state;

    assert_non_null(text);
    assert_non_null(memory);
    for (size_t h = 0; h < sizeof heads / sizeof *heads; h++) {
        for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
            size_t head = strlen(heads[h]), unit = strlen(units[i]);

            for (size_t at = 0; at < size; at++) {
                const char *from = at < head ? &heads[h][at] : &units[i][(at - head) % unit];

                text[at] = *from;
            }
            for (int again = 0; again < 2; again++) {
                postgresql_read(memory, &event, (struct slice){ text, size }, &record, &reading);
                assert_true(record.count <= 2);
            }
        }
    }
    postgresql_free(memory);
    free(text);
}

static void test_times(void **state)
{
    static const struct {
        const char *line;
        bool good;
        int64_t ms;
    } cases[] = {
        { "2026-11-22 14:08:14 UTC::@:[7]:LOG:  x", true, 1795356494000 },
        { "2026-11-22 14:08:14.972 UTC::@:[7]:LOG:  x", true, 1795356494972 },
        { "2026-11-22 14:08:14 +03::@:[7]:LOG:  x", true, 1795356494000 },
        { "2026-11-22 00:60:00 UTC::@:[7]:LOG:  x", false, 0 },
        { "2026-02-29 00:00:00 UTC::@:[7]:LOG:  x", false, 0 },
        { "2026-11-22 14:08:14 ::@:[7]:LOG:  x", false, 0 },
        { "2026-11-22 14:08:14.97 UTC::@:[7]:LOG:  x", false, 0 },
        { "2026-11-22T14:08:14 UTC::@:[7]:LOG:  x", false, 0 },
        { "", false, 0 },
    };
    struct postgresql *memory = postgresql_new();
    struct event event = event_of(1);
    struct reading reading;
    struct record record;
    (void)state;

    assert_non_null(memory);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int64_t ms = -1;

        postgresql_read(memory, &event, (struct slice){ cases[i].line, strlen(cases[i].line) },
                        &record, &reading);
        if (record_time_ms(&record, 0, &ms) != cases[i].good ||
            (cases[i].good && ms != cases[i].ms)) {
            fail_msg("%s: %lld", cases[i].line, (long long)ms);
        }
    }
    postgresql_free(memory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines),        cmocka_unit_test(test_bounded_number),
        cmocka_unit_test(test_bounded_time), cmocka_unit_test(test_names_only),
        cmocka_unit_test(test_streams),      cmocka_unit_test(test_long_lines),
        cmocka_unit_test(test_times),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
