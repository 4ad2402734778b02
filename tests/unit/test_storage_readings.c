/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of what reading shows of sources. */
#include "test_storage_findings.h"

#include "storage/readings.h"

static int open_temporary(void **state)
{
    struct scratch *s;

    if (scratch_setup(state) != 0) {
        return -1;
    }
    s = *state;
    s->store = store_open(NULL, STORE_TEMPORARY, &s->error);
    return s->store ? 0 : -1;
}

static void add(struct scratch *s, int64_t source, const char *dialect, int64_t in_sql,
                int64_t id_gaps)
{
    ok(s, store_begin(s->store, &s->error));
    ok(s, reading_add(s->store, source, dialect, in_sql, id_gaps, &s->error));
    ok(s, store_commit(s->store, &s->error));
}

static void expect(struct scratch *s, int64_t source, const char *dialect, int64_t in_sql,
                   int64_t id_gaps)
{
    struct source_reading out;

    ok(s, reading_get(s->store, source, &out, &s->error));
    assert_string_equal(out.dialect, dialect);
    assert_int_equal(out.in_sql, in_sql);
    assert_int_equal(out.id_gaps, id_gaps);
}

static void adds_up(void **state)
{
    struct scratch *s = *state;
    int64_t group = source_id(s, "group"), other = source_id(s, "other");

    expect(s, group, "", 0, 0);
    add(s, group, NULL, 2, 0);
    expect(s, group, "", 2, 0);
    add(s, group, "MariaDB", 0, 5);
    add(s, other, "PostgreSQL", 0, 0);
    expect(s, group, "MariaDB", 2, 5);
    add(s, group, NULL, 1, 1);
    expect(s, group, "MariaDB", 3, 6);
    add(s, group, "Aurora MySQL", 0, 0);
    expect(s, group, "Aurora MySQL", 3, 6);
    expect(s, other, "PostgreSQL", 0, 0);
}

static void refusals(void **state)
{
    struct scratch *s = *state;
    int64_t source = source_id(s, "group");
    char dialect[300], cut[READING_DIALECT_MAX];

    refused(s, reading_add(s->store, source, NULL, 1, 1, &s->error), STORE_FAILED);
    ok(s, store_begin(s->store, &s->error));
    refused(s, reading_add(s->store, source + 1, NULL, 1, 1, &s->error), STORE_FAILED);
    store_rollback(s->store);
    expect(s, source, "", 0, 0);
    memset(dialect, 'd', sizeof dialect - 1);
    dialect[sizeof dialect - 1] = '\0';
    memset(cut, 'd', sizeof cut - 1);
    cut[sizeof cut - 1] = '\0';
    add(s, source, dialect, 0, 0);
    expect(s, source, cut, 0, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(adds_up, open_temporary, scratch_teardown),
        cmocka_unit_test_setup_teardown(refusals, open_temporary, scratch_teardown),
    };

    return cmocka_run_group_tests_name("readings", tests, NULL, NULL);
}
