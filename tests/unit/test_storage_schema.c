/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of state files of older versions: they are brought up to date and lose nothing. */
#include "test_storage_alerts.h"

#include "storage/readings.h"

static bool equal(struct store_bytes bytes, const char *text)
{
    return bytes.len == strlen(text) && memcmp(bytes.data, text, bytes.len) == 0;
}

/* Old findings have no kind, and everything new works on them. */
static void first_schema(void **state)
{
    struct scratch *s = *state;
    struct finding_change change = FINDING_UNCHANGED;
    const uint8_t key_of_file[KIND_KEY_SIZE] = { 1 };
    struct source_reading reading;
    struct finding finding;
    int64_t ids[4], id;
    size_t count;
    bool told;

    run_file(s, "storage-schema-1.sql");
    refused(s, store_open(s->path, STORE_READ, &s->error), STORE_FAILED);
    assert_non_null(strstr(s->error.text, "older"));
    s->store = store_open(s->path, STORE_WRITE, &s->error);
    ok(s, s->store != NULL);

    ok(s, findings_get(s->store, 2, &finding, &s->error));
    assert_null(finding.kind.data);
    assert_null(finding.true_client.data);
    assert_null(finding.tls.data);
    assert_null(finding.reason.data);
    assert_true(equal(finding.operation, "FAILED_CONNECT"));
    assert_true(equal(finding.message, "a row"));
    assert_int_equal(finding.connection_id, 42);
    ok(s, findings_of_row(s->store, 2, ids, 4, &count, &s->error));
    assert_int_equal(count, 1);
    ok(s, findings_of_connection(s->store, 1, BYTES("outside"), 42, BYTES("203.0.113.9"),
                                 FINDING_NONE, 0, 5000, &id, &s->error));
    assert_int_equal(id, 2);
    ok(s, reading_get(s->store, 1, &reading, &s->error));
    assert_int_equal(reading.in_sql, 0);

    ok(s, store_begin(s->store, &s->error));
    change.severity = BYTES("high");
    ok(s, findings_change(s->store, 1, &change, &s->error));
    ok(s, findings_get(s->store, 2, &finding, &s->error));
    ok(s, alerts_note_again(s->store, &finding, key_b, 20, FOLD, &told, &s->error));
    assert_true(told);
    ok(s, reading_add(s->store, 1, NULL, 1, 1, &s->error));
    ok(s, store_commit(s->store, &s->error));
    expect_alert(s, ALERT_FIRST, id_of("", 1, ""), "high", 1, "1 ");
    expect_alert(s, ALERT_FIRST, id_of("", 2, ""), "medium", 1, "2 ");
    assert_false(note(s, 7, "low", key_of_file, 21));
    assert_int_equal(fold(s, 10 + FOLD), 20 + FOLD);
    expect_alert(s, ALERT_DIGEST, id_of("", 1, ".1"), "medium", 2, "3 7 ");
    expect_none(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(first_schema, scratch_setup, scratch_teardown),
    };

    return cmocka_run_group_tests_name("schema", tests, NULL, NULL);
}
